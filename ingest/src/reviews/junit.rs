//! JUnit XML: failures of test runners, and of linters that borrow the format.
//!
//! Owns it, with nextest's flaky and rerun forms. Passed and skipped tests are counted; counters in
//! the file are not believed. Entities a file declares are never expanded.

use std::sync::LazyLock;

use cemem_core::Timestamp;
use cemem_core::finding::{Finding, Severity};
use quick_xml::Reader as Xml;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesRef, BytesStart, Event as Node};
use regex::Regex;
use serde_json::Value;

use super::paths::Roots;
use super::report::{Report, Written};
use super::severity;
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Malformed, Output, Reader, Record, Source};

/// The format.
pub(super) struct Junit;

/// Elements may be nested this deep.
const MAX_DEPTH: usize = 64;

/// Where Rust says a test panicked, in both of its forms.
static PANIC: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"panicked at (?:'[^\n]*', )?([\w./\\-]+\.rs):(\d+)(?::(\d+))?").expect("a constant")
});

impl Source for Junit {
    fn info(&self) -> Info {
        Info {
            engine: "junit",
            format: "junit",
            version: super::READER_VERSION,
            layout: Layout::Whole,
        }
    }

    /// The root is `testsuites` or `testsuite`, after a declaration, comments and a doctype.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        let mut rest = probe.text.trim_start();
        for _ in 0..16 {
            rest = rest.trim_start();
            let end = match rest {
                r if r.starts_with("<?") => r.find("?>").map(|e| e + 2),
                r if r.starts_with("<!--") => r.find("-->").map(|e| e + 3),
                r if r.starts_with("<!DOCTYPE") => match (r.find('['), r.find('>')) {
                    (Some(open), Some(end)) if open < end => r.find("]>").map(|e| e + 2),
                    (_, end) => end.map(|e| e + 1),
                },
                r => {
                    let name =
                        r.strip_prefix("<testsuites").or_else(|| r.strip_prefix("<testsuite"));
                    return name.is_some_and(|n| n.starts_with([' ', '>', '\n', '\t', '\r', '/']));
                }
            };
            let Some(end) = end else { return false };
            rest = &rest[end..];
        }
        false
    }

    fn reader(&self, file: &FileInfo, _state: &Value) -> Box<dyn Reader> {
        Box::new(JunitReader { file: file.clone() })
    }
}

struct JunitReader {
    file: FileInfo,
}

impl Reader for JunitReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let mut xml = Xml::from_str(record.text);
        let mut run = Run {
            report: Report::new(self.file.path.clone(), self.file.modified),
            roots: Roots::of(&self.file, []),
            name: String::new(),
            suites: Vec::new(),
            case: None,
            failure: None,
            depth: 0,
        };
        loop {
            let at = xml.buffer_position();
            let flaw = |e: &dyn std::fmt::Display| Malformed(format!("{e} at byte {at}"));
            match xml.read_event().map_err(|e| flaw(&e))? {
                Node::Start(tag) => run.open(&tag, out)?,
                Node::Empty(tag) => {
                    run.open(&tag, out)?;
                    run.close(tag.name().as_ref(), out);
                }
                Node::End(tag) => run.close(tag.name().as_ref(), out),
                Node::Text(text) => run.text(&text.decode().map_err(|e| flaw(&e))?),
                Node::CData(text) => run.text(&text.decode().map_err(|e| flaw(&e))?),
                Node::GeneralRef(reference) => run.text(&resolved(&reference)),
                Node::Eof if run.depth > 0 => {
                    return Err(Malformed("the document is cut off".into()));
                }
                Node::Eof => return Ok(()),
                _ => {}
            }
        }
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

/// A character or one of the five entities of XML; any other stays as it is written.
fn resolved(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(c)) = reference.resolve_char_ref() {
        return c.to_string();
    }
    let name = reference.decode().unwrap_or_default();
    resolve_predefined_entity(&name).map_or_else(|| format!("&{name};"), str::to_owned)
}

