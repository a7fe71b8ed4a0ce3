//! Compound-engineering todos: one finding a file, `004-complete-p1-slug.md`.
//!
//! Owns them. The status stands in the file's name and in its front matter, so the session is named
//! without it: a renamed file is the same finding.

use std::sync::LazyLock;

use cemem_core::Timestamp;
use cemem_core::finding::{AuthorKind, Finding, FindingStatus};
use regex::Regex;
use serde_json::Value;

use super::markdown::{self, Section, under};
use super::report::{Report, Written};
use super::{bots, json, severity};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Malformed, Output, Reader, Record, Source};
use crate::sources::solutions::wire;

/// The format.
pub(super) struct Todos;

static NAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(\d{3,})-([a-z][a-z-]*?)-(p[0-4])-(.+)$").expect("a constant"));
static DATE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(20\d\d-\d\d-\d\d)\b").expect("a constant"));

impl Source for Todos {
    fn info(&self) -> Info {
        Info {
            engine: "todos",
            format: "todos",
            version: super::READER_VERSION,
            layout: Layout::Whole,
        }
    }

    fn sniff(&self, probe: &Probe<'_>) -> bool {
        let keys = wire::keys(probe.text);
        ["status", "priority", "issue_id"].iter().all(|k| keys.iter().any(|key| key == k))
    }

    fn reader(&self, file: &FileInfo, _state: &Value) -> Box<dyn Reader> {
        Box::new(TodoReader { file: file.clone() })
    }
}

struct TodoReader {
    file: FileInfo,
}

impl Reader for TodoReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let (front, body) = wire::split(record.text);
        let front = Value::Object(wire::parse(front));
        let sections = markdown::sections(body);
        let title = sections.iter().find(|s| s.level == 1).map(|s| plain(s.heading));
        let template = text_of(&front, "status").is_some_and(|s| s.contains('|'))
            || self.file.stem.to_ascii_uppercase().contains("TEMPLATE");
        let Some(title) = title.filter(|t| !template && !t.is_empty()) else {
            out.skip(if template { "template" } else { "no_title" });
            return Ok(());
        };
        let id = text_of(&front, "issue_id").unwrap_or_default();
        let name = NAME.captures(&self.file.stem).map(|n| format!("{}-{}", &n[1], &n[4]));
        let session =
            name.as_ref().map_or_else(|| self.file.path.clone(), |n| format!("todos/{n}"));
        let finding = finding(&front, body, &sections, title.clone());
        out.session(&session).title = Some(title);
        let written = Written {
            id: name.or(Some(id)).filter(|i| !i.is_empty()),
            at: dated(&front, &sections),
            branch: None,
        };
        Report::new(session, None).add_written(out, finding, written);
        Ok(())
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

/// Front matter may hold an id as a number.
fn text_of(front: &Value, key: &str) -> Option<String> {
    json::id(front, &format!("/{key}"))
}

/// `🟡 P2: Title` is `Title`.
fn plain(heading: &str) -> String {
    static LEAD: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^\W*(?:\[?[Pp][0-4]\]?\s*[:—–-]\s*)?").expect("a constant"));
    LEAD.replace(heading, "").trim().to_owned()
}

fn finding(front: &Value, body: &str, sections: &[Section<'_>], title: String) -> Finding {
    let named = |name: &'static str| under(sections, move |h| h.starts_with(name));
    let log = named("work log").unwrap_or_default();
    let fixed_by = bots::addressed(&log);
    let places = [named("technical details"), named("findings"), Some(body.to_owned())];
    let place = places.into_iter().flatten().find_map(|t| markdown::place(&t));
    let (path, line_start, line_end) =
        place.map_or((None, None, None), |(p, a, b)| (Some(p), a, b.or(a)));
    let priority = text_of(front, "priority");
    let tags: Vec<&str> = json::list(front, "/tags").iter().filter_map(Value::as_str).collect();
    let message =
        named("problem statement").or_else(|| named("problem")).or_else(|| named("findings"));
    let mut finding = Finding {
        tool: "todos".to_owned(),
        severity: priority.as_deref().and_then(severity::of).unwrap_or_default(),
        level: priority,
        category: (!tags.is_empty()).then(|| tags.join(", ")),
        path,
        line_start,
        line_end,
        message: message.unwrap_or_else(|| title.clone()),
        suggestion: suggestion(sections),
        author_kind: AuthorKind::Bot,
        status: status(&text_of(front, "status").unwrap_or_default(), fixed_by.is_some()),
        fixed_by,
        ..Finding::default()
    };
    // The statement is reworded as work goes on; the title is not.
    finding.fingerprint = Finding { message: title.clone(), ..finding.clone() }.fingerprint_of();
    finding.title = Some(title);
    finding
}

/// The action that was agreed on, else the recommended or first option.
fn suggestion(sections: &[Section<'_>]) -> Option<String> {
    let agreed = under(sections, |h| h.starts_with("recommended action"));
    let vague = |t: &String| t.len() < 12 || t.to_lowercase().contains("to be filled");
    if let Some(agreed) = agreed.filter(|t| !vague(t)) {
        return Some(agreed);
    }
    let from =
        sections.iter().position(|s| s.heading.to_lowercase().starts_with("proposed solution"))?;
    let options: Vec<usize> = (from + 1..sections.len())
        .take_while(|i| sections[*i].level > sections[from].level)
        .collect();
    let recommended =
        options.iter().find(|i| sections[**i].heading.to_lowercase().contains("recommended"));
    match recommended.or(options.first()) {
        Some(at) => Some(format!("{}\n\n{}", sections[*at].heading, sections[*at].text)),
        None => Some(sections[from].text.to_owned()).filter(|t| !t.is_empty()),
    }
}

fn status(word: &str, commit: bool) -> FindingStatus {
    match word.to_ascii_lowercase().as_str() {
        "complete" | "completed" | "done" | "resolved" | "closed" | "fixed" if commit => {
            FindingStatus::Fixed
        }
        "complete" | "completed" | "done" | "resolved" | "closed" | "fixed" => {
            FindingStatus::Resolved
        }
        "wontfix" | "wont-fix" | "won't-fix" | "dismissed" | "rejected" | "cancelled"
        | "canceled" | "invalid" => FindingStatus::Dismissed,
        "obsolete" | "superseded" | "outdated" => FindingStatus::Outdated,
        _ => FindingStatus::Open,
    }
}

/// When it was completed, else the first day of the work log.
fn dated(front: &Value, sections: &[Section<'_>]) -> Option<Timestamp> {
    let day = text_of(front, "completed_date").or_else(|| {
        let log = under(sections, |h| h.starts_with("work log"))?;
        DATE.captures_iter(&log).map(|c| c[1].to_owned()).min()
    });
    day.as_deref().and_then(Timestamp::parse)
}
