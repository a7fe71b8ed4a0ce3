//! Diagnostics of rustc and Clippy: cargo's `--message-format=json`, rustc's own rows, and a single
//! message as editors keep it.
//!
//! Owns them. A row of cargo that is no compiler message is counted, not read.

use std::collections::HashSet;

use cemem_core::finding::Finding;
use serde_json::Value;

use super::json::{self, has, list, number, owned, text};
use super::severity;
use super::sheet::{Document, Rows, Sheet};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Malformed, Output, Reader, Record, Source};

/// Macro expansions followed to the code a person wrote.
const MAX_EXPANSIONS: usize = 16;

/// The format of rows.
pub(super) struct RustcRows;

/// The format of a single message.
pub(super) struct RustcMessage;

impl Source for RustcRows {
    fn info(&self) -> Info {
        Info {
            engine: "rustc",
            format: "rustc",
            version: super::READER_VERSION,
            layout: Layout::Lines,
        }
    }

    fn sniff(&self, probe: &Probe<'_>) -> bool {
        let row = |row: &Value| match text(row, "/reason") {
            Some("compiler-message" | "compiler-artifact") => has(row, &["package_id", "target"]),
            Some("build-script-executed") => has(row, &["package_id", "linked_libs"]),
            Some("build-finished") => has(row, &["success"]),
            _ => is_message(row),
        };
        probe.objects().iter().any(row)
    }

    fn reader(&self, file: &FileInfo, state: &Value) -> Box<dyn Reader> {
        let rows = Rows::reader(file, state, |row, sheet| match text(row, "/reason") {
            Some("compiler-message") => message(&row["message"], sheet),
            Some(other) => sheet.out.skip(other),
            None if is_message(row) => message(row, sheet),
            None => sheet.out.skip("unknown"),
        });
        Box::new(Once { rows, seen: HashSet::new() })
    }
}

impl Source for RustcMessage {
    fn info(&self) -> Info {
        Info {
            engine: "rustc",
            format: "rustc-message",
            version: super::READER_VERSION,
            layout: Layout::Whole,
        }
    }

    fn sniff(&self, probe: &Probe<'_>) -> bool {
        probe.says("\"spans\"") && json::start(probe.text).is_some_and(|v| is_message(&v))
    }

    fn reader(&self, file: &FileInfo, _state: &Value) -> Box<dyn Reader> {
        Document::reader(file, message)
    }
}

/// The library and its tests are compiled apart, and both say the same of the same code.
struct Once {
    rows: Box<dyn Reader>,
    seen: HashSet<String>,
}

impl Reader for Once {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let rendered = record.text.find("\"rendered\":").map(|at| &record.text[at..]);
        if let Some(rendered) = rendered.filter(|r| r.len() > 40)
            && !self.seen.insert(cemem_core::id::digest([rendered]))
        {
            out.skip("repeated");
            return Ok(());
        }
        self.rows.record(record, out)
    }

    fn state(&self) -> Value {
        self.rows.state()
    }
}

/// A diagnostic; the start of a document may end before its last fields.
fn is_message(value: &Value) -> bool {
    let core = ["message", "level", "spans"];
    has(value, &core) && (has(value, &["children"]) || has(value, &["code"]))
        || has(value, &["rendered"])
            && list(value, "/children").first().is_some_and(|c| has(c, &core))
}

fn message(value: &Value, sheet: &mut Sheet<'_, '_>) {
    let spans = list(value, "/spans");
    let rule_id = owned(value, "/code/code");
    let span = spans.iter().find(|s| s["is_primary"] == true).or_else(|| spans.first());
    if span.is_none() && rule_id.is_none() {
        // "aborting due to 2 previous errors", "3 warnings emitted".
        sheet.out.skip("summary");
        return;
    }
    let span = span.map_or(&Value::Null, written);
    let clippy = rule_id.as_deref().is_some_and(|r| r.starts_with("clippy::"));
    let code: Vec<&str> = list(span, "/text").iter().filter_map(|t| text(t, "/text")).collect();
    let line = number(span, "/line_start");
    let finding = Finding {
        tool: if clippy { "clippy" } else { "rustc" }.to_owned(),
        severity: text(value, "/level").and_then(severity::of).unwrap_or_default(),
        level: owned(value, "/level"),
        path: text(span, "/file_name").map(|p| sheet.path(p)),
        line_start: line,
        line_end: number(span, "/line_end").or(line),
        column_start: number(span, "/column_start"),
        message: owned(value, "/message").unwrap_or_default(),
        suggestion: suggestion(value),
        snippet: (!code.is_empty()).then(|| code.join("\n")),
        rule_id,
        ..Finding::default()
    };
    sheet.add(finding);
}

/// The place in a file of the project: a span inside a macro leads to where it was called.
fn written(mut span: &Value) -> &Value {
    for _ in 0..MAX_EXPANSIONS {
        let file = text(span, "/file_name").unwrap_or_default();
        match span.pointer("/expansion/span") {
            Some(outer) if file.starts_with('<') || file.starts_with("/rustc/") => span = outer,
            _ => break,
        }
    }
    span
}

/// What the compiler's help says, with the text it would put in.
fn suggestion(value: &Value) -> Option<String> {
    let mut parts = Vec::new();
    for child in list(value, "/children").iter().filter(|c| c["level"] == "help") {
        let replaced: Vec<&str> = list(child, "/spans")
            .iter()
            .filter_map(|s| s["suggested_replacement"].as_str())
            .collect();
        let Some(words) = text(child, "/message") else { continue };
        if replaced.is_empty() {
            parts.push(words.to_owned());
        } else {
            parts.push(format!("{words}: `{}`", replaced.join("` `")));
        }
    }
    (!parts.is_empty()).then(|| parts.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reviews::testing::{findings, fixture, format_of, never_panics, shown};
    use crate::sources::testing::read;

    #[test]
    fn rows_of_cargo_and_a_single_message() {
        let rows = fixture("cargo.jsonl");
        assert_eq!(findings(&RustcRows, "c.jsonl", &rows).len(), 2);
        insta::assert_snapshot!("cargo", shown(&read(&RustcRows, "c.jsonl", &rows)));
        never_panics(&RustcRows, &rows);
        let one = rows.lines().find(|l| l.contains("E0277")).unwrap();
        let one: Value = serde_json::from_str(one).unwrap();
        let pretty = serde_json::to_string_pretty(&one["message"]).unwrap();
        let found = findings(&RustcMessage, "m.json", &pretty);
        assert_eq!(found, findings(&RustcRows, "c.jsonl", &rows)[1..]);
        assert_eq!(found[0].path.as_deref(), Some("src/main.rs"));
    }

    #[test]
    fn other_rows_are_not_cargo() {
        let other = r#"{"reason":"end_turn","level":"info","message":"m"}"#;
        assert_eq!(format_of("x.jsonl", other), None);
    }
}
