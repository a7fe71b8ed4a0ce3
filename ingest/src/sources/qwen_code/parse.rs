//! Rows of a Qwen Code chat, translated into events.
//!
//! Owns what each row means. Must not look at other files. What a rewind leaves behind did happen
//! and stays.

use std::borrow::Cow;

use cemem_core::{Actor, Event, EventKind, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::wire::{Message, Part, Payload, Response, Row};
use crate::source::{Malformed, Output, Reader, Record};
use crate::sources::gemini_cli::calls::{End, outcome};
use crate::sources::human::{Spoken, classify};
use crate::sources::rows;
use crate::sources::tool::{Shown, key, shown_raw};
use crate::sources::wire::Maybe;
use crate::text::{RawText, limit, mended};

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
    row: &'a Row<'a>,
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
            ts: self.row.timestamp.some().and_then(Timestamp::parse),
            actor,
            kind,
            cwd: self.row.cwd.owned(),
            branch: self.branch.clone(),
            offset: self.offset,
            len: self.len,
        };
        out.event(self.session, event);
    }

    fn parts(&self) -> &[Part<'_>] {
        self.row.message.0.as_ref().map_or(&[], |Message { parts }| &parts.0)
    }

    fn prompt(&self, out: &mut Output<'_>) {
        let subtype = self.row.subtype.str();
        let steering = subtype == "mid_turn_user_message";
        if !subtype.is_empty() && !steering {
            return out.skip("injected");
        }
        let shown = self.row.system_payload.0.as_ref().and_then(|p| p.display_text.owned());
        let said = shown.unwrap_or_else(|| {
            let texts = self.parts().iter().filter_map(|p| p.text.some());
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
            if let Maybe(Some(call)) = &part.function_call {
                let call_id = call.id.some().unwrap_or(self.uuid);
                let view = call.args.map_or_else(Shown::default, shown_raw);
                let kind = EventKind::ToolCall {
                    call_id: call_id.to_owned(),
                    name: call.name.some().unwrap_or("tool").to_owned(),
                    files: view.files,
                    command: view.command,
                    detail: view.detail,
                };
                self.emit(&["call", call_id], Actor::Agent, kind, out);
            } else if !part.thought.is_set()
                && let Some(said) = part.text.some()
            {
                let kind = EventKind::AgentText { text: said.to_owned() };
                self.emit(&["text", said], Actor::Agent, kind, out);
            }
        }
    }

    fn result(&self, out: &mut Output<'_>) {
        let none = Response::default();
        let answer = self.parts().iter().find_map(|p| p.function_response.0.as_ref());
        let answer = answer.unwrap_or(&none);
        let ended = self.row.tool_call_result.0.as_ref();
        let status = ended.and_then(|e| e.status.some()).unwrap_or("success");
        let call_id = ended.and_then(|e| e.call_id.some()).or(answer.id.some());
        let call_id = call_id.unwrap_or(self.uuid);
        let name = answer.name.str();
        let said = said(answer, status == "success" && name != "exit_plan_mode");
        // The call is not at hand: what it asked is not needed for what became of it.
        let kinds = outcome(&End { name, status, said: &said, questions: &[] }, call_id);
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
        let none = Payload::default();
        let payload = self.row.system_payload.0.as_ref().unwrap_or(&none);
        match self.row.subtype.some().unwrap_or("system") {
            "rewind" => {
                let target = payload.target_uuid.owned();
                self.emit(&["rewind"], Actor::User, EventKind::Rewind { target }, out);
            }
            "chat_compression" => {
                let summary = payload.summary.str().to_owned();
                self.emit(&["compaction"], Actor::System, EventKind::Compaction { summary }, out);
            }
            "custom_title" => {
                let title = payload.custom_title.owned();
                out.session(self.session).title = title;
            }
            kind => out.skip(kind),
        }
    }
}

/// Returns what came back from a call. Of a long output only the ends, where no person's words may be.
fn said<'a>(answer: &Response<'a>, is_output: bool) -> Cow<'a, str> {
    let response = answer.response.0.as_ref();
    let texts = [response.and_then(|r| r.output), response.and_then(|r| r.error)];
    let texts = texts.into_iter().chain([answer.result_display]).flatten().map(|raw| {
        let raw = RawText(raw.get());
        if is_output { raw.bounded(limit::RESULT) } else { raw.full() }
    });
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

impl QwenReader {
    pub(super) fn new(state: &Value) -> Self {
        Self { state: State::deserialize(state).unwrap_or_default() }
    }

    fn row(&mut self, row: &Row<'_>, offset: u64, len: u64, out: &mut Output<'_>) {
        let (Some(session), Some(uuid)) = (row.session_id.some(), row.uuid.some()) else {
            return out.skip("untyped");
        };
        if let Some(branch) = row.git_branch.owned() {
            self.state.branch = Some(branch);
        }
        if let Some(version) = row.version.owned() {
            out.session(session).engine_version = Some(version);
        }
        let at = At { row, session, uuid, branch: self.state.branch.clone(), offset, len };
        match row.kind.some().unwrap_or("untyped") {
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
        rows::typed(&mended(record.text), record.offset, |at| match at.row {
            Maybe(Some(row)) => self.row(row, at.offset, at.len, out),
            Maybe(None) => out.skip("untyped"),
        })
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}
