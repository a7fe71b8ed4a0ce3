//! Review findings: what a reviewer, human or not, holds against the code.
//!
//! Owns which findings become candidates. One finding of an analyzer is its own business: it stays
//! below the bar until another report repeats it. What was dismissed is no evidence. Must not know
//! any report format.

use std::collections::{BTreeMap, HashMap, HashSet};

use cemem_core::{
    AppliesWhen, AuthorKind, Candidate, CandidateKey, EventKind, Finding, FindingStatus,
    LessonType, Signal, Trust,
};
use serde_json::json;

use super::judge::{Judge, Turn};
use super::view::View;
use super::{Found, injection, scope, wording};

/// Probability given to one finding of a program: set aside alone, kept when a second report or pull
/// request repeats it.
const ONCE: f32 = 0.3;
/// Most findings of programs taken from one report, worst first.
const MAX_A_REPORT: usize = 200;
/// Longest rule taken from a message, in characters.
const MAX_MESSAGE: usize = 240;

/// A finding as it stands, and which event says so.
type Spot<'a> = (usize, &'a Finding);

/// Returns the candidates of a session's findings.
pub(super) fn find(view: &View<'_>, judge: &dyn Judge) -> Vec<Found> {
    let standing = standing(view);
    let mut found = Vec::new();
    let mut programs: BTreeMap<&str, Vec<Spot<'_>>> = BTreeMap::new();
    for &(idx, finding) in &standing {
        if finding.reply || finding.status == FindingStatus::Dismissed {
            continue;
        }
        if finding.author_kind == AuthorKind::Human {
            found.extend(human(view, idx, finding, judge));
        } else {
            programs.entry(finding.fingerprint.as_str()).or_default().push((idx, finding));
        }
    }
    let dismissed: HashSet<&str> = standing
        .iter()
        .filter(|(_, f)| f.status == FindingStatus::Dismissed)
        .map(|(_, f)| f.fingerprint.as_str())
        .collect();
    let mut groups: Vec<Vec<Spot<'_>>> = programs
        .into_iter()
        .filter(|(print, _)| !dismissed.contains(print))
        .map(|(_, group)| group)
        .collect();
    groups.sort_by_key(|g| (std::cmp::Reverse(g[0].1.severity), g[0].0));
    groups.truncate(MAX_A_REPORT);
    found.extend(groups.iter().filter_map(|group| program(view, group)));
    found
}

/// Returns how each finding stands: a change of status is a later event of the same row.
fn standing<'a>(view: &View<'a>) -> Vec<Spot<'a>> {
    let mut last: HashMap<&str, Spot<'a>> = HashMap::new();
    for (idx, stored) in view.events.iter().enumerate() {
        if let EventKind::Finding(finding) = &stored.event.kind {
            last.insert(stored.event.row_id.as_str(), (idx, finding));
        }
    }
    let mut standing: Vec<Spot<'a>> = last.into_values().collect();
    standing.sort_unstable_by_key(|(idx, _)| *idx);
    standing
}

/// A person's comment is judged like a turn: it may state a rule, or speak of this line only.
fn human(view: &View<'_>, idx: usize, f: &Finding, judge: &dyn Judge) -> Option<Found> {
    let context: Vec<String> =
        f.snippet.iter().map(|code| format!("A: [Edit: {}]", wording::clip(code, 140))).collect();
    let turn = Turn { kind: "user", text: &f.message, context: &context, after: &[] };
    let verdict = judge.judge(&turn);
    let rule = wording::rule(if verdict.rule.is_empty() { &f.message } else { &verdict.rule });
    if rule.trim().is_empty() {
        return None;
    }
    let quote = if verdict.span.is_empty() { f.message.as_str() } else { verdict.span.as_str() };
    let lesson_type = verdict.lesson_type.unwrap_or(LessonType::Convention);
    let mut candidate = build(view, &[(idx, f)], rule, lesson_type, quote);
    candidate.trust = trusted(Trust::HumanReview, &candidate.rule, f);
    (candidate.correction, candidate.durable) = (verdict.correction, verdict.durable);
    Some(Found { idx, candidate })
}

