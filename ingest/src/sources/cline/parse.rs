//! Rows of a task, translated into events.
//!
//! Owns what each row means and which words belong to which call. Must not look at files other than
//! the task's companions.

use std::collections::HashMap;
use std::path::Path;

use cemem_core::{Actor, Event, EventKind, RejectedBy, Timestamp};
use serde_json::{Value, json};

use super::history::{History, Turn};
use super::places::{self, HISTORY, INDEX, ITEM};
use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::human::{Spoken, classify};
use crate::sources::tool::{int, key, list, shown, text};
use crate::text::{head, limit, mended};

/// Put behind a command that must be approved.
const APPROVE: &str = "REQ_APP";

/// Reads one task.
pub(super) struct TaskReader {
    id: String,
    history: History,
    cwd: Option<String>,
    title: Option<String>,
}

impl TaskReader {
    pub(super) fn new(file: &FileInfo) -> Self {
        let folder = Path::new(&file.path).parent().and_then(Path::file_name);
        let id = folder.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let history = file.beside(HISTORY).unwrap_or_default();
        let read = |name: &str| -> Option<Value> { serde_json::from_str(&file.beside(name)?).ok() };
        let listed = read(INDEX).unwrap_or_default();
        let entry = list(&listed, &[]).iter().find(|task| text(task, &["id"]) == Some(&id));
        let item = read(ITEM);
        let notes: Vec<&Value> = item.iter().chain(entry).collect();
        let noted = |of: fn(&Value) -> Option<&str>| notes.iter().find_map(|n| of(n));
        let cwd = noted(places::folder_of).map(str::to_owned);
        Self {
            cwd: cwd.or_else(|| places::folder_in(&history)),
            title: noted(|n| text(n, &["task"])).map(|t| head(t, limit::NAME).to_owned()),
            history: History::new(&history),
            id,
        }
    }
}

impl Reader for TaskReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let rows: Value = serde_json::from_str(&mended(record.text))
            .map_err(|e| Malformed(format!("invalid json: {e}")))?;
        let rows = rows.as_array().ok_or_else(|| Malformed("no list of rows".to_owned()))?;
        let cwd = self.cwd.clone().or_else(|| {
            let begun = rows.iter().find(|row| text(row, &["say"]) == Some("api_req_started"))?;
            places::folder_in(&serde_json::to_string(begun).ok()?)
        });
        let session = out.session(&self.id);
        session.cwd.clone_from(&cwd);
        session.title.clone_from(&self.title);
        let mut task = Task {
            reader: self,
            cwd,
            len: record.text.len() as u64,
            seen: HashMap::new(),
            call: None,
            asked: Asked::Nothing,
            begun: false,
        };
        for row in rows {
            task.row(row, out);
        }
        // Of one that still runs more may come.
        if task.call.as_ref().is_some_and(|call| call.done) {
            task.close(out);
        }
        Ok(())
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

/// What waits for the person.
enum Asked {
    Nothing,
    /// The last call, which may be turned down.
    Call,
    Question(String),
    /// Something runs: words now steer.
    Running,
}

/// The last call.
struct Call {
    id: String,
    ts: i64,
    place: Option<i64>,
    /// What a command has printed so far; `None` for other calls, and once it is told.
    output: Option<String>,
    done: bool,
}

/// A task as far as it was read.
struct Task<'a> {
    reader: &'a TaskReader,
    cwd: Option<String>,
    len: u64,
    /// How many rows of a kind there were at a time: times collide.
    seen: HashMap<(i64, String), u32>,
    call: Option<Call>,
    asked: Asked,
    begun: bool,
}

/// A row and what its events share.
struct At<'a> {
    row: &'a Value,
    ts: i64,
    name: &'a str,
    nth: u32,
}

impl At<'_> {
    fn text(&self) -> &str {
        text(self.row, &["text"]).unwrap_or_default()
    }

    /// The text as the object that many rows hold in it.
    fn object(&self) -> Value {
        serde_json::from_str(self.text()).unwrap_or_default()
    }
}

