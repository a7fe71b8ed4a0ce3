//! The cue table and one pass that finds which cues a text has.
//!
//! Owns `patterns.tsv` (name, prior weight for corrections, prior weight for durable turns, pattern).
//! The priors are read by the training script only. Must not know what a cue is worth.

use std::sync::LazyLock;

use regex::bytes::{RegexSet, RegexSetBuilder, SetMatches};

/// The cue table, shipped with the program.
const TABLE: &str = include_str!("patterns.tsv");

/// Cues anchored at the start of a text carry this prefix; they are also asked of every sentence.
pub(super) const START: &str = "start_";

/// The names of the cues and the automaton that finds them.
pub(super) struct Patterns {
    pub(super) names: Vec<&'static str>,
    set: RegexSet,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let rows: Vec<(&str, &str)> = TABLE
        .lines()
        .filter_map(|line| {
            let mut cells = line.splitn(4, '\t');
            let name = cells.next()?;
            cells.next()?;
            cells.next()?;
            Some((name, cells.next()?))
        })
        .collect();
    // Without Unicode tables a word boundary is one byte test and the lazy automaton stays small.
    let set = RegexSetBuilder::new(rows.iter().map(|(_, pattern)| pattern))
        .unicode(false)
        .case_insensitive(true)
        .size_limit(64 << 20)
        .dfa_size_limit(16 << 20)
        .build()
        .expect("the shipped patterns compile; a unit test proves it");
    Patterns { names: rows.into_iter().map(|(name, _)| name).collect(), set }
});

impl Patterns {
    /// Returns the shipped table, compiled on first use.
    pub(super) fn shipped() -> &'static Self {
        &PATTERNS
    }

    /// Returns the indices of the cues in `text`, whose quotes are straight.
    pub(super) fn find(&self, text: &str) -> SetMatches {
        self.set.matches(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_read_once() {
        let patterns = Patterns::shipped();
        let rows = TABLE.lines().filter(|l| !l.is_empty()).count();
        assert_eq!(patterns.names.len(), rows);
        let distinct: std::collections::BTreeSet<_> = patterns.names.iter().collect();
        assert_eq!(distinct.len(), rows);
    }

    #[test]
    fn cues_are_found_by_name() {
        let patterns = Patterns::shipped();
        let found: Vec<_> = patterns
            .find("no, we don't want that")
            .into_iter()
            .map(|i| patterns.names[i])
            .collect();
        assert!(found.contains(&"start_no") && found.contains(&"dont_want"), "{found:?}");
    }
}
