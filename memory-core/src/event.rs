//! What happened in a session, in one vocabulary for every engine.
//!
//! Owns [`Event`] and [`Session`]. Must not know any engine's format: readers translate into this,
//! extractors read only this. Text in an event is already redacted and cut to a bounded length.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::finding::Finding;

/// One conversation of one engine, as far as the source tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Session {
    /// The engine's short name, `claude-code`; the same word everywhere it is shown.
    pub engine: String,
    /// The engine's own session id; the file stem where it has none.
    pub id: String,
    /// The session that started this one, for sub-agents and forks.
    pub parent: Option<String>,
    /// The engine's version, as it wrote it.
    pub engine_version: Option<String>,
    /// Title, when the engine gave one (last one wins).
    pub title: Option<String>,
    /// First working directory seen.
    pub cwd: Option<String>,
    /// First git branch seen.
    pub branch: Option<String>,
    /// Time of the first and of the last dated event.
    pub started: Option<Timestamp>,
    /// See `started`.
    pub ended: Option<Timestamp>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Unique within the engine, and the same wherever a copy of the row turns up (resumed and
    /// forked files, second captures): the base of idempotence.
    pub key: String,
    /// The row's own id as the engine wrote it; the 1-based user-turn number where rows have none.
    pub row_id: String,
    /// When, if the row is dated.
    pub ts: Option<Timestamp>,
    /// Who.
    pub actor: Actor,
    /// What.
    pub kind: EventKind,
    /// Working directory in force.
    pub cwd: Option<String>,
    /// Git branch in force.
    pub branch: Option<String>,
    /// Byte offset of the row in its file (of the decompressed stream for compressed files).
    pub offset: u64,
    /// Length of the row in bytes.
    pub len: u64,
}

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A person.
    User,
    /// The main agent.
    Agent,
    /// An agent started by an agent.
    Subagent,
    /// The harness: hooks, compaction, policy.
    System,
    /// A tool's output.
    Tool,
}

impl Actor {
    /// Returns the stable name used in the store and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Agent => "agent",
            Self::Subagent => "subagent",
            Self::System => "system",
            Self::Tool => "tool",
        }
    }

    /// Returns the actor of a stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::User, Self::Agent, Self::Subagent, Self::System, Self::Tool]
            .into_iter()
            .find(|a| a.as_str() == name)
    }
}

/// Who turned a tool call down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectedBy {
    /// A person, at the prompt.
    User,
    /// A permission rule.
    Policy,
    /// A hook.
    Hook,
}

