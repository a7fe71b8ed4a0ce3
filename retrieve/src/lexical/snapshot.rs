//! The open index: which lessons there are, and their columns.
//!
//! Owns [`Snapshot`], one committed state held in memory as far as every query needs it. It never
//! changes; a later commit is another snapshot. Must not score.

use std::collections::HashMap;

use cemem_core::LessonId;
use tantivy::{
    Index, IndexReader, ReloadPolicy, Searcher, SegmentReader, TantivyError, u64_to_i64,
};

use super::schema::{Fields, TextField};
use super::writer::LexicalError;

/// What every query knows of a lesson without reading the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LessonMeta {
    /// See [`crate::vectors::key_of`].
    pub key: u64,
    /// Number of the lesson's type, in declaration order.
    pub kind: u8,
    /// What it is anchored to has changed.
    pub stale: bool,
    /// One bit a stage; 0 is any.
    pub stages: u8,
    /// When it was first learned, milliseconds.
    pub created: i64,
    /// When it last changed, milliseconds.
    pub updated: i64,
    segment: u32,
    doc: u32,
}

/// Marks documents that are deleted.
pub(super) const GONE: u32 = u32::MAX;

/// One committed state of the index.
pub struct Snapshot {
    pub(super) searcher: Searcher,
    pub(super) fields: Fields,
    /// Lessons by ordinal: a number that holds for this snapshot only.
    pub lessons: Vec<LessonMeta>,
    by_key: HashMap<u64, u32>,
    /// Per segment and document: the lesson's ordinal, or the passage's number.
    pub(super) slots: Vec<Vec<u32>>,
    /// Lesson of each passage.
    pub(super) passage_owner: Vec<u32>,
    /// Terms per lesson (per passage for the last field), in the order of [`TextField::ALL`].
    pub(super) lengths: [Vec<u32>; 6],
    /// Mean of the lengths.
    pub(super) mean_length: [f32; 6],
}

/// Returns one number a document; 0 where the segment has no value.
fn column(segment: &SegmentReader, name: &str) -> Result<Vec<u64>, LexicalError> {
    let column = segment.fast_fields().column_opt::<u64>(name)?;
    let Some(column) = column else { return Ok(vec![0; segment.max_doc() as usize]) };
    let values = column.first_or_default_col(0);
    let mut out = vec![0; segment.max_doc() as usize];
    values.get_range(0, &mut out);
    Ok(out)
}

impl Snapshot {
    /// Reads the last commit.
    ///
    /// # Errors
    /// [`LexicalError::Rebuild`] if it is damaged.
    pub fn open(index: &Index, fields: &Fields) -> Result<Self, LexicalError> {
        let reader: IndexReader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(0)
            .try_into()
            .map_err(|e: TantivyError| LexicalError::Rebuild(e.to_string()))?;
        let mut snapshot = Self {
            searcher: reader.searcher(),
            fields: fields.clone(),
            lessons: Vec::new(),
            by_key: HashMap::new(),
            slots: Vec::new(),
            passage_owner: Vec::new(),
            lengths: std::array::from_fn(|_| Vec::new()),
            mean_length: [0.0; 6],
        };
        snapshot.read_lessons()?;
        snapshot.read_passages()?;
        snapshot.measure();
        Ok(snapshot)
    }

    fn read_lessons(&mut self) -> Result<(), LexicalError> {
        for (number, segment) in self.searcher.segment_readers().iter().enumerate() {
            let is_passage = column(segment, "is_passage")?;
            let key = column(segment, "key")?;
            let kind = column(segment, "kind")?;
            let stale = column(segment, "stale")?;
            let stages = column(segment, "stages")?;
            let created = column(segment, "created")?;
            let updated = column(segment, "updated")?;
            let mut slots = vec![GONE; segment.max_doc() as usize];
            for doc in segment.doc_ids_alive() {
                let at = doc as usize;
                if is_passage[at] != 0 {
                    continue;
                }
                slots[at] = small(self.lessons.len())?;
                #[expect(clippy::cast_possible_truncation, reason = "types and stages are few")]
                self.lessons.push(LessonMeta {
                    key: key[at],
                    kind: kind[at] as u8,
                    stale: stale[at] != 0,
                    stages: stages[at] as u8,
                    created: u64_to_i64(created[at]),
                    updated: u64_to_i64(updated[at]),
                    segment: small(number)?,
                    doc,
                });
            }
            for field in &TextField::ALL[..5] {
                let lengths = column(segment, &format!("{}_length", field.name()))?;
                let into = &mut self.lengths[*field as usize];
                for doc in segment.doc_ids_alive().filter(|&d| slots[d as usize] != GONE) {
                    into.push(clamp(lengths[doc as usize]));
                }
            }
            self.slots.push(slots);
        }
        self.by_key.reserve(self.lessons.len());
        for (ordinal, lesson) in self.lessons.iter().enumerate() {
            self.by_key.insert(lesson.key, small(ordinal)?);
        }
        Ok(())
    }

    fn read_passages(&mut self) -> Result<(), LexicalError> {
        for (number, segment) in self.searcher.segment_readers().iter().enumerate() {
            let is_passage = column(segment, "is_passage")?;
            let key = column(segment, "key")?;
            let lengths = column(segment, "passage_length")?;
            for doc in segment.doc_ids_alive() {
                let at = doc as usize;
                // A passage without its lesson would be a bug of the writer; it finds nothing.
                let Some(&owner) = self.by_key.get(&key[at]).filter(|_| is_passage[at] != 0) else {
                    continue;
                };
                self.slots[number][at] = small(self.passage_owner.len())?;
                self.passage_owner.push(owner);
                self.lengths[TextField::Passage as usize].push(clamp(lengths[at]));
            }
        }
        Ok(())
    }

    fn measure(&mut self) {
        for (mean, lengths) in self.mean_length.iter_mut().zip(&self.lengths) {
            let total: u64 = lengths.iter().map(|&n| u64::from(n)).sum();
            #[expect(clippy::cast_precision_loss, reason = "a mean needs no more than f32")]
            let value = total as f32 / lengths.len().max(1) as f32;
            *mean = value.max(1e-9);
        }
    }

    /// Returns the ordinal of the lesson with this key.
    #[must_use]
    pub fn ordinal(&self, key: u64) -> Option<u32> {
        self.by_key.get(&key).copied()
    }

    /// Returns a lesson's id.
    ///
    /// # Errors
    /// When the index is damaged.
    pub fn id(&self, ordinal: u32) -> Result<LessonId, LexicalError> {
        let mut ids = self.strings(ordinal, "id")?;
        ids.pop().map(LessonId).ok_or_else(|| LexicalError::Rebuild("a lesson without id".into()))
    }

    /// Returns a lesson's paths.
    ///
    /// # Errors
    /// When the index is damaged.
    pub fn paths(&self, ordinal: u32) -> Result<Vec<String>, LexicalError> {
        self.strings(ordinal, "paths")
    }

    fn strings(&self, ordinal: u32, name: &str) -> Result<Vec<String>, LexicalError> {
        let lesson = self.lessons[ordinal as usize];
        let segment = self.searcher.segment_reader(lesson.segment);
        let Some(column) = segment.fast_fields().str(name)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for ord in column.term_ords(lesson.doc) {
            let mut text = String::new();
            if column.ord_to_str(ord, &mut text)? {
                found.push(text);
            }
        }
        Ok(found)
    }
}

fn small(n: usize) -> Result<u32, LexicalError> {
    u32::try_from(n).map_err(|_| LexicalError::Rebuild("too many documents".into()))
}

fn clamp(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
