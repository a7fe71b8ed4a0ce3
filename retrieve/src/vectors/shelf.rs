//! Which vector files belong together.
//!
//! Owns a folder of segments with its manifest. The manifest is replaced last and durably, so a
//! crash leaves the old state. A lesson is what the newest segment says of it; older rows of it are
//! dead until the segments are folded into one. Readers keep the files they mapped. Must not lock:
//! the projection lets in one writer at a time.

use std::fs;
use std::path::{Path, PathBuf};

use cemem_core::durable::IoResultExt as _;
use cemem_core::durable::{PathError, create_private_dir, write_durable};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::KeyMap;
use super::segment::{self, LessonVectors, Quantised, Segment, SegmentError};

/// Format of the manifest; another one is rebuilt.
const VERSION: u32 = 1;
const MANIFEST: &str = "manifest.json";
/// A segment at most this many times as large as what comes after it is folded into it, so that
/// sizes fall geometrically: few files, and every row is copied few times.
const FOLD: usize = 2;
/// A reader that finds a file folded away below it looks at the manifest again this often.
const RETRIES: usize = 3;

/// How far, and of which store, an index is a projection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// The store's id.
    pub store: String,
    /// The last change of lessons it holds.
    pub seq: u64,
    /// What tells that change from another one of the same number, after a backup was put back.
    #[serde(default)]
    pub stamp: String,
}

/// Why a shelf cannot be used.
#[derive(Debug, Error)]
pub enum ShelfError {
    /// Reading or writing failed.
    #[error(transparent)]
    Path(#[from] PathError),
    /// There is none yet, or it is of another version, model or vector length, or damaged: rebuild.
    #[error("the vector index must be rebuilt: {0}")]
    Rebuild(String),
}

impl From<SegmentError> for ShelfError {
    fn from(error: SegmentError) -> Self {
        Self::Rebuild(error.to_string())
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    version: u32,
    model: String,
    dim: usize,
    watermark: Watermark,
    /// Number of the next file.
    next: u64,
    /// Oldest first.
    segments: Vec<String>,
}

/// Where a lesson's rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First row.
    pub first: u32,
    /// How many; 0 for a tombstone.
    pub rows: u32,
    /// Hash of the embedded texts.
    pub hash: u64,
}

/// An open folder of vectors, as it was when opened.
#[derive(Debug)]
pub struct Shelf {
    folder: PathBuf,
    manifest: Manifest,
    segments: Vec<Segment>,
    /// First row of each segment.
    bases: Vec<u32>,
    /// The newest word on each lesson.
    lessons: KeyMap<Span>,
    /// Key of each row's lesson; `None` for dead rows.
    owners: Vec<Option<u64>>,
}

impl Shelf {
    /// Opens a folder. `dim` is the model's vector length, if it is known already.
    ///
    /// # Errors
    /// [`ShelfError::Rebuild`] if there is no usable shelf of this model there.
    pub fn open(folder: &Path, model: &str, dim: Option<usize>) -> Result<Self, ShelfError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match Self::try_open(folder, model, dim) {
                // A writer may have folded the segments between our two reads.
                Err(ShelfError::Rebuild(_)) if attempt < RETRIES && folder.is_dir() => {}
                result => return result,
            }
        }
    }

    fn try_open(folder: &Path, model: &str, dim: Option<usize>) -> Result<Self, ShelfError> {
        let rebuild = |why: &str| ShelfError::Rebuild(why.to_owned());
        let bytes = match fs::read(folder.join(MANIFEST)) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(rebuild("missing")),
            Err(e) => Err(e).context("read", folder)?,
        };
        let manifest: Manifest =
            serde_json::from_slice(&bytes).map_err(|_| rebuild("the manifest is damaged"))?;
        let other_dim = dim.is_some_and(|dim| manifest.dim != dim);
        if manifest.version != VERSION || manifest.model != model || other_dim {
            return Err(rebuild("another format or model"));
        }
        let mut segments = Vec::with_capacity(manifest.segments.len());
        for name in &manifest.segments {
            if name.contains(['/', '\\']) {
                return Err(rebuild("the manifest is damaged"));
            }
            segments.push(Segment::open(&folder.join(name), manifest.dim)?);
        }
        let mut shelf = Self {
            folder: folder.to_owned(),
            manifest,
            segments,
            bases: Vec::new(),
            lessons: KeyMap::default(),
            owners: Vec::new(),
        };
        shelf.index()?;
        Ok(shelf)
    }

    /// Finds out which rows are live.
    fn index(&mut self) -> Result<(), ShelfError> {
        let mut base = 0_u32;
        let entries = self.segments.iter().map(Segment::lessons).sum();
        self.lessons.reserve(entries);
        for segment in &self.segments {
            self.bases.push(base);
            for i in 0..segment.lessons() {
                let entry = segment.entry(i);
                let span = Span { first: base + entry.first, rows: entry.rows, hash: entry.hash };
                self.lessons.insert(entry.key, span);
            }
            base = u32::try_from(segment.rows())
                .ok()
                .and_then(|rows| base.checked_add(rows))
                .ok_or_else(|| ShelfError::Rebuild("too many rows".into()))?;
        }
        self.owners = vec![None; base as usize];
        for (&key, span) in &self.lessons {
            for row in span.first..span.first + span.rows {
                self.owners[row as usize] = Some(key);
            }
        }
        Ok(())
    }

    /// Returns the length of its vectors.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.manifest.dim
    }

    /// Returns the folder it is in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns how far this shelf is.
    #[must_use]
    pub fn watermark(&self) -> &Watermark {
        &self.manifest.watermark
    }

    /// Returns a number that differs between states of one folder.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.manifest.next
    }

    /// Returns the number of rows, dead ones included.
    #[must_use]
    pub fn rows(&self) -> u32 {
        u32::try_from(self.owners.len()).expect("checked when opened")
    }

    /// Returns the number of rows of the newest versions.
    #[must_use]
    pub fn live(&self) -> usize {
        self.owners.iter().flatten().count()
    }

    /// Returns whether a row is of the newest version of its lesson.
    #[must_use]
    pub fn is_live(&self, row: u32) -> bool {
        self.owners[row as usize].is_some()
    }

    /// Returns the lesson a live row belongs to.
    #[must_use]
    pub fn owner(&self, row: u32) -> Option<u64> {
        self.owners[row as usize]
    }

    /// Returns where a lesson's rows are.
    #[must_use]
    pub fn span(&self, key: u64) -> Option<Span> {
        self.lessons.get(&key).copied()
    }

    fn locate(&self, row: u32) -> (&Segment, usize) {
        let at = self.bases.partition_point(|&base| base <= row) - 1;
        (&self.segments[at], (row - self.bases[at]) as usize)
    }

    /// Returns a row's scale and steps.
    #[must_use]
    pub fn row(&self, row: u32) -> (f32, &[i8]) {
        let (segment, local) = self.locate(row);
        (segment.scale(local), segment.steps(local))
    }

    /// Returns every lesson with vectors and where they are, in the order of the rows.
    pub fn lessons(&self) -> impl Iterator<Item = (u64, Span)> + '_ {
        (0..self.rows()).filter_map(|row| {
            let key = self.owner(row)?;
            let span = self.lessons[&key];
            (span.first == row).then_some((key, span))
        })
    }

    /// Returns every row's scale and steps, dead ones included, in order.
    pub(super) fn all_rows(&self) -> impl Iterator<Item = (f32, &[i8])> {
        self.segments.iter().flat_map(Segment::all_rows)
    }

    fn vectors_of(&self, key: u64, span: Span) -> LessonVectors {
        let rows = (span.first..span.first + span.rows)
            .map(|row| {
                let (scale, steps) = self.row(row);
                Quantised { scale, steps: steps.to_vec() }
            })
            .collect();
        LessonVectors { key, hash: span.hash, rows }
    }
}

