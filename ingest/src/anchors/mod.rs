//! Lessons against the code: whether what a lesson is anchored to is still as it was.
//!
//! | module | owns |
//! |---|---|
//! | `languages` | where each language defines names: one row a language |
//! | [`scan`] | the definitions of a name in a text, and when two are the same |
//! | `names` | which names a lesson's words may mean |
//! | `code` | the code as it is committed |
//! | `judge` | what became of one anchor |
//!
//! Runs after the pass, when HEAD has moved since the last look or lessons have changed. Makes a plan
//! of its own from what it finds, applied in one transaction: anchors are filled, follow renames, and
//! carry a label where the code drifted; a lesson nobody reviewed becomes stale with it and active
//! again when the code comes back. A person's decision stands: a reviewed lesson carries the label and
//! keeps its status. Must not look at a lesson's age, and must not change its words.

mod code;
mod judge;
mod languages;
mod names;
pub mod scan;
#[cfg(test)]
mod scan_tests;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use cemem_core::plan::Change;
use cemem_core::store::{Applied, LessonFilter, StoreError};
use cemem_core::{Action, Anchor, DriftState, Lesson, LessonStatus, Plan, Store, Timestamp};
use serde_json::{Value, json};

use crate::redact::Redactor;
use code::Code;
use judge::{Judge, Verdict};
use scan::Definition;

/// The store's note of up to where the code was looked at.
const NOTE: &str = "code";
/// Raised when the same code would be judged otherwise: everything is then looked at again.
const VERSION: u64 = 1;
/// How often a look is tried while others write.
const TRIES: usize = 3;
/// Most anchors made from the paths of one lesson.
const MAX_ANCHORS: usize = 16;

/// What to look at, and how long.
pub struct LookOptions<'a> {
    /// Takes secrets out of what is quoted.
    pub redactor: &'a Redactor,
    /// The project's work trees.
    pub roots: &'a [PathBuf],
    /// Longest time spent; what is not done then is done by the next look.
    pub budget: Duration,
}

impl<'a> LookOptions<'a> {
    /// Returns the usual bounds.
    #[must_use]
    pub fn new(redactor: &'a Redactor, roots: &'a [PathBuf]) -> Self {
        Self { redactor, roots, budget: Duration::from_secs(20) }
    }
}

/// What a look found. The counts are of anchors that were looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    /// Why the code was not looked at.
    pub not_checked: Option<String>,
    /// The commit that was looked at.
    pub head: Option<String>,
    /// Lessons looked at; 0 when neither the code nor lessons have changed.
    pub lessons: usize,
    /// As they were.
    pub fresh: usize,
    /// Followed to another path; counted as fresh too.
    pub moved: usize,
    /// Their definition changed.
    pub drifted: usize,
    /// They are nowhere.
    pub gone: usize,
    /// Nothing is known of them: paths that are no files of this repository.
    pub unknown: usize,
    /// Everything there was to look at was looked at.
    pub complete: bool,
    /// What was changed.
    pub applied: Applied,
}

/// Looks at the code the lessons are anchored to, if it may have changed since the last look.
///
/// # Errors
/// When the store cannot be read or written.
pub fn look(store: &mut Store, options: &LookOptions<'_>) -> Result<Looked, StoreError> {
    let opened = match code::open(options.roots) {
        Ok(opened) => opened,
        Err(why) => return Ok(Looked { not_checked: Some(why), ..Looked::default() }),
    };
    let head = opened.2.clone();
    let (revision, seq) = (store.revision()?, store.lesson_seq()?);
    let lessons = due(store, &head)?;
    let mut looked = Looked { head: Some(head.clone()), complete: true, ..Looked::default() };
    if lessons.iter().all(|l| l.anchors.is_empty()) {
        remember(store, &head, seq)?;
        return Ok(looked);
    }
    let code = match Code::read(opened, options.budget) {
        Ok(code) => code,
        Err(why) => return Ok(Looked { not_checked: Some(why), ..Looked::default() }),
    };
    let mut at = (revision, seq, lessons);
    for _ in 0..TRIES {
        let (revision, seq, lessons) = at;
        looked = Looked { head: Some(head.clone()), complete: true, ..Looked::default() };
        let plan = plan(&code, options.redactor, &lessons, store.clock().now(), &mut looked);
        match store.apply(&plan, revision, "code") {
            Err(StoreError::Conflict) => {
                at = (store.revision()?, store.lesson_seq()?, due(store, &head)?);
            }
            Err(error) => return Err(error),
            Ok(applied) => {
                looked.applied = applied;
                // What somebody else changed in between is looked at next time.
                let own = seq + applied.updated as u64;
                let now = if store.lesson_seq()? == own { own } else { seq };
                if looked.complete {
                    remember(store, &head, now)?;
                }
                return Ok(looked);
            }
        }
    }
    // Others keep changing the store: the next look finds the same.
    looked.complete = false;
    Ok(looked)
}

