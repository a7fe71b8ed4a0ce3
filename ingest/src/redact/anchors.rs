//! Where the fixed starts of secret shapes stand in a text.
//!
//! Owns the search: every place of every anchor, in any case, overlapping or not. Must not judge what
//! follows. All text that is read passes here, and almost none of it holds an anchor: a look at three
//! bytes of each, those least like a word, says so in a fraction of the time an automaton needs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Bits of the table's index.
const BITS: u32 = 14;
/// Places that are looked at in one step.
const BLOCK: usize = 16;
/// Bytes that are looked at together; no anchor is shorter.
const GROUP: usize = 3;

/// A set of anchors.
pub(super) struct Anchors {
    words: Vec<&'static str>,
    longest: usize,
    /// For each group of bytes its place in `near`; for most the first, where nothing is.
    slots: Box<[u8; 1 << BITS]>,
    /// The anchors that a group tells, with where in them it stands.
    near: Vec<Vec<(usize, usize)>>,
}

impl Anchors {
    /// Takes the anchors, each ASCII and at least three bytes long.
    pub(super) fn new(words: Vec<&'static str>) -> Self {
        let mut slots = Box::new([0; 1 << BITS]);
        let mut near = vec![Vec::new()];
        for (i, word) in words.iter().enumerate() {
            assert!(word.is_ascii() && word.len() >= GROUP, "`{word}` is no anchor");
            let (before, group) = telling(word);
            let slot = &mut slots[place(group)];
            if *slot == 0 {
                *slot = u8::try_from(near.len()).expect("a few hundred anchors share groups");
                near.push(Vec::new());
            }
            near[usize::from(*slot)].push((i, before));
        }
        let longest = words.iter().map(|w| w.len()).max().unwrap_or_default();
        Self { words, longest, slots, near }
    }

    /// Returns the place and index of every anchor in a text, in order of their places.
    pub(super) fn find(&self, text: &str) -> impl Iterator<Item = (usize, usize)> {
        let bytes = text.as_bytes();
        let mut from = 0;
        let mut found = BinaryHeap::new();
        std::iter::from_fn(move || {
            // What is found from here on may begin as far back as the longest anchor reaches.
            let open = |next: Option<&Reverse<(usize, usize)>>, from: usize| {
                next.is_none_or(|Reverse((at, _))| at + self.longest > from)
            };
            while from < bytes.len() && open(found.peek(), from) {
                if self.tells(&bytes[from..]) {
                    self.block(bytes, from, |place| found.push(Reverse(place)));
                }
                from += BLOCK;
            }
            found.pop().map(|Reverse(next)| next)
        })
    }

    /// Returns whether a group that tells an anchor may begin in the block that begins here. There is
    /// no branch for a byte.
    fn tells(&self, bytes: &[u8]) -> bool {
        let mut last = [0; BLOCK + GROUP];
        let block = bytes.first_chunk().unwrap_or_else(|| {
            last[..bytes.len()].copy_from_slice(bytes);
            &last
        });
        let slot = |i| self.slots[place([block[i], block[i + 1], block[i + 2], block[i + 3]])];
        (0..BLOCK).fold(0, |any, i| any | slot(i)) != 0
    }

    /// Shows the anchors that are told by a group in the block from `from`. A loop, because chained
    /// iterators take most of the time of text that often looks like an anchor.
    fn block(&self, bytes: &[u8], from: usize, mut show: impl FnMut((usize, usize))) {
        for (i, group) in bytes[from..].windows(GROUP).take(BLOCK).enumerate() {
            let slot = self.slots[place([group[0], group[1], group[2], 0])];
            if slot == 0 {
                continue;
            }
            for (word, before) in &self.near[usize::from(slot)] {
                if let Some(at) = (from + i).checked_sub(*before)
                    && self.stands(*word, &bytes[at..])
                {
                    show((at, *word));
                }
            }
        }
    }

    fn stands(&self, word: usize, text: &[u8]) -> bool {
        let word = self.words[word].as_bytes();
        text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    }
}

/// The group of an anchor that is rarest in text, with where it stands: the first of those with the
/// fewest letters and spaces. It is followed by a byte that does not count.
fn telling(word: &str) -> (usize, [u8; GROUP + 1]) {
    let common = |group: &[u8]| {
        group.iter().filter(|b| matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b' ')).count()
    };
    let groups = word.as_bytes().windows(GROUP).enumerate();
    let (at, group) = groups.min_by_key(|(_, group)| common(group)).expect("an anchor has a group");
    (at, [group[0], group[1], group[2], 0])
}

/// The place of a group in the table: letters in lower case, the fourth byte left out. Some other
/// groups fall together as well; the words decide.
fn place(group: [u8; GROUP + 1]) -> usize {
    let folded = u32::from_le_bytes(group) | 0x0020_2020;
    // The high bits of a multiplication depend on all of the low ones.
    (folded.wrapping_mul(0x9E37_79B1 << 8) >> (u32::BITS - BITS)) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::{collection, sample};

    use super::*;

    const WORDS: [&str; 7] = ["sk-", "ske", "key", "Token", "kens", "://", "token-s"];

    fn found(text: &str) -> Vec<(usize, usize)> {
        Anchors::new(WORDS.to_vec()).find(text).collect()
    }

    #[test]
    fn every_place_in_any_case() {
        assert_eq!(found("SKey tokens://"), [(0, 1), (1, 2), (5, 3), (7, 4), (11, 5)]);
        assert_eq!(found("sk-"), [(0, 0)]);
        let far = "é".repeat(7);
        assert_eq!(found(&format!("{far}TOKEN-ske")), [(14, 3), (14, 6), (20, 1)]);
        assert_eq!((found("sk"), found(""), found("é→")), (vec![], vec![], vec![]));
    }

    /// Whole words among texts that may hold, begin or end some.
    fn texts() -> impl Strategy<Value = String> {
        let word = sample::select(&WORDS[..]).prop_map(str::to_owned);
        let part = prop_oneof!["[skeytonSKEYTON:/é-]{0,20}", word];
        collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn agrees_with_looking_everywhere(text in texts()) {
            let lower = text.to_ascii_lowercase();
            let mut all: Vec<_> = WORDS
                .iter()
                .enumerate()
                .flat_map(|(i, w)| {
                    let word = w.to_ascii_lowercase();
                    (0..lower.len())
                        .filter(|at| lower.as_bytes()[*at..].starts_with(word.as_bytes()))
                        .map(|at| (at, i))
                        .collect::<Vec<_>>()
                })
                .collect();
            all.sort_unstable();
            prop_assert_eq!(found(&text), all);
        }
    }
}
