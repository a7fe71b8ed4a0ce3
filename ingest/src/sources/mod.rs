//! One module per session format.
//!
//! Each owns how its engine writes sessions (`wire`) and what that means (`parse`). Must not know
//! another engine, open files or store anything.

pub mod aider;
pub mod amp;
pub mod antigravity;
pub mod claude_code;
pub mod cline;
pub mod codemachine;
pub mod codex;
pub mod copilot_chat;
pub mod copilot_cli;
pub mod cursor;
pub mod droid;
pub mod entire;
pub mod gemini_cli;
pub mod goose;
mod human;
pub mod inbox;
pub mod opencode;
pub mod openhands;
pub mod pi;
pub mod qwen_code;
mod rows;
pub mod rules;
pub mod solutions;
pub mod specstory;
pub mod swe_agent;
#[cfg(test)]
pub(crate) mod testing;
mod tool;
pub(crate) mod wire;

use crate::source::{Info, Layout};

/// Raised whenever any reader's view of the same bytes changes: files are then read again.
const READER_VERSION: u32 = 3;

/// Returns the constants of an engine's format.
const fn info(engine: &'static str, format: &'static str, layout: Layout) -> Info {
    Info { engine, format, version: READER_VERSION, layout }
}
