//! Merging, on pairs of rules written by hand about other kinds of projects than the labelled ones.
//!
//! Owns the floors that no change may fall under. The pairs of `rules_by_hand.jsonl` were written before
//! merging was worked on with them in view; those of `rules_turned.jsonl` are there to break it.

use serde_json::Value;

use super::relate::{Relation, relation};

const BY_HAND: &str = include_str!("../../training/rules_by_hand.jsonl");
const TURNED: &str = include_str!("../../training/rules_turned.jsonl");

/// The label of each pair, the pair, and what is found.
fn found(pairs: &str) -> Vec<(String, String, Relation)> {
    let read = |line: &str| {
        let row: Value = serde_json::from_str(line).expect("every line is JSON");
        let text = |key: &str| row[key].as_str().expect("a text").to_owned();
        let (a, b) = (text("a"), text("b"));
        assert_eq!(relation(&a, &b, None), relation(&b, &a, None), "not symmetric: {a} / {b}");
        (text("label"), format!("{a} / {b}"), relation(&a, &b, None))
    };
    pairs.lines().map(read).collect()
}

#[test]
fn rules_that_cannot_both_hold_are_never_merged() {
    for (label, pair, relation) in found(BY_HAND).into_iter().chain(found(TURNED)) {
        let merged = matches!(relation, Relation::Same(_));
        assert!(label != "opposite" || !merged, "{pair}");
    }
    for (_, pair, relation) in found(TURNED) {
        assert!(!matches!(relation, Relation::Same(_)), "{pair}");
    }
}

#[test]
fn most_rules_told_in_other_words_are_merged_and_hardly_any_other() {
    let pairs = found(BY_HAND);
    let merged: Vec<_> = pairs.iter().filter(|p| matches!(p.2, Relation::Same(_))).collect();
    let right = merged.iter().filter(|p| p.0 == "same").count() as f64;
    let same = pairs.iter().filter(|p| p.0 == "same").count() as f64;
    assert!(right / merged.len() as f64 >= 0.94, "precision {right}/{}", merged.len());
    assert!(right / same >= 0.6, "recall {right}/{same}");
}
