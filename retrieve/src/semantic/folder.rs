//! Any other fastembed text model, from a folder of its files.
//!
//! Owns the translation from a folder (`model.onnx`, `tokenizer.json`, `config.json`,
//! `special_tokens_map.json`, `tokenizer_config.json`) to fastembed. Must not download anything.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cemem_core::id::digest;
use fastembed::{
    InitOptionsUserDefined, Pooling, QuantizationMode, TextEmbedding, TokenizerFiles,
    UserDefinedEmbeddingModel,
};
use ort::environment::Environment;

use super::{EmbedError, Embedder, SemanticOff, normalise};

/// Tokens read of one text.
const MAX_TOKENS: usize = 256;

/// A loaded model.
pub struct FolderModel {
    id: String,
    dim: usize,
    model: Mutex<TextEmbedding>,
}

/// Returns the id of the model in `folder`: its name, and a hash of its path, because two folders
/// called `model` are not the same model.
pub(super) fn model_id(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let safe: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
    let hash = digest([folder.to_string_lossy().as_bytes()]);
    format!("{safe}-{}", &hash[..8])
}

impl FolderModel {
    /// Loads the model and finds out its vector length.
    ///
    /// # Errors
    /// When a file is missing or the runtime refuses the model.
    pub(super) fn load(environment: Environment, folder: &Path) -> Result<Self, SemanticOff> {
        let id = model_id(folder);
        let unusable = |message: String| SemanticOff::ModelUnusable { model: id.clone(), message };
        let read = |name: &str| {
            let path: PathBuf = folder.join(name);
            fs::read(&path).map_err(|e| unusable(format!("cannot read `{}`: {e}", path.display())))
        };
        let files = TokenizerFiles {
            tokenizer_file: read("tokenizer.json")?,
            config_file: read("config.json")?,
            special_tokens_map_file: read("special_tokens_map.json")?,
            tokenizer_config_file: read("tokenizer_config.json")?,
        };
        let source = UserDefinedEmbeddingModel::new(read("model.onnx")?, files)
            .with_pooling(Pooling::Mean)
            .with_quantization(QuantizationMode::Dynamic);
        let options =
            InitOptionsUserDefined::new().with_environment(environment).with_max_length(MAX_TOKENS);
        let mut model = TextEmbedding::try_new_from_user_defined(source, options)
            .map_err(|e| unusable(e.to_string()))?;
        let probe = model.embed(["probe"], None).map_err(|e| unusable(e.to_string()))?;
        let dim = probe.first().map_or(0, Vec::len);
        if dim == 0 {
            return Err(unusable("the model returns empty vectors".into()));
        }
        Ok(Self { id, dim, model: Mutex::new(model) })
    }
}

impl Embedder for FolderModel {
    fn model_id(&self) -> &str {
        &self.id
    }

    fn dim(&self) -> usize {
        self.dim
    }

    /// One run a text, so that a vector never depends on its neighbours.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let failed = |message: String| EmbedError { model: self.id.clone(), message };
        let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        let mut vectors = Vec::with_capacity(texts.len());
        for text in texts {
            let mut one = model.embed([*text], None).map_err(|e| failed(e.to_string()))?;
            let mut vector = one.pop().ok_or_else(|| failed("no vector came back".into()))?;
            normalise(&mut vector);
            vectors.push(vector);
        }
        Ok(vectors)
    }
}
