//! The editor's bubbles, translated into events.
//!
//! Owns what one entry of a conversation means. Must not know where it was stored.

use cemem_core::event::PlanState;
use cemem_core::{Actor, Event, EventKind, RejectedBy, Timestamp};
use serde_json::Value;

use crate::source::Output;
use crate::sources::human::{Spoken, classify};
use crate::sources::tool::{at, int, path_of, shown, text};

/// A bubble and where it stands.
pub(super) struct Bubble<'a> {
    pub(super) composer: &'a str,
    pub(super) id: &'a str,
    pub(super) value: &'a Value,
    pub(super) cwd: Option<&'a str>,
    /// From the conversation, for bubbles without a time.
    pub(super) created: Option<i64>,
    /// It may still be written.
    pub(super) open: bool,
}

impl Bubble<'_> {
    /// Adds its events; returns whether a tool of it was stopped.
    pub(super) fn tell(&self, out: &mut Output<'_>) -> bool {
        let said = ["text", "rawText", "content"].iter().find_map(|k| text(self.value, &[k]));
        match int(self.value, &["type"]) {
            Some(1) => self.prompt(said.unwrap_or_default(), out),
            Some(2) => return self.agent(said, out),
            _ => out.skip("untyped"),
        }
        false
    }

    fn emit(&self, facet: &str, actor: Actor, kind: EventKind, out: &mut Output<'_>) {
        let times: [&[&str]; 4] = [
            &["timingInfo", "clientStartTime"],
            &["timestamp"],
            &["createdAt"],
            &["timingInfo", "clientRpcSendTime"],
        ];
        // Some times are relative to the start of the program.
        let ts = times.iter().find_map(|p| int(self.value, p)).filter(|t| *t > 1_000_000_000_000);
        let written = text(self.value, &["createdAt"]).and_then(Timestamp::parse);
        let event = Event {
            key: format!("{}:{facet}", self.id),
            row_id: self.id.to_owned(),
            ts: ts.map(Timestamp).or(written).or(self.created.map(Timestamp)),
            actor,
            kind,
            cwd: self.cwd.map(str::to_owned),
            branch: None,
            offset: 0,
            len: 0,
        };
        out.event(self.composer, event);
    }

    fn prompt(&self, said: &str, out: &mut Output<'_>) {
        match classify(said) {
            Spoken::Typed(text) | Spoken::Command(text) => {
                let kind = EventKind::UserPrompt { text, steering: false };
                self.emit("prompt", Actor::User, kind, out);
            }
            Spoken::Empty => out.skip("empty"),
            _ => out.skip("injected"),
        }
    }

    fn agent(&self, said: Option<&str>, out: &mut Output<'_>) -> bool {
        let tool = self.value.get("toolFormerData").filter(|t| t.is_object());
        let status = tool.and_then(|t| text(t, &["status"])).unwrap_or_default();
        let running = tool.is_some()
            && matches!(status, "loading" | "running" | "pending" | "")
            && tool.is_some_and(|t| text(t, &["userDecision"]).is_none());
        if self.open && (running || tool.is_none()) {
            out.skip("unfinished");
            return false;
        }
        if let Some(said) = said {
            let kind = EventKind::AgentText { text: said.to_owned() };
            self.emit("text", Actor::Agent, kind, out);
        }
        match tool {
            Some(tool) => self.tool(tool, status, running, out),
            None if said.is_none() => out.skip("empty"),
            None => {}
        }
        status == "cancelled"
    }

    fn tool(&self, tool: &Value, status: &str, running: bool, out: &mut Output<'_>) {
        let call_id = text(tool, &["toolCallId"]).unwrap_or(self.id).to_owned();
        let name = text(tool, &["name"]).unwrap_or("unknown").to_owned();
        let input = ["params", "rawArgs"].iter().find_map(|k| embedded(tool.get(*k)));
        let input = input.unwrap_or_default();
        let decision = text(tool, &["userDecision"]);
        let view = shown(&input);
        let kind = EventKind::ToolCall {
            call_id: call_id.clone(),
            name: name.clone(),
            files: view.files,
            command: view.command,
            detail: view.detail,
        };
        self.emit("call", Actor::Agent, kind, out);
        if name == "create_plan"
            && let Some(plan) = text(&input, &["plan"])
        {
            let (state, actor) = match decision {
                Some("accepted") => (PlanState::Approved, Actor::User),
                Some("rejected") => (PlanState::Rejected, Actor::User),
                _ => (PlanState::Proposed, Actor::Agent),
            };
            // The text of a rejected plan is what was said about it, and nothing was.
            let text = if state == PlanState::Rejected { String::new() } else { plan.to_owned() };
            let facet = format!("plan{state:?}");
            self.emit(&facet, actor, EventKind::Plan { state, text }, out);
        }
        if decision == Some("rejected") {
            let by = RejectedBy::User;
            let kind = EventKind::ToolRejected { call_id, by, feedback: None };
            return self.emit("rejected", Actor::User, kind, out);
        }
        if status == "cancelled" {
            let kind = EventKind::UserInterrupt { during_tool: true };
            return self.emit("interrupt", Actor::User, kind, out);
        }
        if !running {
            let (ok, exit_code, text) = outcome(tool, status);
            let kind = EventKind::ToolResult { call_id, ok, exit_code, text };
            self.emit("result", Actor::Tool, kind, out);
        }
    }
}

/// Success, exit status and output of a call that ended.
fn outcome(tool: &Value, status: &str) -> (Option<bool>, Option<i32>, String) {
    let result = embedded(tool.get("result")).unwrap_or_default();
    let codes: [&[&str]; 3] = [&["exitCodeV2"], &["exitCode"], &["output", "exitCode"]];
    let code = codes.iter().find_map(|p| int(&result, p)).and_then(|c| i32::try_from(c).ok());
    let failed = status == "error";
    let ok = match code {
        Some(code) => Some(code == 0 && !failed),
        None if failed => Some(false),
        None => (status == "completed").then_some(true),
    };
    let output = ["output", "contents", "result"].iter().find_map(|k| text(&result, &[k]));
    let error = match tool.get("error") {
        Some(Value::String(error)) => Some(error.clone()),
        Some(error) if error.is_object() => Some(error.to_string()),
        _ => None,
    };
    let shown = match (output, error) {
        (Some(output), _) => output.to_owned(),
        (None, Some(error)) if failed => error,
        _ if result.is_null() => String::new(),
        _ => crate::text::head(&result.to_string(), crate::text::limit::RESULT).to_owned(),
    };
    (ok, code, shown)
}

/// A value that is JSON in a string, or already an object.
fn embedded(value: Option<&Value>) -> Option<Value> {
    match value? {
        Value::String(text) => {
            Some(serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())))
        }
        Value::Null => None,
        other => Some(other.clone()),
    }
}

/// Returns the folder a bubble or a conversation says it belongs to.
pub(super) fn folder(value: &Value) -> Option<String> {
    let paths: [&[&str]; 4] = [
        &["workspaceIdentifier", "uri", "fsPath"],
        &["workspaceIdentifier", "uri", "path"],
        &["workspaceProjectDir"],
        &["workspaceIdentifier", "configPath", "fsPath"],
    ];
    let plain = paths.iter().find_map(|p| text(value, p)).map(str::to_owned);
    plain.or_else(|| {
        let uris = at(value, &["workspaceUris"]).and_then(Value::as_array)?;
        uris.iter().find_map(|u| path_of(u.as_str()?))
    })
}
