//! The consolidation pass: candidates and lessons in, a plan out.
//!
//! | module | owns |
//! |---|---|
//! | `lexicon` | words of negation, condition, opposite sides |
//! | `text` | a rule as sets of words, with its polarity |
//! | `skeleton` | a text as a reader sees it |
//! | `speech` | turns of speech and marks in plain words |
//! | [`relate`] | same, opposite, or neither |
//! | `node` | one wording and everything that says it |
//! | `packed` | a value that stays as it was written until it is asked for |
//! | `pairs` | which wordings are compared, and what comes of it |
//! | `cluster` | which wordings say the same |
//! | `run` | the road from a store through the pass and back |
//! | `known` | what earlier passes found out, kept beside the store |
//! | `facts` | what of candidates and lessons decides what is looked at together |
//! | `news` | what is new since passes last looked |
//! | `renew` | the wordings after what is new |
//! | `reach` | following what refers to each other |
//! | `part` | the part of a store that a pass has to look at |
//! | `verdict` | whether a cluster is kept and how it stands: every threshold |
//! | `build` | the lesson a cluster makes |
//! | `copies` | sessions that repeat each other word by word |
//! | `contradict` | rules that cannot both hold |
//! | `assign` | which existing lesson a cluster is |
//! | `phrased` | what distillers said of clusters |
//! | [`standing`] | what experience does to confidence and status |
//! | `diff` | what has to change |
//!
//! The pass is a pure function. It works out the clusters of all live candidates, finds the
//! lesson each cluster already has, and emits the differences only: so a second run is empty, and
//! what is learned does not depend on the order in which sessions arrive. Lessons a person reviewed
//! or brought in keep their wording and status; they may gain evidence.
//!
//! What earlier passes left spares work and changes nothing. Wordings that were compared are not compared
//! again. Where little is new since passes last looked, only that is looked at, and what is tied to it.

mod assign;
mod build;
#[cfg(test)]
mod by_hand_tests;
mod clause;
mod cluster;
mod contradict;
mod copies;
#[cfg(test)]
mod decided_tests;
mod diff;
mod facts;
mod familiar;
#[cfg(test)]
mod history_tests;
mod known;
#[cfg(test)]
mod language_tests;
mod lexicon;
mod news;
mod node;
mod packed;
mod pairs;
mod part;
mod phrased;
#[cfg(test)]
mod properties;
mod reach;
pub mod relate;
mod renew;
mod run;
mod skeleton;
mod speech;
pub mod standing;
#[cfg(test)]
mod store_tests;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod verdict;

use std::collections::{BTreeMap, HashMap, HashSet};

use cemem_core::outcome::Counters;
use cemem_core::store::{CandidateState, SessionRef, StoredCandidate};
use cemem_core::{CandidateKey, Lesson, LessonId, LessonStatus, Phrasing, Plan, Timestamp};
use rayon::prelude::*;

pub use phrased::phrased_by;
pub(crate) use run::consolidate_after;
pub use run::{consolidate, plan_for};
pub use verdict::stands_alone;

use assign::Assignment;
use cluster::Clusters;
pub(crate) use copies::Origins;
use facts::Facts;
use known::{Compared, Known};
use node::Node;
use pairs::{MAX_LEADERS, pairs};
use part::Part;
use phrased::Phrased;
use relate::Similarity;
use text::Words;
use verdict::Outcome;

/// Why a flood of candidates is set aside.
pub const FLOOD: &str = "too many candidates in one session";

/// What a pass looks at besides candidates and lessons.
struct PassInput<'a> {
    /// What distillers said and the gate let through.
    phrasings: &'a [Phrasing],
    /// How often lessons were shown and what became of them.
    counters: &'a BTreeMap<LessonId, Counters>,
    /// The time to stamp on what changes.
    now: Timestamp,
    /// Compares two rules by meaning, if a model is at hand.
    similarity: Option<&'a Similarity<'a>>,
}

