//! How far a draft repeats what is known.
//!
//! Owns the five parts that are compared, and how. Must not decide what is to be done about it.

use std::collections::BTreeSet;

use cemem_core::Lesson;
use cemem_retrieve::text::terms::Analyser;
use serde::Serialize;
use serde_json::Value;

use super::markdown::Document;
use crate::similarity::Sentences;

/// Longest part compared, in characters: what comes later is detail.
const MAX_PART: usize = 800;

/// How alike two texts are, part by part, each 0..=1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Overlap {
    problem: f32,
    root_cause: f32,
    solution: f32,
    files: f32,
    prevention: f32,
    /// The mean of the parts that the draft has.
    pub overall: f32,
}

/// The parts of a learning.
#[derive(Debug, Default)]
pub(super) struct Parts {
    texts: [String; 4],
    files: BTreeSet<String>,
}

impl Parts {
    /// Takes a document apart by its headings and keys.
    pub(super) fn of_document(text: &str) -> Self {
        let doc = Document::new(text);
        let part = |keys: &[&str], names: &[&str]| {
            let mut out: Vec<String> = keys.iter().flat_map(|key| doc.list(key)).collect();
            for section in &doc.sections {
                let heading = section.heading.to_lowercase();
                if names.iter().any(|name| heading.contains(name)) {
                    out.push(section.body().to_owned());
                }
            }
            out.join("\n").chars().take(MAX_PART).collect::<String>()
        };
        let texts = [
            part(&["title", "symptoms"], &["problem", "symptom", "context"]),
            part(&["root_cause"], &["cause", "why this works", "why this matters"]),
            part(&[], &["solution", "guidance", "fix", "what worked"]),
            part(&[], &["prevention", "when to apply", "takeaway"]),
        ];
        let body: String = doc.sections.iter().map(|section| section.text).collect();
        let mut files = files(&body);
        files.extend(["files", "files_changed"].iter().flat_map(|key| doc.list(key)));
        Self { texts, files }
    }

    /// Takes a lesson apart that is no document.
    pub(super) fn of_lesson(lesson: &Lesson) -> Self {
        let texts = [
            lesson.title.clone(),
            lesson.why.clone().unwrap_or_default(),
            lesson.rule.clone(),
            lesson.rule.clone(),
        ];
        Self { texts, files: lesson.applies_when.paths.iter().cloned().collect() }
    }

    /// Compares a draft with what is known: in meaning where there is a model, else by words.
    pub(super) fn overlap(&self, known: &Self, sentences: &Sentences) -> Overlap {
        let near = |idx: usize| match (self.texts[idx].trim(), known.texts[idx].trim()) {
            ("", _) | (_, "") => 0.0,
            (a, b) => {
                let near = sentences.cosine(a, b);
                if sentences.is_in_use() { near } else { shared(&words(a), &words(b)) }
                    .clamp(0.0, 1.0)
            }
        };
        let [problem, root_cause, solution, prevention] = [0, 1, 2, 3].map(near);
        let files = shared(&self.files, &known.files);
        let stated = self.texts.iter().map(|text| !text.trim().is_empty());
        let stated = stated.chain([!self.files.is_empty()]);
        let parts = [problem, root_cause, solution, prevention, files];
        let counted: Vec<f32> =
            parts.into_iter().zip(stated).filter(|(_, stated)| *stated).map(|(x, _)| x).collect();
        #[expect(clippy::cast_precision_loss, reason = "at most five")]
        let overall = counted.iter().sum::<f32>() / counted.len().max(1) as f32;
        Overlap { problem, root_cause, solution, files, prevention, overall }
    }
}

impl Overlap {
    /// Returns the same with four decimals.
    pub(super) fn rounded(self) -> Value {
        let [problem, root_cause, solution, files, prevention, overall] = [
            self.problem,
            self.root_cause,
            self.solution,
            self.files,
            self.prevention,
            self.overall,
        ]
        .map(super::rounded);
        serde_json::json!({
            "problem": problem, "root_cause": root_cause, "solution": solution, "files": files,
            "prevention": prevention, "overall": overall,
        })
    }
}

fn words(text: &str) -> BTreeSet<String> {
    Analyser::default().analyse(text).words.into_iter().collect()
}

/// Returns the paths that a text names: a slash, and an ending.
fn files(text: &str) -> BTreeSet<String> {
    let edge = |c: char| !(c.is_alphanumeric() || "/._-".contains(c));
    let is_file = |word: &&str| {
        word.contains('/')
            && !word.contains("//")
            && word.rsplit_once('.').is_some_and(|(stem, end)| {
                !stem.ends_with('/') && (1..=5).contains(&end.len()) && !end.contains('/')
            })
    };
    text.split(edge).map(|w| w.trim_end_matches('.')).filter(is_file).map(str::to_owned).collect()
}

/// Returns the share of what either has that both have.
fn shared<T: Ord>(a: &BTreeSet<T>, b: &BTreeSet<T>) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "words of a text")]
    let share = a.intersection(b).count() as f32 / a.union(b).count().max(1) as f32;
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_words() {
        let found =
            files("See `src/pool.rs`, docs/a.md. Not https://x.org/y.html, nor and/or, v1.2.");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["docs/a.md", "src/pool.rs"]);
    }
}
