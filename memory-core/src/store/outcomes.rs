//! Showings of lessons and what became of them.
//!
//! Owns the tables `exposure` and `outcome`. Must not decide what a showing is worth.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, Row, params};

use super::error::Result;
use super::events::SessionRef;
use super::{Store, bump_revision, sort_error};
use crate::clock::Timestamp;
use crate::id::LessonId;
use crate::outcome::{Channel, Counters, Exposure, Outcome, Verdict, VerdictSource};

const SHOW: &str = "INSERT INTO exposure (lesson_id, ts, until, channel, engine, sid, place, rank)
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
const JUDGE: &str = "INSERT INTO outcome
                     (key, lesson_id, ts, verdict, source, engine, sid, event_key, note)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (key) DO NOTHING";

impl Store {
    /// Records showings, in one transaction.
    ///
    /// # Errors
    /// When the store cannot be written, or holds no such lesson.
    pub fn record_exposures(&mut self, shown: &[Exposure]) -> Result<()> {
        if shown.is_empty() {
            return Ok(());
        }
        let path = self.path.clone();
        self.write(|tx| {
            shown.iter().try_for_each(|e| show(tx, e)).map_err(|e| sort_error(&path, e))
        })
    }

    /// Records which lessons stand in `file` from now on: what is new begins to stand, what is gone
    /// ends. The same lessons again change nothing.
    ///
    /// # Errors
    /// When the store cannot be written, or holds no such lesson.
    pub fn record_standing(&mut self, file: &str, lessons: &[LessonId]) -> Result<()> {
        let now = self.clock.now();
        let wanted: BTreeSet<&LessonId> = lessons.iter().collect();
        // Without a transaction first: a file that stays as it is must not make anybody wait.
        if !self.is_older_than(2) {
            let before = standing(&self.conn, file).map_err(|e| self.sql(e))?;
            if before.iter().eq(wanted.iter().copied()) {
                return Ok(());
            }
        }
        let path = self.path.clone();
        self.write(|tx| {
            let work = || -> rusqlite::Result<()> {
                let before = standing(tx, file)?;
                for gone in before.iter().filter(|id| !wanted.contains(id)) {
                    tx.execute(
                        "UPDATE exposure SET until = ?1
                         WHERE lesson_id = ?2 AND place = ?3 AND channel = ?4 AND until IS NULL",
                        params![now.0, gone.as_str(), file, Channel::Sync.as_str()],
                    )?;
                }
                for (rank, id) in lessons.iter().enumerate() {
                    if before.contains(id) {
                        continue;
                    }
                    show(
                        tx,
                        &Exposure {
                            lesson: id.clone(),
                            ts: now,
                            until: None,
                            channel: Channel::Sync,
                            session: None,
                            place: file.to_owned(),
                            rank: u32::try_from(rank).unwrap_or(u32::MAX),
                        },
                    )?;
                }
                Ok(())
            };
            work().map_err(|e| sort_error(&path, e))
        })
    }

