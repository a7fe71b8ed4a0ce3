//! Files to store: find, read in parallel, append in order, extract.
//!
//! Owns the run. Must not know any format and must not hold more than a few files' events at once.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Instant;

use cemem_core::reported::is_place_of_events;
use cemem_core::store::{Batch, Packed, SessionRef, StoredEvent};
use cemem_core::{Candidate, Cursor, LessonId, Store};
use rayon::prelude::*;

use crate::checkpoints::{self, Checkpoints};
use crate::error::{FileError, IngestError};
use crate::extract::{Sieve, Sieves};
use crate::gone;
use crate::read::{self, FileRead, Outcome, Target};
use crate::redact::Redactor;
use crate::report::{Progress, Report};
use crate::sources::solutions;

/// Files are read in groups of about this size, in parallel, and stored one group a transaction.
const GROUP_BYTES: u64 = 12 * 1024 * 1024;
/// Most files in a group.
const GROUP_FILES: usize = 256;
/// A larger file is read alone, its events stored as they come.
const LARGE: u64 = 32 * 1024 * 1024;
/// Sessions extracted between two writes.
const EXTRACT_GROUP: usize = 32;
/// Events of a session that are decoded without asking which of them matter.
const MANY: u64 = 10_000;

/// Something to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// A file or folder.
    pub path: PathBuf,
    /// A person named it: if it is missing or no session, they want to know.
    pub named: bool,
    /// What the file is called in the store, where its path says nothing: it holds what came through
    /// a pipe ([`mod@crate::spool`]).
    pub called: Option<String>,
}

impl Input {
    /// Returns an input a person named.
    #[must_use]
    pub fn named(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), named: true, called: None }
    }

    /// Returns an input that was found.
    #[must_use]
    pub fn discovered(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), named: false, called: None }
    }

    /// Returns a file that holds what came through a pipe.
    #[must_use]
    pub fn piped(path: impl Into<PathBuf>, called: String) -> Self {
        Self { path: path.into(), named: true, called: Some(called) }
    }
}

/// How to run.
pub struct IngestOptions<'a> {
    /// Takes secrets out.
    pub redactor: &'a Redactor,
    /// Told how far the run is.
    pub progress: &'a dyn Progress,
    /// The project's folders. A found file that holds sessions of many projects gives only those
    /// under them; a named one gives all.
    pub roots: &'a [PathBuf],
    /// Threads for reading and extracting; 0 for one a core.
    pub threads: usize,
}

/// Reads everything that is new under `inputs` into the store and finds candidates in it. What
/// cannot be read is in the report; the rest goes in.
///
/// # Errors
/// When the store cannot be read or written.
pub fn ingest(
    store: &mut Store,
    inputs: &[Input],
    options: &IngestOptions<'_>,
) -> Result<Report, IngestError> {
    let start = Instant::now();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads)
        .thread_name(|i| format!("cemem-ingest-{i}"))
        .build()
        .map_err(IngestError::Threads)?;
    let mut report = Report::default();
    let files = find_files(inputs, &mut report);
    let cursors = cursors_of(store, inputs, &files)?;
    let mut checkpoints = Checkpoints::look(inputs, &cursors, &mut report);
    let (number, bytes) = checkpoints.size();
    let total = bytes + files.iter().map(|f| f.size).sum::<u64>();
    options.progress.begin(number + files.len() as u64, total);
    let mut sieves = read_all(store, &files, &cursors, &pool, options, &mut report)?;
    loop {
        // They live until they are read.
        let copies = checkpoints.next(LARGE, &mut report);
        if copies.is_empty() {
            break;
        }
        let files: Vec<FileTask> = copies.iter().map(FileTask::of).collect();
        sieves.absorb(read_all(store, &files, &cursors, &pool, options, &mut report)?);
    }
    let documents = gone::look(store, inputs)?;
    extract_dirty(store, &documents.back, sieves, &pool, options.progress, &mut report)?;
    gone::forget(store, &documents)?;
    report.duration = start.elapsed();
    Ok(report)
}

/// Files up to this number are looked up one by one.
const FEW: usize = 64;

/// Returns the cursors of these files, by path; where there are folders, of everything.
fn cursors_of(
    store: &Store,
    inputs: &[Input],
    files: &[FileTask],
) -> Result<HashMap<String, Cursor>, IngestError> {
    // The branches of a repository are many sources at one path.
    let plain =
        |input: &Input| input.path.is_file() && checkpoints::repository_of(&input.path).is_none();
    if files.len() > FEW || !inputs.iter().all(plain) {
        return Ok(store.cursors()?);
    }
    let mut cursors = HashMap::new();
    for file in files {
        let path = file.called().to_string_lossy();
        if let Some(cursor) = store.cursor(&path)? {
            cursors.insert(path.into_owned(), cursor);
        }
    }
    Ok(cursors)
}

