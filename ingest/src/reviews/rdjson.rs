//! reviewdog's diagnostics: rdjson, one document, and rdjsonl, one diagnostic a line.
//!
//! Owns both. Columns count UTF-8 bytes, 1-based.

use cemem_core::finding::Finding;
use serde_json::Value;

use super::json::{self, has, list, number, owned, text};
use super::severity;
use super::sheet::{Document, Rows, Sheet};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The format of one document.
pub(super) struct Rdjson;

/// The format of one diagnostic a line.
pub(super) struct Rdjsonl;

impl Source for Rdjson {
    fn info(&self) -> Info {
        Info {
            engine: "reviewdog",
            format: "rdjson",
            version: super::READER_VERSION,
            layout: Layout::Whole,
        }
    }

    fn sniff(&self, probe: &Probe<'_>) -> bool {
        probe.says("\"diagnostics\"")
            && json::start(probe.text)
                .is_some_and(|v| list(&v, "/diagnostics").first().is_some_and(is_diagnostic))
    }

    fn reader(&self, file: &FileInfo, _state: &Value) -> Box<dyn Reader> {
        Document::reader(file, |value, sheet| {
            let all = list(value, "/diagnostics");
            sheet.paths(all.iter().filter_map(|d| text(d, "/location/path")));
            if let Some(tool) = text(value, "/source/name") {
                sheet.title(tool);
            }
            for item in all {
                let finding = diagnostic(item, value, sheet);
                sheet.add(finding);
            }
        })
    }
}

impl Source for Rdjsonl {
    fn info(&self) -> Info {
        Info {
            engine: "reviewdog",
            format: "rdjsonl",
            version: super::READER_VERSION,
            layout: Layout::Lines,
        }
    }

    fn sniff(&self, probe: &Probe<'_>) -> bool {
        probe.objects().first().is_some_and(is_diagnostic)
    }

    fn reader(&self, file: &FileInfo, state: &Value) -> Box<dyn Reader> {
        Rows::reader(file, state, |value, sheet| {
            if is_diagnostic(value) {
                let finding = diagnostic(value, &Value::Null, sheet);
                sheet.add(finding);
            } else {
                sheet.out.skip("unknown");
            }
        })
    }
}

/// A message at a path; nothing else is required. `Location` and `Range` are objects.
fn is_diagnostic(value: &Value) -> bool {
    let known = ["severity", "code", "suggestions", "source", "relatedLocations", "originalOutput"];
    value["message"].is_string()
        && value.pointer("/location/path").is_some_and(Value::is_string)
        && (value.pointer("/location/range").is_some() || known.iter().any(|k| has(value, &[k])))
}

fn diagnostic(item: &Value, document: &Value, sheet: &Sheet<'_, '_>) -> Finding {
    let or_document = |pointer: &str| owned(item, pointer).or_else(|| owned(document, pointer));
    let level = or_document("/severity");
    let line = number(item, "/location/range/start/line");
    let suggestions: Vec<&str> =
        list(item, "/suggestions").iter().filter_map(|s| text(s, "/text")).collect();
    Finding {
        tool: or_document("/source/name").unwrap_or_else(|| "reviewdog".to_owned()),
        rule_id: owned(item, "/code/value"),
        severity: level.as_deref().and_then(severity::of).unwrap_or_default(),
        level,
        path: text(item, "/location/path").map(|p| sheet.path(p)),
        line_start: line,
        line_end: number(item, "/location/range/end/line").or(line),
        column_start: number(item, "/location/range/start/column"),
        message: owned(item, "/message").unwrap_or_default(),
        suggestion: (!suggestions.is_empty()).then(|| suggestions.join("\n")),
        url: owned(item, "/code/url"),
        ..Finding::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reviews::testing::{findings, fixture, format_of, never_panics, shown};
    use crate::sources::testing::read;

    #[test]
    fn a_document_and_rows_say_the_same() {
        let (whole, lines) = (fixture("rdjson.json"), fixture("rd.rdjsonl"));
        assert_eq!(findings(&Rdjson, "r.json", &whole), findings(&Rdjsonl, "r.jsonl", &lines));
        insta::assert_snapshot!("rdjson", shown(&read(&Rdjson, "r.json", &whole)));
        never_panics(&Rdjson, &whole);
        never_panics(&Rdjsonl, &lines);
        assert_eq!(format_of("x", r#"{"diagnostics":[{"message":"m","file":"a"}]}"#), None);
        assert_eq!(format_of("x", r#"{"message":"m","location":{"path":"a"}}"#), None);
    }
}
