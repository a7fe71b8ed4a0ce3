//! The open index: which lessons there are, and their columns.
//!
//! Owns [`Snapshot`], one committed state held in memory as far as every query needs it. It never
//! changes; a later commit is another snapshot. Must not score.

use cemem_core::LessonId;
use tantivy::{
    Index, IndexReader, ReloadPolicy, Searcher, SegmentReader, TantivyError, u64_to_i64,
};

use super::schema::{Fields, Meta, TextField, unpack_lengths};
use super::score::norm;
use super::writer::LexicalError;
use crate::vectors::KeyMap;

/// What every query knows of a lesson without reading the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LessonMeta {
    /// See [`crate::vectors::key_of`].
    pub key: u64,
    /// Type, status and stages.
    pub meta: Meta,
    /// When it was first learned, milliseconds.
    pub created: i64,
    /// Terms of everything it says.
    pub terms: u32,
    segment: u32,
    doc: u32,
}

/// Marks documents that are deleted.
pub(crate) const GONE: u32 = u32::MAX;

/// One committed state of the index.
pub struct Snapshot {
    pub(super) searcher: Searcher,
    pub(super) fields: Fields,
    /// Lessons by ordinal: a number that holds for this snapshot only.
    pub lessons: Vec<LessonMeta>,
    by_key: KeyMap<u32>,
    /// By ordinal, the lessons learned right before and after in the same session, or `GONE`.
    pub beside: Vec<[u32; 2]>,
    /// Per segment and document: the lesson's ordinal, or the passage's number.
    pub(super) slots: Vec<Vec<u32>>,
    /// Lesson of each passage.
    pub(super) passage_owner: Vec<u32>,
    /// BM25's length norm per lesson (per passage for the last field), in the order of
    /// [`TextField::ALL`].
    pub(super) norms: [Vec<f32>; 6],
}

/// The columns of one segment.
struct Columns {
    key: Vec<u64>,
    meta: Vec<u64>,
    created: Vec<u64>,
    lengths: Vec<u64>,
    session: Vec<u64>,
    turn: Vec<u64>,
}

impl Columns {
    fn read(segment: &SegmentReader) -> Result<Self, LexicalError> {
        let column = |name| -> Result<Vec<u64>, LexicalError> {
            let values = segment.fast_fields().u64(name)?.first_or_default_col(0);
            let mut out = vec![0; segment.max_doc() as usize];
            values.get_range(0, &mut out);
            Ok(out)
        };
        Ok(Self {
            key: column("key")?,
            meta: column("meta")?,
            created: column("created")?,
            lengths: column("lengths")?,
            session: column("session")?,
            turn: column("turn")?,
        })
    }
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
            by_key: KeyMap::default(),
            beside: Vec::new(),
            slots: Vec::new(),
            passage_owner: Vec::new(),
            norms: std::array::from_fn(|_| Vec::new()),
        };
        let columns: Vec<Columns> = snapshot
            .searcher
            .segment_readers()
            .iter()
            .map(Columns::read)
            .collect::<Result<_, _>>()?;
        let mut lengths: [Vec<u32>; 6] = std::array::from_fn(|_| Vec::new());
        snapshot.read_lessons(&columns, &mut lengths)?;
        snapshot.read_passages(&columns, &mut lengths[TextField::Passage as usize])?;
        snapshot.norms = lengths.map(|lengths| norms(&lengths));
        Ok(snapshot)
    }

    fn read_lessons(
        &mut self,
        columns: &[Columns],
        all_lengths: &mut [Vec<u32>; 6],
    ) -> Result<(), LexicalError> {
        // Every lesson has at least one passage.
        let n = self.searcher.num_docs() as usize;
        let mut moments = Vec::new();
        self.by_key.reserve(n.div_ceil(2));
        self.lessons.reserve(n.div_ceil(2));
        for (number, (segment, columns)) in
            (0..).zip(self.searcher.segment_readers().iter().zip(columns))
        {
            let mut slots = vec![GONE; segment.max_doc() as usize];
            for doc in segment.doc_ids_alive() {
                let at = doc as usize;
                let meta = Meta::from_u64(columns.meta[at]);
                if meta.is_passage {
                    continue;
                }
                let ordinal = small(self.lessons.len())?;
                slots[at] = ordinal;
                let (key, created) = (columns.key[at], u64_to_i64(columns.created[at]));
                self.by_key.insert(key, ordinal);
                let lengths = unpack_lengths(columns.lengths[at]);
                let terms = lengths[TextField::Whole as usize];
                self.lessons.push(LessonMeta { key, meta, created, terms, segment: number, doc });
                if columns.session[at] != 0 {
                    moments.push((columns.session[at], columns.turn[at], key, ordinal));
                }
                for (into, length) in all_lengths.iter_mut().zip(lengths).take(5) {
                    into.push(length);
                }
            }
            self.slots.push(slots);
        }
        self.beside = beside(moments, self.lessons.len());
        Ok(())
    }

    fn read_passages(
        &mut self,
        columns: &[Columns],
        lengths: &mut Vec<u32>,
    ) -> Result<(), LexicalError> {
        for (number, (segment, columns)) in
            self.searcher.segment_readers().iter().zip(columns).enumerate()
        {
            for doc in segment.doc_ids_alive() {
                let at = doc as usize;
                if !Meta::from_u64(columns.meta[at]).is_passage {
                    continue;
                }
                // A passage without its lesson would be a bug of the writer; it finds nothing.
                let Some(owner) = self.ordinal(columns.key[at]) else { continue };
                self.slots[number][at] = small(self.passage_owner.len())?;
                self.passage_owner.push(owner);
                lengths.push(unpack_lengths(columns.lengths[at])[0]);
            }
        }
        Ok(())
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

/// Links lessons of one session in the order they were learned: session, time, key, ordinal.
fn beside(mut moments: Vec<(u64, u64, u64, u32)>, lessons: usize) -> Vec<[u32; 2]> {
    let mut links = vec![[GONE; 2]; lessons];
    moments.sort_unstable();
    for pair in moments.windows(2) {
        let [(session, .., before), (same, .., after)] = *pair else { continue };
        if session == same {
            links[after as usize][0] = before;
            links[before as usize][1] = after;
        }
    }
    links
}

/// Returns the length norms of one field.
fn norms(lengths: &[u32]) -> Vec<f32> {
    let total: u64 = lengths.iter().map(|&n| u64::from(n)).sum();
    #[expect(clippy::cast_precision_loss, reason = "a mean needs no more than f32")]
    let mean = (total as f32 / lengths.len().max(1) as f32).max(1e-9);
    lengths.iter().map(|&length| norm(length, mean)).collect()
}

fn small(n: usize) -> Result<u32, LexicalError> {
    u32::try_from(n).map_err(|_| LexicalError::Rebuild("too many documents".into()))
}
