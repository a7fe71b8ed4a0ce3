//! OpenCode's objects, translated into events: the same in all three ways of storing them.
//!
//! Owns what a session, a message and a part mean. Must not know where they were stored.

use cemem_core::{Actor, Event, EventKind, RejectedBy, Timestamp};
use serde_json::Value;

use crate::source::Output;
use crate::sources::human::{Spoken, classify};
use crate::sources::tool::{at, int, list, shown, text};

/// How a refused call's error begins; what a person said follows.
const REFUSED: &str = "The user rejected permission to use this specific tool call";
const FEEDBACK: &str = " with the following feedback:";
/// How the error of a call forbidden by a rule begins.
const RULE: &str = "The user has specified a rule which prevents you from using this specific tool";
/// How the error of a question that was waved away begins.
const DISMISSED: &str = "The user dismissed this question";
/// The error of a call that was running when the person stopped the agent.
const ABORTED: &str = "Tool execution aborted";

/// What is known of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub(super) id: String,
    pub(super) parent: Option<String>,
    pub(super) directory: Option<String>,
    title: Option<String>,
    version: Option<String>,
    updated: Option<i64>,
    /// The message a person went back to, and the part in it.
    revert: Option<(String, Option<String>)>,
}

impl Known {
    /// Returns what a session's description says; `None` if it names no session.
    pub(super) fn of(info: &Value) -> Option<Self> {
        let owned = |path: &[&str]| text(info, path).map(str::to_owned);
        let mut known = Self {
            id: owned(&["id"])?,
            parent: owned(&["parentID"]),
            directory: owned(&["directory"]).filter(|d| !is_redacted(d)),
            title: owned(&["title"]).filter(|t| !is_redacted(t)),
            version: owned(&["version"]),
            updated: int(info, &["time", "updated"]),
            revert: None,
        };
        known.set_revert(info.get("revert"));
        Some(known)
    }

    /// Takes what tells to where the session was taken back.
    pub(super) fn set_revert(&mut self, revert: Option<&Value>) {
        let message = revert.and_then(|r| text(r, &["messageID"])).map(str::to_owned);
        let part = revert.and_then(|r| text(r, &["partID"])).map(str::to_owned);
        self.revert = message.map(|m| (m, part));
    }

    /// Writes down the session, without events.
    pub(super) fn declare(&self, out: &mut Output<'_>) {
        let session = out.session(&self.id);
        session.parent.clone_from(&self.parent);
        session.title.clone_from(&self.title);
        session.engine_version.clone_from(&self.version);
        session.cwd.clone_from(&self.directory);
    }

    /// Adds that a person took the session back, if they did.
    pub(super) fn rewound(&self, out: &mut Output<'_>) {
        let Some((message, part)) = &self.revert else { return };
        let target = part.as_ref().unwrap_or(message);
        let event = Event {
            key: format!("{}:revert:{target}", self.id),
            row_id: message.clone(),
            ts: self.updated.map(Timestamp),
            actor: Actor::User,
            kind: EventKind::Rewind { target: Some(target.clone()) },
            cwd: self.directory.clone(),
            branch: None,
            offset: 0,
            len: 0,
        };
        out.event(&self.id, event);
    }
}

/// Whether `--sanitize` took this text away.
fn is_redacted(text: &str) -> bool {
    text.starts_with("[redacted:") && text.ends_with(']')
}

/// One message with its parts.
struct Message<'a> {
    session: &'a Known,
    id: &'a str,
    info: &'a Value,
    cwd: Option<String>,
    ts: Option<Timestamp>,
    /// Nothing will be added to it.
    done: bool,
}

/// Adds the events of a message. `id` is the message's, `parts` are in order, each with its id.
pub(super) fn message(
    session: &Known,
    id: &str,
    info: &Value,
    parts: &[(String, Value)],
    out: &mut Output<'_>,
) {
    let error = text(info, &["error", "name"]);
    let one = Message {
        session,
        id,
        info,
        cwd: text(info, &["path", "cwd"])
            .filter(|c| !is_redacted(c))
            .map(str::to_owned)
            .or_else(|| session.directory.clone()),
        ts: int(info, &["time", "created"]).map(Timestamp),
        done: error.is_some() || int(info, &["time", "completed"]).is_some(),
    };
    match text(info, &["role"]) {
        Some("user") => one.user(parts, out),
        Some("assistant") => {
            one.assistant(parts, out);
            if error == Some("MessageAbortedError") {
                let halted = |p: &Value| {
                    matches!(text(p, &["state", "status"]), Some("running" | "pending"))
                        || text(p, &["state", "error"]).is_some_and(|e| e.contains(ABORTED))
                };
                let during_tool = parts.iter().any(|(_, p)| halted(p));
                let kind = EventKind::UserInterrupt { during_tool };
                one.emit(id, "abort", one.ts, Actor::User, kind, out);
            }
        }
        role => out.skip(role.unwrap_or("untyped")),
    }
}

