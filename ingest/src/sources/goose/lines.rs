//! Goose's JSONL files: a row that describes the session, then its messages.
//!
//! Owns the order of rows. Must not say what a message means; `events` does.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::events::Message;
use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::tool::{int, list, text};

/// What must be known from earlier rows.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    cwd: Option<String>,
    /// Messages so far.
    rows: u64,
}

/// Reads one file.
pub(super) struct GooseReader {
    state: State,
    session: String,
}

impl GooseReader {
    pub(super) fn new(file: &FileInfo, state: &Value) -> Self {
        let state = State::deserialize(state).unwrap_or_default();
        Self { state, session: file.stem.clone() }
    }
}

impl Reader for GooseReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        for row in serde_json::Deserializer::from_str(record.text).into_iter::<Value>() {
            let row =
                row.map_err(|e| Malformed(format!("invalid row at column {}", e.column())))?;
            let Some(role) = text(&row, &["role"]) else {
                if let Some(cwd) = text(&row, &["working_dir"]) {
                    self.state.cwd = Some(cwd.to_owned());
                }
                let session = out.session(&self.session);
                session.cwd.clone_from(&self.state.cwd);
                session.title = text(&row, &["description"]).map(str::to_owned);
                continue;
            };
            self.state.rows += 1;
            let row_id = text(&row, &["id"]).map(str::to_owned);
            let message = Message {
                session: &self.session,
                row_id: row_id.unwrap_or_else(|| self.state.rows.to_string()),
                role,
                created: int(&row, &["created"]),
                content: list(&row, &["content"]),
                metadata: row.get("metadata").unwrap_or(&Value::Null),
                cwd: self.state.cwd.as_deref(),
                machine: false,
                offset: record.offset,
                len: record.text.len() as u64,
            };
            message.tell(out);
        }
        Ok(())
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}
