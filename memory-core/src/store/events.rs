//! Sources, sessions, events and cursors.
//!
//! Owns the idempotent append: events and the cursor that covers them go in together or not at all.
//! Must not read source files and must not extract.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use rusqlite::{OptionalExtension as _, Transaction, params};
use serde::{Deserialize, Serialize};

use super::error::Result;
use super::packed::{Packed, SEP};
use super::{Store, sort_error};
use crate::clock::Timestamp;
use crate::cursor::Cursor;
use crate::event::{Actor, Event, EventKind, Session};

/// What one read of one source file gave.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The file's state after this read.
    pub cursor: Cursor,
    /// Its sessions (a file can hold several) with their events in file order.
    pub sessions: Vec<(Session, Vec<Event>)>,
}

/// What an append changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Appended {
    /// Events added.
    pub events: u64,
    /// Events that were there already.
    pub duplicates: u64,
}

/// Names a session in the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionRef {
    /// The engine's short name.
    pub engine: String,
    /// The engine's session id.
    pub id: String,
}

/// An event with its place in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Position in the order of arrival.
    pub seq: i64,
    /// The file it was first read from; the events of a file share it.
    pub source_path: Arc<str>,
    /// The event.
    pub event: Event,
}

/// An event as it is stored, not decoded.
#[derive(Debug, Clone, Copy)]
pub struct RawEvent<'a> {
    /// Position in the order of arrival.
    pub seq: i64,
    /// The file it was first read from, as a number that holds for this store.
    pub source: i64,
    /// When.
    pub ts: Option<Timestamp>,
    /// The row's own id.
    pub row_id: &'a str,
    /// [`EventKind::name`].
    pub kind: &'a str,
    /// The [`EventKind`] as JSON.
    pub body: &'a str,
}

/// How much a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Source files.
    pub sources: u64,
    /// Sessions.
    pub sessions: u64,
    /// Events by kind.
    pub events: BTreeMap<String, u64>,
    /// Candidates by state.
    pub candidates: BTreeMap<String, u64>,
    /// Lessons by status.
    pub lessons: BTreeMap<String, u64>,
}

