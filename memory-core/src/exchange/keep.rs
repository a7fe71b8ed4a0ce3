//! What a line says that a lesson has no place for.
//!
//! Owns the split of a line into what cemem reads and what it only keeps: unknown keys at every
//! level, references that are no lesson ids, and how all of that ends up in `extra` without
//! anything being overwritten. Must not judge what is read.
//!
//! Unknown keys of the line itself stand in `extra` under their own names; those of `applies_when`
//! under `extra.applies_when`; those of `anchors` and `evidence` in lists of the same length, with
//! null where a row had none.

use serde_json::{Map, Value};

use crate::id::LessonId;

/// The keys of a lesson that a line may have, without `id` and `extra`.
const LINE: &[&str] = &[
    "type",
    "title",
    "rule",
    "why",
    "body",
    "applies_when",
    "anchors",
    "evidence",
    "trust",
    "status",
    "reviewed",
    "snoozed_until",
    "confidence",
    "support",
    "scope",
    "valid_from",
    "valid_to",
    "supersedes",
    "superseded_by",
    "contradicts",
    "created",
    "updated",
];
const APPLIES_WHEN: &[&str] = &["paths", "commands", "symbols", "stages", "languages", "tags"];
const ANCHOR: &[&str] = &["path", "symbol", "blob_sha", "quote", "was", "drift"];
const EVIDENCE: &[&str] =
    &["engine", "session", "source_path", "event_uuid", "event_key", "turn_ts", "actor", "quote"];

/// Takes out of a line what is only kept: the keys to keep, and the line's own `extra` if it has
/// one. What is left has known keys only, none of them null.
pub(super) fn take(line: &mut Map<String, Value>) -> (Map<String, Value>, Option<Value>) {
    let extra = line.remove("extra").filter(|v| !v.is_null());
    let id = line.remove("id");
    let mut kept = unknown(line, LINE);
    if let Some(id) = id.filter(|id| !is_id(id) && !is_blank(id)) {
        kept.insert("id".into(), id);
    }
    if let Some(Value::Object(applies_when)) = line.get_mut("applies_when") {
        let more = unknown(applies_when, APPLIES_WHEN);
        if !more.is_empty() {
            kept.insert("applies_when".into(), Value::Object(more));
        }
    }
    for (key, known) in [("anchors", ANCHOR), ("evidence", EVIDENCE)] {
        if let Some(Value::Array(rows)) = line.get_mut(key) {
            let more: Vec<Value> = rows.iter_mut().map(|row| unknown_of_row(row, known)).collect();
            if more.iter().any(|row| !row.is_null()) {
                kept.insert(key.into(), Value::Array(more));
            }
        }
    }
    for key in ["supersedes", "contradicts"] {
        if let Some(bad) = line.get_mut(key).and_then(foreign_ids) {
            kept.insert(key.into(), bad);
        }
    }
    if line.get("superseded_by").is_some_and(|by| !is_id(by)) {
        kept.extend(line.remove("superseded_by").map(|by| ("superseded_by".to_owned(), by)));
    }
    (kept, extra)
}

/// Takes the keys that are not known out of an object, and nulls of those that are: "not given".
fn unknown(object: &mut Map<String, Value>, known: &[&str]) -> Map<String, Value> {
    let (mut ours, mut others) = (Map::new(), Map::new());
    for (key, value) in std::mem::take(object) {
        if !known.contains(&key.as_str()) {
            others.insert(key, value);
        } else if !value.is_null() {
            ours.insert(key, value);
        }
    }
    *object = ours;
    others
}

fn unknown_of_row(row: &mut Value, known: &[&str]) -> Value {
    match row.as_object_mut().map(|row| unknown(row, known)) {
        Some(more) if !more.is_empty() => Value::Object(more),
        _ => Value::Null,
    }
}

/// Takes out of a list of references those that are no lesson ids. A lone value is a list of one.
fn foreign_ids(value: &mut Value) -> Option<Value> {
    let ids = match std::mem::take(value) {
        Value::Array(ids) => ids,
        lone => vec![lone],
    };
    let (good, bad): (Vec<_>, Vec<_>) = ids.into_iter().partition(is_id);
    *value = Value::Array(good);
    (!bad.is_empty()).then_some(Value::Array(bad))
}

fn is_id(value: &Value) -> bool {
    value.as_str().and_then(LessonId::parse).is_some()
}

fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// Returns `extra` with the kept keys in it. A key that both have with different values keeps the
/// line's own; the other one moves into an `extra` one level down.
pub(super) fn merged(extra: Option<Value>, kept: Map<String, Value>) -> Value {
    match extra {
        None if kept.is_empty() => Value::Null,
        None => Value::Object(kept),
        Some(extra) if kept.is_empty() => extra,
        Some(Value::Object(mut extra)) => {
            merge(&mut extra, kept);
            Value::Object(extra)
        }
        Some(other) => {
            let mut extra = Map::from_iter([("extra".to_owned(), other)]);
            merge(&mut extra, kept);
            Value::Object(extra)
        }
    }
}

fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    let mut clashes = Map::new();
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (Some(old), new) if *old != new => {
                clashes.insert(key, std::mem::replace(old, new));
            }
            (Some(_), _) => {}
            (None, new) => {
                into.insert(key, new);
            }
        }
    }
    if !clashes.is_empty() {
        merge(into, Map::from_iter([("extra".to_owned(), Value::Object(clashes))]));
    }
}

/// Returns a line as text that does not depend on the order of its keys, nor on nulls.
pub(super) fn canonical(line: &Map<String, Value>) -> String {
    let mut out = String::new();
    write_object(line, &mut out);
    out
}

fn write_object(object: &Map<String, Value>, out: &mut String) {
    let mut keys: Vec<_> = object.iter().filter(|(_, value)| !value.is_null()).collect();
    keys.sort_by_key(|(key, _)| key.as_str());
    out.push('{');
    for (key, value) in keys {
        out.push_str(&Value::from(key.as_str()).to_string());
        out.push(':');
        write_value(value, out);
        out.push(',');
    }
    out.push('}');
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Object(object) => write_object(object, out),
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_value(item, out);
                out.push(',');
            }
            out.push(']');
        }
        plain => out.push_str(&plain.to_string()),
    }
}
