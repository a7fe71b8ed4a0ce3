//! The consolidation pass: candidates and lessons in, a plan out.
//!
//! | module | owns |
//! |---|---|
//! | `lexicon` | words of negation, condition, opposite sides |
//! | `text` | a rule as sets of words, with its polarity |
//! | `skeleton` | a text as a reader sees it |
//! | `speech` | turns of speech and marks in plain words |
//! | [`relate`] | same, opposite, or neither |
//! | `pairs` | which wordings are compared, and what comes of it |
//! | `known` | pairs that earlier passes compared, kept beside the store |
//! | `run` | the road from a store through the pass and back |
//! | `cluster` | which candidates say the same |
//! | `verdict` | whether a cluster is kept and how it stands: every threshold |
//! | `build` | the lesson a cluster makes |
//! | `copies` | sessions that repeat each other word by word |
//! | `contradict` | rules that cannot both hold |
//! | `assign` | which existing lesson a cluster is |
//! | `phrased` | what distillers said of clusters |
//! | [`standing`] | what experience does to confidence and status |
//! | `diff` | what has to change |
//!
//! The pass is a pure function. It works the clusters out anew from all live candidates, finds the
//! lesson each cluster already has, and emits the differences only: so a second run is empty, and
//! what is learned does not depend on the order in which sessions arrive. Lessons a person reviewed
//! or brought in keep their wording and status; they may gain evidence.
//!
//! Two things spare work and change nothing: wordings that an earlier pass has compared are not
//! compared again, and a store that a pass has found to be as it shall be is left alone until
//! something that a pass reads has changed.

mod assign;
mod build;
mod cluster;
mod contradict;
mod copies;
#[cfg(test)]
mod decided_tests;
mod diff;
#[cfg(test)]
mod history_tests;
mod known;
mod lexicon;
mod pairs;
mod phrased;
#[cfg(test)]
mod properties;
pub mod relate;
mod run;
mod skeleton;
mod speech;
pub mod standing;
#[cfg(test)]
mod store_tests;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod verdict;

use std::collections::{BTreeMap, HashMap, HashSet};

use cemem_core::outcome::Counters;
use cemem_core::store::{CandidateState, SessionRef, StoredCandidate};
use cemem_core::{Lesson, LessonId, LessonStatus, Phrasing, Plan, Timestamp};
use rayon::prelude::*;

pub use phrased::phrased_by;
pub(crate) use run::consolidate_after;
pub use run::{consolidate, plan_for};
pub use verdict::stands_alone;

use assign::Assignment;
use cluster::{Clusters, Node};
pub(crate) use copies::Origins;
use known::Known;
use phrased::Phrased;
use relate::Similarity;
use verdict::Outcome;

/// Why a flood of candidates is set aside.
pub const FLOOD: &str = "too many candidates in one session";

/// Everything a pass looks at.
struct PassInput<'a> {
    /// Every candidate, those that are gone included.
    candidates: &'a [StoredCandidate],
    /// Every lesson, whatever its status.
    lessons: &'a [Lesson],
    /// What distillers said and the gate let through.
    phrasings: &'a [Phrasing],
    /// How often lessons were shown and what became of them.
    counters: &'a BTreeMap<LessonId, Counters>,
    /// The time to stamp on what changes.
    now: Timestamp,
    /// Compares two rules by meaning, if a model is at hand.
    similarity: Option<&'a Similarity<'a>>,
    /// Pairs that need not be compared again.
    known: &'a Known,
}

/// What became of one cluster.
pub(crate) struct Kept<'a> {
    members: Vec<&'a StoredCandidate>,
    lesson: Lesson,
    /// The lesson as it stands in the store.
    before: Option<&'a Lesson>,
    /// A person decided about it: only evidence may be added.
    fixed: bool,
    /// Lessons that said the same and end in this one.
    merged: Vec<LessonId>,
    /// A person's lessons that this one stands for: itself and what was merged into it by hand. What
    /// belongs to those stays with them, so that the merge can be undone.
    stands_for: Vec<&'a LessonId>,
    /// Position among all clusters.
    cluster: usize,
}

