//! Where the fixed starts of secret shapes stand in a text.
//!
//! Owns the search: every place of every anchor, in any case, overlapping or not. Must not judge what
//! follows. All text that is read passes here, and almost none of it holds an anchor: a bit for each
//! folded group of three bytes says so in half the time an automaton needs for a step a byte.

use std::collections::HashMap;

/// Bits of the table's index.
const BITS: u32 = 15;
/// Cells of 64 bits.
const CELLS: usize = 1 << (BITS - 6);
/// Places that are looked at in one step.
const BLOCK: usize = 16;
/// Bytes that are looked at together; no anchor is shorter.
const GROUP: usize = 3;

/// A set of anchors.
pub(super) struct Anchors {
    words: Vec<&'static str>,
    /// One bit for each group of bytes that an anchor begins with.
    begun: Box<[u64; CELLS]>,
    /// The anchors that begin with a group.
    by_group: HashMap<u32, Vec<usize>>,
}

impl Anchors {
    /// Takes the anchors, each ASCII and at least three bytes long.
    pub(super) fn new(words: Vec<&'static str>) -> Self {
        let mut begun = Box::new([0_u64; CELLS]);
        let mut by_group: HashMap<u32, Vec<usize>> = HashMap::new();
        for (i, word) in words.iter().enumerate() {
            assert!(word.is_ascii() && word.len() >= GROUP, "`{word}` is no anchor");
            let group = fold(&word.as_bytes()[..GROUP]);
            let (cell, bit) = place(group);
            begun[cell] |= 1 << bit;
            by_group.entry(group).or_default().push(i);
        }
        Self { words, begun, by_group }
    }

    /// Returns the place and index of every anchor in a text, in order of their places.
    pub(super) fn find(&self, text: &str) -> impl Iterator<Item = (usize, usize)> {
        let bytes = text.as_bytes();
        let mut from = 0;
        let places = std::iter::from_fn(move || {
            let at = from + self.next(&bytes[from..])?;
            from = at + 1;
            Some(at)
        });
        places.flat_map(move |at| {
            let near = self.by_group.get(&fold(&bytes[at..])).map_or(&[][..], Vec::as_slice);
            near.iter().filter(move |i| self.stands(**i, &bytes[at..])).map(move |i| (at, *i))
        })
    }

    /// Returns where the next anchor may stand. A step is a whole block without a branch in it.
    fn next(&self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(block) = bytes[at..].first_chunk::<{ BLOCK + GROUP - 1 }>() {
            let any = (0..BLOCK).fold(0, |any, i| any | self.begins(&block[i..i + GROUP]));
            if any != 0 {
                break;
            }
            at += BLOCK;
        }
        let rest = bytes[at..].windows(GROUP).position(|group| self.begins(group) != 0);
        rest.map(|step| at + step)
    }

    /// Returns 1 in the last bit if an anchor may begin with this group, else 0.
    fn begins(&self, group: &[u8]) -> u64 {
        let (cell, bit) = place(fold(group));
        (self.begun[cell] >> bit) & 1
    }

    fn stands(&self, word: usize, text: &[u8]) -> bool {
        let word = self.words[word].as_bytes();
        text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    }
}

/// Three bytes as one number, letters in lower case. Some other characters fall together as well;
/// the words decide.
fn fold(group: &[u8]) -> u32 {
    u32::from_le_bytes([group[0], group[1], group[2], 0]) | 0x0020_2020
}

/// The cell and bit of a group: the high bits of a multiplication depend on all of it.
fn place(group: u32) -> (usize, u32) {
    let index = group.wrapping_mul(0x9E37_79B1) >> (u32::BITS - BITS);
    ((index >> 6) as usize, index & 63)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WORDS: [&str; 6] = ["sk-", "ske", "key", "Token", "kens", "://"];

    fn found(text: &str) -> Vec<(usize, usize)> {
        Anchors::new(WORDS.to_vec()).find(text).collect()
    }

    #[test]
    fn every_place_in_any_case() {
        assert_eq!(found("SKey tokens://"), [(0, 1), (1, 2), (5, 3), (7, 4), (11, 5)]);
        assert_eq!(found("sk-"), [(0, 0)]);
        assert_eq!((found("sk"), found(""), found("é→")), (vec![], vec![], vec![]));
    }

    proptest! {
        #[test]
        fn agrees_with_looking_everywhere(text in "[skeytonSKEYTON:/é-]{0,60}") {
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
