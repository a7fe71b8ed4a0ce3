//! Judges what a person said to the agent: a correction? worth keeping? which words, what rule?
//!
//! | module | owns |
//! |---|---|
//! | `text` | lines, sentences and tokens of a turn |
//! | `patterns` | the cue table |
//! | `context` | what came before, as features |
//! | `aftermath` | what the agent did next, as features |
//! | [`features`] | the feature vectors |
//! | `model` | the trained weights |
//! | `span`, `rule` | the words that carry it; those words as one sentence |
//!
//! A linear model over cues, shape and context: no network, no embedding, a fraction of a
//! millisecond per turn. How it was trained stands beside the training script. Must not read
//! transcripts or decide what becomes a lesson.

use std::sync::LazyLock;

use cemem_core::LessonType;

mod aftermath;
mod context;
pub mod features;
mod model;
mod patterns;
mod rule;
mod span;
mod text;

use super::judge::{Judge, Turn, Verdict};
use model::{Model, probability};

/// One human turn and what came before it.
#[derive(Debug, Clone, Copy)]
pub struct TurnInput<'a> {
    /// `user` for prompts, `rejection_reason` for words given with a refusal of a tool call.
    pub kind: &'a str,
    /// The person's words as recorded.
    pub text: &'a str,
    /// The last few things before, oldest first: `A: ` agent text, `A: [` a tool call, `U: ` an
    /// earlier turn, `TOOL REJECTED BY USER`, `USER INTERRUPTED`, `TOOL ERROR: `. May be empty.
    pub context: &'a [String],
    /// What the agent said and did next, oldest first, in the same notation: the beginning of its
    /// text instead of the end. Empty if that is not known.
    pub after: &'a [String],
}

/// What the classifier makes of a turn.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnVerdict {
    /// Probability-like score that the turn corrects the agent, 0..=1; 0.5 is the best cut.
    pub correction: f32,
    /// The same for "a later, different task would do better for knowing it".
    pub durable: f32,
    /// What kind of thing it states, if it is durable.
    pub kind: LessonType,
    /// The span as one clean sentence; empty if there is no span.
    pub rule: String,
    /// The words that carry it, an exact substring of the text; empty if the person typed none.
    pub span: String,
}

/// The trained classifier.
#[derive(Debug)]
pub struct Classifier {
    model: Model,
}

static SHIPPED: LazyLock<Classifier> = LazyLock::new(|| Classifier { model: Model::shipped() });

impl Classifier {
    /// Returns the classifier shipped with the program, loaded on first use.
    #[must_use]
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// Returns a classifier with other weights of the same shape, for measuring on held-out projects.
    ///
    /// # Errors
    /// If `weights` is not such a file.
    pub fn with_weights(weights: &str) -> Result<Self, serde_json::Error> {
        Ok(Self { model: Model::parse(weights)? })
    }

    /// Judges one turn. Pure; never fails; an unknown `kind` is read as `user`.
    #[must_use]
    pub fn judge(&self, turn: &TurnInput<'_>) -> TurnVerdict {
        let vectors = features::features(turn);
        let range = span::choose(turn.text, &vectors, &self.model.span);
        let words = turn.text[range].to_owned();
        // A turn without a sentence of the person's own says nothing that could be kept.
        let says = if words.is_empty() { 0.0 } else { 1.0 };
        let (correction, durable) = self.model.shift(&vectors.after);
        TurnVerdict {
            correction: says * probability(self.model.correction.score(&vectors.turn) + correction),
            durable: says * probability(self.model.durable.score(&vectors.turn) + durable),
            kind: self.model.lesson_type(&vectors.turn),
            rule: rule::sentence(&words),
            span: words,
        }
    }
}

impl Judge for Classifier {
    fn judge(&self, turn: &Turn<'_>) -> Verdict {
        let input = TurnInput {
            kind: turn.kind,
            text: turn.text,
            context: turn.context,
            after: turn.after,
        };
        let verdict = Self::judge(self, &input);
        Verdict {
            correction: verdict.correction,
            durable: verdict.durable,
            lesson_type: Some(verdict.kind),
            rule: verdict.rule,
            span: verdict.span,
        }
    }
}

#[cfg(test)]
mod tests;
