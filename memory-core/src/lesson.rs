//! A lesson: one rule with its type, reach, evidence and life-cycle.
//!
//! Owns the lesson's shape and the names of its enums (the same in the store, JSON and Markdown).
//! Must not know how lessons are found, ranked or shown.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::LessonId;

/// Declares a fieldless enum with one stable name per variant, used in SQL, JSON and the CLI alike.
macro_rules! named_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every value, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the stable name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Returns the value of a stable name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.as_str() == name)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use named_enum;

named_enum! {
    /// What kind of thing was learned.
    LessonType {
        /// How this project does things.
        Convention = "convention",
        /// A settled choice.
        Decision = "decision",
        /// Something that went wrong and must not again.
        Mistake = "mistake",
        /// The agent was told it was wrong.
        Correction = "correction",
        /// An approach that works here.
        Pattern = "pattern",
        /// What a person likes.
        Preference = "preference",
        /// A limit that holds.
        Constraint = "constraint",
        /// Something true about the project.
        Fact = "fact",
        /// A problem and how it was solved.
        Solution = "solution",
    }
}

named_enum! {
    /// Where a lesson stands in its life.
    LessonStatus {
        /// Waiting for more support or for review.
        Candidate = "candidate",
        /// Delivered.
        Active = "active",
        /// Delivered with a warning: what it is anchored to has changed.
        Stale = "stale",
        /// Replaced by another lesson.
        Superseded = "superseded",
        /// Taken out by a person or by the pass.
        Retired = "retired",
        /// Reads like instructions from an untrusted source; never delivered.
        Quarantined = "quarantined",
    }
}

impl LessonStatus {
    /// Returns whether recall may show a lesson of this status.
    #[must_use]
    pub fn is_recallable(self) -> bool {
        matches!(self, Self::Active | Self::Stale)
    }
}

named_enum! {
    /// How far the source of a lesson is trusted; a smaller value is trusted less.
    Trust {
        /// Printed by a tool or a web page.
        ToolOutput = "tool_output",
        /// Written by an agent.
        Agent = "agent",
        /// Found by an analyser.
        Analyzer = "analyzer",
        /// Written or accepted in human review.
        HumanReview = "human_review",
        /// Said by the user.
        User = "user",
    }
}

named_enum! {
    /// A stage of work.
    Stage {
        /// Before the work.
        Plan = "plan",
        /// During the work.
        Work = "work",
        /// After the work.
        Review = "review",
    }
}

named_enum! {
    /// How far a lesson reaches.
    Scope {
        /// This project.
        Project = "project",
        /// Every project of this user.
        User = "user",
        /// The team.
        Team = "team",
    }
}

named_enum! {
    /// How the code at an anchor differs from what it was when the lesson was learned.
    DriftState {
        /// The file is there; the definition in it changed or is gone.
        Drifted = "drifted",
        /// Neither the file nor the symbol is anywhere.
        Gone = "gone",
    }
}

/// When a lesson applies; empty lists mean "no restriction known".
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AppliesWhen {
    /// Paths or globs, relative to the project.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Command families, `cargo test`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// Identifiers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub symbols: Vec<String>,
    /// Stages of work.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
    /// Languages, lower case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// Free tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

impl AppliesWhen {
    /// Returns whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what `other` has and this has not, keeping order.
    pub fn absorb(&mut self, other: &Self) {
        fn add<T: PartialEq + Clone>(into: &mut Vec<T>, from: &[T]) {
            for item in from {
                if !into.contains(item) {
                    into.push(item.clone());
                }
            }
        }
        add(&mut self.paths, &other.paths);
        add(&mut self.commands, &other.commands);
        add(&mut self.symbols, &other.symbols);
        add(&mut self.stages, &other.stages);
        add(&mut self.languages, &other.languages);
        add(&mut self.tags, &other.tags);
    }
}

/// A place in the code a lesson is tied to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Path relative to the project, as far as known.
    pub path: String,
    /// Symbol in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// Git blob id when the lesson was learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob_sha: Option<String>,
    /// Text that stood there: the line that defines the symbol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// The path the lesson was learned under, where the file has another one now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// How the code has changed since; nothing while it has not, or was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
}

impl Anchor {
    /// Returns an anchor of which only the path is known.
    #[must_use]
    pub fn at(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            symbol: None,
            blob_sha: None,
            quote: None,
            was: None,
            drift: None,
        }
    }

    /// Returns the path the lesson was learned under.
    #[must_use]
    pub fn learned_path(&self) -> &str {
        self.was.as_deref().unwrap_or(&self.path)
    }
}

/// How the code at an anchor has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// What became of it.
    pub state: DriftState,
    /// Hash of the commit that changed it, as far as history tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// What stands there now, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
}

/// What a lesson rests on: an exact quote and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Engine or source kind, `claude-code`, `remember`, `docs-solutions`.
    pub engine: String,
    /// Session id; empty for evidence outside sessions.
    #[serde(default)]
    pub session: String,
    /// The ingested file.
    #[serde(default)]
    pub source_path: String,
    /// The row's own id; the 1-based user-turn number for formats without ids.
    #[serde(default)]
    pub event_uuid: String,
    /// The event's key in the store; empty for evidence outside events.
    #[serde(default)]
    pub event_key: String,
    /// When it was said.
    #[serde(default)]
    pub turn_ts: Option<Timestamp>,
    /// Who said it, an [`Actor`](crate::Actor) name.
    #[serde(default)]
    pub actor: String,
    /// The exact words (after redaction).
    pub quote: String,
}

