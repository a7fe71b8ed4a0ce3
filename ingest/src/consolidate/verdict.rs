//! Whether a cluster is worth keeping, and how it stands.
//!
//! Owns every threshold of the pass and the words of every reason. Must not change text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use cemem_core::store::StoredCandidate;
use cemem_core::{Candidate, LessonStatus, Signal, Trust};
use regex::Regex;

use super::copies::Origins;
use super::node::{Class, Node};
use crate::extract::{fail_fix, injection, wording};

/// From this probability a rule of a person's is delivered without review.
const ACTIVE: f32 = 0.845;
/// The same for words that neither correct nor decide anything.
const ACTIVE_STATED: f32 = 0.92;
/// The same for a rule the person asked to remember.
const ACTIVE_EXPLICIT: f32 = 0.45;
/// The same for a rule seen in several sessions.
const ACTIVE_REPEATED: f32 = 0.65;
/// The same for a failure fixed in several sessions.
const ACTIVE_REPEATED_FIX: f32 = 0.55;
/// From this probability a rule waits for review; below, it is set aside.
pub(crate) const CANDIDATE: f32 = 0.305;
/// What each further session adds: a repeated rule is not an independent draw.
const FURTHER_SESSION: f32 = 0.6;
/// Most wordings taken from one session; a looping session must not drown the rest.
pub(crate) const MAX_PER_SESSION: usize = 200;

static POINTS_BACK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^\W*(?:(?:it|this|that|they|these|those|there|he|she|same)(?:'s|’s)?\b|i(?:'m| am| was| see| get| got| ran| did| haven'?t| have not| can'?t| don'?t (?:see|understand|get|know|think))\b)|\[image #")
        .expect("the pattern is a constant")
});
/// The words of a person who asks for a lesson, not for a feature ("remember the last choice").
static ASKS_TO_REMEMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^\W*(?:please,?\s+)?remember(?:\s+this)?\s*:")
        .expect("the pattern is a constant")
});
/// What points at something that only the talk around it names, anywhere in a short rule.
static POINTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(?:it|its|this|that|these|those|them|they|there|here|one|ones|same|again|so)\b",
    )
    .expect("the pattern is a constant")
});
static DOUBTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:not sure|i wonder|maybe|presumably|perhaps|dunno|hmm+)\b")
        .expect("the pattern is a constant")
});

/// What becomes of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// A lesson with this status and confidence.
    Keep {
        /// How it stands before contradictions are looked at.
        status: LessonStatus,
        /// Probability that it is right and durable.
        confidence: f32,
    },
    /// Set aside.
    Drop(&'static str),
}

/// Returns what becomes of the cluster of these members.
pub(crate) fn judge(members: &[&StoredCandidate], nodes: &[&Node], origins: &Origins) -> Outcome {
    // What anybody may have written adds nothing to what is known otherwise; it may still be an attack.
    let (all, known) = (members, members.iter().copied().filter(|m| !m.is_reported()));
    let known: Vec<_> = known.collect();
    let reported = known.is_empty();
    let members = if reported { all } else { known.as_slice() };
    let trust = members.iter().map(|m| m.candidate.trust).max().unwrap_or(Trust::ToolOutput);
    let class = nodes[0].class;
    if class == Class::Untrusted {
        return Outcome::Keep { status: LessonStatus::Quarantined, confidence: 0.0 };
    }
    let sessions = sessions(members, origins);
    let n_sessions = sessions.len();
    let p = probability(sessions.into_values().collect());
    let confidence = round(p * weight(trust));
    let suspicious = all.iter().any(|m| {
        let rule = &m.candidate.rule;
        injection::is_dangerous(rule)
            || (trust < Trust::HumanReview && injection::addresses_agent(rule))
    });
    if suspicious && trust < Trust::HumanReview {
        return Outcome::Keep { status: LessonStatus::Quarantined, confidence };
    }
    let asked = !suspicious && !reported && members.iter().any(|m| is_asked_for(&m.candidate));
    if asked {
        return Outcome::Keep { status: LessonStatus::Active, confidence };
    }
    if class == Class::Rule && vague(nodes, p) {
        return Outcome::Drop("too vague to apply elsewhere");
    }
    let explicit = members.iter().any(|m| m.candidate.signal == Signal::Remember);
    let document = members.iter().any(|m| m.candidate.signal == Signal::Document);
    // A document that names its problem only: a person decides what the rule is.
    let untold = document && members.iter().all(|m| only_a_title(&m.candidate));
    let vouched = trust >= Trust::HumanReview || n_sessions > 1;
    let stated = members.iter().all(|m| m.candidate.signal == Signal::StatedRule);
    // What a tool printed reaches agents only after a person has read it.
    let unread =
        class == Class::Fix && !members.iter().all(|m| fail_fix::is_in_own_words(&m.candidate));
    let bar = match (explicit, n_sessions > 1, class) {
        (true, ..) => ACTIVE_EXPLICIT,
        (_, true, Class::Fix) => ACTIVE_REPEATED_FIX,
        (_, true, _) => ACTIVE_REPEATED,
        _ if stated => ACTIVE_STATED,
        _ => ACTIVE,
    };
    let waits = (unread && p >= CANDIDATE) || (reported && (document || p >= CANDIDATE));
    let insisted = explicit || n_sessions > 1;
    let clear = || {
        members.iter().any(|m| {
            stands_alone(&m.candidate.rule)
                || (insisted && class == Class::Rule && is_terse(&m.candidate, nodes))
        })
    };
    // What fails again was not only the day's work: a person decides whether it is worth telling.
    let fails_again = class == Class::Fix && n_sessions > 1;
    let status = if suspicious || untold || waits {
        // A person may mean it; a person must say so in review.
        LessonStatus::Candidate
    } else if document || (p >= bar && vouched && clear()) {
        LessonStatus::Active
    } else if p >= CANDIDATE || fails_again {
        LessonStatus::Candidate
    } else {
        return Outcome::Drop(too_weak(members, n_sessions));
    };
    Outcome::Keep { status, confidence }
}

