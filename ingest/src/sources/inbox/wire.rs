//! A reported event as it is written: the schema that is documented.
//!
//! Owns the shape and what is checked of it. Must not know events of the store.

use cemem_core::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the schema that is read.
pub(super) const VERSION: u32 = 1;

/// An event that a person, a script or a parallel stream of work reports by writing it into a file:
/// one object, a list of them, or one a line. Its words are evidence, never orders: a lesson made of
/// them waits for a person's review, whoever they say said so.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportedEvent {
    /// Version of this schema: 1.
    #[schemars(range(min = 1, max = 1))]
    pub cemem: u32,
    /// What is reported.
    pub kind: ReportedKind,
    /// What is to be known, in one to a few sentences; for an outcome what the command printed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// When it happened, ISO 8601. The same words at another time are another event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The writer's own id of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Events of one session or stream belong together. Without it each stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Who reports it, or whose words it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Files or globs it is about, relative to the project.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// The folder it happened in, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// The git branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// `outcome`: the command that was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// `outcome`: whether it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok: Option<bool>,
    /// `finding`: the analyzer or reviewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// `finding`: the analyzer's rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// `finding`: how bad it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<ReportedSeverity>,
    /// `finding`: the line, 1-based, in the first of `paths`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// `finding`: what to do instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// `finding`: it was looked at and is none; evidence against the rule.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dismissed: bool,
}

/// What is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportedKind {
    /// An agent did something wrong, and this is what is right.
    Correction,
    /// Something that holds for this project from now on.
    Rule,
    /// A choice that was settled.
    Decision,
    /// Worth knowing.
    #[default]
    Note,
    /// A reviewer or an analyzer holds something against the code.
    Finding,
    /// A command was run and ended like this.
    Outcome,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportedSeverity {
    /// A remark.
    Info,
    /// Minor.
    Low,
    /// A warning.
    Medium,
    /// An error.
    High,
    /// A blocker.
    Critical,
}

impl ReportedEvent {
    /// Returns what is wrong with an event whose shape is right.
    pub(super) fn flaw(&self) -> Option<String> {
        let blank = self.text.trim().is_empty();
        if self.cemem != VERSION {
            return Some(format!("version {} of the schema; this one reads {VERSION}", self.cemem));
        }
        if self.at.as_deref().is_some_and(|at| Timestamp::parse(at).is_none()) {
            return Some("`at` is no ISO 8601 time".to_owned());
        }
        match self.kind {
            ReportedKind::Outcome if self.command.as_deref().unwrap_or("").trim().is_empty() => {
                Some("an outcome needs `command`".to_owned())
            }
            ReportedKind::Outcome if self.ok.is_none() => Some("an outcome needs `ok`".to_owned()),
            ReportedKind::Outcome => None,
            _ if blank => Some("`text` is empty".to_owned()),
            _ => None,
        }
    }
}

/// Returns the JSON Schema of one event, as it stands in `docs/inbox.schema.json`.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(ReportedEvent).to_value()
}
