//! Rows of a Codex rollout, translated into events.
//!
//! Owns what each row means, which of two copies of a prompt counts, and the count of typed turns
//! that stands in for a row id. Must not look at other files.

use cemem_core::id::digest;
use cemem_core::{Actor, Event, EventKind, RejectedBy, Timestamp};
use serde::{Deserialize, Serialize};

use super::calls::{self, Back};
use super::wire::{Payload, Row};
use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::human::{Spoken, classify};
use crate::text::mended;

/// What must be known from earlier rows.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    session: String,
    subagent: bool,
    /// Typed turns so far.
    turn: u64,
    cwd: Option<String>,
    branch: Option<String>,
    /// The rollout has `user_message` rows: they are the prompts, and the copies do not count.
    has_messages: bool,
    /// The agent answered a prompt no `user_message` row repeated: so far model input is all there
    /// is, and counts at once, because nothing may follow the last one.
    has_input_only: bool,
    /// The mark of a prompt that counted at once, until the agent goes on.
    told: Option<String>,
    /// A prompt seen only as model input so far.
    pending: Option<Pending>,
}

/// A prompt that counts unless a `user_message` row repeats it.
#[derive(Debug, Serialize, Deserialize)]
struct Pending {
    text: String,
    ts: Option<i64>,
    offset: u64,
    len: u64,
}

/// Reads one rollout.
pub(super) struct CodexReader {
    state: State,
    stem: String,
}

/// A row's place, and what makes its key.
struct At<'a> {
    ts: Option<Timestamp>,
    stamp: &'a str,
    offset: u64,
    len: u64,
}

impl CodexReader {
    pub(super) fn new(file: &FileInfo, state: &serde_json::Value) -> Self {
        let state = State::deserialize(state).unwrap_or_default();
        Self { state, stem: file.stem.clone() }
    }

    fn session(&self) -> String {
        if self.state.session.is_empty() { self.stem.clone() } else { self.state.session.clone() }
    }

    /// Adds an event. Its key holds the time and the content but not the session, so that history
    /// copied into a fork is known again; undated rows have only their place.
    fn emit(
        &self,
        at: &At<'_>,
        what: &[&str],
        actor: Actor,
        kind: EventKind,
        out: &mut Output<'_>,
    ) {
        let session = self.session();
        let place = format!("{session}@{}", at.offset);
        let when = if at.ts.is_some() { at.stamp } else { place.as_str() };
        let mut key = digest(std::iter::once(when).chain(what.iter().copied()));
        key.truncate(32);
        let event = Event {
            key,
            row_id: self.state.turn.to_string(),
            ts: at.ts,
            actor,
            kind,
            cwd: self.state.cwd.clone(),
            branch: self.state.branch.clone(),
            offset: at.offset,
            len: at.len,
        };
        out.event(&session, event);
    }

    fn agent(&self) -> Actor {
        if self.state.subagent { Actor::Subagent } else { Actor::Agent }
    }

    fn row(&mut self, row: &Row<'_>, payload: &Payload<'_>, at: &At<'_>, out: &mut Output<'_>) {
        match row.kind.str() {
            "session_meta" => self.meta(payload, out),
            "turn_context" => {
                if let Some(cwd) = payload.cwd.owned() {
                    self.state.cwd = Some(cwd);
                }
                out.skip("turn_context");
            }
            "response_item" => self.item(payload, at, out),
            "event_msg" => self.happened(payload, at, out),
            "compacted" => {
                let kind = EventKind::Compaction { summary: payload.message.str().to_owned() };
                self.emit(at, &["compacted"], Actor::System, kind, out);
            }
            // The oldest rollouts wrap nothing.
            "message"
            | "function_call"
            | "function_call_output"
            | "local_shell_call"
            | "custom_tool_call"
            | "custom_tool_call_output"
            | "reasoning" => {
                self.item(payload, at, out);
            }
            "" if !payload.id.str().is_empty() => self.meta(payload, out),
            "" => out.skip("untyped"),
            kind => out.skip(kind),
        }
    }

