//! Where Qwen Code keeps its chats.
//!
//! Owns the folder names and which chats are this project's. Must not read more of a chat than its
//! start.

use std::path::PathBuf;

use super::ENGINE;
use crate::discover::{Found, Places, cwd_in, head};

/// Returns the folder of projects.
pub(super) fn bases(places: &Places) -> Vec<PathBuf> {
    let home = places.variable("QWEN_RUNTIME_DIR").map(PathBuf::from);
    let home = home.unwrap_or_else(|| places.variable_or("QWEN_HOME", ".qwen"));
    vec![home.join("projects")]
}

/// Returns the project's chats, archived ones too.
pub(super) fn find(places: &Places) -> Vec<Found> {
    bases(places)
        .into_iter()
        .flat_map(|dir| walkdir::WalkDir::new(dir).min_depth(3).max_depth(4))
        .filter_map(Result::ok)
        .filter(|e| {
            e.path().extension().is_some_and(|x| x == "jsonl")
                && e.path().ancestors().skip(1).take(2).any(|f| f.ends_with("chats"))
        })
        .filter(|e| {
            let cwd = head(e.path()).and_then(|text| cwd_in(&text));
            cwd.is_some_and(|cwd| places.owns(&cwd))
        })
        .map(|e| Found { engine: ENGINE, path: e.into_path() })
        .collect()
}