/// A file to look at.
struct FileTask {
    path: PathBuf,
    size: u64,
    named: bool,
    /// Lies in something a person named.
    whole: bool,
    /// See [`Input::called`].
    called: Option<PathBuf>,
}

impl FileTask {
    /// Everything in a repository's checkpoints is the project's.
    fn of(copy: &checkpoints::Copy) -> Self {
        let (path, called) = (copy.path.clone(), Some(copy.called.clone()));
        Self { path, size: copy.size, named: false, whole: true, called }
    }

    /// The name in the store.
    fn called(&self) -> &Path {
        self.called.as_deref().unwrap_or(&self.path)
    }
}

/// Endings of files that are never sessions; they are not even opened in a folder walk.
const FOREIGN: &[&str] = &[
    "png",
    "jpg",
    "jpeg",
    "gif",
    "webp",
    "ico",
    "svg",
    "pdf",
    "mp3",
    "mp4",
    "mov",
    "wav",
    "zip",
    "gz",
    "xz",
    "bz2",
    "tar",
    "tgz",
    "7z",
    "jar",
    "class",
    "so",
    "dylib",
    "dll",
    "exe",
    "o",
    "a",
    "rlib",
    "rmeta",
    "wasm",
    "pyc",
    "woff",
    "woff2",
    "ttf",
    "otf",
    "db-wal",
    "db-shm",
    "onnx",
    "safetensors",
    "bin",
    "lock",
];

/// Folders that never hold sessions.
const CLOSED: &[&str] = &[".git", "node_modules", "target", ".venv", "__pycache__"];

/// Returns the regular files under the inputs, each once, in a stable order.
fn find_files(inputs: &[Input], report: &mut Report) -> Vec<FileTask> {
    let mut files: BTreeMap<PathBuf, FileTask> = BTreeMap::new();
    for input in inputs {
        let path = match input.path.canonicalize() {
            Ok(path) => path,
            Err(e) => {
                if input.named {
                    let pipe = ["/dev", "/proc"].iter().any(|dir| input.path.starts_with(dir));
                    let message = match read::describe(&e) {
                        told if pipe => format!("{told}; `-` reads standard input"),
                        told => told,
                    };
                    report.add_errors(vec![FileError {
                        path: input.path.clone(),
                        line: None,
                        message,
                    }]);
                }
                continue;
            }
        };
        if checkpoints::repository_of(&path).is_some() {
            continue;
        }
        if leads_out(&input.path, &path) {
            report.skip("linked_file", 1);
            continue;
        }
        if path.is_dir() {
            walk(&path, input.named, &mut files, report);
        } else {
            let size = path.metadata().map_or(0, |m| m.len());
            files.insert(
                path.clone(),
                FileTask {
                    path,
                    size,
                    named: input.named,
                    whole: input.named,
                    called: input.called.as_ref().map(PathBuf::from),
                },
            );
        }
    }
    // What anybody may have written last: what the engine itself wrote is then known from there.
    let mut files: Vec<FileTask> = files.into_values().collect();
    files.sort_by_key(|task| is_place_of_events(&task.path));
    files
}

/// Whether a link leads out of a folder for events, where nothing would tell what anybody may write.
fn leads_out(named: &Path, real: &Path) -> bool {
    is_place_of_events(named) && !is_place_of_events(real)
}

/// Walks a folder. Links to folders are not followed, so no link can lead in circles or out.
fn walk(folder: &Path, whole: bool, files: &mut BTreeMap<PathBuf, FileTask>, report: &mut Report) {
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter();
    let closed = |e: &walkdir::DirEntry| {
        e.depth() > 0 && e.file_type().is_dir() && CLOSED.iter().any(|c| e.file_name() == *c)
    };
    for entry in walk.filter_entry(|e| !closed(e)) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(e) => {
                let path = e.path().map_or_else(|| folder.to_owned(), Path::to_owned);
                let message = e.io_error().map_or_else(|| e.to_string(), read::describe);
                report.add_errors(vec![FileError { path, line: None, message }]);
                continue;
            }
        };
        if entry.file_type().is_dir() {
            continue;
        }
        let extension = entry.path().extension().map(|e| e.to_string_lossy().to_lowercase());
        if extension.is_some_and(|e| FOREIGN.contains(&e.as_str())) {
            report.skip("other_file", 1);
            continue;
        }
        // Follows a link to a file; a pipe, a socket or a dangling link is none.
        let path = match entry.path().canonicalize() {
            Ok(path) if entry.path_is_symlink() => path,
            _ => entry.path().to_owned(),
        };
        if leads_out(entry.path(), &path) {
            report.skip("linked_file", 1);
            continue;
        }
        match path.metadata() {
            Ok(meta) if meta.is_file() => {
                let (key, size) = (path.clone(), meta.len());
                let task = FileTask { path, size, named: false, whole, called: None };
                files.entry(key).or_insert(task);
            }
            _ => report.skip("not_a_file", 1),
        }
    }
}

