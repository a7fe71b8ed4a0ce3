//! Candidates and what became of them.
//!
//! Owns the rule that extraction is repeatable: finding the same candidates again changes nothing,
//! and one that is no longer found is kept as `gone`, because a lesson may rest on it.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{OptionalExtension as _, Params, Row, Transaction, params};

use super::error::Result;
use super::events::SessionRef;
use super::{Store, bump_revision, decoded, sort_error};
use crate::candidate::Candidate;
use crate::id::{CandidateKey, LessonId};

/// What became of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CandidateState {
    /// Not yet judged.
    New,
    /// Part of this lesson.
    Absorbed(LessonId),
    /// Set aside for this reason.
    Dropped(String),
    /// No longer found in its session.
    Gone,
}

/// A candidate with its state and session.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredCandidate {
    /// The candidate.
    pub candidate: Candidate,
    /// What became of it.
    pub state: CandidateState,
    /// Where it was found.
    pub session: SessionRef,
}

/// Which candidates to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandidateFilter {
    /// Not yet judged.
    New,
    /// All that are still found in their sessions.
    Live,
    /// All.
    All,
}

/// What an extraction changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CandidateDelta {
    /// Found for the first time, or found again after being gone.
    pub added: u64,
    /// Same evidence, other content.
    pub changed: u64,
    /// No longer found.
    pub gone: u64,
}

impl Store {
    /// Replaces the candidates of the given sessions with what was found now, in one transaction,
    /// and clears their extraction mark. `through` is [`Store::last_event`] from before their events
    /// were read: a session that has gained events since is left as it is, mark included, because
    /// what was found in it is already out of date.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn replace_candidates(
        &mut self,
        found: &[(SessionRef, Vec<Candidate>)],
        through: i64,
    ) -> Result<CandidateDelta> {
        let path = self.path.clone();
        self.write(|tx| {
            let mut delta = CandidateDelta::default();
            for (session, candidates) in found {
                replace_in(tx, session, candidates, through, &mut delta)
                    .map_err(|e| sort_error(&path, e))?;
            }
            if delta != CandidateDelta::default() {
                bump_revision(tx).map_err(|e| sort_error(&path, e))?;
            }
            Ok(delta)
        })
    }

    /// Returns candidates ordered by key.
    ///
    /// # Errors
    /// When the store cannot be read or a row cannot be decoded.
    pub fn candidates(&self, which: CandidateFilter) -> Result<Vec<StoredCandidate>> {
        let filter = match which {
            CandidateFilter::New => "c.state = 'new'",
            CandidateFilter::Live => "c.state <> 'gone'",
            CandidateFilter::All => "1",
        };
        self.stored(&format!("{filter} ORDER BY c.key"), [()])
    }

    /// Returns the candidates with these keys that there are, in their order.
    ///
    /// # Errors
    /// When the store cannot be read or a row cannot be decoded.
    pub fn candidates_with<'a>(
        &self,
        keys: impl IntoIterator<Item = &'a CandidateKey>,
    ) -> Result<Vec<StoredCandidate>> {
        self.stored("c.key = ?1", keys.into_iter().map(|key| [key.0.as_str()]))
    }

    /// Returns the candidates of these sessions, by session and key.
    ///
    /// # Errors
    /// When the store cannot be read or a row cannot be decoded.
    pub fn candidates_in<'a>(
        &self,
        sessions: impl IntoIterator<Item = &'a SessionRef>,
    ) -> Result<Vec<StoredCandidate>> {
        let filter = "s.engine = ?1 AND s.sid = ?2 ORDER BY c.key";
        let names = sessions.into_iter().map(|s| [s.engine.as_str(), s.id.as_str()]);
        self.stored(filter, names)
    }

    /// Returns the candidates that fit a condition, for each list of its arguments.
    fn stored<P: Params>(
        &self,
        filter: &str,
        lists: impl IntoIterator<Item = P>,
    ) -> Result<Vec<StoredCandidate>> {
        let read = || -> rusqlite::Result<Vec<_>> {
            let mut stmt = self.conn.prepare_cached(&format!(
                "SELECT c.body, c.state, c.lesson_id, c.reason, s.engine, s.sid
                 FROM candidate c JOIN session s ON s.id = c.session_id WHERE {filter}"
            ))?;
            let mut found = Vec::new();
            for arguments in lists {
                let rows = stmt.query_map(arguments, |r| {
                    let session = SessionRef { engine: r.get(4)?, id: r.get(5)? };
                    Ok((r.get::<_, String>(0)?, (state_of(r)?, session)))
                })?;
                for row in rows {
                    found.push(row?);
                }
            }
            Ok(found)
        };
        let (bodies, known): (Vec<String>, Vec<_>) =
            read().map_err(|e| self.sql(e))?.into_iter().unzip();
        let candidates =
            decoded(&bodies, |body| serde_json::from_str(body)).map_err(|e| self.corrupt(e))?;
        let stored = candidates.into_iter().zip(known);
        Ok(stored
            .map(|(candidate, (state, session))| StoredCandidate { candidate, state, session })
            .collect())
    }
}

