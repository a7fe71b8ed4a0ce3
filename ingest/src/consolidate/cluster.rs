//! Which wordings say the same.
//!
//! Owns clustering. The result depends on what the candidates say and on nothing else: not on the
//! order they arrive in, not on ids. Must not judge whether anything is worth keeping.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use cemem_core::store::StoredCandidate;
use cemem_core::{Lesson, LessonId};
use rayon::prelude::*;

use super::known::Same;
use super::node::{Class, Node, Wording, source};
use super::relate::{conflicts, jaccard};
use super::text::Words;

/// Share of common words that any two wordings of one cluster have, so that a chain of small steps ends.
const MIN_AKIN: f32 = 0.25;
/// Most wordings in one cluster: a chain of small steps must not swallow a topic.
const MAX_NODES: usize = 40;

/// Wordings that say the same, by position.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Clusters {
    /// Node positions of each cluster, in the order of their first.
    pub(crate) clusters: Vec<Vec<usize>>,
    /// Pairs of clusters that cannot both hold, in order.
    pub(crate) opposites: Vec<(usize, usize)>,
}

/// The lessons that are not the pass's own.
pub(crate) struct Fixed<'a> {
    pub(crate) lessons: &'a [&'a Lesson],
    /// For each of them the position of the one that stands for it.
    pub(crate) standing: &'a [usize],
    /// For candidates a person has tied to a lesson, the position of the one that stands for it.
    pub(crate) bound: &'a HashMap<usize, usize>,
}

/// Who says a wording: the position of a candidate, and of a lesson that is not the pass's own.
type Said = (Wording, Option<usize>, Option<usize>);

/// Returns one node per distinct wording of these candidates and lessons, in their order.
pub(crate) fn nodes(
    candidates: &[&StoredCandidate],
    fixed: &Fixed<'_>,
    words: &mut Words,
) -> Vec<Node> {
    let Fixed { lessons: anchors, standing, bound } = *fixed;
    let of_lesson =
        |(at, lesson): (usize, &&Lesson)| -> Said { (Wording::of_lesson(lesson), None, Some(at)) };
    let of_candidate = |(at, stored): (usize, &&StoredCandidate)| -> Said {
        let anchor = bound.get(&at).copied();
        (Wording::of(&stored.candidate, anchor.map(|at| anchors[at])), Some(at), anchor)
    };
    let lessons = anchors.par_iter().enumerate().map(of_lesson);
    let mut said: Vec<Said> =
        lessons.chain(candidates.par_iter().enumerate().map(of_candidate)).collect();
    said.par_sort_unstable();
    let node = |same: &[Said]| {
        let wording = &same[0].0;
        let members: Vec<usize> = same.iter().filter_map(|said| said.1).collect();
        let anchor = same.iter().find_map(|said| said.2);
        let told = anchor.filter(|_| wording.class == Class::Rule).map(|at| &*anchors[at].rule);
        let text = told.or_else(|| source(members.iter().map(|m| candidates[*m])));
        let mut keys: Vec<_> =
            members.iter().map(|m| candidates[*m].candidate.key.clone()).collect();
        keys.sort_unstable();
        let mut node = wording.node(keys, anchor.map(|at| anchors[standing[at]].id.clone()));
        node.is_lesson = same.iter().any(|said| said.1.is_none());
        node.told(text.unwrap_or(&wording.text), words)
    };
    let mut nodes: Vec<Node> = said.chunk_by(|a, b| a.0 == b.0).map(node).collect();
    nodes.par_sort_by_cached_key(Node::place);
    nodes
}

/// Returns the clusters of these nodes, given how they relate, and notes which pairs brought clusters
/// together. `moved` are the nodes whose clusters may be others than when that was noted before: of all
/// clusters without one of them the notes hold.
pub(crate) fn cluster(
    nodes: &[Node],
    same: &mut [Same],
    opposite: &[(usize, usize)],
    moved: Vec<bool>,
) -> Clusters {
    let mut order: Vec<u32> = (0..).take(same.len()).collect();
    let rank = |at: &u32| {
        let Same { pair, alike, .. } = same[*at as usize];
        // Numbers that are not negative are in the order of their bits.
        (Reverse(alike.to_bits()), pair)
    };
    order.par_sort_unstable_by_key(rank);
    let mut groups = Groups::new(nodes, moved);
    for at in order {
        let Same { pair: (a, b), joined, .. } = &mut same[at as usize];
        *joined = Some(groups.try_join(*a as usize, *b as usize, *joined));
    }
    let clusters = groups.into_clusters();
    let mut cluster_of = vec![0; nodes.len()];
    for (at, members) in clusters.iter().enumerate() {
        for node in members {
            cluster_of[*node] = at;
        }
    }
    let apart = |(a, b): &(usize, usize)| {
        let (a, b) = (cluster_of[*a], cluster_of[*b]);
        (a != b).then_some((a.min(b), a.max(b)))
    };
    let mut opposites: Vec<(usize, usize)> = opposite.iter().filter_map(apart).collect();
    opposites.sort_unstable();
    opposites.dedup();
    Clusters { clusters, opposites }
}

