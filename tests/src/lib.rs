//! What the cross-crate tests share.
//!
//! | module | owns |
//! |---|---|
//! | [`mod@env`] | a hermetic place to run `cemem` in |
//! | [`hooks`] | calling hooks as an agent does |
//! | [`hub`] | a model hub on this machine |
//! | [`mcp`] | a client of `cemem mcp` |
//! | [`onnx`] | a small model, written by hand |
//! | [`output`] | what a run printed, and how to check it |
//! | [`watching`] | a running `cemem watch` |
//! | [`terminal`] | `cemem` at a terminal of its own |
//!
//! The tests themselves are modules of `e2e/`, `faults/`, `compat/` and `arch/`. Nothing here may
//! read the real home folder, the real clock or the network.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

pub mod env;
pub mod hooks;
pub mod hub;
pub mod mcp;
pub mod onnx;
pub mod output;
#[cfg(unix)]
pub mod terminal;
pub mod watching;

pub use env::{TestEnv, files_below};
pub use mcp::{McpClient, STATELESS};
pub use output::Output;
#[cfg(unix)]
pub use terminal::Terminal;
pub use watching::Watching;
#[cfg(unix)]
pub use watching::signal;