fn state_of(r: &Row<'_>) -> rusqlite::Result<CandidateState> {
    let state: String = r.get(1)?;
    Ok(match state.as_str() {
        "absorbed" => CandidateState::Absorbed(LessonId(r.get(2)?)),
        "dropped" => CandidateState::Dropped(r.get::<_, Option<String>>(3)?.unwrap_or_default()),
        "gone" => CandidateState::Gone,
        _ => CandidateState::New,
    })
}

fn replace_in(
    tx: &Transaction<'_>,
    session: &SessionRef,
    candidates: &[Candidate],
    through: i64,
    delta: &mut CandidateDelta,
) -> rusqlite::Result<()> {
    let session_id: Option<i64> = tx
        .prepare_cached("SELECT id FROM session WHERE engine = ?1 AND sid = ?2")?
        .query_row([&session.engine, &session.id], |r| r.get(0))
        .optional()?;
    let Some(session_id) = session_id else { return Ok(()) };
    if has_events_after(tx, session_id, through)? {
        return Ok(());
    }
    let mut known = existing(tx, session_id)?;
    let mut upsert = tx.prepare_cached(
        "INSERT INTO candidate (key, session_id, signal, body, state) VALUES (?1, ?2, ?3, ?4, 'new')
         ON CONFLICT (key) DO UPDATE SET body = excluded.body, signal = excluded.signal,
            state = 'new', lesson_id = lesson_id, reason = NULL",
    )?;
    let mut seen = BTreeSet::new();
    for candidate in candidates {
        if !seen.insert(&candidate.key) {
            continue;
        }
        let body = serde_json::to_string(candidate)
            .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
        match known.remove(&candidate.key.0) {
            Some((old, false)) if old == body => continue,
            Some((_, false)) => delta.changed += 1,
            Some((_, true)) | None => delta.added += 1,
        }
        upsert.execute(params![candidate.key.0, session_id, candidate.signal.as_str(), body])?;
    }
    let mut gone = tx.prepare_cached("UPDATE candidate SET state = 'gone' WHERE key = ?1")?;
    for (key, (_, was_gone)) in known {
        if !was_gone {
            gone.execute([&key])?;
            delta.gone += 1;
        }
    }
    tx.prepare_cached("UPDATE session SET dirty = 0 WHERE id = ?1")?.execute([session_id])?;
    Ok(())
}

/// Returns whether the session gained events after the one with this number.
fn has_events_after(tx: &Transaction<'_>, session_id: i64, through: i64) -> rusqlite::Result<bool> {
    tx.prepare_cached("SELECT EXISTS (SELECT 1 FROM event WHERE session_id = ?1 AND seq > ?2)")?
        .query_row([session_id, through], |r| r.get(0))
}

/// Returns the session's candidates by key: stored body and whether it is gone.
fn existing(
    tx: &Transaction<'_>,
    session_id: i64,
) -> rusqlite::Result<BTreeMap<String, (String, bool)>> {
    let mut stmt =
        tx.prepare_cached("SELECT key, body, state = 'gone' FROM candidate WHERE session_id = ?1")?;
    let rows = stmt.query_map([session_id], |r| Ok((r.get(0)?, (r.get(1)?, r.get(2)?))))?;
    rows.collect()
}

/// Records what a pass decided about a candidate.
pub(super) fn settle(
    tx: &Transaction<'_>,
    key: &CandidateKey,
    state: &CandidateState,
) -> rusqlite::Result<()> {
    let (name, lesson, reason) = match state {
        CandidateState::New => ("new", None, None),
        CandidateState::Absorbed(id) => ("absorbed", Some(id.as_str()), None),
        CandidateState::Dropped(why) => ("dropped", None, Some(why.as_str())),
        CandidateState::Gone => ("gone", None, None),
    };
    tx.prepare_cached(
        "UPDATE candidate SET state = ?2, lesson_id = ?3, reason = ?4 WHERE key = ?1",
    )?
    .execute(params![key.0, name, lesson, reason])?;
    Ok(())
}
