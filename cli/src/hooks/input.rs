//! What an engine says when it calls a hook.
//!
//! Owns [`Input`] and the tolerant reading of it: fields go by several names, are of other types in
//! other versions, or missing. Must not judge whether the call is worth an answer.

use std::io::BufRead;
use std::path::PathBuf;

use serde_json::{Deserializer, Map, Value};

use crate::command_error::CommandError;

/// Most bytes that are read: more than any prompt or file an agent writes.
const MAX_INPUT: u64 = 32 << 20;
/// Most bytes of a tool's output that are kept.
const MAX_OUTPUT: usize = 512 << 10;
/// Most paths of one call.
const MAX_PATHS: usize = 32;
/// Longest session id that is believed, in bytes.
const MAX_SESSION: usize = 200;

/// A call, as far as it was understood; what is missing is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Input {
    /// The session's id.
    pub(super) session: Option<String>,
    /// Where the agent is now.
    pub(super) cwd: Option<PathBuf>,
    /// Why a session begins: `startup`, `resume`, `clear`, `compact`.
    pub(super) source: String,
    /// What the person typed.
    pub(super) prompt: String,
    /// The command a tool runs.
    pub(super) command: String,
    /// The files a tool touches, as it names them.
    pub(super) paths: Vec<String>,
    /// What the tool printed, its error first.
    pub(super) output: String,
    /// The tool said that it failed.
    pub(super) failed: bool,
    /// The call comes from an agent that another one started.
    pub(super) sub_agent: bool,
    /// The agent goes on because a hook made it: asking again would not end.
    pub(super) stop_hook_active: bool,
}

impl Input {
    /// Reads a call: one value, whether the agent closes the pipe behind it or not.
    ///
    /// # Errors
    /// When it is no JSON object, or far too long.
    pub(super) fn read(mut from: impl BufRead) -> Result<Self, CommandError> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        let unreadable = |error: std::io::Error| CommandError::User {
            message: "the call could not be read".into(),
            source: Some(Box::new(error)),
            hint: None,
        };
        if from.fill_buf().map_err(unreadable)?.starts_with(MARK) {
            from.consume(MARK.len());
        }
        let mut bounded = from.take(MAX_INPUT);
        let call = Deserializer::from_reader(&mut bounded).into_iter::<Value>().next();
        match call {
            Some(Ok(Value::Object(fields))) => Ok(Self::of(&fields)),
            Some(Ok(_)) => Err(CommandError::user("the call is no JSON object")),
            _ if bounded.limit() == 0 => Err(CommandError::user("the call is longer than 32 MiB")),
            Some(Err(error)) if error.is_io() => Err(unreadable(error.into())),
            // Its message tells the place, never the content.
            Some(Err(error)) => Err(CommandError::user(format!("the call is no JSON: {error}"))),
            None => Err(CommandError::user("the call is empty: hooks are called by agents")),
        }
    }

    fn of(fields: &Map<String, Value>) -> Self {
        let text = |names: &[&str]| text_of(fields, names).unwrap_or_default().to_owned();
        let session = text(&["session_id", "sessionId", "conversation_id", "thread_id"]);
        let is_id = |id: &String| {
            !id.is_empty() && id.len() <= MAX_SESSION && !id.chars().any(char::is_control)
        };
        let tool = parsed(fields, &["tool_input", "toolArgs", "tool_args"]);
        let empty = Map::new();
        let tool = tool.as_ref().and_then(Value::as_object).unwrap_or(&empty);
        let command = command_of(tool);
        let mut output = text(&["error"]);
        let response =
            parsed(fields, &["tool_response", "tool_output", "toolResult", "tool_result"]);
        let mut failed = !output.is_empty();
        if let Some(response) = &response {
            collect(response, &mut output);
            failed |= says_failed(response);
        }
        Self {
            session: Some(session).filter(is_id),
            cwd: cwd_of(fields),
            source: text(&["source", "trigger"]),
            prompt: text(&["prompt", "user_prompt"]),
            paths: paths_of(tool, &command),
            command,
            output,
            failed,
            // `agent_type` alone is a session that a person started as that agent.
            sub_agent: text_of(fields, &["agent_id"]).is_some(),
            stop_hook_active: fields.get("stop_hook_active") == Some(&Value::Bool(true)),
        }
    }
}

fn text_of<'a>(fields: &'a Map<String, Value>, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| fields.get(*name)?.as_str()).filter(|text| !text.is_empty())
}

/// Returns a field that is an object, or one that is written as a text.
fn parsed(fields: &Map<String, Value>, names: &[&str]) -> Option<Value> {
    let found = names.iter().find_map(|name| fields.get(*name))?;
    match found.as_str().map(serde_json::from_str::<Value>) {
        Some(Ok(value)) if value.is_object() => Some(value),
        _ => Some(found.clone()),
    }
}

fn cwd_of(fields: &Map<String, Value>) -> Option<PathBuf> {
    let roots = fields.get("workspace_roots").and_then(Value::as_array);
    let first = roots.and_then(|roots| roots.first()?.as_str());
    text_of(fields, &["cwd", "working_directory"]).or(first).map(PathBuf::from)
}