impl Task<'_> {
    fn emit(&self, at: &At<'_>, part: &str, actor: Actor, kind: EventKind, out: &mut Output<'_>) {
        let id = &self.reader.id;
        let (ts, nth) = (at.ts.to_string(), at.nth.to_string());
        let event = Event {
            key: key([id.as_str(), &ts, at.name, &nth, part]),
            row_id: ts,
            ts: Some(Timestamp(at.ts)),
            actor,
            kind,
            cwd: self.cwd.clone(),
            branch: None,
            offset: 0,
            len: self.len,
        };
        out.event(id, event);
    }

    fn row(&mut self, row: &Value, out: &mut Output<'_>) {
        let asks = text(row, &["type"]) == Some("ask");
        let name = text(row, &[if asks { "ask" } else { "say" }]).unwrap_or("untyped");
        let ts = int(row, &["ts"]).unwrap_or_default();
        let nth = self.seen.entry((ts, name.to_owned())).or_default();
        *nth += 1;
        let at = At { row, ts, name, nth: *nth };
        if row.get("partial").and_then(Value::as_bool) == Some(true) {
            // Still being written, or broken off.
            return out.skip("partial");
        }
        if matches!(name, "api_req_started" | "tool" | "command" | "completion_result" | "error") {
            self.close(out);
        }
        match name {
            "task" => self.prompt(&at, out),
            "text" if !self.begun => self.prompt(&at, out),
            "text" | "completion_result" if !at.text().is_empty() => {
                self.asked = Asked::Nothing;
                let text = at.text().trim_end_matches("HAS_CHANGES").to_owned();
                self.emit(&at, "", Actor::Agent, EventKind::AgentText { text }, out);
            }
            "user_feedback" => self.feedback(&at, out),
            "user_feedback_diff" => {
                let edit = at.object();
                let field = |name| text(&edit, &[name]).unwrap_or_default().to_owned();
                let kind = EventKind::UserEdit { path: field("path"), diff: field("diff") };
                self.emit(&at, "", Actor::User, kind, out);
            }
            "tool" | "command" | "use_mcp_server" | "browser_action_launch" | "browser_action" => {
                self.call(&at, asks, out);
            }
            "command_output" => self.output(&at),
            "mcp_server_response" => self.result(&at, None, out),
            "error" | "diff_error" => self.result(&at, Some(false), out),
            "clineignore_error" | "rooignore_error" | "command_permission_denied" => {
                let kind = EventKind::ToolRejected {
                    call_id: self.call.as_ref().map(|call| call.id.clone()).unwrap_or_default(),
                    by: RejectedBy::Policy,
                    feedback: None,
                };
                self.emit(&at, "", Actor::System, kind, out);
            }
            "followup" => self.question(&at, out),
            "plan_mode_respond" => {
                let said = at.object();
                let text = text(&said, &["response"]).unwrap_or(at.text()).to_owned();
                self.emit(&at, "", Actor::Agent, EventKind::AgentText { text }, out);
            }
            "api_req_started" => self.request(&at, out),
            "condense_context" | "condense" | "summarize_task" => {
                let summary = text(row, &["contextCondense", "summary"]).unwrap_or(at.text());
                let kind = EventKind::Compaction { summary: summary.to_owned() };
                self.emit(&at, "", Actor::System, kind, out);
            }
            kind => out.skip(kind),
        }
    }

    fn prompt(&mut self, at: &At<'_>, out: &mut Output<'_>) {
        self.begun = true;
        self.say(at, false, out);
    }

    fn say(&self, at: &At<'_>, steering: bool, out: &mut Output<'_>) {
        match classify(at.text()) {
            Spoken::Typed(text) | Spoken::Command(text) => {
                self.emit(at, "", Actor::User, EventKind::UserPrompt { text, steering }, out);
            }
            _ => out.skip("injected"),
        }
    }

    /// Words at a call turn it down unless the conversation says otherwise: the row is the same.
    fn feedback(&mut self, at: &At<'_>, out: &mut Output<'_>) {
        let said = at.text();
        match std::mem::replace(&mut self.asked, Asked::Nothing) {
            Asked::Nothing => self.say(at, false, out),
            Asked::Running => self.say(at, true, out),
            Asked::Call if self.reader.history.refused_with(said) == Some(false) => {
                self.say(at, true, out);
            }
            Asked::Call => {
                let call_id = self.call.as_ref().map(|call| call.id.clone()).unwrap_or_default();
                let feedback = Some(said.to_owned()).filter(|s| !s.trim().is_empty());
                let kind = EventKind::ToolRejected { call_id, by: RejectedBy::User, feedback };
                self.emit(at, "", Actor::User, kind, out);
            }
            Asked::Question(question) => {
                let answer = said.to_owned();
                let kind = EventKind::QuestionAnswered { question, answer };
                self.emit(at, "", Actor::User, kind, out);
            }
        }
    }

    fn call(&mut self, at: &At<'_>, asks: bool, out: &mut Output<'_>) {
        let (name, input) = called(at);
        let view = shown(&input);
        let diff = text(&input, &["diff"]).map(|d| head(d, limit::DETAIL).to_owned());
        let id = format!("{}:{}", at.ts, at.nth);
        let kind = EventKind::ToolCall {
            call_id: id.clone(),
            name,
            files: view.files,
            command: view.command,
            detail: diff.unwrap_or(view.detail),
        };
        self.emit(at, "", Actor::Agent, kind, out);
        let place = int(at.row, &["conversationHistoryIndex"]);
        let done = at.row.get("commandCompleted").and_then(Value::as_bool) == Some(true);
        let output = (at.name == "command").then(String::new);
        self.call = Some(Call { id, ts: at.ts, place, output, done });
        // One approved beforehand nobody can turn down.
        self.asked = if asks { Asked::Call } else { Asked::Running };
    }

    fn output(&mut self, at: &At<'_>) {
        self.asked = Asked::Running;
        let Some(output) = self.call.as_mut().and_then(|call| call.output.as_mut()) else { return };
        if !output.is_empty() && !at.text().is_empty() {
            output.push('\n');
        }
        output.push_str(at.text());
    }

    /// Tells how the command ended. Of one that was turned down nothing is known.
    fn close(&mut self, out: &mut Output<'_>) {
        let Some(call) = self.call.as_mut() else { return };
        let Some(output) = call.output.take() else { return };
        let turn = self.reader.history.answer(call.ts, call.place);
        let exit_code = turn.and_then(Turn::exit_code);
        if output.is_empty() && !call.done && exit_code.is_none() {
            return;
        }
        let (row, id, ts) = (Value::Null, call.id.clone(), call.ts);
        let kind = EventKind::ToolResult {
            call_id: id.clone(),
            ok: exit_code.map(|code| code == 0),
            exit_code,
            text: output,
        };
        let at = At { row: &row, ts, name: "result", nth: 1 };
        self.emit(&at, &id, Actor::Tool, kind, out);
    }

    fn result(&mut self, at: &At<'_>, ok: Option<bool>, out: &mut Output<'_>) {
        self.asked = Asked::Nothing;
        let Some(call) = &self.call else { return out.skip(at.name) };
        let (call_id, text) = (call.id.clone(), at.text().to_owned());
        let kind = EventKind::ToolResult { call_id, ok, exit_code: None, text };
        self.emit(at, "", Actor::Tool, kind, out);
    }

    /// An option taken is noted in the question; words of the person's own follow it.
    fn question(&mut self, at: &At<'_>, out: &mut Output<'_>) {
        let asked = at.object();
        let question = text(&asked, &["question"]).unwrap_or(at.text()).to_owned();
        match text(&asked, &["selected"]) {
            Some(answer) => {
                let answer = answer.to_owned();
                let kind = EventKind::QuestionAnswered { question, answer };
                self.emit(at, "", Actor::User, kind, out);
                self.asked = Asked::Nothing;
            }
            None => self.asked = Asked::Question(question),
        }
    }

    /// A new turn of the model: what it was asked for before is settled.
    fn request(&mut self, at: &At<'_>, out: &mut Output<'_>) {
        let asked = std::mem::replace(&mut self.asked, Asked::Nothing);
        if let (Asked::Call, Some(call)) = (asked, &self.call) {
            let turn = self.reader.history.answer(call.ts, call.place);
            if turn.is_some_and(Turn::is_bare_refusal) {
                let kind = EventKind::ToolRejected {
                    call_id: call.id.clone(),
                    by: RejectedBy::User,
                    feedback: None,
                };
                self.emit(at, "refused", Actor::User, kind, out);
            }
        }
        if text(&at.object(), &["cancelReason"]) == Some("user_cancelled") {
            let kind = EventKind::UserInterrupt { during_tool: false };
            self.emit(at, "", Actor::User, kind, out);
        }
    }
}

/// The name and the input of a call, under the names the model calls tools by.
fn called(at: &At<'_>) -> (String, Value) {
    let input = at.object();
    let name = match at.name {
        "command" => {
            let command = at.text().trim_end_matches(APPROVE);
            return ("execute_command".to_owned(), json!({ "command": command }));
        }
        "use_mcp_server" => {
            let part = |key| text(&input, &[key]).unwrap_or_default();
            let name = format!("{}__{}", part("serverName"), part("toolName"));
            let arguments = serde_json::from_str(part("arguments")).unwrap_or(input.clone());
            return (name, arguments);
        }
        "tool" => text(&input, &["tool"]).unwrap_or("tool"),
        _ => "browser_action",
    };
    let name = match name {
        "newFileCreated" => "write_to_file",
        "editedExistingFile" | "searchAndReplace" | "appliedDiff" => "replace_in_file",
        name => name,
    }
    .to_owned();
    (name, if input.is_object() { input } else { json!({ "url": at.text() }) })
}
