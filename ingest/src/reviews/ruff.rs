//! Ruff's JSON: one list, or one object a line.
//!
//! Owns both. Ruff has no snippet; its fixes come with the text they would put in.

use cemem_core::finding::Finding;
use serde_json::Value;

use super::json::{has, list, number, owned, text};
use super::severity;
use super::sheet::{JsonFormat, Sheet};
use crate::source::Layout;

/// The format of one list.
pub(super) static RUFF: JsonFormat = JsonFormat {
    engine: "ruff",
    format: "ruff",
    layout: Layout::Whole,
    needle: "\"end_location\"",
    is: |v| list(v, "").first().is_some_and(is_violation),
    read: |value, sheet| {
        sheet.title("ruff");
        sheet.paths(list(value, "").iter().filter_map(|v| text(v, "/filename")));
        list(value, "").iter().for_each(|v| add(v, sheet));
    },
};

/// The format of one object a line.
pub(super) static RUFF_ROWS: JsonFormat =
    JsonFormat { format: "ruff-jsonl", layout: Layout::Lines, is: is_violation, read: add, ..RUFF };

/// Pretty-printed, the first violation may be cut off after its fix.
fn is_violation(v: &Value) -> bool {
    has(v, &["code", "end_location", "filename"])
}

fn add(v: &Value, sheet: &mut Sheet<'_, '_>) {
    let line = number(v, "/location/row");
    let edits = list(v, "/fix/edits").iter().filter_map(|e| text(e, "/content"));
    let fix: Vec<&str> = text(v, "/fix/message").into_iter().chain(edits).collect();
    let finding = Finding {
        tool: "ruff".to_owned(),
        rule_id: owned(v, "/code"),
        severity: text(v, "/severity").and_then(severity::of).unwrap_or_default(),
        level: owned(v, "/severity"),
        path: text(v, "/filename").map(|p| sheet.path(p)),
        line_start: line,
        line_end: number(v, "/end_location/row").or(line),
        column_start: number(v, "/location/column"),
        title: owned(v, "/name"),
        message: owned(v, "/message").unwrap_or_default(),
        suggestion: (!fix.is_empty()).then(|| fix.join("\n")),
        url: owned(v, "/url"),
        ..Finding::default()
    };
    sheet.add(finding);
}
