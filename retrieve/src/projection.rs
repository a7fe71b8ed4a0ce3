//! The indexes as projections of the store.
//!
//! Owns catching up from the watermark and rebuilding, under the locks of `place`. Both indexes hold every
//! recallable lesson and nothing else, so what was retired is gone at once. Must not answer queries, and must
//! never make a reader wait for a writer while there is an older state to read.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cemem_core::Store;
use cemem_core::durable::create_private_dir;
use cemem_core::store::LessonChange;
use tantivy::Index;

use crate::error::{Result, RetrieveError};
use crate::lexical::schema::Fields;
use crate::lexical::snapshot::Snapshot;
use crate::lexical::writer::{self, LexicalError, Writer};
use crate::place::{FIRST_BUILD_WAIT, LEXICAL_LOCK, Place, VECTOR_LOCK, is_past, mark_of};
use crate::semantic::Embedder;
use crate::semantic::scale::Scale;
use crate::serving::{self, Model, Origin};
use crate::text::render::render;
use crate::text::terms::Analyser;
use crate::vectors::segment::LessonVectors;
use crate::vectors::{Shelf, Watermark, key_of, quantise, shelf};

/// Passages embedded between two durable writes.
const EMBED_BATCH: usize = 256;
/// Lessons read from the store at a time while embedding.
const PAGE: usize = 256;

/// What catching up came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CaughtUp {
    /// Lessons added to or removed from the lexical index.
    pub lexical: usize,
    /// Lessons embedded or removed from the vectors.
    pub vectors: usize,
    /// Vectors are still missing because the limit was reached or another process makes them.
    pub pending: bool,
    /// Another process is writing the lexical index; nothing was done.
    pub busy: bool,
}

/// How much may be embedded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    /// Passages, at most.
    pub passages: usize,
    /// Time, about: the first lesson is always embedded, so that there is progress.
    pub time: Option<Duration>,
}

/// What was embedded of an [`Allowance`].
struct Spent {
    allowance: Allowance,
    since: Instant,
    embedding: Duration,
    passages: usize,
}

impl Spent {
    fn new(allowance: Allowance) -> Self {
        Self { allowance, since: Instant::now(), embedding: Duration::ZERO, passages: 0 }
    }

    /// Returns how many passages the next step may have, judged by how long the earlier ones took.
    fn room(&self) -> usize {
        let left = self.allowance.passages.saturating_sub(self.passages).min(EMBED_BATCH);
        let Some(time) = self.allowance.time else { return left };
        if self.passages == 0 {
            return left.min(1);
        }
        let each = self.embedding.as_micros() / self.passages as u128;
        let fits = time.saturating_sub(self.since.elapsed()).as_micros() / each.max(1);
        left.min(usize::try_from(fits).unwrap_or(left))
    }

    /// Returns whether a lesson with more passages than there is room for is taken all the same.
    fn must_progress(&self) -> bool {
        self.passages == 0 || self.allowance.time.is_none()
    }
}

/// Returns the index and its watermark if they belong to this store. Damage inside is not noticed.
pub(crate) fn usable_lexical(
    place: &Place,
    fields: &Fields,
    store: &Store,
) -> Option<(Index, Watermark)> {
    let index = writer::open(&place.lexical(), fields).ok()?;
    let mark = writer::watermark(&index).ok()??;
    is_past(&mark, store).then_some((index, mark))
}

/// Returns the vectors of a model and how its cosines are read, if they belong to this store.
pub(crate) fn usable_shelf(place: &Place, model: &str, store: &Store) -> Option<(Shelf, Scale)> {
    let folder = place.vectors(model);
    let shelf = Shelf::open(&folder, model, None).ok()?;
    let origin = Origin::read(&folder)?;
    is_past(shelf.watermark(), store).then_some((shelf, origin.scale))
}

/// Returns the error of a place that holds nothing usable after catching up.
pub(crate) fn unusable(place: &Place) -> RetrieveError {
    place.lexical_error(LexicalError::Rebuild("it disappeared".into()))
}

/// The halves of catching up, for one store.
pub(crate) struct Projection<'a> {
    pub place: &'a Place,
    pub fields: &'a Fields,
    pub analyser: &'a Analyser,
    pub store: &'a Store,
}

