//! The one table of engines: where each keeps its sessions, what can be read, how it is run.
//!
//! Owns [`Engine`] and [`ENGINES`]. Everything that enumerates engines (`ingest`, `watch`, `doctor`,
//! `docs/engines.md`) reads this table and nothing else, so that they cannot drift apart. Must not
//! read the environment or start programs: it only says how.

pub mod markdown;
pub(crate) mod settings;
pub mod setup;

use std::path::PathBuf;

use crate::discover::{Found, Places};
use crate::distill::reply::Shape;
use crate::engines::setup::{Hooks, Mcp};
use crate::source::Source;
use crate::sources::inbox;
use crate::sources::{
    aider, amp, antigravity, claude_code, cline, codemachine, codex, copilot_chat, copilot_cli,
    cursor, droid, entire, gemini_cli, goose, opencode, openhands, pi, qwen_code, rules, solutions,
    specstory, swe_agent,
};

/// Every engine, in the order they are shown and asked to recognise a file. Adding one: a folder
/// under `sources`, a fixture, a line here (`docs/adding-a-source.md`).
pub static ENGINES: &[&Engine] = &[
    &claude_code::ROW,
    &codex::ROW,
    &copilot_cli::ROW,
    &copilot_chat::ROW,
    &gemini_cli::ROW,
    &antigravity::ROW,
    &qwen_code::ROW,
    &opencode::ROW,
    &goose::ROW,
    &pi::ROW,
    &cursor::ROW,
    &cline::CLINE_ROW,
    &cline::ROO_ROW,
    &cline::KILO_ROW,
    &amp::ROW,
    &droid::ROW,
    &aider::ROW,
    &codemachine::ROW,
    &openhands::ROW,
    &swe_agent::ROW,
    &specstory::ROW,
    &entire::ROW,
    &solutions::ROW,
    &rules::RULE_FILES,
    &rules::CLAUDE_MEMORY,
    &rules::RECORDS,
    &inbox::ROW,
];

/// What is known of one engine.
pub struct Engine {
    /// Short name, the same wherever it is shown: `claude-code`. Sources of the engine report it.
    pub name: &'static str,
    /// The name people use.
    pub label: &'static str,
    /// What the reader rests on.
    pub standing: Standing,
    /// Environment variables that move its folders.
    pub variables: &'static [&'static str],
    /// The executable, where there is one: `claude`.
    pub program: Option<&'static str>,
    /// Readers of its formats; empty where another engine's reader reads its files.
    pub formats: &'static [&'static dyn Source],
    /// Returns the folders (or files) in which it keeps sessions, whether they exist or not: what
    /// `watch` watches.
    pub bases: fn(&Places) -> Vec<PathBuf>,
    /// Returns those of its sessions that belong to the project.
    pub find: fn(&Places) -> Vec<Found>,
    /// What people do that its sessions show.
    pub signals: &'static [Signal],
    /// Its hooks; `None` if it has none that a memory can use.
    pub hooks: Option<Hooks>,
    /// Its MCP servers; `None` if it has none.
    pub mcp: Option<Mcp>,
    /// How it runs without a person; `None` if it cannot.
    pub headless: Option<Headless>,
    /// What is known to go wrong, one sentence each.
    pub failure_modes: &'static [&'static str],
}

impl Engine {
    /// Returns the files in which its hooks are set up, the project's first, as people write them.
    #[must_use]
    pub fn hook_files(&self) -> Vec<String> {
        self.hooks.map_or_else(Vec::new, |hooks| hooks.file.shown())
    }

    /// Returns the files in which its MCP servers are set up, as [`Self::hook_files`] does.
    #[must_use]
    pub fn mcp_files(&self) -> Vec<String> {
        self.mcp.map_or_else(Vec::new, |mcp| mcp.file.shown())
    }

