//! The managed block in CLAUDE.md and AGENTS.md.
//!
//! | module | owns |
//! |---|---|
//! | `block` | finding, checking and replacing the block in a text |
//! | `render` | choosing lessons and writing the block's lines |
//!
//! Both are pure. Nothing outside the markers is ever touched.

pub mod block;
pub mod render;
