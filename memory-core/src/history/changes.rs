//! Which files and lines a commit changed.
//!
//! Owns the comparison of trees and texts, and its bounds. Must not follow history.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use git2::{Delta, DiffOptions, FileMode, Oid, Patch, Repository};

/// A commit that changes more files than this says nothing about any of them.
pub(super) const MAX_FILES: usize = 200;
/// Longest file whose lines are compared, in bytes.
const MAX_BLOB: usize = 512 * 1024;
/// Fewer letters and digits than this and a line stands in every file.
const MIN_LETTERS: usize = 8;

/// A text file that a commit changed.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// Relative to the repository, with `/`.
    pub(super) path: String,
    /// What stood there; zero if it is new.
    pub(super) old: Oid,
    /// What stands there; zero if it is gone.
    pub(super) new: Oid,
}

/// The files one commit changed.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes {
    /// In order of their paths.
    pub(super) files: Vec<Change>,
    /// There were more than [`MAX_FILES`].
    pub(super) many: bool,
}

/// Returns what changed between two trees; nothing where an object is missing.
pub(super) fn between(repo: &Repository, old: Option<Oid>, new: Oid) -> Changes {
    let tree = |id: Oid| repo.find_tree(id).ok();
    let Some(new) = tree(new) else { return Changes::default() };
    let old = match old.map(tree) {
        Some(None) => return Changes::default(),
        Some(found) => found,
        None => None,
    };
    let mut options = DiffOptions::new();
    options.ignore_submodules(true).skip_binary_check(true).ignore_filemode(true);
    let Ok(diff) = repo.diff_tree_to_tree(old.as_ref(), Some(&new), Some(&mut options)) else {
        return Changes::default();
    };
    let mut changes = Changes::default();
    for delta in diff.deltas().filter(|d| d.status() != Delta::Unmodified) {
        let (before, after) = (delta.old_file(), delta.new_file());
        let odd = |mode| matches!(mode, FileMode::Commit | FileMode::Link | FileMode::Tree);
        if odd(before.mode()) || odd(after.mode()) {
            continue;
        }
        let Some(bytes) = after.path_bytes().or_else(|| before.path_bytes()) else { continue };
        if changes.files.len() == MAX_FILES {
            changes.many = true;
            break;
        }
        let path = String::from_utf8_lossy(bytes).into_owned();
        changes.files.push(Change { path, old: before.id(), new: after.id() });
    }
    changes
}

/// The lines of one change that say something: hashes of their words.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    /// Taken out.
    pub(super) removed: Vec<u64>,
    /// Put in.
    pub(super) added: Vec<u64>,
    /// All of the change, as `-` and `+` lines, bounded.
    pub(super) text: String,
}

/// Returns the changed lines of a file; none for binary and very long files.
pub(super) fn lines(repo: &Repository, change: &Change, max_text: usize) -> Lines {
    let mut found = Lines::default();
    let Some(old) = content(repo, change.old) else { return found };
    let Some(new) = content(repo, change.new) else { return found };
    let mut options = DiffOptions::new();
    options.context_lines(0).interhunk_lines(0);
    let Ok(patch) = Patch::from_buffers(&old, None, &new, None, Some(&mut options)) else {
        return found;
    };
    for hunk in 0..patch.num_hunks() {
        for at in 0..patch.num_lines_in_hunk(hunk).unwrap_or(0) {
            let Ok(line) = patch.line_in_hunk(hunk, at) else { continue };
            let sign = line.origin();
            let hash = significant(line.content());
            match sign {
                '-' => found.removed.extend(hash),
                '+' => found.added.extend(hash),
                _ => continue,
            }
            if found.text.len() < max_text {
                found.text.push(sign);
                found.text.push_str(String::from_utf8_lossy(line.content()).trim_end());
                found.text.push('\n');
            }
        }
    }
    found
}

/// Returns a blob's bytes; nothing for a file that is not there.
fn content(repo: &Repository, id: Oid) -> Option<Vec<u8>> {
    if id.is_zero() {
        return Some(Vec::new());
    }
    let (size, _) = repo.odb().ok()?.read_header(id).ok()?;
    if size > MAX_BLOB {
        return None;
    }
    let blob = repo.find_blob(id).ok()?;
    (!blob.is_binary()).then(|| blob.content().to_vec())
}

/// Returns the hash of a line without the white space around it, if it says something.
pub(super) fn significant(line: &[u8]) -> Option<u64> {
    let line = line.trim_ascii();
    let letters = line.iter().filter(|b| b.is_ascii_alphanumeric() || **b >= 128).count();
    (letters >= MIN_LETTERS).then(|| hash(line))
}

/// Returns the hash of some bytes; the same within one run.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
