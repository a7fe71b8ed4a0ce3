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
    /// It would be delivered if nothing contradicted it.
    pub(crate) stands: bool,
}

impl Side<'_> {
    /// Returns whether this side takes the other out of delivery until a person has decided: a passing
    /// remark does not silence what several sessions said.
    fn silences(&self, other: &Self) -> bool {
        !other.fixed
            && other.lesson.trust <= self.lesson.trust
            && (self.stands || self.lesson.support >= other.lesson.support)
    }
}

/// Settles one contradiction.
pub(crate) fn settle(a: Side<'_>, b: Side<'_>) {
    let open = |l: &Lesson| {
        matches!(l.status, LessonStatus::Active | LessonStatus::Candidate | LessonStatus::Stale)
    };
    if !open(a.lesson) || !open(b.lesson) {
        return;
    }
    let (old, new) = if last_said(a.lesson) <= last_said(b.lesson) { (a, b) } else { (b, a) };
    if new.lesson.trust > old.lesson.trust
        && !old.fixed
        && new.lesson.status == LessonStatus::Active
    {
        old.lesson.status = LessonStatus::Superseded;
        old.lesson.superseded_by = Some(new.lesson.id.clone());
        old.lesson.valid_to = new.lesson.valid_from;
        link(&mut new.lesson.supersedes, &old.lesson.id);
        return;
    }
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