/// Returns one lesson with its anchors filled from the code as it is now: for a lesson that is being
/// stored. Nothing is judged, and a lesson outside a repository stays as it is.
#[must_use]
pub fn placed(lesson: Lesson, options: &LookOptions<'_>) -> Lesson {
    let lesson = with_anchors(lesson);
    if lesson.anchors.is_empty() {
        return lesson;
    }
    let Ok(opened) = code::open(options.roots) else { return lesson };
    let Ok(code) = Code::read(opened, options.budget) else { return lesson };
    let now = lesson.updated;
    let mut plan =
        plan(&code, options.redactor, std::slice::from_ref(&lesson), now, &mut Looked::default());
    match plan.actions.pop() {
        Some(Action::Update { lesson, .. }) => *lesson,
        _ => lesson,
    }
}

/// Returns the lessons to look at: all that live, or those that changed since the last look at the
/// same commit.
fn due(store: &Store, head: &str) -> Result<Vec<Lesson>, StoreError> {
    let note = store.note(NOTE)?.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let seq = note
        .filter(|n| n["version"] == VERSION && n["head"] == head)
        .and_then(|n| n["seq"].as_u64());
    let lives = [LessonStatus::Candidate, LessonStatus::Active, LessonStatus::Stale];
    let lessons = match seq {
        Some(seq) => store.lesson_changes(seq)?.into_iter().map(|c| c.lesson).collect(),
        None => store.lessons(&LessonFilter { statuses: lives.to_vec(), types: Vec::new() })?,
    };
    Ok(lessons.into_iter().filter(|l| lives.contains(&l.status)).map(with_anchors).collect())
}

fn remember(store: &mut Store, head: &str, seq: u64) -> Result<(), StoreError> {
    let note = json!({ "version": VERSION, "head": head, "seq": seq }).to_string();
    if store.note(NOTE)?.as_deref() == Some(&note) {
        return Ok(());
    }
    store.set_note(NOTE, &note)
}

/// Returns a lesson with an anchor for each file a person tied it to. Those of other lessons come from
/// their candidates.
fn with_anchors(mut lesson: Lesson) -> Lesson {
    if lesson.reviewed {
        let paths = lesson.applies_when.paths.iter();
        let files = paths.filter(|p| !p.contains(['*', '?', '{']) && !p.ends_with('/'));
        for path in files.cloned().collect::<Vec<_>>() {
            let known = lesson.anchors.iter().any(|a| a.path == path || a.learned_path() == path);
            if !known && lesson.anchors.len() < MAX_ANCHORS {
                lesson.anchors.push(Anchor::at(path));
            }
        }
    }
    lesson
}

/// Returns what has to change.
fn plan(
    code: &Code,
    redactor: &Redactor,
    lessons: &[Lesson],
    now: Timestamp,
    looked: &mut Looked,
) -> Plan {
    let oldest = lessons.iter().filter_map(judge::said_at).min().unwrap_or(now);
    let judges: Vec<Judge<'_>> =
        lessons.iter().map(|lesson| Judge { code, redactor, lesson, oldest }).collect();
    let mut lost: HashSet<String> = HashSet::new();
    for judge in &judges {
        let anchors = judge.lesson.anchors.iter().filter(|a| judge.is_lost(a));
        lost.extend(anchors.map(|a| a.path.clone()));
    }
    let mut lost: Vec<String> = lost.into_iter().collect();
    lost.sort_unstable();
    let fates = if lost.is_empty() { HashMap::new() } else { code.fates(&lost) };
    let mut verdicts: Vec<Vec<Verdict>> = Vec::with_capacity(lessons.len());
    for judge in &judges {
        if code.is_late() {
            looked.complete = false;
            break;
        }
        verdicts.push(judge.lesson.anchors.iter().map(|a| judge.judge(a, &fates)).collect());
    }
    look_elsewhere(code, &judges, &mut verdicts);
    let mut plan = Plan::default();
    for (judge, verdicts) in judges.iter().zip(verdicts) {
        looked.lessons += 1;
        plan.actions.extend(settle(judge.lesson, verdicts, now, looked));
    }
    plan
}

