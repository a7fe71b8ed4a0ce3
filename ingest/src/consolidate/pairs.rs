//! Which wordings are compared with each other, and what comes of it.
//!
//! Owns blocking: of a word that many hold only the first lead it (`Node::place` says which), and two
//! wordings are compared if one of them leads a word of the other. Owns what need not be compared again,
//! too: a pair that both was compared at the pass before and would be now is the same or opposite if it
//! was. Must not judge a pair itself: `relate` does.

use std::collections::HashMap;

use rayon::prelude::*;

use super::known::{Compared, Cut, Same};
use super::node::{Class, Node};
use super::relate::{LEAST_ALIKE, Outline, Relation, Similarity, jaccard, relate};
use super::text::Words;

/// Wordings that lead a word: of what more than these have in common the word says little.
pub(crate) const MAX_LEADERS: usize = 250;
/// Share of common words below which two rules are not even compared.
const MIN_ALIKE: f32 = 0.15;
/// Nodes that one thread compares at once with those before them.
const AT_ONCE: usize = 256;

/// What comparing found, by position, the lower one first.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Pairs {
    /// Pairs that say the same.
    pub(crate) same: Vec<Same>,
    /// Pairs that cannot both hold.
    pub(crate) opposite: Vec<(usize, usize)>,
    /// Nodes that were not there at the pass before, or brought clusters together with one that is gone.
    pub(crate) moved: Vec<usize>,
}

/// Returns the pairs of these nodes, which are in their order, and what is to be kept for the next pass,
/// but for the pairs that say the same: clustering has to note what came of them. Which pairs are found
/// is the same whatever is known.
pub(crate) fn pairs(
    nodes: &[Node],
    words: &Words,
    known: &Compared,
    model: Option<&Similarity<'_>>,
    max_leaders: usize,
) -> (Pairs, Compared) {
    // What a model said is not kept: another may say something else.
    let nothing = Compared::default();
    let known = if model.is_some() { &nothing } else { known };
    let field = Field::new(nodes, words, known, model, max_leaders);
    let mut pairs = field.kept(known);
    let found: Vec<Pairs> = (0..nodes.len())
        .into_par_iter()
        .with_min_len(AT_ONCE)
        .map_init(|| vec![usize::MAX; nodes.len()], |seen, at| field.compare(seen, at))
        .collect();
    for Pairs { same, opposite, .. } in found {
        pairs.same.extend(same);
        pairs.opposite.extend(opposite);
    }
    // What is kept is in order.
    pairs.same.sort_by_key(|same| same.pair);
    pairs.opposite.sort_unstable();
    let keep = if model.is_some() { nothing } else { field.to_keep(&pairs, words) };
    (pairs, keep)
}

/// A word among wordings of one class: those of other classes are never compared.
fn slot(class: Class, word: u32) -> usize {
    word as usize * Class::ALL.len() + class as usize
}

/// All that decides which nodes are compared.
struct Field<'a> {
    nodes: &'a [Node],
    model: Option<&'a Similarity<'a>>,
    outlines: Vec<Outline>,
    least: Vec<f32>,
    max_leaders: usize,
    /// The nodes that lead a word.
    leaders: Vec<Vec<usize>>,
    /// Those of them that did not at the pass before.
    fresh: Vec<Vec<usize>>,
    /// The position that a node had at the pass before.
    was_at: Vec<Option<usize>>,
    /// The last node that led a word then, by its position then; all that hold it, if there is none.
    last_then: Vec<usize>,
}

impl<'a> Field<'a> {
    fn new(
        nodes: &'a [Node],
        words: &Words,
        known: &Compared,
        model: Option<&'a Similarity<'a>>,
        max_leaders: usize,
    ) -> Self {
        let places: HashMap<_, _> = known.ids.iter().enumerate().map(|(at, id)| (id, at)).collect();
        let mut last_then = vec![usize::MAX; words.len() * Class::ALL.len()];
        for cut in &known.cuts {
            let class = Class::ALL.get(usize::from(cut.class));
            if let (Some(class), Some(word)) = (class, words.number_of(&cut.word)) {
                last_then[slot(*class, word)] = cut.last as usize;
            }
        }
        let mut field = Self {
            nodes,
            model,
            outlines: nodes.iter().map(|n| Outline::of(&n.words)).collect(),
            least: nodes.iter().map(|node| least_alike(node, model.is_some())).collect(),
            max_leaders,
            leaders: vec![Vec::new(); last_then.len()],
            fresh: vec![Vec::new(); last_then.len()],
            was_at: nodes.iter().map(|node| places.get(&node.id).copied()).collect(),
            last_then,
        };
        field.appoint();
        field
    }

