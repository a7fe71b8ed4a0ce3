//! Lessons: reading, ids, remembering, and the change feed that indexes catch up from.
//!
//! Owns the `lesson` table. Must not decide what a lesson says; every write goes through `log`,
//! so that it can be undone.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Deserialize;

use super::error::{Result, StoreError};
use super::log::{Entry, next_op, record};
use super::{Store, bump_revision, decoded, sort_error};
use crate::id::{LessonId, digest};
use crate::lesson::{Lesson, LessonStatus, LessonType};

/// Which lessons to read; empty lists mean all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LessonFilter {
    /// Only these statuses.
    pub statuses: Vec<LessonStatus>,
    /// Only these types.
    pub types: Vec<LessonType>,
}

/// A lesson's newest state and the number of the change that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct LessonChange {
    /// Position in the feed; later changes have larger numbers.
    pub seq: u64,
    /// The lesson as it stands.
    pub lesson: Lesson,
}

/// Lessons as they shall be, and what is being done to them.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    /// Their new state.
    pub lessons: &'a [Lesson],
    /// What is done: `accept`, `retire`.
    pub verb: &'a str,
    /// More than the verb: a file, a reason.
    pub note: &'a str,
}

impl Store {
    /// Returns the lessons that fit, ordered by id.
    ///
    /// # Errors
    /// When the store cannot be read or a row cannot be decoded.
    pub fn lessons(&self, filter: &LessonFilter) -> Result<Vec<Lesson>> {
        let rows = self.bodies("SELECT seq, body FROM lesson WHERE seq > ?1 ORDER BY id", 0)?;
        let mut lessons: Vec<Lesson> = decoded(&rows, |(_, body)| serde_json::from_str(body))
            .map_err(|e| self.not_a_lesson(e))?;
        lessons.retain(|lesson| {
            (filter.statuses.is_empty() || filter.statuses.contains(&lesson.status))
                && (filter.types.is_empty() || filter.types.contains(&lesson.lesson_type))
        });
        Ok(lessons)
    }