/// Looks for what is missing in all files, once for all of them.
fn look_elsewhere(code: &Code, judges: &[Judge<'_>], verdicts: &mut [Vec<Verdict>]) {
    let wanted = |anchor: &Anchor| Some((scan::language(&anchor.path)?, anchor.symbol.clone()?));
    let mut names: Vec<(&'static str, String)> = verdicts
        .iter()
        .flatten()
        .filter_map(|v| match v {
            Verdict::Missing(anchor) => wanted(anchor),
            _ => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    let places = if names.is_empty() { HashMap::new() } else { code.places_of(&names) };
    let none: Vec<(String, Definition)> = Vec::new();
    for (judge, verdicts) in judges.iter().zip(verdicts) {
        for verdict in verdicts {
            if let Verdict::Missing(anchor) = verdict {
                let found = wanted(anchor).and_then(|name| places.get(&name)).unwrap_or(&none);
                *verdict = judge.elsewhere(anchor.clone(), found);
            }
        }
    }
}

/// Returns the change of a lesson, if there is one.
fn settle(
    before: &Lesson,
    verdicts: Vec<Verdict>,
    now: Timestamp,
    looked: &mut Looked,
) -> Option<Action> {
    let mut lesson = before.clone();
    let is_fresh = verdicts.iter().any(|v| matches!(v, Verdict::Fresh(_)));
    let mut notes = Vec::new();
    for (anchor, verdict) in lesson.anchors.iter_mut().zip(verdicts) {
        match verdict {
            Verdict::Unknown => looked.unknown += 1,
            Verdict::Fresh(found) => {
                looked.fresh += 1;
                if found.path != anchor.path {
                    looked.moved += usize::from(anchor.blob_sha.is_some());
                    notes.push(format!("{} is {}", anchor.path, found.path));
                    follow(&mut lesson.applies_when.paths, &anchor.path, &found.path);
                }
                *anchor = found;
            }
            Verdict::Missing(found) | Verdict::Drifted(found) => {
                // Of several files that a lesson only names, one that is gone says little.
                let is_aside = is_fresh && found.symbol.is_none() && found.quote.is_none();
                let state = found.drift.as_ref().map(|d| d.state).filter(|_| !is_aside);
                *match state {
                    None => &mut looked.unknown,
                    Some(DriftState::Drifted) => &mut looked.drifted,
                    Some(DriftState::Gone) => &mut looked.gone,
                } += 1;
                if found.path != anchor.path {
                    follow(&mut lesson.applies_when.paths, &anchor.path, &found.path);
                }
                *anchor = if is_aside { Anchor { drift: None, ..found } } else { found };
            }
        }
    }
    let was_doubtful = before.drifted().next().is_some();
    let is_doubtful = lesson.drifted().next().is_some();
    if !lesson.reviewed {
        lesson.status = match lesson.status {
            LessonStatus::Active if is_doubtful => LessonStatus::Stale,
            // Only what drift made stale comes back with the code.
            LessonStatus::Stale if was_doubtful && !is_doubtful => LessonStatus::Active,
            status => status,
        };
    }
    if lesson == *before {
        return None;
    }
    let is_news = was_doubtful != is_doubtful || lesson.status != before.status;
    let change = if is_news {
        lesson.updated = now;
        let first = lesson.drifted().next().map(|a| match a.drift.as_ref().map(|d| d.state) {
            Some(DriftState::Gone) => format!("{} is gone", a.path),
            _ => format!("{} has changed", a.path),
        });
        Change::Drift(first.unwrap_or_else(|| "the code is as it was".to_owned()))
    } else {
        Change::Anchor(notes.into_iter().next().unwrap_or_default())
    };
    Some(Action::Update { lesson: Box::new(lesson), candidates: Vec::new(), change })
}

/// Puts a path in the place of another.
fn follow(paths: &mut Vec<String>, from: &str, to: &str) {
    if let Some(at) = paths.iter().position(|p| p == from) {
        if paths.iter().any(|p| p == to) {
            paths.remove(at);
        } else {
            to.clone_into(&mut paths[at]);
        }
    }
}

/// Gives a lesson that is worked out anew what is known of its places in the code. Where that has
/// changed and the lesson was said again since, it is looked at anew: returns whether it is.
pub(crate) fn carry(lesson: &mut Lesson, before: &Lesson) -> bool {
    let again = judge::said_at(lesson) > judge::said_at(before);
    let mut anew = false;
    for anchor in &mut lesson.anchors {
        let learned = before.anchors.iter().find(|k| k.learned_path() == anchor.path);
        let Some(known) = learned.or_else(|| before.anchors.iter().find(|k| k.path == anchor.path))
        else {
            continue;
        };
        if known.path != anchor.path {
            follow(&mut lesson.applies_when.paths, &anchor.path, &known.path);
        }
        anchor.clone_from(known);
        if again && anchor.drift.is_some() {
            *anchor = Anchor { was: known.was.clone(), ..Anchor::at(&known.path) };
            anew = true;
        }
    }
    anew
}
