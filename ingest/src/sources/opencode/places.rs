//! Where OpenCode keeps its sessions.
//!
//! Owns the folder names of every generation and which sessions are this project's. Must not read
//! more of a file than its start.

use std::fs;
use std::path::{Path, PathBuf};

use cemem_core::foreign::{ForeignDb, ForeignError};

use super::ENGINE;
use crate::discover::{Found, Places, cwd_in, head, subfolders, text_in};

/// Most files that are taken to belong to one session.
const MAX_COMPANIONS: usize = 50_000;

/// Returns the folders of sessions.
pub(super) fn bases(places: &Places) -> Vec<PathBuf> {
    vec![places.xdg_data().join("opencode")]
}

/// Returns the project's sessions.
pub(super) fn find(places: &Places) -> Vec<Found> {
    find_in(ENGINE, &places.xdg_data().join("opencode"), places)
}

/// Returns the project's sessions in one folder of data. Engines that run this one in a home of its
/// own use it too.
pub(crate) fn find_in(engine: &'static str, data: &Path, places: &Places) -> Vec<Found> {
    let databases = files(data).into_iter().filter(|p| {
        let name = p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with("opencode") && name.ends_with(".db") && has_session(p, places)
    });
    let mut sessions: Vec<PathBuf> = subfolders(&data.join("storage/session"))
        .iter()
        .flat_map(|folder| files(folder))
        .filter(|p| is_json(p))
        .filter(|p| {
            let directory = head(p).and_then(|t| text_in(&t, "directory"));
            directory.is_some_and(|d| places.owns(&d))
        })
        .collect();
    for project in subfolders(&data.join("project")) {
        let session = project.join("storage/session");
        let infos = files(&session.join("info"));
        sessions.extend(infos.into_iter().filter(|p| is_json(p) && first_is_ours(p, places)));
    }
    databases.chain(sessions).map(|path| Found { engine, path }).collect()
}

/// Whether a database has a session of the project. One that cannot be read now is named, so that
/// the read says why.
fn has_session(path: &Path, places: &Places) -> bool {
    let look = || -> Result<bool, ForeignError> {
        let db = ForeignDb::open(path)?;
        let mut ours = false;
        db.rows("SELECT DISTINCT directory FROM session", &[], |row| {
            ours = row.text("directory").is_some_and(|d| places.owns(&d));
            !ours
        })?;
        Ok(ours)
    };
    path.is_file() && !places.roots.is_empty() && look().unwrap_or(true)
}

/// Whether one of the first messages of an oldest session was written in the project.
fn first_is_ours(info: &Path, places: &Places) -> bool {
    let messages = companions(info);
    let cwd = messages.iter().take(4).find_map(|p| cwd_in(&head(p)?));
    cwd.is_some_and(|cwd| places.owns(&cwd))
}

/// Returns the files of a session's messages and parts, in order.
pub(super) fn companions(session: &Path) -> Vec<PathBuf> {
    let Some(folder) = session.parent() else { return Vec::new() };
    let Some(base) = folder.parent() else { return Vec::new() };
    let oldest = folder.file_name().is_some_and(|n| n == "info");
    let stem = session.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    // In the oldest layout everything lies beside `info`, and parts below their session.
    let base = if oldest { base } else { base.parent().unwrap_or(base) };
    let named = |id: &str| files(&base.join("message").join(id));
    let mut id = stem.as_str();
    let mut messages = named(id);
    if messages.is_empty()
        && let Some(bare) = stem.strip_prefix("ses_")
    {
        (id, messages) = (bare, named(bare));
    }
    let part = base.join("part");
    let part = if oldest { part.join(id) } else { part };
    // Loose files belong to any session; the reader takes those of its messages.
    let mut parts = files(&part);
    for message in &messages {
        let stem = message.file_stem().map(|s| s.to_string_lossy().into_owned());
        let mut folder = stem.map(|s| part.join(s)).unwrap_or_default();
        if !folder.is_dir() {
            let id = head(message).and_then(|t| text_in(&t, "id"));
            folder = id.filter(|i| is_plain(i)).map(|i| part.join(i)).unwrap_or_default();
        }
        parts.extend(files(&folder));
    }
    messages.extend(parts);
    messages.retain(|p| is_json(p));
    messages.truncate(MAX_COMPANIONS);
    messages
}

/// Whether an id may be used as the name of a folder.
fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "json")
}

/// The regular files in a folder, sorted by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> =
        entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.is_file()).collect();
    files.sort();
    files
}
