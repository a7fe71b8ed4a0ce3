//! From signals to a probability.
//!
//! Owns [`Signals`], the weights (fitted: `retrieve/training/fit_predict.py`, docs/quality.md) and which
//! hazards are weighed at all. Pure: what is answered and what is measured both come from here.

use cemem_core::paths::covers;

use crate::query::Why;
use crate::rank::fuse::{ENOUGH, ENOUGH_WORDS};

/// What a probability rests on.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Signals {
    /// How often it came up again, a change; smoothed, 0..=1.
    pub base: f32,
    /// Where: 1 the same file, 0.6 the same folder, 0.25 the same kind of file, 0 elsewhere or unknown.
    pub place: f32,
    /// How much the change speaks of it: of a lesson recall's score, in parts of the best one where only
    /// words are known; of a finding or a failure the share of its rare words that the change has.
    pub words: f32,
}

/// Times and chances of something coming up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How often it came up again.
    pub again: usize,
    /// How often it could have.
    pub chances: usize,
}

/// What is known before anything is: of a hundred chances about four come true.
const PRIOR: f32 = 0.04;
/// The prior of a project weighs like so many chances.
const PRIOR_WEIGHT: f32 = 50.0;
/// The project's rate weighs like so many chances of one hazard.
const SMOOTH: f32 = 5.0;

/// Returns the rate of each: its own, drawn to the rate of all, and that to a fixed prior.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of sessions")]
pub fn base_rates(tallies: &[Tally]) -> Vec<f32> {
    let sum = |of: fn(&Tally) -> usize| tallies.iter().map(of).sum::<usize>() as f32;
    let all = (sum(|t| t.again) + PRIOR * PRIOR_WEIGHT) / (sum(|t| t.chances) + PRIOR_WEIGHT);
    let rate = |t: &Tally| (t.again as f32 + SMOOTH * all) / (t.chances as f32 + SMOOTH);
    tallies.iter().map(|t| rate(t).clamp(1e-4, 0.95)).collect()
}

/// A fitted logistic curve.
#[derive(Debug, Clone, Copy)]
pub struct Curve {
    start: f32,
    base: f32,
    place: f32,
    words: f32,
}

/// Lessons, where words and meaning are known.
pub const LESSON: Curve = Curve { start: -4.31, base: 0.25, place: 0.16, words: 5.86 };
/// Lessons, where only words are.
pub const LESSON_WORDS: Curve = Curve { start: -2.75, base: 0.65, place: 0.33, words: 3.26 };
/// Findings and failures.
pub const AGAIN: Curve = Curve { start: -0.41, base: 1.03, place: 1.64, words: 0.87 };

impl Curve {
    /// Returns the probability.
    #[must_use]
    pub fn probability(&self, signals: &Signals) -> f32 {
        let odds = (signals.base / (1.0 - signals.base)).ln();
        let sum =
            self.start + self.base * odds + self.place * signals.place + self.words * signals.words;
        1.0 / (1.0 + (-sum).exp())
    }
}

/// From this nearness on a place is the same: a file or its folder.
const NEAR: f32 = 0.6;

/// One hazard, weighed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Weight {
    /// What it rests on.
    pub signals: Signals,
    /// How likely it comes true; `None` where nothing ties it to the change, so that it is not told.
    pub probability: Option<f32>,
}

/// What the index answers about a lesson.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// Its score.
    pub score: f32,
    /// The parts of it.
    pub why: &'a Why,
    /// The best score of the answer.
    pub best: f32,
}

/// Weighs a lesson. Where recall would answer nothing, only lessons about these places are.
#[must_use]
pub fn of_lesson(base: f32, place: f32, found: Found<'_>) -> Weight {
    let (curve, enough, best) = match found.why.contains_key("semantic") {
        true => (LESSON, ENOUGH, 1.0),
        false => (LESSON_WORDS, ENOUGH_WORDS, found.best.max(1e-9)),
    };
    let signals = Signals { base, place, words: found.score / best };
    let chance = found.why.get("chance").copied().unwrap_or_default();
    let is_weighed = chance >= enough || place >= NEAR;
    Weight { signals, probability: is_weighed.then(|| curve.probability(&signals)) }
}

/// Weighs a finding or a failure. What nothing ties to the change says nothing about it, however often it
/// comes; nor does what was found `elsewhere`, in other kinds of files only.
#[must_use]
pub fn of_group(base: f32, place: f32, words: f32, elsewhere: bool) -> Weight {
    let signals = Signals { base, place, words };
    let is_weighed = !elsewhere && place + words > 0.0;
    Weight { signals, probability: is_weighed.then(|| AGAIN.probability(&signals)) }
}

