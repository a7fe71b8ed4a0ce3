//! Rows of a Qwen Code chat, translated into events.
//!
//! Owns what each row means. Must not look at other files. What a rewind leaves behind did happen
//! and stays.

use cemem_core::{Actor, Event, EventKind, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::source::{Malformed, Output, Reader, Record};
use crate::sources::gemini_cli::calls::outcome;
use crate::sources::human::{Spoken, classify};
use crate::sources::rows;
use crate::sources::tool::{key, list, shown, text};

/// What hooks add to a prompt.
const HOOKED: &str = "<qwen:user-prompt-submit-context>";

/// What must be known from earlier rows.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    branch: Option<String>,
}

/// Reads one chat.
pub(super) struct QwenReader {
    state: State,
}

/// A row, its place, and what its events share.
struct At<'a> {
    row: &'a Value,
    session: &'a str,
    uuid: &'a str,
    branch: Option<String>,
    offset: u64,
    len: u64,
}

impl At<'_> {
    /// Adds an event. Rows of one message share its id, so the key holds what is said as well.
    fn emit(&self, part: &[&str], actor: Actor, kind: EventKind, out: &mut Output<'_>) {
        let id = [self.uuid];
        let event = Event {
            key: key(id.iter().chain(part)),
            row_id: self.uuid.to_owned(),
            ts: text(self.row, &["timestamp"]).and_then(Timestamp::parse),
            actor,
            kind,
            cwd: text(self.row, &["cwd"]).map(str::to_owned),
            branch: self.branch.clone(),
            offset: self.offset,
            len: self.len,
        };
        out.event(self.session, event);
    }

    fn parts(&self) -> &[Value] {
        list(self.row, &["message", "parts"])
    }

    fn prompt(&self, out: &mut Output<'_>) {
        let subtype = text(self.row, &["subtype"]).unwrap_or_default();
        let steering = subtype == "mid_turn_user_message";
        if !subtype.is_empty() && !steering {
            return out.skip("injected");
        }
        let shown = text(self.row, &["systemPayload", "displayText"]).map(str::to_owned);
        let said = shown.unwrap_or_else(|| {
            let texts = self.parts().iter().filter_map(|p| text(p, &["text"]));
            let own = texts.filter(|t| !t.trim_start().starts_with(HOOKED));
            own.collect::<Vec<_>>().join("\n")
        });
        match classify(&said) {
            Spoken::Typed(said) | Spoken::Command(said) => {
                let kind = EventKind::UserPrompt { text: said.clone(), steering };
                self.emit(&["prompt", &said], Actor::User, kind, out);
            }
            _ => out.skip("injected"),
        }
    }

    fn answer(&self, out: &mut Output<'_>) {
        for part in self.parts() {
            if let Some(call) = part.get("functionCall") {
                let call_id = text(call, &["id"]).unwrap_or(self.uuid);
                let view = shown(call.get("args").unwrap_or(&Value::Null));
                let kind = EventKind::ToolCall {
                    call_id: call_id.to_owned(),
                    name: text(call, &["name"]).unwrap_or("tool").to_owned(),
                    files: view.files,
                    command: view.command,
                    detail: view.detail,
                };
                self.emit(&["call", call_id], Actor::Agent, kind, out);
            } else if part.get("thought").and_then(Value::as_bool) != Some(true)
                && let Some(said) = text(part, &["text"])
            {
                let kind = EventKind::AgentText { text: said.to_owned() };
                self.emit(&["text", said], Actor::Agent, kind, out);
            }
        }
    }

    fn result(&self, out: &mut Output<'_>) {
        let answer = self.parts().iter().find_map(|p| p.get("functionResponse"));
        let answer = answer.unwrap_or(&Value::Null);
        let status = text(self.row, &["toolCallResult", "status"]).unwrap_or("success");
        let call_id = text(self.row, &["toolCallResult", "callId"]).or(text(answer, &["id"]));
        let call_id = call_id.unwrap_or(self.uuid);
        let response = answer.get("response").unwrap_or(&Value::Null);
        // The call is not at hand: what it asked is not needed for what became of it.
        let kinds = outcome(answer, call_id, status, response);
        if kinds.is_empty() {
            out.skip("unfinished_result");
        }
        for kind in kinds {
            let tool = matches!(kind, EventKind::ToolResult { .. });
            let actor = if tool { Actor::Tool } else { Actor::User };
            self.emit(&["end", call_id, kind.name()], actor, kind, out);
        }
    }

    fn system(&self, out: &mut Output<'_>) {
        let payload = self.row.get("systemPayload").unwrap_or(&Value::Null);
        match text(self.row, &["subtype"]).unwrap_or("system") {
            "rewind" => {
                let target = text(payload, &["targetUuid"]).map(str::to_owned);
                self.emit(&["rewind"], Actor::User, EventKind::Rewind { target }, out);
            }
            "chat_compression" => {
                let summary = text(payload, &["summary"]).unwrap_or_default().to_owned();
                self.emit(&["compaction"], Actor::System, EventKind::Compaction { summary }, out);
            }
            "custom_title" => {
                let title = text(payload, &["customTitle"]).map(str::to_owned);
                out.session(self.session).title = title;
            }
            kind => out.skip(kind),
        }
    }
}

impl QwenReader {
    pub(super) fn new(state: &Value) -> Self {
        Self { state: State::deserialize(state).unwrap_or_default() }
    }

    fn row(&mut self, row: &Value, offset: u64, len: u64, out: &mut Output<'_>) {
        let (Some(session), Some(uuid)) = (text(row, &["sessionId"]), text(row, &["uuid"])) else {
            return out.skip("untyped");
        };
        if let Some(branch) = text(row, &["gitBranch"]) {
            self.state.branch = Some(branch.to_owned());
        }
        if let Some(version) = text(row, &["version"]) {
            out.session(session).engine_version = Some(version.to_owned());
        }
        let at = At { row, session, uuid, branch: self.state.branch.clone(), offset, len };
        match text(row, &["type"]).unwrap_or("untyped") {
            "user" => at.prompt(out),
            "assistant" => at.answer(out),
            "tool_result" => at.result(out),
            "system" => at.system(out),
            kind => out.skip(kind),
        }
    }
}

impl Reader for QwenReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        rows::each(record, |at| self.row(at.row, at.offset, at.len, out))
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}
