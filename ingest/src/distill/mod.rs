//! Words of a model for lessons that wait: what is asked, what is taken from the answer.
//!
//! | module | owns |
//! |---|---|
//! | [`request`] | which lessons are put to a distiller, and the text it is given |
//! | [`answer`] | what of an answer can be read |
//! | [`gate`] | what of it may be kept |
//! | `words` | whether a sentence says no more than its evidence |
//! | [`reply`] | the answer within what an engine prints |
//!
//! A distiller is a program that phrases lessons better than their evidence does: the agent at work,
//! an engine run without a person, a model behind HTTP. It may only phrase and advise. Whatever it
//! says goes through the gate, which is deterministic: the evidence must exist, quotes must match byte
//! for byte, and a rule must not say what its evidence does not. Everything here is pure; must not run
//! a program, open a connection or touch the store.

pub mod answer;
pub mod gate;
pub mod reply;
pub mod request;
#[cfg(test)]
mod tests;
mod words;

pub use answer::{Answer, Proposal};
pub use gate::{Accepted, Gate, Refusal, Refused, Verdicts};
pub use request::{Limits, Offer, Request, offers};

/// The first line of every request. A session that opens with it is a distiller's own: nothing in
/// it is a person's, and nothing is learned from it.
pub const MARKER: &str =
    "[cemem distiller] This request was written by a program, not by a person.";

/// Returns whether a prompt is a request of ours. Some engines put their own words before it.
#[must_use]
pub fn is_request(prompt: &str) -> bool {
    // Aider marks every line of what was typed; OpenCode puts an argument into quotes.
    prompt.contains(MARKER)
        && prompt
            .lines()
            .any(|line| line.trim_start_matches(['#', '>', '"', ' ']).trim_end() == MARKER)
}
