//! Where OpenHands keeps conversations, and which file stands for one.
//!
//! Owns the names of its folders and files. Must not read more of a file than its start.

use std::fs;
use std::path::{Path, PathBuf};

use super::ENGINE;
use crate::discover::{Found, Places, head, subfolders, text_in};

/// Names the folder of conversations.
pub(super) const VARIABLE: &str = "OPENHANDS_CONVERSATIONS_DIR";
/// The state beside the events of the second generation.
pub(super) const STATE: &str = "base_state.json";
/// What the first generation says of a session.
pub(super) const META: &str = "metadata.json";
/// Folder of events.
const EVENTS: &str = "events";
/// Most files that are taken to belong to one session.
const MAX_EVENTS: usize = 50_000;

/// Returns the folders of conversations of both generations.
pub(super) fn bases(places: &Places) -> Vec<PathBuf> {
    vec![
        places.variable_or(VARIABLE, ".openhands/conversations"),
        places.home.join(".openhands/sessions"),
    ]
}

/// Returns the project's conversations: those that say where they worked.
pub(super) fn find(places: &Places) -> Vec<Found> {
    let states = bases(places).into_iter().flat_map(|base| subfolders(&base));
    let states = states.map(|folder| folder.join(STATE)).filter(|state| {
        let cwd = head(state).and_then(|text| text_in(&text, "working_dir"));
        cwd.is_some_and(|cwd| places.owns(&cwd))
    });
    states.map(|path| Found { engine: ENGINE, path }).collect()
}

/// Returns the number of an event's file: `events/12.json`, `events/event-00012-<uuid>.json`.
pub(super) fn number(path: &Path) -> Option<u64> {
    if path.parent()?.file_name()? != EVENTS || path.extension()? != "json" {
        return None;
    }
    let stem = path.file_stem()?.to_str()?;
    let digits =
        stem.strip_prefix("event-").map_or(stem, |rest| rest.split('-').next().unwrap_or(rest));
    digits.parse().ok()
}

/// Returns the folder of a session: the parent of its state, or of its folder of events.
pub(super) fn session(path: &Path) -> Option<&Path> {
    if path.ends_with(STATE) { path.parent() } else { path.parent()?.parent() }
}

/// Returns what the session says beside the file that stands for it: its events in order, and the
/// first generation's words about it. Nothing beside any other file.
pub(super) fn companions(path: &Path) -> Vec<PathBuf> {
    let Some(folder) = session(path) else { return Vec::new() };
    let events = folder.join(EVENTS);
    // Most files are told apart without a look into the folder.
    let first = [folder.join(STATE), events.join("0.json")].into_iter().find(|p| p.is_file());
    if first.as_deref().is_some_and(|first| first != path) {
        return Vec::new();
    }
    let entries = fs::read_dir(&events).into_iter().flatten().filter_map(|e| Some(e.ok()?.path()));
    let mut files: Vec<(u64, PathBuf)> =
        entries.filter_map(|p| Some((number(&p)?, p))).filter(|(_, p)| p.is_file()).collect();
    files.sort();
    if first.is_none() && files.first().is_some_and(|(_, p)| p != path) {
        return Vec::new();
    }
    files.truncate(MAX_EVENTS);
    let mut files: Vec<PathBuf> = files.into_iter().map(|(_, path)| path).collect();
    files.extend([folder.join(META)].into_iter().filter(|p| p.is_file()));
    files
}
