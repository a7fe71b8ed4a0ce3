//! Where Codex keeps its rollouts.
//!
//! Owns the folder names and which rollouts are this project's. Must not read more of a rollout than
//! its start.

use std::path::{Path, PathBuf};

use super::ENGINE;
use crate::discover::{Found, Places, cwd_in, head};

/// Returns the folders of rollouts.
pub(super) fn bases(places: &Places) -> Vec<PathBuf> {
    folders(&places.variable_or("CODEX_HOME", ".codex"))
}

/// Returns the project's rollouts.
pub(super) fn find(places: &Places) -> Vec<Found> {
    find_in(ENGINE, &places.variable_or("CODEX_HOME", ".codex"), places)
}

fn folders(home: &Path) -> Vec<PathBuf> {
    ["sessions", "archived_sessions"].iter().map(|dir| home.join(dir)).collect()
}

/// Returns the project's rollouts in one home. Engines that run this one in a home of its own use it
/// too.
pub(crate) fn find_in(engine: &'static str, home: &Path, places: &Places) -> Vec<Found> {
    folders(home)
        .into_iter()
        .flat_map(|dir| walkdir::WalkDir::new(dir).max_depth(6))
        .filter_map(Result::ok)
        .filter(|e| {
            let name = e.file_name().to_string_lossy();
            name.starts_with("rollout-")
                && (name.ends_with(".jsonl") || name.ends_with(".jsonl.zst"))
        })
        .filter(|e| {
            let cwd = head(e.path()).and_then(|text| cwd_in(&text));
            cwd.is_some_and(|cwd| places.owns(&cwd))
        })
        .map(|e| Found { engine, path: e.into_path() })
        .collect()
}
