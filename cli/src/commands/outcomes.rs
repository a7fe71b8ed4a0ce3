//! What became of lessons, as people see and say it: `cemem lessons feedback` and `unlearn`, and the
//! counters beside a lesson.
//!
//! Owns the verdicts people give. Must not change a lesson: the counters are an input of the pass.

use std::collections::BTreeMap;

use cemem_core::exchange::shorten;
use cemem_core::{Counters, Lesson, LessonId, Outcome, Store, Verdict, VerdictSource};
use cemem_ingest::Redactor;
use serde_json::{Value, json};

use super::{JSON_VERSION, lessons, show};
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit_code;
use crate::ui::one_line;

/// Longest note kept, in characters.
const MAX_NOTE: usize = 600;

pub(super) fn feedback(
    context: &Context,
    ids: &[String],
    helped: bool,
    note: Option<&str>,
) -> Result<u8, CommandError> {
    let mut store = context.store()?;
    let about = note_feedback(context, &mut store, ids, helped, note)?;
    let code = output(context, &store, &about, |lesson, _| show::brief(lesson))?;
    let other = if helped { "harmed" } else { "helped" };
    context.ui.say(&format!("noted; `--{other}` on the same lesson takes its place"));
    Ok(code)
}

/// Stores what somebody says of lessons; returns the lessons.
///
/// # Errors
/// When an id is unknown or the store cannot be written.
pub(crate) fn note_feedback(
    context: &Context,
    store: &mut Store,
    ids: &[String],
    helped: bool,
    note: Option<&str>,
) -> Result<Vec<Lesson>, CommandError> {
    let about = lessons::get_all(store, ids)?;
    let note = note.map(|n| shorten(&one_line(&Redactor::new().redact(n)), MAX_NOTE));
    let said: Vec<Outcome> = about
        .iter()
        .map(|lesson| Outcome {
            lesson: lesson.id.clone(),
            ts: context.clock.now(),
            verdict: if helped { Verdict::Helped } else { Verdict::Harmed },
            source: VerdictSource::Feedback,
            session: None,
            event_key: String::new(),
            note: note.clone().unwrap_or_default(),
        })
        .collect();
    store.record_feedback(&said)?;
    Ok(about)
}

/// Makes the ranking start anew.
pub(super) fn unlearn(context: &Context) -> Result<u8, CommandError> {
    let mut store = context.store()?;
    let uses = store.uses()?.len();
    store.forget_uses()?;
    if context.ui.json {
        context.ui.print_json(&json!({ "version": JSON_VERSION, "uses": uses }))?;
    } else {
        context.ui.print(&format!(
            "the ranking forgot {uses} uses of lessons in past tasks; lessons and verdicts stay\n"
        ))?;
    }
    Ok(exit_code::OK)
}

/// Prints lessons with their counters, as JSON or with the given view.
pub(super) fn output(
    context: &Context,
    store: &Store,
    lessons: &[Lesson],
    view: impl Fn(&Lesson, &Counters) -> String,
) -> Result<u8, CommandError> {
    let counters = store.counters()?;
    if context.ui.json {
        let lessons = with_counters(lessons, &counters)?;
        context.ui.print_json(&json!({ "version": JSON_VERSION, "lessons": lessons }))?;
    } else {
        let of = |l: &Lesson| counters.get(&l.id).copied().unwrap_or_default();
        context.ui.print(&lessons.iter().map(|l| view(l, &of(l))).collect::<String>())?;
    }
    Ok(exit_code::OK)
}

/// Returns counters in a few words; nothing where there is nothing to tell.
pub(super) fn told(c: &Counters) -> String {
    let parts = [
        ("shown", c.shown),
        ("heeded", c.heeded),
        ("violated", c.violated),
        ("recurred", c.recurred),
        ("helped", c.helped),
        ("harmed", c.harmed),
    ];
    let told = parts.iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{name} {n}"));
    told.collect::<Vec<_>>().join(", ")
}

/// Returns lessons as JSON, each with its counters.
pub(super) fn with_counters(
    lessons: &[Lesson],
    counters: &BTreeMap<LessonId, Counters>,
) -> Result<Vec<Value>, CommandError> {
    lessons
        .iter()
        .map(|lesson| {
            let mut value = serde_json::to_value(lesson)?;
            if let Some(object) = value.as_object_mut() {
                let counters = counters.get(&lesson.id).copied().unwrap_or_default();
                object.insert("counters".into(), serde_json::to_value(counters)?);
            }
            Ok(value)
        })
        .collect()
}
