//! The clock of a written session.
//!
//! Owns how time passes between rows. Must not ask the machine for the time.

use cemem_core::Timestamp;

/// A clock that moves forward by a few seconds with every row.
#[derive(Debug, Clone)]
pub(crate) struct SessionClock(Timestamp);

impl SessionClock {
    /// Starts at an ISO 8601 time.
    pub(crate) fn start(at: &str) -> Self {
        Self(Timestamp::parse(at).expect("the corpus only writes ISO 8601 times"))
    }

    /// Moves on by `seconds` and a little, and returns the new time.
    pub(crate) fn tick(&mut self, seconds: i64) -> String {
        self.0 = Timestamp(self.0.0 + seconds * 1_000 + 137);
        self.0.to_string()
    }

    /// Returns the time without moving on.
    pub(crate) fn now(&self) -> String {
        self.0.to_string()
    }
}