    /// Returns the lessons that stand in `file`, as it was last recorded.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn standing_in(&self, file: &str) -> Result<BTreeSet<LessonId>> {
        if self.is_older_than(2) {
            return Ok(BTreeSet::new());
        }
        standing(&self.conn, file).map_err(|e| self.sql(e))
    }

    /// Returns every showing, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn exposures(&self) -> Result<Vec<Exposure>> {
        if self.is_older_than(2) {
            return Ok(Vec::new());
        }
        let read = || -> rusqlite::Result<Vec<Option<Exposure>>> {
            let mut stmt = self.conn.prepare_cached(
                "SELECT lesson_id, ts, until, channel, engine, sid, place, rank
                 FROM exposure ORDER BY ts, id",
            )?;
            let rows = stmt.query_map([], exposure)?;
            rows.collect()
        };
        // A channel of a newer cemem is unknown here: skip it, as readers do.
        Ok(read().map_err(|e| self.sql(e))?.into_iter().flatten().collect())
    }

    /// Replaces what the transcripts of these sessions say with what was found now, in one
    /// transaction; feedback stays. Returns whether anything changed.
    ///
    /// # Errors
    /// When the store cannot be written, or holds no such lesson.
    pub fn replace_outcomes(&mut self, found: &[(SessionRef, Vec<Outcome>)]) -> Result<bool> {
        let path = self.path.clone();
        self.write(|tx| replace(tx, found).map_err(|e| sort_error(&path, e)))
    }

    /// Records what somebody said of lessons, in one transaction. The newest word counts: what the
    /// same session, or the same person outside of one, had said of the lesson is replaced.
    ///
    /// # Errors
    /// When the store cannot be written, or holds no such lesson.
    pub fn record_feedback(&mut self, said: &[Outcome]) -> Result<()> {
        let path = self.path.clone();
        self.write(|tx| {
            let work = || -> rusqlite::Result<()> {
                for outcome in said {
                    take_back(tx, outcome)?;
                    judge(tx, outcome)?;
                }
                bump_revision(tx)
            };
            work().map_err(|e| sort_error(&path, e))
        })
    }

    /// Returns every verdict, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn outcomes(&self) -> Result<Vec<Outcome>> {
        if self.is_older_than(2) {
            return Ok(Vec::new());
        }
        let read = || -> rusqlite::Result<Vec<Option<Outcome>>> {
            let mut stmt = self.conn.prepare_cached(
                "SELECT lesson_id, ts, verdict, source, engine, sid, event_key, note
                 FROM outcome ORDER BY ts, key",
            )?;
            let rows = stmt.query_map([], outcome)?;
            rows.collect()
        };
        Ok(read().map_err(|e| self.sql(e))?.into_iter().flatten().collect())
    }

    /// Returns the counters of every lesson that was shown or judged.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn counters(&self) -> Result<BTreeMap<LessonId, Counters>> {
        if self.is_older_than(2) {
            return Ok(BTreeMap::new());
        }
        let read = || -> rusqlite::Result<BTreeMap<LessonId, Counters>> {
            let mut all: BTreeMap<LessonId, Counters> = BTreeMap::new();
            let mut stmt = self.conn.prepare_cached(
                "SELECT lesson_id, 'shown', count(*) FROM exposure GROUP BY lesson_id
                 UNION ALL SELECT lesson_id, verdict, count(*) FROM outcome
                 GROUP BY lesson_id, verdict",
            )?;
            let mut rows = stmt.query([])?;
            while let Some(row) = rows.next()? {
                let counters = all.entry(LessonId(row.get(0)?)).or_default();
                let n = row.get::<_, i64>(2)?.cast_unsigned();
                let what: String = row.get(1)?;
                match Verdict::parse(&what) {
                    Some(Verdict::Heeded) => counters.heeded = n,
                    Some(Verdict::Violated) => counters.violated = n,
                    Some(Verdict::Recurred) => counters.recurred = n,
                    Some(Verdict::Helped) => counters.helped = n,
                    Some(Verdict::Harmed) => counters.harmed = n,
                    None if what == "shown" => counters.shown = n,
                    None => {}
                }
            }
            Ok(all)
        };
        read().map_err(|e| self.sql(e))
    }
}

/// Brings the verdicts of these sessions to what was found; returns whether anything changed.
pub(super) fn replace(
    conn: &Connection,
    found: &[(SessionRef, Vec<Outcome>)],
) -> rusqlite::Result<bool> {
    let mut changed = false;
    for (session, outcomes) in found {
        let mut known = keys_of(conn, session)?;
        for outcome in outcomes {
            if !known.remove(&outcome.key()) {
                changed |= judge(conn, outcome)?;
            }
        }
        for key in &known {
            conn.prepare_cached("DELETE FROM outcome WHERE key = ?1")?.execute([key])?;
        }
        changed |= !known.is_empty();
    }
    if changed {
        bump_revision(conn)?;
    }
    Ok(changed)
}