/// What reading one file gave.
struct Done {
    read: FileRead,
    batches: Vec<Packed>,
}

fn read_all(
    store: &mut Store,
    files: &[FileTask],
    cursors: &HashMap<String, Cursor>,
    pool: &rayon::ThreadPool,
    options: &IngestOptions<'_>,
    report: &mut Report,
) -> Result<Sieves, IngestError> {
    let (large, small): (Vec<&FileTask>, Vec<&FileTask>) =
        files.iter().partition(|f| f.size >= LARGE || packed(&f.path));
    // One group is read while the one before is stored.
    std::thread::scope(|scope| {
        let (send, receive) = mpsc::sync_channel::<Vec<Done>>(1);
        scope.spawn(move || {
            for group in groups(&small) {
                let one = |task: &&FileTask| collect(task, cursors, options);
                let done = pool.install(|| group.par_iter().map(one).collect());
                if send.send(done).is_err() {
                    return; // The store failed; the run is over.
                }
            }
        });
        for group in receive {
            let mut batches = Vec::new();
            for done in group {
                batches.extend(done.batches);
                account(report, done.read);
            }
            if !batches.is_empty() {
                report.events_new += store.append(batches)?.events;
            }
        }
        Ok::<(), IngestError>(())
    })?;
    let mut sieves = Sieves::default();
    for task in large {
        sieves.absorb(read_large(store, task, cursors, options, report)?);
    }
    Ok(sieves)
}

/// Whether a file may unpack to any size: its events are stored as they come.
fn packed(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "zst")
}

/// Cuts the files into groups by size and number.
fn groups<'a, 'f>(files: &'a [&'f FileTask]) -> Vec<&'a [&'f FileTask]> {
    let mut out = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (i, file) in files.iter().enumerate() {
        bytes += file.size;
        if bytes >= GROUP_BYTES || i + 1 - from >= GROUP_FILES {
            out.push(&files[from..=i]);
            (from, bytes) = (i + 1, 0);
        }
    }
    if from < files.len() {
        out.push(&files[from..]);
    }
    out
}

fn collect(
    task: &FileTask,
    cursors: &HashMap<String, Cursor>,
    options: &IngestOptions<'_>,
) -> Done {
    let mut batches = Vec::new();
    let read = guarded(task, cursors, options, &mut |batch| batches.push(Packed::from(&batch)));
    options.progress.advance(1, task.size);
    Done { read, batches }
}

/// Reads a file. A panic in a reader is a bug, but one file's bug must not lose the others.
fn guarded(
    task: &FileTask,
    cursors: &HashMap<String, Cursor>,
    options: &IngestOptions<'_>,
    sink: &mut dyn FnMut(Batch),
) -> FileRead {
    let known = cursors.get(task.called().to_string_lossy().as_ref());
    let roots = if task.whole { &[] } else { options.roots };
    let target = Target { path: &task.path, called: task.called(), roots };
    let read = || read::read_as(target, known, options.redactor, sink);
    let mut read = catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        FileRead::failed(task.called(), "the reader failed; please report this file")
    });
    if let (Outcome::Skipped(kind), true) = (&read.outcome, task.named) {
        let message = match *kind {
            "empty_file" => "empty file",
            "binary_file" => "binary file, no session",
            _ => "no session format that is known",
        };
        read.errors.push(FileError {
            path: task.called().to_owned(),
            line: None,
            message: message.to_owned(),
        });
    }
    read
}

