//! Goose's `sessions.db`: which messages are new since the last read.
//!
//! Owns the queries and the watermark. A rewritten session gets new row ids, all above the
//! watermark; their keys make that harmless. Must not say what a message means; `events` does.

use std::collections::HashMap;

use cemem_core::foreign::{ForeignDb, ForeignError, Param};
use serde_json::{Value, json};

use super::events::Message;
use crate::source::{FileInfo, Output, Part};

/// What is known of a session.
struct Known {
    cwd: Option<String>,
    title: Option<String>,
    machine: bool,
}

/// Reads the next part.
pub(super) fn read(
    db: &ForeignDb,
    file: &FileInfo,
    state: &Value,
    out: &mut Output<'_>,
) -> Result<Part, ForeignError> {
    let mut after = state.get("after").and_then(Value::as_i64).unwrap_or_default();
    let mut newest = 0;
    db.rows("SELECT max(rowid) AS n FROM messages", &[], |row| {
        newest = row.int("n").unwrap_or_default();
        false
    })?;
    if newest < after {
        after = 0; // Another database in the place of the one that was read.
    }
    let sessions = sessions(db)?;
    let sql = "SELECT rowid AS n, * FROM messages WHERE rowid > ?1 ORDER BY rowid";
    let mut more = false;
    db.rows(sql, &[Param::Integer(after)], |row| {
        if out.bytes() >= Output::FULL {
            more = true;
            return false;
        }
        after = row.int("n").unwrap_or(after);
        let id = row.text("session_id").unwrap_or_default();
        let Some(known) = sessions.get(&id) else {
            out.skip("orphan");
            return true;
        };
        if !file.wants(known.cwd.as_deref()) {
            return true;
        }
        let json =
            |column: &str| row.text(column).and_then(|t| serde_json::from_str::<Value>(&t).ok());
        let Some(Value::Array(content)) = json("content_json") else {
            out.skip("malformed_row");
            return true;
        };
        let session = out.session(&id);
        session.cwd.clone_from(&known.cwd);
        session.title.clone_from(&known.title);
        let role = row.text("role").unwrap_or_default();
        let message = Message {
            session: &id,
            row_id: row.text("message_id").unwrap_or_else(|| after.to_string()),
            role: &role,
            created: row.int("created_timestamp"),
            content: &content,
            metadata: &json("metadata_json").unwrap_or_default(),
            cwd: known.cwd.as_deref(),
            machine: known.machine,
            offset: 0,
            len: 0,
        };
        message.tell(out);
        true
    })?;
    Ok(Part { state: json!({ "after": after }), more })
}

fn sessions(db: &ForeignDb) -> Result<HashMap<String, Known>, ForeignError> {
    let mut sessions = HashMap::new();
    db.rows("SELECT * FROM sessions", &[], |row| {
        let Some(id) = row.text("id") else { return true };
        let title = ["name", "description"].iter().find_map(|c| row.text(c));
        let known = Known {
            cwd: row.text("working_dir"),
            title: title.filter(|t| !t.is_empty()),
            machine: row
                .text("session_type")
                .is_some_and(|t| matches!(t.as_str(), "scheduled" | "sub_agent" | "hidden")),
        };
        sessions.insert(id, known);
        true
    })?;
    Ok(sessions)
}
