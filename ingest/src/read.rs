//! One file: from its cursor to batches of events.
//!
//! Owns the choice between "nothing new", "read on" and "read again", decompression and decoding.
//! Must not touch the store: batches go to a callback.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use cemem_core::foreign;
use cemem_core::id::digest;
use cemem_core::store::Batch;
use cemem_core::{Cursor, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::FileError;
use crate::records::{self, LineError, Lines, MAX_LINE, Position};
use crate::redact::Redactor;
use crate::sniff::{self, Encoding, Probe};
use crate::source::{FileInfo, Layout, Output, Reader, Record, Source};

mod database;

/// Read buffer: large enough that nearly every row lies in it whole.
const BUFFER: usize = 512 * 1024;
/// Events of one file are handed over when they take about this much.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Longest whole document: a review of a very large project.
const MAX_DOCUMENT: u64 = 256 * 1024 * 1024;
/// Longest file beside a session.
const MAX_COMPANION: u64 = 64 * 1024 * 1024;
/// Most that is unpacked from one compressed file.
const MAX_UNPACKED: u64 = 8 * 1024 * 1024 * 1024;
/// Bytes whose hash tells whether a file is still the same one.
const HEAD: usize = 4096;
/// Bytes before the cursor whose hash tells whether they are still the same.
const TAIL: u64 = 64;

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its size and time are those of the last read.
    Unchanged,
    /// It is no session, for this reason (a name for counts).
    Skipped(&'static str),
    /// It was read.
    Read(&'static str),
    /// It could not be read; see the errors.
    Failed,
}

/// The result of one file.
#[derive(Debug, Clone)]
pub struct FileRead {
    /// What became of it.
    pub outcome: Outcome,
    /// Bytes read.
    pub bytes: u64,
    /// Events found (new or not).
    pub events: u64,
    /// Rows left out, by kind.
    pub skipped: BTreeMap<String, u64>,
    /// Flawed lines, or why it could not be read.
    pub errors: Vec<FileError>,
}

impl FileRead {
    fn new(outcome: Outcome) -> Self {
        Self { outcome, bytes: 0, events: 0, skipped: BTreeMap::new(), errors: Vec::new() }
    }

    /// Returns a failed read.
    #[must_use]
    pub fn failed(path: &Path, message: impl Into<String>) -> Self {
        let error = FileError { path: path.to_owned(), line: None, message: message.into() };
        Self { errors: vec![error], ..Self::new(Outcome::Failed) }
    }
}

/// What a cursor keeps for its reader.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    lines: u64,
    reader: serde_json::Value,
    /// Hash of the last bytes that were read: others mean that the file was rewritten.
    tail: String,
}

/// Reads what is new in a file since `known`, handing batches to `sink`. The last batch carries the
/// cursor of the whole read; earlier ones carry cursors that a later run goes on from.
pub fn read(
    path: &Path,
    known: Option<&Cursor>,
    redactor: &Redactor,
    sink: &mut dyn FnMut(Batch),
) -> FileRead {
    read_for(path, &[], known, redactor, sink)
}

/// Reads as [`read`] does; a file that holds sessions of many projects gives only those under
/// `roots` (all of them if there are none).
pub fn read_for(
    path: &Path,
    roots: &[PathBuf],
    known: Option<&Cursor>,
    redactor: &Redactor,
    sink: &mut dyn FnMut(Batch),
) -> FileRead {
    read_as(Target { path, called: path, roots }, known, redactor, sink)
}

/// What to read, and as what.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The file.
    pub path: &'a Path,
    /// What it is called in the store: its path, unless it holds what came through a pipe.
    pub called: &'a Path,
    /// The project's folders; see [`read_for`].
    pub roots: &'a [PathBuf],
}

