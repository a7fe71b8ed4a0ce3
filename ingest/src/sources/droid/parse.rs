//! Rows of a Factory Droid session, translated into events.
//!
//! Owns what each row means. Must not look at other files.

use cemem_core::{Actor, Event, EventKind, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::human::{Spoken, classify};
use crate::sources::rows::{self, At};
use crate::sources::tool::{key, list, shown, text};

/// What sessions that the agent started are called.
const SUBAGENT: &str = "# Task Tool Invocation";

/// What must be known from earlier rows.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    session: String,
    cwd: Option<String>,
    subagent: bool,
}

/// Reads one session.
pub(super) struct DroidReader {
    state: State,
}

impl DroidReader {
    pub(super) fn new(file: &FileInfo, state: &Value) -> Self {
        let mut state = State::deserialize(state).unwrap_or_default();
        if state.session.is_empty() {
            state.session.clone_from(&file.stem);
        }
        Self { state }
    }

    fn emit(&self, at: &At<'_>, part: &str, actor: Actor, kind: EventKind, out: &mut Output<'_>) {
        let stamp = text(at.row, &["timestamp"]).unwrap_or_default();
        let place = format!("{}@{}", self.state.session, at.offset);
        let id = text(at.row, &["id"]).unwrap_or(&place);
        let event = Event {
            key: key([self.state.session.as_str(), id, stamp, part]),
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
            "session_start" => self.start(at.row, out),
            "message" => self.message(at, out),
            "compaction_state" => {
                let summary = text(at.row, &["summaryText"]).or_else(|| text(at.row, &["summary"]));
                let summary = summary.unwrap_or_default().to_owned();
                self.emit(at, "", Actor::System, EventKind::Compaction { summary }, out);
            }
            kind => out.skip(kind),
        }
    }

    fn start(&mut self, row: &Value, out: &mut Output<'_>) {
        if let Some(id) = text(row, &["id"]) {
            id.clone_into(&mut self.state.session);
        }
        self.state.cwd = text(row, &["cwd"]).map(str::to_owned).or(self.state.cwd.take());
        let title = text(row, &["sessionTitle"]).or_else(|| text(row, &["title"]));
        let parent = text(row, &["callingSessionId"]);
        self.state.subagent |= parent.is_some() || title.is_some_and(|t| t.starts_with(SUBAGENT));
        let session = out.session(&self.state.session);
        session.title = title.map(str::to_owned);
        session.parent = parent.map(str::to_owned);
        session.cwd.clone_from(&self.state.cwd);
    }

    fn message(&mut self, at: &At<'_>, out: &mut Output<'_>) {
        let content = ["message", "content"];
        let person = match text(at.row, &["message", "role"]) {
            Some("user") => true,
            Some("assistant") => false,
            other => return out.skip(other.unwrap_or("untyped")),
        };
        if let Some(said) = text(at.row, &content) {
            self.said(at, "", said, person, out);
        }
        for (i, block) in list(at.row, &content).iter().enumerate() {
            let part = i.to_string();
            match text(block, &["type"]).unwrap_or("untyped") {
                "text" => {
                    self.said(at, &part, text(block, &["text"]).unwrap_or_default(), person, out);
                }
                "tool_use" if !person => self.call(at, &part, block, out),
                "tool_result" => self.result(at, &part, block, out),
                kind => out.skip(kind),
            }
        }
    }

    fn agent(&self) -> Actor {
        if self.state.subagent { Actor::Subagent } else { Actor::Agent }
    }

    fn said(&self, at: &At<'_>, part: &str, said: &str, person: bool, out: &mut Output<'_>) {
        if said.trim().is_empty() {
            return;
        }
        if !person {
            let kind = EventKind::AgentText { text: said.to_owned() };
            return self.emit(at, part, self.agent(), kind, out);
        }
        match classify(said) {
            Spoken::Typed(text) | Spoken::Command(text)
                if !self.state.subagent && !text.starts_with(SUBAGENT) =>
            {
                let kind = EventKind::UserPrompt { text, steering: false };
                self.emit(at, part, Actor::User, kind, out);
            }
            _ => out.skip("injected"),
        }
    }

    fn call(&self, at: &At<'_>, part: &str, block: &Value, out: &mut Output<'_>) {
        let view = shown(block.get("input").unwrap_or(&Value::Null));
        let kind = EventKind::ToolCall {
            call_id: text(block, &["id"]).unwrap_or_default().to_owned(),
            name: text(block, &["name"]).unwrap_or("tool").to_owned(),
            files: view.files,
            command: view.command,
            detail: view.detail,
        };
        self.emit(at, part, self.agent(), kind, out);
    }

    fn result(&self, at: &At<'_>, part: &str, block: &Value, out: &mut Output<'_>) {
        let lone = text(block, &["content"]).map(str::to_owned);
        let said = lone.unwrap_or_else(|| {
            let parts = list(block, &["content"]).iter();
            parts.filter_map(|p| text(p, &["text"])).collect::<Vec<_>>().join("\n")
        });
        let exit_code = exit_code(&said);
        let failed = block.get("is_error").and_then(Value::as_bool);
        let ok = exit_code.map(|code| code == 0).or(failed.map(|failed| !failed));
        let call_id = text(block, &["tool_use_id"]).unwrap_or_default().to_owned();
        let kind = EventKind::ToolResult { call_id, ok, exit_code, text: said };
        self.emit(at, part, Actor::Tool, kind, out);
    }
}

/// The code in the first line: `Error: Command failed (exit code: 1)`.
fn exit_code(said: &str) -> Option<i32> {
    let first = said.lines().next()?.strip_prefix("Error: Command failed (exit code: ")?;
    first.split(')').next()?.trim().parse().ok()
}

impl Reader for DroidReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        rows::each(record, |at| self.row(at, out))
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}
