//! `cemem recall --as-of DATE`: what held on a day, whatever became of it since.
//!
//! Owns which lessons held when. The question is put to a store in memory that holds them as they
//! stood, through the same search as any other; nothing of it is kept.

use std::collections::HashMap;

use cemem_core::{Clock, Lesson, LessonId, LessonStatus, Store, Timestamp};
use cemem_retrieve::{Answer, Engine, Query};

use crate::command_error::CommandError;

/// Passages that are embedded for one question; beyond, lessons are found by words only, and the
/// answer says so.
const MAX_EMBEDDED: usize = 600;

/// Answers from the lessons that held at `date`, with the models of `engine`; each comes back as it stands now,
/// so that the reader sees what replaced it.
pub(super) fn recall(
    engine: &Engine,
    store: &Store,
    query: &Query,
    date: Timestamp,
) -> Result<Answer, CommandError> {
    let held: Vec<Lesson> =
        store.lessons(&Default::default())?.into_iter().filter(|l| held_at(l, date)).collect();
    let then: Vec<Lesson> = held.iter().map(|l| as_it_stood(l, date)).collect();
    let mut past = Store::open_in_memory(Clock::Fixed(date))?;
    if !then.is_empty() {
        past.put_lessons(&then, "recall", "import", "")?;
    }
    let folder = tempfile::tempdir()?;
    let mut engine = engine.elsewhere(folder.path());
    engine.catch_up(&past, MAX_EMBEDDED)?;
    let mut answer = engine.recall(&past, query)?;
    let mut now: HashMap<LessonId, Lesson> = held.into_iter().map(|l| (l.id.clone(), l)).collect();
    for hit in &mut answer.results {
        if let Some(lesson) = now.remove(&hit.lesson.id) {
            hit.lesson = lesson;
        }
    }
    Ok(answer)
}

/// Returns whether a lesson held at a time: learned by then, and either still delivered or replaced
/// only later. What was merged into another lesson is answered by that one; what a person took out
/// never held.
fn held_at(lesson: &Lesson, date: Timestamp) -> bool {
    let begun = lesson.valid_from.unwrap_or(lesson.created) <= date;
    let ended = lesson.valid_to.is_some_and(|end| end <= date);
    let stood = match lesson.status {
        LessonStatus::Active | LessonStatus::Stale => true,
        LessonStatus::Superseded => lesson.valid_to.is_some(),
        LessonStatus::Candidate | LessonStatus::Retired | LessonStatus::Quarantined => false,
    };
    begun && !ended && stood
}

/// Returns the lesson as the search of that day would have met it.
fn as_it_stood(lesson: &Lesson, date: Timestamp) -> Lesson {
    let mut then = lesson.clone();
    then.status = LessonStatus::Active;
    // What was said later was not known.
    let known = |e: &cemem_core::Evidence| e.turn_ts.is_none_or(|ts| ts <= date);
    if then.evidence.iter().any(known) {
        then.evidence.retain(known);
    }
    then
}

/// Returns the time a `--as-of` names: a bare day means its end.
///
/// # Errors
/// When the text is no date.
pub(super) fn date(text: &str) -> Result<Timestamp, CommandError> {
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    let time = Timestamp::parse(text).ok_or_else(|| {
        CommandError::user(format!("`{text}` is not a date")).hint("--as-of 2026-01-31")
    })?;
    let day_only = text.trim().len() <= "2026-01-31".len();
    Ok(if day_only { Timestamp(time.0 + DAY_MS - 1) } else { time })
}

/// Returns when a lesson held, for people.
pub(super) fn span(lesson: &Lesson) -> String {
    let from = lesson.valid_from.unwrap_or(lesson.created).date();
    match (&lesson.valid_to, &lesson.superseded_by) {
        (Some(to), Some(by)) => format!("held {from} to {}, replaced by {by}", to.date()),
        (Some(to), None) => format!("held {from} to {}", to.date()),
        _ => format!("held since {from}"),
    }
}
