//! Bandit's JSON.
//!
//! Owns it. The code of a result comes with line numbers, which are taken out.

use cemem_core::Timestamp;
use cemem_core::finding::Finding;

use super::json::{has, list, number, owned, text};
use super::severity;
use super::sheet::JsonFormat;
use crate::source::Layout;

/// The format.
pub(super) static BANDIT: JsonFormat = JsonFormat {
    engine: "bandit",
    format: "bandit",
    layout: Layout::Whole,
    needle: "\"generated_at\"",
    is: |v| {
        let metrics = v["metrics"].as_object();
        let counted = metrics
            .is_some_and(|m| m.values().any(|f| has(f, &["loc"]) || has(f, &["CONFIDENCE.HIGH"])));
        let result = list(v, "/results").first();
        counted || result.is_some_and(|r| has(r, &["test_id", "issue_text"]))
    },
    read: |value, sheet| {
        sheet.title("Bandit");
        sheet.made(text(value, "/generated_at").and_then(Timestamp::parse));
        sheet.paths(list(value, "/results").iter().filter_map(|r| text(r, "/filename")));
        for _ in list(value, "/errors") {
            sheet.out.skip("tool_error");
        }
        for r in list(value, "/results") {
            let line = number(r, "/line_number");
            let last = list(r, "/line_range").last().and_then(serde_json::Value::as_u64);
            let finding = Finding {
                tool: "Bandit".to_owned(),
                rule_id: owned(r, "/test_id"),
                severity: text(r, "/issue_severity").and_then(severity::of).unwrap_or_default(),
                level: owned(r, "/issue_severity"),
                category: owned(r, "/issue_cwe/link"),
                path: text(r, "/filename").map(|p| sheet.path(p)),
                line_start: line,
                line_end: last.or(line),
                column_start: number(r, "/col_offset").and_then(|c| c.checked_add(1)),
                title: owned(r, "/test_name"),
                message: owned(r, "/issue_text").unwrap_or_default(),
                snippet: line.zip(text(r, "/code")).and_then(|(l, code)| numbered(code, l)),
                url: owned(r, "/more_info"),
                ..Finding::default()
            };
            sheet.add(finding);
        }
    },
};

/// The line of `code` with this number: `12     x = 1`.
fn numbered(code: &str, line: u64) -> Option<String> {
    let number = line.to_string();
    code.lines()
        .find_map(|l| l.strip_prefix(number.as_str())?.strip_prefix(' '))
        .map(|l| l.trim().to_owned())
}
