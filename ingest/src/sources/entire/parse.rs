//! Rows of a normalised transcript, translated into events.
//!
//! Owns the texts by which engines refuse a call, as they stand in a failed call's output.

use std::borrow::Cow;

use cemem_core::{Actor, Event, EventKind, RejectedBy, Timestamp};
use serde_json::Value;
use serde_json::value::RawValue;

use super::META;
use super::wire::{Part, Row};
use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::human::{Spoken, classify};
use crate::sources::tool::{key, shown_raw, text};
use crate::text::{RawText, limit, mended};

/// Starts of texts that harnesses send under the user's name.
const INJECTED: &[&str] = &[
    "<system_reminder>",
    "<ci-monitor-event>",
    "<system_notification>",
    // Sent by OpenCode after it has summed the history up.
    "Continue if you have next steps, or stop and ask for clarification if you are unsure",
];
/// A refusal's start, and what stands before the person's words in it.
const REFUSALS: &[(&str, &str)] = &[
    ("The user doesn't want to proceed with this tool use", "the user said:\n"),
    ("The user rejected permission to use this specific tool call", "following feedback: "),
    ("The user rejected this tool call", "feedback: "),
];
/// Put by the engine after the person's words.
const NOTE: &str = "\n\nNote: The user's next message may contain a correction";

/// Reads one transcript.
pub(super) struct TranscriptReader {
    session: String,
    branch: Option<String>,
    /// Typed prompts so far.
    turn: u64,
}

impl TranscriptReader {
    pub(super) fn new(file: &FileInfo, state: &Value) -> Self {
        let meta: Option<Value> = file.beside(META).and_then(|t| serde_json::from_str(&t).ok());
        let said = |name: &str| text(meta.as_ref()?, &[name]).map(str::to_owned);
        Self {
            session: said("session_id").unwrap_or_else(|| file.stem.clone()),
            branch: said("branch"),
            turn: state.as_u64().unwrap_or_default(),
        }
    }
}

/// A row's place, and what its events share.
struct At<'r> {
    id: String,
    ts: Option<Timestamp>,
    time: &'r str,
    offset: u64,
    len: u64,
}

impl TranscriptReader {
    fn emit(
        &self,
        row: &At<'_>,
        what: &[&str],
        actor: Actor,
        kind: EventKind,
        out: &mut Output<'_>,
    ) {
        let event = Event {
            key: key([self.session.as_str(), row.time].iter().chain(what)),
            row_id: row.id.clone(),
            ts: row.ts,
            actor,
            kind,
            cwd: None,
            branch: self.branch.clone(),
            offset: row.offset,
            len: row.len,
        };
        out.event(&self.session, event);
    }

    fn user(&mut self, row: &mut At<'_>, said: &str, out: &mut Output<'_>) {
        if INJECTED.iter().any(|start| said.trim_start().starts_with(start)) {
            return out.skip("injected");
        }
        let kind = match classify(said) {
            Spoken::Typed(text) | Spoken::Command(text) => {
                self.turn += 1;
                EventKind::UserPrompt { text, steering: false }
            }
            Spoken::Interrupt { during_tool } => EventKind::UserInterrupt { during_tool },
            Spoken::Summary => EventKind::Compaction { summary: said.to_owned() },
            Spoken::Plan(_) | Spoken::Injected | Spoken::Empty => return out.skip("injected"),
        };
        if row.id.is_empty() {
            row.id = self.turn.to_string();
        }
        let actor =
            if matches!(kind, EventKind::Compaction { .. }) { Actor::System } else { Actor::User };
        self.emit(row, &["user", said], actor, kind, out);
    }

    fn call(&self, row: &At<'_>, part: &Part<'_>, out: &mut Output<'_>) {
        let Some(call) = part.id.owned() else { return out.skip("unknown") };
        let name = part.name.some().unwrap_or("tool").to_owned();
        let view = part.input.map(shown_raw).unwrap_or_default();
        let is_command = view.command.is_some();
        let kind = EventKind::ToolCall {
            call_id: call.clone(),
            name,
            files: view.files,
            command: view.command,
            detail: view.detail,
        };
        self.emit(row, &["call", &call], Actor::Agent, kind, out);
        let Some(result) = &part.result.0 else { return };
        let output = match result.output.map(RawValue::get) {
            // A refusal may hold any number of words.
            Some(raw) if raw.starts_with('"') => match result.status.some() {
                Some("error") => RawText(raw).full(),
                _ => RawText(raw).bounded(limit::RESULT),
            },
            None | Some("null") => Cow::Borrowed(""),
            Some(other) => Cow::Borrowed(other),
        };
        let failed = match result.status.some() {
            Some("error") => Some(true),
            Some("success") => Some(false),
            _ => None,
        };
        if failed == Some(true)
            && let Some(feedback) = refusal(&output)
        {
            let kind = EventKind::ToolRejected {
                call_id: call.clone(),
                by: RejectedBy::User,
                feedback: feedback.map(str::to_owned),
            };
            return self.emit(row, &["refused", &call], Actor::User, kind, out);
        }
        let code = output.trim_start().strip_prefix("Exit code ").filter(|_| failed == Some(true));
        let code = code.and_then(|rest| rest.split_whitespace().next()?.parse::<i32>().ok());
        // Success is said of a command that ran, whatever its own end: its output tells.
        let ok = failed.and_then(|f| (f || !is_command).then_some(!f));
        let text = output.into_owned();
        let kind = EventKind::ToolResult { call_id: call.clone(), ok, exit_code: code, text };
        self.emit(row, &["result", &call], Actor::Tool, kind, out);
    }
}

/// Returns the person's words in a refusal, if it is one and has any.
fn refusal(output: &str) -> Option<Option<&str>> {
    let output = output.trim_start();
    let (_, before) = REFUSALS.iter().find(|(start, _)| output.starts_with(start))?;
    let said = output.split_once(before).map(|(_, said)| said);
    let said = said.map(|s| s.split_once(NOTE).map_or(s, |(said, _)| said).trim());
    Some(said.filter(|s| !s.is_empty()))
}

impl Reader for TranscriptReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let line = mended(record.text);
        let wire: Row<'_> = serde_json::from_str(&line).map_err(|e| Malformed(e.to_string()))?;
        let time = wire.ts.str();
        let mut row = At {
            id: wire.id.str().to_owned(),
            ts: Timestamp::parse(time),
            time,
            offset: record.offset,
            len: record.text.len() as u64,
        };
        let user = match wire.kind.some() {
            Some("user") => true,
            Some("assistant") => false,
            kind => {
                out.skip(kind.unwrap_or("unknown"));
                return Ok(());
            }
        };
        let parts = &wire.content.0;
        if parts.is_empty() {
            out.skip("empty");
        }
        let session = out.session(&self.session);
        if session.engine_version.is_none() {
            session.engine_version = wire.agent.owned();
        }
        for part in parts {
            if user {
                row.id = part.id.str().to_owned();
                match part.text.some() {
                    Some(said) => self.user(&mut row, said, out),
                    None => out.skip("no_text"),
                }
            } else if part.kind.some() == Some("tool_use") {
                self.call(&row, part, out);
            } else if let Some(said) = part.text.some().filter(|t| !t.trim().is_empty()) {
                let kind = EventKind::AgentText { text: said.to_owned() };
                self.emit(&row, &["agent", said], Actor::Agent, kind, out);
            }
        }
        Ok(())
    }

    fn state(&self) -> Value {
        Value::from(self.turn)
    }
}
