//! The trained weights and the sums over them.
//!
//! Owns `weights.json`: linear models keyed by feature name, written by the training script. Must
//! not compute features or read any file at run time.

use std::collections::{BTreeMap, HashMap};

use cemem_core::LessonType;
use serde::Deserialize;

use super::features::{after_names, sentence_names, turn_names};

/// The weights, shipped with the program.
const WEIGHTS: &str = include_str!("weights.json");

/// A linear model as stored: absent features weigh nothing.
#[derive(Debug, Deserialize)]
struct Stored {
    bias: f32,
    weights: HashMap<String, f32>,
}

/// The whole file.
#[derive(Debug, Deserialize)]
struct File {
    correction: Stored,
    durable: Stored,
    span: Stored,
    types: BTreeMap<LessonType, Stored>,
    aftermath: StoredShift,
}

/// What the agent's next steps add to the log-odds.
#[derive(Debug, Deserialize)]
struct StoredShift {
    correction: Stored,
    durable: Stored,
}

/// A linear model over a feature vector.
#[derive(Debug)]
pub(super) struct Linear {
    bias: f32,
    weights: Vec<f32>,
}

impl Linear {
    fn new(stored: &Stored, names: &[String]) -> Self {
        let weight = |n: &String| stored.weights.get(n).copied().unwrap_or(0.0);
        Self { bias: stored.bias, weights: names.iter().map(weight).collect() }
    }

    /// Returns the log-odds of a vector.
    pub(super) fn score(&self, values: &[f32]) -> f32 {
        self.bias + self.weights.iter().zip(values).map(|(w, v)| w * v).sum::<f32>()
    }
}

/// Returns the probability of log-odds.
pub(super) fn probability(score: f32) -> f32 {
    1.0 / (1.0 + (-score).exp())
}

/// The models of one classifier.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) correction: Linear,
    pub(super) durable: Linear,
    pub(super) span: Linear,
    types: Vec<(LessonType, Linear)>,
    shift_correction: Linear,
    shift_durable: Linear,
}

impl Model {
    /// Returns the shipped models.
    pub(super) fn shipped() -> Self {
        Self::parse(WEIGHTS).expect("the shipped weights parse; a unit test proves it")
    }

    /// Returns the models of a weights file.
    pub(super) fn parse(weights: &str) -> Result<Self, serde_json::Error> {
        let file: File = serde_json::from_str(weights)?;
        let (turn, sentence, after) = (turn_names(), sentence_names(), after_names());
        Ok(Self {
            correction: Linear::new(&file.correction, &turn),
            durable: Linear::new(&file.durable, &turn),
            span: Linear::new(&file.span, &sentence),
            types: file.types.iter().map(|(t, m)| (*t, Linear::new(m, &turn))).collect(),
            shift_correction: Linear::new(&file.aftermath.correction, &after),
            shift_durable: Linear::new(&file.aftermath.durable, &after),
        })
    }

    /// Returns what the agent's next steps add to the log-odds of a correction and of a durable
    /// turn; nothing if they are not known.
    pub(super) fn shift(&self, after: &[f32]) -> (f32, f32) {
        if after.is_empty() {
            return (0.0, 0.0);
        }
        (self.shift_correction.score(after), self.shift_durable.score(after))
    }

    /// Returns the most likely type of a turn that is worth keeping.
    pub(super) fn lesson_type(&self, turn: &[f32]) -> LessonType {
        self.types
            .iter()
            .map(|(t, m)| (*t, m.score(turn)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map_or(LessonType::Preference, |(t, _)| t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stored_weight_names_a_feature() {
        let file: File = serde_json::from_str(WEIGHTS).unwrap();
        let turn = turn_names();
        let sentence = sentence_names();
        for stored in [&file.correction, &file.durable].into_iter().chain(file.types.values()) {
            let unknown: Vec<_> = stored.weights.keys().filter(|k| !turn.contains(k)).collect();
            assert!(unknown.is_empty(), "{unknown:?}");
        }
        assert!(file.span.weights.keys().all(|k| sentence.contains(k)));
        let after = after_names();
        for stored in [&file.aftermath.correction, &file.aftermath.durable] {
            assert!(stored.weights.keys().all(|k| after.contains(k)));
            assert!(!stored.weights.is_empty());
        }
        assert!(file.correction.weights.len() > 50 && !file.types.is_empty());
    }

    #[test]
    fn feature_names_are_distinct_and_match_the_vectors() {
        let input = super::super::TurnInput {
            kind: "user",
            text: "No. Use tabs!",
            context: &[],
            after: &[],
        };
        let vectors = super::super::features::features(&input);
        for (names, len) in [
            (turn_names(), vectors.turn.len()),
            (sentence_names(), vectors.sentences[0].values.len()),
        ] {
            assert_eq!(names.len(), len);
            assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), len);
        }
    }
}
