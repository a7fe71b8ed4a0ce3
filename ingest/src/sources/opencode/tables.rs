//! `opencode.db`: which messages are new or changed since the last read, session by session.
//!
//! Owns the queries and the watermark. Must not say what a message means; `events` does.

use std::collections::BTreeMap;

use cemem_core::foreign::{ForeignDb, ForeignError, Param, Row};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::events::{self, Known};
use crate::source::{FileInfo, Output, Part};

/// Rows are stamped before they are committed: what was stamped this long before the last read may
/// have come in after it. Milliseconds.
const OVERLAP: i64 = 5_000;

/// How far the database was read.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    /// Rows stamped before are known.
    from: i64,
    /// A pass is under way up to rows of this time…
    to: Option<i64>,
    /// …and done up to this session and message.
    after: (String, String),
}

/// Reads the next part.
pub(super) fn read(
    db: &ForeignDb,
    file: &FileInfo,
    state: &Value,
    out: &mut Output<'_>,
) -> Result<Part, ForeignError> {
    let mut state = State::deserialize(state).unwrap_or_default();
    pass(db, file, &mut state, out)?;
    let more = state.to.is_some();
    Ok(Part { state: serde_json::to_value(&state).unwrap_or_default(), more })
}

fn pass(
    db: &ForeignDb,
    file: &FileInfo,
    state: &mut State,
    out: &mut Output<'_>,
) -> Result<(), ForeignError> {
    let to = match state.to {
        Some(to) => to,
        None => newest(db)?,
    };
    let sessions = sessions(db)?;
    for (session, message) in changed(db, state)? {
        let Some(known) = sessions.get(&session) else {
            out.skip("orphan");
            continue;
        };
        if !file.wants(known.directory.as_deref()) {
            continue;
        }
        known.declare(out);
        one(db, known, &message, out)?;
        if out.bytes() >= Output::FULL {
            *state = State { from: state.from, to: Some(to), after: (session, message) };
            return Ok(());
        }
    }
    for known in sessions.values().filter(|k| file.wants(k.directory.as_deref())) {
        known.rewound(out);
    }
    *state = State { from: to, ..State::default() };
    Ok(())
}

/// The newest stamp there is now.
fn newest(db: &ForeignDb) -> Result<i64, ForeignError> {
    let mut newest = 0;
    for table in ["message", "part"] {
        db.rows(&format!("SELECT max(time_updated) AS t FROM {table}"), &[], |row| {
            newest = newest.max(row.int("t").unwrap_or_default());
            true
        })?;
    }
    Ok(newest)
}

/// Messages that changed, or of which a part did, in the order of sessions and messages.
fn changed(db: &ForeignDb, state: &State) -> Result<Vec<(String, String)>, ForeignError> {
    let sql = "SELECT session_id AS s, id AS m FROM message WHERE time_updated >= ?1
        UNION SELECT session_id AS s, message_id AS m FROM part WHERE time_updated >= ?1
        ORDER BY s, m";
    let from = Param::Integer(state.from.saturating_sub(OVERLAP));
    let mut found = Vec::new();
    db.rows(sql, &[from], |row| {
        if let (Some(s), Some(m)) = (row.text("s"), row.text("m"))
            && (&s, &m) > (&state.after.0, &state.after.1)
        {
            found.push((s, m));
        }
        true
    })?;
    Ok(found)
}

fn sessions(db: &ForeignDb) -> Result<BTreeMap<String, Known>, ForeignError> {
    let mut sessions = BTreeMap::new();
    db.rows("SELECT * FROM session", &[], |row| {
        let info = described(row);
        if let Some(mut known) = Known::of(&info) {
            let revert = row.text("revert").and_then(|t| serde_json::from_str::<Value>(&t).ok());
            known.set_revert(revert.as_ref());
            sessions.insert(known.id.clone(), known);
        }
        true
    })?;
    Ok(sessions)
}

/// A session's row in the shape of its older files.
fn described(row: &Row<'_>) -> Value {
    serde_json::json!({
        "id": row.text("id"),
        "parentID": row.text("parent_id"),
        "directory": row.text("directory"),
        "title": row.text("title"),
        "version": row.text("version"),
        "time": { "updated": row.int("time_updated") },
    })
}

/// Adds one message with all of its parts.
fn one(
    db: &ForeignDb,
    known: &Known,
    message: &str,
    out: &mut Output<'_>,
) -> Result<(), ForeignError> {
    let id = [Param::Text(message.to_owned())];
    let mut data = None;
    db.rows("SELECT data FROM message WHERE id = ?1", &id, |row| {
        data = row.text("data");
        false
    })?;
    let Some(info) = data.and_then(|d| serde_json::from_str::<Value>(&d).ok()) else {
        out.skip("malformed_row");
        return Ok(());
    };
    let mut parts = Vec::new();
    let mut flawed = 0;
    db.rows("SELECT id, data FROM part WHERE message_id = ?1 ORDER BY id", &id, |row| {
        let data = row.text("data").and_then(|d| serde_json::from_str::<Value>(&d).ok());
        match (row.text("id"), data) {
            (Some(id), Some(part)) => parts.push((id, part)),
            _ => flawed += 1,
        }
        true
    })?;
    (0..flawed).for_each(|_| out.skip("malformed_row"));
    events::message(known, message, &info, &parts, out);
    Ok(())
}
