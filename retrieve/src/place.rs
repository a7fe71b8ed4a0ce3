//! Where the indexes of one store are.
//!
//! Owns their folders, how far they are, and the locks that let one writer in: one an index, so that words never
//! wait for vectors. Must not write an index, nor open one but to see whether it is there.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use cemem_core::Store;
use cemem_core::durable::{IoResultExt as _, create_private_dir, open_private};

use crate::error::{Result, RetrieveError};
use crate::lexical::schema::{self, Fields};
use crate::lexical::writer::{self, LexicalError};
use crate::vectors::{ShelfError, Watermark, shelf};

/// How long a reader without any index waits for the process that builds the first one.
pub(crate) const FIRST_BUILD_WAIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
/// The lock of the lexical index.
pub(crate) const LEXICAL_LOCK: &str = "projection.lock";
/// The lock of the vectors.
pub(crate) const VECTOR_LOCK: &str = "vectors.lock";

/// Where the indexes of one store are.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    root: PathBuf,
}

impl Place {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn lexical(&self) -> PathBuf {
        self.root.join(format!("lexical-v{}", schema::VERSION))
    }

    pub(crate) fn vectors(&self, model: &str) -> PathBuf {
        self.root.join(format!("vectors-v{}-{model}", schema::VERSION))
    }

    /// Returns how far the vectors of a model are; `None` where there are none, or none of this store.
    pub(crate) fn mark(&self, model: &str, store: Option<&Store>) -> Option<Watermark> {
        let (_, mark) = shelf::peek(&self.vectors(model)).filter(|(id, _)| id == model)?;
        store.is_none_or(|store| is_past(&mark, store)).then_some(mark)
    }

    /// Returns the folders that hold vectors of this version.
    pub(crate) fn all_vectors(&self) -> Vec<PathBuf> {
        let prefix = format!("vectors-v{}-", schema::VERSION);
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
            .map(|entry| entry.path())
            .collect()
    }

    pub(crate) fn lexical_error(&self, source: LexicalError) -> RetrieveError {
        RetrieveError::Lexical { path: self.lexical(), source }
    }

    pub(crate) fn vector_error(&self, model: &str, source: ShelfError) -> RetrieveError {
        RetrieveError::Vectors { path: self.vectors(model), source }
    }

    /// Removes every index.
    pub(crate) fn remove(&self) -> Result<()> {
        let busy = || RetrieveError::Busy { path: self.root.clone() };
        let lexical = self.lock(LEXICAL_LOCK, FIRST_BUILD_WAIT)?.ok_or_else(busy)?;
        let vectors = self.lock(VECTOR_LOCK, FIRST_BUILD_WAIT)?.ok_or_else(busy)?;
        for entry in fs::read_dir(&self.root).context("read", &self.root)?.flatten() {
            if entry.path().is_dir() {
                shelf::clear(&entry.path())?;
            }
        }
        drop((lexical, vectors));
        Ok(())
    }

    /// Removes the lexical index, because reading it failed, if no other process did so already and
    /// none is writing it.
    pub(crate) fn remove_lexical(&self, failed: &Watermark, fields: &Fields) -> Result<()> {
        let Some(lock) = self.lock(LEXICAL_LOCK, FIRST_BUILD_WAIT)? else { return Ok(()) };
        let now =
            writer::open(&self.lexical(), fields).ok().and_then(|i| writer::watermark(&i).ok()?);
        if now.is_none_or(|mark| mark == *failed) {
            shelf::clear(&self.lexical())?;
        }
        drop(lock);
        Ok(())
    }

    /// Takes a writer's lock; `None` if another process has it. Waits only if `patience` says so.
    pub(crate) fn lock(&self, name: &str, patience: Duration) -> Result<Option<File>> {
        create_private_dir(&self.root)?;
        let path = self.root.join(name);
        let file = open_private(&path)?;
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) if waited < patience => {
                    sleep(POLL);
                    waited += POLL;
                }
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(e)) => return Err(e).context("lock", &path)?,
            }
        }
    }
}

/// Returns the watermark of a store as it stands.
pub(crate) fn mark_of(store: &Store, seq: u64) -> Result<Watermark> {
    Ok(Watermark { store: store.id().to_owned(), seq, stamp: store.change_stamp(seq)? })
}

/// Returns whether a watermark is of a change that this store went through: not of another store,
/// and not of changes that were lost when an older copy was put back.
pub(crate) fn is_past(mark: &Watermark, store: &Store) -> bool {
    mark.store == store.id()
        && store.lesson_seq().is_ok_and(|seq| mark.seq <= seq)
        && store.change_stamp(mark.seq).is_ok_and(|stamp| stamp == mark.stamp)
}
