//! A chat, translated into events.
//!
//! Owns which text a person typed and what became of a tool. Must not look at files other than the
//! workspace's description.

use cemem_core::{Actor, Event, EventKind, RejectedBy, Timestamp};
use serde_json::Value;

use super::{log, places};
use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::human::{Spoken, classify};
use crate::sources::tool::{at, int, key, list, path_of, shown, text};
use crate::text::{head, limit, mended};

/// Reads one chat.
pub(super) struct ChatReader {
    stem: String,
    cwd: Option<String>,
}

impl ChatReader {
    pub(super) fn new(file: &FileInfo) -> Self {
        let cwd = file.beside(places::WORKSPACE).and_then(|text| places::folder_of(&text));
        Self { stem: file.stem.clone(), cwd }
    }
}

impl Reader for ChatReader {
    /// A document, or entries of a log; of a log cut off at the end those before count.
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let whole = mended(record.text);
        let mut entries = serde_json::Deserializer::from_str(&whole).into_iter::<Value>();
        let (mut chat, mut flaw) = (Value::Null, None);
        for entry in entries.by_ref() {
            match entry {
                Ok(mut entry) if entry.get("kind").is_some() => {
                    if !log::apply(&mut chat, &mut entry) {
                        out.skip("entry");
                    }
                }
                Ok(document) => chat = document,
                Err(e) => {
                    flaw = Some(Malformed(format!("invalid json: {e}")));
                    break;
                }
            }
        }
        if chat.get("requests").is_some_and(Value::is_array) {
            self.tell(&chat, record.text.len() as u64, out);
        }
        flaw.map_or(Ok(()), Err)
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

impl ChatReader {
    fn tell(&self, chat: &Value, len: u64, out: &mut Output<'_>) {
        let id = text(chat, &["sessionId"]).unwrap_or(&self.stem);
        let own = text(chat, &["workingDirectory"]).and_then(path_of);
        let cwd = own.or_else(|| self.cwd.clone());
        let session = out.session(id);
        session.title = text(chat, &["customTitle"]).map(str::to_owned);
        session.cwd.clone_from(&cwd);
        let requests = list(chat, &["requests"]);
        for (i, request) in requests.iter().enumerate() {
            let place = (i + 1).to_string();
            let turn = Turn {
                session: id,
                id: text(request, &["requestId"]).unwrap_or(&place),
                ts: int(request, &["timestamp"]).or_else(|| int(chat, &["creationDate"])),
                cwd: cwd.as_deref(),
                len,
                last: i + 1 == requests.len(),
            };
            turn.tell(request, out);
        }
    }
}

/// A request with its response, and what its events share.
struct Turn<'a> {
    session: &'a str,
    id: &'a str,
    ts: Option<i64>,
    cwd: Option<&'a str>,
    len: u64,
    last: bool,
}

