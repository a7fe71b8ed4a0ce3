//! The indexes as projections of the store.
//!
//! Owns catching up from the watermark, rebuilding, and the lock that lets one writer in. Both
//! indexes hold every recallable lesson and nothing else, so what was retired is gone at once. Must
//! not answer queries, and must never make a reader wait for a writer while there is an older state
//! to read.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use cemem_core::Store;
use cemem_core::durable::{IoResultExt as _, create_private_dir, open_private};
use cemem_core::store::LessonChange;
use tantivy::Index;

use crate::error::{Result, RetrieveError};
use crate::lexical::schema::{self, Fields};
use crate::lexical::writer::{self, LexicalError, Writer};
use crate::semantic::Embedder;
use crate::text::render::render;
use crate::text::terms::Analyser;
use crate::vectors::segment::LessonVectors;
use crate::vectors::{Shelf, ShelfError, Watermark, key_of, quantise, shelf};

/// How long a reader without any index waits for the process that builds the first one.
const FIRST_BUILD_WAIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
/// Passages embedded between two durable writes.
const EMBED_BATCH: usize = 256;

/// What catching up came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CaughtUp {
    /// Lessons added to or removed from the lexical index.
    pub lexical: usize,
    /// Lessons embedded or removed from the vectors.
    pub vectors: usize,
    /// Lessons whose vectors are still missing because the limit was reached.
    pub pending: usize,
    /// Another process is writing; nothing was done.
    pub busy: bool,
}

/// Where the indexes of one store are.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    root: PathBuf,
}

impl Place {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn lexical(&self) -> PathBuf {
        self.root.join(format!("lexical-v{}", schema::VERSION))
    }

    pub(crate) fn vectors(&self, model: &str) -> PathBuf {
        self.root.join(format!("vectors-v{}-{model}", schema::VERSION))
    }

    pub(crate) fn lexical_error(&self, source: LexicalError) -> RetrieveError {
        RetrieveError::Lexical { path: self.lexical(), source }
    }

    pub(crate) fn vector_error(&self, model: &str, source: ShelfError) -> RetrieveError {
        RetrieveError::Vectors { path: self.vectors(model), source }
    }

    /// Removes every index.
    pub(crate) fn remove(&self) -> Result<()> {
        let Some(lock) = self.lock(FIRST_BUILD_WAIT)? else {
            return Err(RetrieveError::Busy { path: self.root.clone() });
        };
        for entry in fs::read_dir(&self.root).context("read", &self.root)?.flatten() {
            if entry.path().is_dir() {
                fs::remove_dir_all(entry.path()).context("remove", &entry.path())?;
            }
        }
        drop(lock);
        Ok(())
    }

    /// Takes the writer's lock; `None` if another process has it. Waits only if `patience` says so.
    fn lock(&self, patience: Duration) -> Result<Option<File>> {
        create_private_dir(&self.root)?;
        let path = self.root.join("projection.lock");
        let file = open_private(&path)?;
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) if waited < patience => {
                    sleep(POLL);
                    waited += POLL;
                }
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(e)) => return Err(e).context("lock", &path)?,
            }
        }
    }
}

/// Returns the index and its watermark if they belong to this store.
pub(crate) fn usable_lexical(
    place: &Place,
    fields: &Fields,
    store: &str,
) -> Option<(Index, Watermark)> {
    let index = writer::open(&place.lexical(), fields).ok()?;
    let mark = writer::watermark(&index).ok()??;
    (mark.store == store).then_some((index, mark))
}

/// Returns the vectors if they belong to this store. `dim` is `None` where the model is not loaded.
pub(crate) fn usable_shelf(
    place: &Place,
    model: &str,
    dim: Option<usize>,
    store: &str,
) -> Option<Shelf> {
    let shelf = Shelf::open(&place.vectors(model), model, dim).ok()?;
    (shelf.watermark().store == store).then_some(shelf)
}

/// Returns the error of a place that holds nothing usable after catching up.
pub(crate) fn unusable(place: &Place) -> RetrieveError {
    place.lexical_error(LexicalError::Rebuild("it disappeared".into()))
}

