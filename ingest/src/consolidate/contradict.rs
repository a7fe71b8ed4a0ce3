//! Rules that cannot both hold.
//!
//! Owns who wins: newer and more trusted supersedes; otherwise both sides go to review. Must not
//! touch what a person reviewed, beyond naming the other side.

use cemem_core::{Lesson, LessonStatus, Timestamp};

/// A lesson as far as contradictions are concerned.
pub(crate) struct Side<'a> {
    pub(crate) lesson: &'a mut Lesson,
    /// A person decided about it, or it is not the pass's own.
    pub(crate) fixed: bool,
    /// How it would stand if nothing contradicted it: what one contradiction settles must not depend on the
    /// others.
    pub(crate) before: LessonStatus,
}

impl Side<'_> {
    /// Returns whether this side takes the other out of delivery until a person has decided: of equal trust,
    /// a passing remark does not silence what several sessions said.
    fn silences(&self, other: &Self) -> bool {
        !other.fixed
            && (other.lesson.trust < self.lesson.trust
                || (other.lesson.trust == self.lesson.trust
                    && (self.before.is_recallable()
                        || self.lesson.support >= other.lesson.support)))
    }
}

/// Lets the newer and more trusted side replace the other. Comes before [`oppose`], for all contradictions:
/// what was replaced opposes nothing any more.
pub(crate) fn supersede(a: Side<'_>, b: Side<'_>) {
    if !is_open(a.before) || !is_open(b.before) {
        return;
    }
    let (old, new) = in_order(a, b);
    let replaces = new.before == LessonStatus::Active && new.lesson.trust > old.lesson.trust;
    if replaces && !old.fixed {
        old.lesson.status = LessonStatus::Superseded;
        old.lesson.superseded_by = Some(new.lesson.id.clone());
        old.lesson.valid_to = new.lesson.valid_from;
        link(&mut new.lesson.supersedes, &old.lesson.id);
    }
}

/// Settles one of the contradictions that are left.
pub(crate) fn oppose(a: Side<'_>, b: Side<'_>) {
    if !is_open(a.lesson.status) || !is_open(b.lesson.status) {
        return;
    }
    let (old, new) = in_order(a, b);
    link(&mut old.lesson.contradicts, &new.lesson.id);
    link(&mut new.lesson.contradicts, &old.lesson.id);
    // The more trusted side stands; the others wait for a person.
    if new.silences(&old) {
        old.lesson.status = LessonStatus::Candidate;
    }
    if old.silences(&new) {
        new.lesson.status = LessonStatus::Candidate;
    }
}

fn is_open(status: LessonStatus) -> bool {
    matches!(status, LessonStatus::Active | LessonStatus::Candidate | LessonStatus::Stale)
}

/// Returns the side that was said first, and the other.
fn in_order<'a>(a: Side<'a>, b: Side<'a>) -> (Side<'a>, Side<'a>) {
    if last_said(a.lesson) <= last_said(b.lesson) { (a, b) } else { (b, a) }
}

/// Returns when it was said last, and its id to break ties.
fn last_said(lesson: &Lesson) -> (Option<Timestamp>, &str) {
    let last = lesson.evidence.iter().filter_map(|e| e.turn_ts).max();
    // Ids differ between stores; the rule does not.
    (last.or(lesson.valid_from), lesson.rule.as_str())
}

fn link(list: &mut Vec<cemem_core::LessonId>, id: &cemem_core::LessonId) {
    if !list.contains(id) {
        list.push(id.clone());
        list.sort();
    }
}
