//! The exit codes, documented in `docs/exit-codes.md` and never reused.

/// Done. "Nothing relevant" and a closed pipe are this too.
pub const OK: u8 = 0;
/// The command could not do what was asked, or a check failed: `sync --check`, an unknown id.
pub const FAILED: u8 = 1;
/// The command line was wrong.
pub const USAGE: u8 = 2;
/// `find` had nothing to look in: what called it falls back to its own search.
pub const NO_LESSONS: u8 = 4;
/// Another process kept the store locked.
pub const BUSY: u8 = 20;
/// The store was written by a newer cemem; reading works.
pub const STORE_NEWER: u8 = 21;
/// The store is damaged.
pub const STORE_CORRUPT: u8 = 22;
/// `ingest -` was interrupted: nothing of what was piped stays behind. `review` at a terminal too.
pub const INTERRUPTED: u8 = 130;
/// A fault of cemem itself.
pub const INTERNAL: u8 = 70;
