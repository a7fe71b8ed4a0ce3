//! Which existing lesson a cluster is.
//!
//! Owns the question whose lesson is whose: the pass's own lessons follow their candidates; all
//! others belong to people. Must not change a lesson.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use cemem_core::store::{CandidateState, StoredCandidate};
use cemem_core::{Lesson, LessonId, LessonStatus};

use super::{Judged, Kept};

/// Returns, for every lesson of a person's, the position of the one that stands for it: itself, or
/// the one a person merged it into.
pub(crate) fn standing(anchors: &[&Lesson]) -> Vec<usize> {
    let by_id: HashMap<&LessonId, usize> =
        anchors.iter().enumerate().map(|(i, l)| (&l.id, i)).collect();
    let next = |at: usize| {
        let into = anchors[at].superseded_by.as_ref().and_then(|id| by_id.get(id).copied())?;
        anchors[at].is_merged_into(anchors[into]).then_some(into)
    };
    let follow = |start: usize| {
        let mut at = start;
        for _ in 0..anchors.len() {
            let Some(into) = next(at) else { return at };
            at = into;
        }
        // Imported lessons may name each other in a ring: then each stands for itself.
        start
    };
    (0..anchors.len()).map(follow).collect()
}

/// Returns the candidates that already belong to a person's lesson, with the position of the lesson
/// that stands for it: absorbed by it, or resting on the very words it rests on.
pub(crate) fn bound(
    live: &[&StoredCandidate],
    anchors: &[&Lesson],
    standing: &[usize],
) -> HashMap<usize, usize> {
    let mut bound = HashMap::new();
    if anchors.is_empty() {
        return bound;
    }
    let by_id: HashMap<&LessonId, usize> =
        anchors.iter().enumerate().map(|(i, l)| (&l.id, i)).collect();
    let mut by_evidence: HashMap<(&str, &str, &str), usize> = HashMap::new();
    for (at, lesson) in anchors.iter().enumerate() {
        for row in lesson.evidence.iter().filter(|e| !e.event_key.is_empty()) {
            by_evidence.entry(row.identity()).or_insert(at);
        }
    }
    for (at, stored) in live.iter().enumerate() {
        let absorbed = match &stored.state {
            CandidateState::Absorbed(id) => by_id.get(id),
            _ => None,
        };
        let made = || by_id.get(&LessonId::derive(stored.candidate.key.0.as_str(), 0));
        let quoted =
            || stored.candidate.evidence.first().and_then(|e| by_evidence.get(&e.identity()));
        if let Some(anchor) = absorbed.or_else(made).or_else(quoted) {
            bound.insert(at, standing[*anchor]);
        }
    }
    bound
}

/// Which of the pass's own lessons each kept cluster continues.
pub(crate) struct Assignment {
    of_cluster: HashMap<usize, LessonId>,
    /// For each own lesson, the cluster most of its candidates are in now.
    home: BTreeMap<LessonId, usize>,
}

impl Assignment {
    /// Assigns every own lesson to at most one cluster and every cluster at most one lesson: the
    /// most common members first.
    pub(crate) fn new(judged: &[Judged<'_>], own: &BTreeMap<LessonId, &Lesson>) -> Self {
        let mut votes: HashMap<(&LessonId, usize), u32> = HashMap::new();
        for (at, cluster) in judged.iter().enumerate().filter(|(_, c)| c.anchor.is_none()) {
            for member in &cluster.members {
                if let CandidateState::Absorbed(id) = &member.state
                    && own.contains_key(id)
                {
                    *votes.entry((id, at)).or_default() += 2;
                    continue;
                }
                // A candidate whose content changed has forgotten its lesson; the id has not.
                let made = LessonId::derive(member.candidate.key.0.as_str(), 0);
                if let Some((id, _)) = own.get_key_value(&made) {
                    *votes.entry((id, at)).or_default() += 1;
                }
            }
        }
        // Living lessons first, so that a retired twin does not take the place.
        let is_over = |id| own.get(id).is_none_or(|lesson| is_over(lesson.status));
        let mut ranked: Vec<_> = votes
            .into_iter()
            .map(|((id, at), votes)| (is_over(id), Reverse(votes), id, at))
            .collect();
        ranked.sort_unstable();
        let mut of_cluster = HashMap::new();
        let mut home = BTreeMap::new();
        let mut placed = HashSet::new();
        for (_, _, id, at) in ranked {
            home.entry(id.clone()).or_insert(at);
            if !of_cluster.contains_key(&at) && placed.insert(id) {
                of_cluster.insert(at, id.clone());
            }
        }
        Self { of_cluster, home }
    }

    /// Returns the lesson the cluster at this position continues.
    pub(crate) fn lesson_of(&self, at: usize) -> Option<&LessonId> {
        self.of_cluster.get(&at)
    }

    /// Notes on each kept lesson which others end in it.
    pub(crate) fn note_merges(&self, kept: &mut [Kept<'_>]) {
        for (id, at) in &self.home {
            let into = &mut kept[*at];
            if into.lesson.id != *id && !self.of_cluster.values().any(|l| l == id) {
                into.merged.push(id.clone());
            }
        }
    }

    /// Returns the own lessons no cluster continues, as they shall stand: merged into the lesson
    /// their candidates are in now, or retired because nothing supports them any more.
    pub(crate) fn leftovers<'a>(
        &self,
        own: &BTreeMap<LessonId, &'a Lesson>,
        kept: &[Kept<'_>],
    ) -> Vec<(&'a Lesson, Lesson)> {
        let continued: HashSet<&LessonId> = kept.iter().map(|k| &k.lesson.id).collect();
        let anchored = anchored_home(kept);
        own.iter()
            .filter(|(id, lesson)| !continued.contains(id) && !is_over(lesson.status))
            .map(|(id, before)| {
                let mut after = (*before).clone();
                let into = self
                    .home
                    .get(id)
                    .map(|at| &kept[*at].lesson.id)
                    .or_else(|| anchored.get(id).copied());
                match into {
                    Some(into) => {
                        after.status = LessonStatus::Superseded;
                        after.superseded_by = Some(into.clone());
                    }
                    None => after.status = LessonStatus::Retired,
                }
                after.contradicts.clear();
                (*before, after)
            })
            .collect()
    }
}

/// Returns, for own lessons whose candidates now belong to a person's lesson, that lesson.
fn anchored_home<'k>(kept: &'k [Kept<'_>]) -> HashMap<LessonId, &'k LessonId> {
    let mut homes = HashMap::new();
    for cluster in kept.iter().filter(|k| k.fixed) {
        for member in &cluster.members {
            if let CandidateState::Absorbed(id) = &member.state {
                homes.entry(id.clone()).or_insert(&cluster.lesson.id);
            }
        }
    }
    homes
}

fn is_over(status: LessonStatus) -> bool {
    matches!(status, LessonStatus::Retired | LessonStatus::Superseded)
}