impl Evidence {
    /// Returns what makes two rows the same evidence.
    #[must_use]
    pub fn identity(&self) -> (&str, &str, &str) {
        (&self.engine, &self.event_key, &self.quote)
    }
}

/// One lesson.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lesson {
    /// Stable, printable.
    pub id: LessonId,
    /// What kind of thing was learned.
    #[serde(rename = "type")]
    pub lesson_type: LessonType,
    /// A short name for lists.
    pub title: String,
    /// One sentence an agent can follow.
    pub rule: String,
    /// Why it holds.
    pub why: Option<String>,
    /// Longer Markdown.
    pub body: Option<String>,
    /// Where it applies.
    pub applies_when: AppliesWhen,
    /// Code it is tied to.
    pub anchors: Vec<Anchor>,
    /// What it rests on; never empty.
    pub evidence: Vec<Evidence>,
    /// The most trusted source among the evidence.
    pub trust: Trust,
    /// Where it stands.
    pub status: LessonStatus,
    /// A person accepted, edited or remembered it: a pass may add evidence to it but never changes
    /// its wording or status.
    #[serde(default)]
    pub reviewed: bool,
    /// Until when it is left out of review, unless new evidence comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snoozed_until: Option<Timestamp>,
    /// Probability that it is right and durable, 0..=1.
    pub confidence: f32,
    /// Distinct sessions (or documents) it was seen in.
    pub support: u32,
    /// How far it reaches.
    pub scope: Scope,
    /// From when it holds.
    pub valid_from: Option<Timestamp>,
    /// Until when it held.
    pub valid_to: Option<Timestamp>,
    /// Older lessons this one replaces.
    pub supersedes: Vec<LessonId>,
    /// The lesson that replaced this one.
    pub superseded_by: Option<LessonId>,
    /// Lessons that say the opposite and could not be settled.
    pub contradicts: Vec<LessonId>,
    /// When it was first learned.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// Keys of the source that cemem does not use, kept for export.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub extra: serde_json::Value,
}

impl Lesson {
    /// Returns the anchors at which the code has changed.
    pub fn drifted(&self) -> impl Iterator<Item = &Anchor> {
        self.anchors.iter().filter(|a| a.drift.is_some())
    }

    /// Takes the code as it is for what the lesson is about: a person said that it holds. What has
    /// changed is looked at anew.
    pub fn take_code_as_it_is(&mut self) {
        for anchor in self.anchors.iter_mut().filter(|a| a.drift.is_some()) {
            let was = anchor.was.take();
            *anchor = Anchor { was, ..Anchor::at(std::mem::take(&mut anchor.path)) };
        }
        if self.status == LessonStatus::Stale {
            self.status = LessonStatus::Active;
        }
    }

    /// Returns whether a reader should look at the code before trusting the lesson.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        self.status == LessonStatus::Stale || self.drifted().next().is_some()
    }

    /// Returns whether a person was asked to decide about it and has not: neither accepted nor rejected
    /// it. One that is put off waits too, see [`Lesson::is_snoozed`].
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self.status, LessonStatus::Candidate | LessonStatus::Quarantined)
    }

    /// Returns whether review leaves it out for now.
    #[must_use]
    pub fn is_snoozed(&self, now: Timestamp) -> bool {
        self.snoozed_until.is_some_and(|until| until > now)
    }

    /// Returns whether a person merged it into this other lesson: that one replaces it and rests on
    /// everything it rests on.
    #[must_use]
    pub fn is_merged_into(&self, other: &Self) -> bool {
        self.status == LessonStatus::Superseded
            && self.reviewed
            && self.superseded_by.as_ref() == Some(&other.id)
            && self
                .evidence
                .iter()
                .all(|row| other.evidence.iter().any(|known| known.identity() == row.identity()))
    }
}

/// Longest rule kept, in characters; longer text belongs in the body.
pub const MAX_RULE_CHARS: usize = 600;
/// Longest title kept, in characters.
pub const MAX_TITLE_CHARS: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_trust_is_ordered() {
        for t in LessonType::ALL {
            assert_eq!(LessonType::parse(t.as_str()), Some(*t));
        }
        assert!(Trust::User > Trust::HumanReview && Trust::Agent > Trust::ToolOutput);
        assert_eq!(serde_json::to_string(&Trust::ToolOutput).unwrap(), "\"tool_output\"");
    }

    #[test]
    fn anchors_of_older_stores_and_other_tools_are_read() {
        let old = r#"{"path":"a.rs","blob_sha":"00"}"#;
        let anchor: Anchor = serde_json::from_str(old).unwrap();
        assert_eq!(anchor, Anchor { blob_sha: Some("00".into()), ..Anchor::at("a.rs") });
        assert_eq!(serde_json::to_string(&anchor).unwrap(), old);
        let moved = Anchor { was: Some("b.rs".into()), ..anchor };
        assert_eq!(moved.learned_path(), "b.rs");
    }

    #[test]
    fn absorb_adds_once() {
        let mut a = AppliesWhen { tags: vec!["x".into()], ..Default::default() };
        a.absorb(&AppliesWhen { tags: vec!["x".into(), "y".into()], ..Default::default() });
        assert_eq!(a.tags, ["x", "y"]);
    }
}
