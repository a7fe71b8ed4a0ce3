//! Codex tool calls and what came back, in every notation its versions have used.
//!
//! Owns those notations. Must not emit events.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::sources::wire::Objects;
use crate::text::RawText;

/// A call as it is shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// Files it names.
    pub(super) files: Vec<String>,
    /// Its shell command.
    pub(super) command: Option<String>,
    /// A short view of the rest.
    pub(super) detail: String,
}

/// Returns the view of a call. `input` is a JSON string holding JSON or a raw patch, or an object.
pub(super) fn shown(tool: &str, input: Option<&RawValue>) -> Shown {
    let Some(raw) = input.map(RawValue::get) else { return Shown::default() };
    let text = if raw.starts_with('"') { RawText(raw).full().into_owned() } else { raw.to_owned() };
    let arguments: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    let command = ["command", "cmd"].iter().find_map(|k| command(arguments.get(k)?));
    let patch = match &command {
        Some(c) if c.contains("*** Begin Patch") => Some(c.clone()),
        _ if tool == "apply_patch" => {
            let inner = ["patch", "input"].iter().find_map(|k| arguments.get(k)?.as_str());
            Some(inner.map_or(text.clone(), str::to_owned))
        }
        _ => None,
    };
    if let Some(patch) = patch {
        return Shown { files: patched(&patch), command: None, detail: patch };
    }
    let files = ["path", "file_path"]
        .iter()
        .filter_map(|k| arguments.get(k)?.as_str())
        .map(str::to_owned)
        .collect();
    let detail = if command.is_some() { String::new() } else { text };
    Shown { files, command, detail }
}

/// A command is one string, or words of which the last of `bash -lc …` is the command.
fn command(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(words) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            match words.as_slice() {
                [shell, flag, script] if flag.starts_with('-') && shell.ends_with("sh") => {
                    Some((*script).to_owned())
                }
                [] => None,
                words => Some(words.join(" ")),
            }
        }
        _ => None,
    }
}

/// The files a patch touches.
fn patched(patch: &str) -> Vec<String> {
    let heads = ["*** Update File: ", "*** Add File: ", "*** Delete File: ", "*** Move to: "];
    patch
        .lines()
        .filter_map(|l| heads.iter().find_map(|h| l.strip_prefix(h)))
        .map(|f| f.trim().to_owned())
        .collect()
}

/// Returns the command of a `local_shell_call`.
pub(super) fn local(action: Option<&RawValue>) -> Shown {
    let action: Value =
        action.and_then(|a| serde_json::from_str(a.get()).ok()).unwrap_or(Value::Null);
    let command = action.get("command").and_then(command);
    Shown { command, ..Shown::default() }
}

/// What came back from a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Back {
    /// Output, with what is known of success.
    Output { ok: Option<bool>, exit_code: Option<i32>, text: String },
    /// A person turned the call down.
    Refused,
}

/// Reads an output in any notation.
pub(super) fn back(output: Option<&RawValue>) -> Back {
    let Some(raw) = output.map(RawValue::get) else {
        return Back::Output { ok: None, exit_code: None, text: String::new() };
    };
    let text = if raw.starts_with('"') {
        RawText(raw).full().into_owned()
    } else if raw.starts_with('[') {
        let pieces = serde_json::from_str::<Objects<super::wire::Piece<'_>>>(raw);
        let texts: Vec<String> =
            pieces.map(|p| p.0.iter().filter_map(|p| p.text.owned()).collect()).unwrap_or_default();
        texts.join("\n")
    } else {
        raw.to_owned()
    };
    match text.trim() {
        "exec command rejected by user" | "patch rejected by user" => return Back::Refused,
        _ => {}
    }
    if let Some(found) = wrapped(&text) {
        return found;
    }
    let head = crate::text::head(&text, 400);
    let code = ["Exit code: ", "Process exited with code "].iter().find_map(|mark| {
        let at = head.find(mark)? + mark.len();
        head[at..].split(|c: char| !c.is_ascii_digit() && c != '-').next()?.parse::<i32>().ok()
    });
    let failed = [
        "execution error:",
        "apply_patch verification failed",
        "failed in sandbox:",
        "aborted by user",
    ]
    .iter()
    .any(|m| head.contains(m));
    let body = match text.split_once("\nOutput:\n") {
        Some((head, body)) if code.is_some() && head.len() < 400 => body.to_owned(),
        _ => text,
    };
    let ok = if failed { Some(false) } else { code.map(|c| c == 0) };
    Back::Output { ok, exit_code: code, text: body }
}

/// `{"output":"…","metadata":{"exit_code":0}}`, itself in a string.
fn wrapped(text: &str) -> Option<Back> {
    let value: Value = text.starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()?;
    let output = value.get("output")?.as_str()?.to_owned();
    let code = value.get("metadata").and_then(|m| m.get("exit_code")).and_then(Value::as_i64);
    let exit_code = code.and_then(|c| i32::try_from(c).ok());
    Some(Back::Output { ok: exit_code.map(|c| c == 0), exit_code, text: output })
}
