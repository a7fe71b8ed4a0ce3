//! Steps of an Antigravity session, translated into events.
//!
//! Owns what each step means. Must not look at other files.

use std::path::PathBuf;

use cemem_core::{Actor, Event, EventKind, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::places;
use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::human::{Spoken, between, classify};
use crate::sources::rows::{self, At};
use crate::sources::tool::{at, int, key, list, shown, text};

/// Calls remembered at a time: a session has few open at once.
const OPEN: usize = 64;
/// The keys of a call's input, and the names other engines have for them.
const KEYS: &[(&str, &str)] = &[
    ("CommandLine", "command"),
    ("TargetFile", "file_path"),
    ("AbsolutePath", "file_path"),
    ("DirectoryPath", "path"),
    ("SearchDirectory", "path"),
    ("SearchPath", "path"),
    ("CodeContent", "content"),
    ("ReplacementContent", "new_string"),
    ("Query", "query"),
    ("Url", "url"),
];
/// Where a call may say that it works.
const PLACES: &[&str] =
    &["Cwd", "DirectoryPath", "TargetFile", "AbsolutePath", "SearchDirectory", "SearchPath"];
/// What a step that has not ended says.
const OPEN_STATES: &[&str] = &["RUNNING", "PENDING", "GENERATING", "WAITING"];

/// What must be known from earlier steps.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    cwd: Option<String>,
    /// Calls without a result, the oldest first.
    open: Vec<String>,
}

/// Reads one session.
pub(super) struct AntigravityReader {
    session: String,
    roots: Vec<PathBuf>,
    state: State,
}

impl AntigravityReader {
    pub(super) fn new(file: &FileInfo, state: &Value) -> Self {
        Self {
            session: places::session_of(&file.path, &file.stem),
            roots: file.roots.clone(),
            state: State::deserialize(state).unwrap_or_default(),
        }
    }

    fn emit(&self, at: &At<'_>, part: &str, actor: Actor, kind: EventKind, out: &mut Output<'_>) {
        let stamp = text(at.row, &["created_at"]).unwrap_or_default();
        let place = int(at.row, &["step_index"]).unwrap_or_default().to_string();
        let name = text(at.row, &["type"]).unwrap_or_default();
        let event = Event {
            key: key([self.session.as_str(), &place, name, stamp, part]),
            row_id: place,
            ts: Timestamp::parse(stamp),
            actor,
            kind,
            cwd: self.state.cwd.clone(),
            branch: None,
            offset: at.offset,
            len: at.len,
        };
        out.event(&self.session, event);
    }

    fn step(&mut self, at: &At<'_>, out: &mut Output<'_>) {
        let kind = text(at.row, &["type"]).unwrap_or("untyped");
        let status = text(at.row, &["status"]).unwrap_or("DONE");
        if OPEN_STATES.contains(&status) {
            return out.skip("open");
        }
        let content = text(at.row, &["content"]).unwrap_or_default();
        match (text(at.row, &["source"]).unwrap_or_default(), kind) {
            ("USER_EXPLICIT", "USER_INPUT") => self.prompt(content, at, out),
            ("SYSTEM", "CHECKPOINT") => {
                let kind = EventKind::Compaction { summary: content.to_owned() };
                self.emit(at, "", Actor::System, kind, out);
            }
            ("MODEL", "PLANNER_RESPONSE") => {
                if !content.trim().is_empty() {
                    let kind = EventKind::AgentText { text: content.to_owned() };
                    self.emit(at, "", Actor::Agent, kind, out);
                }
                self.calls(at, out);
            }
            ("MODEL", _) => {
                self.calls(at, out);
                self.result(content, status, at, out);
            }
            (_, kind) => out.skip(kind),
        }
    }

    fn prompt(&self, content: &str, at: &At<'_>, out: &mut Output<'_>) {
        let request = between(content, "<USER_REQUEST>", "</USER_REQUEST>");
        // Without the block, what the engine adds stands behind the words.
        let added = ["<ADDITIONAL_METADATA>", "<USER_SETTINGS_CHANGE>"];
        let end = added.iter().filter_map(|a| content.find(a)).min().unwrap_or(content.len());
        match classify(request.unwrap_or(&content[..end])) {
            Spoken::Typed(text) | Spoken::Command(text) => {
                let kind = EventKind::UserPrompt { text, steering: false };
                self.emit(at, "", Actor::User, kind, out);
            }
            _ => out.skip("injected"),
        }
    }

