//! The seam between finding a turn and judging its words.
//!
//! Owns [`Judge`], so that extractors can be tested with a judge whose answers are known. Must not
//! hold any weights or word lists of its own.

use cemem_core::LessonType;

/// A turn as a judge reads it.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    /// `user` for prompts, `rejection_reason` for words said with a refusal.
    pub kind: &'a str,
    /// The person's words.
    pub text: &'a str,
    /// The last few things before, oldest first.
    pub context: &'a [String],
    /// What the agent said and did next, oldest first; empty if not known.
    pub after: &'a [String],
}

/// What a judge makes of a turn.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// Probability that the turn corrects the agent, 0..=1.
    pub correction: f32,
    /// Probability that a later, different task would be better for knowing it, 0..=1.
    pub durable: f32,
    /// What kind of thing it states, if any.
    pub lesson_type: Option<LessonType>,
    /// The rule in one sentence; may be empty.
    pub rule: String,
    /// The words it rests on, a substring of the text; may be empty.
    pub span: String,
}

/// Judges turns.
pub trait Judge: Sync {
    /// Returns the verdict on one turn; the same turn always gets the same verdict.
    fn judge(&self, turn: &Turn<'_>) -> Verdict;
}