/// The findings of a program with one fingerprint are one candidate.
fn program(view: &View<'_>, group: &[Spot<'_>]) -> Option<Found> {
    let (idx, f) = group[0];
    let message = f.title.as_deref().filter(|t| !t.trim().is_empty()).unwrap_or(&f.message);
    let message = wording::clip(&wording::clean_line(message), MAX_MESSAGE);
    if message.is_empty() {
        return None;
    }
    let rule = match (&f.rule_id, &f.path) {
        (Some(id), Some(path)) => format!("{message} ({} {id}, in {path})", f.tool),
        (Some(id), None) => format!("{message} ({} {id})", f.tool),
        (None, Some(path)) => format!("{message} ({}, in {path})", f.tool),
        (None, None) => format!("{message} ({})", f.tool),
    };
    let quote = f.message.lines().find(|l| !l.trim().is_empty()).unwrap_or(&f.message);
    let mut candidate = build(view, group, rule, LessonType::Mistake, quote);
    let level = if f.author_kind == AuthorKind::Bot { Trust::Agent } else { Trust::Analyzer };
    let each = group.iter().map(|(_, f)| trusted(level, &candidate.rule, f));
    candidate.trust = each.min().unwrap_or(level);
    (candidate.correction, candidate.durable) = (0.0, ONCE);
    Some(Found { idx, candidate })
}

/// Text that speaks to agents is nobody's review, wherever in the finding it stands.
fn trusted(trust: Trust, rule: &str, f: &Finding) -> Trust {
    // A sentence may pass for the name of a rule.
    let spoken = f.rule_id.as_ref().map(|id| id.replace(['-', '_', '/', ':', '.'], " "));
    let said = [&f.title, &f.suggestion, &spoken].into_iter().flatten().map(String::as_str);
    let suspicious = said.chain([rule, &f.message]).any(injection::is_suspicious);
    if suspicious { Trust::ToolOutput } else { trust }
}

fn build(
    view: &View<'_>,
    group: &[Spot<'_>],
    rule: String,
    lesson_type: LessonType,
    quote: &str,
) -> Candidate {
    let (idx, f) = group[0];
    let applies_when =
        AppliesWhen { paths: f.path.iter().cloned().collect(), ..AppliesWhen::default() };
    let dated = || group.iter().filter_map(|(idx, _)| view.ts(*idx));
    let fixes: Vec<&str> = group.iter().filter_map(|(_, f)| f.fixed_by.as_deref()).collect();
    let example = |(idx, f): &Spot<'_>| {
        let quote = f.message.lines().next().unwrap_or_default();
        view.evidence(*idx, wording::shorten(quote.trim()))
    };
    let mut evidence = vec![view.evidence(idx, wording::shorten(quote.trim()))];
    evidence.extend(group[1..].iter().take(4).map(example));
    Candidate {
        key: CandidateKey::derive(
            "finding",
            [(view.session.engine.as_str(), view.events[idx].event.key.as_str())],
        ),
        signal: Signal::Finding,
        lesson_type,
        title: wording::clip(
            f.title.as_deref().unwrap_or(&rule),
            cemem_core::lesson::MAX_TITLE_CHARS,
        ),
        rule,
        why: None,
        body: f.suggestion.clone(),
        anchors: scope::anchors(&applies_when),
        applies_when,
        trust: Trust::Analyzer,
        correction: 0.0,
        durable: 0.0,
        evidence,
        extra: json!({"finding": {
            "fingerprint": f.fingerprint,
            "tool": f.tool,
            "rule_id": f.rule_id,
            "severity": f.severity,
            "count": group.len(),
            "first_seen": dated().min().map(|t| t.to_string()),
            "last_seen": dated().max().map(|t| t.to_string()),
            "fixed_by": fixes,
        }}),
    }
}

mod sieve;
#[cfg(test)]
mod tests;

pub(crate) use sieve::{Sieve, Sieves};
