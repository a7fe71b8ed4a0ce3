//! `cemem eval outcomes`: what would have become of the lessons of some sessions, had each stood in
//! front of the agents from the moment it was first said.
//!
//! Owns the replay. Must not touch the project's own memory.

use std::path::{Path, PathBuf};

use cemem_core::durable::write_durable;
use cemem_core::store::LessonFilter;
use cemem_core::{Channel, Exposure, Store};
use cemem_ingest::outcomes;
use serde_json::{Value, json};

use super::JSON_VERSION;
use super::learned::learned_from;
use crate::command_error::CommandError;
use crate::context::{Context, absolute};
use crate::exit_code;

/// A file that every agent reads when it begins.
const PLACE: &str = "AGENTS.md";

pub(super) fn run(
    context: &Context,
    sessions: &[PathBuf],
    out: Option<&Path>,
) -> Result<u8, CommandError> {
    let mut store = learned_from(context, sessions)?;
    let mut lessons = store.lessons(&LessonFilter::default())?;
    lessons.retain(|l| l.status.is_recallable());
    let stands: Vec<Exposure> = lessons
        .iter()
        .map(|lesson| Exposure {
            lesson: lesson.id.clone(),
            ts: lesson.created,
            until: None,
            channel: Channel::Sync,
            session: None,
            place: PLACE.to_owned(),
            rank: 0,
        })
        .collect();
    store.record_exposures(&stands)?;
    outcomes::judge(&mut store)?;
    let checkable = lessons.iter().filter(|l| outcomes::is_checkable(l)).count();
    let talks = store.spans(true)?.iter().filter(|s| s.prompted).count();
    let rows = rows(&store)?;
    if let Some(out) = out {
        let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
        write_durable(&absolute(out)?, text.as_bytes())?;
    }
    let counters = store.counters()?;
    let sum = |of: fn(&cemem_core::Counters) -> u64| counters.values().map(of).sum::<u64>();
    let (heeded, violated) = (sum(|c| c.heeded), sum(|c| c.violated));
    let recurred = sum(|c| c.recurred);
    if context.ui.json {
        context.ui.print_json(&json!({
            "version": JSON_VERSION, "sessions": talks, "lessons": lessons.len(),
            "checkable": checkable, "heeded": heeded, "violated": violated, "recurred": recurred,
        }))?;
    } else {
        context.ui.print(&format!(
            "sessions {talks}  lessons {}  checkable {checkable}\n\
             heeded {heeded}  violated {violated}  recurred {recurred}\n",
            lessons.len()
        ))?;
    }
    Ok(exit_code::OK)
}

/// Returns one row a verdict, with the rule it is about and the words it rests on.
fn rows(store: &Store) -> Result<Vec<Value>, CommandError> {
    let lessons = store.lessons(&LessonFilter::default())?;
    let verdicts = store.outcomes()?;
    let row = |o: &cemem_core::Outcome| {
        let lesson = lessons.iter().find(|l| l.id == o.lesson);
        let session = o.session.as_ref();
        json!({
            "lesson": o.lesson, "rule": lesson.map(|l| &l.rule), "verdict": o.verdict.as_str(),
            "engine": session.map(|s| &s.engine), "session": session.map(|s| &s.id), "ts": o.ts,
            "event": o.event_key, "words": o.note,
            "first": lesson.and_then(|l| l.evidence.first()).map(|e| &e.quote),
        })
    };
    Ok(verdicts.iter().map(row).collect())
}
