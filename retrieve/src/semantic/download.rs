//! Bringing a model here, when a person asks for it.
//!
//! Owns [`get`], the only thing in this crate that opens a connection. fastembed downloads, with its own
//! progress display, from where `HF_ENDPOINT` says; what came is hashed, loaded and tried before its record
//! is written. Must not be called by anything but the command that asks for it.

use std::path::PathBuf;

use cemem_core::durable::PathError;
use fastembed::{
    InitOptionsWithLength, RerankInitOptions, TextEmbedding, TextInitOptions, TextRerank,
};
use hf_hub::Cache;
use ort::environment::Environment;
use thiserror::Error;

use super::catalog::{Kind, Known, embedding, reranker};
use super::local::{LocalModel, Plan};
use super::record::Record;
use super::reranker::Files;
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
    let repo = Cache::new(places.cache.clone()).model(known.code.clone());
    let files: Vec<(&str, PathBuf)> =
        known.files().filter_map(|name| Some((name, repo.get(name)?))).collect();
    let mut record = Record::of(known, &places.models, &files)?;
    // Before the error is told: a damaged file is why a model cannot be loaded, and must not stay.
    let damaged = record.remove_damaged();
    if !damaged.is_empty() {
        let (code, files) = (known.code.clone(), damaged.join(", "));
        return Err(GetError::Damaged { code, files });
    }
    fetched.map_err(|source| GetError::Download { code: known.code.clone(), source })?;
    record.scale = try_out(known.kind, environment, &record)?;
    record.write()?;
    Ok(record.bytes())
}

/// Lets fastembed download, and load what it has downloaded: it does not do the one without the other.
fn fetch(
    known: &Known,
    environment: Environment,
    places: &Places,
    progress: bool,
) -> Result<(), fastembed::Error> {
    let unknown = || fastembed::Error::InvalidArgument(format!("no model `{}`", known.name));
    match known.kind {
        Kind::Embedding => {
            let mut options = TextInitOptions::new(embedding(&known.name).ok_or_else(unknown)?);
            fill(&mut options, environment, places, progress);
            TextEmbedding::try_new(options).map(drop)
        }
        Kind::Reranker => {
            let mut options = RerankInitOptions::new(reranker(&known.name).ok_or_else(unknown)?);
            fill(&mut options, environment, places, progress);
            TextRerank::try_new(options).map(drop)
        }
    }
}

fn fill<M>(
    options: &mut InitOptionsWithLength<M>,
    environment: Environment,
    places: &Places,
    progress: bool,
) {
    options.cache_dir.clone_from(&places.cache);
    options.environment = Some(environment);
    options.show_download_progress = progress;
}

/// Uses the model as recall will; returns how the cosines of an embedding model are read.
fn try_out(
    kind: Kind,
    environment: Environment,
    record: &Record,
) -> Result<Option<Scale>, SemanticOff> {
    match kind {
        Kind::Embedding => {
            let model = LocalModel::load(environment, &Plan::of_record(record)?)?;
            Ok(Some(model.scale()?))
        }
        Kind::Reranker => {
            super::reranker::load(environment, &Files::of_record(record)?)?;
            Ok(None)
        }
    }
}
