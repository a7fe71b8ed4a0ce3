//! A candidate: a signal found in events, with the evidence it rests on, not yet a lesson.
//!
//! Owns [`Candidate`], [`Signal`] and the one title that means something. Must not decide anything: extraction builds candidates,
//! consolidation judges them.

use serde::{Deserialize, Serialize};

use crate::id::CandidateKey;
use crate::lesson::{Anchor, AppliesWhen, Evidence, LessonType, Trust};

/// How a candidate was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// The person asked to remember something.
    Remember,
    /// A tool call was turned down with words.
    Rejection,
    /// A plan was turned down with words.
    PlanRejected,
    /// The agent was stopped and then told something else.
    InterruptRedirect,
    /// Words sent while the agent was busy.
    Steering,
    /// A correction in an ordinary prompt.
    Correction,
    /// A standing rule, stated without correcting.
    StatedRule,
    /// A choice that was settled: an answered question, an approved plan, "let's go with B".
    Decision,
    /// A command failed, something changed, the same command passed.
    FailFix,
    /// A person changed what the agent had just written.
    HumanRework,
    /// A document that already states a lesson.
    Document,
    /// A review finding.
    Finding,
    /// A commit takes another back and says why.
    Revert,
    /// A commit repairs a recent one and says why.
    CommitFix,
}

impl Signal {
    /// Every signal, in the order counts are shown.
    pub const ALL: [Self; 14] = [
        Self::Remember,
        Self::Rejection,
        Self::PlanRejected,
        Self::InterruptRedirect,
        Self::Steering,
        Self::Correction,
        Self::StatedRule,
        Self::Decision,
        Self::FailFix,
        Self::HumanRework,
        Self::Document,
        Self::Finding,
        Self::Revert,
        Self::CommitFix,
    ];

    /// Returns the stable name used in the store and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Remember => "remember",
            Self::Rejection => "rejection",
            Self::PlanRejected => "plan_rejected",
            Self::InterruptRedirect => "interrupt_redirect",
            Self::Steering => "steering",
            Self::Correction => "correction",
            Self::StatedRule => "stated_rule",
            Self::Decision => "decision",
            Self::FailFix => "fail_fix",
            Self::HumanRework => "human_rework",
            Self::Document => "document",
            Self::Finding => "finding",
            Self::Revert => "revert",
            Self::CommitFix => "commit_fix",
        }
    }

    /// Returns the signal of a stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }
}

/// How the title of a fix begins that names a checker's rule.
const CHECK: &str = "Check `";

/// Returns the title of a fix that satisfies a checker's rule.
#[must_use]
pub fn check_title(code: &str) -> String {
    format!("{CHECK}{code}`")
}

/// Returns the checker's rule that the title of a fix names; `None` where it holds what a tool printed.
#[must_use]
pub fn checked_rule(title: &str) -> Option<&str> {
    title.strip_prefix(CHECK)?.strip_suffix('`')
}

/// A possible lesson and what speaks for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Derived from signal and evidence: the same events give the same key.
    pub key: CandidateKey,
    /// How it was found.
    pub signal: Signal,
    /// Proposed type.
    pub lesson_type: LessonType,
    /// A short name for lists.
    pub title: String,
    /// One sentence, imperative where it can be.
    pub rule: String,
    /// Why, in the source's words.
    #[serde(default)]
    pub why: Option<String>,
    /// Longer Markdown, for documents and fixes.
    #[serde(default)]
    pub body: Option<String>,
    /// Where the rule applies.
    #[serde(default)]
    pub applies_when: AppliesWhen,
    /// Code it is tied to.
    #[serde(default)]
    pub anchors: Vec<Anchor>,
    /// How far its source is trusted.
    pub trust: Trust,
    /// Probability that it corrects the agent, 0..=1.
    pub correction: f32,
    /// Probability that it helps a later, different task, 0..=1.
    pub durable: f32,
    /// Never empty; the first row is the one the quote comes from.
    pub evidence: Vec<Evidence>,
    /// Keys of the source that cemem does not use (front matter), kept for export.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub extra: serde_json::Value,
}
