//! A person changed what the agent had just written.
//!
//! Owns the human-rework signal. Must not guess why: the change itself is the evidence, and only
//! its repetition makes a lesson.

use cemem_core::{Candidate, CandidateKey, EventKind, LessonType, Signal, Trust};

use super::view::View;
use super::{Found, scope, wording};

/// How far back the agent's own write is looked for, in events.
const REACH: usize = 300;
/// What one silent change is worth: formatters and other tools leave the same trace.
const DURABLE: f32 = 0.22;
/// Longest change kept as a body, in characters.
const MAX_DIFF: usize = 3000;

/// Returns the candidates for human rework.
pub(super) fn find(view: &View<'_>) -> Vec<Found> {
    (0..view.events.len())
        .filter_map(|idx| {
            let EventKind::UserEdit { path, diff } = view.kind(idx) else { return None };
            let candidate = reworked(view, idx, path, diff)?;
            Some(Found { idx, candidate })
        })
        .collect()
}

fn reworked(view: &View<'_>, idx: usize, path: &str, diff: &str) -> Option<Candidate> {
    let from = idx.saturating_sub(REACH);
    let written = (from..idx).rev().find(|i| {
        view.call_at(*i)
            .is_some_and(|c| super::is_edit(c.name) && c.files.iter().any(|f| same_file(f, path)))
    })?;
    let (removed, added) = (changed(diff, '-'), changed(diff, '+'));
    let quote = added.or(removed)?;
    let mut applies_when = cemem_core::AppliesWhen::default();
    scope::add_path(&mut applies_when, path, view.cwd(idx));
    let name = path.rsplit('/').next().unwrap_or(path);
    let rule = match (removed, added) {
        (Some(old), Some(new)) => {
            format!("In `{name}`, write `{}` rather than `{}`", body(new), body(old))
        }
        (None, Some(new)) => format!("In `{name}`, a person added `{}`", body(new)),
        (Some(old), None) => format!("In `{name}`, a person took out `{}`", body(old)),
        (None, None) => return None,
    };
    let event = |i: usize| view.events[i].event.key.as_str();
    let engine = view.session.engine.as_str();
    Some(Candidate {
        key: CandidateKey::derive("human_rework", [(engine, event(idx)), (engine, event(written))]),
        signal: Signal::HumanRework,
        lesson_type: LessonType::Preference,
        title: wording::title(&format!("Reworked by hand: {name}")),
        rule: wording::rule(&rule),
        why: Some("A person changed this after the agent wrote it.".to_owned()),
        body: Some(format!("```diff\n{}\n```", wording::clean_block(diff, MAX_DIFF))),
        anchors: scope::anchors(&applies_when),
        applies_when,
        trust: Trust::User,
        correction: 0.6,
        durable: DURABLE,
        evidence: vec![view.evidence(idx, wording::shorten(quote))],
        extra: serde_json::Value::Null,
    })
}

fn same_file(a: &str, b: &str) -> bool {
    let (a, b) = (a.replace('\\', "/"), b.replace('\\', "/"));
    a == b || a.ends_with(&format!("/{b}")) || b.ends_with(&format!("/{a}"))
}

/// Returns the first changed line with this sign that holds words.
fn changed(diff: &str, sign: char) -> Option<&str> {
    diff.lines().find(|line| {
        line.starts_with(sign)
            && !line.starts_with("+++")
            && !line.starts_with("---")
            && line.chars().filter(|c| c.is_alphanumeric()).count() >= 3
    })
}

fn body(line: &str) -> String {
    wording::clip(&wording::clean_line(&line[1..]), 160).replace('`', "'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::testing::{call, events, session};
    use cemem_core::Actor;

    #[test]
    fn only_a_change_of_what_the_agent_wrote_counts() {
        let session = session();
        let edit = |path: &str, diff: &str| {
            (Actor::User, EventKind::UserEdit { path: path.into(), diff: diff.into() })
        };
        let diff = "--- a\n+++ b\n-let x = get().unwrap();\n+let x = get()?;\n";
        let events = events(vec![
            call("c", "Edit", &["/home/u/project/src/a.rs"], None),
            edit("src/a.rs", diff),
            edit("src/other.rs", diff),
            edit("src/a.rs", ""),
        ]);
        let found = find(&View::new(&session, &events));
        assert_eq!(found.len(), 1);
        let c = &found[0].candidate;
        assert_eq!(c.evidence[0].quote, "+let x = get()?;");
        assert!(c.rule.contains("rather than `let x = get().unwrap();`"), "{}", c.rule);
        assert_eq!(c.applies_when.paths, ["src/a.rs"]);
    }
}
