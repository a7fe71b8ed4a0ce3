//! The clap definitions: every command and flag, and their help.
//!
//! Owns parsing only. Must not act: `commands` does.

mod export;
mod find;
mod import;

use std::net::SocketAddr;
use std::path::PathBuf;

use cemem_core::Signal;
use cemem_core::lesson::{LessonStatus, LessonType, Stage};
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args as ClapArgs, Parser, Subcommand};

pub use self::export::{ExportArgs, ExportFormat};
pub use self::find::FindArgs;
pub use self::import::ImportArgs;
use crate::config::Distiller;

mod eval;

pub use eval::{EvalCommand, PairsArgs};

/// Project memory for coding agents: learns from sessions, gives the right few lessons back.
#[derive(Debug, Parser)]
#[command(name = "cemem", version, propagate_version = true)]
pub struct Args {
    /// Flags of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do; without one the state of this project is shown.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags of every command.
#[derive(Debug, ClapArgs)]
pub struct GlobalArgs {
    /// Work on the project of this folder instead of the current one
    #[arg(long, global = true, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// Print JSON (a versioned envelope) on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Say only what matters on stderr
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set up the coding agents used here, after showing what would change
    Init(InitArgs),
    /// Read agent sessions, documents and git history, find what can be learned
    Ingest(IngestArgs),
    /// Read what agents and reviewers write as soon as it is written, until stopped
    Watch(WatchArgs),
    /// Turn candidates into lessons (ingest does this at its end)
    Consolidate(ConsolidateArgs),
    /// Find the lessons that matter for a task
    Recall(RecallArgs),
    /// Say which past mistakes and recurring findings a change is about to repeat
    Predict(PredictArgs),
    /// Answer as compound-cli's `find` does, for skills that call it: documents and passages, with scores
    Find(FindArgs),
    /// Store a lesson in your own words
    Remember(RememberArgs),
    /// Show what waits for a decision, and decide
    Review(ReviewArgs),
    /// Fail while work since the base has something to learn that nobody decided about
    Gate(GateArgs),
    /// List, show, edit, retire lessons; their history; undo
    Lessons {
        /// What to do with them.
        #[command(subcommand)]
        command: LessonsCommand,
    },
    /// Serve this project's memory to an agent over the Model Context Protocol
    Mcp(McpArgs),
    /// Bring the files that agents and people read up to the lessons
    Sync(SyncArgs),
    /// Write the lessons: one JSON line each, to read, or as documents
    Export(ExportArgs),
    /// Read lessons from a file, or what another memory program kept
    Import(ImportArgs),
    /// Measure quality on labelled data
    Eval {
        /// What to measure.
        #[command(subcommand)]
        command: EvalCommand,
    },
    /// List the models that can search, and bring one here
    Models(ModelsArgs),
    /// Show what was learned, what was shown, and what became of it
    Stats,
    /// Check the installation, the store and the index
    Doctor(DoctorArgs),
    /// Print what a shell needs to complete commands and flags
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages
    Man {
        /// The folder to write them to, made if missing.
        folder: PathBuf,
    },
    /// Answer a hook of a coding agent: its call on stdin, lessons on stdout, always exit code 0
    Hook(HookArgs),
    /// Read what is new and learn from it, in the background: what hooks start when a session ends
    #[command(hide = true)]
    Capture(CaptureArgs),
}

/// Arguments of `init`.
#[derive(Debug, ClapArgs)]
pub struct InitArgs {
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Restore what was there before
    #[arg(long)]
    pub undo: bool,
    /// Set up for all projects of this user, not for this one
    #[arg(long, conflicts_with = "undo")]
    pub user: bool,
    /// Only this engine, by its short name (may be given several times) [default: those found here]
    #[arg(long = "engine", value_name = "NAME", conflicts_with = "undo")]
    pub engines: Vec<String>,
    /// Do not read the sessions there are
    #[arg(long)]
    pub no_ingest: bool,
}

/// Arguments of `hook`.
#[derive(Debug, Default, ClapArgs)]
pub struct HookArgs {
    /// The engine that calls, by its short name: `claude-code`
    #[arg(value_name = "ENGINE")]
    pub engine: Option<String>,
    /// Its name for what happened: `SessionStart`
    #[arg(value_name = "EVENT")]
    pub event: Option<String>,
}

impl HookArgs {
    /// Returns the event's name; `?` if there is none.
    #[must_use]
    pub fn event_name(&self) -> &str {
        self.event.as_deref().unwrap_or("?")
    }
}

/// Arguments of `capture`.
#[derive(Debug, ClapArgs)]
pub struct CaptureArgs {
    /// Do not rest after the last time: a session has ended
    #[arg(long)]
    pub now: bool,
    /// Only make the vectors that are missing
    #[arg(long)]
    pub vectors: bool,
}

/// Arguments of `models`.
#[derive(Debug, ClapArgs)]
pub struct ModelsArgs {
    /// What to do; without one they are listed.
    #[command(subcommand)]
    pub command: Option<ModelsCommand>,
}

/// What can be done with models.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// Download a model, try it, and keep it; nothing else ever downloads
    Get {
        /// Its name as listed, or where it is published: `BGESmallENV15`, `bge-small-en-v1.5`
        name: String,
    },
}

