//! What is new in a store since passes last looked at it.
//!
//! Owns the question whether it can be looked at by itself: what decides about more than its own
//! surroundings (a person's decision, copies of sessions, an import whose sessions are read now) is left
//! to a pass over everything. Must not change what is known.

use std::collections::{BTreeSet, HashSet};

use cemem_core::store::{CandidateState, SessionRef, StoreError, StoredCandidate, Unsettled};
use cemem_core::{CandidateKey, Lesson, Store};

use super::copies::Origins;
use super::facts::{CandidateFact, Facts, LessonFact, Token, events, of_session};
use super::known::Known;
use super::without_flood;

/// So many changes are looked at by themselves in any store …
const FEW: usize = 500;
/// … and in a large one as many as are this part of its candidates.
const SHARE: usize = 8;

/// What changed since passes last looked.
pub(crate) struct News {
    /// All candidates of the sessions in which one changed, and those that may belong to another lesson
    /// now; ordered by key.
    pub(crate) candidates: Vec<StoredCandidate>,
    /// Those of them that are set aside as a flood.
    pub(crate) flooded: HashSet<CandidateKey>,
    /// The lessons that are new, changed, shown or judged.
    pub(crate) lessons: Vec<Lesson>,
    /// What became of copies of sessions.
    pub(crate) origins: Origins,
    /// The lessons that the candidates referred to before, and those that rest on sessions whose copies
    /// are others now.
    pub(crate) concerned: Vec<Token>,
    candidate_facts: Vec<CandidateFact>,
    lesson_facts: Vec<LessonFact>,
}

impl News {
    /// Returns what is new; nothing if everything has to be looked at.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn of(
        store: &Store,
        known: &Known,
        seen: &Unsettled,
    ) -> Result<Option<Self>, StoreError> {
        let facts = &known.facts;
        let is_known = !known.stamp.is_empty() && seen.stamp.as_ref() == Some(&known.stamp);
        if !is_known || seen.len() > FEW.max(facts.candidates.len() / SHARE) {
            return Ok(None);
        }
        let changed = store.candidates_with(&seen.candidates)?;
        let sessions: BTreeSet<SessionRef> = changed.into_iter().map(|c| c.session).collect();
        let mut candidates = store.candidates_in(&sessions)?;
        let lessons: Vec<Option<Lesson>> =
            seen.lessons.iter().map(|id| store.lesson(id)).collect::<Result<_, _>>()?;
        let lessons: Vec<Lesson> = lessons.into_iter().flatten().collect();
        let Some((lesson_facts, tied)) = lessons_of(facts, &candidates, &lessons) else {
            return Ok(None);
        };
        let flooded = flooded(&candidates);
        candidates.extend(store.candidates_with(&tied)?);
        candidates.sort_by(|a, b| a.candidate.key.cmp(&b.candidate.key));
        candidates.dedup_by(|a, b| a.candidate.key == b.candidate.key);
        let fact = |stored: &StoredCandidate| CandidateFact::of(stored, is_in(stored, &flooded));
        let candidate_facts: Vec<CandidateFact> = candidates.iter().map(fact).collect();
        let before: Vec<&CandidateFact> =
            candidates.iter().filter_map(|c| facts.candidate(&c.candidate.key)).collect();
        let Some((origins, moved)) = origins(facts, &sessions, &candidate_facts) else {
            return Ok(None);
        };
        let rests = |lesson: &&LessonFact| lesson.sessions.iter().any(|s| moved.contains(s));
        let resting = facts.lessons.iter().filter(rests).map(|lesson| lesson.token);
        let referred = before.iter().flat_map(|fact| fact.lessons).flatten();
        let concerned = referred.chain(resting).collect();
        Ok(Some(Self {
            flooded,
            candidates,
            lessons,
            origins,
            concerned,
            candidate_facts,
            lesson_facts,
        }))
    }

    /// Returns whether the pass looks at what a candidate says.
    pub(crate) fn is_in(&self, stored: &StoredCandidate) -> bool {
        is_in(stored, &self.flooded)
    }

    /// Brings facts up to date.
    pub(crate) fn tell(&mut self, facts: &mut Facts) {
        let new = std::mem::take(&mut self.candidate_facts);
        replace(&mut facts.candidates, new, |fact| &fact.key);
        let new = std::mem::take(&mut self.lesson_facts);
        replace(&mut facts.lessons, new, |fact| &fact.id);
    }
}

