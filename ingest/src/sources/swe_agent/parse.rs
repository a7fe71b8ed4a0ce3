//! Steps of a trajectory, translated into events.
//!
//! Owns the three shapes a step comes in: a row of the trajectory, messages of the history where
//! the trajectory is empty, and messages of mini-swe-agent.

use std::path::Path;

use cemem_core::{Actor, Event, EventKind};
use serde::Deserialize;
use serde_json::Value;

use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::human::between;
use crate::sources::tool::{key, text};
use crate::sources::wire::{Flag, Maybe, Objects, Text};
use crate::text::{head, limit};

/// Commands of the program's own editor: they change or show files and run nothing.
const EDITOR: &[&str] = &[
    "open",
    "goto",
    "scroll_up",
    "scroll_down",
    "create",
    "edit",
    "insert",
    "search_dir",
    "search_file",
    "find_file",
    "submit",
    "str_replace_editor",
    "set_cursors",
    "exit_forfeit",
];
/// How refusals of the editor begin.
const REFUSED: &[&str] = &[
    "Your proposed edit has introduced new syntax error",
    "Text to replace not found",
    "Usage: ",
    "Error: ",
    "No replacement was performed",
];

#[derive(Deserialize)]
struct Run<'a> {
    #[serde(borrow, default)]
    trajectory: Objects<Step<'a>>,
    #[serde(borrow, default)]
    history: Objects<Message<'a>>,
    #[serde(borrow, default)]
    messages: Objects<Message<'a>>,
    #[serde(borrow, default)]
    info: Maybe<RunInfo<'a>>,
}

#[derive(Deserialize)]
struct RunInfo<'a> {
    #[serde(borrow, default, alias = "mini_version")]
    swe_agent_version: Text<'a>,
}

/// A row of the trajectory.
#[derive(Deserialize)]
struct Step<'a> {
    #[serde(borrow, default)]
    action: Text<'a>,
    #[serde(borrow, default)]
    observation: Text<'a>,
    #[serde(borrow, default)]
    thought: Text<'a>,
    #[serde(borrow, default)]
    response: Text<'a>,
    /// A JSON text in old versions, an object in new ones.
    #[serde(default)]
    state: Value,
}

/// A message to or from the model.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    role: Text<'a>,
    /// A text, or a list of parts.
    #[serde(default)]
    content: Value,
    #[serde(borrow, default)]
    action: Text<'a>,
    #[serde(borrow, default)]
    thought: Text<'a>,
    #[serde(default)]
    tool_calls: Objects<Value>,
    #[serde(default)]
    is_demo: Flag,
}

impl Message<'_> {
    fn text(&self) -> String {
        match &self.content {
            Value::String(text) => text.clone(),
            Value::Array(parts) => {
                parts.iter().filter_map(|p| text(p, &["text"])).collect::<Vec<_>>().join("\n")
            }
            _ => String::new(),
        }
    }

    /// What the model wants to run: an action, a call of a tool, or a fenced block.
    fn action(&self, content: &str) -> Option<String> {
        if let Some(action) = self.action.some() {
            return Some(action.to_owned());
        }
        if let Some(call) = self.tool_calls.0.first() {
            let input = text(call, &["function", "arguments"]).unwrap_or_default();
            let input: Value = serde_json::from_str(input).unwrap_or_default();
            let command = text(&input, &["command"]).map(str::to_owned);
            let name = text(call, &["function", "name"])?;
            let told = || format!("{name} {}", values(&input));
            return Some(command.filter(|_| !EDITOR.contains(&name)).unwrap_or_else(told));
        }
        let fences = ["```bash\n", "```mswea_bash_command\n", "```\n"];
        let block = fences.iter().find_map(|open| between(content, open, "\n```"));
        block.map(|b| b.trim().to_owned())
    }
}

/// The values of a call's arguments, as they would stand on a command line.
fn values(input: &Value) -> String {
    let Some(fields) = input.as_object() else { return String::new() };
    let plain = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    fields.values().map(plain).collect::<Vec<_>>().join(" ")
}

/// Reads one trajectory.
pub(super) struct SweReader {
    file: FileInfo,
}

impl SweReader {
    pub(super) fn new(file: &FileInfo) -> Self {
        Self { file: file.clone() }
    }
}

