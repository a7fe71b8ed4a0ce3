//! What past tasks say of today's: lessons that helped with similar ones, and with the latest ones.
//!
//! Owns [`History`], made of the tasks of one project, and what it adds to a score. Bounded, so that
//! it can only reorder what is near; decaying, by tasks and not by days; empty for a new project, which
//! is then ranked as if there were no such thing. Pure: no store, no clock.

use std::collections::HashMap;

use cemem_core::{LessonId, Timestamp};

use crate::lexical::score::LexicalQuery;
use crate::vectors::{KeyMap, key_of};

/// Most that lessons of similar tasks gain.
const SIMILAR: f32 = 0.3;
/// Most that lessons of the latest tasks gain.
const LATELY: f32 = 0.6;
/// What a lesson gains that no task could have used yet, so that it gets its chance.
const FRESH: f32 = 0.1;
/// After so many tasks without it, a lesson is not new any more.
const NO_LONGER_FRESH: usize = 40;
/// After so many tasks, one counts half.
const HALF_LIFE: f32 = 4.0;
/// Similar tasks that are asked.
const NEIGHBOURS: usize = 5;
/// Share of the tasks from which a lesson is looked at that neither words nor vectors put forward.
const SPEAKS: f32 = 0.02;
/// Few or far neighbours say little: as if one more, this similar, had used nothing.
const DOUBT: f32 = 0.05;
/// Likewise for the latest tasks.
const DOUBT_LATELY: f32 = 1.0;

/// A task and the lessons that proved good or bad for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// When.
    pub at: Timestamp,
    /// What was asked.
    pub words: LexicalQuery,
    /// Lessons, and whether they were good.
    pub used: Vec<(LessonId, bool)>,
}

/// What is known of the tasks of a project.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// When each task was, oldest first.
    at: Vec<i64>,
    used: Vec<Vec<(u64, f32)>>,
    /// Tasks by word, each with the word's share of it.
    postings: HashMap<String, Vec<(u32, f32)>>,
    lately: KeyMap<f32>,
}

/// What past tasks say of lessons for one query.
#[derive(Debug, Clone, Default)]
pub struct Uses<'a> {
    history: Option<&'a History>,
    similar: KeyMap<f32>,
}

/// What past tasks add to one lesson's score.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Learned {
    /// From its use in similar tasks.
    pub similar: f32,
    /// From its use in the latest tasks.
    pub lately: f32,
    /// From its being new.
    pub fresh: f32,
}

impl Learned {
    /// Returns the sum.
    #[must_use]
    pub fn sum(self) -> f32 {
        self.similar + self.lately + self.fresh
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of tasks as statistics")]
fn float(n: usize) -> f32 {
    n as f32
}

/// How rare a word is among tasks; a word of none of them is rarest.
fn rarity(tasks: usize, with_it: usize) -> f32 {
    (1.0 + float(tasks) / float(with_it).max(0.5)).ln()
}

impl History {
    /// Learns from tasks, those of one time in the order given.
    #[must_use]
    pub fn new(mut tasks: Vec<Task>) -> Self {
        tasks.sort_by_key(|task| task.at);
        let mut history = Self::default();
        let mut with_word: HashMap<&str, usize> = HashMap::new();
        for (word, _) in tasks.iter().flat_map(|task| &task.words.words) {
            *with_word.entry(word).or_default() += 1;
        }
        for (task, at) in tasks.iter().zip(0_u32..) {
            let weight = |(word, weight): &(String, f32)| {
                weight * rarity(tasks.len(), with_word[word.as_str()])
            };
            let length = task.words.words.iter().map(|w| weight(w).powi(2)).sum::<f32>().sqrt();
            for word in &task.words.words {
                let share = weight(word) / length.max(1e-9);
                history.postings.entry(word.0.clone()).or_default().push((at, share));
            }
            history.at.push(task.at.0);
            let sign = |good: &bool| if *good { 1.0 } else { -1.0 };
            history
                .used
                .push(task.used.iter().map(|(id, good)| (key_of(id), sign(good))).collect());
        }
        history.lately = history.latest();
        history
    }

    /// Returns the share of the latest tasks that used each lesson.
    fn latest(&self) -> KeyMap<f32> {
        let mut shares: KeyMap<f32> = KeyMap::default();
        let mut total = DOUBT_LATELY;
        for (ago, used) in self.used.iter().rev().enumerate() {
            let weight = 0.5_f32.powf(float(ago) / HALF_LIFE);
            total += weight;
            for &(key, sign) in used {
                *shares.entry(key).or_default() += weight * sign;
            }
        }
        shares.values_mut().for_each(|share| *share /= total);
        shares
    }

    /// Returns the number of tasks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.at.len()
    }

    /// Returns whether there is nothing to learn from.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// Looks up the tasks most similar to a query.
    #[must_use]
    pub fn uses(&self, query: &LexicalQuery) -> Uses<'_> {
        if self.is_empty() {
            return Uses::default();
        }
        let mut near = vec![0.0_f32; self.len()];
        let mut length = 0.0_f32;
        for (word, weight) in &query.words {
            let tasks = self.postings.get(word).map_or(&[][..], Vec::as_slice);
            let weight = weight * rarity(self.len(), tasks.len());
            length += weight.powi(2);
            for &(task, share) in tasks {
                near[task as usize] += weight * share;
            }
        }
        let mut order: Vec<usize> = (0..near.len()).filter(|&task| near[task] > 0.0).collect();
        // Of equally similar tasks the later ones.
        order.sort_unstable_by(|&a, &b| near[b].total_cmp(&near[a]).then(b.cmp(&a)));
        let mut similar: KeyMap<f32> = KeyMap::default();
        let mut total = DOUBT;
        for &task in order.iter().take(NEIGHBOURS) {
            let weight = near[task].powi(2) / length.max(1e-9);
            total += weight;
            for &(key, sign) in &self.used[task] {
                *similar.entry(key).or_default() += weight * sign;
            }
        }
        similar.values_mut().for_each(|share| *share /= total);
        Uses { history: Some(self), similar }
    }
}

