//! `cemem export` and `cemem import`: one lesson a line.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use cemem_core::durable::{IoResultExt as _, write_shared};
use cemem_core::exchange::{from_line, to_line};
use cemem_core::store::{Imported, LessonFilter, Store};
use cemem_core::{Lesson, LessonStatus, Trust};
use cemem_ingest::Redactor;
use cemem_ingest::extract::injection;
use serde_json::json;

use super::sync::documents::{self, Place};
use super::sync::target::is_inside;
use super::{JSON_VERSION, lessons};
use crate::args::{ExportArgs, ExportFormat, ImportArgs};
use crate::command_error::CommandError;
use crate::context::{Context, absolute};
use crate::exit_code;

/// Bad lines shown one by one; the rest are counted.
const SHOWN_ERRORS: usize = 10;

pub(super) fn export(context: &mut Context, args: &ExportArgs) -> Result<u8, CommandError> {
    let filter = LessonFilter { statuses: lessons::statuses(args.status), types: Vec::new() };
    let mut lessons = lessons::whole(&context.store_to_read()?, &filter)?;
    lessons.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    if args.format == ExportFormat::Solutions {
        return documents(context, &lessons, args.output.as_deref());
    }
    let text: String = lessons.iter().map(|l| to_line(l) + "\n").collect();
    match &args.output {
        None => context.ui.print(&text)?,
        Some(path) => {
            let path = absolute(path)?;
            write_shared(&path, text.as_bytes())?;
            context.ui.say(&format!("{} lessons written to {}", lessons.len(), path.display()));
        }
    }
    Ok(exit_code::OK)
}

/// Writes a document for each lesson into a folder: the one it came from, or a new one.
fn documents(
    context: &Context,
    lessons: &[Lesson],
    folder: Option<&Path>,
) -> Result<u8, CommandError> {
    let Some(folder) = folder else {
        return Err(CommandError::user("documents need a folder")
            .hint("`cemem export --format solutions --output docs/solutions`"));
    };
    let folder = absolute(folder)?;
    std::fs::create_dir_all(&folder).context("create folder", &folder)?;
    let project = &context.project;
    let roots = project.worktrees.iter().chain([&project.root]).map(PathBuf::as_path).collect();
    let place = Place {
        roots,
        root: &project.root,
        folder: folder.clone(),
        module: &project.name,
        all: true,
        force: false,
    };
    let planned = documents::plan(&context.store_to_read()?, lessons, &place)?;
    let mut n_written = 0;
    for target in planned.targets.iter().filter(|target| target.is_due()) {
        if !is_inside(&folder, &target.path) {
            let path = target.path.display();
            context.ui.warn(&format!("a link leads `{path}` elsewhere; it was left alone"));
            continue;
        }
        target.write()?;
        n_written += 1;
    }
    for drift in &planned.drifts {
        let path = drift.path.display();
        context.ui.warn(&format!("`{path}` was edited by hand; it was left alone"));
    }
    if context.ui.json {
        let edited: Vec<_> = planned.drifts.iter().map(|drift| &drift.path).collect();
        context.ui.print_json(&json!({
            "version": JSON_VERSION, "documents": planned.targets.len(), "written": n_written,
            "edited": edited,
        }))?;
    }
    let n_same = planned.targets.len() - n_written;
    context.ui.say(&format!(
        "{n_written} documents written to {}, {n_same} were up to date",
        folder.display()
    ));
    Ok(if planned.drifts.is_empty() { exit_code::OK } else { exit_code::FAILED })
}

pub(super) fn import(context: &mut Context, args: &ImportArgs) -> Result<u8, CommandError> {
    let (source, reader): (String, Box<dyn BufRead>) = if args.file.as_os_str() == "-" {
        ("stdin".into(), Box::new(BufReader::new(std::io::stdin())))
    } else {
        let path = absolute(&args.file)?;
        let file = File::open(&path).context("read", &path)?;
        (path.to_string_lossy().into_owned(), Box::new(BufReader::new(file)))
    };
    let mut store = context.store()?;
    let redactor = Redactor::new();
    let (mut read, mut errors) = (Vec::new(), Vec::new());
    for (idx, line) in reader.split(b'\n').enumerate() {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        let line = line.trim().trim_start_matches('\u{feff}');
        if line.is_empty() {
            continue;
        }
        match from_line(&redacted(line, &redactor), &source, idx + 1, context.clock.now()) {
            Ok(line) => read.push(line),
            Err(error) => errors.push(format!("{source}:{}: {error}", idx + 1)),
        }
    }
    let mut held = 0;
    for line in &mut read {
        held += usize::from(hold_back(&mut line.lesson, &store)?);
    }
    let done = store.import(read, &source)?;
    if held > 0 {
        context.ui.warn(&format!(
            "{held} of the lessons would have an agent do something that could harm: `cemem review` \
             shows them"
        ));
    }
    let code = finish(context, done, &errors)?;
    if done.imported > 0 {
        context.catch_up(&store);
    }
    Ok(code)
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

fn finish(context: &Context, done: Imported, errors: &[String]) -> Result<u8, CommandError> {
    let Imported { imported, unchanged, quarantined } = done;
    let read = imported + unchanged + errors.len();
    if context.ui.json {
        context.ui.print_json(&json!({
            "version": JSON_VERSION, "read": read, "imported": imported, "unchanged": unchanged,
            "quarantined": quarantined, "errors": errors,
        }))?;
    } else {
        for error in errors.iter().take(SHOWN_ERRORS) {
            context.ui.warn(error);
        }
        if errors.len() > SHOWN_ERRORS {
            context.ui.warn(&format!("and {} more lines", errors.len() - SHOWN_ERRORS));
        }
        context.ui.print(&format!(
            "{read} lines read: {imported} imported, {unchanged} unchanged, {} skipped\n",
            errors.len()
        ))?;
        if quarantined > 0 {
            context.ui.say(&format!(
                "{quarantined} of them came from tool output: `cemem review` shows them"
            ));
        }
    }
    Ok(if errors.is_empty() { exit_code::OK } else { exit_code::FAILED })
}