/// The candidates and lessons that a pass looks at: all of a store, or a part.
struct View<'a> {
    /// The candidates, by key.
    live: HashMap<&'a CandidateKey, &'a StoredCandidate>,
    lessons: &'a [Lesson],
    /// The lessons that the pass made and nobody reviewed …
    own: BTreeMap<LessonId, &'a Lesson>,
    /// … and all others, by id.
    anchors: Vec<&'a Lesson>,
    origins: Origins,
    nodes: &'a [Node],
    clusters: &'a Clusters,
    /// What is set aside before anything is compared.
    drops: Vec<(&'a StoredCandidate, &'a str)>,
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

/// Returns what has to change in a store with these candidates and lessons, which are all there are,
/// and what is known of it then. `fresh_id` gives an unused id for a seed, given ids already handed out
/// in this plan.
///
/// # Errors
/// Those of `fresh_id`.
fn over_all<E>(
    input: &PassInput<'_>,
    candidates: &[StoredCandidate],
    lessons: &[Lesson],
    compared: &Compared,
    fresh_id: impl FnMut(&str, &HashSet<LessonId>) -> Result<LessonId, E>,
) -> Result<(Plan, Known), E> {
    let mut live: Vec<&StoredCandidate> =
        candidates.iter().filter(|c| c.state != CandidateState::Gone).collect();
    live.sort_by(|a, b| a.candidate.key.cmp(&b.candidate.key));
    let mut drops = Vec::new();
    let live = without_flood(live, &mut drops);
    let events = facts::events(candidates);
    let (own, anchors) = owners(lessons, |lesson| facts::is_own(lesson, &events));
    let standing = assign::standing(&anchors);
    let bound = assign::bound(&live, &anchors, &standing);
    let fixed = cluster::Fixed { lessons: &anchors, standing: &standing, bound: &bound };
    let mut words = Words::default();
    let nodes = cluster::nodes(&live, &fixed, &mut words);
    let (mut pairs, mut compared) = pairs(&nodes, &words, compared, input.similarity, MAX_LEADERS);
    // Which lesson stands for which may have changed: nothing that was noted of clusters holds.
    let moved = vec![true; nodes.len()];
    let clusters = cluster::cluster(&nodes, &mut pairs.same, &pairs.opposite, moved);
    compared.same = pairs.same;
    let origins = Origins::find(&live);
    let live: HashMap<_, _> = live.into_iter().map(|c| (&c.candidate.key, c)).collect();
    let facts = Facts::of(candidates, lessons, &events, |c| live.contains_key(&c.candidate.key));
    let view =
        View { live, lessons, own, anchors, origins, nodes: &nodes, clusters: &clusters, drops };
    let plan = decide(input, view, fresh_id)?;
    let cluster_of = known::numbers(&clusters, nodes.len());
    let (stamp, words) = (String::new(), words.into_texts());
    Ok((plan, Known { stamp, words, nodes, compared, cluster_of, facts }))
}

/// As [`over_all`], for the part of a store that may change.
fn over_part<E>(
    input: &PassInput<'_>,
    part: Part,
    fresh_id: impl FnMut(&str, &HashSet<LessonId>) -> Result<LessonId, E>,
) -> Result<(Plan, Known), E> {
    let Part { candidates, flooded, lessons, origins, clusters, known } = part;
    let live = candidates.iter().filter(|c| c.state != CandidateState::Gone);
    let (flood, live): (Vec<_>, Vec<_>) = live.partition(|c| flooded.contains(&c.candidate.key));
    let (own, anchors) =
        owners(&lessons, |lesson| known.facts.lesson(&lesson.id).is_some_and(|fact| fact.is_own));
    let view = View {
        live: live.into_iter().map(|c| (&c.candidate.key, c)).collect(),
        lessons: &lessons,
        own,
        anchors,
        origins,
        nodes: &known.nodes,
        clusters: &clusters,
        drops: flood.into_iter().map(|c| (c, FLOOD)).collect(),
    };
    let plan = decide(input, view, fresh_id)?;
    Ok((plan, known))
}