impl Message<'_> {
    fn emit(
        &self,
        row: &str,
        facet: &str,
        ts: Option<Timestamp>,
        actor: Actor,
        kind: EventKind,
        out: &mut Output<'_>,
    ) {
        let event = Event {
            key: format!("{row}:{facet}"),
            row_id: row.to_owned(),
            ts: ts.or(self.ts),
            actor,
            kind,
            cwd: self.cwd.clone(),
            branch: None,
            offset: 0,
            len: 0,
        };
        out.event(&self.session.id, event);
    }

    fn agent(&self) -> Actor {
        if self.session.parent.is_some() { Actor::Subagent } else { Actor::Agent }
    }

    /// A person's message: its text parts together, without what the harness put in.
    fn user(&self, parts: &[(String, Value)], out: &mut Output<'_>) {
        let mut said = Vec::new();
        for (_, part) in parts {
            match text(part, &["type"]) {
                Some("text") => {
                    let injected = ["synthetic", "ignored"]
                        .iter()
                        .any(|k| part.get(*k).and_then(Value::as_bool) == Some(true));
                    let words = text(part, &["text"]).unwrap_or_default();
                    if injected {
                        out.skip("injected");
                    } else if is_redacted(words) {
                        out.skip("redacted");
                    } else if !words.is_empty() {
                        said.push(words);
                    }
                }
                kind => out.skip(kind.unwrap_or("untyped")),
            }
        }
        if said.is_empty() {
            return;
        }
        if self.session.parent.is_some() {
            // Written by the agent that started this one.
            return out.skip("subagent_prompt");
        }
        match classify(&said.join("\n")) {
            Spoken::Typed(text) | Spoken::Command(text) => {
                let kind = EventKind::UserPrompt { text, steering: false };
                self.emit(self.id, "prompt", None, Actor::User, kind, out);
            }
            _ => out.skip("injected"),
        }
    }

    fn assistant(&self, parts: &[(String, Value)], out: &mut Output<'_>) {
        let summary = self.info.get("summary").and_then(Value::as_bool) == Some(true)
            || text(self.info, &["mode"]) == Some("compaction");
        if summary {
            let texts = parts.iter().filter_map(|(_, p)| text(p, &["text"]));
            let summary: Vec<&str> = texts.filter(|t| !is_redacted(t)).collect();
            if self.done {
                let kind = EventKind::Compaction { summary: summary.join("\n") };
                self.emit(self.id, "compaction", None, Actor::System, kind, out);
            }
            return;
        }
        for (id, part) in parts {
            match text(part, &["type"]) {
                Some("text") => self.said(id, part, out),
                Some("tool") => self.tool(id, part, out),
                Some("compaction") => {
                    let kind = EventKind::Compaction { summary: String::new() };
                    self.emit(id, "compaction", None, Actor::System, kind, out);
                }
                kind => out.skip(kind.unwrap_or("untyped")),
            }
        }
    }

    fn said(&self, id: &str, part: &Value, out: &mut Output<'_>) {
        let start = int(part, &["time", "start"]);
        let words = text(part, &["text"]).unwrap_or_default();
        // While it is written a text has a start and no end.
        let growing = !self.done && start.is_some() && int(part, &["time", "end"]).is_none();
        let old = self.info.get("finish").is_none() && self.info.get("cost").is_none();
        if growing && !old {
            return out.skip("unfinished");
        }
        if part.get("synthetic").and_then(Value::as_bool) == Some(true) {
            return out.skip("injected");
        }
        if is_redacted(words) {
            return out.skip("redacted");
        }
        if !words.trim().is_empty() {
            let kind = EventKind::AgentText { text: words.to_owned() };
            self.emit(id, "text", start.map(Timestamp), self.agent(), kind, out);
        }
    }

    fn tool(&self, id: &str, part: &Value, out: &mut Output<'_>) {
        let status = text(part, &["state", "status"]).unwrap_or_default();
        let ended = !matches!(status, "pending" | "running" | "");
        if !ended && !self.done {
            return out.skip("unfinished");
        }
        let call_id = text(part, &["callID"]).unwrap_or(id).to_owned();
        let name = text(part, &["tool"]).unwrap_or("unknown").to_owned();
        let input = at(part, &["state", "input"]).unwrap_or(&Value::Null);
        let mut view = shown(input);
        view.files.retain(|f| !is_redacted(f));
        if is_redacted(&view.detail) {
            view.detail.clear();
        }
        let kind = EventKind::ToolCall {
            call_id: call_id.clone(),
            name: name.clone(),
            files: view.files,
            command: view.command.filter(|c| !is_redacted(c)),
            detail: view.detail,
        };
        let started = int(part, &["state", "time", "start"]).map(Timestamp);
        self.emit(id, "call", started, self.agent(), kind, out);
        if !ended {
            return;
        }
        let finished = int(part, &["state", "time", "end"]).map(Timestamp).or(started);
        if name == "question" && status == "completed" {
            self.answers(id, part, finished, out);
        }
        let (facet, actor, kind) = outcome(call_id, status, part);
        self.emit(id, facet, finished, actor, kind, out);
    }

    /// What a person answered to the agent's questions.
    fn answers(&self, id: &str, part: &Value, ts: Option<Timestamp>, out: &mut Output<'_>) {
        let questions = list(part, &["state", "input", "questions"]);
        let answers = list(part, &["state", "metadata", "answers"]);
        for (i, (question, answer)) in questions.iter().zip(answers).enumerate() {
            let chosen: Vec<&str> = match answer {
                Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
                one => one.as_str().into_iter().collect(),
            };
            let answer = chosen.join(", ");
            if answer.is_empty() || is_redacted(&answer) {
                out.skip("unanswered");
                continue;
            }
            let question = text(question, &["question"]).unwrap_or_default().to_owned();
            let kind = EventKind::QuestionAnswered { question, answer };
            self.emit(id, &format!("answer{i}"), ts, Actor::User, kind, out);
        }
    }
}