/// Returns a tool's command: one text, or the words of one, with the shell that runs it left out.
fn command_of(tool: &Map<String, Value>) -> String {
    let named = ["command", "cmd", "script"].iter().find_map(|name| tool.get(*name));
    match named {
        Some(Value::String(line)) => line.clone(),
        Some(Value::Array(words)) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            match words.as_slice() {
                [shell, flag, line] if flag.starts_with('-') && shell.ends_with("sh") => {
                    (*line).to_owned()
                }
                words => words.join(" "),
            }
        }
        _ => String::new(),
    }
}

/// Returns the files that a tool's input names; also those of a patch.
fn paths_of(tool: &Map<String, Value>, command: &str) -> Vec<String> {
    const ONE: [&str; 7] =
        ["file_path", "path", "notebook_path", "filePath", "absolute_path", "target_file", "file"];
    let mut paths: Vec<String> =
        ONE.iter().filter_map(|name| tool.get(*name)?.as_str().map(str::to_owned)).collect();
    for many in ["files", "paths", "edits"].iter().filter_map(|n| tool.get(*n)?.as_array()) {
        let one = |value: &Value| match value {
            Value::String(path) => Some(path.clone()),
            Value::Object(fields) => text_of(fields, &ONE).map(str::to_owned),
            _ => None,
        };
        paths.extend(many.iter().filter_map(one));
    }
    let patch = ["input", "patch"].iter().find_map(|n| tool.get(*n)?.as_str()).unwrap_or(command);
    let heads = ["*** Update File: ", "*** Add File: ", "*** Delete File: "];
    let patched = patch.lines().filter_map(|l| heads.iter().find_map(|head| l.strip_prefix(head)));
    paths.extend(patched.map(|path| path.trim().to_owned()));
    paths.retain(|path| !path.is_empty() && path.len() < 4096);
    paths.dedup();
    paths.truncate(MAX_PATHS);
    paths
}

/// Adds every text of a tool's answer, within bounds.
fn collect(value: &Value, into: &mut String) {
    if into.len() >= MAX_OUTPUT {
        return;
    }
    match value {
        Value::String(text) => {
            if !into.is_empty() {
                into.push('\n');
            }
            into.push_str(text);
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, into)),
        _ => {}
    }
}

/// Returns whether a tool's answer says by itself that it failed.
fn says_failed(response: &Value) -> bool {
    let number = |name: &str| response.get(name).and_then(Value::as_i64);
    let flag = |name: &str| response.get(name).and_then(Value::as_bool);
    ["exit_code", "exitCode", "code"].iter().any(|name| number(name).is_some_and(|n| n != 0))
        || ["is_error", "isError"].iter().any(|name| flag(name) == Some(true))
        || flag("success") == Some(false)
        || ["resultType", "status"].iter().any(|name| {
            response
                .get(name)
                .and_then(Value::as_str)
                .is_some_and(|s| s == "failure" || s == "error")
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: &Value) -> Input {
        Input::read(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_call_of_every_engine_is_understood() {
        let claude = read(&json!({
            "session_id": "s", "cwd": "/p", "hook_event_name": "PreToolUse", "tool_name": "Edit",
            "tool_input": { "file_path": "/p/a.rs", "old_string": "x" },
        }));
        assert_eq!((claude.session.as_deref(), claude.paths.len()), (Some("s"), 1));
        let codex = read(&json!({
            "session_id": "s", "tool_input": { "command": ["bash", "-lc", "cargo test"] },
        }));
        assert_eq!(codex.command, "cargo test");
        let patch = "*** Begin Patch\n*** Update File: src/a.rs\n@@\n*** End Patch";
        let codex = read(&json!({ "tool_input": { "command": patch } }));
        assert_eq!(codex.paths, ["src/a.rs"]);
        let copilot = read(&json!({
            "sessionId": "c", "cwd": "/p", "toolName": "bash", "toolArgs": "{\"command\":\"make\"}",
            "toolResult": { "resultType": "failure", "textResultForLlm": "make: *** [all] Error 2" },
        }));
        assert!(copilot.failed && copilot.command == "make" && copilot.output.contains("Error 2"));
        let cursor = read(&json!({ "conversation_id": "k", "workspace_roots": ["/w"] }));
        assert_eq!((cursor.session.as_deref(), cursor.cwd), (Some("k"), Some("/w".into())));
        let failed = read(&json!({ "error": "Exit code 1\nboom", "agent_id": "a" }));
        assert!(failed.failed && failed.sub_agent && failed.output.ends_with("boom"));
        assert!(!read(&json!({ "agent_type": "reviewer" })).sub_agent, "`claude --agent reviewer`");
    }

    #[test]
    fn other_types_and_missing_fields_are_nothing() {
        let odd = read(&json!({
            "session_id": 7, "cwd": null, "prompt": ["x"], "tool_input": [1], "tool_response": 3,
            "stop_hook_active": "true", "source": {}, "from_the_future": { "deep": [] },
        }));
        assert_eq!(odd, Input::default());
        assert_eq!(read(&json!({ "session_id": "a\nb" })).session, None);
        assert_eq!(read(&json!({ "session_id": "x".repeat(201) })).session, None);
        for bad in ["", " \n", "[]", "7", "{", "not json", "\u{0}"] {
            assert!(Input::read(bad.as_bytes()).is_err(), "{bad:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(Input::read(deep.as_bytes()).is_err());
        assert!(Input::read("\u{feff}{}".as_bytes()).is_ok());
        let endless = format!("{{\"prompt\":\"{}", " ".repeat(MAX_INPUT as usize));
        let error = Input::read(endless.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("32 MiB"), "{error}");
    }
}
