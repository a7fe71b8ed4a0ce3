//! Recall, MRR and nDCG.
//!
//! Owns the definitions, the same as those of the published scorer. Must not know where a ranking
//! came from.

use std::collections::BTreeMap;

use serde::Serialize;

/// Means over queries with at least one relevant document.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Metrics {
    /// Queries.
    pub n: usize,
    /// Share of the relevant documents among the first 1.
    pub recall_1: f64,
    /// Among the first 5.
    pub recall_5: f64,
    /// Among the first 10.
    pub recall_10: f64,
    /// Share of queries with any relevant document among the first 5.
    pub hit_5: f64,
    /// Mean of 1 / rank of the first relevant document among the first 10.
    pub mrr: f64,
    /// Normalised discounted cumulative gain of the first 10, linear gains.
    pub ndcg_10: f64,
}

/// A whole set's figures.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Summary {
    /// By query type, and over all as `ALL`.
    pub by_type: BTreeMap<String, Metrics>,
    /// Queries without a relevant document.
    pub negatives: usize,
    /// Of those, answered with nothing.
    pub negatives_empty: usize,
    /// Queries with a relevant document that were answered with nothing.
    pub positives_empty: usize,
}

#[expect(clippy::cast_precision_loss, reason = "ranks and counts are small")]
fn float(n: usize) -> f64 {
    n as f64
}

/// Returns the figures of one query; `ranking` is best first without repeats, `grades` not empty.
#[must_use]
pub fn one(ranking: &[String], grades: &BTreeMap<String, f64>) -> Metrics {
    let found = |k: usize| ranking.iter().take(k).filter(|id| grades.contains_key(*id)).count();
    let total = float(grades.len().max(1));
    let recall = |k: usize| float(found(k)) / total;
    let first = ranking.iter().take(10).position(|id| grades.contains_key(id));
    let discount = |rank: usize| (float(rank) + 2.0).log2();
    let gain: f64 = ranking
        .iter()
        .take(10)
        .enumerate()
        .map(|(i, id)| grades.get(id).copied().unwrap_or(0.0) / discount(i))
        .sum();
    let mut ideal: Vec<f64> = grades.values().copied().collect();
    ideal.sort_by(|a, b| b.total_cmp(a));
    let best: f64 = ideal.iter().take(10).enumerate().map(|(i, g)| g / discount(i)).sum();
    Metrics {
        n: 1,
        recall_1: recall(1),
        recall_5: recall(5),
        recall_10: recall(10),
        hit_5: f64::from(u8::from(found(5) > 0)),
        mrr: first.map_or(0.0, |i| 1.0 / float(i + 1)),
        ndcg_10: if best > 0.0 { gain / best } else { 0.0 },
    }
}

impl Metrics {
    fn add(&mut self, other: &Self) {
        self.n += other.n;
        self.recall_1 += other.recall_1;
        self.recall_5 += other.recall_5;
        self.recall_10 += other.recall_10;
        self.hit_5 += other.hit_5;
        self.mrr += other.mrr;
        self.ndcg_10 += other.ndcg_10;
    }

    fn mean(&mut self) {
        let n = float(self.n.max(1));
        self.recall_1 /= n;
        self.recall_5 /= n;
        self.recall_10 /= n;
        self.hit_5 /= n;
        self.mrr /= n;
        self.ndcg_10 /= n;
    }
}

/// Sums up queries, each with its type, ranking and grades (`None` for a negative).
#[must_use]
pub fn summarise<'a>(
    queries: impl IntoIterator<Item = (&'a str, &'a [String], Option<&'a BTreeMap<String, f64>>)>,
) -> Summary {
    let mut summary = Summary::default();
    for (query_type, ranking, grades) in queries {
        let Some(grades) = grades else {
            summary.negatives += 1;
            summary.negatives_empty += usize::from(ranking.is_empty());
            continue;
        };
        summary.positives_empty += usize::from(ranking.is_empty());
        let figures = one(ranking, grades);
        for name in [query_type, "ALL"] {
            summary.by_type.entry(name.to_owned()).or_default().add(&figures);
            if query_type == "ALL" {
                break;
            }
        }
    }
    summary.by_type.values_mut().for_each(Metrics::mean);
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_one_query() {
        let ranking: Vec<String> = ["x", "a", "y", "b"].map(String::from).to_vec();
        let grades = BTreeMap::from([("a".into(), 2.0), ("b".into(), 1.0), ("c".into(), 1.0)]);
        let m = one(&ranking, &grades);
        assert_eq!((m.recall_1, m.hit_5, m.mrr), (0.0, 1.0, 0.5));
        assert!((m.recall_5 - 2.0 / 3.0).abs() < 1e-12);
        let dcg = 2.0 / 3_f64.log2() + 1.0 / 5_f64.log2();
        let ideal = 2.0 + 1.0 / 3_f64.log2() + 0.5;
        assert!((m.ndcg_10 - dcg / ideal).abs() < 1e-12);
    }

    #[test]
    fn negatives_are_counted_apart() {
        let some = ["a".to_owned()];
        let grades = BTreeMap::from([("a".to_owned(), 1.0)]);
        let summary = summarise([
            ("t", &some[..], Some(&grades)),
            ("t", &[][..], Some(&grades)),
            ("t", &[][..], None),
            ("t", &some[..], None),
        ]);
        assert_eq!(summary.by_type["ALL"].n, 2);
        assert!((summary.by_type["t"].recall_1 - 0.5).abs() < 1e-12);
        assert_eq!((summary.negatives, summary.negatives_empty), (2, 1));
        assert_eq!(summary.positives_empty, 1);
    }
}
