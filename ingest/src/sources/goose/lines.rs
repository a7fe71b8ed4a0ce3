//! Goose's JSONL files: a row that describes the session, then its messages.
//!
//! Owns the order of rows. Must not say what a message means; `events` does.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::events::Message;
use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::rows::{self, At};
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

impl GooseReader {
    fn row(&mut self, at: &At<'_>, out: &mut Output<'_>) {
        let Some(role) = text(at.row, &["role"]) else {
            if let Some(cwd) = text(at.row, &["working_dir"]) {
                self.state.cwd = Some(cwd.to_owned());
            }
            let session = out.session(&self.session);
            session.cwd.clone_from(&self.state.cwd);
            session.title = text(at.row, &["description"]).map(str::to_owned);
            return;
        };
        self.state.rows += 1;
        let row_id = text(at.row, &["id"]).map(str::to_owned);
        let message = Message {
            session: &self.session,
            row_id: row_id.unwrap_or_else(|| self.state.rows.to_string()),
            role,
            created: int(at.row, &["created"]),
            content: list(at.row, &["content"]),
            metadata: at.row.get("metadata").unwrap_or(&Value::Null),
            cwd: self.state.cwd.as_deref(),
            machine: false,
            offset: at.offset,
            len: at.len,
        };
        message.tell(out);
    }
}

impl Reader for GooseReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        rows::each(record, |at| self.row(at, out))
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}
