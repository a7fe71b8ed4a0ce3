//! The lesson a cluster makes.
//!
//! Owns the choice of the best wording and the union of evidence. Must not look at other clusters.

use std::collections::{BTreeMap, BTreeSet};

use super::copies::Origins;
use super::relate::common;
use super::text::{Features, Words};
use super::verdict::stands_alone;
use cemem_core::store::StoredCandidate;
use cemem_core::{
    AppliesWhen, Candidate, Evidence, Lesson, LessonId, LessonStatus, Scope, Signal, Timestamp,
};

/// Most rows of evidence kept on one lesson; the rest stays with the candidates it absorbed.
const MAX_EVIDENCE: usize = 300;
/// Most entries of each kind in a lesson's scope.
const MAX_SCOPE: usize = 16;
/// Most anchors.
const MAX_ANCHORS: usize = 16;
/// A wording that says more takes the place of one that says less, unless this one is so much surer to be
/// durable …
const SURER: f32 = 0.4;
/// … if it has at most so many times its words.
const MOST_REFINED: usize = 3;

/// Returns the lesson of these members, as new. Times are those of the evidence; `now` stands in
/// for undated sources.
pub(crate) fn lesson(
    members: &[&StoredCandidate],
    id: LessonId,
    status: LessonStatus,
    confidence: f32,
    now: Timestamp,
    origins: &Origins,
) -> Lesson {
    let best = best(members);
    let mut applies_when = best.applies_when.clone();
    let mut anchors = best.anchors.clone();
    for member in members {
        applies_when.absorb(&member.candidate.applies_when);
        for anchor in &member.candidate.anchors {
            if !anchors.contains(anchor) {
                anchors.push(anchor.clone());
            }
        }
    }
    cap(&mut applies_when);
    anchors.truncate(MAX_ANCHORS);
    let all: Vec<Evidence> =
        members.iter().flat_map(|m| m.candidate.evidence.iter().cloned()).collect();
    let first = members.iter().filter_map(|m| said_at(&m.candidate)).min();
    Lesson {
        id,
        lesson_type: best.lesson_type,
        title: best.title.clone(),
        rule: best.rule.clone(),
        why: best.why.clone().or_else(|| members.iter().find_map(|m| m.candidate.why.clone())),
        body: best.body.clone(),
        applies_when,
        anchors,
        trust: members.iter().map(|m| m.candidate.trust).max().unwrap_or(best.trust),
        status,
        confidence,
        support: origins.support(&all),
        evidence: ordered(all),
        reviewed: false,
        snoozed_until: None,
        scope: Scope::Project,
        valid_from: first,
        valid_to: None,
        supersedes: Vec::new(),
        superseded_by: None,
        contradicts: Vec::new(),
        created: first.unwrap_or(now),
        updated: now,
        extra: best.extra.clone(),
    }
}

/// Returns the candidate whose words the lesson takes: the most trusted, asked to be remembered,
/// most likely durable, neither terse nor long-winded; or one that refines it.
fn best<'a>(members: &[&'a StoredCandidate]) -> &'a Candidate {
    let rank = |c: &Candidate| {
        let words = c.rule.split_whitespace().count();
        let shape = match words {
            0..4 => 0,
            4..6 => 1,
            6..40 => 3,
            _ => 2,
        };
        // In steps of a tenth: a hair's breadth must not outweigh a clearer sentence.
        let durable = (c.durable * 10.0) as i32;
        (c.trust, c.signal == Signal::Remember, stands_alone(&c.rule), durable, shape)
    };
    let in_order = |a: &&Candidate, b: &&Candidate| {
        rank(a).cmp(&rank(b)).then_with(|| (said_at(b), &b.key).cmp(&(said_at(a), &a.key)))
    };
    let all = || members.iter().map(|m| &m.candidate);
    let best = all().max_by(in_order).expect("a cluster has members");
    let mut others = all()
        .filter(|c| c.rule != best.rule && c.trust >= best.trust && stands_alone(&c.rule))
        .filter(|c| c.durable + SURER >= best.durable)
        .peekable();
    // Most lessons have one wording: nothing to read.
    if others.peek().is_none() {
        return best;
    }
    let mut words = Words::default();
    let told = words.read(&best.rule);
    others.filter(|c| refines(&words.read(&c.rule), &told)).max_by(in_order).unwrap_or(best)
}

/// Returns whether a wording says all that another says, and more of the matter; not a speech in which the
/// other occurs.
fn refines(rule: &Features, other: &Features) -> bool {
    common(&rule.words, &other.words) == other.words.len()
        && common(&rule.numbers, &other.numbers) == other.numbers.len()
        && rule.words.len() + rule.numbers.len() > other.words.len() + other.numbers.len()
        && rule.words.len() <= MOST_REFINED * other.words.len()
}

/// Returns when the candidate was first said.
pub(crate) fn said_at(candidate: &Candidate) -> Option<Timestamp> {
    candidate.evidence.iter().filter_map(|e| e.turn_ts).min()
}

/// Returns evidence without repetition, oldest first, bounded so that every session keeps a row.
pub(crate) fn ordered(mut rows: Vec<Evidence>) -> Vec<Evidence> {
    rows.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    rows.dedup_by(|a, b| a.identity() == b.identity());
    let mut seen = BTreeSet::new();
    rows.retain(|e| seen.insert((e.engine.clone(), e.event_key.clone(), e.quote.clone())));
    if rows.len() <= MAX_EVIDENCE {
        return rows;
    }
    let mut per_session: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut ranked: Vec<(usize, Evidence)> = rows
        .into_iter()
        .map(|e| {
            let n = per_session.entry((e.engine.clone(), e.session.clone())).or_default();
            *n += 1;
            (*n, e)
        })
        .collect();
    ranked.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| sort_key(&a.1).cmp(&sort_key(&b.1))));
    ranked.truncate(MAX_EVIDENCE);
    let mut rows: Vec<Evidence> = ranked.into_iter().map(|(_, e)| e).collect();
    rows.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    rows
}

type SortKey<'a> = (Option<Timestamp>, &'a str, &'a str, &'a str, &'a str);

fn sort_key(e: &Evidence) -> SortKey<'_> {
    (e.turn_ts, &e.engine, &e.session, &e.event_key, &e.quote)
}

fn cap(scope: &mut AppliesWhen) {
    scope.paths.truncate(MAX_SCOPE);
    scope.commands.truncate(MAX_SCOPE);
    scope.symbols.truncate(MAX_SCOPE);
    scope.languages.truncate(MAX_SCOPE);
    scope.tags.truncate(2 * MAX_SCOPE);
}
