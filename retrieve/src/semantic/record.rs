//! What was downloaded: one small file a model, written when all of it is here and was seen to work.
//!
//! Owns `Record`. A model without a record is not here, whatever a broken download left; one whose files
//! are no longer those of the record is refused. Must not download or load anything.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use cemem_core::durable::{IoResultExt as _, PathError, create_private_dir, write_durable};
use cemem_core::id::digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::SemanticOff;
use super::catalog::Known;

/// Version of the file; another one means that the model is not here.
const VERSION: u32 = 1;

/// A downloaded file.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Part {
    /// Its name where it is published.
    name: String,
    path: PathBuf,
    bytes: u64,
    /// When it was last changed, in nanoseconds since 1970: while it stays, nothing is hashed again.
    changed: u64,
    sha256: String,
}

/// See the module.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    /// fastembed's name.
    pub model: String,
    /// Length of its vectors; `None` for a reranker.
    pub dim: Option<usize>,
    files: Vec<Part>,
}

/// Returns where the record of a model is kept.
#[must_use]
pub fn path_of(models: &Path, known: &Known) -> PathBuf {
    models.join(format!("{}.json", known.name))
}

/// Returns the size of a model on disk if it is here, in bytes.
#[must_use]
pub fn size(models: &Path, known: &Known) -> Option<u64> {
    let record = Record::read(&path_of(models, known)).ok()?;
    Some(record.files.iter().map(|part| part.bytes).sum())
}

impl Record {
    /// Makes a record of files as they are now: name and path of each.
    pub(super) fn of(known: &Known, files: &[(&str, PathBuf)]) -> Result<Self, PathError> {
        let part = |(name, path): &(&str, PathBuf)| {
            let (bytes, changed) = look(path)?;
            let sha256 = hash(path)?;
            Ok(Part { name: (*name).to_owned(), path: path.clone(), bytes, changed, sha256 })
        };
        let files = files.iter().map(part).collect::<Result<_, PathError>>()?;
        Ok(Self { version: VERSION, model: known.name.clone(), dim: known.dim, files })
    }

    /// Writes the record in its place.
    pub(super) fn write(&self, path: &Path) -> Result<(), PathError> {
        if let Some(folder) = path.parent() {
            create_private_dir(folder)?;
        }
        write_durable(path, &serde_json::to_vec_pretty(self).expect("a record is plain data"))
    }

    /// Reads a record.
    pub(super) fn read(path: &Path) -> Result<Self, SemanticOff> {
        let model = || path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let record: Option<Self> =
            fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        record
            .filter(|record| record.version == VERSION)
            .ok_or_else(|| SemanticOff::ModelMissing { model: model() })
    }

    /// Returns a name fit for folders: another one for other files.
    pub(super) fn id(&self) -> String {
        let hashes = digest(self.files.iter().map(|part| part.sha256.as_str()));
        format!("{}-{}", self.model.to_ascii_lowercase(), &hashes[..8])
    }

    /// Returns the path of a file by its name where it is published.
    pub(super) fn path(&self, name: &str) -> Option<&Path> {
        self.files.iter().find(|part| part.name == name).map(|part| part.path.as_path())
    }

    /// Checks that the files are those that were downloaded.
    pub(super) fn check(&self) -> Result<(), SemanticOff> {
        for part in &self.files {
            let unusable =
                |message: String| SemanticOff::ModelUnusable { model: self.model.clone(), message };
            let (bytes, changed) = look(&part.path).map_err(|error| unusable(in_full(&error)))?;
            let same = bytes == part.bytes
                && (changed == part.changed || hash(&part.path).is_ok_and(|h| h == part.sha256));
            if !same {
                let path = part.path.display();
                return Err(unusable(format!("`{path}` has changed since it was downloaded")));
            }
        }
        Ok(())
    }
}

/// Returns an error about a path with its cause, as one line.
pub(super) fn in_full(error: &PathError) -> String {
    format!("{error}: {}", error.source)
}

/// Returns length and time of the last change of a file.
pub(super) fn look(path: &Path) -> Result<(u64, u64), PathError> {
    let about = fs::metadata(path).context("read", path)?;
    let changed = about.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    Ok((about.len(), changed.map_or(0, |t| u64::try_from(t.as_nanos()).unwrap_or(0))))
}

/// Returns the SHA-256 of a file.
pub(super) fn hash(path: &Path) -> Result<String, PathError> {
    let mut file = fs::File::open(path).context("read", path)?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        match file.read(&mut piece).context("read", path)? {
            0 => break,
            n => hasher.update(&piece[..n]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
