//! Rows of a Claude Code session, translated into events.
//!
//! Owns what each row means. Must not look at other files: a sub-agent's file names its parent.

mod result;
mod said;

use cemem_core::event::PlanState;
use cemem_core::id::digest;
use cemem_core::{Actor, Event, EventKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::queue::Queue;
use super::results;
use super::wire::{Attachment, Block, Content, Message, Row, unread_kind};
use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::text::{RawText, limit, mended};

/// Calls that may still be waiting for their result.
const MAX_OPEN_CALLS: usize = 256;

/// What must be known from earlier rows.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    queue: Queue,
    /// Open tool calls: id and tool.
    calls: Vec<(String, String)>,
    /// Parents of typed prompts, shortened.
    parents: Vec<String>,
    /// The main session, for rows without one.
    session: String,
    /// A person named the session; generated titles no longer count.
    named: bool,
}

/// Reads one session file.
pub(super) struct ClaudeReader {
    stem: String,
    state: State,
}

/// Where and when a row happened; events are made from it.
struct At {
    session: String,
    subagent: bool,
    id: String,
    ts: Option<Timestamp>,
    cwd: Option<String>,
    branch: Option<String>,
    offset: u64,
    len: u64,
}

impl At {
    /// Makes an event of this row; `part` tells events of one row apart.
    fn event(&self, part: &str, actor: Actor, kind: EventKind) -> Event {
        let key = if part.is_empty() { self.id.clone() } else { format!("{}#{part}", self.id) };
        Event {
            key,
            row_id: self.id.clone(),
            ts: self.ts,
            actor,
            kind,
            cwd: self.cwd.clone(),
            branch: self.branch.clone(),
            offset: self.offset,
            len: self.len,
        }
    }

    fn agent(&self) -> Actor {
        if self.subagent { Actor::Subagent } else { Actor::Agent }
    }
}

/// The part of an event's key for its block.
fn part(block: usize, what: &str) -> String {
    if block == 0 { what.to_owned() } else { format!("{block}{what}") }
}

impl ClaudeReader {
    pub(super) fn new(file: &FileInfo, state: &serde_json::Value) -> Self {
        let state = State::deserialize(state).unwrap_or_default();
        Self { stem: file.stem.clone(), state }
    }

    fn row(&mut self, row: &Row<'_>, offset: u64, len: u64, out: &mut Output<'_>) {
        let kind = row.kind.str();
        match kind {
            "user" | "assistant" | "system" | "attachment" => {}
            "queue-operation" => return self.queued(row, offset, len, out),
            "custom-title" | "ai-title" => return self.titled(row, out),
            "" => return out.skip("untyped"),
            _ => return out.skip(kind),
        }
        let at = self.at(row, offset, len);
        let session = out.session(&at.session);
        if at.subagent && session.parent.is_none() {
            session.parent = Some(self.main_session(row).to_owned());
        }
        if let Some(version) = row.version.some()
            && session.engine_version.as_deref() != Some(version)
        {
            session.engine_version = Some(version.to_owned());
        }
        match (kind, &row.message.0, &row.attachment.0) {
            ("user", Some(message), _) => self.user(row, message, &at, out),
            ("assistant", Some(message), _) => self.assistant(row, message, &at, out),
            ("attachment", _, Some(attachment)) => self.attached(attachment, &at, out),
            ("system", ..) => system(row, &at, out),
            _ => out.skip(kind),
        }
    }