    /// Returns the rules of the lessons that are kept from recall: replaced, taken out or set apart. Those that
    /// merely wait are none of them. Reads no other rows, so that it may stand on the way of an answer.
    ///
    /// # Errors
    /// When the store cannot be read or a row cannot be decoded.
    pub fn withheld_rules(&self) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Said {
            rule: String,
        }
        let withheld = LessonStatus::ALL
            .iter()
            .filter(|status| !status.is_recallable() && **status != LessonStatus::Candidate);
        let names: Vec<String> = withheld.map(|status| format!("'{status}'")).collect();
        let sql = format!(
            "SELECT seq, body FROM lesson WHERE seq > ?1 AND status IN ({})",
            names.join(", ")
        );
        let decode = |(_, body): (u64, String)| serde_json::from_str(&body);
        let said: serde_json::Result<Vec<Said>> =
            self.bodies(&sql, 0)?.into_iter().map(decode).collect();
        let said = said.map_err(|e| self.not_a_lesson(e))?;
        Ok(said.into_iter().map(|said| said.rule).collect())
    }

    /// Returns one lesson.
    ///
    /// # Errors
    /// When the store cannot be read or the row cannot be decoded.
    pub fn lesson(&self, id: &LessonId) -> Result<Option<Lesson>> {
        let body = current(&self.conn, id).map_err(|e| self.sql(e))?;
        body.map(|b| self.decode(&b)).transpose()
    }

    /// Returns the lesson id that starts with `prefix` (with or without `L-`).
    ///
    /// # Errors
    /// [`StoreError::NoSuchLesson`] or [`StoreError::AmbiguousId`].
    pub fn resolve_id(&self, prefix: &str) -> Result<LessonId> {
        let bare = prefix.trim();
        let bare = bare.strip_prefix("L-").or_else(|| bare.strip_prefix("l-")).unwrap_or(bare);
        let wanted = format!("L-{}", bare.to_ascii_lowercase());
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut stmt = self.conn.prepare_cached(
                "SELECT id FROM lesson WHERE id >= ?1 AND substr(id, 1, length(?1)) = ?1
                 ORDER BY id LIMIT 6",
            )?;
            let rows = stmt.query_map([&wanted], |r| r.get(0))?;
            rows.collect()
        };
        let mut matches = read().map_err(|e| self.sql(e))?;
        if bare.is_empty() || matches.is_empty() {
            return Err(StoreError::NoSuchLesson(prefix.to_owned()));
        }
        if matches.len() == 1 || matches[0] == wanted {
            return Ok(LessonId(matches.swap_remove(0)));
        }
        Err(StoreError::AmbiguousId { prefix: prefix.to_owned(), matches })
    }

    /// Returns the shortest id derived from `seed` that no lesson and nothing in `taken` has.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn fresh_id(&self, seed: &str, taken: &HashSet<LessonId>) -> Result<LessonId> {
        fresh_id(&self.conn, seed, taken).map_err(|e| self.sql(e))
    }

    /// Stores a lesson that somebody stated, durably; returns it with its final id. The same text (rule
    /// and body) remembered again returns the lesson that is there with what is new added: evidence,
    /// reach, a reason. Its type changes only if `retype` says that one was named. A person states what
    /// is reviewed; what an agent states adds evidence to a person's lesson and changes nothing else.
    ///
    /// # Errors
    /// When the lesson has no evidence, or the store cannot be written.
    pub fn remember(&mut self, mut lesson: Lesson, retype: bool) -> Result<Lesson> {
        if lesson.evidence.is_empty() {
            return Err(StoreError::NoEvidence(lesson.title));
        }
        let actor = if lesson.reviewed { "user" } else { "agent" };
        let ts = self.clock.now();
        let path = self.path.clone();
        self.write(|tx| {
            let write = || -> rusqlite::Result<Lesson> {
                let seed = remember_seed(&lesson);
                let found =
                    slot(tx, &seed, &HashSet::new(), |_, known| Ok(remember_seed(known) == seed))?;
                let verb = match found {
                    Slot::Taken(old) => {
                        lesson = reinforced(*old, lesson, retype);
                        "reinforce"
                    }
                    Slot::Free(id) => {
                        lesson.id = id;
                        lesson.created = ts;
                        "remember"
                    }
                };
                lesson.updated = ts;
                let entry = Entry { op: next_op(tx)?, ts, actor, verb, note: "" };
                put(tx, &entry, &lesson)?;
                bump_revision(tx)?;
                Ok(lesson)
            };
            write().map_err(|e| sort_error(&path, e))
        })
    }

    /// Stores lessons that already have an identity, as one change. `note` says more than the verb:
    /// a file, a reason.
    ///
    /// # Errors
    /// When one has no evidence, or the store cannot be written.
    pub fn put_lessons(
        &mut self,
        lessons: &[Lesson],
        actor: &str,
        verb: &str,
        note: &str,
    ) -> Result<()> {
        self.put_decisions(&[Decision { lessons, verb, note }], actor)?;
        Ok(())
    }

    /// Stores several decisions as one change: all of them or none, undone together. Returns the
    /// number of the change, which takes it back.
    ///
    /// # Errors
    /// When a lesson has no evidence, or the store cannot be written.
    pub fn put_decisions(&mut self, decisions: &[Decision<'_>], actor: &str) -> Result<i64> {
        let mut all = decisions.iter().flat_map(|d| d.lessons);
        if let Some(bare) = all.find(|l| l.evidence.is_empty()) {
            return Err(StoreError::NoEvidence(bare.id.to_string()));
        }
        let ts = self.clock.now();
        let path = self.path.clone();
        self.write(|tx| {
            let write = || -> rusqlite::Result<i64> {
                let op = next_op(tx)?;
                for Decision { lessons, verb, note } in decisions {
                    let entry = Entry { op, ts, actor, verb, note };
                    for lesson in *lessons {
                        put(tx, &entry, lesson)?;
                    }
                }
                bump_revision(tx)?;
                Ok(op)
            };
            write().map_err(|e| sort_error(&path, e))
        })
    }

    /// Replaces one lesson, stamping `updated`.
    ///
    /// # Errors
    /// When it has no evidence, or the store cannot be written.
    pub fn update_lesson(&mut self, lesson: &Lesson, actor: &str, verb: &str) -> Result<()> {
        let mut lesson = lesson.clone();
        lesson.updated = self.clock.now();
        self.put_lessons(std::slice::from_ref(&lesson), actor, verb, "")
    }

    /// Returns the number of the newest change; 0 for an empty store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn lesson_seq(&self) -> Result<u64> {
        max_seq(&self.conn).map_err(|e| self.sql(e))
    }

    /// Returns every lesson changed after the given number, newest state, in order of change.
    ///
    /// # Errors
    /// When the store cannot be read or a row cannot be decoded.
    pub fn lesson_changes(&self, after: u64) -> Result<Vec<LessonChange>> {
        let rows =
            self.bodies("SELECT seq, body FROM lesson WHERE seq > ?1 ORDER BY seq", after)?;
        rows.iter()
            .map(|(seq, body)| Ok(LessonChange { seq: *seq, lesson: self.decode(body)? }))
            .collect()
    }

    /// Like [`Self::lesson_changes`], at most `limit` of them: for work in steps.
    ///
    /// # Errors
    /// When the store cannot be read or a row cannot be decoded.
    pub fn next_lesson_changes(&self, after: u64, limit: usize) -> Result<Vec<LessonChange>> {
        let sql = format!("SELECT seq, body FROM lesson WHERE seq > ?1 ORDER BY seq LIMIT {limit}");
        let rows = self.bodies(&sql, after)?;
        rows.iter()
            .map(|(seq, body)| Ok(LessonChange { seq: *seq, lesson: self.decode(body)? }))
            .collect()
    }

    /// Returns what tells the change of this number from a change of the same number that a copy of
    /// this store went through, such as a backup that was put back; empty if there is no such change.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn change_stamp(&self, seq: u64) -> Result<String> {
        let sql = "SELECT ts, op, lesson_id, after FROM lesson_log WHERE id = ?1";
        let read = || -> rusqlite::Result<Option<String>> {
            self.conn
                .prepare_cached(sql)?
                .query_row([seq.cast_signed()], |r| {
                    let (ts, op): (i64, i64) = (r.get(0)?, r.get(1)?);
                    let (id, after): (String, String) = (r.get(2)?, r.get(3)?);
                    Ok(digest([&ts.to_string(), &op.to_string(), &id, &after]))
                })
                .optional()
        };
        let mut stamp = read().map_err(|e| self.sql(e))?.unwrap_or_default();
        stamp.truncate(16);
        Ok(stamp)
    }

    fn bodies(&self, sql: &str, after: u64) -> Result<Vec<(u64, String)>> {
        let read = || -> rusqlite::Result<Vec<(u64, String)>> {
            let mut stmt = self.conn.prepare_cached(sql)?;
            let rows = stmt.query_map([after.cast_signed()], |r| {
                Ok((r.get::<_, i64>(0)?.cast_unsigned(), r.get(1)?))
            })?;
            rows.collect()
        };
        read().map_err(|e| self.sql(e))
    }

    fn decode(&self, body: &str) -> Result<Lesson> {
        serde_json::from_str(body).map_err(|e| self.not_a_lesson(e))
    }

    fn not_a_lesson(&self, error: serde_json::Error) -> StoreError {
        self.corrupt(format!("a lesson row: {error}"))
    }
}

