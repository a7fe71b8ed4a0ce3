//! How two rules relate: the same, opposite, or neither.
//!
//! Owns the guards that keep opposite rules apart. They come first: no similarity, lexical or
//! learned, can merge two rules that differ in polarity, numbers, names or direction.

use super::text::Features;

/// Share of common words from which two rules without any conflict are the same.
const SAME: f32 = 0.5;
/// The same, when a sentence model agrees.
const SAME_WITH_MODEL: f32 = 0.25;
/// Sentence similarity that counts as agreement.
const MODEL_AGREES: f32 = 0.82;
/// Share of the shorter rule's words the other must hold.
const CONTAINED: f32 = 0.75;
/// Share of common words from which a conflict of sides makes two rules opposite.
const OPPOSITE: f32 = 0.5;
/// The same for a conflict of polarity.
const OPPOSITE_POLARITY: f32 = 0.6;
/// The same where only some of the common words change sides.
const OPPOSITE_WHOLE: f32 = 0.7;
/// The same for conflicts of numbers, where everything else must agree.
const OPPOSITE_NUMBERS: f32 = 0.8;

/// Compares two rules by meaning, 0..=1; an optional help from a sentence model.
pub type Similarity<'a> = dyn Fn(&str, &str) -> f32 + Sync + 'a;

/// How two rules relate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Relation {
    /// They say the same; how alike they are, 0..=1.
    Same(f32),
    /// They cannot both hold.
    Opposite,
    /// Neither.
    Different,
}

/// Returns how two rules relate.
pub(crate) fn relate(a: &Features, b: &Features, model: Option<&dyn Fn() -> f32>) -> Relation {
    let alike = jaccard(&a.words, &b.words);
    if a.words == b.words && a.words.is_empty() {
        return if a == b { Relation::Same(1.0) } else { Relation::Different };
    }
    if let Some(conflict) = conflict(a, b, alike) {
        return conflict;
    }
    let shared = common(&a.words, &b.words);
    let shorter = a.words.len().min(b.words.len());
    if shared == 0 {
        return Relation::Different;
    }
    let contained = shared as f32 / shorter as f32;
    let lexical = alike >= SAME
        && contained >= CONTAINED
        && (shared >= 3 || alike >= 0.99)
        && !substituted(a, b, shared);
    if lexical {
        return Relation::Same(alike);
    }
    match model {
        Some(model) if alike >= SAME_WITH_MODEL && shared >= 2 => {
            let cosine = model();
            if cosine >= MODEL_AGREES {
                Relation::Same(cosine.min(0.999))
            } else {
                Relation::Different
            }
        }
        _ => Relation::Different,
    }
}

/// Returns whether two rules must never be merged, whatever else speaks for it.
pub(crate) fn conflicts(a: &Features, b: &Features) -> bool {
    conflict(a, b, jaccard(&a.words, &b.words)).is_some()
}

fn conflict(a: &Features, b: &Features, alike: f32) -> Option<Relation> {
    let against = common(&a.wanted, &b.unwanted) + common(&a.unwanted, &b.wanted);
    // "Never X" and "X" share their words but no side; compare what is left when none is asked for.
    let polar = against > 0
        || (alike >= SAME
            && a.unwanted.is_empty() != b.unwanted.is_empty()
            && a.wanted.is_empty() != b.wanted.is_empty());
    let sides = a.sides.iter().any(|(pair, side)| {
        let other = (*pair, !*side);
        b.sides.contains(&other) && !a.sides.contains(&other) && !b.sides.contains(&(*pair, *side))
    });
    if polar || sides {
        let rest = jaccard(&a.neutral, &b.neutral);
        let bare = a.neutral.is_empty() && b.neutral.is_empty();
        let turned = polar
            && alike >= OPPOSITE_POLARITY
            && (against * 2 >= common(&a.words, &b.words) || alike >= OPPOSITE_WHOLE);
        let opposite = turned || (sides && (bare || rest >= OPPOSITE));
        return Some(if opposite { Relation::Opposite } else { Relation::Different });
    }
    if a.numbers != b.numbers {
        let both = !a.numbers.is_empty() && !b.numbers.is_empty();
        let same_otherwise = alike >= OPPOSITE_NUMBERS;
        return Some(if both && same_otherwise { Relation::Opposite } else { Relation::Different });
    }
    let swapped = a.directed && b.directed && out_of_order(a, b);
    let named = lacks(&a.names, &b.words) && lacks(&b.names, &a.words);
    (swapped || named).then_some(Relation::Different)
}