/// Arguments of `doctor`.
#[derive(Debug, ClapArgs)]
pub struct DoctorArgs {
    /// Show the engines found here: versions, sessions, signals, set-up files, known failure modes
    #[arg(long)]
    pub engines: bool,
}

/// Arguments of `ingest`.
#[derive(Debug, ClapArgs)]
pub struct IngestArgs {
    /// Files or folders, any supported format; `-` reads stdin [default: this project's sessions of every engine, its
    /// rule files and its git history]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Read the git history again from this date on [default: what is new, at first one year]
    #[arg(long, value_name = "DATE", conflicts_with = "paths")]
    pub since: Option<String>,
}

/// Arguments of `watch`.
#[derive(Debug, ClapArgs)]
pub struct WatchArgs {
    /// Look at the folders again and again instead of being told by the system: for network file
    /// systems
    #[arg(long)]
    pub poll: bool,
    /// Print a systemd user unit or a launchd property list that runs this, and end
    #[arg(long)]
    pub print_service: bool,
}

/// Arguments of `consolidate`.
#[derive(Debug, ClapArgs)]
pub struct ConsolidateArgs {
    /// Show the plan, change nothing and ask nobody
    #[arg(long)]
    pub dry_run: bool,
    /// Who phrases the lessons: `agent` prints what to answer, `engine` runs an installed agent, `http` asks a
    /// model [default: what config.toml says, else rules]
    #[arg(long, value_name = "WHO", value_parser = distillers(), conflicts_with = "phrasings")]
    pub distiller: Option<Distiller>,
    /// The engine to run, by its short name [default: the first that is installed]
    #[arg(long, value_name = "NAME", conflicts_with = "phrasings")]
    pub engine: Option<String>,
    /// Take a distiller's answer from this file; `-` reads stdin
    #[arg(long, value_name = "FILE")]
    pub phrasings: Option<PathBuf>,
}