/// Reads as [`read_for`] does, under a name that may differ from the file's path.
pub fn read_as(
    target: Target<'_>,
    known: Option<&Cursor>,
    redactor: &Redactor,
    sink: &mut dyn FnMut(Batch),
) -> FileRead {
    let mut read = match try_read(target, known, redactor, sink) {
        Ok(read) => read,
        Err(e) => FileRead::failed(target.path, describe(&e)),
    };
    for error in &mut read.errors {
        target.called.clone_into(&mut error.path);
    }
    read
}

/// Words for an I/O error, without the code the system adds.
pub(crate) fn describe(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::NotFound => "file not found".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "is a folder".to_owned(),
        _ => e.to_string(),
    }
}

/// Returns what a reader may know about a file.
fn file_info(path: &Path, roots: &[PathBuf], mtime_ns: i64, companions: Vec<PathBuf>) -> FileInfo {
    FileInfo {
        stem: stem(path),
        path: path.to_string_lossy().into_owned(),
        modified: (mtime_ns > 0).then_some(Timestamp(mtime_ns / 1_000_000)),
        companions,
        roots: roots.to_vec(),
    }
}

/// Returns the text of a file beside a session, unless it is missing or too long.
pub(crate) fn companion(path: &Path) -> Option<String> {
    let meta = fs::metadata(path).ok()?;
    if !meta.is_file() || meta.len() >= MAX_COMPANION {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MAX_COMPANION).read_to_end(&mut bytes).ok()?;
    Some(records::decode(&bytes).trim_start_matches('\u{feff}').to_owned())
}

/// Whether nothing was written since the cursor was.
fn unchanged(c: &Cursor, path: &Path, roots: &[PathBuf], meta: &Metadata) -> bool {
    let source = crate::source::by_name(&c.format).filter(|s| s.info().version == c.reader);
    source.is_some_and(|s| {
        let same_scope = s.info().layout != Layout::Database || c.head == database::scope(roots);
        same_scope && stamp_of(s, path, meta) == (c.size, c.mtime_ns)
    })
}

/// Returns what tells that a file was written. Lines are read on from an offset, which only the
/// file's own size can be compared with; elsewhere its companions count too.
fn stamp_of(source: &dyn Source, path: &Path, meta: &Metadata) -> (u64, i64) {
    match source.info().layout {
        Layout::Lines => stamp(meta),
        Layout::Whole => stamp_all(meta, &source.companions(path)),
        Layout::Database => stamp_all(meta, &[foreign::log_of(path)]),
    }
}

/// Returns the sizes together and the newest time of a file and its companions.
fn stamp_all(meta: &Metadata, companions: &[PathBuf]) -> (u64, i64) {
    companions
        .iter()
        .filter_map(|p| fs::metadata(p).ok())
        .map(|m| stamp(&m))
        .fold(stamp(meta), |(size, time), (more, later)| (size.wrapping_add(more), time.max(later)))
}

/// Returns size and modification time in nanoseconds (0 if unknown).
fn stamp(meta: &Metadata) -> (u64, i64) {
    let since = meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    (meta.len(), since.and_then(|d| i64::try_from(d.as_nanos()).ok()).unwrap_or(0))
}