/// What became of a call. Refusals are read only from the error the engine itself writes, and only
/// at its start: what a tool prints is no error here.
fn outcome(call_id: String, status: &str, part: &Value) -> (&'static str, Actor, EventKind) {
    let output = text(part, &["state", "output"]).unwrap_or_default();
    if status == "error" {
        let error = text(part, &["state", "error"]).unwrap_or_default();
        let plain = bare(error);
        if let Some(rest) = plain.strip_prefix(REFUSED) {
            let feedback = rest.strip_prefix(FEEDBACK).map(|f| f.trim().to_owned());
            let feedback = feedback.filter(|f| !f.is_empty() && !is_redacted(f));
            let kind = EventKind::ToolRejected { call_id, by: RejectedBy::User, feedback };
            return ("rejected", Actor::User, kind);
        }
        if plain.starts_with(DISMISSED) {
            let by = RejectedBy::User;
            let kind = EventKind::ToolRejected { call_id, by, feedback: None };
            return ("rejected", Actor::User, kind);
        }
        if plain.starts_with(RULE) {
            let by = RejectedBy::Policy;
            let kind = EventKind::ToolRejected { call_id, by, feedback: None };
            return ("rejected", Actor::System, kind);
        }
        let said = if is_redacted(error) { "" } else { error };
        let text = said.to_owned();
        let kind = EventKind::ToolResult { call_id, ok: Some(false), exit_code: None, text };
        return ("result", Actor::Tool, kind);
    }
    // A failed command is `completed` too: only its exit status tells.
    let exit_code =
        int(part, &["state", "metadata", "exit"]).and_then(|code| i32::try_from(code).ok());
    let output = if is_redacted(output) { "" } else { output };
    let ok = Some(exit_code.is_none_or(|code| code == 0));
    let kind = EventKind::ToolResult { call_id, ok, exit_code, text: output.to_owned() };
    ("result", Actor::Tool, kind)
}

/// An error without the name of its class before it.
fn bare(error: &str) -> &str {
    let error = error.trim_start();
    match error.split_once("Error: ") {
        Some((class, rest)) if class.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.') => {
            rest
        }
        _ => error,
    }
}
