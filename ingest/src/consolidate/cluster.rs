//! Which candidates say the same.
//!
//! Owns nodes (one per distinct wording), blocking and clustering. The result depends on what the
//! candidates say and on nothing else: not on the order they arrive in, not on ids. Must not judge
//! whether anything is worth keeping.

use std::collections::{BTreeMap, HashMap};

use cemem_core::store::StoredCandidate;
use cemem_core::{Lesson, Signal, Trust};
use rayon::prelude::*;

use super::relate::{LEAST_ALIKE, Outline, Relation, Similarity, conflicts, jaccard, relate};
use super::skeleton::skeleton;
use super::speech::said_by_marks;
use super::text::{Features, Words};

/// Most rules sharing a word that are looked at for one rule: beyond it the word says nothing.
const MAX_POSTINGS: usize = 250;
/// Share of common words below which two rules are not even compared.
const MIN_ALIKE: f32 = 0.15;
/// Nodes that one thread compares at once with those before them.
const AT_ONCE: usize = 256;
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

/// One wording and everything that says it.
#[derive(Debug)]
pub(crate) struct Node {
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

/// Returns the clusters of the given candidates and foreign lessons.
pub(crate) fn cluster(
    candidates: &[&StoredCandidate],
    fixed: &Fixed<'_>,
    model: Option<&Similarity<'_>>,
) -> Clusters {
    let mut words = Words::default();
    let nodes = nodes(candidates, fixed, &mut words);
    let (mut same, opposite) = pairs(&nodes, model);
    same.sort_by(|a, b| b.2.total_cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1))));
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
    Clusters { nodes, clusters, opposites }
}

/// Who says one wording: positions of candidates, and of a lesson that is not the pass's own.
type Said = (Vec<usize>, Option<usize>);

/// Returns one node per distinct wording, ordered by class and wording.
fn nodes(candidates: &[&StoredCandidate], fixed: &Fixed<'_>, words: &mut Words) -> Vec<Node> {
    let Fixed { lessons: anchors, standing, bound } = *fixed;
    // A lesson of a person's is a node of its own, so that two of them are never one node.
    let mut by_text: BTreeMap<(Class, String, String), Said> = BTreeMap::new();
    for (at, lesson) in anchors.iter().enumerate() {
        let key = (Class::Rule, folded(&lesson.rule), lesson.id.to_string());
        by_text.insert(key, (Vec::new(), Some(at)));
    }
    for (at, stored) in candidates.iter().enumerate() {
        let candidate = &stored.candidate;
        let class = class_of(candidate);
        if let Some(anchor) = bound.get(&at) {
            let lesson = anchors[*anchor];
            // What is compared only with its own kind has to meet what a person decided there, too.
            let (class, text) = match class {
                Class::Rule | Class::Document => (Class::Rule, folded(&lesson.rule)),
                class => (class, folded(words_of(candidate))),
            };
            let said = by_text.entry((class, text, lesson.id.to_string())).or_default();
            said.0.push(at);
            said.1 = Some(*anchor);
            continue;
        }
        let text = folded(words_of(candidate));
        // Two documents are one only if they are the same document.
        let apart = if class == Class::Document { folded(&candidate.title) } else { String::new() };
        by_text.entry((class, text, apart)).or_default().0.push(at);
    }
    by_text
        .into_iter()
        .map(|((class, text, _), (members, anchor))| {
            let source = anchor
                .filter(|_| class == Class::Rule)
                .map(|a| anchors[a].rule.as_str())
                .or_else(|| {
                    // Of wordings that differ only in case, the one with capitals knows the names.
                    members.iter().map(|m| words_of(&candidates[*m].candidate)).max()
                })
                .unwrap_or(&text);
            let features = words.read(source);
            Node { class, text, features, members, anchor: anchor.map(|a| standing[a]) }
        })
        .collect()
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

type Pairs = (Vec<(usize, usize, f32)>, Vec<(usize, usize)>);

/// Compares every two nodes that share rare words; returns the pairs that say the same and the
/// pairs that say the opposite, in the order of their positions.
fn pairs(nodes: &[Node], model: Option<&Similarity<'_>>) -> Pairs {
    let mut frequency: HashMap<(Class, u32), usize> = HashMap::new();
    for node in nodes {
        for word in &node.features.words {
            *frequency.entry((node.class, *word)).or_default() += 1;
        }
    }
    let least: Vec<f32> = nodes.iter().map(|node| least_alike(node, model.is_some())).collect();
    let prefixes: Vec<Vec<u32>> = nodes
        .par_iter()
        .zip(&least)
        .map(|(node, least)| prefix(node, *least, &frequency))
        .collect();
    let mut postings: HashMap<(Class, u32), Vec<usize>> = HashMap::new();
    for (at, words) in prefixes.iter().enumerate() {
        for word in words {
            let list = postings.entry((nodes[at].class, *word)).or_default();
            if list.len() < MAX_POSTINGS {
                list.push(at);
            }
        }
    }
    let outlines: Vec<Outline> = nodes.iter().map(|n| Outline::of(&n.features.words)).collect();
    let compare = |seen: &mut Vec<usize>, at: usize| {
        let node = &nodes[at];
        let (mut same, mut opposite) = (Vec::new(), Vec::new());
        for word in &prefixes[at] {
            let others = &postings[&(node.class, *word)];
            for other in others.iter().copied().take_while(|other| *other < at) {
                if std::mem::replace(&mut seen[other], at) == at {
                    continue;
                }
                let least = least[other].max(least[at]);
                if outlines[other].at_most_alike(outlines[at]) < least {
                    continue;
                }
                let (a, b) = (&nodes[other], node);
                if jaccard(&a.features.words, &b.features.words) < least {
                    continue;
                }
                let ask = model.map(|m| move || m(&a.text, &b.text));
                let ask = ask.as_ref().map(|f| f as &dyn Fn() -> f32);
                match relate(&a.features, &b.features, ask) {
                    Relation::Same(alike) => same.push((other, at, alike)),
                    Relation::Opposite => opposite.push((other, at)),
                    Relation::Different => {}
                }
            }
        }
        (same, opposite)
    };
    let found: Vec<Pairs> = (0..nodes.len())
        .into_par_iter()
        .with_min_len(AT_ONCE)
        .map_init(|| vec![usize::MAX; nodes.len()], compare)
        .collect();
    let (same, opposite): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    (same.concat(), opposite.concat())
}

/// Returns the share of common words below which a node need not be compared with another: by words alone
/// only sides that are taken ("enable", "disable") tell rules apart that have little else in common.
fn least_alike(node: &Node, model: bool) -> f32 {
    if model || !node.features.sides.is_empty() { MIN_ALIKE } else { LEAST_ALIKE }
}

/// Returns the rarest words of a node: two nodes alike enough to compare share at least one of
/// them, whatever the rest. Documents are compared with nothing.
fn prefix(node: &Node, least: f32, frequency: &HashMap<(Class, u32), usize>) -> Vec<u32> {
    if node.class == Class::Document {
        return Vec::new();
    }
    let mut words = node.features.words.clone();
    words.sort_by_key(|w| (frequency.get(&(node.class, *w)).copied().unwrap_or(0), *w));
    let needed = (words.len() as f32 * least).ceil() as usize;
    words.truncate(words.len() - needed.saturating_sub(1).min(words.len()));
    words
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
