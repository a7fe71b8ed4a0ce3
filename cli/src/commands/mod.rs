//! One module a command; this one only dispatches.

mod as_of;
mod code;
mod consolidate;
mod corrections;
pub(crate) mod distilled;
mod doctor;
pub(crate) mod elsewhere;
mod engines;
mod eval;
mod exchange;
mod find;
mod foreseen;
mod gate;
mod import;
pub(crate) mod ingest;
mod init;
mod learned;
pub(crate) mod lessons;
mod mcp;
mod models;
pub(crate) mod outcomes;
mod pairs;
pub(crate) mod predict;
pub(crate) mod recall;
pub mod reference;
pub(crate) mod remember;
mod replayed;
pub(crate) mod review;
pub(crate) mod show;
mod starters;
mod state;
mod stats;
mod suite;
pub(crate) mod sync;
mod watch;

use std::time::Duration;

use cemem_core::{Store, Timestamp};

use crate::args::Command;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::hooks::capture;
use crate::{distill, exit_code};

/// Version of every `--json` envelope; raised when a field changes meaning or goes away.
pub const JSON_VERSION: u32 = 1;

/// How long a command that changes lessons makes vectors while a person waits.
const MOMENT: Duration = Duration::from_secs(1);

/// Brings the indexes up to what a command has changed; what takes longer than a moment is done in the background.
fn catch_up(context: &Context, store: &Store) {
    if context.catch_up(store, Some(MOMENT)) {
        capture::start_for_vectors(context);
    }
}

/// Runs a command and returns its exit code.
///
/// # Errors
/// What the command could not do.
pub fn run(context: &mut Context, command: Option<Command>) -> Result<u8, CommandError> {
    let Some(command) = command else { return state::run(context) };
    // What runs inside a distiller is no work of a person's, whatever its hooks start.
    let learns = matches!(
        command,
        Command::Ingest(_)
            | Command::Watch(_)
            | Command::Consolidate(_)
            | Command::Gate(_)
            | Command::Capture(_)
    );
    if learns && distill::is_running() {
        context.ui.say("nothing is learned inside a distiller");
        return Ok(exit_code::OK);
    }
    match command {
        Command::Init(args) => init::run(context, &args),
        Command::Ingest(args) => ingest::run(context, &args),
        Command::Watch(args) => watch::run(context, &args),
        Command::Consolidate(args) => consolidate::run(context, &args),
        Command::Recall(args) => recall::run(context, &args),
        Command::Predict(args) => predict::run(context, &args),
        Command::Find(args) => find::run(context, &args),
        Command::Remember(args) => remember::run(context, &args),
        Command::Review(args) => review::run(context, &args),
        Command::Gate(args) => gate::run(context, &args),
        Command::Lessons { command } => lessons::run(context, command),
        Command::Mcp(args) => mcp::run(context, &args),
        Command::Sync(args) => sync::run(context, &args),
        Command::Export(args) => exchange::export(context, &args),
        Command::Import(args) => import::run(context, &args),
        Command::Eval { command } => eval::run(context, command),
        Command::Models(args) => models::run(context, &args),
        Command::Stats => stats::run(context),
        Command::Doctor(args) => doctor::run(context, &args),
        Command::Capture(args) => capture::run(context, &args),
        Command::Completions { shell } => reference::completions(context, shell),
        Command::Man { folder } => reference::man(context, &folder),
        // Answered before there was a context: see `crate::main_impl`.
        Command::Hook(_) => Ok(exit_code::OK),
    }
}

/// Returns the time a `--since` names.
fn since(date: Option<&str>) -> Result<Option<Timestamp>, CommandError> {
    let Some(text) = date else { return Ok(None) };
    let not_a_date =
        || CommandError::user(format!("`{text}` is not a date")).hint("--since 2026-01-31");
    Timestamp::parse(text).map(Some).ok_or_else(not_a_date)
}

/// Returns the words of an argument list as one text; a lone `-` reads stdin.
fn text_of(words: &[String]) -> Result<String, CommandError> {
    use std::io::Read as _;
    /// More than this is no text a person means: the rest is left unread.
    const MAX_STDIN: u64 = 4 << 20;
    if words != ["-"] {
        return Ok(words.join(" "));
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(MAX_STDIN).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
