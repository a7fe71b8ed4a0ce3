//! What a run did, and how far it is.
//!
//! Owns [`Report`] and [`Progress`]. Must not print.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::error::FileError;

/// Flawed lines and files kept one by one; more are only counted.
pub const MAX_ERRORS: usize = 200;

/// The result of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Session files and documents seen, changed or not.
    pub files: u64,
    /// Those that were new or had changed, and were read.
    pub files_read: u64,
    /// Files by format.
    pub formats: BTreeMap<String, u64>,
    /// Bytes read.
    pub bytes: u64,
    /// Events found in what was read.
    pub events: u64,
    /// Of these, events the store did not have yet.
    pub events_new: u64,
    /// Rows and files left out, by kind.
    pub skipped: BTreeMap<String, u64>,
    /// What could not be read, the first [`MAX_ERRORS`].
    pub errors: Vec<FileError>,
    /// How many errors there were.
    pub error_count: u64,
    /// Candidates that are new or changed.
    pub candidates: u64,
    /// How long it took.
    pub duration: Duration,
}

impl Report {
    /// Adds to the count of a kind left out.
    pub fn skip(&mut self, kind: &str, n: u64) {
        *self.skipped.entry(kind.to_owned()).or_default() += n;
    }

    /// Adds what another part of the run did.
    pub fn absorb(&mut self, other: Self) {
        self.files += other.files;
        self.files_read += other.files_read;
        for (format, n) in other.formats {
            *self.formats.entry(format).or_default() += n;
        }
        self.bytes += other.bytes;
        self.events += other.events;
        self.events_new += other.events_new;
        for (kind, n) in other.skipped {
            self.skip(&kind, n);
        }
        let errors = other.error_count;
        let counted = self.error_count;
        self.add_errors(other.errors);
        self.error_count = counted + errors;
        self.candidates += other.candidates;
        self.duration += other.duration;
    }

    /// Adds errors, keeping the list bounded.
    pub fn add_errors(&mut self, errors: Vec<FileError>) {
        self.error_count += errors.len() as u64;
        let room = MAX_ERRORS.saturating_sub(self.errors.len());
        self.errors.extend(errors.into_iter().take(room));
    }
}

/// Told how far a run is. Called from several threads.
pub trait Progress: Sync {
    /// The run will look at this much.
    fn begin(&self, files: u64, bytes: u64);
    /// This much more is done.
    fn advance(&self, files: u64, bytes: u64);
    /// Reading is over; sessions are being searched for lessons.
    fn extracting(&self, sessions: u64);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn begin(&self, _files: u64, _bytes: u64) {}
    fn advance(&self, _files: u64, _bytes: u64) {}
    fn extracting(&self, _sessions: u64) {}
}
