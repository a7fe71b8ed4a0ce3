//! Which candidates say the same.
//!
//! Owns nodes (one per distinct wording) and clustering. The result depends on what the
//! candidates say and on nothing else: not on the order they arrive in, not on ids. Must not judge
//! whether anything is worth keeping.

use std::collections::HashMap;

use cemem_core::store::StoredCandidate;
use cemem_core::{Lesson, Signal, Trust};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::known::{Known, WordingId};
use super::pairs::{MAX_LEADERS, Pairs, pairs};
use super::relate::{Similarity, conflicts, jaccard};
use super::skeleton::skeleton;
use super::speech::said_by_marks;
use super::text::{Features, Words};

/// Share of common words that any two wordings of one cluster have, so that a chain of small steps ends.
const MIN_AKIN: f32 = 0.25;
/// Most wordings in one cluster: a chain of small steps must not swallow a topic.
const MAX_NODES: usize = 40;

/// Kinds of rules that are never merged with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Class {
    /// Rules people state.
    Rule,
    /// Failures and their fixes.
    Fix,
    /// Whole documents.
    Document,
    /// Findings of programs; a person's are rules.
    Finding,
    /// Text no one vouches for.
    Untrusted,
}

impl Class {
    /// All, in their order.
    pub(crate) const ALL: [Self; 5] =
        [Self::Rule, Self::Fix, Self::Document, Self::Finding, Self::Untrusted];
}

/// One wording and everything that says it.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: WordingId,
    pub(crate) class: Class,
    pub(crate) text: String,
    pub(crate) features: Features,
    /// Positions in the list of candidates.
    pub(crate) members: Vec<usize>,
    /// Position of a lesson that is not the pass's own and says this.
    pub(crate) anchor: Option<usize>,
}

/// Wordings that say the same, by position.
pub(crate) struct Clusters {
    pub(crate) nodes: Vec<Node>,
    /// Node positions of each cluster.
    pub(crate) clusters: Vec<Vec<usize>>,
    /// Pairs of clusters that cannot both hold.
    pub(crate) opposites: Vec<(usize, usize)>,
}

/// Returns the class of a candidate.
pub(crate) fn class_of(candidate: &cemem_core::Candidate) -> Class {
    match candidate.signal {
        _ if candidate.trust == Trust::ToolOutput => Class::Untrusted,
        Signal::FailFix => Class::Fix,
        Signal::Document => Class::Document,
        Signal::Finding if candidate.trust < Trust::HumanReview => Class::Finding,
        _ => Class::Rule,
    }
}

/// The lessons that are not the pass's own.
pub(crate) struct Fixed<'a> {
    pub(crate) lessons: &'a [&'a Lesson],
    /// For each of them the position of the one that stands for it.
    pub(crate) standing: &'a [usize],
    /// For candidates a person has tied to a lesson, the position of the one that stands for it.
    pub(crate) bound: &'a HashMap<usize, usize>,
}

/// Returns the clusters of the given candidates and foreign lessons, and what is to be known of their
/// wordings at the next pass.
pub(crate) fn cluster(
    candidates: &[&StoredCandidate],
    fixed: &Fixed<'_>,
    known: &Known,
    model: Option<&Similarity<'_>>,
) -> (Clusters, Known) {
    let mut words = Words::default();
    let nodes = nodes(candidates, fixed, &mut words);
    let (Pairs { mut same, opposite }, known) = pairs(&nodes, &words, known, model, MAX_LEADERS);
    same.par_sort_unstable_by(|a, b| b.2.total_cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1))));
    let mut groups = Groups::new(nodes.len());
    groups.join_anchors(&nodes);
    for (a, b, _) in same {
        groups.try_join(a, b, &nodes);
    }
    let clusters = groups.into_clusters();
    let mut cluster_of = vec![0; nodes.len()];
    for (at, members) in clusters.iter().enumerate() {
        for node in members {
            cluster_of[*node] = at;
        }
    }
    let mut opposites: Vec<(usize, usize)> = opposite
        .into_iter()
        .map(|(a, b)| (cluster_of[a].min(cluster_of[b]), cluster_of[a].max(cluster_of[b])))
        .filter(|(a, b)| a != b)
        .collect();
    opposites.sort_unstable();
    opposites.dedup();
    (Clusters { nodes, clusters, opposites }, known)
}

/// What makes wordings one: the class, the folded words, and what keeps it apart from the same words.
type Wording = (Class, String, String);
/// Who says a wording: the position of a candidate, and of a lesson that is not the pass's own.
type Said = (Wording, Option<usize>, Option<usize>);

