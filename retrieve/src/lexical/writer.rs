//! Adding and removing lessons.
//!
//! Owns the writer and the watermark inside the commit. Must not decide what to index: the
//! projection does.

use std::path::Path;

use cemem_core::id::digest;
use cemem_core::{Lesson, LessonStatus, Stage, Trust};
use serde::{Deserialize, Serialize};
use tantivy::indexer::IndexWriterOptions;
use tantivy::schema::Term;
use tantivy::{Directory as _, Index, IndexWriter, TantivyDocument, TantivyError, i64_to_u64};
use thiserror::Error;

use super::schema::{Fields, Meta, TextField, VERSION, pack_lengths};
use crate::text::render::Rendered;
use crate::text::terms::Analyser;
use crate::vectors::{Watermark, key_of};

/// Memory for documents not yet written, in bytes.
const ARENA: usize = 48 << 20;

/// Why the lexical index cannot be used.
#[derive(Debug, Error)]
pub enum LexicalError {
    /// Missing, damaged, of another version or of another store: rebuild.
    #[error("the lexical index must be rebuilt: {0}")]
    Rebuild(String),
    /// Another process writes to it.
    #[error("the lexical index is being written by another process")]
    Busy,
    /// tantivy failed.
    #[error("the lexical index failed")]
    Tantivy(#[from] TantivyError),
    /// Reading or writing failed.
    #[error("the lexical index failed")]
    Io(#[from] std::io::Error),
}

/// What a commit carries.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    schema: u32,
    #[serde(flatten)]
    watermark: Watermark,
}

/// Opens an index.
///
/// # Errors
/// [`LexicalError::Rebuild`] if there is none that can be used.
pub fn open(folder: &Path, fields: &Fields) -> Result<Index, LexicalError> {
    let rebuild = |e: TantivyError| LexicalError::Rebuild(e.to_string());
    if !folder.join("meta.json").is_file() {
        return Err(LexicalError::Rebuild("missing".into()));
    }
    let index = Index::open_in_dir(folder).map_err(rebuild)?;
    if index.schema() != fields.schema {
        return Err(LexicalError::Rebuild("another schema".into()));
    }
    Ok(index)
}

/// Creates an empty index in an empty folder.
///
/// # Errors
/// When the folder cannot be written.
pub fn create(folder: &Path, fields: &Fields) -> Result<Index, LexicalError> {
    let index = Index::create_in_dir(folder, fields.schema.clone())?;
    make_private(folder)?;
    Ok(index)
}

/// Returns how far the last commit of an index is; `None` before the first.
///
/// # Errors
/// [`LexicalError::Rebuild`] if it cannot be read.
pub fn watermark(index: &Index) -> Result<Option<Watermark>, LexicalError> {
    let metas = index.load_metas().map_err(|e| LexicalError::Rebuild(e.to_string()))?;
    let Some(payload) = metas.payload else { return Ok(None) };
    let payload: Payload = serde_json::from_str(&payload)
        .map_err(|_| LexicalError::Rebuild("the watermark is damaged".into()))?;
    if payload.schema != VERSION {
        return Err(LexicalError::Rebuild("another version".into()));
    }
    Ok(Some(payload.watermark))
}

/// Checks every file of the last commit against its checksum, so that damage is found before it is
/// read as postings.
///
/// # Errors
/// [`LexicalError::Rebuild`] if a file was cut or changed.
pub fn verify(index: &Index) -> Result<(), LexicalError> {
    let rebuild = |why: String| LexicalError::Rebuild(why);
    let metas = index.load_metas().map_err(|e| rebuild(e.to_string()))?;
    let directory = index.directory();
    for file in metas.list_segment_files() {
        // The list names files that not every segment has; the reader misses those that it needs.
        if !directory.exists(&file).unwrap_or(false) {
            continue;
        }
        match directory.validate_checksum(&file) {
            Ok(true) => {}
            Ok(false) => return Err(rebuild(format!("`{}` is damaged", file.display()))),
            Err(e) => return Err(rebuild(e.to_string())),
        }
    }
    Ok(())
}

/// Takes the right to read from everyone but the user: tantivy asks for the usual mode.
fn make_private(folder: &Path) -> Result<(), LexicalError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let only_user = |path: &Path, mode: u32| match std::fs::metadata(path) {
            Ok(meta) if meta.permissions().mode() & 0o077 != 0 => {
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
            }
            _ => Ok(()),
        };
        only_user(folder, 0o700)?;
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            // A file that a merge removes meanwhile needs no mode.
            match only_user(&path, 0o600) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e.into()),
                _ => {}
            }
        }
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// The one writer of an index.
pub struct Writer<'a> {
    writer: IndexWriter,
    fields: &'a Fields,
    analyser: &'a Analyser,
}

impl<'a> Writer<'a> {
    /// Takes the writer's lock.
    ///
    /// # Errors
    /// [`LexicalError::Busy`] if another process holds it.
    pub fn open(
        index: &Index,
        fields: &'a Fields,
        analyser: &'a Analyser,
    ) -> Result<Self, LexicalError> {
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(ARENA)
            .build();
        let writer = index.writer_with_options(options).map_err(|e| match e {
            TantivyError::LockFailure(..) => LexicalError::Busy,
            other => LexicalError::Tantivy(other),
        })?;
        Ok(Self { writer, fields, analyser })
    }

