//! Where Factory Droid keeps its sessions.
//!
//! Owns the folder names and which sessions are this project's. Must not read more of a session than
//! its start.

use std::path::PathBuf;

use super::ENGINE;
use crate::discover::{Found, Places, cwd_in, head};

/// Returns the folders of sessions.
pub(super) fn bases(places: &Places) -> Vec<PathBuf> {
    ["sessions", "projects"].iter().map(|dir| places.home.join(".factory").join(dir)).collect()
}

/// Returns the project's sessions: in a folder for each working directory, or beside those.
pub(super) fn find(places: &Places) -> Vec<Found> {
    bases(places)
        .into_iter()
        .flat_map(|dir| walkdir::WalkDir::new(dir).min_depth(1).max_depth(2))
        .filter_map(Result::ok)
        .filter(|e| e.path().extension().is_some_and(|x| x == "jsonl"))
        .filter(|e| {
            let cwd = head(e.path()).and_then(|text| cwd_in(&text));
            cwd.is_some_and(|cwd| places.owns(&cwd))
        })
        .map(|e| Found { engine: ENGINE, path: e.into_path() })
        .collect()
}
