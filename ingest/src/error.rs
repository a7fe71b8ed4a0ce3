//! What can go wrong while reading sessions.
//!
//! Owns [`IngestError`] (the run cannot go on) and [`FileError`] (one file or line could not be
//! read; the rest goes in). Must not decide how either is shown.

use std::path::PathBuf;

use cemem_core::StoreError;
use serde::Serialize;

/// Why a run stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Worker threads could not be started.
    #[error("cannot start worker threads")]
    Threads(#[source] rayon::ThreadPoolBuildError),
}

/// A file, or a line of it, that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// 1-based line, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What is wrong, as a lowercase fragment.
    pub message: String,
}

impl std::fmt::Display for FileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A name may hold a line break, and must not look like another line.
        let path = self.path.to_string_lossy().replace(char::is_control, "\u{fffd}");
        match self.line {
            Some(line) => write!(f, "{path}:{line}: {}", self.message),
            None => write!(f, "{path}: {}", self.message),
        }
    }
}
