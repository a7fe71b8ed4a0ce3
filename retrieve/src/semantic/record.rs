//! What was downloaded: one small file a model, written when all of it is here and was seen to work.
//!
//! Owns `Record`. A model without a record is not here, whatever a broken download left; one whose record
//! cannot be read, or whose files are no longer those of the record, is refused. Must not download or load
//! anything.

use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use cemem_core::durable::{IoResultExt as _, PathError, create_private_dir, write_durable};
use cemem_core::id::digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::SemanticOff;
use super::catalog::Known;
use super::scale::Scale;

/// Version of the file; another one is refused.
const VERSION: u32 = 1;

/// A downloaded file.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Part {
    /// Its name where it is published.
    name: String,
    /// Relative to the folder of the record, so that a home can be moved; whole where the file lies elsewhere.
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
    /// How its cosines are read, as measured when it was tried; `None` for a reranker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
    files: Vec<Part>,
    /// Where the record is, or is to be.
    #[serde(skip)]
    pub place: PathBuf,
}

/// Returns where the record of a model is kept.
#[must_use]
pub fn path_of(models: &Path, known: &Known) -> PathBuf {
    models.join(format!("{}.json", known.name))
}

/// Returns the size of a model on disk if it is here, in bytes.
#[must_use]
pub fn size(models: &Path, known: &Known) -> Option<u64> {
    Record::read(&path_of(models, known)).ok().map(|record| record.bytes())
}

/// Returns whether a path leads to the record of a download, or would; otherwise it is a folder of files.
pub(super) fn is_record(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json") && !path.is_dir()
}

impl Record {
    /// Makes a record of files as they are now, name and path of each; it is not written yet.
    #[cfg(any(test, feature = "download"))]
    pub(super) fn of(
        known: &Known,
        models: &Path,
        files: &[(&str, PathBuf)],
    ) -> Result<Self, PathError> {
        let part = |(name, path): &(&str, PathBuf)| {
            let (bytes, changed) = look(path)?;
            let sha256 = hash(path)?;
            let path = path.strip_prefix(models).unwrap_or(path).to_owned();
            Ok(Part { name: (*name).to_owned(), path, bytes, changed, sha256 })
        };
        Ok(Self {
            version: VERSION,
            model: known.name.clone(),
            dim: known.dim,
            scale: None,
            files: files.iter().map(part).collect::<Result<_, PathError>>()?,
            place: path_of(models, known),
        })
    }

    /// Writes the record in its place.
    pub(super) fn write(&self) -> Result<(), PathError> {
        create_private_dir(self.folder())?;
        write_durable(
            &self.place,
            &serde_json::to_vec_pretty(self).expect("a record is plain data"),
        )
    }

    /// Reads a record, and makes sure that the files are still those that were downloaded.
    pub(super) fn checked(path: &Path) -> Result<Self, SemanticOff> {
        let mut record = Self::read(path)?;
        if record.check()? {
            // Where it cannot be written, they are hashed again the next time.
            let _unwritten = record.write();
        }
        Ok(record)
    }

