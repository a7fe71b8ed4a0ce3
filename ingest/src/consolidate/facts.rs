//! What of candidates and lessons decides which of them have to be looked at together.
//!
//! Owns the short form in which a pass leaves every candidate and lesson of a store to the next pass:
//! hashes of the names by which they refer to each other. Must not decide anything about content.

use std::collections::HashSet;

use cemem_core::store::{CandidateState, SessionRef, StoredCandidate};
use cemem_core::{CandidateKey, Evidence, Lesson, LessonId, LessonStatus};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::copies::{said, spoken_in};
use super::node::hash;

/// A hash of a name: of a lesson's id, an event, some words.
pub(crate) type Token = u64;

/// The candidates and lessons of a store, in short.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Ordered by key.
    pub(crate) candidates: Vec<CandidateFact>,
    /// Ordered by id.
    pub(crate) lessons: Vec<LessonFact>,
}

/// A candidate in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CandidateFact {
    pub(crate) key: CandidateKey,
    pub(crate) session: SessionRef,
    /// The lesson it is part of, if any, and the one that would be made of it.
    pub(crate) lessons: [Option<Token>; 2],
    /// Its first row of evidence.
    pub(crate) quoted: Token,
    /// What it says as far as copies of sessions show in it; `None` where it is not looked at for that.
    pub(crate) said: Option<Token>,
    /// The events that it rests on.
    pub(crate) events: Vec<Token>,
}

/// A lesson in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LessonFact {
    pub(crate) id: LessonId,
    pub(crate) token: Token,
    /// The pass made it and nobody reviewed it.
    pub(crate) is_own: bool,
    /// The lesson it ended in.
    pub(crate) ended_in: Option<Token>,
    /// What decides which candidates belong to it and which lesson stands for it, where it is not the
    /// pass's own.
    pub(crate) binds: Token,
    /// Its rows of evidence, where it is not the pass's own.
    pub(crate) quoted: Vec<Token>,
    /// The sessions that these are from: it rests on them whatever became of its candidates.
    pub(crate) sessions: Vec<Token>,
    /// The events it rests on, where it is not the pass's own although nobody reviewed it.
    pub(crate) awaits: Vec<Token>,
}

impl Facts {
    /// Returns the facts of a store with these candidates and lessons; `is_in` as in [`CandidateFact::of`].
    pub(crate) fn of(
        candidates: &[StoredCandidate],
        lessons: &[Lesson],
        events: &HashSet<Token>,
        is_in: impl Fn(&StoredCandidate) -> bool + Sync,
    ) -> Self {
        let mut facts = Self {
            candidates: (candidates.par_iter())
                .map(|stored| CandidateFact::of(stored, is_in(stored)))
                .collect(),
            lessons: lessons.par_iter().map(|lesson| LessonFact::of(lesson, events)).collect(),
        };
        facts.candidates.par_sort_by(|a, b| a.key.cmp(&b.key));
        facts.lessons.par_sort_by(|a, b| a.id.cmp(&b.id));
        facts
    }

    /// Returns the candidate with this key.
    pub(crate) fn candidate(&self, key: &CandidateKey) -> Option<&CandidateFact> {
        let at = self.candidates.binary_search_by(|fact| fact.key.cmp(key)).ok()?;
        self.candidates.get(at)
    }

    /// Returns the lesson with this id.
    pub(crate) fn lesson(&self, id: &LessonId) -> Option<&LessonFact> {
        let at = self.lessons.binary_search_by(|fact| fact.id.cmp(id)).ok()?;
        self.lessons.get(at)
    }
}

impl CandidateFact {
    /// `is_in` says whether the pass looks at what it says: it is still found, and in no flood.
    pub(crate) fn of(stored: &StoredCandidate, is_in: bool) -> Self {
        let candidate = &stored.candidate;
        let absorbed = match &stored.state {
            CandidateState::Absorbed(id) => Some(of_lesson(id)),
            _ => None,
        };
        let made = LessonId::derive(candidate.key.0.as_str(), 0);
        Self {
            key: candidate.key.clone(),
            session: stored.session.clone(),
            lessons: [absorbed, Some(of_lesson(&made))].map(|token| token.filter(|_| is_in)),
            quoted: candidate.evidence.first().map_or(0, of_row),
            said: said(stored).filter(|_| is_in),
            events: candidate.evidence.iter().map(of_event).collect(),
        }
    }

    /// Returns whether the pass looks at what it says.
    pub(crate) fn is_in(&self) -> bool {
        self.lessons[1].is_some()
    }
}

impl LessonFact {
    /// `events` are those of all candidates of the store.
    pub(crate) fn of(lesson: &Lesson, events: &HashSet<Token>) -> Self {
        let is_own = is_own(lesson, events);
        let into = lesson.superseded_by.as_ref();
        let merged = lesson.status == LessonStatus::Superseded && lesson.reviewed;
        let binds = [
            lesson.rule.as_str(),
            into.map_or("", LessonId::as_str),
            if merged { "merged" } else { "" },
        ];
        let rows = || lesson.evidence.iter().filter(|row| !row.event_key.is_empty());
        let waits = !is_own && !lesson.reviewed;
        let all = lesson.evidence.iter().filter(|_| !is_own);
        let mut sessions: Vec<Token> =
            all.map(|row| of_session(&row.engine, spoken_in(row))).collect();
        sessions.sort_unstable();
        sessions.dedup();
        Self {
            id: lesson.id.clone(),
            token: of_lesson(&lesson.id),
            is_own,
            ended_in: into.map(of_lesson),
            binds: if is_own { 0 } else { token(binds) },
            quoted: rows().filter(|_| !is_own).map(of_row).collect(),
            sessions,
            awaits: rows().filter(|_| waits).map(of_event).collect(),
        }
    }
}

/// Returns whether the pass made a lesson and nobody reviewed it: all its evidence comes from
/// candidates, whose events are given.
pub(crate) fn is_own(lesson: &Lesson, events: &HashSet<Token>) -> bool {
    let known = |row: &Evidence| !row.event_key.is_empty() && events.contains(&of_event(row));
    !lesson.reviewed && lesson.evidence.iter().all(known)
}

/// Returns the events that candidates rest on.
pub(crate) fn events<'a>(
    candidates: impl IntoIterator<Item = &'a StoredCandidate>,
) -> HashSet<Token> {
    candidates.into_iter().flat_map(|c| &c.candidate.evidence).map(of_event).collect()
}

/// Returns the token of a lesson.
pub(crate) fn of_lesson(id: &LessonId) -> Token {
    token([id.as_str()])
}

/// Returns the token of a session.
pub(crate) fn of_session(engine: &str, id: &str) -> Token {
    token([engine, id])
}

fn of_event(row: &Evidence) -> Token {
    token([row.engine.as_str(), &row.event_key])
}

fn of_row(row: &Evidence) -> Token {
    let (engine, key, quote) = row.identity();
    token([engine, key, quote])
}

/// Returns the token of a name of several parts.
pub(crate) fn token<'a>(parts: impl IntoIterator<Item = &'a str>) -> Token {
    let hash = hash(parts.into_iter().map(str::as_bytes));
    u64::from_le_bytes(*hash.first_chunk().expect("the hash has 16 bytes"))
}
