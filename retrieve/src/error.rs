//! What can go wrong in retrieval.

use std::path::PathBuf;

use cemem_core::StoreError;
use cemem_core::durable::PathError;
use thiserror::Error;

use crate::lexical::writer::LexicalError;
use crate::semantic::EmbedError;
use crate::vectors::ShelfError;

/// Why lessons could not be looked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RetrieveError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file or folder of the index cannot be read or written.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The lexical index failed.
    #[error("lexical index in `{}`", path.display())]
    Lexical {
        /// Its folder.
        path: PathBuf,
        /// Why.
        source: LexicalError,
    },
    /// The vector index failed.
    #[error("vector index in `{}`", path.display())]
    Vectors {
        /// Its folder.
        path: PathBuf,
        /// Why.
        source: ShelfError,
    },
    /// The model ran and failed.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// There is no index yet and another process has been building it for too long.
    #[error("the index in `{}` is being built by another process", path.display())]
    Busy {
        /// The index folder.
        path: PathBuf,
    },
}

/// The result of retrieval operations.
pub type Result<T> = std::result::Result<T, RetrieveError>;
