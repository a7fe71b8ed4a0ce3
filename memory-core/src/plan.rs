//! What a consolidation pass wants to change, as data.
//!
//! Owns [`Plan`]. Must not compute anything: the pass builds it, `consolidate --dry-run` shows it,
//! [`Store::apply`](crate::Store::apply) carries it out in one transaction with one log row a change.

use crate::id::{CandidateKey, LessonId};
use crate::lesson::Lesson;

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A new lesson from these candidates. The lesson's id is final (see [`Plan`]).
    Create {
        /// The lesson as it shall stand.
        lesson: Box<Lesson>,
        /// The candidates it absorbs.
        candidates: Vec<CandidateKey>,
    },
    /// An existing lesson changes: new evidence, better wording, another status.
    Update {
        /// The lesson as it shall stand.
        lesson: Box<Lesson>,
        /// The candidates it absorbs.
        candidates: Vec<CandidateKey>,
        /// What happened, for the log.
        change: Change,
    },
    /// A candidate is set aside.
    Drop {
        /// Which.
        candidate: CandidateKey,
        /// Why, in a few words a person understands.
        reason: String,
    },
}

/// Why a lesson changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The same lesson was seen again.
    Reinforce,
    /// Another lesson said the same and was merged into this one.
    Merge(LessonId),
    /// This lesson is replaced by that one.
    Supersede(LessonId),
    /// An opposite lesson exists and neither wins.
    Contradict(LessonId),
    /// Status or wording changed for the given reason.
    Revise(String),
    /// What is known of its place in the code changed, and nothing else.
    Anchor(String),
    /// The code it is about changed, or came back, and its status with it.
    Drift(String),
}

impl Change {
    /// Returns the verb for logs and summaries.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Reinforce => "reinforce",
            Self::Merge(_) => "merge",
            Self::Supersede(_) => "supersede",
            Self::Contradict(_) => "contradict",
            Self::Revise(_) => "revise",
            Self::Anchor(_) => "anchor",
            Self::Drift(_) => "drift",
        }
    }
}

/// An ordered list of changes. Ids inside are final: the pass has asked the store which are taken.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// In the order they are applied.
    pub actions: Vec<Action>,
}

impl Plan {
    /// Returns whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }
}
