//! `cemem ingest`: sessions and documents in, candidates and lessons out, one summary.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use cemem_core::durable::IoResultExt as _;
use cemem_core::scratch;
use cemem_core::store::Applied;
use cemem_core::{Store, Timestamp};
use cemem_ingest::anchors::Looked;
use cemem_ingest::discover::discover;
use cemem_ingest::{
    HistoryOptions, IngestOptions, Input, NoProgress, Progress, Redactor, Report, inbox, ingest,
    learn, missing_documents, missing_folders, read_history, spool,
};
use serde_json::json;
use tempfile::NamedTempFile;

use super::{JSON_VERSION, code, sync};
use crate::args::IngestArgs;
use crate::command_error::CommandError;
use crate::context::{Context, absolute};
use crate::ui::Bar;
use crate::{engine_places, exit_code, priority};

/// Flaws shown one by one; the rest are counted, and `--json` has more.
const SHOWN_ERRORS: usize = 5;

pub(super) fn run(context: &mut Context, args: &IngestArgs) -> Result<u8, CommandError> {
    priority::yield_to_others(priority::BULK);
    let since = super::since(args.since.as_deref())?;
    scratch::sweep(&std::env::temp_dir());
    let piped = if is_piped(args) { Some(Piped::read(context)?) } else { None };
    let mut store = context.store()?;
    store.check_writable()?;
    let bar = Bar::new(context.ui.shows_progress());
    let report = read(context, &mut store, &args.paths, since, piped.as_ref(), &bar)?;
    drop(bar);
    let passed = learn(&mut store).map(|(_, applied)| applied);
    let looked = passed.is_ok().then(|| code::look(context, &mut store));
    let op = |applied: &Applied| applied.op != 0;
    let seen = looked.as_ref().and_then(|l| l.as_ref().ok());
    if passed.as_ref().is_ok_and(op) || seen.is_some_and(|l| op(&l.applied)) {
        context.catch_up(&store, None);
    }
    // What was read is in the store, whatever becomes of the pass.
    tell(context, &report, passed.as_ref().copied().unwrap_or_default(), seen)?;
    passed?;
    looked.transpose()?;
    sync::follow(context);
    if let (Some(_), 1, true) = (&piped, args.paths.len(), report.files == 0) {
        return Err(unrecognised());
    }
    let nothing_readable = report.files == 0 && report.error_count > 0;
    Ok(if nothing_readable { exit_code::FAILED } else { exit_code::OK })
}

/// Reads the given paths, or everything there is of this project; candidates are found, lessons not
/// made yet.
fn read(
    context: &Context,
    store: &mut Store,
    paths: &[PathBuf],
    since: Option<Timestamp>,
    piped: Option<&Piped>,
    progress: &dyn Progress,
) -> Result<Report, CommandError> {
    let everything = paths.is_empty();
    let mut report = Report::default();
    let places = engine_places::of(context);
    if everything {
        inbox::take(&places.roots, context.clock).tell(&mut report);
    }
    let mut inputs = inputs(context, paths, piped)?;
    if everything {
        inputs.extend(missing_documents(store, &places)?);
    }
    let redactor = Redactor::new();
    let options = IngestOptions { redactor: &redactor, progress, roots: &places.roots, threads: 0 };
    // Before the sessions: the run over those looks for candidates in all that is new.
    if everything {
        let history = HistoryOptions { since, ..HistoryOptions::new(&redactor, &places.roots) };
        report.absorb(read_history(store, &history)?);
    }
    report.absorb(ingest(store, &inputs, &options)?);
    Ok(report)
}

/// Brings the store up to what there is of this project, as `cemem ingest` does, for a command that
/// looks at the result. What could not be read is told in one line.
pub(crate) fn refresh(
    context: &Context,
    store: &mut Store,
    progress: &dyn Progress,
) -> Result<(), CommandError> {
    store.check_writable()?;
    let report = read(context, store, &[], None, None, progress)?;
    if report.error_count > 0 {
        let n = report.error_count;
        context.ui.warn(&format!("{n} that could not be read: `cemem ingest` names them"));
    }
    learn(store)?;
    Ok(())
}

/// Reads and learns all there is of this project, as `cemem ingest` does, for nobody who watches; vectors are
/// not made yet. Returns the store as it is then.
pub(crate) fn in_background(context: &Context) -> Result<Store, CommandError> {
    let mut store = context.store()?;
    refresh(context, &mut store, &NoProgress)?;
    code::look(context, &mut store)?;
    Ok(store)
}

/// What came through standard input, kept as a file as long as this lives.
struct Piped {
    file: NamedTempFile,
    called: String,
}

