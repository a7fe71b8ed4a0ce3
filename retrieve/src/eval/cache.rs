//! Vectors kept between evaluation runs.
//!
//! Owns one append-only file a model: records of 16 bytes of content hash, the vector, and a
//! checksum. A damaged record ends the file. Must not be used for anything but evaluation.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cemem_core::durable::{IoResultExt as _, PathError, create_private_dir, open_private};
use cemem_core::id::digest;

use crate::semantic::scale::Scale;
use crate::semantic::{EmbedError, Embedder};

/// An embedder that remembers.
pub struct Cached {
    inner: Arc<dyn Embedder>,
    path: PathBuf,
    known: Mutex<HashMap<[u8; 16], Vec<f32>>>,
}

fn key(text: &str) -> [u8; 16] {
    let hex = digest([text]);
    std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap_or(0))
}

fn sum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811C_9DC5, |h, b| (h ^ u32::from(*b)).wrapping_mul(0x0100_0193))
}

impl Cached {
    /// Opens the cache of a model in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be made or the file cannot be read.
    pub fn open(inner: Arc<dyn Embedder>, folder: &Path) -> Result<Self, PathError> {
        create_private_dir(folder)?;
        let path = folder.join(format!("{}.embeddings", inner.model_id()));
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(e).context("read", &path),
        };
        let mut known = HashMap::new();
        let size = 16 + 4 * inner.dim() + 4;
        for record in bytes.chunks_exact(size) {
            let (data, check) = record.split_at(size - 4);
            if sum(data).to_le_bytes() != check {
                break;
            }
            let id: [u8; 16] = data[..16].try_into().expect("sixteen bytes");
            let vector = data[16..]
                .chunks_exact(4)
                .map(|x| f32::from_le_bytes(x.try_into().expect("four bytes")))
                .collect();
            known.insert(id, vector);
        }
        Ok(Self { inner, path, known: Mutex::new(known) })
    }

    fn append(&self, new: &[([u8; 16], Vec<f32>)]) -> Result<(), PathError> {
        let mut bytes = Vec::new();
        for (id, vector) in new {
            let start = bytes.len();
            bytes.extend_from_slice(id);
            vector.iter().for_each(|x| bytes.extend(x.to_le_bytes()));
            let check = sum(&bytes[start..]);
            bytes.extend(check.to_le_bytes());
        }
        let mut file = open_private(&self.path)?;
        std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).context("write", &self.path)?;
        file.write_all(&bytes).context("write", &self.path)
    }
}

impl Embedder for Cached {
    fn model_id(&self) -> &str {
        self.inner.model_id()
    }

    fn dim(&self) -> usize {
        self.inner.dim()
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.remembered(texts.iter().map(|text| key(text)).collect(), texts, |texts| {
            self.inner.embed(texts)
        })
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        // Only other models than the shipped one are told that it is a query.
        let key =
            if self.inner.path().is_some() { key(&format!("query\0{text}")) } else { key(text) };
        let one = |texts: &[&str]| {
            texts.iter().map(|text| self.inner.embed_query(text)).collect::<Result<_, _>>()
        };
        self.remembered(vec![key], &[text], one).map(|mut vectors| vectors.remove(0))
    }

    fn path(&self) -> Option<&Path> {
        self.inner.path()
    }

    fn scale(&self) -> Result<Scale, EmbedError> {
        self.inner.scale()
    }
}

impl Cached {
    /// Returns the vectors of texts by their keys, making those that are not known.
    fn remembered(
        &self,
        keys: Vec<[u8; 16]>,
        texts: &[&str],
        make: impl FnOnce(&[&str]) -> Result<Vec<Vec<f32>>, EmbedError>,
    ) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut missing: Vec<usize> =
            (0..texts.len()).filter(|&i| !known.contains_key(&keys[i])).collect();
        missing.sort_by_key(|&i| (keys[i], i));
        missing.dedup_by_key(|i| keys[*i]);
        if !missing.is_empty() {
            let wanted: Vec<&str> = missing.iter().map(|&i| texts[i]).collect();
            let vectors = make(&wanted)?;
            let new: Vec<_> = missing.iter().map(|&i| keys[i]).zip(vectors).collect();
            self.append(&new).map_err(|e| EmbedError {
                model: self.inner.model_id().to_owned(),
                message: e.to_string(),
            })?;
            known.extend(new);
        }
        Ok(keys.iter().map(|key| known[key].clone()).collect())
    }
}