    /// Returns the command line of a run without a person, `{prompt}` standing for the prompt.
    #[must_use]
    pub fn command_line(&self) -> Option<String> {
        let headless = self.headless?;
        let env = headless.env.iter().map(|(name, value)| format!("{name}={value}"));
        let args = headless.args.iter().map(|arg| (*arg).to_owned());
        Some(env.chain([self.program?.to_owned()]).chain(args).collect::<Vec<_>>().join(" "))
    }
}

/// How an engine runs without a person.
#[derive(Debug, Clone, Copy)]
pub struct Headless {
    /// Its arguments, `{prompt}` standing for the prompt.
    pub args: &'static [&'static str],
    /// What its environment must say: it runs in a folder that it has never seen.
    pub env: &'static [(&'static str, &'static str)],
    /// How it prints what the model said.
    pub shape: Shape,
}

impl Headless {
    /// Returns the row of an engine that prints text.
    #[must_use]
    pub const fn text(args: &'static [&'static str]) -> Self {
        Self { args, env: &[], shape: Shape::Text }
    }

    /// Returns the arguments with the prompt in its place.
    #[must_use]
    pub fn with_prompt(&self, prompt: &str) -> Vec<String> {
        self.args.iter().map(|arg| arg.replace("{prompt}", prompt)).collect()
    }
}

/// What a reader rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Genuine sessions, or the engine's own source.
    Proven,
    /// Descriptions by others: works on the described shape.
    Experimental,
}

impl Standing {
    /// Returns the word shown in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Experimental => "experimental",
        }
    }
}

/// A kind of signal that sessions of an engine can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// A typed prompt.
    Prompt,
    /// Words sent while the agent was busy.
    Steering,
    /// A tool call turned down.
    Rejection,
    /// A tool call turned down with words.
    Feedback,
    /// The agent stopped.
    Interrupt,
    /// A proposal edited by hand.
    Edit,
    /// A plan approved or turned down.
    Plan,
    /// A question of the agent answered.
    Question,
    /// The conversation rewound.
    Rewind,
    /// History replaced by a summary.
    Compaction,
    /// A hook refused.
    HookBlock,
    /// Commands with their outcome.
    Outcome,
    /// Review findings.
    Finding,
}

impl Signal {
    /// Every signal, in the order of the tables.
    pub const ALL: &'static [Self] = &[
        Self::Prompt,
        Self::Steering,
        Self::Rejection,
        Self::Feedback,
        Self::Interrupt,
        Self::Edit,
        Self::Plan,
        Self::Question,
        Self::Rewind,
        Self::Compaction,
        Self::HookBlock,
        Self::Outcome,
        Self::Finding,
    ];

    /// Returns the word shown in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Steering => "steering",
            Self::Rejection => "rejection",
            Self::Feedback => "feedback",
            Self::Interrupt => "interrupt",
            Self::Edit => "edit",
            Self::Plan => "plan",
            Self::Question => "question",
            Self::Rewind => "rewind",
            Self::Compaction => "compaction",
            Self::HookBlock => "hook block",
            Self::Outcome => "outcome",
            Self::Finding => "finding",
        }
    }
}

/// Returns the engine of a short name.
#[must_use]
pub fn engine(name: &str) -> Option<&'static Engine> {
    ENGINES.iter().copied().find(|e| e.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_formats_report_their_engine() {
        let names: BTreeSet<_> = ENGINES.iter().map(|e| e.name).collect();
        assert_eq!(names.len(), ENGINES.len());
        let formats: BTreeSet<_> = crate::source::sources().map(|s| s.info().format).collect();
        assert_eq!(formats.len(), crate::source::sources().count());
        for row in ENGINES {
            for format in row.formats {
                assert_eq!(format.info().engine, row.name);
            }
        }
    }

    #[test]
    fn an_engine_in_no_home_finds_nothing() {
        for row in ENGINES {
            assert!((row.find)(&Places::default()).is_empty(), "{}", row.name);
        }
    }
}