impl Piped {
    /// Copies standard input into a file that only the user can read.
    fn read(context: &Context) -> Result<Self, CommandError> {
        let mut stdin = std::io::stdin().lock();
        if stdin.is_terminal() {
            context.ui.say("reading standard input; Ctrl-D ends it");
        }
        let aside = std::env::temp_dir();
        let mut file = scratch::file_in(&aside).context("create a file in", &aside)?;
        // What was piped may hold anything and is not redacted yet: it does not stay behind.
        let copy = file.path().to_owned();
        ctrlc::set_handler(move || {
            std::fs::remove_file(&copy).ok();
            std::process::exit(exit_code::INTERRUPTED.into());
        })
        .map_err(|e| CommandError::Internal(format!("cannot wait for signals: {e}")))?;
        let spooled =
            spool(&mut stdin, file.as_file_mut()).context("copy standard input to", file.path())?;
        if spooled.bytes == 0 {
            return Err(CommandError::user("standard input is empty")
                .hint("pipe a session or a report into it: `gh api … | cemem ingest -`"));
        }
        Ok(Self { file, called: spooled.name })
    }
}

fn is_piped(args: &IngestArgs) -> bool {
    args.paths.iter().any(|p| p == Path::new("-"))
}

fn unrecognised() -> CommandError {
    CommandError::user("what came through standard input has no format that is known").hint(
        "sessions of every engine in `cemem doctor --engines`, SARIF, GitHub and GitLab reviews, \
         linter and test reports are recognised by their content",
    )
}

/// Returns what to read: the given paths, or every place that holds sessions of this project.
fn inputs(
    context: &Context,
    paths: &[PathBuf],
    piped: Option<&Piped>,
) -> Result<Vec<Input>, CommandError> {
    if !paths.is_empty() {
        let files = paths.iter().filter(|p| *p != Path::new("-"));
        let named = files.map(|p| Ok(Input::named(absolute(p)?)));
        let piped = piped.map(|p| Ok(Input::piped(p.file.path(), p.called.clone())));
        return named.chain(piped).collect();
    }
    let places = engine_places::of(context);
    let found = discover(&places);
    if found.is_empty() {
        context.ui.say(&format!(
            "no sessions of `{}` found for any engine cemem knows (`cemem doctor --engines` says \
             where it looks); `cemem ingest PATH` reads them from elsewhere",
            context.project.name
        ));
    }
    Ok(found.into_iter().map(Input::from).chain(missing_folders(&places)).collect())
}

fn tell(
    context: &Context,
    report: &Report,
    applied: Applied,
    looked: Option<&Looked>,
) -> Result<(), CommandError> {
    if context.ui.json {
        return context.ui.print_json(&json!({
            "version": JSON_VERSION,
            "project": context.project.name,
            "files": report.files,
            "files_read": report.files_read,
            "formats": report.formats,
            "bytes": report.bytes,
            "events": report.events,
            "events_new": report.events_new,
            "skipped": report.skipped,
            "errors": report.errors,
            "error_count": report.error_count,
            "candidates": report.candidates,
            "lessons": { "created": applied.created, "updated": applied.updated,
                         "dropped": applied.dropped },
            "code": looked.map(code::as_json),
            "duration_ms": report.duration.as_secs_f64() * 1000.0,
        }));
    }
    warn_of_errors(context, report);
    let code = looked.map(code::line).unwrap_or_default();
    context.ui.print(&format!("{}{code}", summary(report, applied)))
}

/// Says what could not be read.
pub(super) fn warn_of_errors(context: &Context, report: &Report) {
    for error in report.errors.iter().take(SHOWN_ERRORS) {
        context.ui.warn(&error.to_string());
    }
    let more = report.error_count.saturating_sub(SHOWN_ERRORS as u64);
    if more > 0 {
        context.ui.warn(&format!("and {more} more that could not be read"));
    }
}

/// Returns the summary a person reads.
fn summary(report: &Report, applied: Applied) -> String {
    let formats: Vec<_> = report.formats.iter().map(|(name, n)| format!("{name} {n}")).collect();
    let mut skipped: Vec<_> = report.skipped.iter().collect();
    skipped.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    let shown: Vec<_> = skipped.iter().take(6).map(|(kind, n)| format!("{kind} {n}")).collect();
    let rest = if skipped.len() > 6 { ", …" } else { "" };
    let or_none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
    format!(
        "files       {} ({}), {} read\n\
         events      {}, {} new\n\
         skipped     {}{rest}\n\
         candidates  {} new or changed\n\
         lessons     {} new, {} changed; {} candidates set aside\n",
        report.files,
        or_none(formats.join(", ")),
        report.files_read,
        report.events,
        report.events_new,
        or_none(shown.join(", ")),
        report.candidates,
        applied.created,
        applied.updated,
        applied.dropped,
    )
}
