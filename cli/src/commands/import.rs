//! `cemem import`: lessons from a file of lessons, or from what another memory program kept.
//!
//! Owns the choice of the reader, by content, and the report. What another program kept waits for a
//! person; rules and memories that `ingest` knows go that way. Must not read any format itself.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read as _};
use std::path::{Path, PathBuf};

use cemem_core::durable::IoResultExt as _;
use cemem_core::exchange::{Line, from_line};
use cemem_core::foreign::{ForeignDb, ForeignError, is_database};
use cemem_core::store::{Imported, Store};
use cemem_core::{Lesson, LessonStatus, Trust};
use cemem_ingest::Redactor;
use cemem_ingest::extract::injection;
use cemem_ingest::memories::{self, Format, Memories};
use cemem_ingest::sniff::{Probe, identify, identify_database};
use serde_json::{Value, json};

use super::{JSON_VERSION, ingest, show};
use crate::args::{ImportArgs, IngestArgs};
use crate::command_error::CommandError;
use crate::context::{Context, absolute};
use crate::exit_code;
use crate::ui::one_line;

/// Bad lines shown one by one; the rest are counted.
const SHOWN_ERRORS: usize = 10;
/// Bytes that tell a format.
const HEAD: usize = 64 * 1024;
/// Largest document read whole, in bytes.
const MAX_DOCUMENT: u64 = 256 << 20;
/// Most projects named when none fits.
const SHOWN_PROJECTS: usize = 8;

/// What was found in a file.
#[derive(Default)]
struct Batch {
    /// Who wrote it; `cemem` for lines of lessons.
    program: &'static str,
    lines: Vec<Line>,
    /// What is no lesson.
    errors: Vec<String>,
    /// What was left out, by why.
    skipped: Vec<(&'static str, usize)>,
}

pub(super) fn run(context: &mut Context, args: &ImportArgs) -> Result<u8, CommandError> {
    let source = Source::open(&args.file)?;
    if let Some(known) = &source.sessions {
        return read_as_sessions(context, args, known);
    }
    let name = source.name.clone();
    let batch = source.read(context, args)?;
    if args.dry_run {
        return preview(context, batch);
    }
    let mut store = context.store()?;
    let Batch { program, mut lines, errors, skipped } = batch;
    let mut held = 0;
    for line in &mut lines {
        held += usize::from(hold_back(&mut line.lesson, &store)?);
    }
    let waits = |l: &Line| l.lesson.is_waiting() && l.lesson.status != LessonStatus::Quarantined;
    let waiting = lines.iter().any(waits);
    let done = store.import(lines, &name)?;
    if held > 0 {
        context.ui.warn(&format!(
            "{held} of the lessons would have an agent do something that could harm: `cemem review` \
             shows them"
        ));
    }
    let told = Told { program, done, errors: &errors, skipped: &skipped, dry_run: false };
    let code = finish(context, &told)?;
    if done.imported > done.quarantined && waiting && !context.ui.json {
        context.ui.say("nobody here has said so yet: `cemem review` decides about them");
    }
    if done.imported > 0 {
        super::catch_up(context, &store);
    }
    Ok(code)
}

/// A file, recognised.
struct Source {
    name: String,
    path: Option<PathBuf>,
    /// The first bytes.
    head: Vec<u8>,
    rest: Box<dyn BufRead>,
    format: Option<Format>,
    /// `ingest` knows this.
    sessions: Option<PathBuf>,
}

impl Source {
    fn open(file: &Path) -> Result<Self, CommandError> {
        let stdin = file.as_os_str() == "-";
        let path = if stdin { None } else { Some(absolute(file)?) };
        let name =
            path.as_deref().map_or_else(|| "stdin".into(), Path::to_string_lossy).into_owned();
        let empty = || Box::new(std::io::empty());
        if let Some(folder) = path.as_ref().filter(|path| path.is_dir()) {
            let format = memories::has_notes(folder).then_some(Format::BasicMemoryNote);
            let sessions = format.is_none().then(|| folder.clone());
            return Ok(Self { name, path, head: Vec::new(), rest: empty(), format, sessions });
        }
        let mut rest: Box<dyn BufRead> = match &path {
            Some(path) => Box::new(BufReader::new(File::open(path).context("read", path)?)),
            None => Box::new(BufReader::new(std::io::stdin())),
        };
        let mut head = Vec::new();
        (&mut rest).take(HEAD as u64).read_to_end(&mut head)?;
        let mut source = Self { name, path, head, rest, format: None, sessions: None };
        if is_database(&source.head) {
            source.tell_database()?;
        } else {
            source.tell_text();
        }
        Ok(source)
    }

    fn tell_database(&mut self) -> Result<(), CommandError> {
        let Some(path) = &self.path else {
            return Err(CommandError::user("a database cannot come through standard input")
                .hint("give its path: `cemem import PATH`"));
        };
        let db = open(path)?;
        self.format = Format::of_database(&db).map_err(|e| unreadable(path, e))?;
        if self.format.is_none() {
            let tables = db.tables().map_err(|e| unreadable(path, e))?;
            if identify_database(&tables).is_none() {
                return Err(unknown(path));
            }
            self.sessions = Some(path.clone());
        }
        Ok(())
    }

