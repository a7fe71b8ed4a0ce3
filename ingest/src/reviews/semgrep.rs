//! Semgrep's JSON.
//!
//! Owns it. Without a login Semgrep writes `requires login` in the place of code and fingerprints.

use cemem_core::finding::{Finding, FindingStatus};
use serde_json::Value;

use super::json::{has, list, number, owned, text};
use super::severity;
use super::sheet::{JsonFormat, Sheet};
use crate::source::Layout;

/// What stands where something is not given without an account.
const WITHHELD: &str = "requires login";

/// The format.
pub(super) static SEMGREP: JsonFormat = JsonFormat {
    engine: "semgrep",
    format: "semgrep",
    layout: Layout::Whole,
    needle: "\"check_id\"",
    is: |v| list(v, "/results").first().is_some_and(|r| has(r, &["check_id", "path"])),
    read: |value, sheet| {
        sheet.title("Semgrep");
        sheet.paths(list(value, "/results").iter().filter_map(|r| text(r, "/path")));
        for _ in list(value, "/errors") {
            sheet.out.skip("tool_error");
        }
        for r in list(value, "/results") {
            let finding = finding(r, sheet);
            sheet.add(finding);
        }
    },
};

fn finding(r: &Value, sheet: &Sheet<'_, '_>) -> Finding {
    let given = |pointer: &str| owned(r, pointer).filter(|t| t != WITHHELD);
    let line = number(r, "/start/line");
    let ignored = r.pointer("/extra/is_ignored") == Some(&Value::Bool(true));
    Finding {
        tool: "Semgrep".to_owned(),
        rule_id: owned(r, "/check_id"),
        severity: text(r, "/extra/severity").and_then(severity::of).unwrap_or_default(),
        level: owned(r, "/extra/severity"),
        category: owned(r, "/extra/metadata/category"),
        path: text(r, "/path").map(|p| sheet.path(p)),
        line_start: line,
        line_end: number(r, "/end/line").or(line),
        column_start: number(r, "/start/col"),
        message: owned(r, "/extra/message").unwrap_or_default(),
        suggestion: given("/extra/fix"),
        snippet: given("/extra/lines"),
        status: if ignored { FindingStatus::Dismissed } else { FindingStatus::Open },
        url: owned(r, "/extra/metadata/source"),
        ..Finding::default()
    }
}