/// Brings the indexes up to the store, embedding at most `embed_limit` passages.
pub(crate) fn catch_up(
    place: &Place,
    fields: &Fields,
    analyser: &Analyser,
    embedder: Option<&Arc<dyn Embedder>>,
    store: &Store,
    embed_limit: usize,
) -> Result<CaughtUp> {
    let patience = if usable_lexical(place, fields, store.id()).is_some() {
        Duration::ZERO
    } else {
        FIRST_BUILD_WAIT
    };
    let Some(lock) = place.lock(patience)? else {
        if patience.is_zero() {
            return Ok(CaughtUp { busy: true, ..CaughtUp::default() });
        }
        return Err(RetrieveError::Busy { path: place.root().to_owned() });
    };
    let mut done =
        CaughtUp { lexical: lexical(place, fields, analyser, store)?, ..Default::default() };
    if let Some(embedder) = embedder {
        (done.vectors, done.pending) = vectors(place, embedder.as_ref(), store, embed_limit)?;
    }
    drop(lock);
    Ok(done)
}

fn lexical(place: &Place, fields: &Fields, analyser: &Analyser, store: &Store) -> Result<usize> {
    let fail = |e| place.lexical_error(e);
    let (index, after) = match usable_lexical(place, fields, store.id()) {
        Some((index, mark)) => (index, mark.seq),
        None => (fresh_lexical(place, fields)?, 0),
    };
    let changes = store.lesson_changes(after)?;
    let seq = changes.last().map_or(after, |c| c.seq);
    if changes.is_empty() && after > 0 {
        return Ok(0);
    }
    let writer = Writer::open(&index, fields, analyser).map_err(fail)?;
    for change in &changes {
        let lesson = &change.lesson;
        if after > 0 {
            writer.remove(key_of(&lesson.id));
        }
        if lesson.status.is_recallable() {
            writer.add(lesson, &render(lesson)).map_err(fail)?;
        }
    }
    writer.commit(&Watermark { store: store.id().to_owned(), seq }).map_err(fail)?;
    Ok(changes.len())
}

/// Throws away what is there and creates an empty index.
fn fresh_lexical(place: &Place, fields: &Fields) -> Result<Index> {
    let folder = place.lexical();
    if folder.exists() {
        fs::remove_dir_all(&folder).context("remove", &folder)?;
    }
    create_private_dir(&folder)?;
    writer::create(&folder, fields).map_err(|e| place.lexical_error(e))
}

/// Returns how many lessons changed and how many are left for later.
fn vectors(
    place: &Place,
    embedder: &dyn Embedder,
    store: &Store,
    limit: usize,
) -> Result<(usize, usize)> {
    let fail = |e| place.vector_error(embedder.model_id(), e);
    let (model, dim) = (embedder.model_id(), embedder.dim());
    let open = || usable_shelf(place, model, Some(dim), store.id());
    let shelf = match open() {
        Some(shelf) => shelf,
        None => {
            let folder = place.vectors(model);
            shelf::reset(&folder, model, dim, store.id()).map_err(fail)?;
            Shelf::open(&folder, model, Some(dim)).map_err(fail)?
        }
    };
    let changes = store.lesson_changes(shelf.watermark().seq)?;
    let mut shelf = Some(shelf);
    let mut budget = limit;
    let mut at = 0;
    while at < changes.len() {
        let current = match shelf.take() {
            Some(shelf) => shelf,
            None => match open() {
                Some(shelf) => shelf,
                None => break,
            },
        };
        let Some(batch) = next_batch(&current, &changes[at..], budget) else { break };
        at += batch.changes;
        budget = budget.saturating_sub(batch.texts());
        let lessons = embed(embedder, batch.lessons)?;
        shelf::append(current, &lessons, changes[at - 1].seq).map_err(fail)?;
    }
    Ok((at, changes.len() - at))
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

/// Takes changes until a batch is full; `None` if not even one more text may be embedded.
fn next_batch(shelf: &Shelf, changes: &[LessonChange], budget: usize) -> Option<Batch> {
    let mut batch = Batch { changes: 0, lessons: Vec::new() };
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
                if texts > 0 && (texts + rows.len() > EMBED_BATCH || texts + rows.len() > budget) {
                    break;
                }
                if budget == 0 {
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