/// Replaces whatever is in `folder` with an empty shelf.
///
/// # Errors
/// When the folder cannot be written.
pub fn reset(folder: &Path, model: &str, dim: usize, store: &str) -> Result<(), ShelfError> {
    let next = read_next(folder).saturating_add(1);
    clear(folder)?;
    create_private_dir(folder)?;
    let manifest = Manifest {
        version: VERSION,
        model: model.to_owned(),
        dim,
        watermark: Watermark { store: store.to_owned(), seq: 0, stamp: String::new() },
        // Not 0: a reader must not take new files for the old ones of the same name.
        next,
        segments: Vec::new(),
    };
    save(folder, &manifest)
}

/// Adds lessons to a shelf (newest wins) and moves it to the watermark; folds small segments together, and
/// all of them when most rows are dead.
///
/// # Errors
/// When a file cannot be written; the shelf on disk is then as before.
pub fn append(
    shelf: Shelf,
    lessons: &[LessonVectors],
    watermark: Watermark,
) -> Result<(), ShelfError> {
    let Shelf { ref folder, ref manifest, .. } = shelf;
    let mut next = Manifest {
        version: VERSION,
        model: manifest.model.clone(),
        dim: manifest.dim,
        watermark,
        next: manifest.next + 1,
        segments: manifest.segments.clone(),
    };
    let name = format!("{:06}.vec", next.next);
    if !lessons.is_empty() {
        let keep = kept_segments(&shelf, lessons);
        let all = folded(&shelf, keep, lessons);
        segment::write(&folder.join(&name), next.dim, &all)?;
        next.segments.truncate(keep);
        next.segments.push(name);
    }
    save(folder, &next)
}

/// Returns how many of the oldest segments stay as they are.
fn kept_segments(shelf: &Shelf, newer: &[LessonVectors]) -> usize {
    if shelf.owners.len() > 2 * shelf.live() + 64 {
        return 0;
    }
    let mut keep = shelf.segments.len();
    let mut size: usize = newer.iter().map(|l| l.rows.len().max(1)).sum();
    while keep > 0 {
        let before = &shelf.segments[keep - 1];
        let rows = before.rows().max(before.lessons());
        if rows > FOLD * size {
            break;
        }
        size += rows;
        keep -= 1;
    }
    keep
}

