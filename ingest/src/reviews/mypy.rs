//! mypy's `--output json`: one object a line.
//!
//! Owns it. Columns are 0-based, -1 where unknown.

use cemem_core::finding::Finding;

use super::json::{has, number, owned, text};
use super::severity;
use super::sheet::JsonFormat;
use crate::source::Layout;

/// The format.
pub(super) static MYPY: JsonFormat = JsonFormat {
    engine: "mypy",
    format: "mypy",
    layout: Layout::Lines,
    needle: "\"hint\"",
    is: |v| has(v, &["file", "line", "column", "message", "hint", "code", "severity"]),
    read: |v, sheet| {
        let line = number(v, "/line").filter(|l| *l > 0);
        let finding = Finding {
            tool: "mypy".to_owned(),
            rule_id: owned(v, "/code"),
            severity: text(v, "/severity").and_then(severity::of).unwrap_or_default(),
            level: owned(v, "/severity"),
            path: text(v, "/file").map(|p| sheet.path(p)),
            line_start: line,
            line_end: line,
            column_start: number(v, "/column").and_then(|c| c.checked_add(1)),
            message: owned(v, "/message").unwrap_or_default(),
            suggestion: owned(v, "/hint"),
            ..Finding::default()
        };
        sheet.add(finding);
    },
};
