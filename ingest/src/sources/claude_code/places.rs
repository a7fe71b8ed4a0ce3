//! Where Claude Code keeps its sessions.
//!
//! Owns the folder names and which folders are this project's. Must not read more of a session than
//! its start.

use std::fs;
use std::path::{Path, PathBuf};

use super::ENGINE;
use crate::discover::{Found, Places, cwd_in, head, subfolders};

/// Returns the folder name Claude Code gives a working directory.
#[must_use]
pub fn slug(cwd: &Path) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    cwd.to_string_lossy().chars().map(keep).collect()
}

/// Returns the folders of projects.
pub(super) fn bases(places: &Places) -> Vec<PathBuf> {
    match places.variable("CLAUDE_CONFIG_DIR") {
        Some(dir) => vec![dir.join("projects")],
        None => [".claude/projects", ".config/claude/projects"]
            .iter()
            .map(|p| places.home.join(p))
            .collect(),
    }
}

/// Returns the project's folders of sessions.
pub(super) fn find(places: &Places) -> Vec<Found> {
    bases(places).iter().flat_map(|base| find_in(ENGINE, base, places)).collect()
}

/// Returns the folders of sessions of the project in one folder of projects. Engines that run this
/// one in a home of its own use it too.
pub(crate) fn find_in(engine: &'static str, base: &Path, places: &Places) -> Vec<Found> {
    let slugs: Vec<String> = places.roots.iter().map(|r| slug(r)).collect();
    let mut found = Vec::new();
    for folder in subfolders(base) {
        let Some(name) = folder.file_name().map(|n| n.to_string_lossy().into_owned()) else {
            continue;
        };
        let exact = slugs.contains(&name);
        let below = || {
            slugs.iter().any(|s| name.strip_prefix(s.as_str()).is_some_and(|r| r.starts_with('-')))
        };
        if !exact && !below() {
            continue;
        }
        // The name is lossy: `my-app` and `my.app` share it, and `my-app-2` looks like a subfolder.
        let belongs = match recorded_cwd(&folder) {
            Some(cwd) => places.owns(&cwd),
            None => exact,
        };
        if belongs {
            found.push(Found { engine, path: folder });
        }
    }
    found
}

/// The working directory recorded in a folder of Claude Code sessions.
fn recorded_cwd(folder: &Path) -> Option<String> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .ok()?
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "jsonl"))
        .collect();
    files.sort();
    files.iter().take(8).find_map(|f| cwd_in(&head(f)?))
}