impl Projection<'_> {
    /// Brings the indexes up to the store. `sound` is the state of the lexical index that the caller
    /// has read without a fault, if any: it is not checked again.
    pub(crate) fn catch_up(
        &self,
        sound: Option<&Watermark>,
        embedder: Option<&Arc<dyn Embedder>>,
        allowance: Allowance,
    ) -> Result<CaughtUp> {
        let patience = if sound.is_some() { Duration::ZERO } else { FIRST_BUILD_WAIT };
        let Some(lock) = self.place.lock(LEXICAL_LOCK, patience)? else {
            if patience.is_zero() {
                return Ok(CaughtUp { busy: true, ..CaughtUp::default() });
            }
            return Err(RetrieveError::Busy { path: self.place.root().to_owned() });
        };
        let mut done = CaughtUp { lexical: self.lexical(sound)?, ..CaughtUp::default() };
        drop(lock);
        if let Some(embedder) = embedder {
            let Some(lock) = self.place.lock(VECTOR_LOCK, Duration::ZERO)? else {
                return Ok(CaughtUp { pending: true, ..done });
            };
            (done.vectors, done.pending) = self.vectors(embedder.as_ref(), allowance)?;
            drop(lock);
        }
        Ok(done)
    }

    /// Removes the vectors of other models once those of the wanted one are as far; left for later while
    /// somebody makes vectors.
    pub(crate) fn retire_others(&self, wanted: &Model) -> Result<()> {
        if let Some(lock) = self.place.lock(VECTOR_LOCK, Duration::ZERO)? {
            serving::retire(self.place, wanted, self.store);
            drop(lock);
        }
        Ok(())
    }

    fn lexical(&self, sound: Option<&Watermark>) -> Result<usize> {
        if let Some((index, mark)) = usable_lexical(self.place, self.fields, self.store) {
            let is_sound = sound == Some(&mark) || self.is_sound(&index);
            match if is_sound { Some(self.advance(&index, mark.seq)) } else { None } {
                Some(Ok(n)) => return Ok(n),
                // A full disk is no reason to throw the index away; damage found on the way is.
                Some(Err(error)) if self.is_sound(&index) => return Err(error),
                Some(Err(_)) | None => {}
            }
        }
        self.advance(&self.fresh_lexical()?, 0)
    }

    /// Returns whether an index can be read from end to end.
    fn is_sound(&self, index: &Index) -> bool {
        writer::verify(index).is_ok() && Snapshot::open(index, self.fields).is_ok()
    }

    /// Returns how many lessons were written.
    fn advance(&self, index: &Index, after: u64) -> Result<usize> {
        let fail = |e| self.place.lexical_error(e);
        let changes = self.store.lesson_changes(after)?;
        let seq = changes.last().map_or(after, |c| c.seq);
        if changes.is_empty() && after > 0 {
            return Ok(0);
        }
        let writer = Writer::open(index, self.fields, self.analyser).map_err(fail)?;
        for change in &changes {
            let lesson = &change.lesson;
            if after > 0 {
                writer.remove(key_of(&lesson.id));
            }
            if lesson.status.is_recallable() {
                writer.add(lesson, &render(lesson)).map_err(fail)?;
            }
        }
        writer.commit(&self.place.lexical(), &mark_of(self.store, seq)?).map_err(fail)?;
        Ok(changes.len())
    }

    /// Throws away what is there and creates an empty index.
    fn fresh_lexical(&self) -> Result<Index> {
        let folder = self.place.lexical();
        shelf::clear(&folder)?;
        create_private_dir(&folder)?;
        writer::create(&folder, self.fields).map_err(|e| self.place.lexical_error(e))
    }

    /// Returns how many changes the vectors took in, and whether some are left for later.
    fn vectors(&self, embedder: &dyn Embedder, allowance: Allowance) -> Result<(usize, bool)> {
        let fail = |e| self.place.vector_error(embedder.model_id(), e);
        let mut shelf = self.open_shelf(embedder)?;
        // Vectors are of texts, so those of a store's other past are still good; only which lessons
        // are looked at starts anew.
        let start = if is_past(shelf.watermark(), self.store) { shelf.watermark().seq } else { 0 };
        let (mut after, mut written, mut total) = (start, start, 0);
        let mut spent = Spent::new(allowance);
        let mut ready: Vec<LessonVectors> = Vec::new();
        let pending = loop {
            let changes = self.store.next_lesson_changes(after, PAGE)?;
            let Some(batch) = next_batch(&shelf, &changes, &spent) else {
                break !changes.is_empty();
            };
            after = changes[batch.changes - 1].seq;
            total += batch.changes;
            let began = Instant::now();
            spent.passages += batch.texts();
            ready.extend(embed(embedder, batch.lessons)?);
            spent.embedding += began.elapsed();
            if ready.iter().map(|l| l.rows.len()).sum::<usize>() >= EMBED_BATCH {
                let mark = mark_of(self.store, after)?;
                shelf::append(shelf, &mem::take(&mut ready), mark).map_err(fail)?;
                written = after;
                shelf = self.open_shelf(embedder)?;
            }
        };
        if after > written || !is_past(shelf.watermark(), self.store) {
            shelf::append(shelf, &ready, mark_of(self.store, after)?).map_err(fail)?;
        }
        Ok((total, pending))
    }

    /// Opens the vectors of this store, whatever they are up to; makes an empty shelf if there is none.
    fn open_shelf(&self, embedder: &dyn Embedder) -> Result<Shelf> {
        let (model, dim) = (embedder.model_id(), embedder.dim());
        let folder = self.place.vectors(model);
        match Shelf::open(&folder, model, Some(dim)) {
            Ok(shelf)
                if shelf.watermark().store == self.store.id()
                    && Origin::read(&folder).is_some_and(|origin| origin.fits(embedder)) =>
            {
                Ok(shelf)
            }
            _ => {
                let origin = Origin::of(embedder)?;
                shelf::reset(&folder, model, dim, self.store.id())
                    .and_then(|()| Ok(origin.write(&folder)?))
                    .and_then(|()| Shelf::open(&folder, model, Some(dim)))
                    .map_err(|e| self.place.vector_error(model, e))
            }
        }
    }
}

