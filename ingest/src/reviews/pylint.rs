//! Pylint's reports: json2, the older list, and the parseable text that other tools write too.
//!
//! Owns them. Columns are 0-based in the JSON forms.

use std::sync::LazyLock;

use cemem_core::finding::{Finding, Severity};
use regex::{Captures, Regex};
use serde_json::Value;

use super::json::{has, list, number, owned, text};
use super::paths::Roots;
use super::report::{Report, Written};
use super::severity;
use super::sheet::{JsonFormat, Sheet};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Malformed, Output, Reader, Record, Source};

/// The format of the newer document.
pub(super) static PYLINT2: JsonFormat = JsonFormat {
    engine: "pylint",
    format: "pylint-json2",
    layout: Layout::Whole,
    needle: "\"messages\"",
    is: |v| list(v, "/messages").first().is_some_and(is_message),
    read: |value, sheet| read(list(value, "/messages"), sheet),
};

/// The format of the older list.
pub(super) static PYLINT: JsonFormat = JsonFormat {
    format: "pylint-json",
    needle: "\"symbol\"",
    is: |v| list(v, "").first().is_some_and(is_message),
    read: |value, sheet| read(list(value, ""), sheet),
    ..PYLINT2
};

fn is_message(v: &Value) -> bool {
    has(v, &["type", "symbol", "message", "module"])
}

fn read(messages: &[Value], sheet: &mut Sheet<'_, '_>) {
    sheet.title("pylint");
    for v in messages {
        let line = number(v, "/line");
        let finding = Finding {
            tool: "pylint".to_owned(),
            rule_id: owned(v, "/messageId").or_else(|| owned(v, "/message-id")),
            severity: text(v, "/type").and_then(severity::of).unwrap_or_default(),
            level: owned(v, "/type"),
            path: text(v, "/path").map(|p| sheet.path(p)),
            line_start: line,
            line_end: number(v, "/endLine").or(line),
            column_start: number(v, "/column").and_then(|c| c.checked_add(1)),
            title: owned(v, "/symbol"),
            message: owned(v, "/message").unwrap_or_default(),
            ..Finding::default()
        };
        sheet.add(finding);
    }
}

/// The format of `path:line: [code] message`.
pub(super) struct PylintText;

/// Lines that must match for a text to be recognised.
const SURE: usize = 8;

static LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^((?:[A-Za-z]:)?[^\s:][^:]*):(\d+): \[([A-Z]{1,5}\d{2,5})(?:\(([\w-]+)\))?(?:, [^\]]*)?\] (.+)$")
        .expect("a constant")
});

impl Source for PylintText {
    fn info(&self) -> Info {
        Info {
            engine: "pylint",
            format: "pylint-text",
            version: super::READER_VERSION,
            layout: Layout::Whole,
        }
    }

    fn sniff(&self, probe: &Probe<'_>) -> bool {
        let mut lines =
            probe.text.lines().filter(|l| !l.starts_with("*****")).take(SURE).peekable();
        lines.peek().is_some() && {
            let lines: Vec<&str> = lines.collect();
            // The last one may be cut.
            let sure = if lines.len() == SURE { &lines[..SURE - 1] } else { &lines[..] };
            sure.iter().all(|l| LINE.is_match(l))
        }
    }

    fn reader(&self, file: &FileInfo, _state: &Value) -> Box<dyn Reader> {
        Box::new(TextReader {
            report: Report::new(file.path.clone(), file.modified),
            roots: Roots::of(file, []),
        })
    }
}

struct TextReader {
    report: Report,
    roots: Roots,
}

impl Reader for TextReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        for line in record.text.lines() {
            match LINE.captures(line.trim_end()) {
                Some(parts) => {
                    let finding = told(&parts, &self.roots);
                    self.report.add_written(out, finding, Written::default());
                }
                None => out.skip("text_line"),
            }
        }
        Ok(())
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

fn told(parts: &Captures<'_>, roots: &Roots) -> Finding {
    let rule = &parts[3];
    let pylint = rule.len() == 5 && rule.starts_with(['C', 'E', 'F', 'I', 'R', 'W']);
    let line = parts[2].parse().ok();
    Finding {
        // Others write this format too; only pylint's rules have four digits.
        tool: if pylint { "pylint" } else { "lint" }.to_owned(),
        severity: if pylint { of_letter(rule) } else { Severity::default() },
        rule_id: Some(rule.to_owned()),
        path: Some(roots.relative(&parts[1])),
        line_start: line,
        line_end: line,
        title: parts.get(4).map(|t| t.as_str().to_owned()),
        message: parts[5].to_owned(),
        ..Finding::default()
    }
}

fn of_letter(rule: &str) -> Severity {
    match rule.as_bytes().first() {
        Some(b'F') => Severity::Critical,
        Some(b'E') => Severity::High,
        Some(b'W') => Severity::Medium,
        Some(b'I') => Severity::Info,
        _ => Severity::Low,
    }
}
