//! Where Antigravity keeps its sessions.
//!
//! Owns the folder names and which sessions are this project's. Must not read more of a session than
//! its start.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::ENGINE;
use super::parse::named;
use crate::discover::{Found, Places, head, subfolders};
use crate::sources::tool::list;

/// Below a session's folder.
const LOGS: &str = ".system_generated/logs";
/// Its transcripts, the one that is not shortened first.
const TRANSCRIPTS: &[&str] = &["transcript_full.jsonl", "transcript.jsonl"];

/// Returns the folders of sessions.
pub(super) fn bases(places: &Places) -> Vec<PathBuf> {
    ["antigravity-cli", "antigravity", "antigravity-ide"]
        .iter()
        .map(|app| places.home.join(".gemini").join(app).join("brain"))
        .collect()
}

/// Returns the project's sessions.
pub(super) fn find(places: &Places) -> Vec<Found> {
    bases(places)
        .iter()
        .flat_map(|base| subfolders(base))
        .filter_map(|session| {
            let logs = session.join(LOGS);
            TRANSCRIPTS.iter().map(|name| logs.join(name)).find(|path| path.is_file())
        })
        .filter(|path| head(path).is_some_and(|text| is_ours(&text, places)))
        .map(|path| Found { engine: ENGINE, path })
        .collect()
}

/// Whether the first call that names a place names one in the project.
fn is_ours(text: &str, places: &Places) -> bool {
    let rows = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut files = rows.flat_map(|row| {
        list(&row, &["tool_calls"]).iter().filter_map(named).collect::<Vec<String>>()
    });
    files.find(|file| Path::new(file).is_absolute()).is_some_and(|file| places.owns(&file))
}

/// Returns the session of a transcript: the folder four above it, or the file's own name.
pub(super) fn session_of(path: &str, stem: &str) -> String {
    let path = Path::new(path);
    let below = path.parent().is_some_and(|logs| logs.ends_with(LOGS));
    let folder = path.ancestors().nth(3).filter(|_| below).and_then(Path::file_name);
    folder.map_or_else(|| stem.to_owned(), |name| name.to_string_lossy().into_owned())
}
