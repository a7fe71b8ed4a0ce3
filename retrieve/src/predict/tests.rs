//! What is known of the past, and how it is weighed.

use cemem_core::exchange::from_line;
use cemem_core::store::{CandidateState, SessionRef, Span, StoredCandidate};
use cemem_core::{
    AppliesWhen, Candidate, CandidateKey, Evidence, Lesson, LessonStatus, LessonType, Outcome,
    Signal, Timestamp, Trust, Verdict, VerdictSource,
};
use serde_json::json;

use super::ask::Shares;
use super::known::{Hazard, Record, Source, hazards};

const DAY: i64 = 24 * 60 * 60 * 1000;

fn session(engine: &str, id: &str) -> SessionRef {
    SessionRef { engine: engine.into(), id: id.into() }
}

fn evidence(engine: &str, id: &str, day: i64, quote: &str) -> Evidence {
    Evidence {
        engine: engine.into(),
        session: id.into(),
        source_path: String::new(),
        event_uuid: String::new(),
        event_key: format!("{engine}/{id}"),
        turn_ts: Some(Timestamp(day * DAY)),
        actor: "tool".into(),
        quote: quote.into(),
    }
}

/// A finding of ruff's rule in a report of this day.
fn finding(id: &str, day: i64, rule: Option<&str>, state: CandidateState) -> StoredCandidate {
    let finding = json!({ "tool": "ruff", "rule_id": rule, "fingerprint": "f1", "fixed_by": ["0123456789abcdef"] });
    StoredCandidate {
        candidate: Candidate {
            key: CandidateKey::derive("finding", [(id, "e")]),
            signal: Signal::Finding,
            lesson_type: LessonType::Mistake,
            title: "Unused import".into(),
            rule: format!("Unused import `os{day}`"),
            why: None,
            body: None,
            applies_when: AppliesWhen {
                paths: vec![format!("src/m{day}.py")],
                ..Default::default()
            },
            anchors: Vec::new(),
            trust: Trust::Analyzer,
            correction: 0.0,
            durable: 0.3,
            evidence: vec![evidence("ruff", id, day, "`os` imported but unused")],
            extra: json!({ "finding": finding }),
        },
        state,
        session: session("ruff", id),
    }
}

fn span(engine: &str, id: &str, day: i64) -> Span {
    Span {
        session: session(engine, id),
        started: Some(Timestamp(day * DAY)),
        ended: None,
        last_event: day,
        prompted: engine != "ruff",
    }
}

fn lesson(rule: &str, body: &str) -> Lesson {
    let line = json!({ "rule": rule, "body": body, "type": "mistake" }).to_string();
    let mut lesson = from_line(&line, "f", 1, Timestamp(0)).unwrap().lesson;
    lesson.evidence = vec![evidence("claude-code", "s1", 1, rule)];
    lesson
}

fn known(lessons: &[Lesson], found: &[StoredCandidate], outcomes: &[Outcome]) -> Vec<Hazard> {
    let candidates: Vec<&StoredCandidate> = found.iter().collect();
    let spans = [
        span("ruff", "r1", 1),
        span("ruff", "r2", 2),
        span("ruff", "r3", 3),
        span("claude-code", "s1", 1),
        span("claude-code", "s2", 5),
        span("claude-code", "s3", 9),
    ];
    hazards(Record { lessons, candidates: &candidates, outcomes, spans: &spans })
}

fn dropped() -> CandidateState {
    CandidateState::Dropped("seen once".into())
}

#[test]
fn a_rule_of_an_analyzer_is_one_thing_in_every_file() {
    let found = [
        finding("r1", 1, Some("F401"), dropped()),
        finding("r2", 2, Some("F401"), CandidateState::New),
    ];
    let all = known(&[], &found, &[]);
    assert_eq!(all.len(), 1);
    let hazard = &all[0];
    assert_eq!((hazard.key.as_str(), hazard.source), ("ruff F401", Source::Finding));
    assert_eq!((hazard.again(), hazard.chances), (1, 2), "r3 came after and has none");
    assert_eq!(hazard.paths, ["src/m1.py", "src/m2.py"]);
    assert_eq!(hazard.title, "Unused import `os2`");
    assert_eq!(hazard.fix.as_deref(), Some("in commit 0123456789ab"));
}

#[test]
fn what_is_seen_once_without_a_name_or_was_taken_out_is_not_known() {
    assert!(known(&[], &[finding("r1", 1, None, dropped())], &[]).is_empty());
    assert!(known(&[], &[finding("r1", 1, Some("F401"), CandidateState::Gone)], &[]).is_empty());
    let mut retired = lesson("Remove unused imports.", "");
    retired.status = LessonStatus::Retired;
    let absorbed = CandidateState::Absorbed(retired.id.clone());
    assert!(known(&[retired], &[finding("r1", 1, Some("F401"), absorbed)], &[]).is_empty());
    let mut printed = finding("r1", 1, Some("F401"), dropped());
    printed.candidate.trust = Trust::ToolOutput;
    assert!(known(&[], &[printed], &[]).is_empty());
}

#[test]
fn a_lesson_that_is_a_group_is_told_once() {
    let said = lesson("Remove unused imports.", "");
    let absorbed = || CandidateState::Absorbed(said.id.clone());
    let found =
        [finding("r1", 1, Some("F401"), absorbed()), finding("r2", 2, Some("F401"), absorbed())];
    let all = known(std::slice::from_ref(&said), &found, &[]);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].lesson.as_ref(), Some(&said.id));
}

#[test]
fn a_lesson_counts_the_sessions_in_which_it_came_again() {
    let body = "# Raw body\n\n## Problem\nSee src/webhook.rs.\n\n## Solution\nSign the raw body.\n\n## Notes\nx\n";
    let lesson = lesson("Sign the raw webhook body.", body);
    let outcome = |verdict, id: &str, day: i64| Outcome {
        lesson: lesson.id.clone(),
        ts: Timestamp(day * DAY),
        verdict,
        source: VerdictSource::Transcript,
        session: Some(session("claude-code", id)),
        event_key: String::new(),
        note: "signature mismatch".into(),
    };
    let outcomes = [outcome(Verdict::Recurred, "s2", 5), outcome(Verdict::Heeded, "s3", 9)];
    let all = known(std::slice::from_ref(&lesson), &[], &outcomes);
    assert_eq!((all[0].again(), all[0].chances), (1, 2));
    assert_eq!(all[0].fix.as_deref(), Some("Sign the raw body."));
    assert_eq!(all[0].paths, ["src/webhook.rs"]);
    assert_eq!(all[0].past.last().unwrap().quote, "signature mismatch");
}

#[test]
fn rare_words_of_a_finding_are_told() {
    let found =
        [finding("r1", 1, Some("F401"), dropped()), finding("r2", 2, Some("S101"), dropped())];
    let all = known(&[], &found, &[]);
    let shares = Shares::of(&all, "import os1\n");
    let (with, shared) = shares.with(0);
    assert!(with > shares.with(1).0 && shared[0] == "os1", "{with} {shared:?}");
    assert!(Shares::of(&all, "").with(0).0 < 1e-6);
}
