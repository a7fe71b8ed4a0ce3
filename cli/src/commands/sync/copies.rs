//! The copies of documents that an export wrote, by their checksums.
//!
//! Owns telling a copy that nobody touched from somebody's work, whatever the document has become since. What
//! is forgotten costs that a copy follows by itself: it is told, and left alone. Must not look at files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cemem_core::Store;
use cemem_core::id::digest;

use crate::command_error::CommandError;

/// What stands in one folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Copies {
    folder: PathBuf,
    /// By the path in the folder.
    sums: BTreeMap<String, String>,
}

impl Copies {
    /// Returns what was written into a folder.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn of(store: &Store, folder: &Path) -> Result<Self, CommandError> {
        let note = store.note(&name(folder))?;
        // What a newer cemem noted in another way is as good as forgotten.
        let sums = note.and_then(|note| serde_json::from_str(&note).ok()).unwrap_or_default();
        Ok(Self { folder: folder.to_owned(), sums })
    }

    /// Returns whether a text is what was written there last.
    pub(crate) fn holds(&self, path: &Path, text: &str) -> bool {
        self.sums.get(&self.inner(path)).is_some_and(|sum| *sum == digest([text]))
    }

    /// Returns the same with these texts, which stand there now.
    pub(crate) fn with<'a>(&self, texts: impl Iterator<Item = (&'a Path, &'a str)>) -> Self {
        let mut now = self.clone();
        now.sums.extend(texts.map(|(path, text)| (self.inner(path), digest([text]))));
        now
    }

    /// Notes them.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(crate) fn note(&self, store: &mut Store) -> Result<(), CommandError> {
        Ok(store.set_note(&name(&self.folder), &serde_json::to_string(&self.sums)?)?)
    }

    fn inner(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).to_string_lossy().replace('\\', "/")
    }
}

fn name(folder: &Path) -> String {
    format!("exported.{}", folder.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use cemem_core::clock::{Clock, Timestamp};

    use super::*;

    #[test]
    fn a_copy_is_known_until_somebody_touches_it() {
        let mut store = Store::open_in_memory(Clock::Fixed(Timestamp(0))).unwrap();
        let (folder, path) = (Path::new("/out"), Path::new("/out/x/a.md"));
        let none = Copies::of(&store, folder).unwrap();
        assert!(!none.holds(path, "a"));
        none.with([(path, "a")].into_iter()).note(&mut store).unwrap();
        let copies = Copies::of(&store, folder).unwrap();
        assert!(copies.holds(path, "a") && !copies.holds(path, "a\n"));
        assert!(!copies.holds(Path::new("/out/a.md"), "a"));
        assert_eq!(copies.with([(path, "a")].into_iter()), copies);
        assert_eq!(Copies::of(&store, Path::new("/other")).unwrap().sums, BTreeMap::new());
        store.set_note("exported./out", "no JSON").unwrap();
        assert!(!Copies::of(&store, folder).unwrap().holds(path, "a"));
    }
}