    fn calls(&mut self, at: &At<'_>, out: &mut Output<'_>) {
        for (i, call) in list(at.row, &["tool_calls"]).iter().enumerate() {
            let place = int(at.row, &["step_index"]).unwrap_or_default();
            let id = text(call, &["id"]).map_or_else(|| format!("{place}:{i}"), str::to_owned);
            let input = input(call);
            if let Some(cwd) = self.folder(call) {
                self.state.cwd = Some(cwd);
            }
            let view = shown(&input);
            let name = match text(call, &["name"]).unwrap_or("tool") {
                "replace_file_content" | "multi_replace_file_content" => "replace_in_file",
                name => name,
            };
            let kind = EventKind::ToolCall {
                call_id: id.clone(),
                name: name.to_owned(),
                files: view.files,
                command: view.command,
                detail: view.detail,
            };
            self.emit(at, &format!("call {i}"), Actor::Agent, kind, out);
            if self.state.open.len() >= OPEN {
                self.state.open.remove(0);
            }
            self.state.open.push(id);
        }
    }

    /// The folder a call says it works in; of the project's, the one its files lie in.
    fn folder(&self, call: &Value) -> Option<String> {
        if let Some(cwd) = argument(call, "Cwd") {
            return Some(cwd);
        }
        if self.state.cwd.is_some() {
            return None;
        }
        let file = named(call)?;
        let root = self.roots.iter().find(|root| std::path::Path::new(&file).starts_with(root))?;
        Some(root.to_string_lossy().into_owned())
    }

    /// Steps of the model that are no words are the ends of calls, in their order.
    fn result(&mut self, content: &str, status: &str, at: &At<'_>, out: &mut Output<'_>) {
        if content.is_empty() || self.state.open.is_empty() {
            return out.skip(text(at.row, &["type"]).unwrap_or("untyped"));
        }
        let call_id = self.state.open.remove(0);
        let exit_code = exit_code(content);
        let ok = exit_code.map(|code| code == 0);
        let ok = if status.starts_with("ERROR") { Some(false) } else { ok };
        let kind = EventKind::ToolResult { call_id, ok, exit_code, text: content.to_owned() };
        self.emit(at, "end", Actor::Tool, kind, out);
    }
}

/// Returns the place a call names first.
pub(super) fn named(call: &Value) -> Option<String> {
    PLACES.iter().find_map(|key| argument(call, key))
}

/// An argument: a text, in the shortened transcripts put into quotes once more.
fn argument(call: &Value, key: &str) -> Option<String> {
    let found = ["args", "arguments"].iter().find_map(|args| text(call, &[args, key]))?;
    Some(plain(found))
}

fn plain(value: &str) -> String {
    let quoted = value.len() > 1 && value.starts_with('"') && value.ends_with('"');
    let inner = quoted.then(|| serde_json::from_str(value).ok()).flatten();
    inner.unwrap_or_else(|| value.to_owned())
}

/// The input under the names other engines use.
fn input(call: &Value) -> Value {
    let found = ["args", "arguments"].iter().find_map(|args| at(call, &[args])?.as_object());
    let mut input = Map::new();
    for (name, value) in found.into_iter().flatten() {
        let known = KEYS.iter().find(|(own, _)| own == name).map(|(_, known)| *known);
        let value = value.as_str().map_or_else(|| value.clone(), |v| Value::String(plain(v)));
        // What the engine says of the call is no part of it.
        if !name.starts_with("tool") {
            input.insert(known.unwrap_or(name).to_owned(), value);
        }
    }
    Value::Object(input)
}

/// `The command completed successfully.`, `The command failed with exit code: 1`, at the start or
/// below the times of the step.
fn exit_code(content: &str) -> Option<i32> {
    let mut report = content.lines().take_while(|line| !line.starts_with("Output:")).take(8);
    report.find_map(|line| {
        let line = line.trim();
        if line.starts_with("The command completed successfully") {
            return Some(0);
        }
        let code = line.strip_prefix("The command failed with exit code")?;
        code.trim_matches([':', ' ', '.']).parse().ok()
    })
}

impl Reader for AntigravityReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        rows::each(record, |at| self.step(at, out))
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}