/// Returns the rule without differences of case and white space.
fn folded(rule: &str) -> String {
    rule.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// Returns what makes two remembered texts the same: the rule, and the body where there is one.
fn remember_seed(lesson: &Lesson) -> String {
    let mut seed = format!("remember\u{1f}{}", folded(&lesson.rule));
    if let Some(body) = lesson.body.as_deref().map(str::trim).filter(|b| !b.is_empty()) {
        seed.push('\u{1f}');
        seed.push_str(body);
    }
    seed
}

/// Returns the old lesson with what the new statement of it adds.
fn reinforced(mut old: Lesson, new: Lesson, retype: bool) -> Lesson {
    for evidence in new.evidence {
        if !old.evidence.iter().any(|e| e.identity() == evidence.identity()) {
            old.evidence.push(evidence);
        }
    }
    if old.reviewed && !new.reviewed {
        return old;
    }
    old.applies_when.absorb(&new.applies_when);
    if retype {
        old.lesson_type = new.lesson_type;
    }
    old.why = new.why.or(old.why);
    // It holds for the code as it is now.
    for anchor in new.anchors {
        match old.anchors.iter_mut().find(|a| a.path == anchor.path) {
            Some(known) if known.drift.is_some() => *known = anchor,
            Some(_) => {}
            None => old.anchors.push(anchor),
        }
    }
    old.take_code_as_it_is();
    // What is suspicious is not delivered because the rest of it was known.
    if new.reviewed || new.status == LessonStatus::Quarantined {
        old.status = new.status;
        old.reviewed |= new.reviewed;
    }
    old.trust = old.trust.max(new.trust);
    old.confidence = old.confidence.max(new.confidence);
    old
}

pub(super) fn max_seq(conn: &Connection) -> rusqlite::Result<u64> {
    conn.prepare_cached("SELECT coalesce(max(seq), 0) FROM lesson")?
        .query_row([], |r| r.get::<_, i64>(0))
        .map(i64::cast_unsigned)
}

/// Returns the stored body of a lesson.
pub(super) fn current(conn: &Connection, id: &LessonId) -> rusqlite::Result<Option<String>> {
    conn.prepare_cached("SELECT body FROM lesson WHERE id = ?1")?
        .query_row([id.as_str()], |r| r.get(0))
        .optional()
}

fn fresh_id(
    conn: &Connection,
    seed: &str,
    taken: &HashSet<LessonId>,
) -> rusqlite::Result<LessonId> {
    Ok(match slot(conn, seed, taken, |_, _| Ok(false))? {
        Slot::Free(id) => id,
        Slot::Taken(lesson) => lesson.id,
    })
}

/// Where a lesson with a derived id belongs.
#[derive(Debug)]
pub(super) enum Slot {
    /// The shortest id that is free.
    Free(LessonId),
    /// The lesson is there already.
    Taken(Box<Lesson>),
}

/// Walks the ids derived from `seed`, shortest first, to one that neither the store nor `taken` has,
/// or to a lesson that `is_it`.
pub(super) fn slot(
    conn: &Connection,
    seed: &str,
    taken: &HashSet<LessonId>,
    is_it: impl Fn(&LessonId, &Lesson) -> rusqlite::Result<bool>,
) -> rusqlite::Result<Slot> {
    let mut seed = seed.to_owned();
    loop {
        for extra in (0..=LessonId::MAX_EXTRA).step_by(2) {
            let id = LessonId::derive(&seed, extra);
            match current(conn, &id)? {
                None if !taken.contains(&id) => return Ok(Slot::Free(id)),
                None => {}
                Some(body) => {
                    let known = serde_json::from_str::<Lesson>(&body).ok();
                    if let Some(known) = known.filter(|_| !taken.contains(&id))
                        && is_it(&id, &known)?
                    {
                        return Ok(Slot::Taken(Box::new(known)));
                    }
                }
            }
        }
        // All 64 digits taken means the seed itself was used before: vary it.
        seed.push_str("\u{1f}again");
    }
}

/// Writes a lesson and its log row.
pub(super) fn put(conn: &Connection, entry: &Entry<'_>, lesson: &Lesson) -> rusqlite::Result<()> {
    let before = current(conn, &lesson.id)?;
    let after = serde_json::to_string(lesson)
        .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
    let seq = max_seq(conn)? + 1;
    conn.prepare_cached(
        "INSERT INTO lesson (id, seq, type, status, body) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, type = excluded.type,
            status = excluded.status, body = excluded.body",
    )?
    .execute(params![
        lesson.id.as_str(),
        seq.cast_signed(),
        lesson.lesson_type.as_str(),
        lesson.status.as_str(),
        after
    ])?;
    record(conn, entry, &lesson.id, before.as_deref(), &after)
}
