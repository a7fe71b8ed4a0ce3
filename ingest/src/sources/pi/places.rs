//! Where Pi keeps its sessions.
//!
//! Owns the folder names and which sessions are this project's. Must not read more of a session than its
//! start.

use std::path::PathBuf;

use super::ENGINE;
use crate::discover::{Found, Places, cwd_in, head};

/// Returns the folder of sessions.
pub(super) fn bases(places: &Places) -> Vec<PathBuf> {
    vec![places.variable_or("PI_CODING_AGENT_DIR", ".pi/agent").join("sessions")]
}

/// Returns the project's sessions: one a file, in a folder a working directory.
pub(super) fn find(places: &Places) -> Vec<Found> {
    bases(places)
        .into_iter()
        .flat_map(|dir| walkdir::WalkDir::new(dir).min_depth(2).max_depth(2))
        .filter_map(Result::ok)
        .filter(|e| e.path().extension().is_some_and(|x| x == "jsonl"))
        .filter(|e| head(e.path()).and_then(|text| cwd_in(&text)).is_some_and(|c| places.owns(&c)))
        .map(|e| Found { engine: ENGINE, path: e.into_path() })
        .collect()
}
