//! Which files of a project every session reads.
//!
//! Owns the list of them, and that of several that serve one reader one is written. Must not write.

use std::fs;
use std::path::{Path, PathBuf};

use cemem_core::durable::IoResultExt as _;

use super::target::{is_gits, is_inside, read};
use crate::command_error::CommandError;
use crate::context::absolute;
use crate::sync::block::prose;

/// The files that are kept up to date where they exist.
pub(super) const DEFAULT_FILES: [&str; 7] = [
    "CLAUDE.md",
    ".claude/CLAUDE.md",
    "GEMINI.md",
    "QWEN.md",
    ".github/copilot-instructions.md",
    ".cursor/rules/cemem.mdc",
    // Last: of files that include each other it is the one that tools without includes read.
    "AGENTS.md",
];

/// Returns the files to write: those named, or the usual ones that exist. A file that is a link to
/// another, or that includes another (`@AGENTS.md`), is served by that other one.
pub(super) fn targets(root: &Path, named: &[PathBuf]) -> Result<Vec<PathBuf>, CommandError> {
    if !named.is_empty() {
        let paths: Vec<PathBuf> =
            named.iter().map(|file| absolute(file)).collect::<Result<_, _>>()?;
        return match paths.iter().find(|path| is_gits(root, path)) {
            Some(path) => {
                let message =
                    format!("`{}` is git's own: nothing is written there", path.display());
                Err(CommandError::user(message).hint("name a file of the work tree"))
            }
            None => Ok(paths),
        };
    }
    let mut files: Vec<(PathBuf, PathBuf)> = Vec::new();
    for path in DEFAULT_FILES.iter().map(|f| root.join(f)).filter(|p| p.is_file()) {
        // A link to a file elsewhere is for a person to name.
        if !is_inside(root, &path) {
            continue;
        }
        let real = fs::canonicalize(&path).context("find", &path)?;
        if files.iter().all(|(_, known)| *known != real) {
            files.push((path, real));
        }
    }
    let mut includes = Vec::new();
    for (path, _) in &files {
        includes.push(included(path, root, &files)?);
    }
    let written = (0..files.len()).filter(|&file| !is_served(file, &includes));
    Ok(written.map(|file| files[file].0.clone()).collect())
}

/// Returns which of `files` a file includes.
fn included(
    path: &Path,
    root: &Path,
    files: &[(PathBuf, PathBuf)],
) -> Result<Vec<usize>, CommandError> {
    let text = read(path)?.unwrap_or_default();
    let folder = path.parent().unwrap_or(root);
    let mut found = Vec::new();
    for line in prose(&text) {
        let Some(other) = line.strip_prefix('@').and_then(|l| l.split_whitespace().next()) else {
            continue;
        };
        for real in [folder, root].iter().filter_map(|f| fs::canonicalize(f.join(other)).ok()) {
            found.extend(files.iter().position(|(_, known)| *known == real));
        }
    }
    Ok(found)
}

/// Returns whether another file that is written reaches the reader of this one. Of files that include
/// each other the last is written: `AGENTS.md` is read by tools that know no includes.
fn is_served(file: usize, includes: &[Vec<usize>]) -> bool {
    let mine = reached(file, includes);
    mine.into_iter()
        .any(|other| other != file && (other > file || !reached(other, includes).contains(&file)))
}

fn reached(from: usize, includes: &[Vec<usize>]) -> Vec<usize> {
    let mut found: Vec<usize> = includes[from].clone();
    let mut next = 0;
    while let Some(&file) = found.get(next) {
        next += 1;
        for &other in &includes[file] {
            if !found.contains(&other) {
                found.push(other);
            }
        }
    }
    found
}