impl Reader for SweReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let run: Run<'_> =
            serde_json::from_str(record.text).map_err(|e| Malformed(e.to_string()))?;
        let version = run.info.0.as_ref().and_then(|i| i.swe_agent_version.owned());
        let steps = if run.trajectory.0.is_empty() {
            let messages = if run.history.0.is_empty() { &run.messages } else { &run.history };
            steps_of(&messages.0, out)
        } else {
            run.trajectory.0.iter().map(Done::of).collect()
        };
        let Some(first) = steps.first() else {
            out.skip("empty_session");
            return Ok(());
        };
        // One instance is run by many experiments: their folder and how they began tell them apart.
        let path = Path::new(&self.file.path);
        let folders = path.ancestors().skip(1).take(2).filter_map(Path::file_name);
        let mut parts: Vec<String> = folders.map(|f| f.to_string_lossy().into_owned()).collect();
        parts.extend([first.thought.clone(), first.action.clone()]);
        let session = format!("{}-{}", self.file.stem, &key(&parts)[..8]);
        out.session(&session).engine_version = version;
        for (n, step) in steps.iter().enumerate() {
            emit(step, n + 1, &session, record.text.len(), out);
        }
        Ok(())
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

/// One step.
#[derive(Default)]
struct Done {
    thought: String,
    action: String,
    observation: String,
    folder: Option<String>,
    open: Option<String>,
}

impl Done {
    fn of(step: &Step<'_>) -> Self {
        let parsed = step.state.as_str().and_then(|s| serde_json::from_str::<Value>(s).ok());
        let state = parsed.as_ref().unwrap_or(&step.state);
        let field = |name: &str| text(state, &[name]).filter(|v| *v != "n/a").map(str::to_owned);
        Self {
            thought: step.thought.some().unwrap_or(step.response.str()).trim().to_owned(),
            action: step.action.str().trim().to_owned(),
            observation: step.observation.str().to_owned(),
            folder: field("working_dir"),
            open: field("open_file"),
        }
    }
}

/// Returns the steps that messages tell of: what the model wrote, then what came back.
fn steps_of(messages: &[Message<'_>], out: &mut Output<'_>) -> Vec<Done> {
    let mut steps: Vec<Done> = Vec::new();
    for message in messages {
        let content = message.text();
        match message.role.str() {
            _ if message.is_demo.is_set() => out.skip("demonstration"),
            "assistant" => {
                let action = message.action(&content).unwrap_or_default();
                let thought = message.thought.owned().unwrap_or(content);
                steps.push(Done { thought: thought.trim().to_owned(), action, ..Done::default() });
            }
            "tool" | "user" if steps.last().is_some_and(|s| s.observation.is_empty()) => {
                if let Some(last) = steps.last_mut() {
                    last.observation = content;
                }
            }
            _ => out.skip("instructions"),
        }
    }
    steps
}

fn emit(step: &Done, n: usize, session: &str, len: usize, out: &mut Output<'_>) {
    let id = n.to_string();
    let mut event = |role: &str, told: &str, actor: Actor, kind: EventKind| {
        let event = Event {
            key: key([session, &id, role, told]),
            row_id: id.clone(),
            ts: None,
            actor,
            kind,
            cwd: step.folder.clone(),
            branch: None,
            offset: 0,
            len: len as u64,
        };
        out.event(session, event);
    };
    if !step.thought.is_empty() {
        let kind = EventKind::AgentText { text: step.thought.clone() };
        event("thought", &step.thought, Actor::Agent, kind);
    }
    if step.action.is_empty() {
        return;
    }
    let call_id = key([session, &id, "call"]);
    let (name, rest) = step.action.split_once(char::is_whitespace).unwrap_or((&step.action, ""));
    let own = EDITOR.contains(&name);
    let kind = EventKind::ToolCall {
        call_id: call_id.clone(),
        name: if own { name } else { "bash" }.to_owned(),
        files: if own { files(name, rest, step.open.as_deref()) } else { Vec::new() },
        command: (!own).then(|| step.action.clone()),
        detail: if own { head(rest.trim(), limit::DETAIL).to_owned() } else { String::new() },
    };
    event("call", &step.action, Actor::Agent, kind);
    // mini-swe-agent wraps what came back.
    let code = between(&step.observation, "<returncode>", "</returncode>");
    let code = code.and_then(|c| c.trim().parse::<i32>().ok());
    let refused = own && REFUSED.iter().any(|start| step.observation.trim().starts_with(start));
    let ok = code.map(|c| c == 0).or(refused.then_some(false));
    let text = step.observation.trim().to_owned();
    let kind = EventKind::ToolResult { call_id, ok, exit_code: code, text };
    event("result", &step.observation, Actor::Tool, kind);
}

/// The file a command of the editor is about.
fn files(name: &str, rest: &str, open: Option<&str>) -> Vec<String> {
    let first = || rest.split_whitespace().next().map(|f| f.trim_matches(['"', '\'']).to_owned());
    let file = match name {
        "open" | "create" => first(),
        "str_replace_editor" => {
            rest.split_whitespace().find(|w| w.starts_with('/')).map(str::to_owned)
        }
        "edit" | "insert" | "goto" | "scroll_up" | "scroll_down" => open.map(str::to_owned),
        _ => None,
    };
    file.into_iter().collect()
}
