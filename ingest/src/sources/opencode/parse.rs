//! OpenCode's JSON documents: an export, or a session's file with the files that belong to it.
//!
//! Owns putting messages and parts together. Must not say what they mean; `events` does.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::events::{self, Known};
use crate::read::companion;
use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::tool::{list, text};

/// Reads an export.
pub(super) struct Export;

impl Reader for Export {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let document = parse(record.text)?;
        let session = document.get("info").and_then(Known::of);
        let session = session.ok_or_else(|| Malformed("no session in the export".to_owned()))?;
        session.declare(out);
        for (i, message) in list(&document, &["messages"]).iter().enumerate() {
            let Some(info) = message.get("info") else {
                out.skip("untyped");
                continue;
            };
            let id =
                text(info, &["id"]).map_or_else(|| format!("{}:{i}", session.id), str::to_owned);
            let parts = list(message, &["parts"]).iter().cloned().enumerate();
            let parts: Vec<(String, Value)> =
                parts.map(|(n, part)| (part_id(&id, n, &part), part)).collect();
            events::message(&session, &id, info, &parts, out);
        }
        session.rewound(out);
        Ok(())
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

/// Reads a session's file and those that belong to it.
pub(super) struct Storage {
    messages: Vec<std::path::PathBuf>,
    parts: Vec<std::path::PathBuf>,
}

impl Storage {
    pub(super) fn new(file: &FileInfo) -> Self {
        let (parts, messages) = file.companions.iter().cloned().partition(|p| is_part(p));
        Self { messages, parts }
    }
}

/// Whether a companion lies below the folder of parts.
fn is_part(path: &Path) -> bool {
    path.ancestors().skip(1).take(3).any(|f| f.file_name().is_some_and(|n| n == "part"))
}

impl Reader for Storage {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let session = Known::of(&parse(record.text)?)
            .ok_or_else(|| Malformed("no id of a session".to_owned()))?;
        session.declare(out);
        let mut parts: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
        for path in &self.parts {
            let Some(part) = object(path, out) else { continue };
            let folder = path.parent().and_then(Path::file_name);
            let folder = folder.map(|f| f.to_string_lossy().into_owned()).unwrap_or_default();
            let message = text(&part, &["messageID"]).map_or(folder, str::to_owned);
            let of_message = parts.entry(message.clone()).or_default();
            of_message.push((part_id(&message, of_message.len(), &part), part));
        }
        let mut messages: Vec<(i64, String, Value)> = Vec::new();
        for path in &self.messages {
            let Some(info) = object(path, out) else { continue };
            let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned());
            let id = text(&info, &["id"]).map(str::to_owned).or(stem).unwrap_or_default();
            let created = crate::sources::tool::int(&info, &["time", "created"]);
            messages.push((created.unwrap_or_default(), id, info));
        }
        messages.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        for (_, id, info) in &messages {
            let parts = parts.remove(id).unwrap_or_default();
            events::message(&session, id, info, &parts, out);
        }
        session.rewound(out);
        Ok(())
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

/// The part's own id, or its place in its message.
fn part_id(message: &str, place: usize, part: &Value) -> String {
    text(part, &["id"]).map_or_else(|| format!("{message}:{place}"), str::to_owned)
}

/// One of the files; what is half written is read when it changes again.
fn object(path: &Path, out: &mut Output<'_>) -> Option<Value> {
    let value = companion(path).and_then(|text| serde_json::from_str::<Value>(&text).ok());
    if value.is_none() {
        out.skip("malformed_document");
    }
    value.filter(Value::is_object)
}

fn parse(text: &str) -> Result<Value, Malformed> {
    serde_json::from_str(text).map_err(|e| Malformed(format!("invalid json: {e}")))
}
