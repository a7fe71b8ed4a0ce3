//! Where Copilot CLI keeps its sessions.
//!
//! Owns the folder names and which sessions are this project's. Must not read more of a session than
//! its start.

use std::path::PathBuf;

use super::ENGINE;
use crate::discover::{Found, Places, cwd_in, head};

/// Returns the folders of sessions.
pub(super) fn bases(places: &Places) -> Vec<PathBuf> {
    let home = places.variable_or("COPILOT_HOME", ".copilot");
    ["session-state", "history-session-state"].iter().map(|dir| home.join(dir)).collect()
}

/// Returns the project's sessions: one a folder, or one a file in versions before 1.0.
pub(super) fn find(places: &Places) -> Vec<Found> {
    bases(places)
        .into_iter()
        .flat_map(|dir| walkdir::WalkDir::new(dir).min_depth(1).max_depth(2))
        .filter_map(Result::ok)
        .filter(|e| match e.depth() {
            1 => e.path().extension().is_some_and(|x| x == "jsonl"),
            _ => e.file_name() == "events.jsonl",
        })
        .filter(|e| {
            let cwd = head(e.path()).and_then(|text| cwd_in(&text));
            cwd.is_some_and(|cwd| places.owns(&cwd))
        })
        .map(|e| Found { engine: ENGINE, path: e.into_path() })
        .collect()
}