    fn main_session<'r>(&'r self, row: &'r Row<'_>) -> &'r str {
        let known = row.session_id.some().filter(|id| !id.starts_with("agent-"));
        match known {
            Some(id) => id,
            None if self.state.session.is_empty() => &self.stem,
            None => &self.state.session,
        }
    }

    fn at(&mut self, row: &Row<'_>, offset: u64, len: u64) -> At {
        let main = self.main_session(row).to_owned();
        let subagent = row.is_sidechain.is_set() || self.stem.starts_with("agent-");
        let session = if subagent {
            let agent = row.agent_id.some().or_else(|| self.stem.strip_prefix("agent-"));
            format!("{main}/{}", agent.unwrap_or("sidechain"))
        } else {
            main.clone()
        };
        if self.state.session != main {
            self.state.session = main;
        }
        let id = row.uuid.owned().unwrap_or_else(|| {
            // No id of its own: the same row has the same content wherever it is copied to.
            let content = match row.message.0.as_ref().map(|m| &m.content) {
                Some(Content::Text(text)) => text.str(),
                _ => "",
            };
            let at = offset.to_string();
            let place = if content.is_empty() { at.as_str() } else { "" };
            let mut hex =
                digest([session.as_str(), row.kind.str(), row.timestamp.str(), content, place]);
            hex.truncate(32);
            hex
        });
        At {
            session,
            subagent,
            id,
            ts: row.timestamp.some().and_then(Timestamp::parse),
            cwd: row.cwd.owned(),
            branch: row.git_branch.owned().filter(|b| b != "HEAD"),
            offset,
            len,
        }
    }

    fn user(&mut self, row: &Row<'_>, message: &Message<'_>, at: &At, out: &mut Output<'_>) {
        if row.is_meta.is_set() {
            return out.skip("meta");
        }
        let mut typed = Vec::new();
        let mut answered = false;
        match &message.content {
            Content::Nothing => out.skip("empty"),
            Content::Text(text) => typed.push(text.str().to_owned()),
            Content::Blocks(blocks) => {
                for (i, block) in blocks.iter().enumerate() {
                    match (block.kind.str(), block.text) {
                        ("text", Some(text)) => typed.push(RawText(text.get()).full().into_owned()),
                        ("tool_result", _) => {
                            answered = true;
                            self.result(row, block, i, at, out);
                        }
                        (kind, _) => out.skip(if kind.is_empty() { "untyped" } else { kind }),
                    }
                }
            }
        }
        if !typed.is_empty() {
            // A result's event has the row's bare key.
            let place = if answered { "said" } else { "" };
            self.said(row, &typed, place, at, out);
        }
    }

    fn assistant(&mut self, row: &Row<'_>, message: &Message<'_>, at: &At, out: &mut Output<'_>) {
        if row.is_api_error_message.is_set() || message.model.str() == "<synthetic>" {
            return out.skip("api_error");
        }
        let blocks = match &message.content {
            Content::Blocks(blocks) => blocks,
            Content::Text(text) if text.some().is_some() => {
                let kind = EventKind::AgentText { text: text.str().to_owned() };
                return out.event(&at.session, at.event("", at.agent(), kind));
            }
            _ => return out.skip("empty"),
        };
        for (i, block) in blocks.iter().enumerate() {
            match block.kind.str() {
                "text" => {
                    let Some(raw) = block.text else { continue };
                    let text = RawText(raw.get()).bounded(limit::AGENT);
                    if !text.trim().is_empty() {
                        let kind = EventKind::AgentText { text: text.into_owned() };
                        out.event(&at.session, at.event(&part(i, ""), at.agent(), kind));
                    }
                }
                "tool_use" | "server_tool_use" => self.call(block, i, at, out),
                "" => out.skip("untyped"),
                kind => out.skip(kind),
            }
        }
    }

    fn call(&mut self, block: &Block<'_>, i: usize, at: &At, out: &mut Output<'_>) {
        let (call_id, name) = (block.id.str().to_owned(), block.name.str().to_owned());
        if self.state.calls.len() == MAX_OPEN_CALLS {
            self.state.calls.remove(0);
        }
        self.state.calls.push((call_id.clone(), name.clone()));
        let kind = if name == "ExitPlanMode" {
            EventKind::Plan { state: PlanState::Proposed, text: results::plan(block.input) }
        } else {
            let results::Shown { files, command, detail } = results::shown(&name, block.input);
            EventKind::ToolCall { call_id, name, files, command, detail }
        };
        out.event(&at.session, at.event(&part(i, ""), at.agent(), kind));
    }

    fn attached(&mut self, attachment: &Attachment<'_>, at: &At, out: &mut Output<'_>) {
        match attachment.kind.str() {
            "queued_command" => self.steered(attachment, at, out),
            "edited_text_file" => {
                let path = attachment.filename.str().to_owned();
                let kind = EventKind::UserEdit { path, diff: attachment.snippet.str().to_owned() };
                out.event(&at.session, at.event("", Actor::User, kind));
            }
            "hook_blocking_error" => {
                let error = attachment.blocking_error.0.as_ref();
                let text = error.map_or("", |e| e.blocking_error.str()).to_owned();
                out.event(
                    &at.session,
                    at.event("", Actor::System, EventKind::HookBlocked { text }),
                );
            }
            "" => out.skip("attachment"),
            kind => out.skip(kind),
        }
    }

    fn titled(&mut self, row: &Row<'_>, out: &mut Output<'_>) {
        let by_person = row.kind.str() == "custom-title";
        let title =
            [&row.custom_title, &row.ai_title, &row.title].into_iter().find_map(|t| t.owned());
        if let Some(title) = title.filter(|_| by_person || !self.state.named) {
            let session = self.main_session(row).to_owned();
            out.session(&session).title = Some(title);
            self.state.named |= by_person;
        }
    }
}

/// Harness rows: only a hook that stopped the agent matters.
fn system(row: &Row<'_>, at: &At, out: &mut Output<'_>) {
    let subtype = row.subtype.str();
    if subtype == "stop_hook_summary" {
        let errors = row.hook_errors.map_or("[]", |raw| raw.get());
        let errors: Vec<serde_json::Value> = serde_json::from_str(errors).unwrap_or_default();
        if row.prevented_continuation.is_set() || !errors.is_empty() {
            let mut text: Vec<String> = errors
                .iter()
                .map(|e| e.as_str().map_or_else(|| e.to_string(), str::to_owned))
                .collect();
            text.extend(row.stop_reason.owned());
            let kind = EventKind::HookBlocked { text: text.join("\n") };
            return out.event(&at.session, at.event("", Actor::System, kind));
        }
    }
    out.skip(if subtype.is_empty() { "system" } else { subtype });
}

impl Reader for ClaudeReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        if let Some(kind) = unread_kind(record.text) {
            out.skip(kind);
            return Ok(());
        }
        // A line can hold two objects: a file rewritten without its last newline, then appended to.
        let text = mended(record.text);
        let mut rows = serde_json::Deserializer::from_str(&text).into_iter::<Row<'_>>();
        let mut start = 0;
        while let Some(row) = rows.next() {
            let row =
                row.map_err(|e| Malformed(format!("invalid row at column {}", e.column())))?;
            let end = rows.byte_offset();
            self.row(&row, record.offset + start as u64, (end - start) as u64, out);
            start = end;
        }
        Ok(())
    }

    fn state(&self) -> serde_json::Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}
