//! `cemem export` and `cemem import`: one lesson a line.

use std::fs::File;
use std::io::{BufRead, BufReader};

use cemem_core::durable::{IoResultExt as _, write_durable};
use cemem_core::exchange::{from_line, to_line};
use cemem_core::lesson::Lesson;
use cemem_core::store::{LessonFilter, Store};
use cemem_ingest::Redactor;
use serde_json::json;

use super::{JSON_VERSION, lessons};
use crate::args::{ExportArgs, ImportArgs};
use crate::command_error::CommandError;
use crate::context::{Context, absolute};
use crate::exit_code;

/// Bad lines shown one by one; the rest are counted.
const SHOWN_ERRORS: usize = 10;

pub(super) fn export(context: &mut Context, args: &ExportArgs) -> Result<u8, CommandError> {
    let filter = LessonFilter { statuses: lessons::statuses(args.status), types: Vec::new() };
    let mut lessons = context.store_to_read()?.lessons(&filter)?;
    lessons.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    let text: String = lessons.iter().map(|l| to_line(l) + "\n").collect();
    match &args.output {
        None => context.ui.print(&text)?,
        Some(path) => {
            let path = absolute(path)?;
            write_durable(&path, text.as_bytes())?;
            context.ui.say(&format!("{} lessons written to {}", lessons.len(), path.display()));
        }
    }
    Ok(exit_code::OK)
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
            Ok(lesson) => read.push(lesson),
            Err(error) => errors.push(format!("{source}:{}: {error}", idx + 1)),
        }
    }
    let fresh = new_or_changed(&store, read)?;
    if !fresh.is_empty() {
        store.put_lessons(&fresh, "import", "import", &source)?;
    }
    finish(context, fresh.len(), &errors)
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

/// Returns the lessons that are not in the store exactly like this, each id once (the last wins).
fn new_or_changed(store: &Store, read: Vec<Lesson>) -> Result<Vec<Lesson>, CommandError> {
    let mut by_id = std::collections::BTreeMap::new();
    for lesson in read {
        by_id.insert(lesson.id.clone(), lesson);
    }
    let mut fresh = Vec::new();
    for (id, lesson) in by_id {
        let known = store.lesson(&id)?;
        // A line without dates gets today's: that alone is no change.
        let same = known.is_some_and(|k| {
            k == Lesson { created: k.created, updated: k.updated, ..lesson.clone() }
        });
        if !same {
            fresh.push(lesson);
        }
    }
    Ok(fresh)
}

fn finish(context: &Context, imported: usize, errors: &[String]) -> Result<u8, CommandError> {
    if context.ui.json {
        context.ui.print_json(&json!({
            "version": JSON_VERSION, "imported": imported, "errors": errors,
        }))?;
    } else {
        for error in errors.iter().take(SHOWN_ERRORS) {
            context.ui.warn(error);
        }
        if errors.len() > SHOWN_ERRORS {
            context.ui.warn(&format!("and {} more lines", errors.len() - SHOWN_ERRORS));
        }
        context
            .ui
            .print(&format!("{imported} lessons imported, {} lines skipped\n", errors.len()))?;
    }
    Ok(if errors.is_empty() { exit_code::OK } else { exit_code::FAILED })
}
