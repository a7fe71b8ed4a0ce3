//! How likely two rules without any conflict say the same.
//!
//! Owns the evidence, each a number, and what it weighs. Must not look for conflicts: they are found
//! before, and nothing here can overrule them.
//!
//! The weights are a logistic regression (`ingest/training/train_merging.py`, with its data and how
//! it was measured). One set is for pairs whose meaning a sentence model compared, one for words
//! alone.

use super::relate::{common, jaccard};
use super::text::Features;

/// What is known about a pair, apart from its meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Share of common words.
    pub jaccard: f32,
    /// Share of the shorter rule's words that the longer one holds.
    pub contained: f32,
    /// Common words, as `ln(1 + n)`.
    pub shared: f32,
    /// Common names, as `ln(1 + n)`.
    pub names: f32,
    /// Each holds a name that the other lacks: 1, otherwise 0.
    pub foreign: f32,
    /// One forbids something, the other nothing: 1, otherwise 0.
    pub polar: f32,
    /// Share of the common words that one asks for and the other forbids.
    pub against: f32,
    /// Common pairs of neighbouring words, as `ln(1 + n)`.
    pub runs: f32,
    /// The shorter one has fewer than three words to judge by: 1, otherwise 0.
    pub terse: f32,
}

impl Evidence {
    /// Returns the evidence of two rules.
    pub(crate) fn of(a: &Features, b: &Features) -> Self {
        let shared = common(&a.words, &b.words);
        let shorter = a.words.len().min(b.words.len());
        let ln = |n: usize| (n as f32).ln_1p();
        let foreign = |of: &Features, to: &Features| {
            of.names.iter().any(|n| to.words.binary_search(n).is_err())
        };
        Self {
            jaccard: jaccard(&a.words, &b.words),
            contained: shared as f32 / shorter.max(1) as f32,
            shared: ln(shared),
            names: ln(common(&a.names, &b.names)),
            foreign: f32::from(u8::from(foreign(a, b) && foreign(b, a))),
            polar: f32::from(u8::from(a.negated != b.negated)),
            against: (common(&a.wanted, &b.unwanted) + common(&a.unwanted, &b.wanted)) as f32
                / shared.max(1) as f32,
            runs: ln(common_runs(&a.sequence, &b.sequence)),
            terse: f32::from(u8::from(shorter < 3)),
        }
    }

    /// Returns the numbers the regression sees, in the order of its weights.
    #[must_use]
    pub fn numbers(&self, cosine: Option<f32>) -> Vec<f32> {
        let words = [
            self.jaccard,
            self.contained,
            self.shared,
            self.names,
            self.foreign,
            self.polar,
            self.against,
            self.runs,
            self.terse,
        ];
        let meaning = cosine.map(|c| [c, (c - 0.6).max(0.0), c * self.contained]);
        words.into_iter().chain(meaning.into_iter().flatten()).collect()
    }

    /// Returns the probability that the pair says the same, 0..=1.
    pub(crate) fn probability(&self, cosine: Option<f32>) -> f32 {
        let numbers = self.numbers(cosine);
        let (weights, bias) = match cosine {
            Some(_) => (WITH_MODEL.as_slice(), WITH_MODEL_BIAS),
            None => (WORDS_ALONE.as_slice(), WORDS_ALONE_BIAS),
        };
        let sum: f32 = weights.iter().zip(&numbers).map(|(w, x)| w * x).sum::<f32>() + bias;
        1.0 / (1.0 + (-sum).exp())
    }
}

const WITH_MODEL: [f32; 12] =
    [16.662, 4.292, -4.734, 0.39, 0.078, -1.145, -1.412, 0.951, 8.417, 6.415, 6.072, -0.087];
const WITH_MODEL_BIAS: f32 = -3.91;
const WORDS_ALONE: [f32; 9] = [21.249, 3.63, -3.712, 0.533, 0.01, -1.221, -1.174, 1.099, 7.736];
const WORDS_ALONE_BIAS: f32 = -2.732;

/// Returns how many neighbouring pairs of words two sequences share.
fn common_runs(a: &[u32], b: &[u32]) -> usize {
    let runs = |words: &[u32]| {
        let mut pairs: Vec<(u32, u32)> = words.windows(2).map(|w| (w[0], w[1])).collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    };
    let (a, b) = (runs(a), runs(b));
    a.iter().filter(|pair| b.binary_search(pair).is_ok()).count()
}
