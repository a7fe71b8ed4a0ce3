//! Bad input, hostile input, and processes that die.
//!
//! One module a kind of fault. Every test checks both halves of the promise: the fault is counted or
//! named, and everything else still goes in.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod disk;
mod hooks;
mod hostile;
mod input;
mod killed;
mod mcp;
mod read_only;
mod watch;