/// What is open while reading.
struct Run {
    report: Report,
    roots: Roots,
    name: String,
    suites: Vec<Suite>,
    case: Option<Case>,
    failure: Option<Failure>,
    depth: usize,
}

#[derive(Default)]
struct Suite {
    name: String,
    file: Option<String>,
    at: Option<Timestamp>,
}

#[derive(Default)]
struct Case {
    name: String,
    class: String,
    file: Option<String>,
    line: Option<u64>,
    column: Option<u64>,
    at: Option<Timestamp>,
    severity: Option<String>,
    failures: Vec<Failure>,
    skipped: bool,
}

#[derive(Default)]
struct Failure {
    element: String,
    kind: Option<String>,
    message: Option<String>,
    text: String,
    /// Elements inside: their text is output, not the failure.
    inner: usize,
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let value = tag.try_get_attribute(name).ok()??.value;
    let raw = String::from_utf8_lossy(&value).into_owned();
    let text = unescape(&raw).map(std::borrow::Cow::into_owned).unwrap_or(raw);
    (!text.trim().is_empty()).then_some(text)
}

impl Run {
    fn open(&mut self, tag: &BytesStart<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Malformed("elements are nested too deep".to_owned()));
        }
        if let Some(failure) = &mut self.failure {
            failure.inner += 1;
            return Ok(());
        }
        let get = |name: &str| attribute(tag, name);
        let element = String::from_utf8_lossy(tag.name().as_ref()).into_owned();
        match element.as_str() {
            "testsuites" => {
                self.name = get("name").unwrap_or_default();
                self.report.made =
                    get("timestamp").and_then(|t| Timestamp::parse(&t)).or(self.report.made);
                out.session(self.report.session()).title = get("name");
            }
            "testsuite" => self.suites.push(Suite {
                name: get("name").unwrap_or_default(),
                file: get("file").or_else(|| get("filepath")),
                at: get("timestamp").and_then(|t| Timestamp::parse(&t)),
            }),
            "testcase" => {
                let number = |name: &str| get(name).and_then(|n| n.parse().ok());
                self.case = Some(Case {
                    name: get("name").unwrap_or_default(),
                    class: get("classname").unwrap_or_default(),
                    file: get("file"),
                    line: number("line").or_else(|| number("lineno")),
                    column: number("column"),
                    at: get("timestamp").and_then(|t| Timestamp::parse(&t)),
                    ..Case::default()
                });
            }
            "property" if get("name").as_deref() == Some("severity") => {
                if let Some(case) = &mut self.case {
                    case.severity = get("value");
                }
            }
            "skipped" => {
                if let Some(case) = &mut self.case {
                    case.skipped = true;
                }
            }
            "failure" | "error" | "flakyFailure" | "flakyError" | "rerunFailure" | "rerunError" => {
                self.failure = Some(Failure {
                    element,
                    kind: get("type"),
                    message: get("message"),
                    ..Failure::default()
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if let Some(failure) = self.failure.as_mut().filter(|f| f.inner == 0) {
            failure.text.push_str(text);
        }
    }

    fn close(&mut self, name: &[u8], out: &mut Output<'_>) {
        self.depth = self.depth.saturating_sub(1);
        if let Some(failure) = &mut self.failure {
            if failure.inner > 0 {
                failure.inner -= 1;
                return;
            }
            let failure = self.failure.take();
            if let (Some(case), Some(failure)) = (&mut self.case, failure) {
                case.failures.push(failure);
            }
            return;
        }
        match name {
            b"testcase" => {
                if let Some(case) = self.case.take() {
                    self.settle(case, out);
                }
            }
            b"testsuite" => {
                self.suites.pop();
            }
            _ => {}
        }
    }

    /// A test that failed in the end is one finding, whatever its reruns said; one that passed in
    /// the end is flaky.
    fn settle(&mut self, mut case: Case, out: &mut Output<'_>) {
        if case.failures.is_empty() {
            out.skip(if case.skipped { "skipped" } else { "passed" });
            return;
        }
        let failures = std::mem::take(&mut case.failures);
        let last = failures.iter().position(|f| matches!(f.element.as_str(), "failure" | "error"));
        for _ in 1..failures.len() {
            out.skip("rerun");
        }
        let failure = &failures[last.unwrap_or(0)];
        let flaky = failure.element.starts_with("flaky");
        let finding = self.finding(&case, failure, flaky);
        let suite = self.suites.last().and_then(|s| s.at);
        self.report.add_written(
            out,
            finding,
            Written { at: case.at.or(suite), ..Written::default() },
        );
    }

    fn finding(&self, case: &Case, failure: &Failure, flaky: bool) -> Finding {
        let suite = self.suites.last();
        let linter = self.linter();
        let stated = case.severity.as_deref().or(failure.kind.as_deref()).and_then(severity::of);
        let place = PANIC.captures(&failure.text);
        let from_panic = |i: usize| place.as_ref()?.get(i)?.as_str().parse().ok();
        let suite_path = suite.map(|s| s.name.as_str()).filter(|n| is_path(n));
        let class_path = Some(case.class.as_str()).filter(|c| is_path(c));
        let panic_path = place.as_ref().and_then(|p| p.get(1)).map(|p| p.as_str());
        let path = case.file.as_deref().or(suite.and_then(|s| s.file.as_deref()));
        let path = path.or(panic_path).or(class_path).or(suite_path);
        let line = case.line.or_else(|| from_panic(2));
        let text = failure.text.trim();
        let message = match (&failure.message, text) {
            (Some(message), "") => message.clone(),
            (Some(message), _) if linter.is_some() => message.clone(),
            (Some(message), text) if !text.contains(message.trim()) => format!("{message}\n{text}"),
            (None, "") => format!("{} failed", case.name),
            (_, text) => text.to_owned(),
        };
        let name = linter.map_or(case.name.as_str(), |l| {
            case.name.strip_prefix(&format!("org.{l}.")).unwrap_or(&case.name)
        });
        let test =
            if case.class.is_empty() { name.to_owned() } else { format!("{} {name}", case.class) };
        let code = linter == Some("semgrep") && !text.is_empty();
        Finding {
            tool: linter.unwrap_or("junit").to_owned(),
            rule_id: Some(if linter.is_some() { name.to_owned() } else { test }),
            severity: match (flaky, failure.element.as_str()) {
                (true, _) => Severity::Low,
                (false, _) => stated.unwrap_or(Severity::High),
            },
            level: case.severity.clone().or_else(|| failure.kind.clone()),
            category: Some(failure.element.clone()),
            path: path.map(|p| self.roots.relative(p)),
            line_start: line,
            line_end: line,
            column_start: case.column.or_else(|| from_panic(3)),
            title: linter.is_none().then(|| case.name.clone()),
            message,
            snippet: code.then(|| text.to_owned()),
            ..Finding::default()
        }
    }

    /// Linters that write this format say so in a name.
    fn linter(&self) -> Option<&'static str> {
        let names = self.suites.iter().map(|s| s.name.as_str()).chain([self.name.as_str()]);
        names.into_iter().find_map(|n| match n {
            "ruff" => Some("ruff"),
            n if n.starts_with("semgrep") => Some("semgrep"),
            _ => None,
        })
    }
}

/// A name with an ending and a folder, or the ending of a source file.
fn is_path(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    let ending = last.rsplit_once('.').is_some_and(|(stem, e)| {
        !stem.is_empty()
            && (1..=5).contains(&e.len())
            && e.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    ending
        && !name.contains(' ')
        && (name.contains('/') || last.matches('.').count() == 1)
        && !name.contains("::")
}