impl Turn<'_> {
    fn emit(&self, part: &str, actor: Actor, kind: EventKind, out: &mut Output<'_>) {
        let event = Event {
            key: key([self.session, self.id, part]),
            row_id: self.id.to_owned(),
            ts: self.ts.map(Timestamp),
            actor,
            kind,
            cwd: self.cwd.map(str::to_owned),
            branch: None,
            offset: 0,
            len: self.len,
        };
        out.event(self.session, event);
    }

    fn tell(&self, request: &Value, out: &mut Output<'_>) {
        self.prompt(request, out);
        for edit in list(request, &["editedFileEvents"]) {
            self.edited(edit, out);
        }
        let stopped = flag(request, "isCanceled") || state(request) == Some(2);
        let done = stopped || !self.last || settled(request);
        let rounds = rounds(request);
        let parts = list(request, &["response"]);
        let calls = parts.iter().filter(|p| is_call(p)).count();
        let (mut said, mut runs, mut nth) = (String::new(), 0, 0);
        let mut waiting = false;
        for part in parts {
            if let Some(words) = words(part) {
                said.push_str(words);
                continue;
            }
            match text(part, &["kind"]).unwrap_or("untyped") {
                "toolInvocationSerialized" => {
                    self.say(&mut said, &mut runs, out);
                    let own = call_of(&rounds, part, calls, nth);
                    nth += 1;
                    let call = Call { part, own, request, stopped, done };
                    waiting = self.call(&call, nth, out);
                }
                "textEditGroup" | "notebookEditGroup" => {
                    self.say(&mut said, &mut runs, out);
                    self.edit(part, runs, out);
                    runs += 1;
                }
                "hook" => {
                    if let Some(why) = text(part, &["stopReason"]) {
                        let kind = EventKind::HookBlocked { text: why.to_owned() };
                        self.emit(&format!("hook {runs}"), Actor::System, kind, out);
                    }
                }
                kind => out.skip(kind),
            }
        }
        // The last words may still grow.
        if done {
            self.say(&mut said, &mut runs, out);
        }
        if stopped {
            let kind = EventKind::UserInterrupt { during_tool: waiting };
            self.emit("stop", Actor::User, kind, out);
        }
    }

    /// A button pressed and a message of the editor's own are no prompts.
    fn prompt(&self, request: &Value, out: &mut Output<'_>) {
        let confirms = text(request, &["confirmation"]).is_some();
        if flag(request, "isSystemInitiated") || confirms {
            return out.skip("injected");
        }
        let said = text(request, &["message", "text"]).or_else(|| text(request, &["message"]));
        match classify(said.unwrap_or_default()) {
            Spoken::Typed(text) | Spoken::Command(text) => {
                let kind = EventKind::UserPrompt { text, steering: false };
                self.emit("", Actor::User, kind, out);
            }
            _ => out.skip("injected"),
        }
    }

    fn say(&self, said: &mut String, runs: &mut u32, out: &mut Output<'_>) {
        let text = std::mem::take(said);
        if !text.trim().is_empty() {
            let kind = EventKind::AgentText { text };
            self.emit(&format!("text {runs}"), Actor::Agent, kind, out);
        }
        *runs += 1;
    }

    /// Tells of a call and its end; returns whether it has none.
    fn call(&self, call: &Call<'_>, nth: usize, out: &mut Output<'_>) -> bool {
        let place = format!("{}:{nth}", self.id);
        let id = text(call.part, &["toolCallId"]).unwrap_or(&place);
        let below =
            text(call.part, &["subAgentInvocationId"]).is_some() || flag(call.part, "fromSubAgent");
        let agent = if below { Actor::Subagent } else { Actor::Agent };
        let view = call.view();
        let kind = EventKind::ToolCall {
            call_id: id.to_owned(),
            name: call.name().to_owned(),
            files: view.files,
            command: view.command,
            detail: view.detail,
        };
        self.emit(&format!("call {nth}"), agent, kind, out);
        let end = format!("end {nth}");
        if call.refused() {
            // Stopping turns the waiting call down too: one act, told once.
            if call.stopped {
                return true;
            }
            let (call_id, by) = (id.to_owned(), RejectedBy::User);
            let kind = EventKind::ToolRejected { call_id, by, feedback: None };
            self.emit(&end, Actor::User, kind, out);
            return false;
        }
        if !flag(call.part, "isComplete") {
            return true;
        }
        let (exit_code, text) = (call.exit_code(), call.output());
        // What the model was told is written when the turn is over.
        if text.is_empty() && exit_code.is_none() && !call.done {
            return false;
        }
        let failed = at(call.part, &["resultDetails", "isError"]).and_then(Value::as_bool);
        let ok = exit_code.map(|code| code == 0).or(failed.map(|failed| !failed));
        let kind = EventKind::ToolResult { call_id: id.to_owned(), ok, exit_code, text };
        self.emit(&end, Actor::Tool, kind, out);
        false
    }

    fn edit(&self, part: &Value, run: u32, out: &mut Output<'_>) {
        let Some(path) = path_in(part) else { return out.skip("textEditGroup") };
        let edits = list(part, &["edits"]).iter().flat_map(|e| match e {
            Value::Array(edits) => edits.as_slice(),
            one => std::slice::from_ref(one),
        });
        let texts: Vec<&str> = edits.filter_map(|e| text(e, &["text"])).collect();
        let kind = EventKind::ToolCall {
            call_id: format!("{}:edit {run}", self.id),
            name: "edit_file".to_owned(),
            files: vec![path],
            command: None,
            detail: head(&texts.concat(), limit::DETAIL).to_owned(),
        };
        self.emit(&format!("edit {run}"), Actor::Agent, kind, out);
    }

    /// What the person did to the agent's edits before this turn: 2 took them back, 3 changed them.
    fn edited(&self, edit: &Value, out: &mut Output<'_>) {
        let Some(path) = path_in(edit).filter(|_| matches!(int(edit, &["eventKind"]), Some(2 | 3)))
        else {
            return out.skip("editedFileEvent");
        };
        let part = format!("edited {path}");
        self.emit(&part, Actor::User, EventKind::UserEdit { path, diff: String::new() }, out);
    }
}

