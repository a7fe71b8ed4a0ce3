//! Text to vectors.
//!
//! | module | owns |
//! |---|---|
//! | [`shipped`] | the model inside the binary, on an ONNX Runtime found at run time |
//! | [`catalog`] | which other models fastembed knows, and what each wants to be told |
//! | `download` | bringing one here, when a person asks for it |
//! | [`record`] | what was downloaded, and that it is still the same |
//! | `local` | any other embedding model, from files on this machine |
//! | [`reranker`] | a second look at the best lessons |
//! | [`scale`] | cosines of other models on the scale of the shipped one |
//! | `providers` | which hardware runs a model |
//! | [`hashed`] | a deterministic embedder without a model, for tests and benches |
//! | `wordpiece` | the shipped tokenizer without its start-up cost |
//!
//! Owns the [`Embedder`] trait and the reasons why there is none. Must not know lessons, indexes or
//! ranking. Vectors are unit length, so that a dot product is a cosine.

pub mod catalog;
#[cfg(feature = "download")]
pub mod download;
pub mod hashed;
mod local;
mod providers;
pub mod record;
pub mod reranker;
mod runtime;
pub mod scale;
pub mod shipped;
mod wordpiece;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use self::scale::Scale;
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

    /// Returns the vector of a question. Some models are told that it is one.
    ///
    /// # Errors
    /// When the model fails to run.
    fn embed_query(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        let vector = self.embed(&[text])?.pop();
        vector.ok_or_else(|| EmbedError {
            model: self.model_id().to_owned(),
            message: "no vector came back".into(),
        })
    }

    /// Returns where its files are, if they are not part of the program.
    fn path(&self) -> Option<&Path> {
        None
    }

    /// Returns how its cosines become those of the shipped model; the first time this may take as long as
    /// embedding a page.
    ///
    /// # Errors
    /// When the model fails to run, or cannot be used for search.
    fn scale(&self) -> Result<Scale, EmbedError> {
        Ok(Scale::default())
    }
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
    /// The model was never downloaded.
    #[error("the model `{model}` is not here")]
    ModelMissing {
        /// Which model.
        model: String,
    },
    /// The model cannot be loaded.
    #[error("cannot use the model `{model}`: {message}")]
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

impl From<EmbedError> for SemanticOff {
    fn from(error: EmbedError) -> Self {
        Self::ModelUnusable { model: error.model, message: error.message }
    }
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
    /// Another model.
    Local {
        /// Path of the shared library.
        runtime: Option<PathBuf>,
        /// The record of a download, or a folder with `model.onnx` and its tokenizer files.
        model: PathBuf,
    },
    /// An embedder made by the caller.
    Custom(Arc<dyn Embedder>),
}

impl Semantic {
    /// Returns the model's id without loading anything; `None` when there is none.
    #[must_use]
    pub fn model_id(&self) -> Option<String> {
        self.check().ok()
    }

    /// Returns the model's id if it is here, without loading it.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn check(&self) -> Result<String, SemanticOff> {
        match self {
            Self::Off => Err(SemanticOff::Disabled),
            Self::Shipped { .. } => Ok(shipped::MODEL_ID.to_owned()),
            Self::Local { model, .. } => local::Plan::of(model).map(|plan| plan.id),
            Self::Custom(embedder) => Ok(embedder.model_id().to_owned()),
        }
    }

    /// Returns what else could be used on the same runtime: the model at a path, or the shipped one.
    #[must_use]
    pub fn instead(&self, model: Option<PathBuf>) -> Option<Self> {
        let (Self::Shipped { runtime } | Self::Local { runtime, .. }) = self else { return None };
        let runtime = runtime.clone();
        Some(match model {
            Some(model) => Self::Local { runtime, model },
            None => Self::Shipped { runtime },
        })
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
            Self::Local { runtime, model } => {
                // What is missing is told before the runtime is looked for.
                let plan = local::Plan::of(model)?;
                let environment = runtime::environment(runtime.as_deref())?;
                Ok(Arc::new(local::LocalModel::load(environment, &plan)?))
            }
            Self::Custom(embedder) => Ok(Arc::clone(embedder)),
        }
    }

    /// Returns the execution providers that were compiled in, each with whether the runtime has it; none
    /// where there is no runtime.
    #[must_use]
    pub fn providers(&self) -> Vec<(&'static str, bool)> {
        let (Self::Shipped { runtime } | Self::Local { runtime, .. }) = self else {
            return Vec::new();
        };
        runtime::environment(runtime.as_deref())
            .map_or_else(|_| Vec::new(), |e| providers::state(&e))
    }
}

/// Scales a vector to unit length; a zero vector stays zero.
fn normalise(vector: &mut [f32]) {
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|x| *x /= norm);
    }
}
