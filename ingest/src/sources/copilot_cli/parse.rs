//! Rows of a Copilot CLI session, translated into events.
//!
//! Owns what each row means. Must not look at other files, and takes a refusal only from where the
//! engine records permissions, never from what a tool printed.

use std::path::Path;

use cemem_core::{Actor, Event, EventKind, RejectedBy, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::human::{Spoken, classify};
use crate::sources::rows::{self, At};
use crate::sources::tool::{key, list, shown, text};

/// Calls remembered at a time: a session has few open at once.
const OPEN: usize = 256;

/// What must be known from earlier rows.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    session: String,
    cwd: Option<String>,
    branch: Option<String>,
    /// Calls already told of, until they end.
    open: Vec<String>,
    /// Calls that were turned down: their error is no result.
    refused: Vec<String>,
    /// Requests for permission, with the call each is for, until answered.
    asked: Vec<(String, String)>,
}

/// Reads one session.
pub(super) struct CopilotReader {
    state: State,
}

impl CopilotReader {
    pub(super) fn new(file: &FileInfo, state: &Value) -> Self {
        let mut state = State::deserialize(state).unwrap_or_default();
        if state.session.is_empty() {
            let folder = Path::new(&file.path).parent().and_then(Path::file_name);
            state.session = match folder {
                Some(name) if file.stem == "events" => name.to_string_lossy().into_owned(),
                _ => file.stem.clone(),
            };
        }
        Self { state }
    }