/// Returns what the segments from `keep` on and the newer lessons say together, in key order.
/// Tombstones are needed only while an older segment stays.
fn folded(shelf: &Shelf, keep: usize, newer: &[LessonVectors]) -> Vec<LessonVectors> {
    let start = shelf.bases.get(keep).copied().unwrap_or(u32::MAX);
    let mut all: KeyMap<LessonVectors> = shelf
        .lessons
        .iter()
        .filter(|(_, span)| span.first >= start)
        .map(|(&key, &span)| (key, shelf.vectors_of(key, span)))
        .collect();
    all.extend(newer.iter().map(|lesson| (lesson.key, lesson.clone())));
    let mut all: Vec<_> = all.into_values().filter(|l| keep > 0 || !l.rows.is_empty()).collect();
    all.sort_unstable_by_key(|l| l.key);
    all
}

/// Removes whatever stands at a place where an index belongs; nothing there is fine.
pub(crate) fn clear(place: &Path) -> Result<(), PathError> {
    let removed = match fs::symlink_metadata(place) {
        Err(_) => return Ok(()),
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(place),
        Ok(_) => fs::remove_file(place),
    };
    removed.context("remove", place)
}

fn read_next(folder: &Path) -> u64 {
    manifest(folder).map_or(0, |m| m.next)
}

fn manifest(folder: &Path) -> Option<Manifest> {
    serde_json::from_slice(&fs::read(folder.join(MANIFEST)).ok()?).ok()
}

/// Returns which model a shelf is of and how far it is, without opening it; `None` if there is no such
/// shelf.
pub(crate) fn peek(folder: &Path) -> Option<(String, Watermark)> {
    let manifest = manifest(folder).filter(|m| m.version == VERSION)?;
    Some((manifest.model, manifest.watermark))
}

fn save(folder: &Path, manifest: &Manifest) -> Result<(), ShelfError> {
    let json = serde_json::to_vec(manifest).expect("a manifest is plain data");
    write_durable(&folder.join(MANIFEST), &json)?;
    // What the manifest no longer names is rubbish; failing to remove it harms nobody.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".vec") && !manifest.segments.contains(&name) {
            drop(fs::remove_file(entry.path()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::quantise;

    const DIM: usize = 8;

    fn lesson(key: u64, rows: usize, seed: u64) -> LessonVectors {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let vector = |i: usize| {
            let values: Vec<f32> = (0..DIM)
                .map(|d| ((seed + i as u64 * 7) * (d as u64 + 3) % 11) as f32 - 5.0)
                .collect();
            quantise(&values)
        };
        LessonVectors { key, hash: seed, rows: (0..rows).map(vector).collect() }
    }

    fn mark(seq: u64) -> Watermark {
        Watermark { store: "store".into(), seq, stamp: String::new() }
    }

    fn open(folder: &Path) -> Shelf {
        Shelf::open(folder, "m", Some(DIM)).unwrap()
    }

    #[test]
    fn newest_wins_and_files_stay_few() {
        let dir = tempfile::tempdir().unwrap();
        reset(dir.path(), "m", DIM, "store").unwrap();
        let mut expected = std::collections::BTreeMap::new();
        for seq in 1..200_u64 {
            let key = seq * 13 % 40;
            let new = lesson(key, usize::try_from(seq % 4).unwrap(), seq);
            append(open(dir.path()), std::slice::from_ref(&new), mark(seq)).unwrap();
            expected.insert(key, new);
            let shelf = open(dir.path());
            assert!(shelf.segments.len() <= 9, "{} files", shelf.segments.len());
            assert_eq!(shelf.watermark().seq, seq);
        }
        let shelf = open(dir.path());
        for (key, lesson) in expected {
            let rows = shelf.span(key).map_or(Vec::new(), |s| shelf.vectors_of(key, s).rows);
            assert_eq!(rows, lesson.rows, "{key}");
        }
        let files = fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(files, shelf.segments.len() + 1);
    }

    #[test]
    fn a_reader_keeps_its_files_while_a_writer_folds_them() {
        let dir = tempfile::tempdir().unwrap();
        reset(dir.path(), "m", DIM, "store").unwrap();
        append(open(dir.path()), &[lesson(1, 2, 1)], mark(1)).unwrap();
        let reader = open(dir.path());
        let before = reader.row(1).1.to_vec();
        append(open(dir.path()), &[lesson(1, 2, 9), lesson(2, 1, 3)], mark(2)).unwrap();
        assert_eq!(reader.row(1).1, before);
        assert_ne!(open(dir.path()).generation(), reader.generation());
    }

    #[test]
    fn a_wrong_model_or_length_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        reset(dir.path(), "m", DIM, "store").unwrap();
        for (model, dim) in [("other", DIM), ("m", DIM + 1)] {
            let error = Shelf::open(dir.path(), model, Some(dim)).unwrap_err();
            assert!(matches!(error, ShelfError::Rebuild(_)), "{error}");
        }
    }
}
