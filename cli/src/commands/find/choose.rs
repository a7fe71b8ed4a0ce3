//! Which lessons may be answered: the filters of `find`.
//!
//! Owns what each filter means for a lesson, and the count of what it leaves out. Must not rank.

use std::sync::Arc;

use cemem_core::store::{LessonFilter, Store};
use cemem_core::{Lesson, LessonStatus};
use cemem_retrieve::IdSet;
use serde::Serialize;

use super::markdown::list_of;
use crate::args::FindArgs;
use crate::command_error::CommandError;

/// The only kind of hit there is here.
const KIND: &str = "solution";

/// What is left after the filters.
#[derive(Default)]
pub(super) struct Chosen {
    /// The lessons that no filter leaves out; `None` if none was left out.
    pub among: Option<Arc<IdSet>>,
    pub filtered_out: FilteredOut,
    pub warnings: Vec<String>,
}

/// How many each filter left out, in this order.
#[derive(Debug, Default, Serialize)]
pub(super) struct FilteredOut {
    by_kind: usize,
    by_problem_type: usize,
    by_module: usize,
    by_tag: usize,
    by_pack: usize,
    pub total: usize,
}

/// Applies the filters; without any no lesson is read.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn choose(store: &Store, args: &FindArgs) -> Result<Chosen, CommandError> {
    let FindArgs { kinds, problem_types, module_filter, tags, packs, .. } = args;
    if [kinds, problem_types, module_filter, tags, packs].iter().all(|list| list.is_empty()) {
        return Ok(Chosen::default());
    }
    let statuses = vec![LessonStatus::Active, LessonStatus::Stale];
    let all = store.lessons(&LessonFilter { statuses, types: Vec::new() })?;
    let is_wanted_kind = fits(kinds, &[KIND.to_owned()]);
    let mut out = FilteredOut::default();
    let mut left = Vec::new();
    for lesson in &all {
        let count = match lesson {
            _ if !is_wanted_kind => &mut out.by_kind,
            l if !fits(problem_types, &said(l, "problem_type")) => &mut out.by_problem_type,
            l if !fits(module_filter, &said(l, "module")) => &mut out.by_module,
            l if !fits(tags, &l.applies_when.tags) => &mut out.by_tag,
            _ if !packs.is_empty() => &mut out.by_pack,
            l => {
                left.push(&l.id);
                continue;
            }
        };
        *count += 1;
        out.total += 1;
    }
    let mut warnings = Vec::new();
    if !packs.is_empty() || kinds.iter().any(|kind| kind != KIND) {
        warnings.push("cemem holds lessons and documents; it reads no packs".to_owned());
    }
    if left.is_empty() && !all.is_empty() {
        warnings.push("the filters leave no lesson".to_owned());
    }
    let among = (out.total > 0).then(|| Arc::new(left.iter().copied().collect::<IdSet>()));
    Ok(Chosen { among, filtered_out: out, warnings })
}

/// Returns the words of a key of a document's front matter.
fn said(lesson: &Lesson, key: &str) -> Vec<String> {
    list_of(lesson.extra.get(key))
}

/// Returns whether one of what a lesson has is wanted; with nothing wanted all are.
fn fits(wanted: &[String], has: &[String]) -> bool {
    wanted.is_empty()
        || has.iter().any(|have| wanted.iter().any(|want| want.eq_ignore_ascii_case(have)))
}
