//! Findings that agents write down as Markdown: residual-review findings, review-findings.md, and
//! validations of a bot's review issue by issue.
//!
//! Owns them: bullets with a bold priority, sections that carry a priority or number, and lists
//! under a heading that is a priority.

use std::sync::LazyLock;

use cemem_core::finding::{AuthorKind, Finding, FindingStatus, Severity};
use regex::{Captures, Regex};
use serde_json::Value;

use super::markdown::{self, Section, place};
use super::paths::Roots;
use super::report::{Report, Written};
use super::{bots, severity};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Malformed, Output, Reader, Record, Source};

/// The format.
pub(super) struct ReviewNotes;

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant")
}

/// `- **P2** — text`, `- [x] **[P1]** text`, `* **High:** text`.
static BULLET: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^[-*] (?:\[([ xX])\] )?\*\*\[?(P[0-4]|Critical|High|Medium|Low)\]?:?\*\*:?\s*(?:[—–:-]+\s*)?(.+)$",
    )
});
/// `## Issue 2: Title`, `### Finding 1. Title`.
static NUMBERED: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)^(?:issue|finding) #?\d+\s*[:.—–-]\s*(.+)$"));
/// `P1`, `P1 — Critical`, `🔴 P1: Title`, `P2-3. Title`.
static PRIORITY: LazyLock<Regex> = LazyLock::new(|| regex(r"^\W*(P[0-4])\b(?:-\d+)?\W*(.*)$"));
static FIELD: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?im)^\**(severity|priority|status|location)\**:\**\s*(.+)$"));
static WORD: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\b(critical|blocker|high|major|medium|minor|low|info|p[0-4])\b"));
static URL: LazyLock<Regex> = LazyLock::new(|| regex(r"https?://[^\s)>\]]+"));

impl Source for ReviewNotes {
    fn info(&self) -> Info {
        Info {
            engine: "review-notes",
            format: "review-notes",
            version: super::READER_VERSION,
            layout: Layout::Whole,
        }
    }

    /// The name or the first heading speaks of findings of a review, and there is one.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        let path = probe.path.to_string_lossy().to_lowercase();
        // What comes through standard input has no name.
        let extension = probe.path.extension().map(|e| e.to_string_lossy().to_lowercase());
        if extension.is_some_and(|e| e != "md" && e != "markdown") {
            return false;
        }
        let sections = markdown::sections(probe.text);
        let first = sections.iter().find(|s| s.level > 0).map(|s| s.heading.to_lowercase());
        let spoken = first.is_some_and(|h| {
            h.contains("review") && ["finding", "issue", "residual"].iter().any(|w| h.contains(w))
        });
        let named = path.contains("review-findings") || path.contains("review_findings");
        (spoken || named)
            && (probe.text.lines().any(|l| BULLET.is_match(l))
                || sections.iter().any(|s| {
                    s.level > 1 && (NUMBERED.is_match(s.heading) || PRIORITY.is_match(s.heading))
                }))
    }

    fn reader(&self, file: &FileInfo, _state: &Value) -> Box<dyn Reader> {
        Box::new(NotesReader { file: file.clone() })
    }
}

struct NotesReader {
    file: FileInfo,
}

impl Reader for NotesReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let (_, body) = crate::sources::solutions::wire::split(record.text);
        let sections = markdown::sections(body);
        let mut report = Report::new(self.file.path.clone(), None);
        let roots = Roots::of(&self.file, []);
        let title = sections.iter().find(|s| s.level == 1).map(|s| s.heading.to_owned());
        out.session(report.session()).title = title;
        for mut finding in found(&sections) {
            finding.path = finding.path.map(|p| roots.relative(&p));
            finding.fingerprint = bots::fingerprint(&finding);
            report.add_written(out, finding, Written::default());
        }
        Ok(())
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

