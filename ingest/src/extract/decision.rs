//! Choices that were settled in the open: answered questions and approved plans.
//!
//! Owns those two signals. Must not read decisions out of ordinary prompts: those are turns, and
//! the judge sees them.

use cemem_core::event::PlanState;
use cemem_core::{Candidate, CandidateKey, EventKind, LessonType, Signal, Stage, Trust};

use super::view::View;
use super::{Found, scope, wording};

/// What a settled question is worth to a later task when nothing else is known.
const ANSWERED: f32 = 0.42;
/// A free answer, in the person's own words, says more than a click on an option.
const ANSWERED_FREELY: f32 = 0.5;
/// An approved plan is mostly about the task at hand.
const PLAN: f32 = 0.15;
/// Longest plan kept as a body, in characters.
const MAX_BODY: usize = 4000;

/// Answers that only keep the work going.
const PERMISSIONS: &[&str] =
    &["yes", "no", "ok", "okay", "proceed", "continue", "skip", "cancel", "go ahead", "done"];

/// Returns the candidates for settled choices.
pub(super) fn find(view: &View<'_>) -> Vec<Found> {
    (0..view.events.len())
        .filter_map(|idx| {
            let candidate = match view.kind(idx) {
                EventKind::QuestionAnswered { question, answer } => {
                    answered(view, idx, question, answer)
                }
                EventKind::Plan { state: PlanState::Approved, text } => approved(view, idx, text),
                _ => None,
            }?;
            Some(Found { idx, candidate })
        })
        .collect()
}

fn answered(view: &View<'_>, idx: usize, question: &str, answer: &str) -> Option<Candidate> {
    let short = wording::clean_line(answer);
    let plain = short.to_lowercase();
    let plain = plain.trim_end_matches(['.', '!']);
    if short.chars().count() < 4 || question.trim().is_empty() || PERMISSIONS.contains(&plain) {
        return None;
    }
    let ask = wording::clip(&wording::clean_line(question), 200);
    let rule = wording::rule(&format!("{} (asked: {ask})", wording::clip(&short, 300)));
    let words = format!("{question} {answer}");
    let applies_when = scope::of_turn(&words, None, view.cwd(idx));
    let free = short.split_whitespace().count() > 8;
    Some(Candidate {
        key: key(view, idx, "answered"),
        signal: Signal::Decision,
        lesson_type: LessonType::Decision,
        title: wording::title(&format!("{}: {short}", ask.trim_end_matches('?'))),
        rule,
        why: Some(format!("Answer to: {ask}")),
        body: None,
        anchors: scope::anchors(&applies_when),
        applies_when,
        trust: Trust::User,
        correction: 0.0,
        durable: if free { ANSWERED_FREELY } else { ANSWERED },
        evidence: vec![view.evidence(idx, wording::quote(answer, answer))],
        extra: serde_json::Value::Null,
    })
}

fn approved(view: &View<'_>, idx: usize, plan: &str) -> Option<Candidate> {
    let name =
        plan.lines().map(|l| l.trim().trim_start_matches('#').trim()).find(|l| l.len() > 8)?;
    let mut applies_when = scope::of_turn(plan, None, view.cwd(idx));
    applies_when.stages = vec![Stage::Plan];
    Some(Candidate {
        key: key(view, idx, "plan"),
        signal: Signal::Decision,
        lesson_type: LessonType::Decision,
        title: wording::title(name),
        rule: wording::rule(&format!("Approved plan: {}", wording::clip(name, 200))),
        why: None,
        body: Some(wording::clean_block(plan, MAX_BODY)),
        anchors: Vec::new(),
        applies_when,
        // Written by the agent, accepted by a person.
        trust: Trust::HumanReview,
        correction: 0.0,
        durable: PLAN,
        evidence: vec![view.evidence(idx, wording::shorten(name))],
        extra: serde_json::Value::Null,
    })
}

fn key(view: &View<'_>, idx: usize, what: &str) -> CandidateKey {
    CandidateKey::derive(
        what,
        [(view.session.engine.as_str(), view.events[idx].event.key.as_str())],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::testing::{events, session};
    use cemem_core::Actor;

    #[test]
    fn an_answer_is_a_decision_and_a_permission_is_not() {
        let session = session();
        let ask = |answer: &str| {
            let kind = EventKind::QuestionAnswered {
                question: "Where should settings live?".into(),
                answer: answer.into(),
            };
            (Actor::User, kind)
        };
        let events = events(vec![ask("In cli/config.toml"), ask("Yes.")]);
        let found = find(&View::new(&session, &events));
        assert_eq!(found.len(), 1);
        let c = &found[0].candidate;
        assert_eq!(c.evidence[0].quote, "In cli/config.toml");
        assert_eq!(c.applies_when.paths, ["cli/config.toml"]);
        assert_eq!((c.signal, c.trust), (Signal::Decision, Trust::User));
    }

    #[test]
    fn an_approved_plan_names_its_heading() {
        let session = session();
        let plan = "# Unify the settings loader\n\nmore";
        let kind = EventKind::Plan { state: PlanState::Approved, text: plan.into() };
        let events = events(vec![(Actor::User, kind)]);
        let found = find(&View::new(&session, &events));
        assert_eq!(found[0].candidate.rule, "Approved plan: Unify the settings loader");
        assert!(plan.contains(&found[0].candidate.evidence[0].quote));
    }
}