    /// A file of lessons is the last that is tried, but the first that is seen: its lines say `rule`.
    fn tell_text(&mut self) {
        let head = String::from_utf8_lossy(&self.head).into_owned();
        let probe_path = self.path.clone().unwrap_or_default();
        let probe = Probe::new(&head, &probe_path);
        let is_lesson = |row: &serde_json::Map<String, Value>| row.contains_key("rule");
        if probe.rows().next().is_some_and(is_lesson) {
            return;
        }
        self.format = Format::of_text(&head);
        if self.format.is_none() && identify(&probe).is_some() {
            self.sessions.clone_from(&self.path);
        }
    }

    fn read(self, context: &Context, args: &ImportArgs) -> Result<Batch, CommandError> {
        let Some(format) = self.format else { return self.lessons(context) };
        let (redactor, name) = (Redactor::new(), self.name.clone());
        let wanted = names(context, args);
        let mut found = match &self.path {
            Some(folder) if folder.is_dir() => memories::notes(folder),
            Some(path) if is_database(&self.head) => {
                let db = open(path)?;
                format.read_database(&db, Some(&wanted)).map_err(|e| unreadable(path, e))?
            }
            _ => format.read_text(&self.text()?),
        };
        if found.found.is_empty() && !found.projects.is_empty() && !found.knows(&wanted) {
            return Err(no_such_project(format, &found, args));
        }
        let (root, now) = (&context.project.root, context.clock.now());
        let lines = memories::lines(&mut found, format, &name, root, &redactor, now);
        let Memories { skipped, errors, .. } = found;
        let skipped = skipped.into_iter().collect();
        Ok(Batch { program: format.program(), lines, errors, skipped })
    }