/// Arguments of `recall`.
#[derive(Debug, ClapArgs)]
pub struct RecallArgs {
    /// What you are about to do, in your own words; `-` reads stdin
    #[arg(required = true, num_args = 1.., value_name = "QUERY")]
    pub query: Vec<String>,
    /// At most this many lessons
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = at_least_one())]
    pub limit: usize,
    /// Print one block of at most this many tokens, for an agent's context
    #[arg(long, value_name = "TOKENS")]
    pub budget: Option<usize>,
    /// Only lessons of this type
    #[arg(long = "type", value_name = "TYPE", value_parser = lesson_types())]
    pub types: Vec<LessonType>,
    /// Only lessons for this stage of work, or for any
    #[arg(long, value_name = "STAGE", value_parser = stages())]
    pub stage: Option<Stage>,
    /// A path the task touches (may be given several times)
    #[arg(long = "path", value_name = "PATH")]
    pub paths: Vec<String>,
    /// Only lessons learned since this date
    #[arg(long, value_name = "DATE")]
    pub since: Option<String>,
    /// The lessons that held on this day, also those replaced since
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<String>,
    /// Also the lessons of all other projects, ranked lower and marked
    #[arg(long, conflicts_with = "as_of")]
    pub all_projects: bool,
    /// Show how every score came about
    #[arg(long)]
    pub explain: bool,
    /// Words only, without the embedding model
    #[arg(long)]
    pub no_semantic: bool,
}

/// Arguments of `predict`.
#[derive(Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
pub struct PredictArgs {
    /// A unified diff; `-` reads stdin: `git diff main | cemem predict --diff -`
    #[arg(long, value_name = "FILE", group = "change")]
    pub diff: Option<PathBuf>,
    /// A plan, in words; `-` reads stdin
    #[arg(long, value_name = "FILE", group = "change")]
    pub plan: Option<PathBuf>,
    /// A file the change touches (may be given several times)
    #[arg(long = "path", value_name = "PATH", group = "change")]
    pub paths: Vec<String>,
    /// At most this many
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = at_least_one())]
    pub limit: usize,
    /// Exit 1 if anything is at least this likely, from 0 to 1
    #[arg(long, value_name = "P", value_parser = probability)]
    pub gate: Option<f32>,
    /// Words only, without the embedding model
    #[arg(long)]
    pub no_semantic: bool,
}

/// Arguments of `remember`.
#[derive(Debug, ClapArgs)]
pub struct RememberArgs {
    /// The lesson; `-` reads stdin
    #[arg(required = true, num_args = 1.., value_name = "TEXT")]
    pub text: Vec<String>,
    /// What kind of lesson it is [default: convention, or what it is already]
    #[arg(long = "type", value_name = "TYPE", value_parser = lesson_types())]
    pub lesson_type: Option<LessonType>,
    /// A path or glob it applies to (may be given several times)
    #[arg(long = "path", value_name = "PATH")]
    pub paths: Vec<String>,
    /// Why it holds
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
}

/// Arguments of `review`.
#[derive(Debug, ClapArgs)]
pub struct ReviewArgs {
    /// Accept these lessons: they become active. What is set apart as suspicious, only the queue at a
    /// terminal accepts
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub accept: Vec<String>,
    /// Reject these lessons: they do not come back, in other words neither
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub reject: Vec<String>,
    /// Why they are rejected
    #[arg(long, value_name = "TEXT", requires = "reject")]
    pub reason: Option<String>,
    /// Accept this lesson in other words: --rule, --title, --why
    #[arg(long, value_name = "ID", requires = "words")]
    pub edit: Option<String>,
    /// New rule of the edited lesson
    #[arg(long, value_name = "TEXT", requires = "edit", group = "words")]
    pub rule: Option<String>,
    /// New title of the edited lesson; an empty one is cut from the rule
    #[arg(long, value_name = "TEXT", requires = "edit", group = "words")]
    pub title: Option<String>,
    /// New reason of the edited lesson
    #[arg(long, value_name = "TEXT", requires = "edit", group = "words")]
    pub why: Option<String>,
    /// Merge these lessons into the one after --into, which takes their evidence
    #[arg(long, value_name = "ID", num_args = 1.., requires = "into")]
    pub merge: Vec<String>,
    /// The lesson that takes the evidence
    #[arg(long, value_name = "ID", requires = "merge")]
    pub into: Option<String>,
    /// Put these off for --days, or until new evidence arrives
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub snooze: Vec<String>,
    /// For how many days they are put off
    #[arg(long, value_name = "N", default_value_t = 7, requires = "snooze",
          value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
    /// Print at most this many [default: 20]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Only this type (may be given several times)
    #[arg(long = "type", value_name = "TYPE", value_parser = lesson_types())]
    pub types: Vec<LessonType>,
    /// Only what was found this way (may be given several times)
    #[arg(long = "signal", value_name = "SIGNAL", value_parser = signals())]
    pub signals: Vec<Signal>,
    /// Start with the weak ones shown too: seen once, in words that look like the day's work
    #[arg(long)]
    pub all: bool,
    /// Print the queue also at a terminal
    #[arg(long)]
    pub list: bool,
    /// Show the lessons whose code has changed since they were learned, and what changed
    #[arg(long, conflicts_with_all = ["accept", "reject", "edit", "merge", "snooze"])]
    pub stale: bool,
}

