//! The wordings of a store after what is new.
//!
//! Owns bringing the nodes of an earlier pass up to date. The result is what reading all candidates
//! anew would give. Must not compare wordings.

use std::collections::{BTreeMap, HashMap, HashSet};

use cemem_core::store::{StoreError, StoredCandidate};
use cemem_core::{CandidateKey, Lesson, LessonId, Store};

use super::assign;
use super::facts::{CandidateFact, Facts, Token};
use super::news::News;
use super::node::{Class, Node, NodeName, Wording, source};
use super::text::Words;

/// The nodes of a store after what is new.
#[derive(Default)]
pub(crate) struct Renewed {
    /// In their order.
    pub(crate) nodes: Vec<Node>,
    /// The position that each had before, if nothing about it is new.
    pub(crate) was: Vec<Option<usize>>,
    /// Lessons of people that a node is gone for.
    pub(crate) gone: HashSet<LessonId>,
}

/// A node that candidates have joined or left.
#[derive(Default)]
struct Changed<'a> {
    before: Option<usize>,
    /// The wording, the lesson that it is tied to and the candidates that say it now.
    said: Option<(Wording, Option<LessonId>)>,
    joined: Vec<&'a StoredCandidate>,
}

/// The nodes that change, and what is needed to make them anew.
pub(crate) struct Changes<'a> {
    nodes: BTreeMap<NodeName, Changed<'a>>,
    news: HashSet<&'a CandidateKey>,
    /// The candidates that say one of them and are not new.
    others: HashMap<CandidateKey, StoredCandidate>,
}

impl<'a> Changes<'a> {
    /// Returns what changes among these nodes; nothing if they do not go with the news.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn of(
        store: &Store,
        facts: &Facts,
        nodes: &[Node],
        news: &'a News,
    ) -> Result<Option<Self>, StoreError> {
        let keys: HashSet<&CandidateKey> =
            news.candidates.iter().map(|stored| &stored.candidate.key).collect();
        let live: Vec<&StoredCandidate> =
            news.candidates.iter().filter(|stored| news.is_in(stored)).collect();
        let anchors = anchors(store, facts, &live)?;
        let anchors: Vec<&Lesson> = anchors.iter().collect();
        let standing = assign::standing(&anchors);
        let bound = assign::bound(&live, &anchors, &standing);
        let mut changed: BTreeMap<NodeName, Changed<'a>> = BTreeMap::new();
        for (at, stored) in live.iter().enumerate() {
            let tied = bound.get(&at).map(|anchor| anchors[*anchor]);
            let wording = Wording::of(&stored.candidate, tied);
            let node = changed.entry(wording.name()).or_default();
            node.said = Some((wording, tied.map(|lesson| lesson.id.clone())));
            node.joined.push(stored);
        }
        for (at, node) in nodes.iter().enumerate() {
            if let Some(node) = changed.get_mut(&node.name) {
                node.before = Some(at);
            } else if node.members.iter().any(|key| keys.contains(key)) {
                changed.entry(node.name).or_default().before = Some(at);
            }
        }
        // A lesson that a person decided about has a node of its own.
        let is_lost = |node: &Changed<'_>| {
            let tied_rule = |(wording, tied): &(Wording, Option<LessonId>)| {
                tied.is_some() && wording.class == Class::Rule
            };
            node.before.is_none() && node.said.as_ref().is_some_and(tied_rule)
        };
        if changed.values().any(is_lost) {
            return Ok(None);
        }
        let stays = |node: &Changed<'_>| node.before.map_or(&[][..], |at| &nodes[at].members);
        let others: Vec<&CandidateKey> =
            changed.values().flat_map(stays).filter(|key| !keys.contains(key)).collect();
        let others = store.candidates_with(others)?;
        let others = others.into_iter().map(|c| (c.candidate.key.clone(), c)).collect();
        Ok(Some(Self { nodes: changed, news: keys, others }))
    }

    /// Makes the changes.
    pub(crate) fn make(mut self, nodes: Vec<Node>, words: &mut Words) -> Renewed {
        let mut gone = HashSet::new();
        let mut renewed = Vec::with_capacity(nodes.len() + self.nodes.len());
        for (at, node) in nodes.into_iter().enumerate() {
            let Some(change) = self.nodes.remove(&node.name) else {
                renewed.push((Some(at), node));
                continue;
            };
            let anchor = node.anchor.clone();
            match self.renew(node, &change, words) {
                Some(node) => renewed.push((None, node)),
                None => gone.extend(anchor),
            }
        }
        for change in std::mem::take(&mut self.nodes).into_values() {
            if let Some((wording, anchor)) = &change.said {
                let node = wording.node(Vec::new(), anchor.clone());
                renewed.extend(self.renew(node, &change, words).map(|node| (None, node)));
            }
        }
        // Nearly in order.
        renewed.sort_by_key(|(_, node)| node.place());
        let (was, nodes) = renewed.into_iter().unzip();
        Renewed { nodes, was, gone }
    }

    /// Returns a node after what has changed about it, if anything still says it.
    fn renew(&self, mut node: Node, change: &Changed<'_>, words: &mut Words) -> Option<Node> {
        node.members.retain(|key| !self.news.contains(key));
        let stay: Vec<&StoredCandidate> =
            node.members.iter().filter_map(|key| self.others.get(key)).collect();
        node.members.extend(change.joined.iter().map(|stored| stored.candidate.key.clone()));
        node.members.sort_unstable();
        if node.class == Class::Rule && node.anchor.is_some() {
            // It is compared by the words of the lesson.
            return Some(node);
        }
        let text = source(stay.into_iter().chain(change.joined.iter().copied()))?;
        Some(node.told(text, words))
    }
}

/// Returns the lessons of people that these candidates may belong to, and those that stand for them, by
/// id.
fn anchors(
    store: &Store,
    facts: &Facts,
    live: &[&StoredCandidate],
) -> Result<Vec<Lesson>, StoreError> {
    let asked: Vec<CandidateFact> = live.iter().map(|c| CandidateFact::of(c, true)).collect();
    let mut wanted: HashSet<Token> = asked.iter().flat_map(|c| c.lessons).flatten().collect();
    let quoted: HashSet<Token> = asked.iter().map(|c| c.quoted).collect();
    let people = || facts.lessons.iter().filter(|lesson| !lesson.is_own);
    for lesson in people() {
        if lesson.quoted.iter().any(|row| quoted.contains(row)) {
            wanted.insert(lesson.token);
        }
    }
    loop {
        let before = wanted.len();
        for lesson in people().filter(|lesson| lesson.ended_in.is_some()) {
            if wanted.contains(&lesson.token) {
                wanted.extend(lesson.ended_in);
            }
        }
        if wanted.len() == before {
            break;
        }
    }
    let found = people().filter(|lesson| wanted.contains(&lesson.token));
    let lessons: Vec<_> = found.map(|l| store.lesson(&l.id)).collect::<Result<_, _>>()?;
    Ok(lessons.into_iter().flatten().collect())
}
