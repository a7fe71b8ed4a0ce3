//! The road from a store to the verdicts on its lessons, after the pass.
//!
//! Owns which sessions are judged again, and with what: those with new events, those a showing newly
//! names, and those for which the lessons now say something else. Must not judge: `extract::outcome`
//! does. Where nothing is new, nothing is read; judged again, a session replaces what it had said.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cemem_core::id::digest;
use cemem_core::store::{
    CandidateFilter, CandidateState, LessonFilter, SessionRef, Span, StoreError, StoredCandidate,
};
use cemem_core::{
    Channel, Evidence, Exposure, Lesson, LessonId, Outcome, Signal, Store, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::consolidate::Origins;
use crate::extract::outcome::check::Check;
use crate::extract::outcome::{Case, Told, corrects, judge as judge_session, may_show};
use crate::sources::claude_code;

/// How often judging is tried while others may write; what is left is judged after the next pass.
const TRIES: usize = 3;
/// Sessions with more events than this are reports, not talks.
const MANY: u64 = 50_000;

/// What judging did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Judged {
    /// Sessions that were judged, again or for the first time.
    pub sessions: usize,
    /// Whether a verdict changed: confidence may follow at the next pass.
    pub changed: bool,
}

/// How far the store was judged, kept in it.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Mark {
    revision: u64,
    event: i64,
    exposure: i64,
    /// What could be checked of each lesson that was shown.
    checks: BTreeMap<LessonId, String>,
    /// What was told in each session.
    told: BTreeMap<String, String>,
}

/// Returns whether what agents do can show if a lesson is heeded. Of all others that stays unknown,
/// unless a person says so.
#[must_use]
pub fn is_checkable(lesson: &Lesson) -> bool {
    Check::of(lesson).is_some()
}

/// Judges what is new, after a pass: which lessons were heeded, violated, or corrected once more.
///
/// # Errors
/// When the store cannot be read or written.
pub fn judge(store: &mut Store) -> Result<Judged, StoreError> {
    for _ in 0..TRIES {
        match judge_once(store) {
            Err(StoreError::Conflict) => {}
            done => return done,
        }
    }
    Ok(Judged::default())
}

fn judge_once(store: &mut Store) -> Result<Judged, StoreError> {
    let revision = store.revision()?;
    let (event, exposure) = (store.last_event()?, store.last_exposure()?);
    // A mark that cannot be read costs one judging of everything.
    let before: Mark = match store.judged()? {
        Some(text) => serde_json::from_str(&text).unwrap_or_default(),
        None => Mark::default(),
    };
    if (before.revision, before.event, before.exposure) == (revision, event, exposure) {
        return Ok(Judged::default());
    }
    let known = Known::read(store)?;
    let mark =
        Mark { revision, event, exposure, checks: known.digests(), told: known.told_digests() };
    let due = known.due(&before, &mark, store.exposed_since(before.exposure)?);
    let mut found = Vec::with_capacity(due.len());
    for span in &due {
        found.push((span.session.clone(), known.judge(store, span)?));
    }
    let write = |revision| {
        let mark = Mark { revision, ..mark };
        serde_json::to_string(&mark).unwrap_or_default()
    };
    let changed = store.settle_outcomes(&found, revision, write)?;
    Ok(Judged { sessions: due.len(), changed })
}

/// All that sessions are judged by.
struct Known {
    /// The lessons that are delivered, with what can be checked of each.
    lessons: BTreeMap<LessonId, Option<Check>>,
    exposures: Vec<Exposure>,
    told: BTreeMap<SessionRef, Vec<Told>>,
    spans: Vec<Span>,
}

impl Known {
    fn read(store: &Store) -> Result<Self, StoreError> {
        let mut lessons = store.lessons(&LessonFilter::default())?;
        lessons.retain(|l| l.status.is_recallable());
        let candidates = store.candidates(CandidateFilter::Live)?;
        let exposures = store.exposures()?;
        // Who was prompted is asked only of lessons that stand in a file.
        let stands = exposures.iter().any(|e| e.channel == Channel::Sync);
        Ok(Self {
            told: told(&lessons, &candidates),
            lessons: lessons.iter().map(|l| (l.id.clone(), Check::of(l))).collect(),
            exposures,
            spans: store.spans(stands)?,
        })
    }

    /// Returns, for lessons that were shown and can be checked, what stands for the check.
    fn digests(&self) -> BTreeMap<LessonId, String> {
        let shown: BTreeSet<&LessonId> = self.exposures.iter().map(|e| &e.lesson).collect();
        let checked = self.lessons.iter().filter(|(id, _)| shown.contains(id));
        checked
            .filter_map(|(id, check)| Some((id.clone(), short(&format!("{:?}", check.as_ref()?)))))
            .collect()
    }

    fn told_digests(&self) -> BTreeMap<String, String> {
        let of = |told: &[Told]| short(&format!("{told:?}"));
        self.told.iter().map(|(session, told)| (name(session), of(told))).collect()
    }

    /// Returns the sessions whose verdicts may have changed.
    fn due(&self, before: &Mark, now: &Mark, exposed: Vec<SessionRef>) -> Vec<&Span> {
        let differing = |id: &&LessonId| before.checks.get(id) != now.checks.get(id);
        let ids = before.checks.keys().chain(now.checks.keys());
        let changed: BTreeSet<&LessonId> = ids.filter(differing).collect();
        let moments: Vec<&Exposure> =
            self.exposures.iter().filter(|e| changed.contains(&e.lesson)).collect();
        let exposed: BTreeSet<SessionRef> = exposed.into_iter().collect();
        let is_due = |span: &&Span| {
            let name = name(&span.session);
            span.last_event > before.event
                || exposed.contains(&span.session)
                || before.told.get(&name) != now.told.get(&name)
                || moments.iter().any(|e| may_have_seen(e, span))
        };
        self.spans.iter().filter(is_due).collect()
    }

