//! The digest at a session's begin: the few lessons worth reading before anything is known of the task.
//!
//! Owns the choice. Must not repeat what stands in files the agent reads anyway.

use cemem_core::Store;

use super::Call;
use super::answer::Telling;
use super::reach::Reach;
use crate::command_error::CommandError;

/// Most lessons in a digest.
const LESSONS: usize = 10;
/// Most tokens of a digest.
const BUDGET: usize = 900;
const TAIL: &str = "More: `cemem recall \"TASK\"` finds the lessons for a task.\n";

pub(super) fn answer(call: &Call<'_>, store: Store) -> Result<Option<String>, CommandError> {
    let reach = Reach::current(&call.home.index_dir(&call.project), &store)?;
    let source = call.input.source.as_str();
    // Its context is gone, and the digest of before with it.
    let again = matches!(source, "compact" | "clear");
    let mut known = store.standing_lessons()?;
    if let Some(session) = call.session().filter(|_| !again) {
        known.extend(store.seen_by(&session)?);
    }
    let mut best: Vec<_> = reach
        .rows()
        .filter(|row| row.value > 0.0 && !known.contains(&row.id))
        .map(|row| (row.value, &row.id))
        .collect();
    best.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    best.truncate(LESSONS);
    let mut lessons = Vec::with_capacity(best.len());
    for (_, id) in best {
        lessons.extend(store.lesson(id)?.filter(|lesson| lesson.status.is_recallable()));
    }
    let place = format!("{} {source}", call.event.name).trim_end().to_owned();
    Telling { lessons, budget: BUDGET, place, again, tail: TAIL }.answer(call, store)
}
