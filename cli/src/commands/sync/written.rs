//! The blocks that were written last, by their checksums.
//!
//! Owns telling which lessons a block held when it was written, and as of which change: all work trees of a
//! project share one memory, and a file on an older branch holds an older block than the newest. In a block that
//! is forgotten old wordings are taken for old, and what is missing for never written. Must not look at files.

use cemem_core::{LessonId, Store};
use serde::{Deserialize, Serialize};

use crate::command_error::CommandError;

/// Blocks remembered of one file.
const KEPT: usize = 16;

/// A block as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    /// Its checksum.
    pub(super) sum: String,
    /// The newest change of lessons at that time.
    pub(super) change: i64,
    /// The lessons that stood in it.
    pub(super) lessons: Vec<LessonId>,
}

/// Returns the block with this checksum, if it was written into the file at `place`.
pub(super) fn find(store: &Store, place: &str, sum: &str) -> Result<Option<Written>, CommandError> {
    Ok(all(store, place)?.into_iter().find(|written| written.sum == sum))
}

/// Notes the block that stands in the file at `place` now.
pub(super) fn note(store: &mut Store, place: &str, now: &Written) -> Result<(), CommandError> {
    let mut all = all(store, place)?;
    if all.first().is_some_and(|newest| newest.sum == now.sum) {
        return Ok(());
    }
    all.retain(|written| written.sum != now.sum);
    all.insert(0, now.clone());
    all.truncate(KEPT);
    store.set_note(&name(place), &serde_json::to_string(&all)?)?;
    Ok(())
}

fn all(store: &Store, place: &str) -> Result<Vec<Written>, CommandError> {
    let note = store.note(&name(place))?;
    // What a newer cemem noted in another way is as good as forgotten.
    Ok(note.and_then(|note| serde_json::from_str(&note).ok()).unwrap_or_default())
}

fn name(place: &str) -> String {
    format!("written.{place}")
}

#[cfg(test)]
mod tests {
    use cemem_core::clock::{Clock, Timestamp};

    use super::*;

    #[test]
    fn the_last_blocks_are_known_by_their_checksums() {
        let mut store = Store::open_in_memory(Clock::Fixed(Timestamp(0))).unwrap();
        let block = |n: usize| Written { sum: n.to_string(), change: 1, lessons: Vec::new() };
        for n in 0..KEPT + 2 {
            note(&mut store, "A.md", &block(n)).unwrap();
        }
        let knows =
            |store: &Store, n: usize| find(store, "A.md", &n.to_string()).unwrap().is_some();
        assert!(knows(&store, 2) && knows(&store, KEPT + 1) && !knows(&store, 1));
        assert_eq!(find(&store, "B.md", "2").unwrap(), None);
        // One that stands there again is the newest.
        note(&mut store, "A.md", &block(2)).unwrap();
        note(&mut store, "A.md", &block(99)).unwrap();
        assert!(knows(&store, 2) && !knows(&store, 3));
        store.set_note("written.A.md", "no JSON").unwrap();
        assert!(!knows(&store, 2));
    }
}