struct Batch {
    /// Changes covered.
    changes: usize,
    /// Key, content hash and passages of each lesson to write.
    lessons: Vec<(u64, u64, Vec<String>)>,
}

impl Batch {
    fn texts(&self) -> usize {
        self.lessons.iter().map(|(_, _, texts)| texts.len()).sum()
    }
}

/// Takes changes until there is no room for more; `None` if not even one more text may be embedded.
fn next_batch(shelf: &Shelf, changes: &[LessonChange], spent: &Spent) -> Option<Batch> {
    let mut batch = Batch { changes: 0, lessons: Vec::new() };
    let (room, must) = (spent.room(), spent.must_progress());
    let mut texts = 0;
    for change in changes {
        let lesson = &change.lesson;
        let key = key_of(&lesson.id);
        let known = shelf.span(key);
        if lesson.status.is_recallable() {
            let rendered = render(lesson);
            let hash = rendered.embedded_hash();
            if known.is_none_or(|span| span.rows == 0 || span.hash != hash) {
                let rows = rendered.passages;
                if room == 0 || ((texts > 0 || !must) && texts + rows.len() > room) {
                    break;
                }
                texts += rows.len();
                batch.lessons.push((key, hash, rows));
            }
        } else if known.is_some_and(|span| span.rows > 0) {
            batch.lessons.push((key, 0, Vec::new()));
        }
        batch.changes += 1;
    }
    (batch.changes > 0).then_some(batch)
}

fn embed(
    embedder: &dyn Embedder,
    lessons: Vec<(u64, u64, Vec<String>)>,
) -> Result<Vec<LessonVectors>> {
    let texts: Vec<&str> =
        lessons.iter().flat_map(|(_, _, rows)| rows.iter().map(String::as_str)).collect();
    let mut vectors =
        if texts.is_empty() { Vec::new() } else { embedder.embed(&texts)? }.into_iter();
    let lessons = lessons.iter().map(|(key, hash, rows)| LessonVectors {
        key: *key,
        hash: *hash,
        rows: rows.iter().zip(vectors.by_ref()).map(|(_, vector)| quantise(&vector)).collect(),
    });
    Ok(lessons.collect())
}