fn is_in(stored: &StoredCandidate, flooded: &HashSet<CandidateKey>) -> bool {
    stored.state != CandidateState::Gone && !flooded.contains(&stored.candidate.key)
}

/// Replaces what has a new version, adds what is new, and keeps the order.
fn replace<T, K: Ord>(old: &mut Vec<T>, new: Vec<T>, key: impl Fn(&T) -> &K) {
    let mut added = Vec::new();
    for fact in new {
        match old.binary_search_by(|other| key(other).cmp(key(&fact))) {
            Ok(at) => old[at] = fact,
            Err(_) => added.push(fact),
        }
    }
    old.extend(added);
    old.sort_by(|a, b| key(a).cmp(key(b)));
}

/// Returns the candidates of whole sessions that are more than a session may hold.
fn flooded(candidates: &[StoredCandidate]) -> HashSet<CandidateKey> {
    let live = candidates.iter().filter(|c| c.state != CandidateState::Gone).collect();
    let mut drops = Vec::new();
    without_flood(live, &mut drops);
    drops.into_iter().map(|(stored, _)| stored.candidate.key.clone()).collect()
}

/// Returns the facts of lessons that have changed, and the candidates that may belong to others now;
/// nothing if more follows from it than that.
fn lessons_of(
    facts: &Facts,
    candidates: &[StoredCandidate],
    lessons: &[Lesson],
) -> Option<(Vec<LessonFact>, Vec<CandidateKey>)> {
    let mut all: HashSet<Token> =
        facts.candidates.iter().flat_map(|fact| fact.events.iter().copied()).collect();
    let now = events(candidates);
    let before = candidates.iter().filter_map(|c| facts.candidate(&c.candidate.key));
    // A lesson of the pass's own would be nobody's.
    if before.flat_map(|fact| &fact.events).any(|event| !now.contains(event)) {
        return None;
    }
    // A lesson that came from elsewhere would become the pass's own.
    let arrives = |event: &Token| now.contains(event) && !all.contains(event);
    if facts.lessons.iter().any(|lesson| lesson.awaits.iter().any(arrives)) {
        return None;
    }
    all.extend(now);
    let mut moved: HashSet<Token> = HashSet::new();
    let mut changed = Vec::with_capacity(lessons.len());
    for lesson in lessons {
        let new = LessonFact::of(lesson, &all);
        match facts.lesson(&lesson.id) {
            None if new.is_own => {}
            Some(old) if old.is_own && new.is_own => {}
            Some(old) if !old.is_own && !new.is_own && old.binds == new.binds => {
                let (a, b): (HashSet<_>, HashSet<_>) =
                    (old.quoted.iter().collect(), new.quoted.iter().collect());
                let differs: Vec<Token> = a.symmetric_difference(&b).map(|row| **row).collect();
                let ends = new.ended_in.is_some()
                    || facts.lessons.iter().any(|l| !l.is_own && l.ended_in == Some(new.token));
                // Which lesson stands for which depends on what they rest on.
                if !differs.is_empty() && ends {
                    return None;
                }
                moved.extend(differs);
            }
            _ => return None,
        }
        changed.push(new);
    }
    let tied = facts.candidates.iter().filter(|fact| fact.is_in() && moved.contains(&fact.quoted));
    Some((changed, tied.map(|fact| fact.key.clone()).collect()))
}

/// Returns what sessions are copies of each other, and of which of them that has changed; nothing if it
/// has for a session of which nothing else is new.
fn origins(
    facts: &Facts,
    sessions: &BTreeSet<SessionRef>,
    news: &[CandidateFact],
) -> Option<(Origins, HashSet<Token>)> {
    fn says(fact: &CandidateFact) -> Option<(Token, &SessionRef)> {
        Some((fact.said?, &fact.session))
    }
    let before = Origins::among(facts.candidates.iter().filter_map(says).collect());
    let others = facts.candidates.iter().filter(|fact| !sessions.contains(&fact.session));
    let news = news.iter().filter(|fact| sessions.contains(&fact.session));
    let now = Origins::among(others.chain(news).filter_map(says).collect());
    let mut moved = HashSet::new();
    for (engine, id) in before.changed(&now) {
        if !sessions.contains(&SessionRef { engine: engine.to_owned(), id: id.to_owned() }) {
            return None;
        }
        moved.insert(of_session(engine, id));
    }
    Some((now, moved))
}
