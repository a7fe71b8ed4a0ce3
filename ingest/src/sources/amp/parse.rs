//! A thread, translated into events.
//!
//! Owns what a message's blocks mean and how a tool ended. Must not look at other files, and takes a
//! refusal only from the state of a run, never from what a tool printed.

use cemem_core::{Actor, Event, EventKind, RejectedBy, Timestamp};
use serde_json::Value;

use crate::source::{Malformed, Output, Reader, Record};
use crate::sources::human::{Spoken, classify};
use crate::sources::tool::{at, int, key, list, path_of, shown, text};
use crate::text::mended;

/// Reads one thread.
pub(super) struct AmpReader;

impl Reader for AmpReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let thread: Value = serde_json::from_str(&mended(record.text))
            .map_err(|e| Malformed(format!("invalid json: {e}")))?;
        let Some(id) = text(&thread, &["id"]) else {
            return Err(Malformed("no thread".to_owned()));
        };
        let tree = list(&thread, &["env", "initial", "trees"]).first().unwrap_or(&Value::Null);
        let branch = text(tree, &["repository", "ref"]);
        let mut told = Thread {
            id,
            cwd: text(tree, &["uri"]).and_then(path_of),
            branch: branch.map(|b| b.strip_prefix("refs/heads/").unwrap_or(b).to_owned()),
            len: record.text.len() as u64,
            ts: int(&thread, &["created"]),
            stopped: false,
        };
        let session = out.session(id);
        session.title = text(&thread, &["title"]).map(str::to_owned);
        session.cwd.clone_from(&told.cwd);
        session.branch.clone_from(&told.branch);
        let version = text(&thread, &["env", "initial", "platform", "clientVersion"]);
        session.engine_version = version.map(str::to_owned);
        for (i, message) in list(&thread, &["messages"]).iter().enumerate() {
            told.message(message, i, out);
        }
        Ok(())
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

/// A thread as far as it was read.
struct Thread<'a> {
    id: &'a str,
    cwd: Option<String>,
    branch: Option<String>,
    len: u64,
    ts: Option<i64>,
    /// The model's last message was stopped: its calls were, with it.
    stopped: bool,
}

impl Thread<'_> {
    /// Adds an event. A message edited keeps its number: its words are part of the key.
    fn emit(&self, row: &str, part: &str, actor: Actor, kind: EventKind, out: &mut Output<'_>) {
        let event = Event {
            key: key([self.id, row, part]),
            row_id: row.to_owned(),
            ts: self.ts.map(Timestamp),
            actor,
            kind,
            cwd: self.cwd.clone(),
            branch: self.branch.clone(),
            offset: 0,
            len: self.len,
        };
        out.event(self.id, event);
    }

    fn message(&mut self, message: &Value, place: usize, out: &mut Output<'_>) {
        let row =
            int(message, &["messageId"]).map_or_else(|| place.to_string(), |id| id.to_string());
        let dated = [&["meta", "sentAt"][..], &["createdAt"]];
        self.ts = dated.iter().find_map(|path| int(message, path)).or(self.ts);
        let person = match text(message, &["role"]) {
            Some("user") => true,
            Some("assistant") => false,
            other => return out.skip(other.unwrap_or("untyped")),
        };
        let state = text(message, &["state", "type"]).unwrap_or("complete");
        if state == "streaming" {
            return out.skip("streaming");
        }
        if !person {
            self.stopped = state == "cancelled";
        }
        let mut cancelled = false;
        for (i, block) in list(message, &["content"]).iter().enumerate() {
            let part = i.to_string();
            match text(block, &["type"]).unwrap_or("untyped") {
                "text" => self.said(&row, text(block, &["text"]), person, out),
                "tool_use" if !person => self.call(&row, &part, block, out),
                "tool_result" if person => cancelled |= self.result(&row, block, out),
                kind => out.skip(kind),
            }
        }
        self.said(
            &row,
            text(message, &["text"]).or_else(|| text(message, &["content"])),
            person,
            out,
        );
        if self.stopped && !person || cancelled && !self.stopped {
            let kind = EventKind::UserInterrupt { during_tool: cancelled };
            self.emit(&row, "stop", Actor::User, kind, out);
        }
    }

    fn said(&self, row: &str, said: Option<&str>, person: bool, out: &mut Output<'_>) {
        let Some(said) = said.filter(|s| !s.trim().is_empty()) else { return };
        if !person {
            let kind = EventKind::AgentText { text: said.to_owned() };
            return self.emit(row, said, Actor::Agent, kind, out);
        }
        match classify(said) {
            Spoken::Typed(text) | Spoken::Command(text) => {
                let kind = EventKind::UserPrompt { text, steering: false };
                self.emit(row, said, Actor::User, kind, out);
            }
            _ => out.skip("injected"),
        }
    }

    fn call(&self, row: &str, part: &str, block: &Value, out: &mut Output<'_>) {
        let place = format!("{row}:{part}");
        let id = text(block, &["id"]).unwrap_or(&place);
        let view = shown(block.get("input").unwrap_or(&Value::Null));
        let kind = EventKind::ToolCall {
            call_id: id.to_owned(),
            name: text(block, &["name"]).unwrap_or("tool").to_owned(),
            files: view.files,
            command: view.command,
            detail: view.detail,
        };
        self.emit(row, &format!("call {id}"), Actor::Agent, kind, out);
    }

    /// Tells how a run ended; returns whether it was stopped.
    fn result(&self, row: &str, block: &Value, out: &mut Output<'_>) -> bool {
        let call_id = text(block, &["toolUseID"]).unwrap_or_default().to_owned();
        let run = block.get("run").unwrap_or(&Value::Null);
        let part = format!("end {call_id}");
        let (ok, said) = match text(run, &["status"]).unwrap_or("untyped") {
            "rejected-by-user" => {
                let kind = EventKind::ToolRejected {
                    call_id,
                    by: RejectedBy::User,
                    feedback: text(run, &["reason"]).and_then(own_words).map(str::to_owned),
                };
                self.emit(row, &part, Actor::User, kind, out);
                return false;
            }
            "cancelled" => return true,
            "done" => (true, printed(run.get("result").unwrap_or(&Value::Null))),
            "error" => {
                let said = text(run, &["error", "message"]).or_else(|| text(run, &["error"]));
                (false, said.unwrap_or_default().to_owned())
            }
            status => {
                out.skip(status);
                return false;
            }
        };
        let code = ["exitCode", "exit_code"].iter().find_map(|k| int(run, &["result", k]));
        let exit_code = code.and_then(|code| i32::try_from(code).ok());
        let ok = Some(ok && exit_code.is_none_or(|code| code == 0));
        let kind = EventKind::ToolResult { call_id, ok, exit_code, text: said };
        self.emit(row, &part, Actor::Tool, kind, out);
        false
    }
}

/// A reason is a person's unless the engine made it up.
fn own_words(reason: &str) -> Option<&str> {
    let reason = reason.trim();
    let made_up = ["User declined", "User rejected", "User denied", "Rejected by user"];
    (!reason.is_empty() && !made_up.iter().any(|start| reason.starts_with(start))).then_some(reason)
}

/// What a run returned: a text, the text of an object, or the object.
fn printed(result: &Value) -> String {
    match result {
        Value::Null => String::new(),
        Value::String(said) => said.clone(),
        other => ["output", "content"]
            .iter()
            .find_map(|k| at(other, &[k]).and_then(Value::as_str))
            .map_or_else(|| other.to_string(), str::to_owned),
    }
}
