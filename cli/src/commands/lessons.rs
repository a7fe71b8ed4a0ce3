//! `cemem lessons`: list, show, edit, retire, history, undo; `outcomes` has feedback and unlearn.

use std::fmt::Write as _;

use cemem_core::Timestamp;
use cemem_core::lesson::{Lesson, LessonStatus, LessonType, Scope};
use cemem_core::store::{Decision, LessonFilter, LogRow, Store, StoreError};
use cemem_ingest::Redactor;
use serde_json::{Value, json};

use super::remember::typed;
use super::review::{Words, reword};
use super::{JSON_VERSION, elsewhere, outcomes, show};
use crate::args::{LessonsCommand, StatusFilter};
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit_code;
use crate::nearest::{any_of, nearest};
use crate::ui::one_line;

pub(super) fn run(context: &mut Context, command: LessonsCommand) -> Result<u8, CommandError> {
    match command {
        LessonsCommand::List { status, types } => list(context, status, types),
        LessonsCommand::Show { id } => show_one(context, &id),
        LessonsCommand::Edit { id, rule, title, why, lesson_type, paths } => {
            let paths = Some(typed(context, &paths)).filter(|paths| !paths.is_empty());
            edit(context, &id, &Words { rule, title, why, lesson_type, paths, body: None })
        }
        LessonsCommand::Retire { ids } => {
            let mut store = context.store()?;
            let (_, retired) = retire(&mut store, &ids, context.clock.now(), "user", "")?;
            elsewhere::settle(context, &retired)?;
            output(context, &retired, show::brief)
        }
        LessonsCommand::Promote { ids } => promote(context, &ids),
        LessonsCommand::Feedback { ids, helped, harmed: _, note } => {
            outcomes::feedback(context, &ids, helped, note.as_deref())
        }
        LessonsCommand::Unlearn => outcomes::unlearn(context),
        LessonsCommand::History { id, limit } => history(context, id.as_deref(), limit),
        LessonsCommand::Undo { change } => undo(context, change),
    }
}

/// Returns the statuses of a filter, as the store wants them.
pub(crate) fn statuses(filter: StatusFilter) -> Vec<LessonStatus> {
    match filter {
        StatusFilter::All => Vec::new(),
        StatusFilter::Delivered => vec![LessonStatus::Active, LessonStatus::Stale],
        StatusFilter::Only(status) => vec![status],
    }
}

/// Returns the lessons that fit, and checks that none is missing.
pub(crate) fn whole(store: &Store, filter: &LessonFilter) -> Result<Vec<Lesson>, CommandError> {
    store.verify_lessons()?;
    Ok(store.lessons(filter)?)
}

/// Returns the lesson with this id or prefix.
pub(crate) fn get(store: &Store, id: &str) -> Result<Lesson, CommandError> {
    let id = store.resolve_id(id).map_err(|error| with_near(store, error))?;
    store.lesson(&id)?.ok_or_else(|| CommandError::Internal(format!("`{id}` vanished")))
}

/// Returns the error with the lessons that were perhaps meant, as its advice.
fn with_near(store: &Store, error: StoreError) -> CommandError {
    let StoreError::NoSuchLesson(typed) = &error else { return error.into() };
    let all = store.lessons(&LessonFilter::default()).unwrap_or_default();
    let digits = typed.trim().trim_start_matches(['L', 'l', '-']);
    let near = nearest(digits, all.iter().map(|l| l.id.as_str().trim_start_matches("L-")));
    let named = |digits: &&str| all.iter().find(|l| l.id.as_str().ends_with(digits));
    let names: Vec<String> = near
        .iter()
        .filter_map(named)
        .map(|l| format!("`{}` ({})", l.id, one_line(&l.title)))
        .collect();
    match names.is_empty() {
        true => error.into(),
        false => {
            CommandError::user(error.to_string()).hint(format!("did you mean {}?", any_of(&names)))
        }
    }
}

