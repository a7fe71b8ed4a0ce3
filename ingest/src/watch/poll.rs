//! Folders that the system cannot watch: looked at again and again.
//!
//! Owns what they held at the last look. Sizes and times as exact as the file system has them tell a
//! change: two appends within a second are two. Must not follow links to folders.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// See the module.
#[derive(Default)]
pub(super) struct Poll {
    /// Folders, and whether with everything below them.
    folders: BTreeMap<PathBuf, bool>,
    seen: HashMap<PathBuf, Stamp>,
}

/// Size and time of a file, in bytes and nanoseconds.
type Stamp = (u64, u128);

impl Poll {
    /// Looks at a folder from now on.
    pub(super) fn add(&mut self, folder: &Path, recursive: bool) {
        self.folders.insert(folder.to_owned(), recursive);
        scan(folder, recursive, &mut self.seen);
    }

    /// Looks at it no more.
    pub(super) fn remove(&mut self, folder: &Path) {
        self.folders.remove(folder);
        let folders = &self.folders;
        self.seen.retain(|path, _| folders.keys().any(|f| path.starts_with(f)));
    }

    /// Whether there is anything to look at.
    pub(super) fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    /// Returns what changed since the last look, and what is gone.
    pub(super) fn look(&mut self) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let mut now = HashMap::with_capacity(self.seen.len());
        for (folder, recursive) in &self.folders {
            scan(folder, *recursive, &mut now);
        }
        let changed =
            now.iter().filter(|(path, stamp)| self.seen.get(*path) != Some(stamp)).map(|(p, _)| p);
        let mut changed: Vec<PathBuf> = changed.cloned().collect();
        changed.sort();
        let mut gone: Vec<PathBuf> =
            self.seen.keys().filter(|path| !now.contains_key(*path)).cloned().collect();
        gone.sort();
        self.seen = now;
        (changed, gone)
    }
}

/// Notes every entry of a folder. A folder's own time changes with its entries, which are noted
/// themselves: only that it is there counts.
fn scan(folder: &Path, recursive: bool, into: &mut HashMap<PathBuf, Stamp>) {
    let depth = if recursive { usize::MAX } else { 1 };
    for entry in walkdir::WalkDir::new(folder).max_depth(depth).into_iter().flatten() {
        let stamp = match entry.metadata() {
            Ok(meta) if !meta.is_dir() => {
                let since = meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
                (meta.len(), since.map_or(0, |d| d.as_nanos()))
            }
            Ok(_) => (0, 0),
            Err(_) => continue,
        };
        into.insert(entry.into_path(), stamp);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_changed_is_told_once_and_only_below_what_is_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("deep")).unwrap();
        fs::write(at("deep/a"), "1").unwrap();
        let mut poll = Poll::default();
        poll.add(&at("deep"), true);
        assert_eq!(poll.look(), (vec![], vec![]));
        fs::write(at("deep/a"), "12").unwrap();
        fs::create_dir(at("deep/er")).unwrap();
        fs::write(at("beside"), "x").unwrap();
        assert_eq!(poll.look(), (vec![at("deep/a"), at("deep/er")], vec![]));
        fs::remove_file(at("deep/a")).unwrap();
        assert_eq!(poll.look(), (vec![], vec![at("deep/a")]));
        fs::remove_dir_all(at("deep")).unwrap();
        assert_eq!(poll.look().1, [at("deep"), at("deep/er")]);
        poll.remove(&at("deep"));
        assert!(poll.is_empty());
    }

    #[test]
    fn without_what_is_below_only_the_entries_count() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        let mut poll = Poll::default();
        poll.add(dir.path(), false);
        fs::write(dir.path().join("sub/x"), "1").unwrap();
        fs::write(dir.path().join("y"), "1").unwrap();
        assert_eq!(poll.look().0, [dir.path().join("y")]);
    }
}