fn standing(conn: &Connection, file: &str) -> rusqlite::Result<BTreeSet<LessonId>> {
    let mut stmt = conn.prepare_cached(
        "SELECT lesson_id FROM exposure WHERE place = ?1 AND channel = ?2 AND until IS NULL",
    )?;
    let rows = stmt.query_map([file, Channel::Sync.as_str()], |r| Ok(LessonId(r.get(0)?)))?;
    rows.collect()
}

pub(super) fn show(conn: &Connection, e: &Exposure) -> rusqlite::Result<()> {
    let session = e.session.as_ref();
    conn.prepare_cached(SHOW)?.execute(params![
        e.lesson.as_str(),
        e.ts.0,
        e.until.map(|t| t.0),
        e.channel.as_str(),
        session.map(|s| &s.engine),
        session.map(|s| &s.id),
        e.place,
        e.rank,
    ])?;
    Ok(())
}

/// Stores one verdict; returns whether it is new.
fn judge(conn: &Connection, o: &Outcome) -> rusqlite::Result<bool> {
    let session = o.session.as_ref();
    let rows = conn.prepare_cached(JUDGE)?.execute(params![
        o.key(),
        o.lesson.as_str(),
        o.ts.0,
        o.verdict.as_str(),
        o.source.as_str(),
        session.map(|s| &s.engine),
        session.map(|s| &s.id),
        o.event_key,
        o.note,
    ])?;
    Ok(rows > 0)
}

/// Removes what the actor of this feedback had said of the lesson before.
fn take_back(conn: &Connection, o: &Outcome) -> rusqlite::Result<()> {
    let session = o.session.as_ref();
    conn.prepare_cached(
        "DELETE FROM outcome
         WHERE lesson_id = ?1 AND source = ?2 AND engine IS ?3 AND sid IS ?4",
    )?
    .execute(params![
        o.lesson.as_str(),
        VerdictSource::Feedback.as_str(),
        session.map(|s| &s.engine),
        session.map(|s| &s.id),
    ])?;
    Ok(())
}

fn keys_of(conn: &Connection, session: &SessionRef) -> rusqlite::Result<BTreeSet<String>> {
    let mut stmt = conn
        .prepare_cached("SELECT key FROM outcome WHERE engine = ?1 AND sid = ?2 AND source = ?3")?;
    let source = VerdictSource::Transcript.as_str();
    let rows =
        stmt.query_map([session.engine.as_str(), session.id.as_str(), source], |r| r.get(0))?;
    rows.collect()
}

fn session_of(row: &Row<'_>, engine: usize) -> rusqlite::Result<Option<SessionRef>> {
    let (engine, id): (Option<String>, Option<String>) = (row.get(engine)?, row.get(engine + 1)?);
    Ok(engine.zip(id).map(|(engine, id)| SessionRef { engine, id }))
}

fn exposure(row: &Row<'_>) -> rusqlite::Result<Option<Exposure>> {
    let Some(channel) = Channel::parse(&row.get::<_, String>(3)?) else { return Ok(None) };
    Ok(Some(Exposure {
        lesson: LessonId(row.get(0)?),
        ts: Timestamp(row.get(1)?),
        until: row.get::<_, Option<i64>>(2)?.map(Timestamp),
        channel,
        session: session_of(row, 4)?,
        place: row.get(6)?,
        rank: row.get(7)?,
    }))
}

fn outcome(row: &Row<'_>) -> rusqlite::Result<Option<Outcome>> {
    let verdict = Verdict::parse(&row.get::<_, String>(2)?);
    let source = VerdictSource::parse(&row.get::<_, String>(3)?);
    let (Some(verdict), Some(source)) = (verdict, source) else { return Ok(None) };
    Ok(Some(Outcome {
        lesson: LessonId(row.get(0)?),
        ts: Timestamp(row.get(1)?),
        verdict,
        source,
        session: session_of(row, 4)?,
        event_key: row.get(6)?,
        note: row.get(7)?,
    }))
}
