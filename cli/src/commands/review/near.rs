//! Which lessons say nearly the same as one.
//!
//! Owns the order: by common words, rare ones counting more, and by meaning where the index knows the
//! lesson. Must not merge anything.

use std::collections::{BTreeSet, HashMap};

use cemem_core::LessonId;
use cemem_core::lesson::Lesson;
use cemem_core::store::{LessonFilter, Store};
use cemem_retrieve::{Engine, Mode, Query};

use crate::command_error::CommandError;

/// Most lessons offered.
pub(super) const MAX: usize = 9;
/// Less than this in common is nothing in common.
const LEAST: f32 = 0.12;

/// A lesson that is near, and how near, 0..=1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Near {
    pub(super) lesson: Lesson,
    pub(super) score: f32,
}

/// Returns the lessons nearest to one that it could be merged into, nearest first. What the engine
/// finds by meaning is added where it works; where it does not, words have to do.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn near(
    store: &Store,
    engine: &mut Engine,
    lesson: &Lesson,
) -> Result<Vec<Near>, CommandError> {
    let mut open = store.lessons(&LessonFilter::default())?;
    open.retain(|l| l.id != lesson.id && (l.status.is_recallable() || l.is_waiting()));
    let mut scores = by_words(lesson, &open);
    // By what they say: not by what they were good for.
    let query = Query {
        mode: Mode::Hybrid,
        limit: MAX,
        keep_irrelevant: true,
        ..Query::new(lesson.rule.clone())
    };
    if let Ok(answer) = engine.recall(store, &query) {
        for hit in answer.results {
            let score = scores.entry(hit.lesson.id).or_default();
            *score = score.max(hit.score);
        }
    }
    let mut found: Vec<Near> = open
        .into_iter()
        .filter_map(|lesson| {
            let score = scores.get(&lesson.id).copied()?;
            (score >= LEAST).then_some(Near { lesson, score })
        })
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.lesson.id.cmp(&b.lesson.id)));
    found.truncate(MAX);
    Ok(found)
}

/// Returns for each lesson the share of its words in common with this one, weighted by rarity.
fn by_words(lesson: &Lesson, others: &[Lesson]) -> HashMap<LessonId, f32> {
    let wanted = words(&lesson.rule);
    let sets: Vec<BTreeSet<String>> = others.iter().map(|l| words(&l.rule)).collect();
    let mut frequency: HashMap<&str, f32> = HashMap::new();
    for word in sets.iter().chain([&wanted]).flatten() {
        *frequency.entry(word).or_default() += 1.0;
    }
    let total = sets.len() as f32 + 1.0;
    let weight = |words: &mut dyn Iterator<Item = &String>| -> f32 {
        words.map(|w| (1.0 + total / frequency[w.as_str()]).ln()).sum()
    };
    others
        .iter()
        .zip(&sets)
        .map(|(other, words)| {
            let all = weight(&mut words.union(&wanted));
            let shared = weight(&mut words.intersection(&wanted));
            (other.id.clone(), if all > 0.0 { shared / all } else { 0.0 })
        })
        .collect()
}

fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|w| w.chars().count() > 1)
        .map(|w| {
            let word = w.to_lowercase();
            word.strip_suffix('s').filter(|w| w.len() > 3).map_or(word.clone(), str::to_owned)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::queue::tests::waiting;
    use super::*;

    #[test]
    fn the_nearest_by_rare_words_comes_first() {
        let rules = [
            "Use the token bucket in Redis for limits.",
            "Use the linter for everything in the repository.",
            "Limits are kept in a Redis token bucket.",
        ];
        let others: Vec<_> = rules
            .iter()
            .enumerate()
            .map(|(n, rule)| waiting(&format!("L-00000{n}"), rule, 0.5).lesson)
            .collect();
        let asked = waiting("L-aaaaaa", "Rate limits: the token bucket in Redis.", 0.5).lesson;
        let scores = by_words(&asked, &others);
        let score = |n: usize| scores[&others[n].id];
        assert!(score(0) > score(2) && score(2) > score(1), "{scores:?}");
    }
}