/// Returns the lessons with these ids or prefixes, each once.
pub(crate) fn get_all(store: &Store, ids: &[String]) -> Result<Vec<Lesson>, CommandError> {
    let mut lessons: Vec<Lesson> = Vec::with_capacity(ids.len());
    for id in ids {
        let lesson = get(store, id)?;
        if lessons.iter().all(|known| known.id != lesson.id) {
            lessons.push(lesson);
        }
    }
    Ok(lessons)
}

/// What the log calls it when lessons are taken out.
pub(crate) const RETIRE: &str = "retire";

/// Takes lessons out as one change, for a reason that may be empty; returns the number of the change and
/// the lessons as they stand. `actor` is who tells it.
///
/// # Errors
/// When an id is unknown, or the store cannot be written.
pub(crate) fn retire(
    store: &mut Store,
    ids: &[String],
    now: Timestamp,
    actor: &str,
    reason: &str,
) -> Result<(i64, Vec<Lesson>), CommandError> {
    let mut lessons = get_all(store, ids)?;
    for lesson in &mut lessons {
        lesson.status = LessonStatus::Retired;
        lesson.snoozed_until = None;
        // Else the next pass would find it in the same sessions again.
        lesson.reviewed = true;
        lesson.updated = now;
    }
    let note = one_line(&Redactor::new().redact(reason));
    let decision = Decision { lessons: &lessons, verb: RETIRE, note: &note };
    let change = store.put_decisions(&[decision], actor)?;
    Ok((change, lessons))
}

/// Prints lessons as JSON or with the given view.
pub(super) fn output(
    context: &Context,
    lessons: &[Lesson],
    view: impl Fn(&Lesson) -> String,
) -> Result<u8, CommandError> {
    if context.ui.json {
        context.ui.print_json(&json!({ "version": JSON_VERSION, "lessons": lessons }))?;
    } else {
        context.ui.print(&lessons.iter().map(view).collect::<String>())?;
    }
    Ok(exit_code::OK)
}

fn list(
    context: &Context,
    status: StatusFilter,
    types: Vec<LessonType>,
) -> Result<u8, CommandError> {
    let filter = LessonFilter { statuses: statuses(status), types };
    let store = context.store_to_read()?;
    let mut lessons = whole(&store, &filter)?;
    lessons
        .sort_by(|a, b| (a.lesson_type, a.created, &a.id).cmp(&(b.lesson_type, b.created, &b.id)));
    if lessons.is_empty() {
        context.ui.say("no lessons yet: `cemem ingest` reads this project's sessions");
    }
    outcomes::output(context, &store, &lessons, |lesson, _| show::brief(lesson))
}

/// Shows a lesson in full: one of this project's, or by its whole id one that another memory lends to answers.
fn show_one(context: &Context, id: &str) -> Result<u8, CommandError> {
    let store = context.store_to_read()?;
    let lent = match store.resolve_id(id) {
        Err(StoreError::NoSuchLesson(_)) => elsewhere::find(context, id)?,
        _ => None,
    };
    let (store, lesson, origin) = match lent {
        Some(lent) => (lent.store, lent.lesson, Some(lent.origin)),
        None => {
            let lesson = get(&store, id)?;
            (store, lesson, None)
        }
    };
    if context.ui.json {
        let mut lessons = outcomes::with_counters(&[lesson], &store.counters()?)?;
        lessons[0]["origin"] = json!(origin);
        context.ui.print_json(&json!({ "version": JSON_VERSION, "lessons": lessons }))?;
        return Ok(exit_code::OK);
    }
    if let Some(origin) = &origin {
        context.ui.say(&format!("learned in {origin}"));
    }
    outcomes::output(context, &store, &[lesson], show::full)
}

