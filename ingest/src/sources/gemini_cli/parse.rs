//! A Gemini CLI session, put together from its document or rows and translated into events.
//!
//! Owns the order of messages, what replaces what, and which text a person typed. Must not look at
//! other files.

use std::collections::HashMap;
use std::path::PathBuf;

use cemem_core::{Actor, Event, EventKind, Timestamp};
use serde_json::Value;

use super::{calls, places};
use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::human::{Spoken, classify};
use crate::sources::tool::{key, list, shown, text};
use crate::text::mended;

/// Where the files a prompt names are put in.
const REFERENCED: &str = "--- Content from referenced files ---";

/// Reads one session.
pub(super) struct GeminiReader {
    stem: String,
    /// The name of the folder: a sub-agent's is its parent's session.
    folder: String,
    roots: Vec<PathBuf>,
}

/// The session so far.
#[derive(Default)]
struct Told {
    id: Option<String>,
    project: Option<String>,
    title: Option<String>,
    subagent: bool,
    steps: Vec<Step>,
    /// Where the message of an id is.
    known: HashMap<String, usize>,
}

/// What happened, in order.
enum Step {
    Message(Value),
    /// A person went back to before this message.
    Rewind(String),
}

impl Told {
    /// Takes a row in: what describes the session, a message, or a change.
    fn row(&mut self, row: Value, out: &mut Output<'_>) {
        if let Some(set) = row.get("$set") {
            return self.describe(set.clone());
        }
        if let Some(target) = text(&row, &["$rewindTo"]) {
            return self.steps.push(Step::Rewind(target.to_owned()));
        }
        if row.get("type").is_some() {
            return self.message(row);
        }
        if !row.is_object() || (row.get("sessionId").is_none() && row.get("messages").is_none()) {
            return out.skip("untyped");
        }
        self.describe(row);
    }

    fn describe(&mut self, mut row: Value) {
        let field = |name: &str| text(&row, &[name]).map(str::to_owned);
        self.id = field("sessionId").or(self.id.take());
        self.project = field("projectHash").or(self.project.take());
        self.title = field("summary").or(self.title.take());
        self.subagent |= field("kind").is_some_and(|kind| kind == "subagent");
        if let Some(Value::Array(messages)) = row.get_mut("messages").map(Value::take) {
            for message in messages {
                self.message(message);
            }
        }
    }

    /// Rows of one id repeat as the message is enriched: the last one counts.
    fn message(&mut self, message: Value) {
        let Some(id) = text(&message, &["id"]) else {
            return self.steps.push(Step::Message(message));
        };
        match self.known.get(id) {
            Some(at) => self.steps[*at] = Step::Message(message),
            None => {
                self.known.insert(id.to_owned(), self.steps.len());
                self.steps.push(Step::Message(message));
            }
        }
    }
}

/// A message's place and what its events share.
struct At<'a> {
    session: &'a str,
    row_id: &'a str,
    ts: Option<Timestamp>,
    agent: Actor,
    cwd: Option<&'a str>,
    len: u64,
}

impl At<'_> {
    fn emit(&self, part: &str, actor: Actor, kind: EventKind, out: &mut Output<'_>) {
        let event = Event {
            key: key([self.session, self.row_id, part]),
            row_id: self.row_id.to_owned(),
            ts: self.ts,
            actor,
            kind,
            cwd: self.cwd.map(str::to_owned),
            branch: None,
            offset: 0,
            len: self.len,
        };
        out.event(self.session, event);
    }

    fn message(&self, message: &Value, out: &mut Output<'_>) {
        let content = message.get("content").unwrap_or(&Value::Null);
        match text(message, &["type"]).unwrap_or("untyped") {
            "user" => self.prompt(message, content, out),
            "gemini" => {
                let text = joined(content);
                if !text.trim().is_empty() {
                    self.emit("text", self.agent, EventKind::AgentText { text }, out);
                }
                for (i, call) in list(message, &["toolCalls"]).iter().enumerate() {
                    self.call(i, call, out);
                }
            }
            "info" | "error" if stopped(&joined(content)) => {
                let kind = EventKind::UserInterrupt { during_tool: false };
                self.emit("stop", Actor::User, kind, out);
            }
            kind => out.skip(kind),
        }
    }

    fn prompt(&self, message: &Value, content: &Value, out: &mut Output<'_>) {
        let seen = message.get("displayContent").map(joined).filter(|t| !t.trim().is_empty());
        let said = seen.unwrap_or_else(|| joined(content));
        let said = said.trim();
        if let Some(summary) = said.strip_prefix("<state_snapshot>") {
            let summary = summary.trim_end_matches("</state_snapshot>").trim().to_owned();
            return self.emit("", Actor::System, EventKind::Compaction { summary }, out);
        }
        if self.agent == Actor::Subagent || injected(said) {
            return out.skip("injected");
        }
        match classify(said) {
            Spoken::Typed(text) | Spoken::Command(text) => {
                let kind = EventKind::UserPrompt { text, steering: false };
                self.emit("", Actor::User, kind, out);
            }
            _ => out.skip("injected"),
        }
    }

    fn call(&self, place: usize, call: &Value, out: &mut Output<'_>) {
        let own = format!("{}:{place}", self.row_id);
        let call_id = text(call, &["id"]).unwrap_or(&own);
        let view = shown(call.get("args").unwrap_or(&Value::Null));
        let kind = EventKind::ToolCall {
            call_id: call_id.to_owned(),
            name: text(call, &["name"]).unwrap_or("tool").to_owned(),
            files: view.files,
            command: view.command,
            detail: view.detail,
        };
        self.emit(&format!("call {call_id}"), self.agent, kind, out);
        for (i, kind) in calls::ended(call, call_id).into_iter().enumerate() {
            let actor = if matches!(kind, EventKind::ToolResult { .. }) {
                Actor::Tool
            } else if self.agent == Actor::Subagent && matches!(kind, EventKind::Plan { .. }) {
                Actor::Subagent
            } else {
                Actor::User
            };
            self.emit(&format!("end {call_id} {i}"), actor, kind, out);
        }
    }
}

