//! Made-up data in any amount, the same for the same seed: for benches and property tests.
//!
//! Owns volume, not meaning: words follow a skewed distribution, as in real text, so that an index
//! behaves as it would, but nothing here is worth learning. Must not be used to measure quality.

mod lessons;
mod memory;
mod sessions;
mod words;

pub use lessons::{candidates, lessons, queries};
pub use memory::put_candidates;
pub use sessions::{claude_session, codex_rollout};