/// Reads a large file, storing one part of its events while the next is read. Returns what tells which
/// of them can matter, if all of them were new.
fn read_large(
    store: &mut Store,
    task: &FileTask,
    cursors: &HashMap<String, Cursor>,
    options: &IngestOptions<'_>,
    report: &mut Report,
) -> Result<Sieves, IngestError> {
    std::thread::scope(|scope| {
        let (send, receive) = mpsc::sync_channel::<Packed>(1);
        let reader = scope.spawn(move || {
            let mut sieves = Sieves::default();
            // If the store failed, nobody listens any more, and what is left is read in vain.
            let read = guarded(task, cursors, options, &mut |batch| {
                sieves.hear(&batch);
                drop(send.send(Packed::from(&batch)));
            });
            (read, sieves)
        });
        let mut known = 0;
        for batch in receive {
            let appended = store.append([batch])?;
            report.events_new += appended.events;
            known += appended.duplicates;
        }
        let failed = |_| (FileRead::failed(&task.path, "the reader failed"), Sieves::default());
        let (read, sieves) = reader.join().unwrap_or_else(failed);
        account(report, read);
        options.progress.advance(1, task.size);
        Ok(if known == 0 { sieves } else { Sieves::default() })
    })
}

fn account(report: &mut Report, read: FileRead) {
    match read.outcome {
        Outcome::Unchanged => report.files += 1,
        Outcome::Read(engine) => {
            report.files += 1;
            report.files_read += 1;
            *report.formats.entry(engine.to_owned()).or_default() += 1;
        }
        Outcome::Skipped(kind) => report.skip(kind, 1),
        Outcome::Failed => report.skip("unreadable_file", 1),
    }
    report.bytes += read.bytes;
    report.events += read.events;
    for (kind, n) in read.skipped {
        report.skip(&kind, n);
    }
    report.add_errors(read.errors);
}

/// Finds candidates in every session that gained events, and in those of `also`.
fn extract_dirty(
    store: &mut Store,
    also: &[SessionRef],
    mut sieves: Sieves,
    pool: &rayon::ThreadPool,
    progress: &dyn Progress,
    report: &mut Report,
) -> Result<(), IngestError> {
    let mut dirty = store.dirty_sessions()?;
    dirty.extend_from_slice(also);
    dirty.sort();
    dirty.dedup();
    progress.extracting(dirty.len() as u64);
    for group in dirty.chunks(EXTRACT_GROUP) {
        // Asked before the events are read: what another process adds from here on is not seen.
        let through = store.last_event()?;
        let mut sessions: Vec<(SessionRef, Vec<StoredEvent>)> = Vec::with_capacity(group.len());
        for session in group {
            sessions.push((session.clone(), events_of(store, session, &mut sieves)?));
        }
        let mut found = pool.install(|| {
            sessions
                .par_iter()
                .map(|(s, events)| (s.clone(), crate::extract::extract_session(s, events)))
                .collect::<Vec<_>>()
        });
        for (_, candidates) in found.iter_mut().filter(|(s, _)| s.engine == solutions::ENGINE) {
            drop_own(store, candidates)?;
        }
        let delta = store.replace_candidates(&found, through)?;
        report.candidates += delta.added + delta.changed;
    }
    Ok(())
}

/// Drops what a document says that was written from a lesson of this memory: a lesson is no evidence for
/// itself. The document of somebody else's lesson is one to learn from.
fn drop_own(store: &Store, candidates: &mut Vec<Candidate>) -> Result<(), IngestError> {
    let mut is_own = Vec::with_capacity(candidates.len());
    for candidate in candidates.iter() {
        let mark = candidate.extra.get(solutions::LESSON_KEY).and_then(|v| v.as_str());
        let id = mark.and_then(|m| LessonId::parse(m.split_whitespace().next()?));
        is_own.push(id.map(|id| store.lesson(&id)).transpose()?.flatten().is_some());
    }
    let mut is_own = is_own.into_iter();
    candidates.retain(|_| !is_own.next().unwrap_or(false));
    Ok(())
}

/// Reads a session; of a very large report only what can matter.
fn events_of(
    store: &Store,
    session: &SessionRef,
    sieves: &mut Sieves,
) -> Result<Vec<StoredEvent>, IngestError> {
    if store.session_len(session)? <= MANY {
        return Ok(store.session_events(session)?);
    }
    if let Some(wanted) = sieves.wanted(session, || store.session_numbers(session))? {
        return Ok(store.session_events_in(session, &wanted)?);
    }
    let mut sieve = Sieve::default();
    store.scan_session(session, &mut |event| sieve.look(event))?;
    Ok(store.session_events_in(session, &sieve.wanted())?)
}

#[cfg(test)]
mod tests;