/// Returns the lessons that are the pass's own, and the others.
fn owners(
    lessons: &[Lesson],
    is_own: impl Fn(&Lesson) -> bool,
) -> (BTreeMap<LessonId, &Lesson>, Vec<&Lesson>) {
    let (own, anchors): (Vec<_>, Vec<_>) = lessons.iter().partition(|lesson| is_own(lesson));
    (own.into_iter().map(|lesson| (lesson.id.clone(), lesson)).collect(), anchors)
}

/// Returns what has to change among what a pass looks at.
fn decide<E>(
    input: &PassInput<'_>,
    view: View<'_>,
    mut fresh_id: impl FnMut(&str, &HashSet<LessonId>) -> Result<LessonId, E>,
) -> Result<Plan, E> {
    let View { live, lessons, own, anchors, origins, nodes, clusters: found, mut drops } = view;
    let place_of: HashMap<&LessonId, usize> =
        anchors.iter().enumerate().map(|(at, lesson)| (&lesson.id, at)).collect();
    let judging = Judging { live: &live, nodes, origins: &origins, anchors: &place_of };
    let phrased = Phrased::new(input.phrasings);
    let outcomes = judging.all(found, &phrased, &mut drops);
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
    for (at, into) in assign::standing(&anchors).into_iter().enumerate() {
        stands_for[into].push(&anchors[at].id);
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
    standing::weigh(&mut kept, lessons, input.counters);
    settle_opposites(found, &mut kept);
    let leftovers = assignment.leftovers(&own, &kept);
    Ok(diff::plan(kept, leftovers, drops, input.now))
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

/// What clusters are judged by.
struct Judging<'v, 'a> {
    live: &'v HashMap<&'a CandidateKey, &'a StoredCandidate>,
    nodes: &'a [Node],
    origins: &'v Origins,
    /// Positions of lessons that are not the pass's own.
    anchors: &'v HashMap<&'a LessonId, usize>,
}

impl<'a> Judging<'_, 'a> {
    /// Judges every cluster; what is not kept is added to `drops`.
    fn all(
        &self,
        found: &Clusters,
        phrased: &Phrased<'_>,
        drops: &mut Vec<(&'a StoredCandidate, &'a str)>,
    ) -> Vec<Judged<'a>> {
        let judge = |(cluster, nodes): (usize, &Vec<usize>)| self.one(cluster, nodes, phrased);
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

    /// Judges a cluster of these nodes; the reason is why it is not kept.
    fn one(
        &self,
        cluster: usize,
        nodes: &[usize],
        phrased: &Phrased<'_>,
    ) -> Result<Judged<'a>, (Vec<&'a StoredCandidate>, &'static str)> {
        let nodes: Vec<&Node> = nodes.iter().map(|n| &self.nodes[*n]).collect();
        let keys = nodes.iter().flat_map(|n| &n.members);
        let mut members: Vec<&StoredCandidate> =
            keys.filter_map(|key| self.live.get(key).copied()).collect();
        members.sort_by_key(|m| (build::said_at(&m.candidate), &m.candidate.key));
        let anchored = nodes.iter().find_map(|n| n.anchor.as_ref());
        let anchor = anchored.and_then(|id| self.anchors.get(id).copied());
        let (status, confidence) = if anchor.is_some() {
            (LessonStatus::Active, 0.0)
        } else {
            match verdict::judge(&members, &nodes, self.origins) {
                Outcome::Keep { status, confidence } => match phrased.advise(&members, status) {
                    Some(status) => (status, confidence),
                    None => return Err((members, phrased::ADVISED)),
                },
                Outcome::Drop(reason) => return Err((members, reason)),
            }
        };
        Ok(Judged { cluster, members, anchor, status, confidence })
    }
}

/// Sets aside what goes beyond the cap of a session: the least durable wordings first.
fn without_flood<'a>(
    live: Vec<&'a StoredCandidate>,
    drops: &mut Vec<(&'a StoredCandidate, &'a str)>,
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
            .entry(node::folded(&stored.candidate.rule))
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
        .partition(|s| flooded.contains(&(&s.session, node::folded(&s.candidate.rule))));
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