    /// Removes a lesson and its passages.
    pub fn remove(&self, key: u64) {
        self.writer.delete_term(Term::from_field_u64(self.fields.key, key));
    }

    /// Adds a lesson and its passages; the caller has removed its older version.
    ///
    /// # Errors
    /// When the writer has failed.
    pub fn add(&self, lesson: &Lesson, rendered: &Rendered) -> Result<(), LexicalError> {
        let fields = self.fields;
        let key = key_of(&lesson.id);
        let mut doc = TantivyDocument::default();
        doc.add_text(fields.id, lesson.id.as_str());
        doc.add_u64(fields.key, key);
        let meta = Meta {
            is_passage: false,
            stale: lesson.status == LessonStatus::Stale,
            kind: lesson.lesson_type as u8,
            stages: stage_bits(&lesson.applies_when.stages),
            unvouched: !lesson.reviewed && lesson.trust <= Trust::Agent,
        };
        doc.add_u64(fields.meta, meta.to_u64());
        doc.add_u64(fields.created, i64_to_u64(lesson.created.0));
        let (session, turn) = moment(lesson);
        doc.add_u64(fields.session, session);
        doc.add_u64(fields.turn, i64_to_u64(turn));
        let anchored = lesson.anchors.iter().map(|a| &a.path);
        for path in lesson.applies_when.paths.iter().chain(anchored) {
            doc.add_text(fields.paths, path);
        }
        let whole = self.analyser.analyse(&rendered.whole);
        let place = self.analyser.analyse(&rendered.place);
        let title = self.analyser.analyse(&rendered.title);
        let rule = self.analyser.analyse(&format!("{}\n{}", rendered.rule, rendered.why));
        let exact: Vec<String> = whole.exact.into_iter().chain(place.exact).collect();
        let mut lengths = [0; 6];
        for (field, terms) in [
            (TextField::Whole, &whole.words),
            (TextField::Title, &title.words),
            (TextField::Rule, &rule.words),
            (TextField::Place, &place.words),
            (TextField::Exact, &exact),
        ] {
            lengths[field as usize] = self.put(&mut doc, field, terms);
        }
        doc.add_u64(fields.lengths, pack_lengths(lengths));
        self.writer.add_document(doc)?;
        for passage in &rendered.passages {
            self.add_passage(key, passage)?;
        }
        Ok(())
    }

    fn add_passage(&self, key: u64, passage: &str) -> Result<(), LexicalError> {
        let fields = self.fields;
        let mut doc = TantivyDocument::default();
        doc.add_u64(fields.key, key);
        doc.add_u64(fields.meta, Meta { is_passage: true, ..Meta::default() }.to_u64());
        doc.add_u64(fields.created, 0);
        doc.add_u64(fields.session, 0);
        doc.add_u64(fields.turn, 0);
        let words = self.analyser.analyse(passage).words;
        let length = self.put(&mut doc, TextField::Passage, &words);
        // In the widest place: a passage has no other lengths.
        doc.add_u64(fields.lengths, pack_lengths([length, 0, 0, 0, 0, 0]));
        self.writer.add_document(doc)?;
        Ok(())
    }

    /// Returns the number of terms.
    fn put(&self, doc: &mut TantivyDocument, field: TextField, terms: &[String]) -> u32 {
        doc.add_text(self.fields.text[field as usize], terms.join(" "));
        u32::try_from(terms.len()).unwrap_or(u32::MAX)
    }

    /// Commits with the watermark inside, waits for merges and leaves every file of `folder` to the
    /// user alone.
    ///
    /// # Errors
    /// When the commit fails; the index is then as before.
    pub fn commit(mut self, folder: &Path, watermark: &Watermark) -> Result<(), LexicalError> {
        let payload = Payload { schema: VERSION, watermark: watermark.clone() };
        let payload = serde_json::to_string(&payload).expect("a payload is plain data");
        let mut prepared = self.writer.prepare_commit()?;
        prepared.set_payload(&payload);
        prepared.commit()?;
        self.writer.wait_merging_threads()?;
        make_private(folder)
    }
}

/// Returns the session a lesson was first learned in, as a hash, and when in it; zeros if either is
/// not known.
fn moment(lesson: &Lesson) -> (u64, i64) {
    let Some(first) = lesson.evidence.first().filter(|e| !e.session.is_empty()) else {
        return (0, 0);
    };
    let Some(turn) = first.turn_ts else { return (0, 0) };
    let hex = digest([first.engine.as_str(), first.session.as_str()]);
    let session = u64::from_str_radix(&hex[..16], 16).expect("a digest is hex");
    (session, turn.0)
}

/// Returns one bit a stage; 0 means any stage.
#[must_use]
pub fn stage_bits(stages: &[Stage]) -> u8 {
    stages.iter().fold(0, |bits, &stage| bits | 1 << (stage as u8))
}