/// Clusters in the making.
struct Groups<'n> {
    nodes: &'n [Node],
    group_of: Vec<usize>,
    members: Vec<Vec<usize>>,
    /// Which groups hold wordings that a person put together.
    by_hand: Vec<bool>,
    /// Which groups may be others than they were at this point of the pass before.
    moved: Vec<bool>,
    /// Groups that must not be joined: they only grow, so that they never may.
    apart: HashSet<(usize, usize)>,
}

impl<'n> Groups<'n> {
    /// Makes one group of all wordings of one lesson: its own, and those of lessons that a person merged
    /// into it.
    fn new(nodes: &'n [Node], moved: Vec<bool>) -> Self {
        let mut groups = Self {
            nodes,
            group_of: (0..nodes.len()).collect(),
            members: (0..nodes.len()).map(|i| vec![i]).collect(),
            by_hand: vec![false; nodes.len()],
            moved,
            apart: HashSet::new(),
        };
        let mut first: HashMap<&LessonId, usize> = HashMap::new();
        for (at, node) in nodes.iter().enumerate() {
            let Some(anchor) = &node.anchor else { continue };
            let group = *first.entry(anchor).or_insert(at);
            if group != at {
                groups.unite(group, at);
                groups.by_hand[group] = true;
            }
        }
        groups
    }

    /// Joins the groups of two nodes if they fit; returns whether they were two and are one now. `before`
    /// says what came of it at the pass before, if it was tried.
    fn try_join(&mut self, a: usize, b: usize, before: Option<bool>) -> bool {
        let (a, b) = (self.group_of[a], self.group_of[b]);
        let (keep, gone) = (a.min(b), a.max(b));
        if keep == gone {
            return false;
        }
        let moved = self.moved[keep] || self.moved[gone];
        let joins = match before {
            Some(joined) if !moved => joined,
            _ => self.fit(keep, gone),
        };
        // From here on they may be others than they were then.
        if (moved || before.is_none()) && (joins || before == Some(true)) {
            self.moved[keep] = true;
            self.moved[gone] = true;
        }
        if joins {
            self.unite(keep, gone);
        }
        joins
    }

    /// Returns whether two groups may be one: no two of their wordings conflict or are about different
    /// things.
    fn fit(&mut self, a: usize, b: usize) -> bool {
        if self.apart.contains(&(a, b)) {
            return false;
        }
        let nodes = self.nodes;
        let anchored = |g: usize| self.members[g].iter().any(|n| nodes[*n].anchor.is_some());
        // Of what a person put together nobody asks what it has in common.
        let by_hand = self.by_hand[a] || self.by_hand[b];
        let akin = |x: &Node, y: &Node| {
            // A failure and the rule that a person made of it say different things.
            if x.class != y.class {
                return true;
            }
            let (x, y) = (x.features(), y.features());
            let akin = by_hand || jaccard(&x.words, &y.words) >= MIN_AKIN || x.words == y.words;
            akin && !conflicts(x, y)
        };
        let fit = self.members[a].len() + self.members[b].len() <= MAX_NODES
            && !(anchored(a) && anchored(b))
            && self.members[a]
                .iter()
                .all(|x| self.members[b].iter().all(|y| akin(&nodes[*x], &nodes[*y])));
        if !fit {
            self.apart.insert((a, b));
        }
        fit
    }

    fn unite(&mut self, keep: usize, gone: usize) {
        let united = std::mem::take(&mut self.members[gone]);
        for node in &united {
            self.group_of[*node] = keep;
        }
        self.members[keep].extend(united);
        self.members[keep].sort_unstable();
        self.by_hand[keep] |= self.by_hand[gone];
        self.moved[keep] |= self.moved[gone];
    }

    fn into_clusters(self) -> Vec<Vec<usize>> {
        self.members.into_iter().filter(|m| !m.is_empty()).collect()
    }
}
