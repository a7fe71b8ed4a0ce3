//! What has to be looked at together.
//!
//! Owns following what refers to each other: a cluster and the candidates in it, a lesson and the
//! candidates it was made of, opposites, lessons that ended in one another. What is not reached stands as
//! it did. Must not read a store.

use std::collections::{BTreeSet, HashMap};

use cemem_core::{CandidateKey, LessonId};
use rayon::prelude::*;

use super::cluster::Clusters;
use super::facts::{Facts, Token};
use super::node::Node;

/// What has been reached, and what may be reached from it.
pub(crate) struct Reach<'a> {
    facts: &'a Facts,
    nodes: &'a [Node],
    clusters: &'a Clusters,
    /// Numbers, by what they belong to.
    cluster_of_node: Vec<usize>,
    cluster_of_candidate: HashMap<&'a CandidateKey, usize>,
    cluster_of_lesson: HashMap<&'a LessonId, usize>,
    lesson_of: ByToken,
    candidates_of: ByToken,
    ended_in: ByToken,
    opposites: HashMap<usize, Vec<usize>>,
    reached_clusters: BTreeSet<usize>,
    reached_lessons: BTreeSet<usize>,
    next: Vec<Reached>,
}

/// Something whose surroundings are still to be followed.
enum Reached {
    Cluster(usize),
    Lesson(usize),
}

/// Positions in a list, by the tokens of what stands there.
struct ByToken(Vec<(Token, usize)>);

impl ByToken {
    fn of<T, I: IntoIterator<Item = Token>>(list: &[T], tokens: impl Fn(&T) -> I) -> Self {
        let of_one = |(at, one)| tokens(one).into_iter().map(move |token| (token, at));
        let mut all: Vec<_> = list.iter().enumerate().flat_map(of_one).collect();
        all.par_sort_unstable();
        Self(all)
    }

    /// Returns what has this token, in order.
    fn with(&self, token: Token) -> Vec<usize> {
        let from = self.0.partition_point(|(other, _)| *other < token);
        self.0[from..].iter().take_while(|(other, _)| *other == token).map(|(_, at)| *at).collect()
    }
}

impl<'a> Reach<'a> {
    pub(crate) fn new(facts: &'a Facts, nodes: &'a [Node], clusters: &'a Clusters) -> Self {
        let mut reach = Self {
            facts,
            nodes,
            clusters,
            cluster_of_node: vec![0; nodes.len()],
            cluster_of_candidate: HashMap::with_capacity(facts.candidates.len()),
            cluster_of_lesson: HashMap::new(),
            lesson_of: ByToken::of(&facts.lessons, |lesson| Some(lesson.token)),
            candidates_of: ByToken::of(&facts.candidates, |c| c.lessons.into_iter().flatten()),
            ended_in: ByToken::of(&facts.lessons, |lesson| lesson.ended_in),
            opposites: HashMap::new(),
            reached_clusters: BTreeSet::new(),
            reached_lessons: BTreeSet::new(),
            next: Vec::new(),
        };
        for (number, members) in clusters.clusters.iter().enumerate() {
            for at in members {
                reach.cluster_of_node[*at] = number;
                let node = &nodes[*at];
                reach.cluster_of_candidate.extend(node.members.iter().map(|key| (key, number)));
                reach.cluster_of_lesson.extend(node.anchor.as_ref().map(|id| (id, number)));
            }
        }
        for (a, b) in &clusters.opposites {
            reach.opposites.entry(*a).or_default().push(*b);
            reach.opposites.entry(*b).or_default().push(*a);
        }
        reach
    }

    /// Reaches every cluster that was not one before: `was` says where its nodes were, `was_in` in which
    /// clusters.
    pub(crate) fn changed_clusters(&mut self, was: &[Option<usize>], was_in: &[u32]) {
        let mut sizes = vec![0; was_in.len()];
        for cluster in was_in {
            sizes[*cluster as usize] += 1;
        }
        for (number, members) in self.clusters.clusters.iter().enumerate() {
            let was_in = |node: &usize| was[*node].map(|then| was_in[then]);
            let first = members.first().and_then(was_in);
            let stood = first.is_some_and(|cluster| sizes[cluster as usize] == members.len())
                && members.iter().all(|node| was_in(node) == first);
            if !stood {
                self.cluster(number);
            }
        }
    }