fn found(sections: &[Section<'_>]) -> Vec<Finding> {
    let mut out = Vec::new();
    // The heading that is only a priority, and its level.
    let mut current: Option<(usize, String)> = None;
    let mut until = 0;
    for (i, section) in sections.iter().enumerate() {
        if i < until {
            continue;
        }
        if current.as_ref().is_some_and(|(level, _)| section.level <= *level) {
            current = None;
        }
        let below = || {
            let deeper = sections[i + 1..].iter().take_while(|s| s.level > section.level).count();
            i + 1 + deeper
        };
        let priority = PRIORITY.captures(section.heading).filter(|_| section.level > 1);
        if let Some(numbered) = NUMBERED.captures(section.heading).filter(|_| section.level > 1) {
            out.push(of_section(&numbered[1], None, &sections[i..]));
            until = below();
        } else if let Some(priority) = priority {
            let level = priority[1].to_owned();
            let items = listed(section.text, Some(&level));
            let title = priority[2].trim();
            let group = title.is_empty()
                || title.split_whitespace().count() <= 3
                || !items.is_empty()
                || sections.get(i + 1).is_some_and(|s| s.level > section.level && !is_part(s));
            if group {
                out.extend(items);
                current = Some((section.level, level));
            } else {
                out.push(of_section(title, Some(&level), &sections[i..]));
                until = below();
            }
        } else if let Some((_, level)) = current.clone() {
            let items = listed(section.text, None);
            if items.is_empty() {
                out.push(of_section(section.heading, Some(&level), &sections[i..]));
                until = below();
            } else {
                out.extend(items);
            }
        } else {
            out.extend(listed(section.text, None));
        }
    }
    out.retain(|f| !f.message.is_empty());
    out
}

/// A heading that is a part of a finding, not a finding.
fn is_part(section: &Section<'_>) -> bool {
    let heading = section.heading.to_lowercase();
    ["problem", "fix", "recommend", "evidence", "impact", "validation", "decision", "location"]
        .iter()
        .any(|w| heading.starts_with(w))
}

/// Items with a bold priority, or, under a heading that is one, every item.
fn listed(text: &str, under: Option<&str>) -> Vec<Finding> {
    static ITEM: LazyLock<Regex> =
        LazyLock::new(|| regex(r"^(?:[-*]|\d+\.) (?:\[([ xX])\] )?(.+)$"));
    let mut items: Vec<(Option<String>, bool, String)> = Vec::new();
    for line in text.lines() {
        let done = |c: &Captures<'_>| c.get(1).is_some_and(|m| m.as_str() != " ");
        if let Some(bullet) = BULLET.captures(line) {
            items.push((Some(bullet[2].to_owned()), done(&bullet), bullet[3].to_owned()));
        } else if let (Some(level), Some(item)) = (under, ITEM.captures(line)) {
            items.push((Some(level.to_owned()), done(&item), item[2].to_owned()));
        } else if line.starts_with([' ', '\t'])
            && let Some((_, _, text)) = items.last_mut()
        {
            text.push('\n');
            text.push_str(line.trim());
        }
    }
    let finding = |(level, done, text): (Option<String>, bool, String)| {
        let mut finding = base(&text, level.as_deref());
        if done && finding.status == FindingStatus::Open {
            finding.status = FindingStatus::Resolved;
        }
        finding.message = words(&text);
        finding
    };
    items.into_iter().map(finding).collect()
}

/// The text without the place at its start and the link at its end.
fn words(text: &str) -> String {
    static LEAD: LazyLock<Regex> = LazyLock::new(|| regex(r"^`[^`]+`\s*(?:[—–:-]+\s*)"));
    static FILED: LazyLock<Regex> =
        LazyLock::new(|| regex(r"\s*(?:[—–-]\s*)?(?:filed|tracked|issue):?\s*<?https?://\S+\s*$"));
    let text = LEAD.replace(text, "");
    FILED.replace(&text, "").trim().to_owned()
}

fn of_section(title: &str, level: Option<&str>, sections: &[Section<'_>]) -> Finding {
    let text = markdown::whole(sections);
    let field = |name: &str| {
        let of = |c: Captures<'_>| (c[1].eq_ignore_ascii_case(name)).then(|| c[2].to_owned());
        FIELD.captures_iter(&text).find_map(of)
    };
    let word = |value: String| WORD.captures(&value).map(|c| c[1].to_owned());
    let level = field("severity").and_then(word).or_else(|| level.map(str::to_owned));
    let level = level.or_else(|| field("priority").and_then(word));
    let below = &sections[1..];
    let below = &below[..below.iter().take_while(|s| s.level > sections[0].level).count()];
    let suggestion = markdown::under(below, |h| h.contains("fix") || h.starts_with("recommend"));
    let problem = markdown::under(below, |h| h.starts_with("problem"));
    let mut finding = base(&text, level.as_deref());
    if let Some(place) = field("location").and_then(|l| place(&l)) {
        set(&mut finding, place);
    }
    if let Some(status) = field("status") {
        finding.status = stated(&status).unwrap_or(finding.status);
    }
    finding.title = Some(title.trim().trim_matches('*').to_owned());
    finding.message = problem.unwrap_or(text);
    if finding.message.is_empty() {
        finding.message = title.to_owned();
    }
    finding.suggestion = suggestion;
    finding
}

/// What both forms share: priority, place, link, the commit that fixed it.
fn base(text: &str, level: Option<&str>) -> Finding {
    let fixed_by = bots::addressed(text);
    let mut finding = Finding {
        tool: "review".to_owned(),
        severity: level.and_then(severity::of).unwrap_or(Severity::Medium),
        level: level.map(str::to_owned),
        author_kind: AuthorKind::Bot,
        url: URL.find(text).map(|m| m.as_str().to_owned()),
        status: if fixed_by.is_some() { FindingStatus::Fixed } else { FindingStatus::Open },
        fixed_by,
        ..Finding::default()
    };
    if let Some(place) = place(text) {
        set(&mut finding, place);
    }
    finding
}

fn set(finding: &mut Finding, (path, first, last): markdown::Place) {
    finding.path = Some(path);
    (finding.line_start, finding.line_end) = (first, last.or(first));
}

/// What a status line says became of it.
fn stated(status: &str) -> Option<FindingStatus> {
    let lower = status.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|w| lower.contains(w));
    if says(&[
        "false positive",
        "won't fix",
        "wontfix",
        "invalid",
        "rejected",
        "dismissed",
        "not a bug",
    ]) {
        Some(FindingStatus::Dismissed)
    } else if says(&["must fix", "should fix", "correct fix", "not fixed", "open", "confirmed"]) {
        Some(FindingStatus::Open)
    } else if says(&["fixed", "resolved", "done", "complete"]) {
        Some(FindingStatus::Resolved)
    } else {
        None
    }
}
