//! One database of another program, from its watermark to batches.
//!
//! Owns the loop over parts. Must not know any table: a source reads, this stores how far.

use std::fs::Metadata;
use std::io;
use std::path::PathBuf;

use cemem_core::Cursor;
use cemem_core::foreign::{ForeignDb, log_of};
use cemem_core::id::digest;
use cemem_core::store::Batch;

use super::{FileRead, LineError, Outcome, Target, file_info, is_current, located, stamp_all};
use crate::redact::Redactor;
use crate::sniff;
use crate::source::Output;

/// Returns what tells for which folders a database was read: for others it is read again.
pub(super) fn scope(roots: &[PathBuf]) -> String {
    let mut names: Vec<_> = roots.iter().map(|r| r.to_string_lossy()).collect();
    names.sort();
    let mut hex = digest(names.iter().map(|n| n.as_bytes()));
    hex.truncate(24);
    hex
}

/// Reads what is new in a database since `known`, part by part.
pub(super) fn read(
    target: Target<'_>,
    meta: &Metadata,
    known: Option<&Cursor>,
    redactor: &Redactor,
    sink: &mut dyn FnMut(Batch),
) -> io::Result<FileRead> {
    let Target { path, called, roots } = target;
    let (size, mtime_ns) = stamp_all(meta, &[log_of(path)]);
    let opened = ForeignDb::open(path).and_then(|db| Ok((db.tables()?, db)));
    let (tables, db) = match opened {
        Ok(opened) => opened,
        Err(e) => return Ok(FileRead::failed(path, e.to_string())),
    };
    let Some(source) = sniff::identify_database(&tables) else {
        return Ok(FileRead::new(Outcome::Skipped("unrecognised_database")));
    };
    let info = file_info(called, roots, mtime_ns, source.companions(path));
    let cursor = Cursor {
        path: info.path.clone(),
        format: source.info().format.to_owned(),
        head: scope(roots),
        reader: source.info().version,
        ..Cursor::default()
    };
    let same =
        known.filter(|c| is_current(c) && c.format == cursor.format && c.head == cursor.head);
    let mut state = same.map(|c| c.state.clone()).unwrap_or_default();
    let mut out = Output::new(source.info().engine, redactor);
    let mut read = FileRead::new(Outcome::Read(source.info().engine));
    loop {
        // Not the end: a cursor that a later run finds changed.
        let mut at = Cursor { mtime_ns: -1, ..cursor.clone() };
        let mut more = false;
        match source.database(&db, &info, &state, &mut out) {
            Ok(part) => {
                more = part.more && part.state != state;
                state = part.state;
                if !more {
                    (at.size, at.mtime_ns) = (size, mtime_ns);
                }
            }
            Err(flaw) => {
                out.skip("malformed_database");
                read.errors = located(path, vec![LineError { line: 1, message: flaw.to_string() }]);
            }
        }
        at.state = state.clone();
        sink(Batch { cursor: at, sessions: out.take() });
        if !more {
            break;
        }
    }
    read.bytes = size;
    read.events = out.events;
    read.skipped = out.skipped;
    Ok(read)
}
