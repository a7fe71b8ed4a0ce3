//! One file of vectors, written once and never changed.
//!
//! Owns the file format (all little-endian):
//!
//! | part | size |
//! |---|---|
//! | magic `CEMVEC1\0`, `u32` dim, `u32` lessons, `u32` rows, `u32` 0, `u64` checksum, padding | 64 |
//! | per lesson: `u64` key, `u64` content hash, `u32` first row, `u32` rows | 24 each |
//! | per row: `f32` scale | 4 each |
//! | padding to 64, then per row: `i8` × dim | dim each |
//!
//! A vector is its `i8`s times its scale. The checksum covers everything after the header. A lesson
//! with no rows is a tombstone. Must not know which segments belong together.

use std::path::{Path, PathBuf};

use cemem_core::durable::{PathError, write_durable};
use memmap2::Mmap;
use thiserror::Error;

use super::mmap;

const MAGIC: &[u8; 8] = b"CEMVEC1\0";
const HEADER: usize = 64;
const LESSON: usize = 24;

/// Why a segment cannot be used. The index is then rebuilt.
#[derive(Debug, Error)]
pub enum SegmentError {
    /// The file cannot be read.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The file is not what it should be.
    #[error("vector file `{}` is damaged: {detail}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: &'static str,
    },
}

/// A lesson's vectors, before they are written.
#[derive(Debug, Clone)]
pub struct LessonVectors {
    /// See [`super::key_of`].
    pub key: u64,
    /// Hash of the embedded texts.
    pub hash: u64,
    /// One vector a passage, in order; empty for a tombstone.
    pub rows: Vec<Quantised>,
}

/// A vector of 8-bit numbers and what they are multiples of.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantised {
    /// Value of one step.
    pub scale: f32,
    /// Steps.
    pub steps: Vec<i8>,
}

/// Rounds a vector to 8 bits a component, relative to its largest one.
#[must_use]
pub fn quantise(vector: &[f32]) -> Quantised {
    let largest = vector.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return Quantised { scale: 0.0, steps: vec![0; vector.len()] };
    }
    let scale = largest / 127.0;
    #[expect(clippy::cast_possible_truncation, reason = "the quotient is within ±127")]
    let steps = vector.iter().map(|x| (x / scale).round() as i8).collect();
    Quantised { scale, steps }
}

/// An entry of the lesson table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub key: u64,
    pub hash: u64,
    pub first: u32,
    pub rows: u32,
}

/// A mapped file.
#[derive(Debug)]
pub(super) struct Segment {
    map: Mmap,
    dim: usize,
    lessons: usize,
    rows: usize,
}

fn align(at: usize) -> usize {
    at.next_multiple_of(64)
}

fn vectors_at(lessons: usize, rows: usize) -> usize {
    align(HEADER + lessons * LESSON + rows * 4)
}

/// Mixes bytes into 64 bits, eight at a time: fast enough to check every file at every start.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut lanes = [1_u64, 2, 3, 4];
    let mut chunks = bytes.chunks_exact(32);
    for chunk in &mut chunks {
        for (lane, word) in lanes.iter_mut().zip(chunk.chunks_exact(8)) {
            let word = u64::from_le_bytes(word.try_into().expect("eight bytes"));
            *lane = (*lane ^ word).wrapping_mul(K).rotate_left(29);
        }
    }
    let mut sum = bytes.len() as u64;
    for lane in lanes {
        sum = (sum ^ lane).wrapping_mul(K).rotate_left(31);
    }
    for byte in chunks.remainder() {
        sum = (sum ^ u64::from(*byte)).wrapping_mul(K).rotate_left(17);
    }
    sum
}

