//! A deterministic embedder without a model.
//!
//! Owns [`HashEmbedder`]: a bag of hashed words, for tests and benches that need vectors but not
//! meaning. Must not be used for real recall.

use cemem_core::id::digest;

use super::{EmbedError, Embedder, normalise};

/// Embeds a text as the sum of one pseudo-random direction a word.
#[derive(Debug, Clone)]
pub struct HashEmbedder {
    id: String,
    dim: usize,
}

impl HashEmbedder {
    /// Returns an embedder with vectors of length `dim`.
    #[must_use]
    pub fn new(dim: usize) -> Self {
        Self { id: format!("hash-{dim}"), dim }
    }
}

impl Embedder for HashEmbedder {
    fn model_id(&self) -> &str {
        &self.id
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(texts.iter().map(|text| self.one(text)).collect())
    }
}

impl HashEmbedder {
    fn one(&self, text: &str) -> Vec<f32> {
        let mut vector = vec![0.0; self.dim];
        for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()) {
            if word.is_empty() {
                continue;
            }
            let hex = digest([word]);
            let seed = u64::from_str_radix(&hex[..16], 16).expect("a digest is hex");
            let mut state = seed | 1;
            for x in &mut vector {
                // xorshift64: enough to make directions of different words nearly orthogonal.
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                #[expect(clippy::cast_precision_loss, reason = "only the rough size matters")]
                let value = (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0;
                *x += value;
            }
        }
        normalise(&mut vector);
        vector
    }
}
