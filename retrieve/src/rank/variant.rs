//! Ranking otherwise, to measure what each part brings.
//!
//! Owns the baselines and the parts that can be left out. Must not be used to answer anybody.

use super::fuse::{Facts, Signal};
use super::history::Learned;

/// A part of the ranking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// BM25 of the best passage.
    PassageWords,
    /// BM25 of title, rule and place.
    Fields,
    /// Compounds kept whole.
    Exact,
    /// The best passage's vector; the first one's stays.
    BestPassage,
    /// What is taken off for many passages.
    ManyPassages,
    /// Lessons beside it in the session.
    Beside,
    /// The query's own heading.
    Heading,
    /// Whose words it is.
    Trust,
    /// Whether it says enough.
    Brevity,
    /// Words the memory lacks, in whether anything is relevant.
    Unknown,
    /// Use in similar tasks.
    SimilarTasks,
    /// Use in the latest tasks.
    LatestTasks,
    /// The chance of new lessons.
    Fresh,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 13] = [
        Self::PassageWords,
        Self::Fields,
        Self::Exact,
        Self::BestPassage,
        Self::ManyPassages,
        Self::Beside,
        Self::Heading,
        Self::Trust,
        Self::Brevity,
        Self::Unknown,
        Self::SimilarTasks,
        Self::LatestTasks,
        Self::Fresh,
    ];

    /// Returns its name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PassageWords => "words of the best passage",
            Self::Fields => "title, rule and place",
            Self::Exact => "compounds kept whole",
            Self::BestPassage => "vector of the best passage",
            Self::ManyPassages => "taken off for many passages",
            Self::Beside => "neighbours in the session",
            Self::Heading => "heading of the query",
            Self::Trust => "trust",
            Self::Brevity => "brevity",
            Self::Unknown => "words the memory lacks",
            Self::SimilarTasks => "use in similar tasks",
            Self::LatestTasks => "use in the latest tasks",
            Self::Fresh => "chance of new lessons",
        }
    }
}

/// How to rank instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// BM25 of everything a lesson says.
    Bm25,
    /// The vector of its first passage.
    Dense,
    /// The sum of 1 / (60 + rank) of both.
    Rrf,
    /// Half BM25 over its maximum, half cosine.
    Convex,
    /// As ever, without one part.
    Without(Part),
}

fn without(part: Part, signal: &mut Signal, facts: &mut Facts) {
    match part {
        Part::PassageWords => signal.passage = 0.0,
        Part::Fields => (signal.title, signal.rule, signal.place) = (0.0, 0.0, 0.0),
        Part::Exact => signal.exact = 0.0,
        Part::BestPassage => {
            signal.near.best = signal.near.first;
            facts.nearest = 0.0;
        }
        Part::ManyPassages => signal.near.passages = 1,
        Part::Beside => signal.beside = 0.0,
        Part::Heading => facts.headed = false,
        Part::Trust => signal.unvouched = false,
        Part::Brevity => signal.terms = u32::MAX - 1,
        Part::Unknown => facts.unknown = 0.0,
        Part::SimilarTasks => signal.learned.similar = 0.0,
        Part::LatestTasks => signal.learned.lately = 0.0,
        Part::Fresh => signal.learned.fresh = 0.0,
    }
}

/// Returns 1 / (60 + rank) of each value, the greatest first, equal ones in order.
fn reciprocal_ranks(values: &[f32]) -> Vec<f32> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    let mut out = vec![0.0; values.len()];
    for (rank, at) in (1_u16..=u16::MAX).zip(order) {
        out[at] = 1.0 / (60.0 + f32::from(rank));
    }
    out
}

impl Variant {
    /// Returns whether it is one of the baselines, which know nothing but two lists.
    #[must_use]
    pub fn is_baseline(self) -> bool {
        !matches!(self, Self::Without(_))
    }

    /// Takes away what is to be left out.
    pub fn change(self, signals: &mut [Signal], facts: &mut Facts) {
        match self {
            Self::Without(part) => signals.iter_mut().for_each(|s| without(part, s, facts)),
            // A baseline has no memory.
            _ => signals.iter_mut().for_each(|s| s.learned = Learned::default()),
        }
    }

    /// Returns the scores of a baseline; `None` if this is none.
    #[must_use]
    pub fn baseline(self, signals: &[Signal]) -> Option<Vec<f32>> {
        let words: Vec<f32> = signals.iter().map(|s| s.whole).collect();
        let dense: Vec<f32> = signals.iter().map(|s| s.near.first).collect();
        let sum = |a: Vec<f32>, b: Vec<f32>| a.iter().zip(b).map(|(a, b)| a + b).collect();
        match self {
            Self::Bm25 => Some(words),
            Self::Dense => Some(dense),
            Self::Rrf => Some(sum(reciprocal_ranks(&words), reciprocal_ranks(&dense))),
            Self::Convex => {
                let best = words.iter().copied().fold(1e-9, f32::max);
                let half =
                    |values: Vec<f32>, by: f32| values.iter().map(|v| 0.5 * v / by).collect();
                Some(sum(half(words, best), half(dense, 1.0)))
            }
            Self::Without(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::Near;

    fn signal(whole: f32, cos_first: f32) -> Signal {
        let near = Near { first: cos_first, ..Near::default() };
        Signal { whole, near, title: 1.0, ..Signal::default() }
    }

    #[test]
    fn baselines_know_two_numbers() {
        let signals = [signal(2.0, 0.1), signal(1.0, 0.9), signal(0.0, 0.5)];
        let scores = |v: Variant| v.baseline(&signals).unwrap();
        assert_eq!(scores(Variant::Bm25), [2.0, 1.0, 0.0]);
        assert_eq!(scores(Variant::Dense), [0.1, 0.9, 0.5]);
        assert_eq!(scores(Variant::Convex), [0.55, 0.70, 0.25]);
        let rrf = scores(Variant::Rrf);
        assert!(rrf[1] > rrf[0] && rrf[0] > rrf[2]);
    }

    #[test]
    fn a_part_is_left_out_and_nothing_else() {
        let mut signals = [signal(2.0, 0.1)];
        let before = signals[0];
        Variant::Without(Part::Fields).change(&mut signals, &mut Facts::default());
        assert_eq!(signals[0], Signal { title: 0.0, ..before });
        assert_eq!(Variant::Without(Part::Fields).baseline(&signals), None);
    }
}