    /// Only the first one names the session: a fork copies its parent's after its own.
    fn meta(&mut self, payload: &Payload<'_>, out: &mut Output<'_>) {
        out.skip("session_meta");
        if !self.state.session.is_empty() {
            return;
        }
        let Some(id) = payload.id.owned() else { return };
        self.state.session.clone_from(&id);
        self.state.cwd = payload.cwd.owned();
        self.state.branch = payload.git.0.as_ref().and_then(|g| g.branch.owned());
        self.state.subagent = payload.source.is_some_and(|s| s.get().contains("\"subagent\""));
        let session = out.session(&id);
        session.parent =
            payload.parent_thread_id.owned().or_else(|| payload.forked_from_id.owned());
        session.engine_version = payload.cli_version.owned();
        session.cwd = payload.cwd.owned();
        session.branch.clone_from(&self.state.branch);
    }

    fn item(&mut self, payload: &Payload<'_>, at: &At<'_>, out: &mut Output<'_>) {
        let kind = payload.kind.str();
        match kind {
            "message" | "" => self.message(payload, at, out),
            "function_call" | "custom_tool_call" | "local_shell_call" => {
                self.settle(out);
                let name = payload.name.some().unwrap_or("shell").to_owned();
                let shown = match kind {
                    "local_shell_call" => calls::local(payload.action),
                    _ => calls::shown(&name, payload.arguments.or(payload.input)),
                };
                let call_id = payload.call_id.str().to_owned();
                let key = ["call", call_id.as_str(), name.as_str()];
                let kind = EventKind::ToolCall {
                    call_id: call_id.clone(),
                    name: name.clone(),
                    files: shown.files,
                    command: shown.command,
                    detail: shown.detail,
                };
                self.emit(at, &key, self.agent(), kind, out);
            }
            "function_call_output" | "custom_tool_call_output" => self.result(payload, at, out),
            kind => out.skip(kind),
        }
    }

    fn result(&mut self, payload: &Payload<'_>, at: &At<'_>, out: &mut Output<'_>) {
        let call_id = payload.call_id.str().to_owned();
        let key = ["result".to_owned(), call_id.clone()];
        let (actor, kind) = match calls::back(payload.output) {
            Back::Refused => {
                let by = RejectedBy::User;
                (Actor::User, EventKind::ToolRejected { call_id, by, feedback: None })
            }
            Back::Output { ok, exit_code, text } => {
                (Actor::Tool, EventKind::ToolResult { call_id, ok, exit_code, text })
            }
        };
        self.emit(at, &[&key[0], &key[1]], actor, kind, out);
    }

    fn message(&mut self, payload: &Payload<'_>, at: &At<'_>, out: &mut Output<'_>) {
        let pieces: Vec<&str> = payload.content.0.iter().filter_map(|p| p.text.some()).collect();
        let text = pieces.join("\n");
        match payload.role.str() {
            "assistant" => {
                self.settle(out);
                if !text.trim().is_empty() {
                    let key = ["agent", text.as_str()];
                    let kind = EventKind::AgentText { text: text.clone() };
                    self.emit(at, &key, self.agent(), kind, out);
                }
            }
            // Every prompt is written here too, next to what the harness injects.
            "user" if self.state.has_messages || self.state.subagent => out.skip("prompt_copy"),
            "user" => match classify(&text) {
                Spoken::Typed(_) | Spoken::Command(_) => {
                    self.settle(out);
                    if self.state.has_input_only {
                        self.state.told = mark(&text);
                        return self.prompt(&text, at, out);
                    }
                    let ts = at.ts.map(|t| t.0);
                    // Kept in the store until the next row says whether it counts.
                    let text = out.clean(&text, crate::text::limit::PROMPT);
                    self.state.pending = Some(Pending { text, ts, offset: at.offset, len: at.len });
                }
                _ => out.skip("injected"),
            },
            role => out.skip(if role.is_empty() { "untyped" } else { role }),
        }
    }

