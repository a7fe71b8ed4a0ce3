//! The command line's `store.db`: one session, its messages as blobs named by their content.
//!
//! Owns the order of blobs (they are written once, as they come) and the watermark. Must not look at
//! the nodes that link them.

use cemem_core::Timestamp;
use cemem_core::foreign::{ForeignDb, ForeignError, Param};
use serde_json::{Value, json};

use super::places;
use super::transcript::Said;
use crate::source::{FileInfo, Output, Part};
use crate::sources::tool::{int, key, list, text};

/// Reads the next part.
pub(super) fn read(
    db: &ForeignDb,
    file: &FileInfo,
    state: &Value,
    out: &mut Output<'_>,
) -> Result<Part, ForeignError> {
    let meta = meta(db)?;
    let path = std::path::Path::new(&file.path);
    let folder = path.parent().and_then(|p| p.file_name());
    let folder = folder.map(|f| f.to_string_lossy().into_owned());
    let id = text(&meta, &["agentId"]).map(str::to_owned).or(folder).unwrap_or_default();
    let cwd = places::hashed(path, &file.roots);
    let mut after = state.get("after").and_then(Value::as_i64).unwrap_or_default();
    let mut more = false;
    let sql = "SELECT rowid AS n, id, data FROM blobs WHERE rowid > ?1 ORDER BY rowid";
    db.rows(sql, &[Param::Integer(after)], |row| {
        if out.bytes() >= Output::FULL {
            more = true;
            return false;
        }
        after = row.int("n").unwrap_or(after);
        let bytes = row.bytes("data").unwrap_or_default();
        if bytes.first() != Some(&b'{') {
            return true; // A node.
        }
        let blob = row.text("id").unwrap_or_default();
        let Ok(message) = serde_json::from_slice::<Value>(&bytes) else {
            out.skip("malformed_row");
            return true;
        };
        let said = Said {
            session: &id,
            key: key([&id, &blob]),
            row_id: blob,
            role: text(&message, &["role"]).unwrap_or_default(),
            ts: file.modified,
            cwd: cwd.as_deref(),
            machine: false,
            offset: 0,
            len: bytes.len() as u64,
        };
        match message.get("content") {
            Some(Value::String(words)) => said.tell(&[json!({"type": "text", "text": words})], out),
            _ => said.tell(list(&message, &["content"]), out),
        }
        true
    })?;
    if !id.is_empty() {
        let session = out.session(&id);
        session.title = text(&meta, &["name"]).map(str::to_owned);
        session.cwd = cwd;
        session.started = int(&meta, &["createdAt"]).map(Timestamp);
    }
    Ok(Part { state: json!({ "after": after }), more })
}

/// What the session says of itself: JSON, written as hexadecimal digits.
fn meta(db: &ForeignDb) -> Result<Value, ForeignError> {
    let mut found = Value::Null;
    db.rows("SELECT value FROM meta WHERE key = '0'", &[], |row| {
        let text = row.text("value").unwrap_or_default();
        let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
        let bytes = digits.map(|d| {
            let pairs = d.chunks_exact(2);
            pairs.filter_map(|p| u8::try_from(p[0] * 16 + p[1]).ok()).collect::<Vec<u8>>()
        });
        let parsed = match bytes {
            Some(bytes) => serde_json::from_slice(&bytes).ok(),
            None => serde_json::from_str(&text).ok(),
        };
        found = parsed.unwrap_or_default();
        false
    })?;
    Ok(found)
}
