//! What went wrong before and may go wrong again with a change.
//!
//! | module | owns |
//! |---|---|
//! | [`diff`] | reading unified diffs, whole or broken |
//! | [`change`] | what is about to be done: paths, lines, words |
//! | [`known`] | what went wrong before: lessons, and what candidates make |
//! | [`groups`] | recurring findings, failures that were fixed, and what may be told of them |
//! | [`score`] | from signals to a probability |
//! | [`ask`] | a prediction from end to end |
//!
//! Must not print, and must not learn: it only reads the store. A probability rests on a few named
//! numbers ([`score::Signals`]) that are part of the answer.

pub mod ask;
pub mod change;
pub mod diff;
pub mod groups;
pub mod known;
pub mod score;

pub use ask::{Prediction, Risk, predict};
pub use change::Change;
pub use diff::Diff;
pub use known::{Hazard, Source};
pub use score::Signals;

#[cfg(test)]
mod tests;