    /// Returns the whole text.
    fn text(self) -> Result<String, CommandError> {
        let mut bytes = self.head;
        self.rest.take(MAX_DOCUMENT).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_DOCUMENT {
            let message = format!("`{}` is too large to be read whole", self.name);
            return Err(CommandError::user(message).hint("split it, or export less"));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Reads a file of lessons, line by line.
    fn lessons(self, context: &Context) -> Result<Batch, CommandError> {
        let mut batch = Batch { program: "cemem", ..Batch::default() };
        let redactor = Redactor::new();
        let source = &self.name;
        for (idx, line) in Cursor::new(self.head).chain(self.rest).split(b'\n').enumerate() {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            let line = line.trim().trim_start_matches('\u{feff}');
            if line.is_empty() {
                continue;
            }
            match from_line(&redacted(line, &redactor), source, idx + 1, context.clock.now()) {
                Ok(line) => batch.lines.push(line),
                Err(error) => batch.errors.push(format!("{source}:{}: {error}", idx + 1)),
            }
        }
        Ok(batch)
    }
}

fn open(path: &Path) -> Result<ForeignDb, CommandError> {
    ForeignDb::open(path).map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, error: ForeignError) -> CommandError {
    CommandError::User {
        message: format!("cannot read the database `{}`", path.display()),
        source: Some(Box::new(error)),
        hint: Some("if its program is running, close it and try again".into()),
    }
}

fn unknown(path: &Path) -> CommandError {
    let programs: Vec<&str> = Format::ALL.iter().map(|format| format.program()).collect();
    let known = |i: usize| i == 0 || programs[i] != programs[i - 1];
    let programs: Vec<&str> =
        (0..programs.len()).filter(|i| known(*i)).map(|i| programs[i]).collect();
    CommandError::user(format!("`{}` is a database of no program that is known", path.display()))
        .hint(format!("read are: lessons as JSON lines, and what {} keep", programs.join(", ")))
}

/// Returns what this project may be called elsewhere.
fn names(context: &Context, args: &ImportArgs) -> Vec<String> {
    if let Some(name) = &args.from {
        return vec![name.clone()];
    }
    let folder = context.project.root.file_name().map(|name| name.to_string_lossy().into_owned());
    let mut names = vec![context.project.name.clone()];
    names.extend(folder.filter(|folder| *folder != context.project.name));
    names
}

fn no_such_project(format: Format, found: &Memories, args: &ImportArgs) -> CommandError {
    let mut known: Vec<_> = found.projects.iter().collect();
    known.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    let shown = known.iter().take(SHOWN_PROJECTS);
    let shown: Vec<String> = shown.map(|(name, n)| format!("{} ({n})", one_line(name))).collect();
    let more = known.len().saturating_sub(SHOWN_PROJECTS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let what = match &args.from {
        Some(name) => format!("nothing of a project `{}`", one_line(name)),
        None => "nothing of this project".to_owned(),
    };
    CommandError::user(format!("{} keeps {what}", format.program()))
        .hint(format!("`--from NAME` takes another: {}{more}", shown.join(", ")))
}

/// Hands a file that `ingest` knows to it.
fn read_as_sessions(
    context: &mut Context,
    args: &ImportArgs,
    path: &Path,
) -> Result<u8, CommandError> {
    if args.dry_run {
        let message =
            format!("`{}` is read by `cemem ingest`, which has no dry run", path.display());
        return Err(CommandError::user(message)
            .hint("what it finds waits in `cemem review` unless it is sure"));
    }
    ingest::run(context, &IngestArgs { paths: vec![path.to_owned()], since: None })
}

/// Says what would be imported.
fn preview(context: &Context, batch: Batch) -> Result<u8, CommandError> {
    let store = context.store_to_read()?;
    let Batch { program, mut lines, errors, skipped } = batch;
    for line in &mut lines {
        hold_back(&mut line.lesson, &store)?;
    }
    let (done, fresh) = store.preview_import(lines)?;
    if !context.ui.json {
        context.ui.print(&fresh.iter().map(show::brief).collect::<String>())?;
    }
    finish(context, &Told { program, done, errors: &errors, skipped: &skipped, dry_run: true })
}

/// Lets a lesson wait for a person when following it could do harm, or when nobody vouches for it and
/// it gives orders to agents; returns whether it waits. What a person accepted here stays accepted.
pub(super) fn hold_back(lesson: &mut Lesson, store: &Store) -> Result<bool, CommandError> {
    let risk = {
        let texts =
            [Some(&lesson.title), Some(&lesson.rule), lesson.why.as_ref(), lesson.body.as_ref()];
        let any = |risky: fn(&str) -> bool| texts.iter().flatten().any(|t| risky(t));
        match lesson.trust {
            Trust::User | Trust::HumanReview if any(injection::is_dangerous) => {
                LessonStatus::Candidate
            }
            Trust::User | Trust::HumanReview => return Ok(false),
            _ if any(injection::is_suspicious) => LessonStatus::Quarantined,
            _ => return Ok(false),
        }
    };
    if !lesson.status.is_recallable() {
        return Ok(false);
    }
    let accepted = store.lesson(&lesson.id)?.is_some_and(|known| {
        known.status.is_recallable() && known.rule == lesson.rule && known.body == lesson.body
    });
    if !accepted {
        lesson.status = risk;
    }
    Ok(!accepted)
}

/// Returns the line without secrets: nothing is stored unredacted, wherever it comes from. A line that
/// is no JSON comes back as it is, for the reader of lessons to reject.
fn redacted(line: &str, redactor: &Redactor) -> String {
    match serde_json::from_str::<serde_json::Value>(line) {
        Ok(mut value) => {
            redactor.redact_value(&mut value);
            value.to_string()
        }
        Err(_) => line.to_owned(),
    }
}

/// What an import did, or would do.
struct Told<'a> {
    program: &'static str,
    done: Imported,
    errors: &'a [String],
    skipped: &'a [(&'static str, usize)],
    dry_run: bool,
}

fn finish(context: &Context, told: &Told<'_>) -> Result<u8, CommandError> {
    let Told { program, done, errors, skipped, dry_run } = told;
    let Imported { imported, unchanged, quarantined } = *done;
    let left_out: usize = skipped.iter().map(|(_, n)| n).sum();
    let read = imported + unchanged + errors.len() + left_out;
    if context.ui.json {
        let skipped: serde_json::Map<String, Value> =
            skipped.iter().map(|(why, n)| ((*why).to_owned(), json!(n))).collect();
        context.ui.print_json(&json!({
            "version": JSON_VERSION, "program": program, "dry_run": dry_run, "read": read,
            "imported": imported, "unchanged": unchanged, "quarantined": quarantined,
            "skipped": skipped, "errors": errors,
        }))?;
    } else {
        for error in errors.iter().take(SHOWN_ERRORS) {
            context.ui.warn(error);
        }
        if errors.len() > SHOWN_ERRORS {
            context.ui.warn(&format!("and {} more lines", errors.len() - SHOWN_ERRORS));
        }
        let (what, would) = match (*program, dry_run) {
            ("cemem", false) => ("lines".to_owned(), ""),
            ("cemem", true) => ("lines".to_owned(), "would be "),
            (name, false) => (format!("memories of {name}"), ""),
            (name, true) => (format!("memories of {name}"), "would be "),
        };
        context.ui.print(&format!(
            "{read} {what} read: {imported} {would}imported, {unchanged} unchanged, {} skipped\n",
            errors.len() + left_out
        ))?;
        for (why, n) in *skipped {
            context.ui.say(&format!("skipped: {n} {why}"));
        }
        if quarantined > 0 {
            let why = match *program {
                "cemem" => "came from tool output",
                _ => "read like an order to an agent",
            };
            context.ui.say(&format!("{quarantined} of them {why}: `cemem review` shows them"));
        }
    }
    Ok(if errors.is_empty() { exit_code::OK } else { exit_code::FAILED })
}