impl Uses<'_> {
    /// Returns the lessons that past tasks speak for enough to matter.
    pub fn keys(&self) -> impl Iterator<Item = u64> + '_ {
        let lately = self.history.into_iter().flat_map(|history| &history.lately);
        let strong = |(&key, &share): (&u64, &f32)| (share >= SPEAKS).then_some(key);
        self.similar.iter().chain(lately).filter_map(strong)
    }

    /// Returns what past tasks add to the score of a lesson that exists since `created`.
    #[must_use]
    pub fn of(&self, key: u64, created: i64) -> Learned {
        let Some(history) = self.history else { return Learned::default() };
        let share = |of: &KeyMap<f32>| of.get(&key).copied().unwrap_or(0.0).clamp(-1.0, 1.0);
        // That it misled in one task says something of tasks like it, and little of all others.
        let lately = share(&history.lately).max(0.0);
        // Most lessons are older than the latest tasks: nothing to search or to raise to a power.
        let latest = history.at.len().checked_sub(NO_LONGER_FRESH).map(|at| history.at[at]);
        let fresh = if latest.is_some_and(|at| created <= at) {
            0.0
        } else {
            let chances = history.at.len() - history.at.partition_point(|&at| at < created);
            FRESH * 0.5_f32.powf(float(chances) / HALF_LIFE)
        };
        Learned { similar: SIMILAR * share(&self.similar), lately: LATELY * lately, fresh }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::terms::Analyser;

    fn words(text: &str) -> LexicalQuery {
        LexicalQuery::of(&Analyser::default(), text)
    }

    fn task(at: i64, text: &str, used: &[(&str, bool)]) -> Task {
        let used = used.iter().map(|&(id, good)| (LessonId(id.into()), good)).collect();
        Task { at: Timestamp(at), words: words(text), used }
    }

    fn learned(history: &History, query: &str, id: &str, created: i64) -> Learned {
        history.uses(&words(query)).of(key_of(&LessonId(id.into())), created)
    }

    #[test]
    fn no_tasks_say_nothing() {
        assert_eq!(learned(&History::default(), "auth", "L-a", 0), Learned::default());
    }

    #[test]
    fn similar_and_latest_tasks_speak_for_what_they_used() {
        let mut tasks = vec![task(1, "rotate the auth tokens", &[("L-a", true), ("L-bad", false)])];
        tasks.extend((2..8).map(|at| task(at, "paint the berth map", &[("L-b", true)])));
        let history = History::new(tasks);
        let auth = |id| learned(&history, "expire auth tokens", id, 0);
        assert!(auth("L-a").similar > 0.2 && auth("L-b").similar == 0.0);
        assert!(auth("L-bad").similar < -0.2);
        assert!(auth("L-b").lately > 4.0 * auth("L-a").lately);
        assert!(auth("L-a").lately > 0.0);
    }

    #[test]
    fn what_is_learned_is_bounded_and_new_lessons_get_a_chance() {
        let many = (0..500).map(|at| task(at, "the same again", &[("L-a", true)])).collect();
        let history = History::new(many);
        let all = learned(&history, "the same again", "L-a", 0);
        assert!(all.similar <= SIMILAR && all.lately <= LATELY && all.fresh < 1e-6, "{all:?}");
        assert!((learned(&history, "x", "L-new", 500).fresh - FRESH).abs() < 1e-6);
        assert!(learned(&history, "x", "L-newish", 496).fresh < 0.6 * FRESH);
    }
}
