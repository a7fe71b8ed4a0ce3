//! How important this process is beside others on the machine.
//!
//! Owns the two levels below the usual one. Work that nobody waits for word by word must not slow down what
//! an agent waits for: beside an ingest on two cores a recall took three times as long. Must not decide
//! which work that is.

/// Work that a person started and watches: it has the machine to itself where nothing else wants it.
pub(crate) const BULK: i32 = 5;
/// Work that nobody asked for.
pub(crate) const BACKGROUND: i32 = 10;

/// Lets others go first; where that cannot be had, the process is as important as others.
#[cfg(unix)]
pub(crate) fn yield_to_others(level: i32) {
    // Threads inherit it: before any is started.
    rustix::process::nice(level).ok();
}

#[cfg(not(unix))]
pub(crate) fn yield_to_others(_: i32) {}
