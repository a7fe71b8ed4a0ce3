//! ESLint's JSON formatter.
//!
//! Owns it: one entry a file, `severity` 1 or 2, suppressed messages apart.

use cemem_core::finding::{Finding, FindingStatus, Severity};
use serde_json::Value;

use super::json::{self, has, list, number, owned, text};
use super::sheet::{Document, Sheet};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The format of ESLint reports.
pub(super) struct Eslint;

impl Source for Eslint {
    fn info(&self) -> Info {
        Info {
            engine: "eslint",
            format: "eslint",
            version: super::READER_VERSION,
            layout: Layout::Whole,
        }
    }

    fn sniff(&self, probe: &Probe<'_>) -> bool {
        probe.says("\"filePath\"")
            && json::start(probe.text).is_some_and(|v| {
                list(&v, "").first().is_some_and(|f| {
                    has(f, &["filePath"]) && f["messages"].is_array() && f["filePath"].is_string()
                })
            })
    }

    fn reader(&self, file: &FileInfo, _state: &Value) -> Box<dyn Reader> {
        Document::reader(file, |value, sheet| {
            sheet.paths(list(value, "").iter().filter_map(|f| text(f, "/filePath")));
            sheet.title("ESLint");
            for file in list(value, "") {
                for (messages, status) in [
                    ("/messages", FindingStatus::Open),
                    ("/suppressedMessages", FindingStatus::Dismissed),
                ] {
                    for message in list(file, messages) {
                        let finding = Finding { status, ..finding(message, file, sheet) };
                        sheet.add(finding);
                    }
                }
            }
        })
    }
}

fn finding(message: &Value, file: &Value, sheet: &Sheet<'_, '_>) -> Finding {
    let line = number(message, "/line").filter(|l| *l > 0);
    let fatal = message["fatal"] == true;
    let offered: Vec<&str> =
        list(message, "/suggestions").iter().filter_map(|s| text(s, "/desc")).collect();
    let (severity, level) = match number(message, "/severity") {
        _ if fatal => (Severity::High, Some("fatal")),
        Some(1) => (Severity::Medium, Some("warning")),
        Some(2) => (Severity::High, Some("error")),
        _ => (Severity::default(), None),
    };
    // The whole file is in the report if it was asked for.
    let snippet = line.and_then(|l| {
        let at = usize::try_from(l).ok()?.checked_sub(1)?;
        text(file, "/source")?.lines().nth(at).filter(|l| !l.trim().is_empty())
    });
    Finding {
        tool: "eslint".to_owned(),
        rule_id: owned(message, "/ruleId"),
        severity,
        level: level.map(str::to_owned),
        path: text(file, "/filePath").map(|p| sheet.path(p)),
        line_start: line,
        line_end: number(message, "/endLine").or(line),
        column_start: number(message, "/column").filter(|c| *c > 0),
        message: owned(message, "/message").unwrap_or_default(),
        suggestion: if offered.is_empty() {
            owned(message, "/fix/text")
        } else {
            Some(offered.join("\n"))
        },
        snippet: snippet.map(str::to_owned),
        ..Finding::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reviews::testing::{findings, fixture, format_of, never_panics, shown};
    use crate::sources::testing::read;

    #[test]
    fn messages_and_suppressed_ones() {
        let text = fixture("eslint.json");
        assert_eq!(findings(&Eslint, "e.json", &text).len(), 4);
        insta::assert_snapshot!("eslint", shown(&read(&Eslint, "e.json", &text)));
        never_panics(&Eslint, &text);
        assert_eq!(format_of("x.json", r#"[{"filePath":"a"}]"#), None);
    }
}
