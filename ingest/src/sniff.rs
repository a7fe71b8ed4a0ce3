//! What format a file has, told from its first bytes; the name is only a hint for documents.
//!
//! Owns [`Probe`] and [`identify`]. Must not read past the start of a file.

mod sketch;

use std::cell::OnceCell;
use std::path::Path;

use serde::de::DeserializeSeed as _;
use serde_json::{Map, Value};

use self::sketch::Sketch;
use crate::source::{Layout, Source, sources};

/// Bytes looked at first.
pub const FIRST_LOOK: usize = 8 * 1024;
/// Bytes looked at when the first row is longer than that.
pub const SECOND_LOOK: usize = 8 * 1024 * 1024;
/// Rows parsed to recognise a format …
const ROWS: usize = 64;
/// … and bytes after which there are enough: some engines write a whole run in a row.
const ROW_BYTES: usize = 512 * 1024;

/// The start of a file, decoded.
#[derive(Debug)]
pub struct Probe<'a> {
    /// Decoded text; its end may be cut anywhere.
    pub text: &'a str,
    /// Where it was read from.
    pub path: &'a Path,
    /// Parsed for the first format that asks.
    objects: OnceCell<Vec<Value>>,
}

impl<'a> Probe<'a> {
    /// Returns the probe of a text.
    #[must_use]
    pub fn new(text: &'a str, path: &'a Path) -> Self {
        Self { text, path, objects: OnceCell::new() }
    }

    /// Returns whether these words stand anywhere in the text; every format asks, and the text may be long.
    #[must_use]
    pub fn says(&self, words: &str) -> bool {
        memchr::memmem::find(self.text.as_bytes(), words.as_bytes()).is_some()
    }

    /// Returns the first complete JSON objects, one a line; glued objects count once. Of lists they hold the
    /// first entry, and nothing that lies deep.
    pub fn rows(&self) -> impl Iterator<Item = &Map<String, Value>> {
        self.objects().iter().filter_map(Value::as_object)
    }

    /// As [`Self::rows`], as values.
    pub fn objects(&self) -> &[Value] {
        self.objects.get_or_init(|| {
            let mut seen = 0;
            let lines = self.text.lines().take(ROWS).take_while(|line| {
                let enough = seen > ROW_BYTES;
                seen += line.len();
                !enough
            });
            lines.filter_map(first_object).collect()
        })
    }
}

/// Returns the first object of a line.
fn first_object(line: &str) -> Option<Value> {
    if !line.trim_start().starts_with('{') {
        return None;
    }
    let line = crate::text::mended(line);
    // What follows the object on its line is another one.
    Sketch::ROW.deserialize(&mut serde_json::Deserializer::from_str(&line)).ok()
}

/// Returns the format of the file that starts like this.
#[must_use]
pub fn identify(probe: &Probe<'_>) -> Option<&'static dyn Source> {
    sources().filter(|s| s.info().layout != Layout::Database).find(|source| source.sniff(probe))
}

/// Returns the format of a database with these tables.
#[must_use]
pub fn identify_database(tables: &[String]) -> Option<&'static dyn Source> {
    sources()
        .filter(|s| s.info().layout == Layout::Database)
        .find(|source| source.sniff_tables(tables))
}

/// How a file's bytes become text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, or nearly.
    Utf8,
    /// UTF-16 with a byte order mark.
    Utf16 {
        /// Most significant byte first.
        big_endian: bool,
    },
    /// A zstd frame around one of the others.
    Zstd,
    /// No text.
    Binary,
}

/// Returns how the file that starts with these bytes is encoded.
#[must_use]
pub fn encoding(head: &[u8]) -> Encoding {
    match head {
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Encoding::Zstd,
        [0xFF, 0xFE, ..] => Encoding::Utf16 { big_endian: false },
        [0xFE, 0xFF, ..] => Encoding::Utf16 { big_endian: true },
        _ => {
            // A stray NUL occurs in real Markdown, and a power cut leaves a run of them between
            // rows; many anywhere else mean a binary file.
            let nuls = memchr::memchr_iter(0, head).count();
            let rows = matches!(head, [b'{', b'"' | b' ' | b'\n' | b'}', ..]);
            if nuls * 16 > head.len().max(1) && !rows { Encoding::Binary } else { Encoding::Utf8 }
        }
    }
}

/// Returns UTF-16 bytes (mark included) as text; lone surrogates become the replacement character.
#[must_use]
pub fn decode_utf16(bytes: &[u8], big_endian: bool) -> String {
    let units = bytes.chunks_exact(2).skip(1).map(|pair| {
        let pair = [pair[0], pair[1]];
        if big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
    });
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(text: &str, path: &str) -> Option<&'static str> {
        identify(&Probe::new(text, Path::new(path))).map(|s| s.info().engine)
    }

    #[test]
    fn content_decides_not_the_name() {
        let claude = r#"{"type":"user","sessionId":"s","uuid":"u","message":{"role":"user"}}"#;
        assert_eq!(engine(claude, "x.txt"), Some("claude-code"));
        let glued = r#"{"type":"file-history-snapshot","messageId":"m"}{"type":"user"}"#;
        assert_eq!(engine(glued, "x.jsonl"), Some("claude-code"));
        let half = r#"{"type":"user","sessionId":"s","uuid":"u","message":{"content":"\ud83d"}}"#;
        assert_eq!(engine(half, "x.jsonl"), Some("claude-code"));
        let codex = r#"{"timestamp":"t","type":"session_meta","payload":{"id":"a"}}"#;
        assert_eq!(engine(codex, "x.jsonl"), Some("codex"));
        let spec = "<!-- Generated by SpecStory, Markdown v2.1.0 -->\n\n# t\n";
        assert_eq!(engine(spec, "x.jsonl"), Some("specstory"));
        let doc = "---\nproblem_type: build_error\nmodule: a\n---\n# T\n";
        assert_eq!(engine(doc, "notes/x.md"), Some("docs-solutions"));
        for other in
            ["", "# A readme\n", "{\"a\":1}", "[1,2]", "{\n  \"sessionId\": 1\n}", "fn main() {}"]
        {
            assert_eq!(engine(other, "x.jsonl"), None, "{other}");
        }
        let todo = "---\nstatus: pending\npriority: p3\ntags: [a]\n---\n# T\n";
        assert_eq!(engine(todo, "todos/001.md"), None);
    }

    #[test]
    fn encodings_are_told_by_their_marks() {
        assert_eq!(encoding(b"\xFF\xFE{\0"), Encoding::Utf16 { big_endian: false });
        assert_eq!(encoding(b"\x28\xB5\x2F\xFDabc"), Encoding::Zstd);
        assert_eq!(encoding(b"\x7fELF\0\0\0\0\0\0\0\0"), Encoding::Binary);
        assert_eq!(encoding(b""), Encoding::Utf8);
        assert_eq!(decode_utf16(b"\xFE\xFF\0a\0b", true), "ab");
    }
}
