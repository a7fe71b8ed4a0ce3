//! What can go wrong with a store, told apart by what the caller should do.

use std::path::PathBuf;

use thiserror::Error;

use crate::durable::PathError;

/// Why a store operation failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or folder could not be made or opened.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Another process held the lock for longer than the time-out.
    #[error("store `{}` is busy: another process is writing to it", path.display())]
    Busy {
        /// The database.
        path: PathBuf,
    },
    /// The store was written by a newer cemem; reading works.
    #[error("store `{}` has format {found}, newer than this cemem writes ({supported})", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format known here.
        supported: i64,
    },
    /// The file is not a database, or a damaged one.
    #[error("store `{}` is damaged: {detail}", path.display())]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What SQLite or the decoder said.
        detail: String,
    },
    /// The store cannot be written; reading works.
    #[error("store `{}` is read-only", path.display())]
    ReadOnly {
        /// The database.
        path: PathBuf,
    },
    /// No lesson has this id.
    #[error("no lesson has the id `{0}`")]
    NoSuchLesson(String),
    /// Several lessons start with this id.
    #[error("`{prefix}` fits several lessons: {}", matches.join(", "))]
    AmbiguousId {
        /// What was asked.
        prefix: String,
        /// Some of the lessons that fit.
        matches: Vec<String>,
    },
    /// A lesson must rest on something.
    #[error("lesson `{0}` has no evidence")]
    NoEvidence(String),
    /// The change cannot be undone.
    #[error("cannot undo: {0}")]
    CannotUndo(String),
    /// The store changed while a pass was thinking.
    #[error("the store changed in between")]
    Conflict,
    /// Anything else SQLite reports.
    #[error("store `{}` failed", path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// The cause.
        source: rusqlite::Error,
    },
}

/// The result of store operations.
pub type Result<T> = std::result::Result<T, StoreError>;
