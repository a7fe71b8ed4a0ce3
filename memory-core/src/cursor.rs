//! How far a source file has been read.
//!
//! Owns [`Cursor`]. Must not read files: the ingest pipeline compares a cursor with the file and
//! decides between "nothing new", "read on from the offset" and "read again from the start".

use serde::{Deserialize, Serialize};

/// The state of one source file after its last complete read; committed with the events it covers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Cursor {
    /// Absolute path of the file.
    pub path: String,
    /// Format that was sniffed, `claude-code`.
    pub format: String,
    /// Bytes consumed (of the decompressed stream for compressed files): always a record's end.
    pub offset: u64,
    /// File size when read.
    pub size: u64,
    /// Modification time when read, nanoseconds since the epoch (0 if unknown).
    pub mtime_ns: i64,
    /// Hash of the first bytes: another head means another file.
    pub head: String,
    /// Reader version that wrote this cursor; another version reads again from the start.
    pub reader: u32,
    /// What the reader must remember between two reads (open queue entries, turn counters).
    pub state: serde_json::Value,
}