/// Returns one node per distinct wording, ordered by class and wording.
fn nodes(candidates: &[&StoredCandidate], fixed: &Fixed<'_>, words: &mut Words) -> Vec<Node> {
    let Fixed { lessons: anchors, standing, bound } = *fixed;
    // A lesson of a person's is a node of its own, so that two of them are never one node.
    let of_lesson = |(at, lesson): (usize, &&Lesson)| -> Said {
        ((Class::Rule, folded(&lesson.rule), lesson.id.to_string()), None, Some(at))
    };
    let of_candidate = |(at, stored): (usize, &&StoredCandidate)| -> Said {
        let anchor = bound.get(&at).copied();
        (wording(&stored.candidate, anchor.map(|anchor| anchors[anchor])), Some(at), anchor)
    };
    let lessons = anchors.par_iter().enumerate().map(of_lesson);
    let mut said: Vec<Said> =
        lessons.chain(candidates.par_iter().enumerate().map(of_candidate)).collect();
    said.par_sort_unstable();
    let node = |same: &[Said]| {
        let (class, text, apart) = &same[0].0;
        let members: Vec<usize> = same.iter().filter_map(|said| said.1).collect();
        let anchor = same.iter().find_map(|said| said.2);
        let source = anchor
            .filter(|_| *class == Class::Rule)
            .map(|a| anchors[a].rule.as_str())
            .or_else(|| {
                // Of wordings that differ only in case, the one with capitals knows the names.
                members.iter().map(|m| words_of(&candidates[*m].candidate)).max()
            })
            .unwrap_or(text);
        Node {
            id: id(*class, [text, apart, source]),
            class: *class,
            text: text.clone(),
            features: words.read(source),
            members,
            anchor: anchor.map(|a| standing[a]),
        }
    };
    said.chunk_by(|a, b| a.0 == b.0).map(node).collect()
}

/// Returns the wording of a candidate, which may be tied to a person's lesson.
fn wording(candidate: &cemem_core::Candidate, tied: Option<&Lesson>) -> Wording {
    let class = class_of(candidate);
    match tied {
        // What is compared only with its own kind has to meet what a person decided there, too.
        Some(lesson) if matches!(class, Class::Rule | Class::Document) => {
            (Class::Rule, folded(&lesson.rule), lesson.id.to_string())
        }
        Some(lesson) => (class, folded(words_of(candidate)), lesson.id.to_string()),
        // Two documents are one only if they are the same document.
        None if class == Class::Document => {
            (class, folded(words_of(candidate)), folded(&candidate.title))
        }
        None => (class, folded(words_of(candidate)), String::new()),
    }
}

/// Returns what tells a wording, and the features that follow from it, from all others.
fn id(class: Class, parts: [&str; 3]) -> WordingId {
    let mut hash = Sha256::new();
    hash.update([class as u8]);
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    *hash.finalize().first_chunk().expect("the hash has 32 bytes")
}

/// Returns the words that tell a candidate from others: of a fix the failure, not the files.
fn words_of(candidate: &cemem_core::Candidate) -> &str {
    if class_of(candidate) == Class::Fix { &candidate.title } else { &candidate.rule }
}

/// Returns a wording without case, punctuation at its ends and repeated white space.
pub(crate) fn folded(rule: &str) -> String {
    let line = crate::extract::wording::clean_line(&skeleton(&said_by_marks(rule))).to_lowercase();
    line.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '`' | '@' | '#' | '.' | '/'))
        .trim_end_matches('.')
        .to_owned()
}

/// Clusters in the making.
struct Groups {
    group_of: Vec<usize>,
    members: Vec<Vec<usize>>,
    /// Which groups hold wordings that a person put together.
    by_hand: Vec<bool>,
}

impl Groups {
    fn new(n: usize) -> Self {
        Self {
            group_of: (0..n).collect(),
            members: (0..n).map(|i| vec![i]).collect(),
            by_hand: vec![false; n],
        }
    }

    /// Makes one group of all wordings of one lesson: its own, and those of lessons that a person
    /// merged into it.
    fn join_anchors(&mut self, nodes: &[Node]) {
        let mut first: HashMap<usize, usize> = HashMap::new();
        for (at, node) in nodes.iter().enumerate() {
            let Some(anchor) = node.anchor else { continue };
            let group = *first.entry(anchor).or_insert(at);
            if group != at {
                self.members[at].clear();
                self.members[group].push(at);
                self.by_hand[group] = true;
                self.group_of[at] = group;
            }
        }
    }

    /// Joins the groups of two nodes unless any two of their wordings conflict or are about
    /// different things.
    fn try_join(&mut self, a: usize, b: usize, nodes: &[Node]) {
        let (ga, gb) = (self.group_of[a], self.group_of[b]);
        if ga == gb || self.members[ga].len() + self.members[gb].len() > MAX_NODES {
            return;
        }
        let anchored = |g: usize| self.members[g].iter().any(|n| nodes[*n].anchor.is_some());
        if anchored(ga) && anchored(gb) {
            return;
        }
        // Of what a person put together nobody asks what it has in common.
        let by_hand = self.by_hand[ga] || self.by_hand[gb];
        let fits = self.members[ga].iter().all(|x| {
            self.members[gb].iter().all(|y| {
                // A failure and the rule that a person made of it say different things.
                if nodes[*x].class != nodes[*y].class {
                    return true;
                }
                let (x, y) = (&nodes[*x].features, &nodes[*y].features);
                let akin = by_hand || jaccard(&x.words, &y.words) >= MIN_AKIN || x.words == y.words;
                akin && !conflicts(x, y)
            })
        });
        if !fits {
            return;
        }
        let (keep, gone) = (ga.min(gb), ga.max(gb));
        let moved = std::mem::take(&mut self.members[gone]);
        for node in &moved {
            self.group_of[*node] = keep;
        }
        self.members[keep].extend(moved);
        self.by_hand[keep] |= self.by_hand[gone];
        self.members[keep].sort_unstable();
    }

    fn into_clusters(self) -> Vec<Vec<usize>> {
        self.members.into_iter().filter(|m| !m.is_empty()).collect()
    }
}
