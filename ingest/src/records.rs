//! Bytes cut into records, in bounded memory.
//!
//! Owns line reading with a length limit, the torn last line, decoding of lines, and where a read
//! stopped. Must not know any session format.

use std::borrow::Cow;
use std::io::{self, BufRead};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::source::{Output, Reader, Record};

/// A longer line is left out. Real lines reach 1 MB; this leaves room for embedded images.
pub const MAX_LINE: usize = 64 * 1024 * 1024;
/// Flawed lines reported one by one; more are only counted.
const MAX_REPORTED: usize = 20;

/// How far a read got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Bytes consumed: always the end of a record.
    pub offset: u64,
    /// Lines consumed.
    pub lines: u64,
}

/// A line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineError {
    /// 1-based.
    pub line: u64,
    /// What is wrong.
    pub message: String,
}

/// What one read of line records needs and gives.
pub struct Lines<'a, 'r> {
    /// Turns lines into events.
    pub reader: &'a mut dyn Reader,
    /// Collects them.
    pub out: &'a mut Output<'r>,
    /// Where the read starts, then where it stopped.
    pub at: Position,
    /// Flawed lines, the first few.
    pub errors: Vec<LineError>,
    /// Longest line kept.
    pub max_line: usize,
}

impl Lines<'_, '_> {
    /// Reads to the end of `input`, calling `after` between records so that the caller can hand over
    /// what was collected so far.
    ///
    /// # Errors
    /// When reading fails; what was read before stays in `self`.
    pub fn run<R: BufRead>(
        &mut self,
        input: &mut R,
        mut after: impl FnMut(Position, &dyn Reader, &mut Output<'_>),
    ) -> io::Result<()> {
        let mut carry: Vec<u8> = Vec::new();
        let mut dropped: u64 = 0;
        loop {
            let chunk = match input.fill_buf() {
                Ok(chunk) => chunk,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            if chunk.is_empty() {
                return self.last_line(&carry, dropped, &mut after);
            }
            let Some(end) = memchr::memchr(b'\n', chunk) else {
                let len = chunk.len();
                if dropped > 0 || carry.len() + len > self.max_line {
                    dropped += (carry.len() + len) as u64;
                    carry = Vec::new();
                } else {
                    carry.extend_from_slice(chunk);
                }
                input.consume(len);
                continue;
            };
            if dropped > 0 || carry.len() + end > self.max_line {
                let len = dropped + (carry.len() + end + 1) as u64;
                self.too_long(len);
            } else if carry.is_empty() {
                self.line(&chunk[..end], true);
            } else {
                carry.extend_from_slice(&chunk[..end]);
                self.line(&carry, true);
            }
            carry.clear();
            dropped = 0;
            input.consume(end + 1);
            after(self.at, self.reader, self.out);
        }
    }

    /// The text after the last line end: read if it is complete, else left for the next time.
    fn last_line(
        &mut self,
        carry: &[u8],
        dropped: u64,
        after: &mut impl FnMut(Position, &dyn Reader, &mut Output<'_>),
    ) -> io::Result<()> {
        if dropped > 0 {
            self.too_long(dropped);
        } else if !carry.is_empty() {
            if is_complete(&decode(carry)) {
                self.line(carry, false);
            } else {
                self.out.skip("torn_line");
                return Ok(());
            }
        }
        after(self.at, self.reader, self.out);
        Ok(())
    }

    fn too_long(&mut self, len: u64) {
        self.out.skip("line_too_long");
        self.flawed(format!("line of {len} bytes is too long"));
        self.at.lines += 1;
        self.at.offset += len;
    }

    /// Reads one line, which `ended` or may still go on with another record.
    fn line(&mut self, line: &[u8], ended: bool) {
        let decoded = decode(line);
        if matches!(decoded, Cow::Owned(_)) {
            self.out.skip("invalid_utf8");
        }
        let text = decoded.trim_start_matches('\u{feff}').trim_matches(['\0', '\r', ' ', '\t']);
        if !text.is_empty() {
            let record = Record { text, offset: self.at.offset };
            let read = if text.starts_with('{') {
                self.reader.record(record, self.out).map_err(|e| e.0)
            } else {
                Err("not a JSON object".to_owned())
            };
            if let Err(message) = read {
                self.out.skip("malformed_line");
                self.flawed(message);
            }
        }
        self.at.lines += u64::from(ended);
        self.at.offset += (line.len() + usize::from(ended)) as u64;
    }

    fn flawed(&mut self, message: String) {
        if self.errors.len() < MAX_REPORTED {
            self.errors.push(LineError { line: self.at.lines + 1, message });
        }
    }
}

/// Returns bytes as text; Latin-1 and other encodings lose their letters but not the row.
#[must_use]
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    // Nearly every record is valid, and checking whole ones is several times faster than by chunks.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Whether a text is one or more whole JSON values.
fn is_complete(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_matches(['\0', '\r', ' ', '\t']);
    serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>().all(|v| v.is_ok())
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;
    use crate::redact::Redactor;
    use crate::source::Malformed;

    /// Keeps what it is given; a record `{"bad":…` is flawed.
    #[derive(Default)]
    struct Keep(Vec<(u64, String)>);

    impl Reader for Keep {
        fn record(&mut self, record: Record<'_>, _: &mut Output<'_>) -> Result<(), Malformed> {
            if record.text.contains("bad") {
                return Err(Malformed("bad".into()));
            }
            self.0.push((record.offset, record.text.to_owned()));
            Ok(())
        }
        fn state(&self) -> serde_json::Value {
            serde_json::Value::Null
        }
    }

    type Kept = (Vec<(u64, String)>, Position, Vec<LineError>, Vec<(String, u64)>);

    fn run(bytes: &[u8], buffer: usize, max_line: usize) -> Kept {
        let redactor = Redactor::new();
        let mut out = Output::new("test", &redactor);
        let mut keep = Keep::default();
        let mut lines = Lines {
            reader: &mut keep,
            out: &mut out,
            at: Position::default(),
            errors: Vec::new(),
            max_line,
        };
        lines.run(&mut BufReader::with_capacity(buffer, bytes), |_, _, _| {}).unwrap();
        let (at, errors) = (lines.at, std::mem::take(&mut lines.errors));
        (keep.0, at, errors, out.skipped.into_iter().collect())
    }

    #[test]
    fn any_buffer_gives_the_same_records() {
        let text = b"\xEF\xBB\xBF{\"a\":1}\r\n\n{\"b\":\"\xC3\xA9\"}\n{\"bad\":1}\n{\"c\":3}";
        let whole = run(text, 1024, 1024);
        for buffer in 1..40 {
            assert_eq!(run(text, buffer, 1024), whole, "{buffer}");
        }
        let (records, at, errors, _) = whole;
        let texts: Vec<_> = records.iter().map(|(_, t)| t.as_str()).collect();
        assert_eq!(texts, ["{\"a\":1}", "{\"b\":\"é\"}", "{\"c\":3}"]);
        assert_eq!((at.offset, at.lines), (text.len() as u64, 4));
        assert_eq!(errors, [LineError { line: 4, message: "bad".into() }]);
    }

    #[test]
    fn a_line_that_is_too_long_is_left_out_and_counted() {
        let text = format!("{{\"a\":1}}\n{{\"x\":\"{}\"}}\n{{\"b\":2}}\n", "y".repeat(500));
        let (records, at, errors, skipped) = run(text.as_bytes(), 64, 100);
        assert_eq!(records.len(), 2);
        assert_eq!(records[1].0, text.rfind("{\"b\"").unwrap() as u64);
        assert_eq!(at.offset, text.len() as u64);
        assert_eq!((errors[0].line, skipped), (2, vec![("line_too_long".to_owned(), 1)]));
    }

    #[test]
    fn a_torn_end_waits_for_the_rest() {
        let (records, at, errors, _) = run(b"{\"a\":1}\n{\"b\":", 64, 100);
        assert_eq!((records.len(), at.offset, errors.len()), (1, 8, 0));
        let (records, at, ..) = run(b"{\"a\":1}\n{\"b\":2}{\"c\"", 64, 100);
        assert_eq!((records.len(), at.offset), (1, 8));
        let (records, at, ..) = run(b"{\"a\":1}\n{\"b\":2}", 64, 100);
        assert_eq!((records.len(), at.offset), (2, 15));
    }

    #[test]
    fn bytes_that_are_no_text_are_flaws_not_failures() {
        let (records, _, errors, skipped) =
            run(b"{\"a\":\"caf\xE9\"}\n\0\0\0\nplain\n\x01\xFF\n", 64, 100);
        assert_eq!(records[0].1, "{\"a\":\"caf\u{fffd}\"}");
        assert_eq!(errors.len(), 2);
        assert!(skipped.contains(&("invalid_utf8".to_owned(), 2)));
    }
}