impl Store {
    /// Returns the cursor of a source file, if it was read before.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn cursor(&self, path: &str) -> Result<Option<Cursor>> {
        self.conn
            .prepare_cached("SELECT * FROM source WHERE path = ?1")
            .and_then(|mut s| s.query_row([path], cursor_of).optional())
            .map_err(|e| self.sql(e))
    }

    /// Returns every cursor by path.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn cursors(&self) -> Result<HashMap<String, Cursor>> {
        let read = || -> rusqlite::Result<_> {
            let mut stmt = self.conn.prepare("SELECT * FROM source")?;
            let rows = stmt.query_map([], cursor_of)?;
            rows.map(|c| c.map(|c| (c.path.clone(), c))).collect()
        };
        read().map_err(|e| self.sql(e))
    }

    /// Adds the batches in one durable transaction: all of it or nothing. Events already known by
    /// `(engine, key)` are left alone; sessions that gained events are marked for extraction.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn append(
        &mut self,
        batches: impl IntoIterator<Item = impl Into<Packed>>,
    ) -> Result<Appended> {
        let path = self.path.clone();
        self.write(|tx| {
            let mut total = Appended::default();
            for batch in batches {
                let added = append_batch(tx, &batch.into()).map_err(|e| sort_error(&path, e))?;
                total.events += added.events;
                total.duplicates += added.duplicates;
            }
            Ok(total)
        })
    }

    /// Returns the sessions with events newer than their last extraction.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn dirty_sessions(&self) -> Result<Vec<SessionRef>> {
        let read = || -> rusqlite::Result<_> {
            let mut stmt = self
                .conn
                .prepare("SELECT engine, sid FROM session WHERE dirty = 1 ORDER BY engine, sid")?;
            let rows =
                stmt.query_map([], |r| Ok(SessionRef { engine: r.get(0)?, id: r.get(1)? }))?;
            rows.collect()
        };
        read().map_err(|e| self.sql(e))
    }

    /// Returns the number of the newest event; 0 for none. Numbers only grow.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_event(&self) -> Result<i64> {
        self.conn
            .query_row("SELECT coalesce(max(seq), 0) FROM event", [], |r| r.get(0))
            .map_err(|e| self.sql(e))
    }

    /// Returns a session's events in order of time; undated events keep their place in the file.
    ///
    /// # Errors
    /// When the store cannot be read or a row cannot be decoded.
    pub fn session_events(&self, session: &SessionRef) -> Result<Vec<StoredEvent>> {
        self.events_among(session, None)
    }

    /// Returns those of a session's events that have one of these numbers, as
    /// [`Store::session_events`] does.
    ///
    /// # Errors
    /// When the store cannot be read or a row cannot be decoded.
    pub fn session_events_in(
        &self,
        session: &SessionRef,
        wanted: &BTreeSet<i64>,
    ) -> Result<Vec<StoredEvent>> {
        self.events_among(session, Some(wanted))
    }

    /// Returns how many events a session has.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn session_len(&self, session: &SessionRef) -> Result<u64> {
        let count = "SELECT count(*) FROM event
             WHERE session_id = (SELECT id FROM session WHERE engine = ?1 AND sid = ?2)";
        self.conn
            .prepare_cached(count)
            .and_then(|mut s| s.query_row([&session.engine, &session.id], |r| r.get::<_, i64>(0)))
            .map(i64::cast_unsigned)
            .map_err(|e| self.sql(e))
    }

    /// Returns the numbers of a session's events, in order of arrival.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn session_numbers(&self, session: &SessionRef) -> Result<Vec<i64>> {
        let read = || -> rusqlite::Result<Vec<i64>> {
            let mut stmt = self.conn.prepare_cached(
                "SELECT seq FROM event
                 WHERE session_id = (SELECT id FROM session WHERE engine = ?1 AND sid = ?2)
                 ORDER BY seq",
            )?;
            stmt.query_map([&session.engine, &session.id], |r| r.get(0))?.collect()
        };
        read().map_err(|e| self.sql(e))
    }

    /// Shows a session's events undecoded, in order of arrival.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn scan_session(
        &self,
        session: &SessionRef,
        each: &mut dyn FnMut(&RawEvent<'_>),
    ) -> Result<()> {
        let mut read = || -> rusqlite::Result<()> {
            let mut stmt = self.conn.prepare_cached(
                "SELECT seq, source_id, ts, row_id, kind, body FROM event
                 WHERE session_id = (SELECT id FROM session WHERE engine = ?1 AND sid = ?2)
                 ORDER BY seq",
            )?;
            let mut rows = stmt.query([&session.engine, &session.id])?;
            while let Some(row) = rows.next()? {
                each(&RawEvent {
                    seq: row.get(0)?,
                    source: row.get(1)?,
                    ts: row.get::<_, Option<i64>>(2)?.map(Timestamp),
                    row_id: row.get_ref(3)?.as_str()?,
                    kind: row.get_ref(4)?.as_str()?,
                    body: row.get_ref(5)?.as_str()?,
                });
            }
            Ok(())
        };
        read().map_err(|e| self.sql(e))
    }

    fn events_among(
        &self,
        session: &SessionRef,
        wanted: Option<&BTreeSet<i64>>,
    ) -> Result<Vec<StoredEvent>> {
        let wanted = wanted.map(|numbers| serde_json::json!(numbers).to_string());
        let mut events = Vec::new();
        let mut foreign = None;
        let mut paths = HashSet::new();
        // One row at a time: a report may hold a hundred thousand findings.
        let mut read = || -> rusqlite::Result<()> {
            let mut stmt = self.conn.prepare_cached(
                "SELECT e.seq, s.path, e.key, e.row_id, e.ts, e.actor, e.body, e.cwd, e.branch,
                        e.offset, e.len
                 FROM event e JOIN source s ON s.id = e.source_id
                 WHERE e.session_id = (SELECT id FROM session WHERE engine = ?1 AND sid = ?2)
                    AND (?3 IS NULL OR e.seq IN (SELECT value FROM json_each(?3)))
                 ORDER BY e.seq",
            )?;
            let mut rows = stmt.query(params![session.engine, session.id, wanted])?;
            while let Some(row) = rows.next()? {
                let mut stored = stored_event(row, &mut paths)?;
                let actor = row.get_ref(5)?.as_str()?;
                let Some(actor) = Actor::parse(actor) else {
                    foreign = Some(format!("event {} has actor `{actor}`", stored.seq));
                    return Ok(());
                };
                // A kind written by a newer cemem is unknown here: skip it, as readers do.
                let Some(kind) = kind_of(row.get_ref(6)?.as_str()?) else { continue };
                (stored.event.actor, stored.event.kind) = (actor, kind);
                events.push(stored);
            }
            Ok(())
        };
        read().map_err(|e| self.sql(e))?;
        if let Some(flaw) = foreign {
            return Err(self.corrupt(flaw));
        }
        order_by_time(&mut events);
        Ok(events)
    }

    /// Returns how much the store holds.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn counts(&self) -> Result<Counts> {
        let one = |sql: &str| -> rusqlite::Result<u64> {
            self.conn.query_row(sql, [], |r| r.get::<_, i64>(0)).map(i64::cast_unsigned)
        };
        let by = |sql: &str| -> rusqlite::Result<BTreeMap<String, u64>> {
            let mut stmt = self.conn.prepare(sql)?;
            let rows =
                stmt.query_map([], |r| Ok((r.get(0)?, r.get::<_, i64>(1)?.cast_unsigned())))?;
            rows.collect()
        };
        let read = || -> rusqlite::Result<Counts> {
            Ok(Counts {
                sources: one("SELECT count(*) FROM source")?,
                sessions: one("SELECT count(*) FROM session")?,
                events: by("SELECT kind, count(*) FROM event GROUP BY kind")?,
                candidates: by("SELECT state, count(*) FROM candidate GROUP BY state")?,
                lessons: by("SELECT status, count(*) FROM lesson GROUP BY status")?,
            })
        };
        read().map_err(|e| self.sql(e))
    }
}

