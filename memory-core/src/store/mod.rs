//! The database: the one truth from which everything else can be rebuilt.
//!
//! | module | owns |
//! |---|---|
//! | `open` | opening, creating, migrating, versions, pragmas |
//! | `events` | sources, sessions, events, cursors |
//! | `packed` | events written out |
//! | `heard` | how much was heard from each engine |
//! | `candidates` | candidates and their state |
//! | `lessons` | lessons, ids, the change feed for indexes |
//! | `import` | lessons from outside, without overwriting by accident |
//! | `notes` | how far something was looked at |
//! | `log` | the log of lesson changes, and undo |
//! | `outcomes` | showings of lessons and what became of them |
//! | `shown` | what a session has seen, and what may be shown to it now |
//! | `uses` | which lessons helped with what was asked |
//! | `judged` | how far sessions were judged, and what to judge them by |
//! | `ledgers` | phrasings, settlements, what distillers cost |
//! | `unsettled` | what a pass has not looked at yet |
//! | `error` | what can go wrong |
//!
//! Every write is one immediate transaction, durable (`synchronous = FULL`) before it returns.
//! Must not interpret what it keeps: judging is the pass's work, ranking is retrieval's.

mod candidates;
mod error;
mod events;
mod heard;
mod import;
mod judged;
mod ledgers;
mod lessons;
mod log;
mod notes;
mod open;
#[cfg(test)]
mod outcome_tests;
mod outcomes;
mod packed;
mod shown;
#[cfg(test)]
mod tests;
mod unsettled;
mod uses;

use std::path::{Path, PathBuf};
use std::thread::Builder;

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

pub use candidates::{CandidateDelta, CandidateFilter, CandidateState, StoredCandidate};
pub use error::{Result, StoreError};
pub use events::{Appended, Batch, Counts, RawEvent, SessionRef, StoredEvent};
pub use heard::Heard;
pub use import::Imported;
pub use judged::Span;
pub use ledgers::{Settlement, Spend, SpendTotals};
pub use lessons::{Decision, LessonChange, LessonFilter};
pub use log::{Applied, LogRow, Undone};
pub use open::{FORMAT_VERSION, format_version};
pub use packed::Packed;
pub use unsettled::Unsettled;
pub use uses::Use;

use crate::clock::Clock;
use crate::durable::PathError;

/// Fewer rows are decoded sooner than a thread is started.
const ROWS_WORTH_A_THREAD: usize = 1_000;

/// One connection to a store. Open as many as needed: readers never block, writers queue.
#[derive(Debug)]
pub struct Store {
    conn: Connection,
    path: PathBuf,
    id: String,
    clock: Clock,
    /// The format of the file: older than ours where it could not be migrated.
    format: i64,
    /// `Some(version)` when a newer cemem wrote the store; writing is then refused.
    newer: Option<i64>,
    read_only: bool,
    /// Keeps a private copy alive as long as the connection: see [`Store::open_read_only`].
    _copy: Option<tempfile::TempDir>,
}

impl Store {
    /// Returns the random id given at creation; indexes carry it to know whose projection they are.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the clock this store stamps changes with.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Returns whether writes are allowed, or the error they would give.
    ///
    /// # Errors
    /// [`StoreError::Newer`] or [`StoreError::ReadOnly`].
    pub fn check_writable(&self) -> Result<()> {
        if let Some(found) = self.newer {
            return Err(StoreError::Newer {
                path: self.path.clone(),
                found,
                supported: FORMAT_VERSION,
            });
        }
        if self.read_only {
            return Err(StoreError::ReadOnly { path: self.path.clone() });
        }
        Ok(())
    }

    /// Returns a number that changes with every change of candidates or lessons.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn revision(&self) -> Result<u64> {
        revision(&self.conn).map_err(|e| self.sql(e))
    }

    /// Reads several things as one state of the store, whatever others write meanwhile.
    ///
    /// # Errors
    /// Those of `read`, or when the store cannot be read.
    pub fn snapshot<T>(&self, read: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        if !self.conn.is_autocommit() {
            return read(self);
        }
        let tx = self.conn.unchecked_transaction().map_err(|e| self.sql(e))?;
        let value = read(self)?;
        tx.finish().map_err(|e| self.sql(e))?;
        Ok(value)
    }

    /// Returns whether the file has an older format than this one, because it cannot be written:
    /// tables that came with a later one are not there.
    fn is_older_than(&self, format: i64) -> bool {
        self.format < format
    }

    /// Sorts an SQLite error by what the caller should do.
    fn sql(&self, source: rusqlite::Error) -> StoreError {
        sort_error(&self.path, source)
    }

    /// Reports stored text that cannot be decoded.
    fn corrupt(&self, detail: impl std::fmt::Display) -> StoreError {
        StoreError::Corrupt { path: self.path.clone(), detail: detail.to_string() }
    }

    /// Runs `work` in one immediate transaction.
    fn write<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        self.check_writable()?;
        let path = self.path.clone();
        let tx = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|e| sort_error(&path, e))?;
        let value = work(&tx)?;
        tx.commit().map_err(|e| sort_error(&path, e))?;
        Ok(value)
    }
}

/// Decodes rows on all cores, in their order: of a large memory, decoding is most of reading.
fn decoded<R: Sync, T: Send>(
    rows: &[R],
    decode: impl Fn(&R) -> serde_json::Result<T> + Sync,
) -> serde_json::Result<Vec<T>> {
    let all = |rows: &[R]| rows.iter().map(&decode).collect::<serde_json::Result<Vec<T>>>();
    if rows.len() <= ROWS_WORTH_A_THREAD {
        return all(rows);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = rows.len().div_ceil(cores).max(ROWS_WORTH_A_THREAD);
    let (first, others) = rows.split_at(share.min(rows.len()));
    std::thread::scope(|scope| {
        let all = &all;
        let start = |rows| (rows, Builder::new().spawn_scoped(scope, move || all(rows)));
        let others: Vec<_> = others.chunks(share).map(start).collect();
        let mut decoded = all(first)?;
        for (rows, thread) in others {
            decoded.append(&mut match thread {
                Ok(thread) => thread.join().expect("decoding does not panic")?,
                // The system has no thread left.
                Err(_) => all(rows)?,
            });
        }
        Ok(decoded)
    })
}

fn sort_error(path: &Path, source: rusqlite::Error) -> StoreError {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, Utf8Error};
    let path = path.to_owned();
    // A column that does not hold what cemem wrote into it.
    if let FromSqlConversionFailure(..)
    | IntegralValueOutOfRange(..)
    | Utf8Error(..)
    | rusqlite::Error::InvalidColumnType(..) = source
    {
        return StoreError::Corrupt { path, detail: source.to_string() };
    }
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { path },
        Some(ErrorCode::ReadOnly) => StoreError::ReadOnly { path },
        // SQLite does not tell why; mostly its side files cannot be made.
        Some(ErrorCode::CannotOpen) => {
            let source = std::io::Error::other(source);
            StoreError::Path(PathError { action: "open", path, source })
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt { path, detail: source.to_string() }
        }
        _ => StoreError::Sqlite { path, source },
    }
}

fn revision(conn: &Connection) -> rusqlite::Result<u64> {
    conn.prepare_cached("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'revision'")?
        .query_row([], |r| r.get::<_, i64>(0))
        .map(i64::cast_unsigned)
}

fn bump_revision(conn: &Connection) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE key = 'revision'",
    )?
    .execute([])?;
    Ok(())
}