/// Returns what has to change, and what the next pass need not compare again. `fresh_id` gives an
/// unused id for a seed, given ids already handed out in this plan.
///
/// # Errors
/// Those of `fresh_id`.
fn plan<E>(
    input: &PassInput<'_>,
    mut fresh_id: impl FnMut(&str, &HashSet<LessonId>) -> Result<LessonId, E>,
) -> Result<(Plan, Known), E> {
    let mut live: Vec<&StoredCandidate> =
        input.candidates.iter().filter(|c| c.state != CandidateState::Gone).collect();
    live.sort_by(|a, b| a.candidate.key.cmp(&b.candidate.key));
    let mut drops: Vec<(&StoredCandidate, &str)> = Vec::new();
    let live = without_flood(live, &mut drops);

    let origins = Origins::find(&live);
    let own = assign::own_lessons(input);
    let anchors: Vec<&Lesson> = input.lessons.iter().filter(|l| !own.contains_key(&l.id)).collect();
    let standing = assign::standing(&anchors);
    let bound = assign::bound(&live, &anchors, &standing);
    let fixed = cluster::Fixed { lessons: &anchors, standing: &standing, bound: &bound };
    let (found, known) = cluster::cluster(&live, &fixed, input.known, input.similarity);

    let phrased = Phrased::new(input.phrasings);
    let outcomes = judge_all(&live, &found, &origins, &phrased, &mut drops);
    let assignment = Assignment::new(&outcomes, &own);
    let mut named = Vec::with_capacity(outcomes.len());
    let mut taken = HashSet::new();
    for (at, judged) in outcomes.into_iter().enumerate() {
        let before = match judged.anchor {
            Some(anchor) => Some(anchors[anchor]),
            None => assignment.lesson_of(at).and_then(|id| own.get(id).copied()),
        };
        let id = match before {
            Some(before) => before.id.clone(),
            None => fresh_id(judged.members[0].candidate.key.0.as_str(), &taken)?,
        };
        taken.insert(id.clone());
        named.push((judged, before, id));
    }
    let mut stands_for = vec![Vec::new(); anchors.len()];
    for (at, into) in standing.iter().enumerate() {
        stands_for[*into].push(&anchors[at].id);
    }
    let stamp = Stamp { now: input.now, origins: &origins, phrased: &phrased };
    let mut kept: Vec<Kept<'_>> = named
        .into_par_iter()
        .map(|(judged, before, id)| {
            let own = judged.anchor.map_or(&[][..], |anchor| &stands_for[anchor]);
            Kept { stands_for: own.to_vec(), ..stamp.keep(judged, before, id) }
        })
        .collect();
    assignment.note_merges(&mut kept);
    standing::weigh(&mut kept, input.lessons, input.counters);
    settle_opposites(&found, &mut kept);
    let leftovers = assignment.leftovers(&own, &kept);
    Ok((diff::plan(kept, leftovers, drops, input.now), known))
}

/// A cluster that is kept or tied to a person's lesson.
struct Judged<'a> {
    /// Position among all clusters.
    cluster: usize,
    members: Vec<&'a StoredCandidate>,
    anchor: Option<usize>,
    status: LessonStatus,
    confidence: f32,
}

/// Judges every cluster; what is not kept is added to `drops`.
fn judge_all<'a>(
    live: &[&'a StoredCandidate],
    found: &Clusters,
    origins: &Origins,
    phrased: &Phrased<'_>,
    drops: &mut Vec<(&'a StoredCandidate, &'static str)>,
) -> Vec<Judged<'a>> {
    let judge = |(cluster, node_ids): (usize, &Vec<usize>)| {
        let nodes: Vec<&Node> = node_ids.iter().map(|n| &found.nodes[*n]).collect();
        let mut members: Vec<&StoredCandidate> =
            nodes.iter().flat_map(|n| n.members.iter().map(|m| live[*m])).collect();
        members.sort_by_key(|m| (build::said_at(&m.candidate), &m.candidate.key));
        let anchor = nodes.iter().find_map(|n| n.anchor);
        let (status, confidence) = if anchor.is_some() {
            (LessonStatus::Active, 0.0)
        } else {
            match verdict::judge(&members, &nodes, origins) {
                Outcome::Keep { status, confidence } => match phrased.advise(&members, status) {
                    Some(status) => (status, confidence),
                    None => return Err((members, phrased::ADVISED)),
                },
                Outcome::Drop(reason) => return Err((members, reason)),
            }
        };
        Ok(Judged { cluster, members, anchor, status, confidence })
    };
    let all: Vec<_> = found.clusters.par_iter().enumerate().map(judge).collect();
    let mut judged = Vec::with_capacity(all.len());
    for one in all {
        match one {
            Ok(kept) => judged.push(kept),
            Err((members, reason)) => drops.extend(members.into_iter().map(|m| (m, reason))),
        }
    }
    judged
}