    /// Reads a session as far as needed and judges it.
    fn judge(&self, store: &Store, span: &Span) -> Result<Vec<Outcome>, StoreError> {
        let session = &span.session;
        let none = Vec::new();
        let told = self.told.get(session).unwrap_or(&none);
        let shown: Vec<(LessonId, Option<Timestamp>)> = self
            .exposures
            .iter()
            .filter_map(|e| Some((e.lesson.clone(), seen(e, span)?)))
            .filter(|(lesson, _)| self.lessons.contains_key(lesson))
            .collect();
        let checkable = |id: &LessonId| matches!(self.lessons.get(id), Some(Some(_)));
        if self.lessons.is_empty() || store.session_len(session)? > MANY {
            return Ok(Vec::new());
        }
        let mut needed = told.iter().any(|t| t.again) || shown.iter().any(|(id, _)| checkable(id));
        if !needed {
            store.scan_session(session, &mut |e| needed |= may_show(e.kind, e.body))?;
        }
        if !needed {
            return Ok(Vec::new());
        }
        let events = store.session_events(session)?;
        let lessons = &self.lessons;
        Ok(judge_session(&Case { session, events: &events, lessons, shown: &shown, told }))
    }
}

/// Returns whether a showing tells when the session saw the lesson: `None` inside for the whole of it.
#[expect(clippy::option_option, reason = "not seen, seen from the start, seen at a time")]
fn seen(shown: &Exposure, span: &Span) -> Option<Option<Timestamp>> {
    if let Some(session) = &shown.session {
        return (*session == span.session).then_some(Some(shown.ts));
    }
    // Which session a single showing was for is told by its transcript.
    let stands = shown.channel == Channel::Sync && reads(&span.session.engine, &shown.place);
    let started = span.started.filter(|_| span.prompted)?;
    let within = started >= shown.ts && shown.until.is_none_or(|until| started < until);
    (stands && within).then_some(None)
}

/// Returns whether a session may have seen a showing, whoever it was for.
fn may_have_seen(shown: &Exposure, span: &Span) -> bool {
    if seen(shown, span).is_some() {
        return true;
    }
    let within =
        span.started.is_some_and(|t| t <= shown.ts) && span.ended.is_some_and(|t| t >= shown.ts);
    shown.session.is_none() && shown.channel != Channel::Sync && within
}

/// Returns whether the sessions of an engine read a file when they begin. `CLAUDE.md` is Claude Code's
/// own; `AGENTS.md` and the like are read by all, by Claude Code through an include.
fn reads(engine: &str, file: &str) -> bool {
    let own = file.rsplit(['/', '\\']).next() == Some("CLAUDE.md");
    !own || engine == claude_code::ENGINE
}

/// Returns what each session says that a delivered lesson says, and whether it was known before.
fn told(lessons: &[Lesson], candidates: &[StoredCandidate]) -> BTreeMap<SessionRef, Vec<Told>> {
    let live: Vec<&StoredCandidate> = candidates.iter().collect();
    let origins = Origins::find(&live);
    let by_id: HashMap<&LessonId, &Lesson> = lessons.iter().map(|l| (&l.id, l)).collect();
    // The same words at the same moment are one utterance, whoever holds a copy.
    let mut holder: HashMap<(Timestamp, &str), &SessionRef> = HashMap::new();
    for stored in candidates {
        let first = &stored.candidate.evidence[0];
        if let Some(ts) = first.turn_ts {
            let known = holder.entry((ts, &first.quote)).or_insert(&stored.session);
            *known = (*known).min(&stored.session);
        }
    }
    let mut told: BTreeMap<SessionRef, Vec<Told>> = BTreeMap::new();
    for stored in candidates {
        let CandidateState::Absorbed(id) = &stored.state else { continue };
        let Some(lesson) = by_id.get(id) else { continue };
        let by_person = corrects(&stored.candidate);
        let first = &stored.candidate.evidence[0];
        let Some(ts) = first.turn_ts else { continue };
        let is_copy = holder.get(&(ts, first.quote.as_str())) != Some(&&stored.session);
        if is_copy || !(by_person || stored.candidate.signal == Signal::FailFix) {
            continue;
        }
        let here = origins.of(&stored.session.engine, &stored.session.id);
        let elsewhere = |e: &&Evidence| {
            let place = if e.session.is_empty() { &e.source_path } else { &e.session };
            origins.of(&e.engine, place) != here
        };
        let again =
            lesson.evidence.iter().filter(elsewhere).any(|e| e.turn_ts.is_some_and(|t| t < ts));
        told.entry(stored.session.clone()).or_default().push(Told {
            lesson: id.clone(),
            event_key: first.event_key.clone(),
            ts,
            words: first.quote.clone(),
            by_person,
            again,
        });
    }
    for list in told.values_mut() {
        list.sort();
    }
    told
}

fn name(session: &SessionRef) -> String {
    format!("{}/{}", session.engine, session.id)
}

/// A short digest: it only has to differ where what it stands for does.
fn short(text: &str) -> String {
    digest([text]).chars().take(12).collect()
}

#[cfg(test)]
mod tests;
