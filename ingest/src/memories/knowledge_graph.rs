//! The MCP reference memory server: entities with observations, and relations, one a line.
//!
//! Owns its lines. An observation is a memory about its entity; a relation states no lesson.

use serde_json::Value;

use super::{Memories, Memory, after_key, texts};

pub(super) fn is(head: &str) -> bool {
    let line = head.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    match serde_json::from_str(line) {
        Ok(row) => is_entity(&row) || is_relation(&row),
        Err(error) => error.is_eof() && is_cut_entity(line),
    }
}

/// Returns whether a line that is cut off begins like an entity; a relation is never that long.
fn is_cut_entity(line: &str) -> bool {
    let begins = |key, with| after_key(line, key).is_some_and(|value| value.starts_with(with));
    line.trim_start().starts_with('{')
        && begins("type", "\"entity\"")
        && begins("name", "\"")
        && begins("observations", "[")
}

fn is_entity(row: &Value) -> bool {
    row["type"] == "entity" && row["name"].is_string() && row.get("observations").is_some()
}

fn is_relation(row: &Value) -> bool {
    row["type"] == "relation" && row["from"].is_string() && row["to"].is_string()
}

pub(super) fn read(text: &str) -> Memories {
    let mut out = Memories::default();
    for (idx, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str::<Value>(line) {
            Ok(row) if is_entity(&row) => entity(&row, idx + 1, &mut out),
            Ok(row) if is_relation(&row) => out.skip("relations"),
            Ok(_) => out.errors.push(format!("line {}: neither an entity nor a relation", idx + 1)),
            Err(error) => out.errors.push(format!("line {}: {error}", idx + 1)),
        }
    }
    out
}

fn entity(row: &Value, line: usize, out: &mut Memories) {
    let name = row["name"].as_str().unwrap_or_default().trim();
    let kind = row["entityType"].as_str().unwrap_or_default().trim();
    let said = texts(&row["observations"]);
    if said.is_empty() {
        out.skip("entities without an observation");
    }
    for (idx, text) in said.into_iter().enumerate() {
        // "Uses pnpm" says little without who does.
        let named = text.to_lowercase().contains(&name.to_lowercase());
        out.found.push(Memory {
            title: Some(name.to_owned()).filter(|n| !n.is_empty()),
            text: if named || name.is_empty() { text } else { format!("{name}: {text}") },
            kind: kind.to_owned(),
            tags: vec![kind.to_owned()].into_iter().filter(|k| !k.is_empty()).collect(),
            row: format!("{line}.{}", idx + 1),
            ..Memory::default()
        });
    }
}
