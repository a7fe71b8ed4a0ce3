//! What a decision does to lessons: pure changes, and one write for each decision.
//!
//! Owns the meaning of accept, reject, edit, merge and snooze, the same for keys and for flags. Must
//! not talk to anybody.

use std::collections::BTreeSet;

use cemem_core::exchange::{fit_rule, shorten};
use cemem_core::lesson::{Lesson, LessonStatus, LessonType, MAX_TITLE_CHARS, Trust};
use cemem_core::store::{Decision, Store};
use cemem_core::{LessonId, Timestamp};
use cemem_ingest::Redactor;

use crate::command_error::CommandError;
use crate::commands::lessons;
use crate::ui::{one_line, printable};

/// Longest time something is put off, in days.
pub(crate) const MAX_DAYS: u32 = 3650;
/// What a person's word makes of a lesson's confidence, at least.
const ACCEPTED: f32 = 0.9;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What a person says about one lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It holds.
    Accept,
    /// It holds, and these that say the opposite do not.
    Replace(Vec<LessonId>),
    /// It does not hold, for this reason.
    Reject(String),
    /// It holds in these words.
    Edit(Words),
    /// It says the same as this other one.
    Merge(LessonId),
    /// Not now: in so many days.
    Snooze(u32),
}

impl Verdict {
    /// Returns the verb for the log.
    pub(super) fn verb(&self) -> &'static str {
        match self {
            Self::Accept | Self::Replace(_) => "accept",
            Self::Reject(_) => "reject",
            Self::Edit(_) => "edit",
            Self::Merge(_) => "merge",
            Self::Snooze(_) => "snooze",
        }
    }
}

/// The words of a lesson as a person wants them; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) lesson_type: Option<LessonType>,
    /// Empty: cut from the rule.
    pub(crate) title: Option<String>,
    pub(crate) rule: Option<String>,
    /// Empty: none.
    pub(crate) why: Option<String>,
    pub(crate) paths: Option<Vec<String>>,
    /// Markdown; empty: none.
    pub(crate) body: Option<String>,
}

/// What was decided: its number in the log, and the lessons as they stand.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decided {
    pub(crate) change: i64,
    pub(crate) lessons: Vec<Lesson>,
}

