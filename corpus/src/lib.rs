//! Data for tests, benches and the demo.
//!
//! | module | owns |
//! |---|---|
//! | [`mod@format`] | how sessions look on disk, row for row |
//! | [`tidepool`] | eleven invented sessions of one small project, committed under `data/sessions` |
//! | [`synthetic`] | lessons, candidates, questions and sessions in any amount, by seed |
//! | [`rng`] | the random numbers behind all of it |
//!
//! `data/expected.md` says what a reader should learn from the committed sessions; `data/project` is
//! the project they talk about. Nothing here is taken from anyone's real work.

pub mod format;
pub mod rng;
pub mod synthetic;
pub mod tidepool;

pub use synthetic::{candidates, claude_session, codex_rollout, lessons, queries};

use std::path::PathBuf;

/// Returns the folder of the committed data in this source tree.
#[must_use]
pub fn data_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stories are code, the sessions are committed files: both must say the same.
    #[test]
    fn the_committed_sessions_are_the_written_ones() {
        let folder = data_dir().join("sessions");
        let files = tidepool::files();
        for file in &files {
            let path = folder.join(&file.path);
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                committed == file.text,
                "`{}` differs: cargo run -p cemem-corpus -- corpus/data/sessions",
                path.display()
            );
        }
        assert_eq!(count_files(&folder), files.len(), "a committed session has no story");
    }

    fn count_files(folder: &std::path::Path) -> usize {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| if path.is_dir() { count_files(&path) } else { 1 })
            .sum()
    }
}
