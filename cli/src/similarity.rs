//! How near two sentences are in meaning, for the pass that merges lessons.
//!
//! Owns the vectors of sentences met in one run. Must not decide what is near enough. The model is
//! loaded when the first pair needs it; without one every pair counts as unknown, which is what the
//! pass does without a model. Each text is embedded alone, so that no answer depends on which other
//! texts were asked about.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cemem_retrieve::{Embedder, Semantic};

use crate::context::Context;
use crate::runtime;

/// See the module.
pub struct Sentences {
    semantic: Semantic,
    loaded: OnceLock<Option<Arc<dyn Embedder>>>,
    vectors: Mutex<HashMap<String, Option<Arc<[f32]>>>>,
}

impl Sentences {
    /// Returns a comparison with the model found on this machine, or without one.
    #[must_use]
    pub fn new(context: &Context, with_model: bool) -> Self {
        Self {
            // Not the one that a person chose: what is near enough to merge was fitted on this one.
            semantic: match with_model {
                true => Semantic::Shipped { runtime: runtime::find(&context.home) },
                false => Semantic::Off,
            },
            loaded: OnceLock::new(),
            vectors: Mutex::default(),
        }
    }

    /// Returns whether a model was there when it was needed.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.loaded.get().is_some_and(Option::is_some)
    }

    /// Returns the cosine of two sentences; 0 where that is not known.
    #[must_use]
    pub fn cosine(&self, a: &str, b: &str) -> f32 {
        match (self.vector(a), self.vector(b)) {
            (Some(a), Some(b)) => a.iter().zip(b.iter()).map(|(x, y)| x * y).sum(),
            _ => 0.0,
        }
    }

    fn vector(&self, text: &str) -> Option<Arc<[f32]>> {
        let embedder = self.loaded.get_or_init(|| self.semantic.load().ok()).as_ref()?;
        let known = |all: &HashMap<String, Option<Arc<[f32]>>>| all.get(text).cloned();
        if let Some(vector) = known(&self.vectors.lock().unwrap_or_else(PoisonError::into_inner)) {
            return vector;
        }
        // A text the model fails on is unknown, not an error: the pass goes on by words.
        let vector: Option<Arc<[f32]>> =
            embedder.embed(&[text]).ok().and_then(|mut all| all.pop()).map(Arc::from);
        let mut all = self.vectors.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(text.to_owned(), vector.clone());
        vector
    }
}