    /// Finds the leaders of every word. Documents are compared with nothing.
    fn appoint(&mut self) {
        for (at, node) in self.nodes.iter().enumerate().filter(|(_, n)| n.class != Class::Document)
        {
            for word in &node.words {
                let slot = slot(node.class, *word);
                if self.leaders[slot].len() < self.max_leaders {
                    self.leaders[slot].push(at);
                    if !self.led(at, slot) {
                        self.fresh[slot].push(at);
                    }
                }
            }
        }
    }

    /// Returns whether a node led a word that it holds at the pass before.
    fn led(&self, at: usize, slot: usize) -> bool {
        self.was_at[at].is_some_and(|then| then <= self.last_then[slot])
    }

    /// Returns whether a node leads a word that it holds.
    fn leads(&self, at: usize, slot: usize) -> bool {
        let leaders = &self.leaders[slot];
        leaders.len() < self.max_leaders || leaders.last().is_some_and(|last| at <= *last)
    }

    /// Returns whether a node leads a word no more that it led at the pass before.
    fn lost(&self, at: usize) -> bool {
        let node = &self.nodes[at];
        let mut slots = node.words.iter().map(|word| slot(node.class, *word));
        slots.any(|slot| !self.leads(at, slot) && self.led(at, slot))
    }

    /// Returns whether the first of two nodes has a word of the second for which `leads` holds.
    fn meet(
        &self,
        first: usize,
        second: usize,
        leads: impl Fn(&Self, usize, usize) -> bool,
    ) -> bool {
        let (a, b) = (&self.nodes[first], &self.nodes[second]);
        let held = |word: &&u32| b.words.binary_search(word).is_ok();
        a.words.iter().filter(held).any(|word| leads(self, first, slot(a.class, *word)))
    }

    /// Returns the known pairs of nodes that are there and would be compared now.
    fn kept(&self, known: &Compared) -> Pairs {
        let mut now_at = vec![None; known.ids.len()];
        for (at, then) in self.was_at.iter().enumerate() {
            if let Some(then) = then {
                now_at[*then] = Some(at);
            }
        }
        // Whoever leads what it led meets whom it met.
        let lost: Vec<bool> = (0..self.nodes.len()).map(|at| self.lost(at)).collect();
        let now = |(a, b): (u32, u32)| {
            let at = |then: u32| now_at[then as usize];
            [at(a), at(b)]
        };
        let stands = |pair: (u32, u32)| {
            let [Some(a), Some(b)] = now(pair) else { return None };
            let (a, b) = (a.min(b), a.max(b));
            ((!lost[a] && !lost[b]) || self.meet(a, b, Self::leads)).then_some((a, b))
        };
        let kept = |same: &Same| {
            let (a, b) = stands(same.pair)?;
            Some(Same { pair: (position(a), position(b)), ..*same })
        };
        let same: Vec<Option<Same>> = known.same.par_iter().map(kept).collect();
        let gone = known
            .same
            .iter()
            .zip(&same)
            .filter(|(was, is)| is.is_none() && was.joined != Some(false));
        let left = gone.flat_map(|(was, _)| now(was.pair)).flatten();
        let new = self.was_at.iter().enumerate().filter(|(_, was)| was.is_none());
        let moved = left.chain(new.map(|(at, _)| at)).collect();
        Pairs {
            same: same.into_iter().flatten().collect(),
            opposite: known.opposite.iter().filter_map(|pair| stands(*pair)).collect(),
            moved,
        }
    }

    /// Compares a node with those before it, as far as that was not done at the pass before.
    fn compare(&self, seen: &mut [usize], at: usize) -> Pairs {
        let node = &self.nodes[at];
        let mut pairs = Pairs::default();
        if node.class == Class::Document {
            return pairs;
        }
        let known = self.was_at[at].is_some();
        let leaders = if known { &self.fresh } else { &self.leaders };
        for word in &node.words {
            let others = &leaders[slot(node.class, *word)];
            for other in others.iter().copied().take_while(|other| *other < at) {
                if std::mem::replace(&mut seen[other], at) == at {
                    continue;
                }
                let least = self.least[other].max(self.least[at]);
                if self.outlines[other].at_most_alike(self.outlines[at]) < least
                    || (known && self.was_at[other].is_some() && self.meet(other, at, Self::led))
                {
                    continue;
                }
                match self.relate(other, at, least) {
                    Relation::Same(alike) => {
                        let pair = (position(other), position(at));
                        pairs.same.push(Same { pair, alike, joined: None });
                    }
                    Relation::Opposite => pairs.opposite.push((other, at)),
                    Relation::Different => {}
                }
            }
        }
        pairs
    }