    /// Reaches both sides of whatever is opposite now and was not before, or the other way round.
    pub(crate) fn changed_opposites(
        &mut self,
        was: &[Option<usize>],
        then: &[(u32, u32)],
        now: &[(usize, usize)],
    ) {
        let n = was.iter().flatten().max().map_or(0, |last| last + 1);
        let mut now_at = vec![None; n];
        for (at, then) in was.iter().enumerate() {
            if let Some(then) = then {
                now_at[*then] = Some(at);
            }
        }
        let at = |then: u32| now_at.get(then as usize).copied().flatten();
        let mut stood: BTreeSet<(usize, usize)> = BTreeSet::new();
        let mut changed = Vec::new();
        for (a, b) in then {
            match (at(*a), at(*b)) {
                (Some(a), Some(b)) => _ = stood.insert((a.min(b), a.max(b))),
                (a, b) => changed.extend([a, b].into_iter().flatten()),
            }
        }
        let holds: BTreeSet<(usize, usize)> = now.iter().copied().collect();
        changed.extend(stood.symmetric_difference(&holds).flat_map(|(a, b)| [*a, *b]));
        for node in changed {
            self.cluster(self.cluster_of_node[node]);
        }
    }

    /// Reaches the cluster of a candidate, if it has one.
    pub(crate) fn candidate(&mut self, key: &CandidateKey) {
        if let Some(number) = self.cluster_of_candidate.get(key) {
            self.cluster(*number);
        }
    }

    /// Reaches a lesson, if there is one.
    pub(crate) fn lesson(&mut self, token: Token) {
        // Two lessons with one token, which never happens, would both be reached.
        for at in self.lesson_of.with(token) {
            if self.reached_lessons.insert(at) {
                self.next.push(Reached::Lesson(at));
            }
        }
    }

    fn cluster(&mut self, number: usize) {
        if self.reached_clusters.insert(number) {
            self.next.push(Reached::Cluster(number));
        }
    }

    /// Follows everything to its end.
    pub(crate) fn follow(&mut self) {
        while let Some(reached) = self.next.pop() {
            match reached {
                Reached::Cluster(number) => self.follow_cluster(number),
                Reached::Lesson(at) => self.follow_lesson(at),
            }
        }
    }

    fn follow_cluster(&mut self, number: usize) {
        for other in self.opposites.get(&number).cloned().unwrap_or_default() {
            self.cluster(other);
        }
        let (facts, nodes) = (self.facts, self.nodes);
        for node in &self.clusters.clusters[number] {
            if let Some(lesson) = nodes[*node].anchor.as_ref().and_then(|id| facts.lesson(id)) {
                self.lesson(lesson.token);
            }
            for candidate in nodes[*node].members.iter().filter_map(|key| facts.candidate(key)) {
                candidate.lessons.into_iter().flatten().for_each(|token| self.lesson(token));
            }
        }
    }

    fn follow_lesson(&mut self, at: usize) {
        let lesson = &self.facts.lessons[at];
        for candidate in self.candidates_of.with(lesson.token) {
            self.candidate(&self.facts.candidates[candidate].key);
        }
        if let Some(number) = self.cluster_of_lesson.get(&lesson.id) {
            self.cluster(*number);
        }
        lesson.ended_in.into_iter().for_each(|token| self.lesson(token));
        for other in self.ended_in.with(lesson.token) {
            self.lesson(self.facts.lessons[other].token);
        }
    }

    /// Returns the clusters that were reached, with the opposites among them.
    pub(crate) fn clusters(&self) -> Clusters {
        let numbers: HashMap<usize, usize> =
            self.reached_clusters.iter().enumerate().map(|(now, number)| (*number, now)).collect();
        let both = |(a, b): &(usize, usize)| Some((*numbers.get(a)?, *numbers.get(b)?));
        Clusters {
            clusters: (self.reached_clusters.iter())
                .map(|number| self.clusters.clusters[*number].clone())
                .collect(),
            opposites: self.clusters.opposites.iter().filter_map(both).collect(),
        }
    }

    /// Returns the lessons that were reached, by id.
    pub(crate) fn lessons(&self) -> impl Iterator<Item = &'a LessonId> {
        self.reached_lessons.iter().map(|at| &self.facts.lessons[*at].id)
    }
}