/// A call as the editor shows it, with what the model asked for.
struct Call<'a> {
    part: &'a Value,
    own: Option<&'a Value>,
    request: &'a Value,
    stopped: bool,
    done: bool,
}

impl Call<'_> {
    fn name(&self) -> &str {
        let asked = self.own.and_then(|own| text(own, &["name"]));
        asked.or_else(|| text(self.part, &["toolId"])).unwrap_or("tool")
    }

    fn view(&self) -> crate::sources::tool::Shown {
        let arguments = self.own.and_then(|own| text(own, &["arguments"]));
        let input: Value =
            arguments.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        let raw = at(self.part, &["toolSpecificData", "rawInput"]);
        let mut view = shown(if input.is_object() { &input } else { raw.unwrap_or(&input) });
        let line = ["userEdited", "toolEdited", "original"]
            .iter()
            .find_map(|k| text(self.part, &["toolSpecificData", "commandLine", k]))
            .or_else(|| text(self.part, &["toolSpecificData", "command"]));
        if let Some(line) = line {
            view.command = Some(line.to_owned());
            view.detail.clear();
        }
        view
    }

    /// 0 is denied, 5 skipped; older versions write a plain `false`.
    fn refused(&self) -> bool {
        match self.part.get("isConfirmed") {
            Some(Value::Bool(confirmed)) => !confirmed,
            Some(reason) => matches!(int(reason, &["type"]), Some(0 | 5)),
            None => false,
        }
    }

    fn exit_code(&self) -> Option<i32> {
        let code = int(self.part, &["toolSpecificData", "terminalCommandState", "exitCode"])?;
        i32::try_from(code).ok()
    }

    fn output(&self) -> String {
        let printed = text(self.part, &["toolSpecificData", "terminalCommandOutput", "text"]);
        let ids = [self.own.and_then(|own| text(own, &["id"])), text(self.part, &["toolCallId"])];
        let told = ids.into_iter().flatten().find_map(|id| {
            let parts =
                list(self.request, &["result", "metadata", "toolCallResults", id, "content"]);
            let texts: Vec<&str> = parts.iter().filter_map(|p| text(p, &["value"])).collect();
            (!texts.is_empty()).then(|| texts.join("\n"))
        });
        let details = || {
            let parts = list(self.part, &["resultDetails", "output"]).iter();
            let texts = parts.filter(|p| !flag(p, "base64") && p.get("base64Data").is_none());
            texts.filter_map(|p| text(p, &["value"])).collect::<Vec<_>>().join("\n")
        };
        printed.map(str::to_owned).or(told).unwrap_or_else(details)
    }
}

fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool) == Some(true)
}

/// 0 pending, 1 complete, 2 cancelled, 3 failed.
fn state(request: &Value) -> Option<i64> {
    int(request, &["modelState", "value"])
}

fn settled(request: &Value) -> bool {
    matches!(state(request), Some(1 | 3)) || request.get("result").is_some_and(Value::is_object)
}

/// The words of a part: bare Markdown, or Markdown of a kind of its own.
fn words(part: &Value) -> Option<&str> {
    match text(part, &["kind"]) {
        None => text(part, &["value"]).or_else(|| part.as_str()),
        Some("markdownContent" | "markdownVuln") => {
            text(part, &["content", "value"]).or_else(|| text(part, &["value"]))
        }
        Some("inlineReference") => text(part, &["name"]),
        Some(_) => None,
    }
}

fn is_call(part: &Value) -> bool {
    text(part, &["kind"]) == Some("toolInvocationSerialized")
}

/// The calls as the model made them.
fn rounds(request: &Value) -> Vec<&Value> {
    let rounds = list(request, &["result", "metadata", "toolCallRounds"]).iter();
    rounds.flat_map(|round| list(round, &["toolCalls"])).collect()
}

/// Ids differ between the two in many versions; then the order tells, if none is missing.
fn call_of<'a>(rounds: &[&'a Value], part: &Value, calls: usize, nth: usize) -> Option<&'a Value> {
    let id = text(part, &["toolCallId"]);
    let named = rounds.iter().find(|c| id.is_some() && text(c, &["id"]) == id);
    named.or_else(|| rounds.get(nth).filter(|_| rounds.len() == calls)).copied()
}

fn path_in(part: &Value) -> Option<String> {
    let uri = part.get("uri")?;
    let path = ["fsPath", "path"].iter().find_map(|k| text(uri, &[k]).map(str::to_owned));
    path.or_else(|| path_of(uri.as_str()?))
}