    fn relate(&self, a: usize, b: usize, least: f32) -> Relation {
        let (a, b) = (&self.nodes[a], &self.nodes[b]);
        if jaccard(&a.words, &b.words) < least {
            return Relation::Different;
        }
        let ask = self.model.map(|m| move || m(&a.text, &b.text));
        relate(a.features(), b.features(), ask.as_ref().map(|f| f as &dyn Fn() -> f32))
    }

    fn to_keep(&self, pairs: &Pairs, words: &Words) -> Compared {
        let full = self.leaders.iter().enumerate().filter(|(_, l)| l.len() == self.max_leaders);
        let mut cuts: Vec<Cut> = full
            .filter_map(|(slot, leaders)| {
                let class = u8::try_from(slot % Class::ALL.len()).ok()?;
                let word = words.text(position(slot / Class::ALL.len())).to_owned();
                Some(Cut { class, word, last: position(*leaders.last()?) })
            })
            .collect();
        cuts.sort_unstable();
        Compared {
            ids: self.nodes.iter().map(|node| node.id).collect(),
            cuts,
            same: Vec::new(),
            opposite: pairs.opposite.iter().map(|(a, b)| (position(*a), position(*b))).collect(),
        }
    }
}

fn position(at: usize) -> u32 {
    // A store with more wordings than this is not compared at all.
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Returns the share of common words below which a node need not be compared with another: by words alone
/// only sides that are taken ("enable", "disable") tell rules apart that have little else in common.
fn least_alike(node: &Node, model: bool) -> f32 {
    if model || node.takes_sides { MIN_ALIKE } else { LEAST_ALIKE }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::node::Wording;
    use super::*;

    const WORDS: [&str; 9] =
        ["linter", "parser", "worker", "footer", "cache", "never log", "enable", "disable", "80"];

    /// A wording of some of the words; the number names it.
    fn node(n: usize, words: &mut Words) -> Node {
        let held = WORDS.iter().enumerate().filter(|(at, _)| n >> at & 1 == 1);
        let text = held.map(|(_, word)| *word).collect::<Vec<_>>().join(" ");
        let wording = Wording { class: Class::ALL[n % 4], text, apart: n.to_string() };
        wording.node(Vec::new(), None).told(&wording.text, words)
    }

    fn nodes(numbers: &BTreeSet<usize>, words: &mut Words) -> Vec<Node> {
        let mut nodes: Vec<Node> = numbers.iter().map(|n| node(*n, words)).collect();
        nodes.sort_by_key(Node::place);
        nodes
    }

    proptest! {
        /// Whatever comes and goes: what was compared before is as good as compared now.
        #[test]
        fn what_is_known_changes_nothing(
            changes in prop::collection::vec(prop::collection::vec(1..512usize, 0..40), 1..6),
            max_leaders in 1..6usize,
        ) {
            let (mut there, mut known) = (BTreeSet::new(), Compared::default());
            for change in changes {
                for n in change {
                    if !there.remove(&n) {
                        there.insert(n);
                    }
                }
                let mut words = Words::default();
                let nodes = nodes(&there, &mut words);
                let found = pairs(&nodes, &words, &known, None, max_leaders);
                let anew = pairs(&nodes, &words, &Compared::default(), None, max_leaders);
                let said = |pairs: &Pairs| {
                    let same = pairs.same.iter().map(|same| (same.pair, same.alike.to_bits()));
                    (same.collect::<Vec<_>>(), pairs.opposite.clone())
                };
                prop_assert_eq!(said(&found.0), said(&anew.0));
                known = found.1;
                known.same = found.0.same;
            }
        }
    }

    #[test]
    fn only_what_is_new_is_compared() {
        let (mut there, mut words) = ((1..200).collect::<BTreeSet<_>>(), Words::default());
        let (found, known) =
            pairs(&nodes(&there, &mut words), &words, &Compared::default(), None, 250);
        assert!(!found.same.is_empty() && !found.opposite.is_empty());
        there.insert(300);
        let nodes = nodes(&there, &mut words);
        let field = Field::new(&nodes, &words, &known, None, 250);
        let new = nodes.iter().position(|n| n.id == node(300, &mut words).id).unwrap();
        let mut seen = vec![usize::MAX; nodes.len()];
        let of_others = |(a, b): (usize, usize)| a != new && b != new;
        for at in 0..nodes.len() {
            let found = field.compare(&mut seen, at);
            let pairs = found.same.iter().map(|same| same.pair);
            assert!(!pairs.map(|(a, b)| (a as usize, b as usize)).any(of_others));
            assert!(!found.opposite.iter().any(|pair| of_others(*pair)));
        }
    }
}
