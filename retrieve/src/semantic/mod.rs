//! Text to vectors.
//!
//! | module | owns |
//! |---|---|
//! | [`shipped`] | the model inside the binary, on an ONNX Runtime found at run time |
//! | [`folder`] | any other fastembed text model from a folder of its files |
//! | [`hashed`] | a deterministic embedder without a model, for tests and benches |
//! | `wordpiece` | the shipped tokenizer without its start-up cost |
//!
//! Owns the [`Embedder`] trait and the reasons why there is none. Must not know lessons, indexes or
//! ranking. Vectors are unit length, so that a dot product is a cosine.

pub mod folder;
pub mod hashed;
mod runtime;
pub mod shipped;
mod wordpiece;

use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

pub use wordpiece::count_tokens;

/// Turns texts into unit vectors. One text, one result: what else is embedded in the same call
/// never changes a vector, so that an index built in steps equals one built at once.
pub trait Embedder: Send + Sync {
    /// Name of the model, fit for a folder name; another model, another name.
    fn model_id(&self) -> &str;

    /// Length of every vector.
    fn dim(&self) -> usize;

    /// Returns the vector of each text, in order. Texts are cut to what the model reads.
    ///
    /// # Errors
    /// When the model fails to run.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError>;
}

/// A model that ran and failed.
#[derive(Debug, Error)]
#[error("embedding with `{model}` failed: {message}")]
pub struct EmbedError {
    /// Which model.
    pub model: String,
    /// What the runtime said.
    pub message: String,
}

/// Why there is no semantic search. Recall then works lexically.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SemanticOff {
    /// Switched off by the caller.
    #[error("semantic search is switched off")]
    Disabled,
    /// No ONNX Runtime library was named.
    #[error("no ONNX Runtime library was found")]
    NoRuntime,
    /// The library exists but cannot be used.
    #[error("cannot use the ONNX Runtime library `{}`: {message}", path.display())]
    RuntimeUnusable {
        /// The library.
        path: PathBuf,
        /// What went wrong.
        message: String,
    },
    /// The model cannot be loaded.
    #[error("cannot load the embedding model `{model}`: {message}")]
    ModelUnusable {
        /// Which model.
        model: String,
        /// What went wrong.
        message: String,
    },
    /// The model ran and failed, so this answer is lexical.
    #[error("{0}")]
    Failed(String),
}

/// Which embedder to use.
#[derive(Clone)]
pub enum Semantic {
    /// None: lexical only.
    Off,
    /// The model inside the binary, run by this ONNX Runtime library. `None` when the caller found
    /// no library; ignored when the runtime is linked in (`bundled-onnxruntime`).
    Shipped {
        /// Path of the shared library.
        runtime: Option<PathBuf>,
    },
    /// Another model, from a folder with `model.onnx` and its tokenizer files.
    Folder {
        /// Path of the shared library.
        runtime: Option<PathBuf>,
        /// The folder.
        model: PathBuf,
    },
    /// An embedder made by the caller.
    Custom(Arc<dyn Embedder>),
}

impl Semantic {
    /// Returns the model's id without loading anything; `None` when off.
    #[must_use]
    pub fn model_id(&self) -> Option<String> {
        match self {
            Self::Off => None,
            Self::Shipped { .. } => Some(shipped::MODEL_ID.to_owned()),
            Self::Folder { model, .. } => Some(folder::model_id(model)),
            Self::Custom(embedder) => Some(embedder.model_id().to_owned()),
        }
    }

    /// Loads the embedder: tens of milliseconds for the shipped model.
    ///
    /// # Errors
    /// Why there is none.
    pub fn load(&self) -> Result<Arc<dyn Embedder>, SemanticOff> {
        match self {
            Self::Off => Err(SemanticOff::Disabled),
            Self::Shipped { runtime } => {
                let environment = runtime::environment(runtime.as_deref())?;
                Ok(Arc::new(shipped::Shipped::load(environment)?))
            }
            Self::Folder { runtime, model } => {
                let environment = runtime::environment(runtime.as_deref())?;
                Ok(Arc::new(folder::FolderModel::load(environment, model)?))
            }
            Self::Custom(embedder) => Ok(Arc::clone(embedder)),
        }
    }
}

/// Scales a vector to unit length; a zero vector stays zero.
fn normalise(vector: &mut [f32]) {
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|x| *x /= norm);
    }
}
