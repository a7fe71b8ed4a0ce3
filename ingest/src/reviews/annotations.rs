//! Annotation lines of CI logs: `::error file=…::text` of GitHub, `##vso[task.logissue …]text` of
//! Azure.
//!
//! Owns both. Every other line of a log is counted.

use std::sync::LazyLock;

use cemem_core::Timestamp;
use cemem_core::finding::Finding;
use regex::Regex;
use serde_json::Value;

use super::paths::Roots;
use super::report::{Report, Written};
use super::severity;
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Malformed, Output, Reader, Record, Source};

/// The format of GitHub's lines.
pub(super) struct Github;

/// The format of Azure's lines.
pub(super) struct Azure;

/// A time as CI logs put it before every line, then the command.
static GITHUB: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:(\d{4}-\d\d-\d\dT[\d:.]+Z) )?\s*::(error|warning|notice)(?: ([^:]*(?::[^:]+)*?))?::(.*)$")
        .expect("a constant")
});
static AZURE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:(\d{4}-\d\d-\d\dT[\d:.]+Z) )?\s*##vso\[task\.logissue ([^\]]*)\](.*)$")
        .expect("a constant")
});
/// `ruff (E501)` is a tool and its rule.
static TITLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^([A-Za-z][\w.-]*) \(([\w./:-]+)\)$").expect("a constant"));

impl Source for Github {
    fn info(&self) -> Info {
        info("github-annotations")
    }

    fn sniff(&self, probe: &Probe<'_>) -> bool {
        probe.says("::")
            && probe.text.lines().any(|l| {
                GITHUB
                    .captures(l)
                    .is_some_and(|c| c.get(3).is_some_and(|p| p.as_str().contains("file=")))
            })
    }

    fn reader(&self, file: &FileInfo, _state: &Value) -> Box<dyn Reader> {
        reader(file, github)
    }
}

impl Source for Azure {
    fn info(&self) -> Info {
        info("azure-annotations")
    }

    fn sniff(&self, probe: &Probe<'_>) -> bool {
        probe.says("##vso[task.logissue ") && probe.text.lines().any(|l| AZURE.is_match(l))
    }

    fn reader(&self, file: &FileInfo, _state: &Value) -> Box<dyn Reader> {
        reader(file, azure)
    }
}

fn info(format: &'static str) -> Info {
    Info { engine: "annotations", format, version: super::READER_VERSION, layout: Layout::Whole }
}

type Line = fn(&str, &Roots) -> Option<(Finding, Option<Timestamp>)>;

fn reader(file: &FileInfo, line: Line) -> Box<dyn Reader> {
    Box::new(Annotations {
        report: Report::new(file.path.clone(), file.modified),
        roots: Roots::of(file, []),
        line,
    })
}

struct Annotations {
    report: Report,
    roots: Roots,
    line: Line,
}

impl Reader for Annotations {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        for line in record.text.lines() {
            match (self.line)(line.trim_end(), &self.roots) {
                Some((finding, at)) if !finding.message.trim().is_empty() => {
                    self.report.add_written(out, finding, Written { at, ..Written::default() });
                }
                _ => out.skip("text_line"),
            }
        }
        Ok(())
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

fn github(line: &str, roots: &Roots) -> Option<(Finding, Option<Timestamp>)> {
    let parts = GITHUB.captures(line)?;
    let properties = parts.get(3).map_or("", |p| p.as_str());
    let of = |name: &str| property(properties, ',', name).map(|v| unescape(v, true));
    let title = of("title");
    let named = title.as_deref().and_then(|t| TITLE.captures(t));
    let start = of("line").and_then(|l| l.parse().ok());
    let finding = Finding {
        tool: named
            .as_ref()
            .map_or("github-actions", |n| n.get(1).map_or("", |t| t.as_str()))
            .to_owned(),
        rule_id: named.as_ref().map(|n| n[2].to_owned()),
        severity: severity::of(&parts[2]).unwrap_or_default(),
        level: Some(parts[2].to_owned()),
        path: of("file").map(|p| roots.relative(&p)),
        line_start: start,
        line_end: of("endLine").and_then(|l| l.parse().ok()).or(start),
        column_start: of("col").and_then(|c| c.parse().ok()),
        message: unescape(&parts[4], false),
        title,
        ..Finding::default()
    };
    Some((finding, parts.get(1).and_then(|t| Timestamp::parse(t.as_str()))))
}

fn azure(line: &str, roots: &Roots) -> Option<(Finding, Option<Timestamp>)> {
    let parts = AZURE.captures(line)?;
    let of = |name: &str| property(&parts[2], ';', name).map(|v| unescape(v, true));
    let level = of("type");
    let start = of("linenumber").and_then(|l| l.parse().ok());
    let finding = Finding {
        tool: "azure-pipelines".to_owned(),
        rule_id: of("code").filter(|c| !c.is_empty()),
        severity: level.as_deref().and_then(severity::of).unwrap_or_default(),
        level,
        path: of("sourcepath").map(|p| roots.relative(&p)),
        line_start: start,
        line_end: start,
        column_start: of("columnnumber").and_then(|c| c.parse().ok()),
        message: unescape(&parts[3], false),
        ..Finding::default()
    };
    Some((finding, parts.get(1).and_then(|t| Timestamp::parse(t.as_str()))))
}

fn property<'t>(properties: &'t str, separator: char, name: &str) -> Option<&'t str> {
    let mut pairs = properties.split(separator).filter_map(|p| p.trim().split_once('='));
    pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Undoes the escapes of workflow commands; properties have two more.
fn unescape(text: &str, property: bool) -> String {
    let text = text.replace("%0D", "\r").replace("%0A", "\n");
    let text = if property {
        text.replace("%3A", ":").replace("%2C", ",").replace("%3B", ";").replace("%5D", "]")
    } else {
        text
    };
    text.replace("%25", "%")
}
