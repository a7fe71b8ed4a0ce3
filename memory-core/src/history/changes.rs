//! Which files and lines a commit changed.
//!
//! Owns the comparison of trees and texts, and its bounds. Must not follow history.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use git2::{DiffOptions, ObjectType, Oid, Patch, Repository, Tree, TreeEntry};

/// A commit that changes more files than this says nothing about any of them.
pub(super) const MAX_FILES: usize = 200;
/// Most files listed that came or went with one commit: a reorganisation moves all of them.
const MAX_MOVED: usize = 50_000;
/// A comparison that looks at more entries of trees, or at a longer path, is given up.
const MAX_ENTRIES: usize = 1_000_000;
const MAX_PATH: usize = 4096;
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
    compare(repo, old, new, MAX_FILES, |_| true).unwrap_or_default()
}

/// Returns the files that are in only one of two trees; nothing where an object is missing.
pub(super) fn moved(repo: &Repository, old: Oid, new: Oid) -> Vec<Change> {
    let one_sided = |c: &Change| c.old.is_zero() || c.new.is_zero();
    compare(repo, Some(old), new, MAX_MOVED, one_sided).unwrap_or_default().files
}

/// Compares trees folder by folder. Not libgit2's comparison: that one cannot be stopped, and a few
/// small objects can unfold into any number of folders.
fn compare(
    repo: &Repository,
    old: Option<Oid>,
    new: Oid,
    most: usize,
    wanted: impl Fn(&Change) -> bool,
) -> Option<Changes> {
    let mut changes = Changes::default();
    let mut seen = 0;
    let mut open = vec![(String::new(), old, Some(new))];
    while let Some((folder, old, new)) = open.pop() {
        let tree = |id: Option<Oid>| id.map(|id| repo.find_tree(id)).transpose().ok();
        let (old, new) = (tree(old)?, tree(new)?);
        let entries = |tree: &Option<Tree<'_>>| tree.as_ref().map_or(0, Tree::len);
        seen += entries(&old) + entries(&new);
        if seen > MAX_ENTRIES || folder.len() > MAX_PATH {
            changes.many = true;
            break;
        }
        let mut differ = |name: &[u8], before: Option<Entry>, after: Option<Entry>| {
            if before == after {
                return;
            }
            let name = String::from_utf8_lossy(name);
            let id = |entry: Option<Entry>, kind| entry.filter(|e| e.1 == kind).map(|e| e.0);
            let folders = (id(before, ObjectType::Tree), id(after, ObjectType::Tree));
            if folders != (None, None) {
                open.push((format!("{folder}{name}/"), folders.0, folders.1));
            }
            let files = (id(before, ObjectType::Blob), id(after, ObjectType::Blob));
            if files != (None, None) {
                let (old, new) =
                    (files.0.unwrap_or(Oid::ZERO_SHA1), files.1.unwrap_or(Oid::ZERO_SHA1));
                let change = Change { path: format!("{folder}{name}"), old, new };
                changes.files.extend(wanted(&change).then_some(change));
            }
        };
        for entry in new.iter().flat_map(Tree::iter) {
            let before = old.as_ref().and_then(|t| t.get_name_bytes(entry.name_bytes()));
            differ(entry.name_bytes(), before.as_ref().and_then(plain), plain(&entry));
        }
        for entry in old.iter().flat_map(Tree::iter) {
            if new.as_ref().is_none_or(|t| t.get_name_bytes(entry.name_bytes()).is_none()) {
                differ(entry.name_bytes(), plain(&entry), None);
            }
        }
        if changes.files.len() > most {
            changes.files.truncate(most);
            changes.many = true;
            break;
        }
    }
    changes.files.sort_by(|a, b| a.path.cmp(&b.path));
    Some(changes)
}

/// What an entry of a tree is.
type Entry = (Oid, ObjectType);

/// Returns an entry that is a file or a folder: no link, no other repository.
fn plain(entry: &TreeEntry<'_>) -> Option<Entry> {
    match entry.kind()? {
        kind @ (ObjectType::Tree | ObjectType::Blob) if entry.filemode() != 0o120_000 => {
            Some((entry.id(), kind))
        }
        _ => None,
    }
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