impl ReviewArgs {
    /// Returns whether a flag decides about a lesson.
    #[must_use]
    pub fn decides(&self) -> bool {
        let ids = [&self.accept, &self.reject, &self.merge, &self.snooze];
        ids.iter().any(|ids| !ids.is_empty()) || self.edit.is_some()
    }
}

/// Arguments of `gate`.
#[derive(Debug, ClapArgs)]
pub struct GateArgs {
    /// What the work is measured from: a branch, a tag, a commit [default: the remote's default branch,
    /// else `main` or `master`; outside git the last settlement]
    #[arg(long, value_name = "REF")]
    pub base: Option<String>,
    /// Pass, and record that what waits holds nothing to learn, and why
    #[arg(long, value_name = "WHY")]
    pub nothing_to_learn: Option<String>,
    /// Look at what is stored already, without reading what is new
    #[arg(long)]
    pub no_ingest: bool,
}

/// What can be done with lessons.
#[derive(Debug, Subcommand)]
pub enum LessonsCommand {
    /// List lessons
    List {
        /// Only this status, `delivered` (active and stale), or `all`
        #[arg(long, default_value = "delivered", value_parser = status_filter())]
        status: StatusFilter,
        /// Only this type
        #[arg(long = "type", value_name = "TYPE", value_parser = lesson_types())]
        types: Vec<LessonType>,
    },
    /// Show one lesson with its evidence
    Show {
        /// Id, or its first digits
        id: String,
    },
    /// Change a lesson's words, type or paths
    Edit {
        /// Id, or its first digits
        id: String,
        /// New rule
        #[arg(long)]
        rule: Option<String>,
        /// New title; an empty one is cut from the rule
        #[arg(long)]
        title: Option<String>,
        /// New reason
        #[arg(long)]
        why: Option<String>,
        /// New type
        #[arg(long = "type", value_name = "TYPE", value_parser = lesson_types())]
        lesson_type: Option<LessonType>,
        /// New paths it applies to, instead of the old ones
        #[arg(long = "path", value_name = "PATH")]
        paths: Vec<String>,
    },
    /// Take lessons out; they stay in the history
    Retire {
        /// Ids, or their first digits
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Let lessons hold in every project: recall shows them there too, marked
    Promote {
        /// Ids, or their first digits
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Say whether lessons helped or misled; your newest word on a lesson counts
    #[command(group = clap::ArgGroup::new("word").required(true))]
    Feedback {
        /// Ids, or their first digits
        #[arg(required = true)]
        ids: Vec<String>,
        /// They helped
        #[arg(long, group = "word")]
        helped: bool,
        /// They misled
        #[arg(long, group = "word")]
        harmed: bool,
        /// How
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Make the ranking forget which lessons helped with past tasks; lessons and verdicts stay
    Unlearn,
    /// Show the changes of one lesson, or the latest of all
    History {
        /// Id, or its first digits
        id: Option<String>,
        /// At most this many changes
        #[arg(long, default_value_t = 20, value_parser = at_least_one())]
        limit: usize,
    },
    /// Undo the latest change, or the one with this number (an undo too)
    Undo {
        /// Number as shown by `history`
        change: Option<i64>,
    },
}

/// One status, or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusFilter {
    /// Every status.
    All,
    /// What recall may show.
    Delivered,
    /// Only this one.
    Only(LessonStatus),
}

/// Arguments of `mcp`.
#[derive(Debug, ClapArgs)]
pub struct McpArgs {
    /// Serve streamable HTTP on this machine, behind a token, instead of standard input and output
    /// [default: a free port]
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "0",
          value_parser = crate::mcp::address)]
    pub http: Option<SocketAddr>,
}