fn edit(context: &Context, id: &str, words: &Words) -> Result<u8, CommandError> {
    if *words == Words::default() {
        return Err(CommandError::user("nothing to change")
            .hint("give --rule, --title, --why, --type or --path"));
    }
    let redactor = Redactor::new();
    let mut store = context.store()?;
    let mut lesson = get(&store, id)?;
    reword(&mut lesson, words, &redactor)?;
    if lesson.status.is_recallable() {
        lesson.take_code_as_it_is();
    }
    lesson.reviewed = true;
    lesson.updated = context.clock.now();
    store.put_lessons(std::slice::from_ref(&lesson), "user", "edit", "")?;
    elsewhere::settle(context, std::slice::from_ref(&lesson))?;
    output(context, &[lesson], show::brief)
}

/// Lets lessons hold in every project, as one undoable step.
fn promote(context: &Context, ids: &[String]) -> Result<u8, CommandError> {
    let mut store = context.store()?;
    let mut lessons = get_all(&store, ids)?;
    if let Some(other) = lessons.iter().find(|lesson| !lesson.status.is_recallable()) {
        return Err(CommandError::user(format!("`{}` is {}, not active", other.id, other.status))
            .hint("`cemem review --accept` makes it active"));
    }
    for lesson in &mut lessons {
        lesson.scope = Scope::User;
        lesson.reviewed = true;
        lesson.updated = context.clock.now();
    }
    store.put_lessons(&lessons, "user", "promote", "")?;
    elsewhere::settle(context, &lessons)?;
    context.ui.say("recall shows it in every project now; `cemem lessons undo` takes that back");
    output(context, &lessons, show::brief)
}

fn history(context: &Context, id: Option<&str>, limit: usize) -> Result<u8, CommandError> {
    let store = context.store_to_read()?;
    let mut rows = match id {
        Some(id) => store.history(&store.resolve_id(id)?)?,
        None => store.log(limit)?,
    };
    if id.is_some() {
        rows.reverse();
        rows.truncate(limit);
    }
    if context.ui.json {
        let changes: Vec<Value> = rows.iter().map(row_json).collect();
        context.ui.print_json(&json!({ "version": JSON_VERSION, "changes": changes }))?;
        return Ok(exit_code::OK);
    }
    let mut out = String::new();
    for row in &rows {
        let undone = row.undone_by.map(|op| format!(" (undone by {op})")).unwrap_or_default();
        let note =
            if row.note.is_empty() { String::new() } else { format!(": {}", one_line(&row.note)) };
        // Writing to a string cannot fail.
        let _ignored = writeln!(
            out,
            "{:>5}  {}  {:<7} {:<10} {}  {}{note}{undone}",
            row.op,
            row.ts.date(),
            row.actor,
            row.verb,
            row.lesson,
            one_line(&row.after.title)
        );
    }
    context.ui.print(&out)?;
    Ok(exit_code::OK)
}

fn row_json(row: &LogRow) -> Value {
    json!({
        "change": row.op, "ts": row.ts, "actor": row.actor, "verb": row.verb, "note": row.note,
        "lesson": row.lesson, "before": row.before, "after": row.after, "undone_by": row.undone_by,
    })
}

fn undo(context: &Context, change: Option<i64>) -> Result<u8, CommandError> {
    let mut store = context.store()?;
    let undone = store.undo(change, "user")?;
    let changed: Result<Vec<_>, _> = undone.lessons.iter().map(|id| store.lesson(id)).collect();
    elsewhere::settle(context, &changed?.into_iter().flatten().collect::<Vec<_>>())?;
    if context.ui.json {
        context.ui.print_json(&json!({
            "version": JSON_VERSION, "change": undone.op, "by": undone.by, "redone": undone.redone,
            "lessons": undone.lessons,
        }))?;
    } else {
        let ids: Vec<_> = undone.lessons.iter().map(ToString::to_string).collect();
        context.ui.print(&format!("undid change {}: {}\n", undone.op, ids.join(", ")))?;
        context.ui.say(&format!("`cemem lessons undo {}` takes this back", undone.by));
    }
    super::catch_up(context, &store);
    Ok(exit_code::OK)
}