/// Sorts by time. An undated event takes the time of the last dated one before it in its file, so
/// that rows without a clock (metadata, some tool rows) stay where the engine wrote them.
fn order_by_time(events: &mut [StoredEvent]) {
    let mut last: HashMap<&str, Timestamp> = HashMap::new();
    let mut keyed: Vec<(Timestamp, i64)> = Vec::with_capacity(events.len());
    for stored in events.iter() {
        let ts = match stored.event.ts {
            Some(ts) => {
                last.insert(&stored.source_path, ts);
                ts
            }
            None => last.get(&*stored.source_path).copied().unwrap_or(Timestamp(i64::MIN)),
        };
        keyed.push((ts, stored.seq));
    }
    if keyed.is_sorted() {
        return;
    }
    let rank: HashMap<i64, Timestamp> = keyed.into_iter().map(|(ts, seq)| (seq, ts)).collect();
    events.sort_by_key(|e| (rank[&e.seq], e.seq));
}

const INSERT: &str = "INSERT INTO event
    (session_id, source_id, key, row_id, ts, actor, kind, body, cwd, branch, offset, len)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

/// What was said stays as it was first read; a document, a rule in one, and what is known of a commit
/// are what they are now. They then count as the newest event, so that they are extracted again.
fn append_batch(tx: &Transaction<'_>, batch: &Packed) -> rusqlite::Result<Appended> {
    let source_id = upsert_source(tx, &batch.cursor)?;
    let mut said = tx.prepare_cached(&format!("{INSERT} ON CONFLICT (key) DO NOTHING"))?;
    let mut known = tx.prepare_cached(&format!(
        "{INSERT} ON CONFLICT (key) DO UPDATE
            SET seq = (SELECT max(seq) FROM event) + 1, source_id = excluded.source_id,
                ts = excluded.ts, body = excluded.body, offset = excluded.offset, len = excluded.len
            WHERE body <> excluded.body"
    ))?;
    let mut total = Appended::default();
    for (session, rows) in &batch.sessions {
        let session_id = upsert_session(tx, session)?;
        let mut added = 0;
        for row in rows {
            let insert = match row.kind {
                "document" | "stated_rule" | "commit" => &mut known,
                _ => &mut said,
            };
            let text = |place| batch.text(place);
            added += insert.execute(params![
                session_id,
                source_id,
                text(&row.key),
                text(&row.row_id),
                row.ts,
                row.actor,
                row.kind,
                text(&row.body),
                row.cwd.as_ref().map(text),
                row.branch.as_ref().map(text),
                row.offset,
                row.len,
            ])? as u64;
        }
        total.events += added;
        total.duplicates += rows.len() as u64 - added;
        if added > 0 {
            tx.prepare_cached("UPDATE session SET dirty = 1 WHERE id = ?1")?
                .execute([session_id])?;
        }
    }
    Ok(total)
}

