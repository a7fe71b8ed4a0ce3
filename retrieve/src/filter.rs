//! Which lessons a filter lets through.
//!
//! Owns the meaning of [`Filter`](crate::query::Filter) over the columns of the index. Must not read the
//! store.

use std::collections::HashSet;

use cemem_core::LessonStatus;
use cemem_core::paths::covers;

use crate::lexical::snapshot::{LessonMeta, Snapshot};
use crate::lexical::writer::{LexicalError, stage_bits};
use crate::query::Filter;
use crate::vectors::key_of;

/// Returns the ordinals a filter lets through, ascending.
///
/// # Errors
/// When the index is damaged.
pub(crate) fn accepted(snapshot: &Snapshot, filter: &Filter) -> Result<Vec<u32>, LexicalError> {
    if is_open(filter) {
        return Ok((0..).take(snapshot.lessons.len()).collect());
    }
    let exclude: HashSet<u64> = filter.exclude.iter().map(key_of).collect();
    let stages = stage_bits(&filter.stages);
    let columns = |lesson: &LessonMeta| {
        let meta = lesson.meta;
        let status = if meta.stale { LessonStatus::Stale } else { LessonStatus::Active };
        (filter.types.is_empty() || filter.types.iter().any(|&t| t as u8 == meta.kind))
            && (filter.statuses.is_empty() || filter.statuses.contains(&status))
            && (stages == 0 || meta.stages == 0 || meta.stages & stages != 0)
            && filter.since.is_none_or(|t| lesson.created >= t.0)
            && filter.until.is_none_or(|t| lesson.created <= t.0)
            && !exclude.contains(&lesson.key)
            && filter.among.as_ref().is_none_or(|ids| ids.has(lesson.key))
    };
    let mut out = Vec::with_capacity(snapshot.lessons.len());
    for (ordinal, meta) in (0_u32..).zip(&snapshot.lessons) {
        if columns(meta) && (filter.paths.is_empty() || applies(snapshot, ordinal, filter)?) {
            out.push(ordinal);
        }
    }
    Ok(out)
}

/// Returns whether a filter lets everything through, as most do.
fn is_open(filter: &Filter) -> bool {
    let Filter { types, stages, paths, statuses, since, until, exclude, among } = filter;
    types.is_empty()
        && stages.is_empty()
        && paths.is_empty()
        && statuses.is_empty()
        && exclude.is_empty()
        && (since, until).eq(&(&None, &None))
        && among.is_none()
}

fn applies(snapshot: &Snapshot, ordinal: u32, filter: &Filter) -> Result<bool, LexicalError> {
    let paths = snapshot.paths(ordinal)?;
    Ok(paths.is_empty()
        || paths.iter().any(|pattern| filter.paths.iter().any(|path| covers(pattern, path))))
}