/// Returns whether a name of one rule does not occur in the other at all.
fn lacks(names: &[u32], words: &[u32]) -> bool {
    names.iter().any(|n| words.binary_search(n).is_err())
}

/// Returns whether the words both rules hold come in another order.
fn out_of_order(a: &Features, b: &Features) -> bool {
    let first = |f: &Features, word: u32| f.sequence.iter().position(|w| *w == word);
    let mut last = 0;
    for word in &a.sequence {
        let Some(at) = first(b, *word) else { continue };
        if at < last {
            return true;
        }
        last = at;
    }
    false
}

/// Returns whether the rules differ by words put in the place of others: "store it in redis" and
/// "store it in memcached" have nearly all words in common and say different things.
fn substituted(a: &Features, b: &Features, shared: usize) -> bool {
    let (left, right) = (a.words.len() - shared, b.words.len() - shared);
    left > 0 && right > 0 && left.abs_diff(right) <= 1 && left.min(right) <= 2
}

/// Returns how many sorted numbers two lists share.
pub(crate) fn common(a: &[u32], b: &[u32]) -> usize {
    let (mut i, mut j, mut n) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                n += 1;
                i += 1;
                j += 1;
            }
        }
    }
    n
}

/// Returns the share of common words, 0..=1.
pub(crate) fn jaccard(a: &[u32], b: &[u32]) -> f32 {
    let shared = common(a, b);
    let all = a.len() + b.len() - shared;
    if all == 0 { 0.0 } else { shared as f32 / all as f32 }
}

#[cfg(test)]
mod tests {
    use super::super::text::Words;
    use super::*;

    fn relation(a: &str, b: &str) -> Relation {
        let mut words = Words::default();
        let (a, b) = (words.read(a), words.read(b));
        let there = relate(&a, &b, None);
        let back = relate(&b, &a, None);
        assert_eq!(std::mem::discriminant(&there), std::mem::discriminant(&back), "not symmetric");
        there
    }

    #[test]
    fn the_same_rule_in_other_words_is_the_same() {
        for (a, b) in [
            (
                "Always run the integration tests before pushing",
                "run integration tests before you push, always",
            ),
            (
                "Use table-driven tests in Go packages",
                "please use table-driven tests for the go packages",
            ),
            (
                "Don't use npm, use pnpm for installing packages",
                "Use pnpm instead of npm for installing packages",
            ),
            (
                "Never commit generated files to the repository",
                "don't commit generated files to the repository!",
            ),
        ] {
            assert!(matches!(relation(a, b), Relation::Same(_)), "{a} / {b}: {:?}", relation(a, b));
        }
    }

    #[test]
    fn opposite_rules_are_opposite() {
        for (a, b) in [
            ("Use tabs for indentation", "Don't use tabs for indentation"),
            ("Use tabs for indentation", "Use spaces for indentation"),
            ("Use pnpm instead of npm", "Use npm instead of pnpm"),
            ("Limit lines to 80 columns", "Limit lines to 100 columns"),
            ("Always squash commits when merging", "Never squash commits when merging"),
            ("Run the linter before the tests", "Run the linter after the tests"),
            ("Pin the toolchain to version 1.82", "Pin the toolchain to version 1.90"),
            ("Enable strict mode in the parser", "Disable strict mode in the parser"),
        ] {
            assert_eq!(relation(a, b), Relation::Opposite, "{a} / {b}");
        }
    }

    #[test]
    fn different_rules_are_kept_apart() {
        for (a, b) in [
            (
                "Store user sessions in the redis cache layer",
                "Store user sessions in the memcached cache layer",
            ),
            (
                "Put path helpers in path_utils.go of the spi package",
                "Put path helpers in session.go of the spi package",
            ),
            ("Run lint and test before commit", "Write docs for public functions"),
            (
                "Convert markdown exports to html before upload",
                "Convert html exports to markdown before upload",
            ),
        ] {
            assert_eq!(relation(a, b), Relation::Different, "{a} / {b}");
        }
    }

    #[test]
    fn a_sentence_model_helps_but_never_overrules_a_conflict() {
        let mut words = Words::default();
        let a = words.read("Prefer concrete types over any in test helpers");
        let b = words.read("test helpers need concrete types");
        let c = words.read("Never use concrete types in test helpers");
        assert!(matches!(relate(&a, &b, Some(&|| 0.95)), Relation::Same(_)));
        assert!(!matches!(relate(&b, &c, Some(&|| 0.99)), Relation::Same(_)));
    }
}
