//! A batch as it is stored.
//!
//! Owns writing events out: all texts of a batch in one piece of memory, where a hundred thousand
//! events would each need half a dozen of their own, made on one core and given back on another. Must
//! not know the tables.

use std::ops::Range;

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::events::Batch;
use crate::cursor::Cursor;
use crate::event::{Event, Session};

/// Separates engine and key in the stored, engine-prefixed event key.
pub(super) const SEP: char = '\u{1f}';

/// A batch as it is stored. Writing events out takes as long as storing them: it is done where they
/// were read, while others are stored.
#[derive(Debug)]
pub struct Packed {
    pub(super) cursor: Cursor,
    pub(super) sessions: Vec<(Session, Vec<Row>)>,
    texts: Vec<u8>,
}

/// An event as it is stored. Its texts are places in [`Packed`].
#[derive(Debug)]
pub(super) struct Row {
    pub(super) key: Range<usize>,
    pub(super) row_id: Range<usize>,
    pub(super) ts: Option<i64>,
    pub(super) actor: &'static str,
    pub(super) kind: &'static str,
    pub(super) body: Range<usize>,
    pub(super) cwd: Option<Range<usize>>,
    pub(super) branch: Option<Range<usize>>,
    pub(super) offset: i64,
    pub(super) len: i64,
}

/// A text of a batch, handed to SQLite where it lies.
pub(super) struct Text<'a>(&'a [u8]);

impl ToSql for Text<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}

impl From<&Batch> for Packed {
    fn from(batch: &Batch) -> Self {
        let mut texts = Vec::new();
        let mut sessions = Vec::with_capacity(batch.sessions.len());
        for (session, events) in &batch.sessions {
            let rows = events.iter().map(|e| Row::new(&session.engine, e, &mut texts)).collect();
            sessions.push((session.clone(), rows));
        }
        Self { cursor: batch.cursor.clone(), sessions, texts }
    }
}

impl Packed {
    /// Returns a text of a row.
    pub(super) fn text(&self, place: &Range<usize>) -> Text<'_> {
        Text(&self.texts[place.clone()])
    }
}

impl Row {
    fn new(engine: &str, event: &Event, texts: &mut Vec<u8>) -> Self {
        let mut sep = [0; 4];
        let key = put(texts, &[engine, SEP.encode_utf8(&mut sep), &event.key]);
        let row_id = put(texts, &[&event.row_id]);
        let from = texts.len();
        serde_json::to_writer(&mut *texts, &event.kind).expect("the keys of its maps are texts");
        let body = from..texts.len();
        Self {
            key,
            row_id,
            ts: event.ts.map(|t| t.0),
            actor: event.actor.as_str(),
            kind: event.kind.name(),
            body,
            cwd: event.cwd.as_deref().map(|t| put(texts, &[t])),
            branch: event.branch.as_deref().map(|t| put(texts, &[t])),
            offset: event.offset.cast_signed(),
            len: event.len.cast_signed(),
        }
    }
}

fn put(texts: &mut Vec<u8>, parts: &[&str]) -> Range<usize> {
    let from = texts.len();
    parts.iter().for_each(|part| texts.extend_from_slice(part.as_bytes()));
    from..texts.len()
}