fn try_read(
    target: Target<'_>,
    known: Option<&Cursor>,
    redactor: &Redactor,
    sink: &mut dyn FnMut(Batch),
) -> io::Result<FileRead> {
    let Target { path, called, roots } = target;
    let meta = fs::metadata(path)?;
    if !meta.is_file() {
        // A pipe or a device would block or never end.
        return Ok(FileRead::failed(path, "not a regular file"));
    }
    if known.is_some_and(|c| unchanged(c, path, roots, &meta)) {
        return Ok(FileRead::new(Outcome::Unchanged));
    }
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    (&mut file).take(sniff::FIRST_LOOK as u64).read_to_end(&mut head)?;
    if foreign::is_database(&head) {
        return database::read(target, &meta, known, redactor, sink);
    }
    let encoding = sniff::encoding(&head);
    if head.is_empty() || encoding == Encoding::Binary {
        let kind = if head.is_empty() { "empty_file" } else { "binary_file" };
        return Ok(FileRead::new(Outcome::Skipped(kind)));
    }
    let Some(source) = identify(called, &mut file, &head, encoding)? else {
        return Ok(FileRead::new(Outcome::Skipped("unrecognised_file")));
    };
    let companions = source.companions(path);
    let (size, mtime_ns) = stamp_of(source, path, &meta);
    let info = file_info(called, roots, mtime_ns, companions);
    let cursor = Cursor {
        path: info.path.clone(),
        format: source.info().format.to_owned(),
        size,
        mtime_ns,
        head: fingerprint(&head, HEAD),
        reader: source.info().version,
        ..Cursor::default()
    };
    let resume = known.filter(|c| {
        encoding == Encoding::Utf8
            && source.info().layout == Layout::Lines
            && c.format == cursor.format
            && is_current(c)
            && c.offset <= size
            && (c.size < size || c.offset < c.size)
            && same_head(&c.head, &head)
    });
    let resume = match resume {
        Some(c) if ends_record(&mut file, c.offset)? && same_tail(path, c) => Some(c),
        _ => None,
    };
    OneRead { path, source, redactor, info, cursor, sink }.run(file, encoding, resume)
}

/// `rollout-x.jsonl.zst` and `rollout-x.jsonl` have the same stem.
fn stem(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(".zst").unwrap_or(&name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
}

/// Whether the cursor was written by the reader in use.
fn is_current(c: &Cursor) -> bool {
    crate::source::by_name(&c.format).is_some_and(|s| s.info().version == c.reader)
}

/// The length and hash of the first bytes; the length, because a short file's head grows with it.
fn fingerprint(head: &[u8], len: usize) -> String {
    let len = len.min(head.len());
    let mut hex = digest([&head[..len]]);
    hex.truncate(24);
    format!("{len}:{hex}")
}

fn same_head(known: &str, head: &[u8]) -> bool {
    let len = known.split(':').next().and_then(|n| n.parse::<usize>().ok());
    len.is_some_and(|len| len <= head.len() && fingerprint(head, len) == known)
}

/// Whether a record can end at `offset`: a line end, or the brace of an unterminated last row.
/// Anything else means the file was rewritten behind the cursor.
fn ends_record(file: &mut File, offset: u64) -> io::Result<bool> {
    if offset == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::Start(offset - 1))?;
    file.read_exact(&mut last)?;
    Ok(matches!(last, [b'\n' | b'}']))
}

/// Returns the hash of the bytes before `offset`; empty if they cannot be read.
fn tail(path: &Path, offset: u64) -> String {
    let from = offset.saturating_sub(TAIL);
    let read = || -> io::Result<String> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(offset - from).read_to_end(&mut bytes)?;
        Ok(fingerprint(&bytes, HEAD))
    };
    read().unwrap_or_default()
}

/// Whether the bytes before the cursor are those it was written after.
fn same_tail(path: &Path, c: &Cursor) -> bool {
    Kept::deserialize(&c.state).is_ok_and(|kept| kept.tail == tail(path, c.offset))
}

