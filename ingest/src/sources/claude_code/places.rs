//! Where Claude Code keeps its sessions.
//!
//! Owns the folder names and which folders are this project's. Must not read more of a session than
//! its start.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::ENGINE;
use crate::discover::{Found, Places, cwd_in, head, subfolders};
use crate::sources::tool::{list, text};

/// Returns the folder name Claude Code gives a working directory.
#[must_use]
pub fn slug(cwd: &Path) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    cwd.to_string_lossy().chars().map(keep).collect()
}

/// Returns the folders of projects, and that of the desktop application's own sessions.
pub(super) fn bases(places: &Places) -> Vec<PathBuf> {
    let mut bases = projects(places);
    bases.push(desktop(places));
    bases
}

fn projects(places: &Places) -> Vec<PathBuf> {
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
    let mut found: Vec<Found> =
        projects(places).iter().flat_map(|base| find_in(ENGINE, base, places)).collect();
    found.extend(desktop_sessions(places));
    found
}

fn desktop(places: &Places) -> PathBuf {
    places.app_config().join("Claude/local-agent-mode-sessions")
}

/// The project's sessions of the desktop application. Each has a home of its own, `local_*`, and
/// beside it a note that says which folders of this machine a person gave it: inside, they have
/// other names.
fn desktop_sessions(places: &Places) -> Vec<Found> {
    let homes = walkdir::WalkDir::new(desktop(places)).min_depth(1).max_depth(4).into_iter();
    // What a session holds is no place for further ones.
    let homes = homes.filter_entry(|e| {
        let inside = |p: &Path| {
            p.file_name().is_some_and(|name| name.to_string_lossy().starts_with("local_"))
        };
        e.file_type().is_dir() && !e.path().parent().is_some_and(inside)
    });
    homes
        .filter_map(Result::ok)
        .filter(|e| e.file_name().to_string_lossy().starts_with("local_"))
        .filter_map(|e| {
            let sessions = e.path().join(".claude/projects");
            let given = given_folders(e.path());
            let inside = || subfolders(&sessions).iter().find_map(|f| recorded_cwd(f));
            let ours = given.iter().any(|folder| places.owns(folder))
                || given.is_empty() && inside().is_some_and(|cwd| places.owns(&cwd));
            (ours && sessions.is_dir()).then_some(Found { engine: ENGINE, path: sessions })
        })
        .collect()
}

/// The folders that the note beside a session's home names.
fn given_folders(home: &Path) -> Vec<String> {
    let mut note = home.as_os_str().to_owned();
    note.push(".json");
    let note = crate::read::companion(Path::new(&note)).unwrap_or_default();
    let note: Value = serde_json::from_str(&note).unwrap_or_default();
    let lone = ["cwd", "originCwd", "worktreePath"].iter().filter_map(|key| text(&note, &[key]));
    let chosen = list(&note, &["userSelectedFolders"]).iter().filter_map(Value::as_str);
    // The name the session's own machine has for its folder says nothing here.
    let here = lone.filter(|folder| !folder.starts_with("/sessions/"));
    here.chain(chosen).map(str::to_owned).collect()
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
