//! Pieces of JSON values, and what a tool call's input shows.
//!
//! Owns the names under which engines put commands and files, and how addresses name paths. Must not
//! know any engine's rows.

use std::borrow::Cow;

use cemem_core::id::digest;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::sources::wire::Fields;
use crate::text::{RawText, head, limit};

/// Returns the text at a path of keys, unless absent or empty.
pub(super) fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    at(value, path)?.as_str().filter(|t| !t.is_empty())
}

/// Returns the integer at a path of keys; a whole number written as a real counts.
#[expect(clippy::cast_possible_truncation, reason = "times and codes written as reals")]
pub(super) fn int(value: &Value, path: &[&str]) -> Option<i64> {
    let value = at(value, path)?;
    value.as_i64().or_else(|| value.as_f64().map(|x| x as i64))
}

/// Returns the value at a path of keys.
pub(super) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |v, key| v.get(*key))
}

/// Returns the list at a path of keys, empty if there is none.
pub(super) fn list<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    at(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns a short key of these parts.
pub(super) fn key<B: AsRef<[u8]>>(parts: impl IntoIterator<Item = B>) -> String {
    let mut key = digest(parts);
    key.truncate(32);
    key
}

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

/// Keys under which engines name a file.
const FILES: &[&str] = &[
    "filePath",
    "file_path",
    "path",
    "target_file",
    "targetFile",
    "relativeWorkspacePath",
    "effectiveUri",
    "notebook_path",
];
/// What editors are told to do under the key of a command, beside the file they do it to.
const EDITING: &[&str] =
    &["view", "create", "write", "str_replace", "insert", "undo_edit", "edit", "read"];
/// Keys of a patch, which names files as well.
const PATCHES: &[&str] = &["patchText", "patch", "input"];
/// Keys of the text an edit puts in, or of what else tells most.
const TELLING: &[&str] = &[
    "newString",
    "new_string",
    "new_str",
    "content",
    "contents",
    "file_text",
    "patchText",
    "patch",
    "code_edit",
    "streamingContent",
    "prompt",
    "query",
    "pattern",
    "url",
    "explanation",
];

/// Returns the view of a call's input.
pub(super) fn shown(input: &Value) -> Shown {
    shown_by(
        |key| text(input, &[key]).map(Cow::Borrowed),
        || match input {
            Value::Object(fields) if fields.is_empty() => String::new(),
            input if input.is_object() => input.to_string(),
            _ => String::new(),
        },
    )
}

/// As [`shown`], of an input that is not yet parsed: what is not shown is never unescaped.
pub(super) fn shown_raw(input: &RawValue) -> Shown {
    let fields: Fields<'_, &RawValue> = serde_json::from_str(input.get()).unwrap_or_default();
    let raw = |key: &str| {
        let (_, raw) = fields.0.iter().rev().find(|(name, _)| name.str() == key)?;
        Some(RawText(raw.get()))
    };
    let field = |key: &str| {
        let whole = !TELLING.contains(&key) || PATCHES.contains(&key);
        let text = if whole { raw(key)?.full() } else { raw(key)?.start(limit::DETAIL) };
        (!text.is_empty()).then_some(text)
    };
    shown_by(field, || match serde_json::from_str::<Value>(input.get()) {
        Ok(Value::Object(all)) if !all.is_empty() => Value::Object(all).to_string(),
        _ => String::new(),
    })
}

/// Returns the view of an input from its texts by name, none of them empty, and from all of it.
fn shown_by<'a>(
    field: impl Fn(&str) -> Option<Cow<'a, str>>,
    whole: impl FnOnce() -> String,
) -> Shown {
    let first = |keys: &[&str]| keys.iter().find_map(|k| field(k));
    let mut files: Vec<String> =
        FILES.iter().filter_map(|k| field(k)).map(Cow::into_owned).collect();
    files.dedup();
    let edits = |told: &Cow<'_, str>| EDITING.contains(&&**told) && !files.is_empty();
    let command = first(&["command", "cmd"]).filter(|c| !edits(c)).map(Cow::into_owned);
    if let Some(patch) = first(PATCHES) {
        let heads = ["*** Update File: ", "*** Add File: ", "*** Delete File: ", "*** Move to: "];
        let named = patch.lines().filter_map(|l| heads.iter().find_map(|h| l.strip_prefix(h)));
        files.extend(named.map(|f| f.trim().to_owned()));
    }
    let detail = if command.is_some() {
        String::new()
    } else {
        let told = first(TELLING).unwrap_or_else(|| Cow::Owned(whole()));
        head(&told, limit::DETAIL).to_owned()
    };
    Shown { files, command, detail }
}

/// Returns the path of a file's or a remote folder's address.
pub(super) fn path_of(uri: &str) -> Option<String> {
    let rest = uri.split_once("://")?.1;
    let path = &rest[rest.find('/')?..];
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let hex = |b: Option<u8>| char::from(b?).to_digit(16);
        let code = if byte == b'%' {
            let mut ahead = rest.clone();
            hex(ahead.next()).zip(hex(ahead.next())).map(|(high, low)| (high * 16 + low, ahead))
        } else {
            None
        };
        match code {
            Some((code, ahead)) => {
                bytes.push(u8::try_from(code).unwrap_or(b'?'));
                rest = ahead;
            }
            None => bytes.push(byte),
        }
    }
    let path = String::from_utf8_lossy(&bytes).into_owned();
    // `/c:/x` is a Windows path.
    let drive = path.as_bytes().get(2) == Some(&b':');
    Some(if drive { path[1..].to_owned() } else { path })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_editor_is_told_is_no_shell_command() {
        let edit = shown(&json!({"command": "str_replace", "path": "/w/a.rs", "new_str": "x"}));
        assert_eq!((edit.command.as_deref(), edit.detail.as_str()), (None, "x"));
        assert_eq!(edit.files, ["/w/a.rs"]);
        let view = shown(&json!({"command": "view"}));
        assert_eq!(view.command.as_deref(), Some("view"));
        let run = shown(&json!({"command": "cargo test", "path": "/w"}));
        assert_eq!(run.command.as_deref(), Some("cargo test"));
    }

    #[test]
    fn an_input_that_is_not_parsed_is_shown_alike() {
        let long = format!("{}\u{e9} \"last\"\n", "\u{1f600} word \\ \n".repeat(900));
        let inputs = [
            json!({"file_path": "/w/a.rs", "old_string": long, "new_string": long}),
            json!({"path": "/w/a\u{e9}.rs", "content": long.repeat(2)}),
            json!({"content": "<".repeat(5000)}),
            json!({"patch": format!("*** Add File: b.rs\n{long}\n*** Delete File: c.rs")}),
            json!({"command": long, "description": "x"}),
            json!({"command": "view", "path": "/w"}),
            json!({"todos": [{"a": long}], "b": 1}),
            json!({"path": "", "content": 7, "query": "q"}),
            json!({}),
            json!([1]),
            json!("text"),
            json!(null),
        ];
        for input in inputs {
            let raw = input.to_string().replace('<', "\\u003c");
            let raw = RawValue::from_string(raw).unwrap();
            assert_eq!(shown_raw(&raw), shown(&input), "{input}");
        }
    }
}