/// Recognises the format from decoded text, looking further only if the first row is long.
fn identify(
    path: &Path,
    file: &mut File,
    head: &[u8],
    encoding: Encoding,
) -> io::Result<Option<&'static dyn Source>> {
    let look = |bytes: &[u8]| {
        let text = match encoding {
            Encoding::Utf16 { big_endian } => sniff::decode_utf16(bytes, big_endian),
            _ => records::decode(bytes).into_owned(),
        };
        let text = text.trim_start_matches(['\u{feff}', '\n', '\r', ' ', '\0']);
        sniff::identify(&Probe::new(text, path))
    };
    let mut packed = Vec::new();
    let first = if encoding == Encoding::Zstd {
        file.rewind()?;
        let unpack = zstd::stream::read::Decoder::new(&mut *file)?;
        // A damaged frame still says enough in its first block, or the read reports it later.
        unpack.take(sniff::SECOND_LOOK as u64).read_to_end(&mut packed).ok();
        packed.as_slice()
    } else {
        head
    };
    if let Some(source) = look(first) {
        return Ok(Some(source));
    }
    // A long first row, or a start that is torn or of kinds that say nothing: worth a longer look
    // where there may be rows at all.
    let rows = memchr::memchr(b'{', first).is_some();
    if !rows || head.len() < sniff::FIRST_LOOK || encoding == Encoding::Zstd {
        return Ok(None);
    }
    let mut more = Vec::new();
    file.rewind()?;
    file.take(sniff::SECOND_LOOK as u64).read_to_end(&mut more)?;
    Ok(look(&more))
}

/// Everything one read needs.
struct OneRead<'a> {
    path: &'a Path,
    source: &'static dyn Source,
    redactor: &'a Redactor,
    info: FileInfo,
    cursor: Cursor,
    sink: &'a mut dyn FnMut(Batch),
}