    /// Adds an event. `part` tells events of one row apart.
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
            branch: self.state.branch.clone(),
            offset: at.offset,
            len: at.len,
        };
        out.event(&self.state.session, event);
    }

    fn row(&mut self, at: &At<'_>, out: &mut Output<'_>) {
        let data = at.row.get("data").unwrap_or(&Value::Null);
        match text(at.row, &["type"]).unwrap_or("untyped") {
            "session.start" | "session.resume" => {
                if let Some(id) = text(data, &["sessionId"]) {
                    id.clone_into(&mut self.state.session);
                }
                self.context(data.get("context"));
                let session = out.session(&self.state.session);
                session.engine_version = text(data, &["copilotVersion"]).map(str::to_owned);
                if session.cwd.is_none() {
                    session.cwd.clone_from(&self.state.cwd);
                    session.branch.clone_from(&self.state.branch);
                }
            }
            "session.context_changed" => self.context(Some(data)),
            "user.message" => self.prompt(data, at, out),
            "assistant.message" => self.answer(data, at, out),
            "tool.execution_start" => {
                let name = text(data, &["toolName"]);
                self.call(data, name, at, out);
            }
            "tool.execution_complete" => self.result(data, at, out),
            "permission.requested" => {
                let call = text(data, &["permissionRequest", "toolCallId"]);
                if let (Some(request), Some(call)) = (text(data, &["requestId"]), call) {
                    remember(&mut self.state.asked, (request.to_owned(), call.to_owned()));
                }
            }
            "permission.completed" => self.permission(data, at, out),
            "abort" => {
                let during_tool = !self.state.open.is_empty();
                let kind = EventKind::UserInterrupt { during_tool };
                self.emit(at, "", Actor::User, kind, out);
            }
            "session.snapshot_rewind" => {
                let target = text(data, &["upToEventId"]).map(str::to_owned);
                self.emit(at, "", Actor::User, EventKind::Rewind { target }, out);
            }
            "session.compaction_complete" => {
                let summary = text(data, &["summaryContent"]).unwrap_or_default().to_owned();
                self.emit(at, "", Actor::System, EventKind::Compaction { summary }, out);
            }
            "hook.end" if text(data, &["output", "permissionDecision"]) == Some("deny") => {
                let why = text(data, &["output", "permissionDecisionReason"]).unwrap_or_default();
                let kind = EventKind::HookBlocked { text: why.to_owned() };
                self.emit(at, "", Actor::System, kind, out);
            }
            kind => out.skip(kind),
        }
    }

    fn context(&mut self, context: Option<&Value>) {
        let Some(context) = context else { return };
        if let Some(cwd) = text(context, &["cwd"]) {
            self.state.cwd = Some(cwd.to_owned());
        }
        if let Some(branch) = text(context, &["branch"]) {
            self.state.branch = Some(branch.to_owned());
        }
    }

    /// A person's words are in `content` of a message without another source; the engine's own
    /// messages have only `transformedContent` or say where they come from.
    fn prompt(&self, data: &Value, at: &At<'_>, out: &mut Output<'_>) {
        if text(data, &["source"]).is_some_and(|s| s != "user") || at.row.get("agentId").is_some() {
            return out.skip("injected");
        }
        let delivery = text(data, &["delivery"]).unwrap_or("idle");
        match classify(text(data, &["content"]).unwrap_or_default()) {
            Spoken::Typed(text) | Spoken::Command(text) => {
                let steering = !matches!(delivery, "idle" | "cli");
                self.emit(at, "", Actor::User, EventKind::UserPrompt { text, steering }, out);
            }
            _ => out.skip("injected"),
        }
    }

    fn answer(&mut self, data: &Value, at: &At<'_>, out: &mut Output<'_>) {
        if let Some(said) = text(data, &["content"]) {
            let kind = EventKind::AgentText { text: said.to_owned() };
            self.emit(at, "", agent(data, at), kind, out);
        }
        for request in list(data, &["toolRequests"]) {
            self.call(request, text(request, &["name"]), at, out);
        }
    }

    /// A call is announced by the message and again when it starts: the first counts.
    fn call(&mut self, data: &Value, name: Option<&str>, at: &At<'_>, out: &mut Output<'_>) {
        let (Some(call), Some(name)) = (text(data, &["toolCallId"]), name) else {
            return out.skip("untyped");
        };
        if self.state.open.iter().any(|open| open == call) {
            return;
        }
        remember(&mut self.state.open, call.to_owned());
        let arguments = data.get("arguments").unwrap_or(&Value::Null);
        let parsed = arguments.as_str().map(|raw| {
            serde_json::from_str::<Value>(raw)
                .ok()
                .filter(Value::is_object)
                .unwrap_or_else(|| serde_json::json!({ "patch": raw }))
        });
        let view = shown(parsed.as_ref().unwrap_or(arguments));
        let kind = EventKind::ToolCall {
            call_id: call.to_owned(),
            name: name.to_owned(),
            files: view.files,
            command: view.command,
            detail: view.detail,
        };
        self.emit(at, call, agent(data, at), kind, out);
    }

    fn result(&mut self, data: &Value, at: &At<'_>, out: &mut Output<'_>) {
        let call_id = text(data, &["toolCallId"]).unwrap_or_default().to_owned();
        self.state.open.retain(|open| *open != call_id);
        let refused = self.state.refused.contains(&call_id);
        self.state.refused.retain(|c| *c != call_id);
        let flagged = data.get("success").and_then(Value::as_bool);
        let code = text(data, &["error", "code"]);
        if refused && flagged != Some(true) {
            return out.skip("refused_result");
        }
        if flagged == Some(false) && matches!(code, Some("rejected" | "denied")) {
            let by = if code == Some("rejected") { RejectedBy::User } else { RejectedBy::Policy };
            return self.refuse(call_id, by, None, at, out);
        }
        let said = text(data, &["result", "content"]).or_else(|| text(data, &["error", "message"]));
        let said = said.unwrap_or_default().to_owned();
        let exit_code = exit_code(&said);
        let ok = match exit_code {
            Some(code) => Some(code == 0 && flagged != Some(false)),
            None => flagged,
        };
        let kind = EventKind::ToolResult { call_id, ok, exit_code, text: said };
        self.emit(at, "", Actor::Tool, kind, out);
    }

    fn permission(&mut self, data: &Value, at: &At<'_>, out: &mut Output<'_>) {
        let request = text(data, &["requestId"]).unwrap_or_default();
        let place = self.state.asked.iter().position(|(id, _)| id == request);
        let asked = place.map(|i| self.state.asked.remove(i).1);
        let call = text(data, &["toolCallId"]).map(str::to_owned).or(asked).unwrap_or_default();
        let by = match text(data, &["result", "kind"]).unwrap_or_default() {
            "denied-interactively-by-user" => RejectedBy::User,
            kind if kind.starts_with("denied-") && kind.contains("hook") => RejectedBy::Hook,
            kind if kind.starts_with("denied-") => RejectedBy::Policy,
            _ => return out.skip("permission.completed"),
        };
        let said = text(data, &["result", "feedback"]).filter(|_| by == RejectedBy::User);
        let feedback = said.map(str::to_owned);
        remember(&mut self.state.refused, call.clone());
        self.refuse(call, by, feedback, at, out);
    }

    fn refuse(
        &self,
        call_id: String,
        by: RejectedBy,
        feedback: Option<String>,
        at: &At<'_>,
        out: &mut Output<'_>,
    ) {
        let actor = if by == RejectedBy::User { Actor::User } else { Actor::System };
        self.emit(at, "", actor, EventKind::ToolRejected { call_id, by, feedback }, out);
    }
}

/// Rows of agents started by the agent name the call that started them, or the agent.
fn agent(data: &Value, at: &At<'_>) -> Actor {
    let below = text(data, &["parentToolCallId"]).or_else(|| text(at.row, &["agentId"]));
    if below.is_some() { Actor::Subagent } else { Actor::Agent }
}

/// Adds to a list that must not grow without end.
fn remember<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if list.contains(&item) {
        return;
    }
    if list.len() >= OPEN {
        list.remove(0);
    }
    list.push(item);
}

/// The exit status the shell tool puts on its last line: `<exited with exit code 1>`,
/// `<shellId: 3 completed with exit code 0>`.
fn exit_code(said: &str) -> Option<i32> {
    let last = said.trim_end().lines().next_back()?;
    let inner = last.trim().strip_prefix('<')?.strip_suffix('>')?;
    let (head, code) = inner.rsplit_once(" with exit code ")?;
    let known = head == "exited" || head.starts_with("shellId:");
    known.then(|| code.trim().parse().ok()).flatten()
}

impl Reader for CopilotReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        rows::each(record, |at| self.row(at, out))
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}
