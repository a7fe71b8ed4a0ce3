//! Messages of Cursor's agents: rows of a transcript, or blobs of a store.
//!
//! Owns what their pieces mean. Must not know the editor's database.

use cemem_core::{Actor, Event, EventKind, Timestamp};
use serde_json::Value;

use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::cursor::places;
use crate::sources::human::{Spoken, classify};
use crate::sources::rows::{self, At};
use crate::sources::tool::{int, key, list, shown, text};

/// What stands where words were taken out.
const REDACTED: &str = "[REDACTED]";

/// One message and where it stands.
pub(super) struct Said<'a> {
    pub(super) session: &'a str,
    /// Unique to the message.
    pub(super) key: String,
    pub(super) row_id: String,
    pub(super) role: &'a str,
    pub(super) ts: Option<Timestamp>,
    pub(super) cwd: Option<&'a str>,
    /// The prompts are an agent's.
    pub(super) machine: bool,
    pub(super) offset: u64,
    pub(super) len: u64,
}

impl Said<'_> {
    /// Adds the events of its pieces.
    pub(super) fn tell(&self, pieces: &[Value], out: &mut Output<'_>) {
        let role = self.role;
        for (i, piece) in pieces.iter().enumerate() {
            match (text(piece, &["type"]).unwrap_or("untyped"), role) {
                ("text", "user") => self.prompt(i, text(piece, &["text"]), out),
                ("text", "assistant") => match text(piece, &["text"]) {
                    Some(REDACTED) => out.skip("redacted"),
                    Some(words) if !words.trim().is_empty() => {
                        let kind = EventKind::AgentText { text: words.to_owned() };
                        self.emit(i, self.agent(), kind, out);
                    }
                    _ => out.skip("empty"),
                },
                ("tool_use" | "tool-call" | "tool_call", "assistant") => self.call(i, piece, out),
                ("tool_result" | "tool-result", "user" | "tool") => self.result(i, piece, out),
                (kind, _) => out.skip(if kind == "text" { "injected" } else { kind }),
            }
        }
    }

    fn agent(&self) -> Actor {
        if self.machine { Actor::Subagent } else { Actor::Agent }
    }

    fn emit(&self, piece: usize, actor: Actor, kind: EventKind, out: &mut Output<'_>) {
        let event = Event {
            key: format!("{}:{piece}", self.key),
            row_id: self.row_id.clone(),
            ts: self.ts,
            actor,
            kind,
            cwd: self.cwd.map(str::to_owned),
            branch: None,
            offset: self.offset,
            len: self.len,
        };
        out.event(self.session, event);
    }

    fn prompt(&self, piece: usize, words: Option<&str>, out: &mut Output<'_>) {
        if self.machine {
            return out.skip("subagent_prompt");
        }
        match classify(words.unwrap_or_default()) {
            Spoken::Typed(text) if text == REDACTED => out.skip("redacted"),
            Spoken::Typed(text) | Spoken::Command(text) => {
                let kind = EventKind::UserPrompt { text, steering: false };
                self.emit(piece, Actor::User, kind, out);
            }
            _ => out.skip("injected"),
        }
    }

    fn call(&self, piece: usize, call: &Value, out: &mut Output<'_>) {
        let input = ["input", "args"].iter().find_map(|k| call.get(*k)).unwrap_or(&Value::Null);
        let name = ["name", "toolName"].iter().find_map(|k| text(call, &[k]));
        let view = shown(input);
        let kind = EventKind::ToolCall {
            call_id: self.call_id(piece, call),
            name: name.unwrap_or("unknown").to_owned(),
            files: view.files,
            command: view.command,
            detail: view.detail,
        };
        self.emit(piece, self.agent(), kind, out);
    }

    fn call_id(&self, piece: usize, value: &Value) -> String {
        let ids = ["id", "toolCallId", "tool_use_id"];
        let id = ids.iter().find_map(|k| text(value, &[k]));
        id.map_or_else(|| format!("{}:{piece}", self.key), str::to_owned)
    }

    fn result(&self, piece: usize, result: &Value, out: &mut Output<'_>) {
        let output = match ["content", "result", "output"].iter().find_map(|k| result.get(*k)) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(pieces)) => {
                pieces.iter().filter_map(|p| text(p, &["text"])).collect::<Vec<_>>().join("\n")
            }
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let failed = ["is_error", "isError"]
            .iter()
            .any(|k| result.get(*k).and_then(Value::as_bool) == Some(true));
        let code = ["Exit code: ", "exit code: "].iter().find_map(|mark| {
            let head = crate::text::head(&output, 200);
            let rest = head.split_once(mark)?.1;
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<i32>().ok()
        });
        let ok = if failed { Some(false) } else { code.map(|c| c == 0) };
        let call_id = self.call_id(piece, result);
        let kind = EventKind::ToolResult { call_id, ok, exit_code: code, text: output };
        self.emit(piece, Actor::Tool, kind, out);
    }
}

/// Reads a transcript: rows without times, ids or folders.
pub(super) struct TranscriptReader {
    session: String,
    parent: Option<String>,
    cwd: Option<String>,
    modified: Option<Timestamp>,
    turn: u64,
}

impl TranscriptReader {
    pub(super) fn new(file: &FileInfo, state: &Value) -> Self {
        let path = std::path::Path::new(&file.path);
        let folder = path.parent();
        let below = folder.filter(|f| f.file_name().is_some_and(|n| n == "subagents"));
        let parent = below.and_then(|f| f.parent()?.file_name());
        Self {
            session: file.stem.clone(),
            parent: parent.map(|p| p.to_string_lossy().into_owned()),
            cwd: places::encoded(path, &file.roots),
            modified: file.modified,
            turn: int(state, &["turn"]).and_then(|t| u64::try_from(t).ok()).unwrap_or_default(),
        }
    }
}

impl TranscriptReader {
    fn row(&mut self, at: &At<'_>, out: &mut Output<'_>) {
        let Some(role) = text(at.row, &["role"]) else {
            out.skip(text(at.row, &["type"]).unwrap_or("untyped"));
            return;
        };
        let pieces = list(at.row, &["message", "content"]);
        let typed = role == "user" && pieces.iter().any(|p| text(p, &["type"]) == Some("text"));
        self.turn += u64::from(typed);
        let said = Said {
            session: &self.session,
            // Only ever appended to: the place is as good as an id.
            key: key([self.session.as_str(), &at.offset.to_string()]),
            row_id: self.turn.to_string(),
            role,
            ts: self.modified,
            cwd: self.cwd.as_deref(),
            machine: self.parent.is_some(),
            offset: at.offset,
            len: at.len,
        };
        said.tell(pieces, out);
    }
}

impl Reader for TranscriptReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let session = out.session(&self.session);
        session.parent.clone_from(&self.parent);
        session.cwd.clone_from(&self.cwd);
        rows::each(record, |at| self.row(at, out))
    }

    fn state(&self) -> Value {
        serde_json::json!({ "turn": self.turn })
    }
}
