//! mem0 and OpenMemory: memories as JSON, a list or under a key, or one a line.
//!
//! Owns the shapes such exports have. Must not take any other JSON for one.

use serde_json::Value;

use super::{Memories, Memory, after_key, texts, time};

/// Where the list may stand.
const LISTS: &[&str] = &["results", "memories", "items", "data"];
/// What the words may be called, best first.
const WORDS: &[&str] = &["memory", "content", "text"];
/// States of memories that count no longer.
const OVER: &[&str] = &["deleted", "archived", "paused"];

/// Returns whether a text starts like an export. One object that is cut off is told by its first keys.
pub(super) fn is(head: &str) -> bool {
    match head.chars().next() {
        Some('[') => first_object(&head[1..]).is_some_and(|row| is_memory(&row)),
        Some('{') => {
            let row = first_object(head);
            if let Some(row) = &row {
                return is_memory(row) || list(row).is_some();
            }
            let start = LISTS
                .iter()
                .filter_map(|key| first_object(after_key(head, key)?.strip_prefix('[')?));
            start.into_iter().any(|row| is_memory(&row))
        }
        _ => false,
    }
}

/// Returns the first value of a text that may be cut off after it, if it is an object.
fn first_object(text: &str) -> Option<Value> {
    let value = serde_json::Deserializer::from_str(text).into_iter::<Value>().next()?.ok()?;
    value.is_object().then_some(value)
}

/// Returns whether an object is a memory: words, and an id or a time, but nothing a lesson has.
fn is_memory(row: &Value) -> bool {
    let has = |keys: &[&str]| keys.iter().any(|key| row.get(*key).is_some());
    let words = WORDS.iter().any(|key| row[*key].is_string());
    words && has(&["id", "created_at", "user_id", "hash"]) && !has(&["rule", "evidence"])
}

fn list(row: &Value) -> Option<&Vec<Value>> {
    LISTS
        .iter()
        .find_map(|key| row.get(*key)?.as_array())
        .filter(|rows| rows.is_empty() || rows.iter().any(is_memory))
}

pub(super) fn read(text: &str) -> Memories {
    let mut out = Memories::default();
    if let Ok(whole) = serde_json::from_str::<Value>(text) {
        match whole.as_array().or_else(|| list(&whole)) {
            Some(rows) => {
                for (idx, row) in rows.iter().enumerate() {
                    take(row, idx + 1, &mut out);
                }
            }
            None => take(&whole, 1, &mut out),
        }
        return out;
    }
    for (idx, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str::<Value>(line) {
            Ok(row) => take(&row, idx + 1, &mut out),
            Err(error) => out.errors.push(format!("line {}: {error}", idx + 1)),
        }
    }
    out
}

fn take(row: &Value, number: usize, out: &mut Memories) {
    if !is_memory(row) {
        out.errors.push(format!("entry {number}: no memory"));
        return;
    }
    if row["state"].as_str().is_some_and(|state| OVER.contains(&state)) {
        out.skip("deleted");
        return;
    }
    let meta = &row["metadata"];
    let tags: Vec<String> = [&row["categories"], &meta["categories"], &meta["tags"], &row["tags"]]
        .into_iter()
        .flat_map(texts)
        .collect();
    let kind = [&meta["type"], &meta["category"], &row["type"]].into_iter().find_map(Value::as_str);
    let ts = ["created_at", "createdAt", "updated_at"].iter().find_map(|key| time(&row[*key]));
    out.found.push(Memory {
        text: WORDS.iter().find_map(|key| row[*key].as_str()).unwrap_or_default().to_owned(),
        kind: kind.or_else(|| tags.first().map(String::as_str)).unwrap_or_default().to_owned(),
        row: row["id"].as_str().map_or_else(|| number.to_string(), str::to_owned),
        tags,
        ts,
        ..Memory::default()
    });
}
