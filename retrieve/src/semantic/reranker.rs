//! A second look at the best lessons, by a model that reads query and lesson together.
//!
//! Owns [`Reranker`], its loading through fastembed from files on this machine, and how its word is blended
//! with the order before it. Must not download anything, nor decide what is relevant: that was decided.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use fastembed::{OnnxSource, RerankInitOptionsUserDefined, TextRerank, UserDefinedRerankingModel};
use ort::environment::Environment;

use super::catalog::{Kind, TOKENIZER_FILES, all};
use super::record::{Record, is_record};
use super::{SemanticOff, local, providers, runtime};

/// Lessons that are looked at again.
pub const DEPTH: usize = 20;
/// Share of the reranker in the new score. Not fitted: a reranker is a person's choice, and half is what
/// neither side can overrule alone.
const SHARE: f32 = 0.5;

/// A reranker that is loaded when it is first needed.
#[derive(Clone)]
pub struct Reranker {
    runtime: Option<PathBuf>,
    model: PathBuf,
    loaded: Arc<OnceLock<Result<Mutex<TextRerank>, SemanticOff>>>,
}

impl Reranker {
    /// Returns the reranker of a folder of files, or of the record of a download; reads nothing yet.
    #[must_use]
    pub fn new(runtime: Option<PathBuf>, model: PathBuf) -> Self {
        Self { runtime, model, loaded: Arc::default() }
    }

    /// Checks that its files are here, without loading them.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(crate) fn check(&self) -> Result<(), SemanticOff> {
        Files::of(&self.model).map(drop)
    }

    /// Loads it, if that was not done before.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn load(&self) -> Result<(), SemanticOff> {
        self.get().map(drop)
    }

    fn get(&self) -> Result<&Mutex<TextRerank>, SemanticOff> {
        let load = || {
            // What is missing is told before the runtime is looked for.
            let files = Files::of(&self.model)?;
            load(runtime::environment(self.runtime.as_deref())?, &files).map(Mutex::new)
        };
        self.loaded.get_or_init(load).as_ref().map_err(Clone::clone)
    }

    /// Returns how well each text answers the query, in order; higher is better, the unit is the model's.
    ///
    /// # Errors
    /// When it cannot be loaded, or fails.
    pub(crate) fn scores(&self, query: &str, texts: &[String]) -> Result<Vec<f32>, SemanticOff> {
        let mut model = self.get()?.lock().unwrap_or_else(PoisonError::into_inner);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        scores(&mut model, query, &texts)
            .map_err(|message| SemanticOff::Failed(format!("the reranker failed: {message}")))
    }
}

fn scores(model: &mut TextRerank, query: &str, texts: &[&str]) -> Result<Vec<f32>, String> {
    // fastembed panics where a graph answers in another shape than rows of scores.
    let ranked = catch_unwind(AssertUnwindSafe(|| model.rerank(query, texts, false, None)))
        .map_err(|_| "its output is no row of scores for each text".to_owned())?
        .map_err(|e| e.to_string())?;
    let mut scores = vec![f32::NAN; texts.len()];
    for result in ranked {
        if let Some(score) = scores.get_mut(result.index) {
            *score = result.score;
        }
    }
    Ok(scores)
}

/// Loads a reranker and tries it on a pair.
pub(super) fn load(environment: Environment, files: &Files) -> Result<TextRerank, SemanticOff> {
    let unusable =
        |message: String| SemanticOff::ModelUnusable { model: files.name.clone(), message };
    let tokenizer = local::tokenizer(&files.tokenizer).map_err(unusable)?;
    // From its file, because the graph of a large model refers to others beside it.
    let source = UserDefinedRerankingModel::new(OnnxSource::File(files.graph.clone()), tokenizer);
    let options = RerankInitOptionsUserDefined::new()
        .with_environment(environment)
        .with_execution_providers(providers::compiled());
    let mut model = TextRerank::try_new_from_user_defined(source, options)
        .map_err(|e| unusable(e.to_string()))?;
    scores(&mut model, "probe", &["probe"]).map_err(unusable)?;
    Ok(model)
}

/// What a reranker is loaded from.
pub(super) struct Files {
    name: String,
    graph: PathBuf,
    tokenizer: Vec<PathBuf>,
}

impl Files {
    /// Returns the files in a folder, or of the record of a download.
    fn of(path: &Path) -> Result<Self, SemanticOff> {
        if is_record(path) {
            return Self::of_record(&Record::checked(path)?);
        }
        Ok(Self {
            name: path.display().to_string(),
            graph: local::graph_in(path)?,
            tokenizer: TOKENIZER_FILES.iter().map(|name| path.join(name)).collect(),
        })
    }

    /// Returns the files of a download that were looked at.
    pub(super) fn of_record(record: &Record) -> Result<Self, SemanticOff> {
        let known = all(Kind::Reranker).into_iter().find(|known| known.name == record.model);
        let graph = known.and_then(|known| record.path(&known.model_file));
        let tokenizer: Option<_> = TOKENIZER_FILES.iter().map(|name| record.path(name)).collect();
        let name = record.model.clone();
        match (graph, tokenizer) {
            (Some(graph), Some(tokenizer)) => Ok(Self { name, graph, tokenizer }),
            _ => Err(SemanticOff::ModelUnusable {
                message: "it is no reranker that this cemem knows".into(),
                model: name,
            }),
        }
    }
}

/// Returns new scores: those before, and what the reranker says moved onto their range, half and half, so
/// that a score stays what it was on the whole and any reranker's unit will do.
pub(crate) fn blend(before: &[f32], says: &[f32]) -> Vec<f32> {
    let range = |values: &[f32]| {
        let low = values.iter().copied().fold(f32::INFINITY, f32::min);
        (low, values.iter().copied().fold(f32::NEG_INFINITY, f32::max) - low)
    };
    let ((low, wide), (says_low, says_wide)) = (range(before), range(says));
    let moved = |said: f32| match says_wide > 0.0 {
        true => low + wide * (said - says_low) / says_wide,
        // It does not tell them apart: nothing moves.
        false => f32::NAN,
    };
    let new = |(&was, &said): (&f32, &f32)| match moved(said) {
        is if is.is_finite() => (1.0 - SHARE) * was + SHARE * is,
        _ => was,
    };
    before.iter().zip(says).map(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_side_decides_alone_and_any_unit_will_do() {
        let before = [0.9, 0.8, 0.5];
        let small = blend(&before, &[-4.0, 6.0, 1.0]);
        let large = blend(&before, &[-400.0, 600.0, 100.0]);
        assert!(small.iter().zip(&large).all(|(a, b)| (a - b).abs() < 1e-5));
        assert!(small[1] > small[0], "{small:?}");
        assert!(small.iter().all(|s| (0.5..=0.9).contains(s)));
        assert_eq!(blend(&before, &[1.0; 3]), before);
        assert_eq!(blend(&before, &[f32::NAN, 1.0, 2.0])[0], 0.9);
        assert!(blend(&[], &[]).is_empty());
    }
}