/// Carries out decisions as one change: all or none. `actor` is who tells them.
///
/// # Errors
/// When an id is unknown or cannot be merged into, or the store cannot be written.
pub(crate) fn carry_out(
    store: &mut Store,
    verdicts: &[(LessonId, Verdict)],
    now: Timestamp,
    actor: &str,
) -> Result<Decided, CommandError> {
    let redactor = Redactor::new();
    let mut changed: Vec<(Lesson, &'static str, String)> = Vec::new();
    for (id, verdict) in verdicts {
        // What an earlier verdict of the same change made of it: several may be merged into one.
        let lesson = current(store, &mut changed, id)?;
        let note = match verdict {
            Verdict::Reject(reason) => one_line(&redactor.redact(reason)),
            Verdict::Merge(into) => into.to_string(),
            Verdict::Snooze(days) => format!("{days} days"),
            _ => String::new(),
        };
        let replaced_by = lesson.superseded_by.clone();
        let mut after = vec![(lesson, verdict.verb(), note)];
        match verdict {
            Verdict::Accept => accept(&mut after[0].0),
            Verdict::Reject(_) => {
                close(&mut after[0].0, LessonStatus::Retired);
                // What does not hold contradicts nothing any more.
                let id = after[0].0.id.clone();
                for other in std::mem::take(&mut after[0].0.contradicts) {
                    let known = changed.iter().any(|(lesson, ..)| lesson.id == other)
                        || store.lesson(&other)?.is_some();
                    if known {
                        let mut other = current(store, &mut changed, &other)?;
                        other.contradicts.retain(|side| *side != id);
                        after.push((other, "revise", format!("{id} is rejected")));
                    }
                }
            }
            Verdict::Snooze(days) => snooze(&mut after[0].0, *days, now)?,
            Verdict::Edit(words) => {
                reword(&mut after[0].0, words, &redactor)?;
                accept(&mut after[0].0);
            }
            Verdict::Replace(opposites) => {
                accept(&mut after[0].0);
                for id in opposites {
                    let mut other = current(store, &mut changed, id)?;
                    replace(&mut after[0].0, &mut other, now);
                    let by = after[0].0.id.to_string();
                    after.push((other, "supersede", by));
                }
            }
            Verdict::Merge(id) => {
                let mut into = current(store, &mut changed, id)?;
                merge(&mut after[0].0, &mut into)?;
                let from = after[0].0.id.to_string();
                after.push((into, "merge", from));
            }
        }
        // What holds again is no longer replaced, and what had replaced it says so no more.
        let lesson = &after[0].0;
        if let (Some(by), None) = (replaced_by, &lesson.superseded_by)
            && !after[1..].iter().any(|(other, ..)| other.id == by)
            && (changed.iter().any(|(other, ..)| other.id == by) || store.lesson(&by)?.is_some())
        {
            let id = lesson.id.clone();
            let mut other = current(store, &mut changed, &by)?;
            other.supersedes.retain(|replaced| *replaced != id);
            after.push((other, "revise", format!("{id} holds again")));
        }
        changed.extend(after);
    }
    for (lesson, ..) in &mut changed {
        lesson.updated = now;
    }
    let decisions: Vec<Decision<'_>> = changed
        .iter()
        .map(|(lesson, verb, note)| Decision { lessons: std::slice::from_ref(lesson), verb, note })
        .collect();
    let change = store.put_decisions(&decisions, actor)?;
    Ok(Decided { change, lessons: changed.into_iter().map(|(lesson, ..)| lesson).collect() })
}

/// Returns whether a lesson is set apart as suspicious, or was when it was taken out. It is accepted only
/// by whoever has its evidence on screen: an agent can run a command that is passed to it, too.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn is_set_apart(store: &Store, lesson: &Lesson) -> Result<bool, CommandError> {
    let out = |status| matches!(status, LessonStatus::Retired | LessonStatus::Superseded);
    if !out(lesson.status) {
        return Ok(lesson.status == LessonStatus::Quarantined);
    }
    let rows = store.history(&lesson.id)?;
    let last = rows.iter().rev().map(|row| row.after.status).find(|status| !out(*status));
    Ok(last == Some(LessonStatus::Quarantined))
}

