//! What is asked and what is answered.
//!
//! Owns the types of a recall. Must not hold behaviour beyond simple questions about themselves.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use cemem_core::{Lesson, LessonId, LessonStatus, LessonType, Stage, Timestamp};

use crate::rank::{History, Variant};
use crate::semantic::SemanticOff;
use crate::vectors::key_of;

/// Which signals take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Words only: no model is loaded.
    Lexical,
    /// Vectors only.
    Semantic,
    /// Words and vectors.
    #[default]
    Hybrid,
    /// Everything there is: words, vectors, and what past tasks used.
    Full,
}

impl Mode {
    /// Returns whether vectors take part.
    #[must_use]
    pub fn uses_vectors(self) -> bool {
        self != Self::Lexical
    }

    /// Returns the stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lexical => "lexical",
            Self::Semantic => "semantic",
            Self::Hybrid => "hybrid",
            Self::Full => "full",
        }
    }

    /// Returns the mode of a stable name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Lexical, Self::Semantic, Self::Hybrid, Self::Full]
            .into_iter()
            .find(|mode| mode.as_str() == name)
    }
}

/// A set of lessons, made once and used by many filters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdSet(HashSet<u64>);

impl IdSet {
    pub(crate) fn has(&self, key: u64) -> bool {
        self.0.contains(&key)
    }
}

impl<'a> FromIterator<&'a LessonId> for IdSet {
    fn from_iter<I: IntoIterator<Item = &'a LessonId>>(ids: I) -> Self {
        Self(ids.into_iter().map(key_of).collect())
    }
}

/// Which lessons may be answered. Empty lists restrict nothing.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only these types.
    pub types: Vec<LessonType>,
    /// Only lessons of these stages, or of no stage in particular.
    pub stages: Vec<Stage>,
    /// Only lessons that apply to one of these paths, or to no path in particular.
    pub paths: Vec<String>,
    /// Only these statuses; never others than active and stale.
    pub statuses: Vec<LessonStatus>,
    /// Only lessons first learned at or after this time.
    pub since: Option<Timestamp>,
    /// Only lessons first learned at or before this time.
    pub until: Option<Timestamp>,
    /// Not these, for example because the reader has them already.
    pub exclude: Vec<LessonId>,
    /// Only these.
    pub among: Option<Arc<IdSet>>,
}

/// A question.
#[derive(Debug, Clone)]
pub struct Query {
    /// Any text: a few words, a plan, a stack trace. Never read as query syntax.
    pub text: String,
    /// Which signals take part.
    pub mode: Mode,
    /// Most lessons wanted.
    pub limit: usize,
    /// Which lessons may be answered.
    pub filter: Filter,
    /// Answer the best lessons even if none is relevant.
    pub keep_irrelevant: bool,
    /// What was learned from past tasks; only [`Mode::Full`] looks at it. `None` for what the store
    /// knows.
    pub history: Option<Arc<History>>,
    /// Look at the best again with the reranker, if the engine has one; only [`Mode::Full`] does.
    pub rerank: bool,
    /// Rank otherwise; for measuring only.
    pub variant: Option<Variant>,
}

impl Query {
    /// Returns a hybrid query for five lessons, unfiltered.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            mode: Mode::Hybrid,
            limit: 5,
            filter: Filter::default(),
            keep_irrelevant: false,
            history: None,
            rerank: false,
            variant: None,
        }
    }
}

/// The parts of a score by name; they explain it, they need not add up to it.
pub type Why = BTreeMap<&'static str, f32>;

/// A lesson found, before it is read from the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Which lesson.
    pub id: LessonId,
    /// How relevant it is: about 0..=1, more or less than that by what past tasks and trust add.
    pub score: f32,
    /// The parts of the score.
    pub why: Why,
}

/// A lesson found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The lesson as it stands in the store.
    pub lesson: Lesson,
    /// How relevant it is: about 0..=1, more or less than that by what past tasks and trust add.
    pub score: f32,
    /// The parts of the score.
    pub why: Why,
    /// The memory it comes from, where that is not the one that was asked.
    pub origin: Option<String>,
}

/// Something the reader of an answer should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The answer is lexical.
    SemanticOff(SemanticOff),
    /// The wanted model cannot be used, and another one answers.
    OtherModel {
        /// Why.
        off: SemanticOff,
        /// Which one answers.
        serving: String,
    },
    /// The vectors of the wanted model are not made yet, and those of another one are asked.
    ModelPending {
        /// The wanted one.
        model: String,
        /// The other one.
        serving: String,
    },
    /// The order is that before the reranker, because it cannot be used.
    NotReranked(SemanticOff),
    /// So many lessons have no vectors yet and were found by words only.
    NotEmbedded(usize),
    /// The same of another memory.
    NotEmbeddedThere {
        /// Which memory.
        memory: String,
        /// How many of its lessons.
        n: usize,
    },
    /// Another process is updating the index; the newest lessons may be missing.
    IndexBusy,
    /// The index could not be updated; the newest lessons may be missing.
    IndexBehind(String),
    /// Another memory that was to be asked too could not be: which, and why.
    Unread(String),
}

impl Note {
    /// Returns whether it says that vectors are missing, which can be made while nobody asks.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        matches!(
            self,
            Self::NotEmbedded(_) | Self::NotEmbeddedThere { .. } | Self::ModelPending { .. }
        )
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SemanticOff(why) => write!(f, "words only: {why}"),
            Self::OtherModel { off, serving } => write!(f, "{off}; `{serving}` answers"),
            Self::ModelPending { model, serving } => {
                write!(
                    f,
                    "the vectors of `{model}` are not made yet; `{serving}` answers until then"
                )
            }
            Self::NotReranked(off) => write!(f, "not reranked: {off}"),
            Self::NotEmbedded(n) => write!(f, "{n} lessons are found by words only so far"),
            Self::NotEmbeddedThere { memory, n } => {
                write!(f, "{n} lessons of `{memory}` are found by words only so far")
            }
            Self::IndexBusy => f.write_str(
                "another process is updating the index: the newest lessons may be missing",
            ),
            Self::Unread(what) => write!(f, "not looked at: {what}"),
            Self::IndexBehind(why) => {
                write!(
                    f,
                    "the index could not be updated, the newest lessons may be missing: {why}"
                )
            }
        }
    }
}

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Best first.
    pub results: Vec<Hit>,
    /// There are lessons, but none is relevant (or the filter leaves none).
    pub nothing_relevant: bool,
    /// Lessons that could have been answered, before the filter.
    pub n_lessons: usize,
    /// Lessons of other memories that could have been answered too.
    pub n_elsewhere: usize,
    /// What else the reader should know.
    pub notes: Vec<Note>,
}