    fn read(path: &Path) -> Result<Self, SemanticOff> {
        let model = || path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let unusable = |message| SemanticOff::ModelUnusable { model: model(), message };
        let place = path.display();
        let bytes = fs::read(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => SemanticOff::ModelMissing { model: model() },
            _ => unusable(format!("cannot read `{place}`: {error}")),
        })?;
        let damaged = |error| unusable(format!("`{place}` is damaged: {error}"));
        let read: Value = serde_json::from_slice(&bytes).map_err(damaged)?;
        if read["version"] != VERSION {
            let message = format!("`{place}` is of version {}, not {VERSION}", read["version"]);
            return Err(unusable(message));
        }
        let record: Self = serde_json::from_value(read).map_err(damaged)?;
        Ok(Self { place: path.to_owned(), ..record })
    }

    /// Returns a name fit for folders: another one for other files, or for another use of them.
    pub(super) fn id(&self, used: &str) -> String {
        let hashes = self.files.iter().map(|part| part.sha256.as_str());
        let hash = digest(hashes.chain([used]));
        format!("{}-{}", self.model.to_ascii_lowercase(), &hash[..8])
    }

    /// Returns the path of a file by its name where it is published.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        let part = self.files.iter().find(|part| part.name == name)?;
        Some(self.folder().join(&part.path))
    }

    /// Returns the size of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|part| part.bytes).sum()
    }

    /// Removes the files whose content is not what their name promises, because the cache names large files by
    /// their SHA-256; returns what they were.
    #[cfg(feature = "download")]
    pub(super) fn remove_damaged(&self) -> Vec<String> {
        let mut damaged = Vec::new();
        for part in &self.files {
            let path = self.folder().join(&part.path);
            let Ok(blob) = path.canonicalize() else { continue };
            let promised = blob.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_hash = promised.len() == 64 && promised.bytes().all(|b| b.is_ascii_hexdigit());
            if is_hash && promised != part.sha256 {
                let _gone = (fs::remove_file(&path), fs::remove_file(&blob));
                damaged.push(part.name.clone());
            }
        }
        damaged
    }

    fn folder(&self) -> &Path {
        self.place.parent().unwrap_or(Path::new(""))
    }

    /// Checks that the files are those that were downloaded; returns whether one was touched, so that the
    /// record should be written again.
    fn check(&mut self) -> Result<bool, SemanticOff> {
        let mut was_touched = false;
        let folder = self.folder().to_owned();
        for part in &mut self.files {
            let unusable =
                |message: String| SemanticOff::ModelUnusable { model: self.model.clone(), message };
            let path = folder.join(&part.path);
            let (bytes, changed) = look(&path).map_err(|error| unusable(in_full(&error)))?;
            if (bytes, changed) == (part.bytes, part.changed) {
                continue;
            }
            if bytes != part.bytes || !hash(&path).is_ok_and(|hash| hash == part.sha256) {
                let path = path.display();
                return Err(unusable(format!("`{path}` has changed since it was downloaded")));
            }
            (part.changed, was_touched) = (changed, true);
        }
        Ok(was_touched)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantic::catalog::{Kind, find};

    /// The record of a model with one small file, written into a folder.
    fn recorded(models: &Path) -> PathBuf {
        let known = find(Kind::Embedding, "BGESmallENV15").remove(0);
        let file = models.join("files/model.onnx");
        fs::create_dir_all(models.join("files")).unwrap();
        fs::write(&file, "graph").unwrap();
        let record = Record::of(&known, models, &[("onnx/model.onnx", file)]).unwrap();
        record.write().unwrap();
        record.place
    }

    #[test]
    fn a_home_that_moves_keeps_its_models() {
        let dir = tempfile::tempdir().unwrap();
        let place = recorded(&dir.path().join("a"));
        assert!(is_record(&place));
        fs::rename(dir.path().join("a"), dir.path().join("b")).unwrap();
        let moved = dir.path().join("b").join(place.file_name().unwrap());
        let record = Record::checked(&moved).unwrap();
        assert_eq!(record.path("onnx/model.onnx"), Some(dir.path().join("b/files/model.onnx")));
        assert_eq!((record.bytes(), record.path("tokenizer.json")), (5, None));
    }

    #[test]
    fn a_file_that_was_touched_is_hashed_once() {
        let dir = tempfile::tempdir().unwrap();
        let place = recorded(dir.path());
        let file = dir.path().join("files/model.onnx");
        let before = fs::read_to_string(&place).unwrap();
        fs::File::open(&file).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        Record::checked(&place).unwrap();
        let after = fs::read_to_string(&place).unwrap();
        assert!(after != before && after.contains("\"changed\": 0"), "{after}");
        assert!(!Record::read(&place).unwrap().check().unwrap());
        fs::write(&file, "grape").unwrap();
        let changed = Record::checked(&place).map(drop).unwrap_err().to_string();
        assert!(changed.contains("has changed since it was downloaded"), "{changed}");
        assert_eq!(fs::read_to_string(&place).unwrap(), after);
    }

    #[test]
    fn what_cannot_be_read_is_not_just_missing() {
        let dir = tempfile::tempdir().unwrap();
        let place = recorded(dir.path());
        let text = fs::read_to_string(&place).unwrap();
        for (text, said) in [
            ("no JSON".to_owned(), "is damaged"),
            (text.replace("\"version\": 1", "\"version\": 9"), "is of version 9, not 1"),
            (text.replace("\"files\"", "\"flies\""), "missing field `files`"),
        ] {
            fs::write(&place, text).unwrap();
            let error = Record::checked(&place).map(drop).unwrap_err();
            assert!(matches!(error, SemanticOff::ModelUnusable { .. }), "{error:?}");
            assert!(error.to_string().contains(said), "{error}");
        }
        fs::remove_file(&place).unwrap();
        let missing = SemanticOff::ModelMissing { model: "BGESmallENV15".into() };
        assert_eq!(Record::checked(&place).map(drop), Err(missing));
    }
}