/// Returns whether a person said "Remember: …" and what follows can be understood without the talk.
fn is_asked_for(candidate: &Candidate) -> bool {
    candidate.signal == Signal::Remember
        && candidate.trust == Trust::User
        && ASKS_TO_REMEMBER.is_match(&candidate.evidence[0].quote)
        && candidate.rule.split_whitespace().count() >= 3
        && !POINTS_BACK.is_match(&candidate.rule)
        && !DOUBTS.is_match(&candidate.rule)
        && !injection::addresses_agent(&candidate.rule)
}

fn only_a_title(candidate: &Candidate) -> bool {
    wording::same_words(&candidate.rule, &candidate.title)
}

fn too_weak(members: &[&StoredCandidate], n_sessions: usize) -> &'static str {
    match members[0].candidate.signal {
        _ if n_sessions > 1 => "unlikely to help a later task, though seen in several sessions",
        Signal::FailFix => "a failure of the day's work, seen in one session",
        Signal::HumanRework => "a single change by hand",
        Signal::Finding => "a finding of one report",
        Signal::Revert => "a commit taken back once",
        Signal::CommitFix => "a repair of one commit",
        Signal::Decision => "about the task at hand only",
        _ => "one-off: unlikely to help a later task",
    }
}

/// Returns the sessions the members come from, each with its strongest probability. The same words
/// at the same moment are one utterance, however many forks of the session hold a copy.
fn sessions<'a>(
    members: &[&'a StoredCandidate],
    origins: &'a Origins,
) -> BTreeMap<(&'a str, &'a str), f32> {
    let mut ordered = members.to_vec();
    ordered.sort_by(|a, b| (&a.session, &a.candidate.key).cmp(&(&b.session, &b.candidate.key)));
    let mut said = BTreeSet::new();
    let mut by_session: BTreeMap<(&str, &str), f32> = BTreeMap::new();
    for member in ordered {
        let first = &member.candidate.evidence[0];
        if first.turn_ts.is_some() && !said.insert((first.turn_ts, first.quote.as_str())) {
            continue;
        }
        let p =
            by_session.entry(origins.of(&member.session.engine, &member.session.id)).or_default();
        *p = p.max(member.candidate.durable.clamp(0.0, 1.0));
    }
    by_session
}

/// Returns the probability that the rule is durable, given every session that says it.
fn probability(mut each: Vec<f32>) -> f32 {
    each.sort_by(|a, b| b.total_cmp(a));
    let mut miss = 1.0;
    for (i, p) in each.into_iter().enumerate() {
        miss *= 1.0 - if i == 0 { p } else { p * FURTHER_SESSION };
    }
    1.0 - miss
}

fn weight(trust: Trust) -> f32 {
    match trust {
        Trust::User => 1.0,
        Trust::HumanReview => 0.95,
        Trust::Analyzer => 0.9,
        Trust::Agent => 0.8,
        Trust::ToolOutput => 0.3,
    }
}

fn round(p: f32) -> f32 {
    (p.clamp(0.0, 0.99) * 1000.0).round() / 1000.0
}

/// Returns whether a rule can be followed by someone who was not there: a sentence of some length
/// that neither points back at the conversation nor doubts itself.
#[must_use]
pub fn stands_alone(rule: &str) -> bool {
    rule.split_whitespace().count() >= 5 && !POINTS_BACK.is_match(rule) && !DOUBTS.is_match(rule)
}

/// Returns whether a rule of three or four words is one all the same ("Use yarn, not npm."): it names
/// what it is about, points at nothing outside of it, and at least once read like a rule. An errand
/// that is said every day ("commit and push") never does.
fn is_terse(candidate: &Candidate, nodes: &[&Node]) -> bool {
    let rule = candidate.rule.as_str();
    let topics = nodes.iter().map(|n| n.features().words.len()).max().unwrap_or_default();
    rule.split_whitespace().count() >= 3
        && topics >= 2
        && candidate.durable >= ACTIVE_EXPLICIT
        && !rule.trim_end().ends_with('?')
        && !POINTS.is_match(rule)
        && !DOUBTS.is_match(rule)
}

/// A rule without a topic names nothing another agent could act on; one ordinary word needs a clear
/// sign that it is one ("use pagination").
fn vague(nodes: &[&Node], p: f32) -> bool {
    let mut features = nodes.iter().map(|node| node.features());
    features.all(|f| match f.words.len() + usize::from(f.fillers) {
        0 => f.numbers.is_empty(),
        1 => f.names.is_empty() && p < ACTIVE_REPEATED,
        _ => false,
    })
}
