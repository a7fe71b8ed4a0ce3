//! Cosines of other models on the scale of the shipped one.
//!
//! Owns [`Scale`]. What is near and what is relevant was fitted on the cosines of the shipped model
//! (docs/quality.md); another model gives unrelated texts 0.7 and related ones 0.9, or 0.0 and 0.5. So a few
//! pairs of a question and its answer are embedded when a model's first vectors are made, and its cosines
//! are moved and stretched until unrelated and related pairs lie where the shipped model has them. Order
//! never changes. Must not know which model it is.

use serde::{Deserialize, Serialize};

use super::{EmbedError, Embedder};

/// Questions with the passage that answers each; every other pair of them is unrelated.
const PAIRS: [(&str, &str); 16] = [
    ("how do I run the tests", "Run `cargo test --workspace` before every push; CI runs the same."),
    (
        "login fails after an hour",
        "Access tokens expire after 60 minutes: refresh them when the server answers 401.",
    ),
    (
        "rename a database column",
        "Never edit a migration that was released. Add a new one that copies the column.",
    ),
    (
        "the page is slow to load",
        "Images are resized at build time, because large ones made the first paint slow.",
    ),
    (
        "where are secrets stored",
        "API keys come from the environment. No key is ever committed to the repository.",
    ),
    (
        "docker build runs out of space",
        "Prune old images with `docker system prune` when the build disk is full.",
    ),
    (
        "flaky upload test",
        "The upload test waits for the server's port, not for a fixed time, or it fails at random.",
    ),
    (
        "which HTTP client do we use",
        "Use the shared client in `net/client.ts`: it retries and sets the user agent.",
    ),
    (
        "log level in production",
        "Production logs warnings and errors only; debug output goes to the trace file.",
    ),
    ("format of dates in the API", "All timestamps are UTC in ISO 8601, also in query parameters."),
    (
        "merge conflicts in the lock file",
        "Regenerate the lock file after a rebase instead of merging it by hand.",
    ),
    (
        "memory grows until it crashes",
        "Close the iterator: an open one keeps the whole snapshot in memory.",
    ),
    (
        "style of error messages",
        "Errors are lower case without a period, and name the file they are about.",
    ),
    (
        "deploy to staging",
        "Tag the commit with `staging-` and the date; the pipeline deploys every such tag.",
    ),
    (
        "accessibility of forms",
        "Every input has a label, and errors are announced to screen readers.",
    ),
    (
        "feature flags",
        "New behaviour is behind a flag in `flags.yml` until two releases have passed.",
    ),
];

/// Mean cosine of unrelated and of related pairs with the shipped model; a test holds them to it.
const SHIPPED: Means = Means { unrelated: 0.0456, related: 0.4366 };

/// Where a model has the pairs.
#[derive(Debug, Clone, Copy)]
struct Means {
    unrelated: f32,
    related: f32,
}

/// How a cosine is moved and stretched.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    gain: f32,
    shift: f32,
}

impl Default for Scale {
    /// Leaves cosines as they are.
    fn default() -> Self {
        Self { gain: 1.0, shift: 0.0 }
    }
}

impl Scale {
    /// Returns a cosine on the scale of the shipped model.
    #[must_use]
    pub fn of(self, cosine: f32) -> f32 {
        self.gain * cosine + self.shift
    }

    /// Measures a model: 32 short texts are embedded.
    ///
    /// # Errors
    /// When the model fails, or does not tell related from unrelated texts.
    pub fn measure(embedder: &dyn Embedder) -> Result<Self, EmbedError> {
        let means = means(embedder)?;
        let apart = means.related - means.unrelated;
        if apart.is_nan() || apart < 0.01 {
            return Err(EmbedError {
                model: embedder.model_id().to_owned(),
                message: format!(
                    "it does not tell related texts from unrelated ones (mean cosine {:.3} and {:.3}): \
                     is it an embedding model, and are all of its files of one model?",
                    means.related, means.unrelated
                ),
            });
        }
        let gain = (SHIPPED.related - SHIPPED.unrelated) / apart;
        Ok(Self { gain, shift: SHIPPED.unrelated - gain * means.unrelated })
    }
}

fn means(embedder: &dyn Embedder) -> Result<Means, EmbedError> {
    let passages = embedder.embed(&PAIRS.map(|(_, passage)| passage))?;
    let (mut related, mut unrelated) = (0.0, 0.0);
    for (at, (question, _)) in PAIRS.iter().enumerate() {
        let query = embedder.embed_query(question)?;
        for (other, passage) in passages.iter().enumerate() {
            let cosine: f32 = query.iter().zip(passage).map(|(a, b)| a * b).sum();
            if at == other { related += cosine } else { unrelated += cosine }
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a few pairs")]
    let n = PAIRS.len() as f32;
    Ok(Means { related: related / n, unrelated: unrelated / (n * (n - 1.0)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Semantic;
    use crate::semantic::hashed::HashEmbedder;
    use crate::semantic::runtime::testing::library;

    /// A model whose cosines are squeezed: every vector has a large part in common, as those of e5 have.
    struct Squeezed(HashEmbedder);

    impl Embedder for Squeezed {
        fn model_id(&self) -> &str {
            "squeezed"
        }

        fn dim(&self) -> usize {
            self.0.dim() + 1
        }

        fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
            let squeeze = |mut vector: Vec<f32>| {
                vector.iter_mut().for_each(|x| *x *= 0.2_f32.sqrt());
                vector.push(0.8_f32.sqrt());
                vector
            };
            Ok(self.0.embed(texts)?.into_iter().map(squeeze).collect())
        }
    }

    #[test]
    fn a_squeezed_model_gets_the_same_answers() {
        let plain = HashEmbedder::new(64);
        let (a, b) = (Scale::measure(&plain).unwrap(), Scale::measure(&Squeezed(plain)).unwrap());
        for cosine in [-0.2, 0.0, 0.3, 1.0] {
            let (plain, squeezed) = (a.of(cosine), b.of(0.2 * cosine + 0.8));
            assert!((plain - squeezed).abs() < 1e-4, "{plain} {squeezed}");
        }
    }

    #[test]
    fn a_model_that_says_the_same_of_everything_is_none() {
        struct Constant;
        impl Embedder for Constant {
            fn model_id(&self) -> &str {
                "constant"
            }
            fn dim(&self) -> usize {
                1
            }
            fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
                Ok(texts.iter().map(|_| vec![1.0]).collect())
            }
        }
        let error = Scale::measure(&Constant).unwrap_err().to_string();
        assert!(error.contains("does not tell related"), "{error}");
    }

    #[test]
    fn the_shipped_model_is_on_its_own_scale() {
        let Some(runtime) = library() else { return };
        let shipped = Semantic::Shipped { runtime: Some(runtime) }.load().unwrap();
        let scale = Scale::measure(shipped.as_ref()).unwrap();
        let moved = (scale.of(0.0)).abs().max((scale.of(1.0) - 1.0).abs());
        assert!(moved < 0.01, "{scale:?}: {:?}", means(shipped.as_ref()).unwrap());
    }
}
