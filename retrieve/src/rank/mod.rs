//! From signals to a ranking.
//!
//! | module | owns |
//! |---|---|
//! | [`history`] | what past tasks of the project add |
//! | [`mod@fuse`] | how words and vectors become one score, and when nothing is relevant |
//! | [`variant`] | baselines and parts left out, to measure them |
//!
//! Pure functions of numbers: no index, no store, no clock. Every score comes with its parts.

pub mod fuse;
pub mod history;
pub mod variant;

pub use fuse::{Evidence, Facts, Near, Signal, explain, fuse, least_chance};
pub use history::{History, Learned, Task};
pub use variant::{Part, Variant};
