//! Bringing a model here, when a person asks for it.
//!
//! Owns [`get`], the only thing in this crate that opens a connection. fastembed downloads, with its own
//! progress display, from where `HF_ENDPOINT` says; what came is hashed, loaded and tried before its record
//! is written. Must not be called by anything but the command that asks for it.

use std::fs;
use std::path::{Path, PathBuf};

use cemem_core::durable::PathError;
use fastembed::{RerankInitOptions, TextEmbedding, TextInitOptions, TextRerank};
use hf_hub::Cache;
use ort::environment::Environment;
use thiserror::Error;

use super::catalog::{Kind, Known, embedding, reranker};
use super::local::LocalModel;
use super::record::{self, Record};
use super::reranker::Reranker;
use super::scale::Scale;
use super::{Embedder as _, SemanticOff, runtime};

/// Where a download comes from and goes to.
#[derive(Debug, Clone)]
pub struct Places {
    /// The ONNX Runtime library.
    pub runtime: Option<PathBuf>,
    /// Where records are kept.
    pub models: PathBuf,
    /// Where files are kept: where fastembed looks, which is `HF_HOME` if that is set.
    pub cache: PathBuf,
}

/// Why a model is not here after all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GetError {
    /// It cannot be tried, or does not work.
    #[error(transparent)]
    Off(#[from] SemanticOff),
    /// A file did not arrive.
    #[error("cannot download `{code}`")]
    Download {
        /// Where it is published.
        code: String,
        /// What fastembed says.
        source: fastembed::Error,
    },
    /// What arrived is not what was published.
    #[error("what arrived of `{code}` is damaged, and was removed: {files}")]
    Damaged {
        /// Where it is published.
        code: String,
        /// Which files.
        files: String,
    },
    /// A file cannot be read or written.
    #[error(transparent)]
    Path(#[from] PathError),
}

/// Downloads what is missing of a model, tries it, and records it; returns its size in bytes.
///
/// # Errors
/// Why it cannot be had. What arrived whole is kept for the next try, what is damaged is not.
pub fn get(known: &Known, places: &Places, progress: bool) -> Result<u64, GetError> {
    let environment = runtime::environment(places.runtime.as_deref())?;
    let fetched = fetch(known, environment.clone(), places, progress);
    // Before the error is told: a damaged file is why a model cannot be loaded, and must not stay.
    let damaged = remove_damaged(known, &places.cache);
    if !damaged.is_empty() {
        let (code, files) = (known.code.clone(), damaged.join(", "));
        return Err(GetError::Damaged { code, files });
    }
    fetched.map_err(|source| GetError::Download { code: known.code.clone(), source })?;
    let repo = Cache::new(places.cache.clone()).model(known.code.clone());
    let files: Vec<(&str, PathBuf)> =
        known.files().filter_map(|name| Some((name, repo.get(name)?))).collect();
    let record = record::path_of(&places.models, known);
    Record::of(known, &files)?.write(&record)?;
    if let Err(off) = try_out(known, environment, places, &record) {
        // Without its record it is not here.
        let _gone = fs::remove_file(&record);
        return Err(off.into());
    }
    Ok(record::size(&places.models, known).unwrap_or_default())
}

/// Lets fastembed download, and load what it has downloaded.
fn fetch(
    known: &Known,
    environment: Environment,
    places: &Places,
    progress: bool,
) -> Result<(), fastembed::Error> {
    let unknown = || fastembed::Error::InvalidArgument(format!("no model `{}`", known.name));
    match known.kind {
        Kind::Embedding => {
            let model = embedding(&known.name).ok_or_else(unknown)?;
            let options = TextInitOptions::new(model)
                .with_cache_dir(places.cache.clone())
                .with_environment(environment)
                .with_show_download_progress(progress);
            TextEmbedding::try_new(options).map(drop)
        }
        Kind::Reranker => {
            let model = reranker(&known.name).ok_or_else(unknown)?;
            let options = RerankInitOptions::new(model)
                .with_cache_dir(places.cache.clone())
                .with_environment(environment)
                .with_show_download_progress(progress);
            TextRerank::try_new(options).map(drop)
        }
    }
}

/// Removes the files whose content is not what their name promises; returns what they were. The cache
/// names large files by their SHA-256.
fn remove_damaged(known: &Known, cache: &Path) -> Vec<String> {
    let repo = Cache::new(cache.to_owned()).model(known.code.clone());
    let mut damaged = Vec::new();
    for (name, path) in known.files().filter_map(|name| Some((name, repo.get(name)?))) {
        let Ok(blob) = path.canonicalize() else { continue };
        let promised = blob.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_hash = promised.len() == 64 && promised.bytes().all(|b| b.is_ascii_hexdigit());
        if is_hash && record::hash(&blob).is_ok_and(|hash| hash != promised) {
            let _gone = (fs::remove_file(&path), fs::remove_file(&blob));
            damaged.push(name.to_owned());
        }
    }
    damaged
}

/// Uses the model as recall will.
fn try_out(
    known: &Known,
    environment: Environment,
    places: &Places,
    record: &Path,
) -> Result<(), SemanticOff> {
    match known.kind {
        Kind::Embedding => {
            let model = LocalModel::load(environment, record)?;
            Scale::measure(&model).map(drop).map_err(|e| SemanticOff::ModelUnusable {
                model: model.model_id().to_owned(),
                message: e.message,
            })
        }
        Kind::Reranker => {
            let model = Reranker::new(places.runtime.clone(), record.to_owned());
            model.scores("probe", &["probe".to_owned()]).map(drop)
        }
    }
}
