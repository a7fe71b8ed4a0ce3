//! Better words for candidates, found by a distiller and let through by the gate.
//!
//! Owns the shape. Must not judge: the gate did before, the pass decides what it makes of them.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{CandidateKey, digest};
use crate::lesson::{AppliesWhen, LessonType, named_enum};

named_enum! {
    /// What a distiller says of candidates.
    Advice {
        /// They make a lesson in these words.
        Keep = "keep",
        /// They teach nothing that a later task could use.
        NotALesson = "not_a_lesson",
    }
}

/// Words for a lesson, or the advice that there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phrasing {
    /// What it phrases; never empty, sorted.
    pub candidates: Vec<CandidateKey>,
    /// Whether there is a lesson in them.
    pub advice: Advice,
    /// What kind of lesson, where the distiller knows better.
    #[serde(default)]
    pub lesson_type: Option<LessonType>,
    /// A short name for lists; empty with [`Advice::NotALesson`].
    #[serde(default)]
    pub title: String,
    /// One sentence an agent can follow; empty with [`Advice::NotALesson`].
    #[serde(default)]
    pub rule: String,
    /// Why it holds.
    #[serde(default)]
    pub why: Option<String>,
    /// Where it applies.
    #[serde(default)]
    pub applies_when: AppliesWhen,
    /// The rule is not made of the evidence's own words.
    #[serde(default)]
    pub paraphrase: bool,
    /// Which distiller, `agent`, `engine:claude-code`, `http:MODEL`.
    pub by: String,
    /// When.
    pub ts: Timestamp,
}

impl Phrasing {
    /// Returns what it is stored under: a later phrasing of the same candidates replaces it.
    #[must_use]
    pub fn key(&self) -> String {
        digest(self.candidates.iter().map(CandidateKey::to_string))
    }
}
