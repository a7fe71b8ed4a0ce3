//! Rows of a Pi session, translated into events.
//!
//! Owns what each row means. Must not take anything but a user's message for a person's words: what
//! extensions add (`custom_message`) and summaries are written by programs.

use cemem_core::{Actor, Event, EventKind, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::human::{Spoken, classify};
use crate::sources::rows::{self, At};
use crate::sources::tool::{key, list, shown, text};

/// What must be known from earlier rows.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    session: String,
    cwd: Option<String>,
}

/// Reads one session.
pub(super) struct PiReader {
    state: State,
}

impl PiReader {
    pub(super) fn new(file: &FileInfo, state: &Value) -> Self {
        let mut state = State::deserialize(state).unwrap_or_default();
        if state.session.is_empty() {
            // `<time>_<id>.jsonl`; the header says it again.
            let id = file.stem.rsplit_once('_').map_or(file.stem.as_str(), |(_, id)| id);
            id.clone_into(&mut state.session);
        }
        Self { state }
    }

    /// Adds an event. `part` tells events of one row apart. A fork copies rows with their ids, so the
    /// session is no part of the key.
    fn emit(&self, at: &At<'_>, part: &str, actor: Actor, kind: EventKind, out: &mut Output<'_>) {
        let stamp = text(at.row, &["timestamp"]).unwrap_or_default();
        let place = format!("{}@{}", self.state.session, at.offset);
        let id = text(at.row, &["id"]).unwrap_or(&place);
        let event = Event {
            key: key([id, stamp, part]),
            row_id: id.to_owned(),
            ts: Timestamp::parse(stamp),
            actor,
            kind,
            cwd: self.state.cwd.clone(),
            branch: None,
            offset: at.offset,
            len: at.len,
        };
        out.event(&self.state.session, event);
    }

    fn row(&mut self, at: &At<'_>, out: &mut Output<'_>) {
        match text(at.row, &["type"]).unwrap_or("untyped") {
            "session" => {
                if let Some(id) = text(at.row, &["id"]) {
                    id.clone_into(&mut self.state.session);
                }
                self.state.cwd = text(at.row, &["cwd"]).map(str::to_owned);
                out.session(&self.state.session).cwd.clone_from(&self.state.cwd);
            }
            "session_info" => {
                let name = text(at.row, &["name"]).map(str::to_owned);
                out.session(&self.state.session).title = name;
            }
            "message" => self.message(at, out),
            "compaction" => {
                let summary = text(at.row, &["summary"]).unwrap_or_default().to_owned();
                self.emit(at, "", Actor::System, EventKind::Compaction { summary }, out);
            }
            // Written when a person goes back to an earlier point; `fromId` is what is left.
            "branch_summary" => {
                let target = text(at.row, &["fromId"]).map(str::to_owned);
                self.emit(at, "", Actor::User, EventKind::Rewind { target }, out);
            }
            other => out.skip(other),
        }
    }

    fn message(&self, at: &At<'_>, out: &mut Output<'_>) {
        let message = at.row.get("message").unwrap_or(&Value::Null);
        match text(message, &["role"]).unwrap_or("untyped") {
            "user" => match classify(&said(message)) {
                Spoken::Typed(text) | Spoken::Command(text) => {
                    let prompt = EventKind::UserPrompt { text, steering: false };
                    self.emit(at, "", Actor::User, prompt, out);
                }
                Spoken::Empty => out.skip("empty"),
                _ => out.skip("injected"),
            },
            "assistant" => self.answer(message, at, out),
            "toolResult" => {
                let output = said(message);
                let kind = EventKind::ToolResult {
                    call_id: text(message, &["toolCallId"]).unwrap_or_default().to_owned(),
                    ok: message.get("isError").and_then(Value::as_bool).map(|failed| !failed),
                    exit_code: exit_code(&output),
                    text: output,
                };
                self.emit(at, "", Actor::Tool, kind, out);
            }
            // A command the person ran: evidence, not words.
            "bashExecution" => out.skip("user_command"),
            other => out.skip(other),
        }
    }

    fn answer(&self, message: &Value, at: &At<'_>, out: &mut Output<'_>) {
        for (n, block) in list(message, &["content"]).iter().enumerate() {
            match text(block, &["type"]).unwrap_or("untyped") {
                "text" => {
                    if let Some(text) = text(block, &["text"]) {
                        let kind = EventKind::AgentText { text: text.to_owned() };
                        self.emit(at, &n.to_string(), Actor::Agent, kind, out);
                    }
                }
                "toolCall" => {
                    let input = block.get("arguments").unwrap_or(&Value::Null);
                    let seen = shown(input);
                    let kind = EventKind::ToolCall {
                        call_id: text(block, &["id"]).unwrap_or_default().to_owned(),
                        name: text(block, &["name"]).unwrap_or("unnamed").to_owned(),
                        files: seen.files,
                        command: seen.command,
                        detail: text(input, &["newText"]).map_or(seen.detail, str::to_owned),
                    };
                    self.emit(at, &n.to_string(), Actor::Agent, kind, out);
                }
                other => out.skip(other),
            }
        }
        if text(message, &["stopReason"]) == Some("aborted") {
            let calls = list(message, &["content"]).iter();
            let during_tool = calls.filter_map(|b| text(b, &["type"])).any(|t| t == "toolCall");
            self.emit(at, "stop", Actor::User, EventKind::UserInterrupt { during_tool }, out);
        }
    }
}

/// The text of a message: a string, or blocks of which only text counts.
fn said(message: &Value) -> String {
    if let Some(text) = text(message, &["content"]) {
        return text.to_owned();
    }
    let blocks = list(message, &["content"]).iter();
    let texts: Vec<&str> = blocks.filter_map(|b| text(b, &["text"])).collect();
    texts.join("\n")
}

/// The exit status the `bash` tool adds to the output of a command that failed.
fn exit_code(output: &str) -> Option<i32> {
    let last = output.trim_end().lines().next_back()?;
    last.strip_prefix("Command exited with code ")?.trim().parse().ok()
}

impl Reader for PiReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        rows::each(record, |at| self.row(at, out))
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}