    /// The agent went on without a `user_message` row: the model input was the prompt.
    fn settle(&mut self, out: &mut Output<'_>) {
        self.state.told = None;
        let Some(pending) = self.state.pending.take() else { return };
        if self.state.has_messages {
            return;
        }
        self.state.has_input_only = true;
        let ts = pending.ts.map(Timestamp);
        let stamp = ts.map(|t| t.to_string()).unwrap_or_default();
        let at = At { ts, stamp: &stamp, offset: pending.offset, len: pending.len };
        self.prompt(&pending.text, &at, out);
    }

    fn prompt(&mut self, text: &str, at: &At<'_>, out: &mut Output<'_>) {
        match classify(text) {
            Spoken::Typed(said) | Spoken::Command(said) => {
                self.state.turn += 1;
                let kind = EventKind::UserPrompt { text: said, steering: false };
                self.emit(at, &["prompt", text], Actor::User, kind, out);
            }
            Spoken::Plan(text) => {
                self.state.turn += 1;
                let state = cemem_core::event::PlanState::Approved;
                let key = ["plan", text.as_str()];
                let kind = EventKind::Plan { state, text: text.clone() };
                self.emit(at, &key, Actor::User, kind, out);
            }
            Spoken::Interrupt { during_tool } => {
                let kind = EventKind::UserInterrupt { during_tool };
                self.emit(at, &["interrupt"], Actor::User, kind, out);
            }
            Spoken::Summary | Spoken::Injected | Spoken::Empty => out.skip("injected"),
        }
    }

    fn happened(&mut self, payload: &Payload<'_>, at: &At<'_>, out: &mut Output<'_>) {
        match payload.kind.str() {
            "user_message" => {
                self.state.has_messages = true;
                self.state.has_input_only = false;
                self.state.pending = None;
                if self.state.subagent || !matches!(payload.sort.str(), "" | "plain") {
                    return out.skip("injected");
                }
                let told = self.state.told.take();
                if told.is_some() && told == mark(payload.message.str()) {
                    return out.skip("prompt_copy");
                }
                self.prompt(payload.message.str(), at, out);
            }
            "turn_aborted" if payload.reason.str() == "interrupted" => {
                let kind = EventKind::UserInterrupt { during_tool: false };
                self.emit(at, &["interrupt"], Actor::User, kind, out);
            }
            "thread_rolled_back" => {
                self.emit(at, &["rewind"], Actor::User, EventKind::Rewind { target: None }, out);
            }
            "" => out.skip("event_msg"),
            kind => out.skip(kind),
        }
    }
}

/// Tells whether two rows hold the same words, without keeping them.
fn mark(text: &str) -> Option<String> {
    let (Spoken::Typed(said) | Spoken::Command(said)) = classify(text) else { return None };
    let mut hex = digest([said.as_str()]);
    hex.truncate(16);
    Some(hex)
}

impl Reader for CodexReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let mut start = 0;
        let text = mended(record.text);
        let mut rows = serde_json::Deserializer::from_str(&text).into_iter::<Row<'_>>();
        while let Some(row) = rows.next() {
            let row =
                row.map_err(|e| Malformed(format!("invalid row at column {}", e.column())))?;
            let end = rows.byte_offset();
            let at = At {
                ts: row.timestamp.some().and_then(Timestamp::parse),
                stamp: row.timestamp.str(),
                offset: record.offset + start as u64,
                len: (end - start) as u64,
            };
            match &row.payload.0 {
                Some(payload) => self.row(&row, payload, &at, out),
                None => match serde_json::from_str::<Payload<'_>>(text[start..end].trim()) {
                    Ok(payload) => self.row(&row, &payload, &at, out),
                    Err(_) => out.skip("untyped"),
                },
            }
            start = end;
        }
        Ok(())
    }

    fn state(&self) -> serde_json::Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}