/// Nearness of files in the same folder, and of files of the same kind.
const FOLDER: f32 = 0.6;
const KIND: f32 = 0.25;

/// How near a hazard's places are to a change's files, and which files those are.
#[must_use]
pub fn place(hazard: &[String], change: &[String]) -> (f32, Vec<String>) {
    let mut best = 0.0_f32;
    let mut files = Vec::new();
    for file in change {
        let near = hazard.iter().map(|path| nearness(path, file)).fold(0.0, f32::max);
        if near > best {
            files.clear();
            best = near;
        }
        if near > 0.0 && near >= best {
            files.push(file.clone());
        }
    }
    (best, files)
}

fn nearness(path: &str, file: &str) -> f32 {
    if path.contains(['*', '?']) {
        return if covers(path, file) { FOLDER } else { kind(path, file) };
    }
    if ends(path, file) || ends(file, path) {
        return 1.0;
    }
    let is_below = |folder: &str, inner: &str| {
        inner.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    };
    if is_below(path, file) || is_below(file, path) {
        return FOLDER;
    }
    match (path.rsplit_once('/'), file.rsplit_once('/')) {
        (Some((a, _)), Some((b, _))) if ends(a, b) || ends(b, a) => FOLDER,
        _ => kind(path, file),
    }
}

/// Whether a path ends with another one, whole names of it: `/home/ann/app/src/a.rs` and `src/a.rs`.
fn ends(long: &str, short: &str) -> bool {
    let rest = long.strip_suffix(short);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

/// Files with the same ending are of the same kind.
fn kind(path: &str, file: &str) -> f32 {
    let end = |path: &str| {
        let name = path.rsplit('/').next()?;
        Some(name.rsplit_once('.')?.1.to_ascii_lowercase())
    };
    match (end(path), end(file)) {
        (Some(a), Some(b)) if a == b => KIND,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_ties_to_the_change_is_not_weighed() {
        let weighed = |place, words, elsewhere| of_group(0.9, place, words, elsewhere).probability;
        assert_eq!(weighed(0.0, 0.0, false), None);
        assert_eq!(weighed(0.0, 0.5, true), None);
        assert!(weighed(0.25, 0.0, false).is_some() && weighed(0.0, 0.5, false).is_some());
        let lesson = |place, chance| {
            let why = Why::from([("semantic", 0.4), ("chance", chance)]);
            of_lesson(0.04, place, Found { score: 0.4, why: &why, best: 0.8 })
        };
        assert_eq!(lesson(0.25, ENOUGH - 0.01).probability, None);
        assert!(lesson(NEAR, 0.0).probability.is_some());
        assert!(lesson(0.0, ENOUGH).probability.is_some());
        assert!((lesson(0.0, 0.0).signals.words - 0.4).abs() < 1e-6, "known though not weighed");
    }

    #[test]
    fn rates_are_drawn_to_the_rate_of_all() {
        let tally = |again, chances| Tally { again, chances };
        let rates = base_rates(&[tally(0, 0), tally(0, 20), tally(5, 20), tally(1, 1)]);
        assert!(rates[1] < rates[0] && rates[0] < rates[2], "{rates:?}");
        assert!(rates[3] < 0.35, "one time of one is no law: {rates:?}");
        assert!((base_rates(&[tally(0, 0)])[0] - PRIOR).abs() < 1e-6);
    }

    #[test]
    fn the_same_file_says_more_than_its_folder_and_that_more_than_its_kind() {
        let near = |path: &str, file: &str| place(&[path.to_owned()], &[file.to_owned()]).0;
        assert!((near("src/auth/token.rs", "src/auth/token.rs") - 1.0).abs() < 1e-6);
        assert!((near("/home/u/p/src/token.rs", "src/token.rs") - 1.0).abs() < 1e-6);
        assert!((near("src/auth", "src/auth/token.rs") - 0.6).abs() < 1e-6);
        assert!((near("src/auth/**", "src/auth/token.rs") - 0.6).abs() < 1e-6);
        assert!((near("src/auth/key.rs", "src/auth/token.rs") - 0.6).abs() < 1e-6);
        assert!((near("lib/key.rs", "src/auth/token.rs") - 0.25).abs() < 1e-6);
        assert!(near("lib/key.py", "src/auth/token.rs") < 1e-6);
        let two = ["src/a.rs".to_owned(), "src/b.rs".to_owned()];
        assert_eq!(place(&["src/b.rs".into()], &two).1, ["src/b.rs"]);
    }
}
