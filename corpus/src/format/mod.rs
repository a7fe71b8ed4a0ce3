//! Writers for the session formats cemem reads.
//!
//! Owns how a session looks on disk, row for row as the engines write it. Must not know any story:
//! callers say what happened, these say it in the engine's format.

mod claude;
mod codex;
mod specstory;
mod time;

pub use claude::{ClaudeSession, Verdict};
pub use codex::CodexRollout;
pub use specstory::SpecStory;
