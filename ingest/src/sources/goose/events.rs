//! Goose's messages, translated into events: the same in its database and its older files.
//!
//! Owns what a message means, and keys that are the same wherever a copy turns up: the database gives
//! a message another id whenever its session is rewritten. Must not know where messages were stored.

use cemem_core::{Actor, Event, EventKind, RejectedBy, Timestamp};
use serde_json::Value;

use crate::source::Output;
use crate::sources::human::{Spoken, classify};
use crate::sources::tool::{at, int, key, list, shown, text};

/// How the answer to a call that a person refused begins.
const DECLINED: &str = "The user has declined to run this tool.";
/// How the text left behind by stopping the agent begins.
const STOPPED: &[&str] = &["The existing call to ", "Interrupted by the user"];
/// Tells that a summary was put in the place of earlier messages.
const COMPACTED: &[&str] = &[
    "Your context was compacted",
    "The previous message contains a summary",
    "Conversation compacted",
];

/// One message and where it stands.
pub(super) struct Message<'a> {
    pub(super) session: &'a str,
    pub(super) row_id: String,
    pub(super) role: &'a str,
    /// Seconds.
    pub(super) created: Option<i64>,
    pub(super) content: &'a [Value],
    pub(super) metadata: &'a Value,
    pub(super) cwd: Option<&'a str>,
    /// No person is in this session.
    pub(super) machine: bool,
    pub(super) offset: u64,
    pub(super) len: u64,
}

impl Message<'_> {
    /// Adds its events.
    pub(super) fn tell(&self, out: &mut Output<'_>) {
        let hidden = self.metadata.get("userVisible").and_then(Value::as_bool) == Some(false);
        let mut said = Vec::new();
        for item in self.content {
            match text(item, &["type"]) {
                Some("text") => said.extend(text(item, &["text"])),
                Some("toolRequest" | "frontendToolRequest") => self.call(item, out),
                Some("toolResponse") => self.result(item, out),
                kind => out.skip(kind.unwrap_or("untyped")),
            }
        }
        let said = said.join("\n");
        if said.trim().is_empty() {
            return;
        }
        if hidden {
            if COMPACTED.iter().any(|c| said.starts_with(c)) {
                let kind = EventKind::Compaction { summary: String::new() };
                return self.emit(&["compaction", &said], Actor::System, kind, out);
            }
            return out.skip("injected");
        }
        self.said(&said, out);
    }

    fn said(&self, said: &str, out: &mut Output<'_>) {
        let stopped = STOPPED[1..].iter().any(|s| said.starts_with(s))
            || (said.starts_with(STOPPED[0]) && said.contains("interrupted"));
        match self.role {
            _ if stopped && !self.machine => {
                let during_tool = said.starts_with(STOPPED[0]);
                let kind = EventKind::UserInterrupt { during_tool };
                self.emit(&["interrupt", said], Actor::User, kind, out);
            }
            "user" if self.machine => out.skip("subagent_prompt"),
            "user" => match classify(said) {
                Spoken::Typed(text) | Spoken::Command(text) => {
                    let kind = EventKind::UserPrompt { text, steering: false };
                    self.emit(&["prompt", said], Actor::User, kind, out);
                }
                _ => out.skip("injected"),
            },
            "assistant" => {
                let kind = EventKind::AgentText { text: said.to_owned() };
                self.emit(&["agent", said], self.agent(), kind, out);
            }
            role => out.skip(if role.is_empty() { "untyped" } else { role }),
        }
    }

    fn agent(&self) -> Actor {
        if self.machine { Actor::Subagent } else { Actor::Agent }
    }

    fn emit(&self, what: &[&str], actor: Actor, kind: EventKind, out: &mut Output<'_>) {
        let created = self.created.map(|c| c.to_string()).unwrap_or_default();
        let parts = [self.session, self.role, created.as_str()];
        let event = Event {
            key: key(parts.iter().chain(what)),
            row_id: self.row_id.clone(),
            ts: self.created.map(|c| Timestamp(c.saturating_mul(1000))),
            actor,
            kind,
            cwd: self.cwd.map(str::to_owned),
            branch: None,
            offset: self.offset,
            len: self.len,
        };
        out.event(self.session, event);
    }

    fn call(&self, item: &Value, out: &mut Output<'_>) {
        let call_id = text(item, &["id"]).unwrap_or_default().to_owned();
        let Some(call) = at(item, &["toolCall", "value"]) else {
            return out.skip("malformed_call");
        };
        let name = text(call, &["name"]).unwrap_or("unknown").to_owned();
        let view = shown(call.get("arguments").unwrap_or(&Value::Null));
        let key = ["call", &call_id.clone(), &name.clone()];
        let kind = EventKind::ToolCall {
            call_id,
            name,
            files: view.files,
            command: view.command,
            detail: view.detail,
        };
        self.emit(&key, self.agent(), kind, out);
    }

    /// A refusal is the whole answer, written by the engine; a tool's output that quotes it has
    /// other text before it or more than one piece.
    fn result(&self, item: &Value, out: &mut Output<'_>) {
        let call_id = text(item, &["id"]).unwrap_or_default().to_owned();
        let result = item.get("toolResult").unwrap_or(&Value::Null);
        let value = result.get("value").unwrap_or(&Value::Null);
        let pieces = match value {
            Value::Array(older) => older.as_slice(),
            _ => list(value, &["content"]),
        };
        let texts: Vec<&str> = pieces.iter().filter_map(|p| text(p, &["text"])).collect();
        if let [one] = texts.as_slice()
            && one.starts_with(DECLINED)
            && !self.machine
        {
            let by = RejectedBy::User;
            let key = ["rejected", &call_id.clone()];
            let kind = EventKind::ToolRejected { call_id, by, feedback: None };
            return self.emit(&key, Actor::User, kind, out);
        }
        let failed = text(result, &["status"]) == Some("error")
            || value.get("isError").and_then(Value::as_bool) == Some(true);
        let exit = int(value, &["structuredContent", "exit_code"]);
        let exit_code = exit.and_then(|c| i32::try_from(c).ok());
        let error = text(result, &["error"]).unwrap_or_default();
        let shown = if texts.is_empty() { error.to_owned() } else { texts.join("\n") };
        let ok = Some(!failed && exit_code.is_none_or(|c| c == 0));
        let key = ["result", &call_id.clone()];
        let kind = EventKind::ToolResult { call_id, ok, exit_code, text: shown };
        self.emit(&key, Actor::Tool, kind, out);
    }
}