fn upsert_source(tx: &Transaction<'_>, c: &Cursor) -> rusqlite::Result<i64> {
    tx.prepare_cached(
        "INSERT INTO source (path, format, offset, size, mtime_ns, head, reader, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (path) DO UPDATE SET format = excluded.format, offset = excluded.offset,
            size = excluded.size, mtime_ns = excluded.mtime_ns, head = excluded.head,
            reader = excluded.reader, state = excluded.state
         RETURNING id",
    )?
    .query_row(
        params![
            c.path,
            c.format,
            c.offset.cast_signed(),
            c.size.cast_signed(),
            c.mtime_ns,
            c.head,
            c.reader,
            c.state.to_string()
        ],
        |r| r.get(0),
    )
}

/// Merges what a read learned about a session: first known value wins for where it began, last for
/// its title and version.
fn upsert_session(tx: &Transaction<'_>, s: &Session) -> rusqlite::Result<i64> {
    tx.prepare_cached(
        "INSERT INTO session (engine, sid, parent, engine_version, title, cwd, branch, started, ended)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (engine, sid) DO UPDATE SET
            parent = coalesce(parent, excluded.parent),
            engine_version = coalesce(excluded.engine_version, engine_version),
            title = coalesce(excluded.title, title),
            cwd = coalesce(cwd, excluded.cwd),
            branch = coalesce(branch, excluded.branch),
            started = min(coalesce(started, excluded.started), coalesce(excluded.started, started)),
            ended = max(coalesce(ended, excluded.ended), coalesce(excluded.ended, ended))
         RETURNING id",
    )?
    .query_row(
        params![
            s.engine,
            s.id,
            s.parent,
            s.engine_version,
            s.title,
            s.cwd,
            s.branch,
            s.started.map(|t| t.0),
            s.ended.map(|t| t.0)
        ],
        |r| r.get(0),
    )
}

fn cursor_of(r: &rusqlite::Row<'_>) -> rusqlite::Result<Cursor> {
    let state: String = r.get("state")?;
    Ok(Cursor {
        path: r.get("path")?,
        format: r.get("format")?,
        offset: r.get::<_, i64>("offset")?.cast_unsigned(),
        size: r.get::<_, i64>("size")?.cast_unsigned(),
        mtime_ns: r.get("mtime_ns")?,
        head: r.get("head")?,
        reader: r.get("reader")?,
        // An unreadable state only costs a second reading of the file.
        state: serde_json::from_str(&state).unwrap_or(serde_json::Value::Null),
    })
}

/// Decodes a stored body. A finding is read without the detour that a tag costs, because there may
/// be very many.
fn kind_of(body: &str) -> Option<EventKind> {
    if body.starts_with(r#"{"kind":"finding","#) {
        return serde_json::from_str(body).ok().map(EventKind::Finding);
    }
    serde_json::from_str(body).ok()
}

/// A row without actor and kind.
fn stored_event(
    r: &rusqlite::Row<'_>,
    paths: &mut HashSet<Arc<str>>,
) -> rusqlite::Result<StoredEvent> {
    let path = r.get_ref(1)?.as_str()?;
    let source_path = paths.get(path).cloned().unwrap_or_else(|| {
        let path: Arc<str> = path.into();
        paths.insert(Arc::clone(&path));
        path
    });
    let key: String = r.get(2)?;
    let event = Event {
        key: key.split_once(SEP).map_or(key.as_str(), |(_, k)| k).to_owned(),
        row_id: r.get(3)?,
        ts: r.get::<_, Option<i64>>(4)?.map(Timestamp),
        actor: Actor::System,
        kind: EventKind::Rewind { target: None },
        cwd: r.get(7)?,
        branch: r.get(8)?,
        offset: r.get::<_, i64>(9)?.cast_unsigned(),
        len: r.get::<_, i64>(10)?.cast_unsigned(),
    };
    Ok(StoredEvent { seq: r.get(0)?, source_path, event })
}