/// Takes a lesson out of what this change has made so far, or reads it.
fn current(
    store: &Store,
    changed: &mut Vec<(Lesson, &'static str, String)>,
    id: &LessonId,
) -> Result<Lesson, CommandError> {
    match changed.iter().position(|(lesson, ..)| lesson.id == *id) {
        Some(at) => Ok(changed.remove(at).0),
        None => lessons::get(store, id.as_str()),
    }
}

fn accept(lesson: &mut Lesson) {
    close(lesson, LessonStatus::Active);
    (lesson.superseded_by, lesson.valid_to) = (None, None);
    lesson.take_code_as_it_is();
    lesson.trust = lesson.trust.max(Trust::HumanReview);
    lesson.confidence = lesson.confidence.max(ACCEPTED);
}

fn close(lesson: &mut Lesson, status: LessonStatus) {
    lesson.status = status;
    lesson.reviewed = true;
    lesson.snoozed_until = None;
}

/// Not a decision about what it says: the pass goes on with it.
fn snooze(lesson: &mut Lesson, days: u32, now: Timestamp) -> Result<(), CommandError> {
    if matches!(lesson.status, LessonStatus::Retired | LessonStatus::Superseded) {
        let message = format!("{} is {}: there is nothing to put off", lesson.id, lesson.status);
        return Err(CommandError::user(message));
    }
    lesson.snoozed_until = Some(Timestamp(now.0 + i64::from(days.min(MAX_DAYS)) * DAY_MS));
    Ok(())
}

fn replace(lesson: &mut Lesson, other: &mut Lesson, now: Timestamp) {
    close(other, LessonStatus::Superseded);
    other.superseded_by = Some(lesson.id.clone());
    other.valid_to = Some(now);
    link(&mut lesson.supersedes, &other.id);
    lesson.contradicts.retain(|id| *id != other.id);
    other.contradicts.retain(|id| *id != lesson.id);
}

/// Changes the words of a lesson, free of secrets and within its limits.
///
/// # Errors
/// When nothing is left of the rule.
pub(crate) fn reword(
    lesson: &mut Lesson,
    words: &Words,
    redactor: &Redactor,
) -> Result<(), CommandError> {
    let clean = |text: &str| one_line(&redactor.redact(text));
    // A title that was cut from the rule follows it, and one that is taken away comes from it.
    let is_cut = lesson.rule.starts_with(lesson.title.trim_end_matches('…'));
    let mut follows = is_cut && words.rule.is_some();
    if let Some(rule) = &words.rule {
        let rule = clean(rule);
        if rule.is_empty() {
            return Err(CommandError::user("a lesson needs a rule"));
        }
        (lesson.rule, lesson.body) = fit_rule(rule, lesson.body.take());
    }
    if let Some(title) = words.title.as_deref().map(clean).filter(|t| *t != lesson.title) {
        lesson.title = shorten(&title, MAX_TITLE_CHARS);
        follows = lesson.title.is_empty();
    }
    if follows {
        lesson.title = shorten(&lesson.rule, MAX_TITLE_CHARS);
    }
    if let Some(why) = &words.why {
        lesson.why = Some(clean(why)).filter(|w| !w.is_empty());
    }
    if let Some(body) = &words.body {
        let body = printable(redactor.redact(body).trim());
        lesson.body = Some(body).filter(|b| !b.is_empty());
    }
    lesson.lesson_type = words.lesson_type.unwrap_or(lesson.lesson_type);
    if let Some(paths) = &words.paths {
        let paths = paths.iter().map(|p| clean(p)).filter(|p| !p.is_empty());
        lesson.applies_when.paths = paths.collect();
    }
    Ok(())
}

/// Moves all that speaks for one lesson to another that says the same. The other keeps its words and
/// where it stands: that it is said more often does not make it right.
fn merge(from: &mut Lesson, into: &mut Lesson) -> Result<(), CommandError> {
    if from.id == into.id {
        return Err(CommandError::user(format!("`{}` cannot be merged into itself", from.id)));
    }
    if !(into.status.is_recallable() || into.is_waiting()) {
        let message = format!("`{}` is {}: nothing is merged into it", into.id, into.status);
        return Err(CommandError::user(message).hint("`cemem lessons history` tells why"));
    }
    let shared = sessions(from).intersection(&sessions(into)).count();
    let shared = u32::try_from(shared).unwrap_or(u32::MAX);
    into.support = (into.support + from.support).saturating_sub(shared).max(into.support);
    for row in &from.evidence {
        if !into.evidence.iter().any(|known| known.identity() == row.identity()) {
            into.evidence.push(row.clone());
        }
    }
    into.applies_when.absorb(&from.applies_when);
    for anchor in &from.anchors {
        if !into.anchors.iter().any(|a| a.path == anchor.path && a.symbol == anchor.symbol) {
            into.anchors.push(anchor.clone());
        }
    }
    // What is set apart lends nothing that is shown.
    let why = from.why.clone().filter(|_| from.status != LessonStatus::Quarantined);
    into.why = into.why.take().or(why);
    into.trust = into.trust.max(from.trust);
    into.confidence = into.confidence.max(from.confidence);
    into.valid_from = into.valid_from.into_iter().chain(from.valid_from).min();
    into.reviewed = true;
    into.contradicts.retain(|id| *id != from.id);
    link(&mut into.supersedes, &from.id);
    close(from, LessonStatus::Superseded);
    from.superseded_by = Some(into.id.clone());
    Ok(())
}

fn sessions(lesson: &Lesson) -> BTreeSet<(String, String)> {
    lesson.evidence.iter().map(|e| (e.engine.clone(), e.session.clone())).collect()
}

fn link(list: &mut Vec<LessonId>, id: &LessonId) {
    if !list.contains(id) {
        list.push(id.clone());
        list.sort();
    }
}

#[cfg(test)]
mod tests;