/// Sets aside what goes beyond the cap of a session: the least durable wordings first.
fn without_flood<'a>(
    live: Vec<&'a StoredCandidate>,
    drops: &mut Vec<(&'a StoredCandidate, &'static str)>,
) -> Vec<&'a StoredCandidate> {
    let mut said: HashMap<&SessionRef, usize> = HashMap::new();
    for stored in &live {
        *said.entry(&stored.session).or_default() += 1;
    }
    let mut wordings: BTreeMap<_, HashMap<String, f32>> = BTreeMap::new();
    for stored in live.iter().filter(|s| said[&s.session] > verdict::MAX_PER_SESSION) {
        let durable = wordings
            .entry(&stored.session)
            .or_default()
            .entry(cluster::folded(&stored.candidate.rule))
            .or_default();
        *durable = durable.max(stored.candidate.durable);
    }
    let mut flooded = HashSet::new();
    for (session, rules) in wordings.iter().filter(|(_, r)| r.len() > verdict::MAX_PER_SESSION) {
        let mut ranked: Vec<(&String, f32)> = rules.iter().map(|(r, d)| (r, *d)).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
        flooded.extend(
            ranked.iter().skip(verdict::MAX_PER_SESSION).map(|(r, _)| (*session, (*r).clone())),
        );
    }
    if flooded.is_empty() {
        return live;
    }
    let (out, kept): (Vec<_>, Vec<_>) = live
        .into_iter()
        .partition(|s| flooded.contains(&(&s.session, cluster::folded(&s.candidate.rule))));
    drops.extend(out.into_iter().map(|s| (s, FLOOD)));
    kept
}

/// What every lesson of a pass is made with.
struct Stamp<'o> {
    now: Timestamp,
    origins: &'o Origins,
    phrased: &'o Phrased<'o>,
}

impl Stamp<'_> {
    /// Returns the lesson of a judged cluster as it shall stand, contradictions aside.
    fn keep<'a>(&self, judged: Judged<'a>, before: Option<&'a Lesson>, id: LessonId) -> Kept<'a> {
        let fixed = judged.anchor.is_some();
        let Judged { cluster, members, status, confidence, .. } = judged;
        let made = || build::lesson(&members, id, status, confidence, self.now, self.origins);
        let mut lesson = match before {
            Some(before) if fixed => self.reinforced(before, &members),
            Some(before) => continued(made(), before),
            None => made(),
        };
        if !fixed {
            self.phrased.word(&members, &mut lesson);
        }
        let (merged, stands_for) = (Vec::new(), Vec::new());
        Kept { members, lesson, before, fixed, merged, stands_for, cluster }
    }

    /// Returns a person's lesson with the evidence of what says the same.
    fn reinforced(&self, before: &Lesson, members: &[&StoredCandidate]) -> Lesson {
        let mut lesson = before.clone();
        let mut known: HashSet<_> = before.evidence.iter().map(owned_identity).collect();
        let rows = members.iter().flat_map(|m| m.candidate.evidence.iter().cloned()).collect();
        for row in build::ordered(rows) {
            if known.insert(owned_identity(&row)) {
                lesson.evidence.push(row);
            }
        }
        lesson.support = lesson.support.max(self.origins.support(&lesson.evidence));
        wake(&mut lesson, before);
        lesson
    }
}

fn owned_identity(e: &cemem_core::Evidence) -> (String, String, String) {
    let (engine, key, quote) = e.identity();
    (engine.to_owned(), key.to_owned(), quote.to_owned())
}

/// What a person put off comes back when something new speaks for it.
fn wake(lesson: &mut Lesson, before: &Lesson) {
    let known: HashSet<_> = before.evidence.iter().map(cemem_core::Evidence::identity).collect();
    let is_new = lesson.evidence.iter().any(|e| !known.contains(&e.identity()));
    lesson.snoozed_until = before.snoozed_until.filter(|_| !is_new);
}

/// Returns a lesson worked out anew, with what only the old one knows.
fn continued(mut lesson: Lesson, before: &Lesson) -> Lesson {
    use LessonStatus::{Active, Stale};
    if lesson.valid_from.is_none() {
        lesson.created = before.created;
    }
    lesson.updated = before.updated;
    wake(&mut lesson, before);
    lesson.supersedes.clone_from(&before.supersedes);
    lesson.scope = before.scope;
    if lesson.extra.is_null() {
        lesson.extra = before.extra.clone();
    }
    let anew = crate::anchors::carry(&mut lesson, before);
    if before.status == Stale && lesson.status == Active && !anew {
        lesson.status = Stale;
    }
    lesson
}

fn settle_opposites(found: &Clusters, kept: &mut [Kept<'_>]) {
    let by_cluster: HashMap<usize, usize> =
        kept.iter().enumerate().map(|(at, k)| (k.cluster, at)).collect();
    let before: Vec<LessonStatus> = kept.iter().map(|k| k.lesson.status).collect();
    for settle in [contradict::supersede, contradict::oppose] {
        for (a, b) in &found.opposites {
            let (Some(a), Some(b)) = (by_cluster.get(a), by_cluster.get(b)) else { continue };
            let (low, high) = (*a.min(b), *a.max(b));
            let (head, tail) = kept.split_at_mut(high);
            let (a, b) = (&mut head[low], &mut tail[0]);
            settle(
                contradict::Side { fixed: a.fixed, lesson: &mut a.lesson, before: before[low] },
                contradict::Side { fixed: b.fixed, lesson: &mut b.lesson, before: before[high] },
            );
        }
    }
}