/// What happened. Serialised as the stored body, so variants and fields are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// Text a person typed. `steering`: sent while the agent was busy.
    UserPrompt {
        /// The person's words only, without injected blocks.
        text: String,
        /// Sent while the agent was busy.
        #[serde(default)]
        steering: bool,
    },
    /// Text the agent wrote.
    AgentText {
        /// The text.
        text: String,
    },
    /// The agent called a tool.
    ToolCall {
        /// Joins call, result and rejection.
        call_id: String,
        /// The tool's name as the engine calls it.
        name: String,
        /// Files it names.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<String>,
        /// The shell command, if it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        command: Option<String>,
        /// A short view of the other input: an edit's new text, a query, a prompt.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
    },
    /// What came back.
    ToolResult {
        /// Joins call, result and rejection.
        call_id: String,
        /// Whether the engine flagged success; `None` if it does not say.
        #[serde(default)]
        ok: Option<bool>,
        /// Exit status, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_code: Option<i32>,
        /// Head and tail of the output.
        #[serde(default)]
        text: String,
    },
    /// A tool call was turned down.
    ToolRejected {
        /// Joins call, result and rejection.
        call_id: String,
        /// By whom.
        by: RejectedBy,
        /// What the person said with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        feedback: Option<String>,
    },
    /// A person stopped the agent.
    UserInterrupt {
        /// While a tool ran.
        #[serde(default)]
        during_tool: bool,
    },
    /// A person changed what the agent had written or proposed.
    UserEdit {
        /// The file.
        path: String,
        /// The change, where the source has it.
        #[serde(default)]
        diff: String,
    },
    /// The agent proposed a plan, or a person settled it.
    Plan {
        /// `proposed`, `approved` or `rejected`.
        state: PlanState,
        /// The plan, or the feedback on it when rejected.
        text: String,
    },
    /// The agent asked and a person answered.
    QuestionAnswered {
        /// The question.
        question: String,
        /// The answer.
        answer: String,
    },
    /// Earlier history was replaced by a summary.
    Compaction {
        /// The summary (written by a model, never counted as the person's words).
        #[serde(default)]
        summary: String,
    },
    /// A person rewound the conversation.
    Rewind {
        /// The row that was gone back to, where the source names one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<String>,
    },
    /// A hook refused.
    HookBlocked {
        /// Its message.
        text: String,
    },
    /// A whole document that already states a lesson (`docs/solutions`).
    Document {
        /// Path as given.
        path: String,
        /// Title.
        title: String,
        /// Body without front matter.
        text: String,
        /// Front matter, every key kept.
        meta: serde_json::Value,
    },
    /// A reviewer or an analyzer found something.
    Finding(Box<Finding>),
    /// Somebody committed.
    Commit {
        /// Full hash.
        sha: String,
        /// First line of the message.
        subject: String,
        /// The rest of the message.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        body: String,
        /// Author's name.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        author: String,
        /// What its message names at its end, `Reviewed-by: Ann`, without addresses.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        trailers: Vec<String>,
        /// Files changed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<String>,
        /// The commit it takes back, where it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reverts: Option<String>,
        /// The recent commit whose lines it repairs, where it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fixes: Option<String>,
        /// Subject of the commit that `reverts` or `fixes` names.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        about: String,
        /// The change in the repaired lines, where `fixes` names a commit.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        diff: String,
    },
    /// A rule that stands in a file agents read: CLAUDE.md, AGENTS.md, .cursor/rules.
    StatedRule {
        /// File, relative to the repository.
        path: String,
        /// 1-based line.
        line: u64,
        /// Headings it stands under, outermost first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        headings: Vec<String>,
        /// Globs of the files it is limited to.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        paths: Vec<String>,
        /// The rule as it stands there.
        text: String,
    },
    /// Somebody reported it by writing a file. Nothing proves who: it counts as the agent's word.
    Reported {
        /// What kind of thing it is.
        what: ReportedWhat,
        /// The words.
        text: String,
        /// The reason given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        /// Who reports it, as the file says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// Files or globs it is about, as the file says.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        paths: Vec<String>,
    },
}

/// What was reported by writing a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportedWhat {
    /// An agent did something wrong, and this is what is right.
    Correction,
    /// It holds from now on.
    Rule,
    /// A choice that was settled.
    Decision,
    /// Worth knowing.
    Note,
}

/// What became of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanState {
    /// Shown to the person.
    Proposed,
    /// Accepted.
    Approved,
    /// Turned down; the text is the feedback.
    Rejected,
}

impl EventKind {
    /// Returns the stable name used in the store, in counts and in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::UserPrompt { .. } => "user_prompt",
            Self::AgentText { .. } => "agent_text",
            Self::ToolCall { .. } => "tool_call",
            Self::ToolResult { .. } => "tool_result",
            Self::ToolRejected { .. } => "tool_rejected",
            Self::UserInterrupt { .. } => "user_interrupt",
            Self::UserEdit { .. } => "user_edit",
            Self::Plan { .. } => "plan",
            Self::QuestionAnswered { .. } => "question_answered",
            Self::Compaction { .. } => "compaction",
            Self::Rewind { .. } => "rewind",
            Self::HookBlocked { .. } => "hook_blocked",
            Self::Document { .. } => "document",
            Self::Finding(_) => "finding",
            Self::Commit { .. } => "commit",
            Self::StatedRule { .. } => "stated_rule",
            Self::Reported { .. } => "reported",
        }
    }
}