/// Writes a segment durably.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(path: &Path, dim: usize, lessons: &[LessonVectors]) -> Result<(), PathError> {
    let n_rows: usize = lessons.iter().map(|l| l.rows.len()).sum();
    let small = |n: usize| u32::try_from(n).expect("a segment has fewer than 2^32 rows");
    let mut bytes = Vec::with_capacity(vectors_at(lessons.len(), n_rows) + n_rows * dim);
    bytes.extend_from_slice(MAGIC);
    for n in [dim, lessons.len(), n_rows, 0] {
        bytes.extend(small(n).to_le_bytes());
    }
    bytes.resize(HEADER, 0);
    let mut first = 0;
    for lesson in lessons {
        bytes.extend(lesson.key.to_le_bytes());
        bytes.extend(lesson.hash.to_le_bytes());
        bytes.extend(small(first).to_le_bytes());
        bytes.extend(small(lesson.rows.len()).to_le_bytes());
        first += lesson.rows.len();
    }
    let rows = || lessons.iter().flat_map(|l| &l.rows);
    rows().for_each(|v| bytes.extend(v.scale.to_le_bytes()));
    bytes.resize(vectors_at(lessons.len(), n_rows), 0);
    for vector in rows() {
        assert_eq!(vector.steps.len(), dim, "every vector of a model has the same length");
        bytes.extend(vector.steps.iter().map(|&x| x.cast_unsigned()));
    }
    let sum = checksum(&bytes[HEADER..]);
    bytes[24..32].copy_from_slice(&sum.to_le_bytes());
    write_durable(path, &bytes)
}

impl Segment {
    /// Maps and checks a segment.
    ///
    /// # Errors
    /// When it cannot be read, was cut, changed, or has another vector length.
    pub(super) fn open(path: &Path, dim: usize) -> Result<Self, SegmentError> {
        let map = mmap::map(path)?;
        let damaged = |detail| SegmentError::Damaged { path: path.to_owned(), detail };
        if map.len() < HEADER || &map[..8] != MAGIC {
            return Err(damaged("not a vector file"));
        }
        let number = |at: usize| {
            u32::from_le_bytes(map[at..at + 4].try_into().expect("four bytes")) as usize
        };
        let (found, lessons, rows) = (number(8), number(12), number(16));
        if found != dim {
            return Err(damaged("vectors of another length"));
        }
        let expected = rows.checked_mul(dim).and_then(|n| n.checked_add(vectors_at(lessons, rows)));
        if expected != Some(map.len()) {
            return Err(damaged("wrong size"));
        }
        let sum = u64::from_le_bytes(map[24..32].try_into().expect("eight bytes"));
        if checksum(&map[HEADER..]) != sum {
            return Err(damaged("checksum does not match"));
        }
        let segment = Self { map, dim, lessons, rows };
        let inside = |e: Entry| e.first.checked_add(e.rows).is_some_and(|end| end as usize <= rows);
        if !(0..lessons).all(|i| inside(segment.entry(i))) {
            return Err(damaged("rows out of range"));
        }
        Ok(segment)
    }

    pub(super) fn lessons(&self) -> usize {
        self.lessons
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn entry(&self, index: usize) -> Entry {
        let at = HEADER + index * LESSON;
        let long =
            |at: usize| u64::from_le_bytes(self.map[at..at + 8].try_into().expect("eight bytes"));
        let short =
            |at: usize| u32::from_le_bytes(self.map[at..at + 4].try_into().expect("four bytes"));
        Entry { key: long(at), hash: long(at + 8), first: short(at + 16), rows: short(at + 20) }
    }

    pub(super) fn scale(&self, row: usize) -> f32 {
        let at = HEADER + self.lessons * LESSON + row * 4;
        f32::from_le_bytes(self.map[at..at + 4].try_into().expect("four bytes"))
    }

    pub(super) fn steps(&self, row: usize) -> &[i8] {
        let at = vectors_at(self.lessons, self.rows) + row * self.dim;
        mmap::as_signed(&self.map[at..at + self.dim])
    }

    pub(super) fn all_rows(&self) -> impl Iterator<Item = (f32, &[i8])> {
        let at = vectors_at(self.lessons, self.rows);
        let steps = mmap::as_signed(&self.map[at..]).chunks_exact(self.dim.max(1));
        (0..self.rows).map(|row| self.scale(row)).zip(steps)
    }
}