/// Longest managed block where nobody says otherwise, in lines.
const BLOCK_LINES: usize = 60;

/// Arguments of `sync`.
#[derive(Debug, ClapArgs)]
pub struct SyncArgs {
    /// The file to write, created if missing [default: those of CLAUDE.md, .claude/CLAUDE.md, GEMINI.md,
    /// QWEN.md, .github/copilot-instructions.md, .cursor/rules/cemem.mdc and AGENTS.md that exist]
    #[arg(long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Longest block, in lines
    #[arg(long, default_value_t = BLOCK_LINES, value_name = "N")]
    pub lines: usize,
    /// Show the diff, write nothing
    #[arg(long, conflicts_with = "check")]
    pub dry_run: bool,
    /// Write nothing; exit 1 if a file is out of date or was edited by hand
    #[arg(long)]
    pub check: bool,
    /// Make what was edited by hand an edit of the lessons, take in lessons of other memories for review,
    /// then write
    #[arg(long, conflicts_with_all = ["force", "check", "dry_run"])]
    pub take_edits: bool,
    /// Write over what was edited by hand
    #[arg(long)]
    pub force: bool,
}

impl Default for SyncArgs {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            lines: BLOCK_LINES,
            dry_run: false,
            check: false,
            take_edits: false,
            force: false,
        }
    }
}

fn at_least_one() -> impl clap::builder::TypedValueParser<Value = usize> {
    clap::builder::RangedU64ValueParser::<usize>::new().range(1..)
}

fn probability(text: &str) -> Result<f32, String> {
    let p = text.parse().ok().filter(|p| (0.0..=1.0).contains(p));
    p.ok_or_else(|| "not a probability from 0 to 1".to_owned())
}

fn lesson_types() -> impl clap::builder::TypedValueParser<Value = LessonType> {
    PossibleValuesParser::new(LessonType::ALL.iter().map(|t| t.as_str()))
        .map(|s| LessonType::parse(&s).expect("clap accepted one of the names"))
}

fn signals() -> impl clap::builder::TypedValueParser<Value = Signal> {
    PossibleValuesParser::new(Signal::ALL.iter().map(|s| s.as_str()))
        .map(|s| Signal::parse(&s).expect("clap accepted one of the names"))
}

fn distillers() -> impl clap::builder::TypedValueParser<Value = Distiller> {
    PossibleValuesParser::new(Distiller::NAMES.iter().map(|(name, _)| *name)).map(|name| {
        let named = Distiller::NAMES.into_iter().find(|(n, _)| *n == name);
        named.expect("clap accepted one of the names").1
    })
}

fn stages() -> impl clap::builder::TypedValueParser<Value = Stage> {
    PossibleValuesParser::new(Stage::ALL.iter().map(|t| t.as_str()))
        .map(|s| Stage::parse(&s).expect("clap accepted one of the names"))
}

fn status_filter() -> impl clap::builder::TypedValueParser<Value = StatusFilter> {
    let names = LessonStatus::ALL.iter().map(|s| s.as_str()).chain(["delivered", "all"]);
    PossibleValuesParser::new(names).map(|s| match LessonStatus::parse(&s) {
        Some(status) => StatusFilter::Only(status),
        None if s == "delivered" => StatusFilter::Delivered,
        None => StatusFilter::All,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_hold() {
        use clap::CommandFactory as _;
        Args::command().debug_assert();
    }
}
