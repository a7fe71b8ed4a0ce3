//! From signals to a ranking.
//!
//! | module | owns |
//! |---|---|
//! | [`mod@fuse`] | how words and vectors become one score, and when nothing is relevant |
//!
//! Pure functions of numbers: no index, no store, no clock. Every score comes with its parts.

pub mod fuse;

pub use fuse::{Evidence, Facts, Signal, explain, fuse};