impl OneRead<'_> {
    fn run(
        self,
        mut file: File,
        encoding: Encoding,
        resume: Option<&Cursor>,
    ) -> io::Result<FileRead> {
        match (self.source.info().layout, encoding) {
            (Layout::Whole | Layout::Database, _) => self.whole(file, encoding),
            (Layout::Lines, Encoding::Zstd) => {
                file.rewind()?;
                let unpack = zstd::stream::read::Decoder::new(file)?.take(MAX_UNPACKED);
                let path = self.path;
                let mut read =
                    self.lines(BufReader::with_capacity(BUFFER, unpack), Kept::default(), 0)?;
                if read.bytes >= MAX_UNPACKED {
                    let message = format!("only the first {MAX_UNPACKED} unpacked bytes were read");
                    let path = path.to_owned();
                    read.errors.push(FileError { path, line: None, message });
                }
                Ok(read)
            }
            (Layout::Lines, Encoding::Utf16 { big_endian }) => {
                file.rewind()?;
                let mut bytes = Vec::new();
                if file.take(MAX_DOCUMENT).read_to_end(&mut bytes)? as u64 == MAX_DOCUMENT {
                    return Ok(FileRead::failed(self.path, "utf-16 file is too long"));
                }
                let text = sniff::decode_utf16(&bytes, big_endian);
                self.lines(text.as_bytes(), Kept::default(), 0)
            }
            (Layout::Lines, _) => {
                let offset = resume.map_or(0, |c| c.offset);
                let kept = resume.and_then(|c| Kept::deserialize(&c.state).ok());
                file.seek(SeekFrom::Start(offset))?;
                let input = BufReader::with_capacity(BUFFER, file);
                self.lines(input, kept.unwrap_or_default(), offset)
            }
        }
    }

    fn lines<R: io::BufRead>(self, mut input: R, kept: Kept, offset: u64) -> io::Result<FileRead> {
        let engine = self.source.info().engine;
        let mut out = Output::new(engine, self.redactor);
        let mut reader = self.source.reader(&self.info, &kept.reader);
        let cursor = self.cursor;
        let sink = self.sink;
        let path = self.path;
        let at_state = |at: Position, reader: &dyn Reader| {
            let tail = tail(path, at.offset);
            let kept = Kept { lines: at.lines, reader: reader.state(), tail };
            let state = serde_json::to_value(kept).unwrap_or_default();
            Cursor { offset: at.offset, state, ..cursor.clone() }
        };
        let mut lines = Lines {
            reader: &mut *reader,
            out: &mut out,
            at: Position { offset, lines: kept.lines },
            errors: Vec::new(),
            max_line: MAX_LINE,
        };
        let done = lines.run(&mut input, |at, reader, out| {
            if out.bytes() >= BATCH_BYTES {
                // Not the end: a cursor that a later run finds changed.
                let part = Cursor { size: at.offset, mtime_ns: -1, ..at_state(at, reader) };
                sink(Batch { cursor: part, sessions: out.take() });
            }
        });
        let Lines { at, errors, .. } = lines;
        let mut read = FileRead::new(Outcome::Read(engine));
        read.errors = located(self.path, errors);
        if let Err(e) = done {
            // What was read stays; the cursor says how far, and the next run tries again.
            let message = describe(&e);
            read.errors.push(FileError {
                path: self.path.to_owned(),
                line: Some(at.lines + 1),
                message,
            });
            let part = Cursor { size: at.offset, mtime_ns: -1, ..at_state(at, &*reader) };
            sink(Batch { cursor: part, sessions: out.take() });
        } else {
            sink(Batch { cursor: at_state(at, &*reader), sessions: out.take() });
        }
        read.bytes = at.offset - offset;
        read.events = out.events;
        read.skipped = out.skipped;
        Ok(read)
    }

    fn whole(self, mut file: File, encoding: Encoding) -> io::Result<FileRead> {
        file.rewind()?;
        let size = file.metadata().map_or(0, |m| m.len()).min(MAX_DOCUMENT);
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
        let len = match encoding {
            Encoding::Zstd => zstd::stream::read::Decoder::new(file)?
                .take(MAX_DOCUMENT)
                .read_to_end(&mut bytes)?,
            _ => file.take(MAX_DOCUMENT).read_to_end(&mut bytes)?,
        };
        if len as u64 == MAX_DOCUMENT {
            return Ok(FileRead::failed(self.path, "document is too long"));
        }
        let text = document(bytes, encoding);
        let text = text.trim_start_matches('\u{feff}');
        let text = if text.trim_start().starts_with(['{', '[']) {
            crate::text::mended(text)
        } else {
            Cow::Borrowed(text)
        };
        let engine = self.source.info().engine;
        // Not the end: a cursor that a later run finds changed.
        let part = Cursor { mtime_ns: -1, ..self.cursor.clone() };
        let sink = &mut *self.sink;
        let mut out = Output::new(engine, self.redactor)
            .spilling(|sessions| sink(Batch { cursor: part.clone(), sessions }));
        let mut reader = self.source.reader(&self.info, &serde_json::Value::Null);
        let mut read = FileRead::new(Outcome::Read(engine));
        if let Err(flaw) = reader.record(Record { text: &text, offset: 0 }, &mut out) {
            out.skip("malformed_document");
            read.errors = located(self.path, vec![LineError { line: 1, message: flaw.0 }]);
        }
        let sessions = out.take();
        read.bytes = len as u64;
        read.events = out.events;
        read.skipped = std::mem::take(&mut out.skipped);
        drop(out);
        let offset = self.cursor.size;
        (self.sink)(Batch { cursor: Cursor { offset, ..self.cursor }, sessions });
        Ok(read)
    }
}

/// Returns a document's text with LF line ends and without NULs. A large one is copied only if it
/// must be.
fn document(bytes: Vec<u8>, encoding: Encoding) -> String {
    let mut text = match encoding {
        Encoding::Utf16 { big_endian } => sniff::decode_utf16(&bytes, big_endian),
        _ => {
            String::from_utf8(bytes).unwrap_or_else(|e| records::decode(e.as_bytes()).into_owned())
        }
    };
    if memchr::memchr(0, text.as_bytes()).is_some() {
        text.retain(|c| c != '\0');
    }
    if memchr::memchr(b'\r', text.as_bytes()).is_some() {
        text = text.replace("\r\n", "\n");
    }
    text
}

fn located(path: &Path, errors: Vec<LineError>) -> Vec<FileError> {
    let locate =
        |e: LineError| FileError { path: path.to_owned(), line: Some(e.line), message: e.message };
    errors.into_iter().map(locate).collect()
}

#[cfg(test)]
mod tests;
