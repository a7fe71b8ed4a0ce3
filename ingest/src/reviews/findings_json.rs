//! What review agents return as JSON: findings with titles, or a verdict with feedback.
//!
//! Owns the shapes of compound-engineering reviewers, of synthesised reviews, of Codex's review
//! output and of plain verdicts.

use cemem_core::Timestamp;
use cemem_core::finding::{AuthorKind, Finding, Severity};
use serde_json::Value;

use super::json::{has, id, list, number, owned, text};
use super::report::Written;
use super::sheet::{JsonFormat, Sheet};
use super::{bots, severity};
use crate::source::Layout;

/// The format of findings.
pub(super) static FINDINGS: JsonFormat = JsonFormat {
    engine: "findings",
    format: "findings",
    layout: Layout::Whole,
    needle: "\"findings\"",
    is: |v| is_review(v) || list(v, "").first().is_some_and(is_review),
    read: |value, sheet| match value.as_array() {
        Some(all) => all.iter().for_each(|v| review(v, sheet)),
        None => review(value, sheet),
    },
};

/// The format of verdicts.
pub(super) static VERDICT: JsonFormat = JsonFormat {
    format: "verdict",
    needle: "\"verdict\"",
    is: |v| {
        has(v, &["reviewer", "verdict", "summary"])
            && ["reviewer", "verdict", "summary"].iter().all(|k| v[*k].is_string())
    },
    read: verdict,
    ..FINDINGS
};

/// A list of findings with titles; an empty one needs a reviewer's name beside it.
fn is_review(v: &Value) -> bool {
    let Some(findings) = v["findings"].as_array() else { return false };
    let signed = ["reviewer", "verdict", "overall_correctness", "residual_risks"];
    match findings.first() {
        Some(f) => {
            has(f, &["title"])
                && ["severity", "priority", "code_location", "why_it_matters", "confidence_score"]
                    .iter()
                    .any(|k| has(f, &[k]))
        }
        None => signed.iter().filter(|k| has(v, &[k])).count() >= 2 || has(v, &["reviewer"]),
    }
}

fn review(v: &Value, sheet: &mut Sheet<'_, '_>) {
    let reviewer = owned(v, "/reviewer");
    let made = ["/timestamp", "/created_at", "/date"].iter().find_map(|p| text(v, p));
    sheet.made(made.and_then(Timestamp::parse));
    let paths: Vec<&str> = list(v, "/findings").iter().filter_map(path).collect();
    sheet.paths(paths);
    for f in list(v, "/findings") {
        let mut finding = finding(f, sheet);
        finding.author = finding.author.or_else(|| reviewer.clone());
        finding.fingerprint = bots::fingerprint(&finding);
        let own = id(f, "/id").map(|i| format!("{}/{i}", reviewer.as_deref().unwrap_or("review")));
        sheet.add_written(finding, Written { id: own, ..Written::default() });
    }
    for (key, category) in [("/residual_risks", "residual risk"), ("/testing_gaps", "testing gap")]
    {
        for item in list(v, key) {
            let message = item.as_str().map(str::to_owned).or_else(|| owned(item, "/description"));
            let finding = Finding {
                tool: "review".to_owned(),
                severity: Severity::Info,
                category: Some(category.to_owned()),
                message: message.unwrap_or_default(),
                author: reviewer.clone(),
                author_kind: AuthorKind::Bot,
                ..Finding::default()
            };
            sheet.add(finding);
        }
    }
}

fn path(f: &Value) -> Option<&str> {
    ["/file", "/path", "/code_location/absolute_file_path"].iter().find_map(|p| text(f, p))
}

fn finding(f: &Value, sheet: &Sheet<'_, '_>) -> Finding {
    let level = owned(f, "/severity").or_else(|| number(f, "/priority").map(|p| format!("P{p}")));
    let level = level.or_else(|| owned(f, "/priority"));
    let line = number(f, "/line").or_else(|| number(f, "/code_location/line_range/start"));
    let parts =
        ["/description", "/why_it_matters", "/body", "/impact"].iter().filter_map(|p| text(f, p));
    let mut message: Vec<&str> = parts.collect();
    let title = owned(f, "/title");
    if message.is_empty() {
        message.extend(title.as_deref());
    }
    let mut category: Vec<&str> =
        ["/category", "/section", "/autofix_class"].iter().filter_map(|p| text(f, p)).collect();
    if f["pre_existing"] == true {
        category.push("pre-existing");
    }
    let evidence: Vec<&str> = list(f, "/evidence").iter().filter_map(Value::as_str).collect();
    Finding {
        tool: "review".to_owned(),
        severity: level.as_deref().and_then(severity::of).unwrap_or_default(),
        level,
        category: (!category.is_empty()).then(|| category.join(", ")),
        path: path(f).map(|p| sheet.path(p)),
        line_start: line,
        line_end: number(f, "/end_line")
            .or_else(|| number(f, "/code_location/line_range/end"))
            .or(line),
        message: message.join("\n\n"),
        title,
        suggestion: owned(f, "/suggested_fix").or_else(|| owned(f, "/fix")),
        snippet: (!evidence.is_empty()).then(|| evidence.join("\n")),
        author: owned(f, "/agent"),
        author_kind: AuthorKind::Bot,
        ..Finding::default()
    }
}

/// Approval without feedback is no finding.
fn verdict(v: &Value, sheet: &mut Sheet<'_, '_>) {
    let verdict = text(v, "/verdict").unwrap_or_default().to_ascii_lowercase();
    let approved = matches!(verdict.as_str(), "approved" | "approve" | "pass" | "passed" | "lgtm");
    let feedback = owned(v, "/feedback");
    if approved && feedback.is_none() {
        sheet.out.skip("approved");
        return;
    }
    sheet.made(text(v, "/timestamp").and_then(Timestamp::parse));
    let finding = Finding {
        tool: "review".to_owned(),
        level: Some(verdict),
        severity: if approved { Severity::Info } else { Severity::High },
        message: feedback.or_else(|| owned(v, "/summary")).unwrap_or_default(),
        author: owned(v, "/reviewer"),
        author_kind: AuthorKind::Bot,
        ..Finding::default()
    };
    sheet.add(finding);
}