/// The engine's own notes that a person stopped it.
fn stopped(note: &str) -> bool {
    ["Request cancelled.", "User cancelled the request."].contains(&note.trim())
}

/// What the engine itself does not count as a prompt.
fn injected(said: &str) -> bool {
    let starts = ["/", "?", "<session_context>", "<hook_context>"];
    starts.iter().any(|s| said.starts_with(s)) || said == "System: Please continue."
}

/// Content is a text or parts. What a file said that the prompt names is not the person's.
fn joined(content: &Value) -> String {
    let mut said = match content {
        Value::String(said) => said.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter(|p| p.get("thought").is_none());
            let texts = texts.filter_map(|p| text(p, &["text"]).or_else(|| p.as_str()));
            let own = texts.filter(|t| {
                let t = t.trim_start();
                !t.starts_with("<session_context>") && !t.starts_with("<hook_context>")
            });
            own.collect::<Vec<_>>().join("\n")
        }
        other => text(other, &["text"]).unwrap_or_default().to_owned(),
    };
    if let Some(at) = said.find(REFERENCED) {
        said.truncate(at);
    }
    said
}

impl GeminiReader {
    pub(super) fn new(file: &FileInfo) -> Self {
        let folder = std::path::Path::new(&file.path).parent().and_then(std::path::Path::file_name);
        let folder = folder.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self { stem: file.stem.clone(), folder, roots: file.roots.clone() }
    }

    fn tell(&self, told: Told, len: u64, out: &mut Output<'_>) {
        let session = told.id.clone().unwrap_or_else(|| self.stem.clone());
        let project = told.project.as_deref();
        let root = self.roots.iter().find(|root| project == Some(places::hash(root).as_str()));
        let cwd = root.map(|root| root.to_string_lossy().into_owned());
        let known = out.session(&session);
        known.title = told.title;
        known.cwd.clone_from(&cwd);
        if told.subagent && self.folder != "chats" {
            known.parent = Some(self.folder.clone()).filter(|f| !f.is_empty());
        }
        let agent = if told.subagent { Actor::Subagent } else { Actor::Agent };
        let mut ts = None;
        for (i, step) in told.steps.iter().enumerate() {
            let place = i.to_string();
            let at =
                |row_id, ts| At { session: &session, row_id, ts, agent, cwd: cwd.as_deref(), len };
            match step {
                Step::Message(message) => {
                    ts = text(message, &["timestamp"]).and_then(Timestamp::parse).or(ts);
                    at(text(message, &["id"]).unwrap_or(&place), ts).message(message, out);
                }
                Step::Rewind(target) => {
                    let kind = EventKind::Rewind { target: Some(target.clone()) };
                    at(target, ts).emit(&format!("rewind {i}"), Actor::User, kind, out);
                }
            }
        }
    }
}

impl Reader for GeminiReader {
    /// A document, or rows; of rows cut off at the end those before count.
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let mut told = Told::default();
        let whole = mended(record.text);
        let mut rows = serde_json::Deserializer::from_str(&whole).into_iter::<Value>();
        let mut flaw = None;
        for row in rows.by_ref() {
            match row {
                Ok(Value::Array(turns)) => {
                    for message in super::shared::messages(&turns) {
                        told.message(message);
                    }
                }
                Ok(row) => told.row(row, out),
                Err(e) => {
                    flaw = Some(Malformed(format!("invalid json: {e}")));
                    break;
                }
            }
        }
        if told.id.is_some() || !told.steps.is_empty() {
            self.tell(told, record.text.len() as u64, out);
        }
        flaw.map_or(Ok(()), Err)
    }

    fn state(&self) -> Value {
        Value::Null
    }
}
