//! `cemem review --stale`: the lessons whose code has changed since they were learned.
//!
//! Owns what is told of the change: where, since which commit, the line as it was and as it is. Must
//! not look at the code: `ingest` does, and leaves its findings on the anchors.

use cemem_core::lesson::Lesson;
use cemem_core::store::LessonFilter;
use serde_json::{Value, json};

use super::super::{JSON_VERSION, lessons, show};
use crate::args::StatusFilter;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit_code;

/// Shows what is doubtful: the lessons that are stale, and those a person decided about whose code
/// changed all the same.
pub(super) fn run(context: &Context, limit: usize) -> Result<u8, CommandError> {
    let statuses = lessons::statuses(StatusFilter::Delivered);
    let filter = LessonFilter { statuses, types: Vec::new() };
    let mut doubtful = context.store_to_read()?.lessons(&filter)?;
    doubtful.retain(Lesson::is_doubtful);
    // What is surest would be missed most.
    doubtful.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then_with(|| a.id.cmp(&b.id)));
    let total = doubtful.len();
    doubtful.truncate(limit);
    if context.ui.json {
        let lessons: Vec<Value> = doubtful.iter().map(as_json).collect();
        context.ui.print_json(&json!({
            "version": JSON_VERSION, "stale": total, "lessons": lessons,
        }))?;
        return Ok(exit_code::OK);
    }
    context.ui.print(&doubtful.iter().map(entry).collect::<String>())?;
    if total == 0 {
        context.ui.say("the code of every lesson is as it was, as far as it was looked at");
    } else {
        context.ui.say(&format!(
            "{} of {total} shown; `cemem review --accept ID…` if it still holds, `cemem lessons edit \
             ID --rule TEXT` or `cemem lessons retire ID…` if not",
            doubtful.len()
        ));
    }
    Ok(exit_code::OK)
}

fn entry(lesson: &Lesson) -> String {
    let changes: String = lesson.drifted().map(show::change).collect();
    format!("{}{changes}\n", show::brief(lesson))
}

fn as_json(lesson: &Lesson) -> Value {
    let changes: Vec<Value> = lesson
        .drifted()
        .filter_map(|anchor| {
            let drift = anchor.drift.as_ref()?;
            Some(json!({
                "path": anchor.path, "symbol": anchor.symbol, "state": drift.state,
                "since": drift.since, "was": anchor.quote, "now": drift.now,
            }))
        })
        .collect();
    json!({
        "id": lesson.id, "type": lesson.lesson_type, "rule": lesson.rule, "status": lesson.status,
        "reviewed": lesson.reviewed, "confidence": lesson.confidence, "changes": changes,
    })
}
