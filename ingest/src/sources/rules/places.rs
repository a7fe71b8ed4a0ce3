//! Where a project has files with rules.
//!
//! Owns the search. Linked work trees hold the same files on their way to the main one, so they are only
//! looked at where there is no other. Must not read the files.

use std::fs;
use std::path::{Path, PathBuf};

use super::{ADR, ENGINE, MEMORY, kind};
use crate::discover::{Found, Places};
use crate::sources::claude_code;

/// How deep nested rule files are looked for.
const MAX_DEPTH: usize = 6;
/// Most entries looked at.
const MAX_ENTRIES: usize = 20_000;
/// Folders whose rule files are other people's.
const FOREIGN: &[&str] = &[
    "node_modules",
    "target",
    "vendor",
    "third_party",
    "third-party",
    "dist",
    "build",
    "testdata",
    "fixtures",
    "__pycache__",
    "site-packages",
];

/// Returns the project's own folders: main work trees, or all where there is none.
fn roots(places: &Places) -> Vec<&Path> {
    let linked = |root: &&PathBuf| {
        fs::read_to_string(root.join(".git")).is_ok_and(|t| t.contains("/worktrees/"))
    };
    let main: Vec<&Path> =
        places.roots.iter().filter(|r| !linked(r)).map(PathBuf::as_path).collect();
    if main.is_empty() { places.roots.iter().map(PathBuf::as_path).collect() } else { main }
}

/// Returns where rule files usually are.
pub(super) fn rule_bases(places: &Places) -> Vec<PathBuf> {
    let names = kind::NAMES.iter().chain([&".claude/CLAUDE.md", &kind::COPILOT]);
    let names: Vec<&str> =
        names.copied().chain(kind::FOLDERS.iter().map(|(folder, _)| *folder)).collect();
    roots(places).iter().flat_map(|root| names.iter().map(|n| root.join(n))).collect()
}

/// Returns the project's rule files, nested ones included.
pub(super) fn rule_files(places: &Places) -> Vec<Found> {
    let mut found: Vec<PathBuf> =
        rule_bases(places).into_iter().filter(|path| path.exists()).collect();
    for root in roots(places) {
        let own = |entry: &walkdir::DirEntry| {
            let name = entry.file_name().to_string_lossy();
            entry.depth() == 0
                || !entry.file_type().is_dir()
                || !(name.starts_with('.')
                    || FOREIGN.contains(&&*name)
                    || entry.path().join(".git").exists())
        };
        let walk = walkdir::WalkDir::new(root).max_depth(MAX_DEPTH).sort_by_file_name();
        let files = walk.into_iter().filter_entry(own).take(MAX_ENTRIES).filter_map(Result::ok);
        found.extend(
            files
                .filter(|e| e.file_type().is_file())
                .filter(|e| kind::NAMES.iter().any(|name| e.file_name() == *name))
                .map(walkdir::DirEntry::into_path),
        );
    }
    found.sort();
    found.dedup();
    found.into_iter().map(|path| Found { engine: ENGINE, path }).collect()
}

/// Returns the folders of Claude Code's memory of this project. All work trees share the main one's.
pub(super) fn memory_bases(places: &Places) -> Vec<PathBuf> {
    let slugs: Vec<String> = places.roots.iter().map(|r| claude_code::slug(r)).collect();
    (claude_code::ROW.bases)(places)
        .iter()
        .flat_map(|base| slugs.iter().map(|slug| base.join(slug).join("memory")))
        .collect()
}

/// Returns those that are there.
pub(super) fn memories(places: &Places) -> Vec<Found> {
    existing(MEMORY, memory_bases(places))
}

/// Returns the folders of decision records.
pub(super) fn record_bases(places: &Places) -> Vec<PathBuf> {
    roots(places).iter().flat_map(|root| kind::RECORDS.iter().map(|f| root.join(f))).collect()
}

/// Returns those that are there.
pub(super) fn records(places: &Places) -> Vec<Found> {
    existing(ADR, record_bases(places))
}

fn existing(engine: &'static str, bases: Vec<PathBuf>) -> Vec<Found> {
    bases.into_iter().filter(|p| p.is_dir()).map(|path| Found { engine, path }).collect()
}
