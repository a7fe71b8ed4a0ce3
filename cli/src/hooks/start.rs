//! The digest at a session's begin: the few lessons worth reading before anything is known of the task.
//!
//! Owns the choice. Must not repeat what stands in files the agent reads anyway.

use cemem_core::Store;

use super::Call;
use super::answer::{PATIENCE, Telling};
use super::reach::{Reach, Row};
use crate::command_error::CommandError;

/// Most lessons in a digest.
const LESSONS: usize = 10;
/// Most tokens of a digest.
const BUDGET: usize = 900;
const TAIL: &str = "More: `cemem recall \"TASK\"` finds the lessons for a task.\n";

pub(super) fn answer(call: &Call<'_>, mut store: Store) -> Result<Option<String>, CommandError> {
    let reach = Reach::current(&call.home.index_dir(&call.project), &store)?;
    let source = call.input.source.as_str();
    let mut known = store.standing_lessons()?;
    if let Some(session) = call.session() {
        let seen = store.seen_by(&session)?;
        // Its context is gone, and what it was told with it.
        if !matches!(source, "compact" | "clear") {
            known.extend(seen);
        } else if !seen.is_empty() {
            store.empty_context(&session, PATIENCE)?;
        }
    }
    let mut best: Vec<&Row> = reach.rows().filter(|row| row.value > 0.0).collect();
    best.sort_unstable_by(|a, b| b.value.total_cmp(&a.value).then_with(|| a.id().cmp(&b.id())));
    let mut lessons = Vec::with_capacity(LESSONS);
    for id in best.into_iter().map(Row::id).filter(|id| !known.contains(id)) {
        lessons.extend(store.lesson(&id)?.filter(|lesson| lesson.status.is_recallable()));
        if lessons.len() == LESSONS {
            break;
        }
    }
    let place = format!("{} {source}", call.event.name).trim_end().to_owned();
    Telling { lessons, budget: BUDGET, place, tail: TAIL }.answer(call, store)
}
