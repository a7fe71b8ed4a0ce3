//! How long a text may be and which characters it may hold.
//!
//! Owns the bounds of every stored text ([`limit`]), cutting ([`bound`]), stripping of control
//! characters ([`strip_controls`]) and decoding of raw JSON strings without unescaping what would
//! be cut anyway ([`RawText`]). Must not know secrets or any session format.

use std::borrow::Cow;

/// Longest text kept for each field, in bytes. A longer text keeps its head and its tail, cut at
/// white space, around a line that says how much is missing.
pub mod limit {
    /// A person's prompt, feedback or answer; a hook's message.
    pub const PROMPT: usize = 16 * 1024;
    /// Agent prose.
    pub const AGENT: usize = 4 * 1024;
    /// A tool's output.
    pub const RESULT: usize = 2 * 1024;
    /// A shell command.
    pub const COMMAND: usize = 2 * 1024;
    /// A short view of a tool's other input.
    pub const DETAIL: usize = 1024;
    /// A plan.
    pub const PLAN: usize = 8 * 1024;
    /// A compaction summary.
    pub const SUMMARY: usize = 4 * 1024;
    /// A change a person made.
    pub const DIFF: usize = 2 * 1024;
    /// A document's body.
    pub const DOCUMENT: usize = 64 * 1024;
    /// Titles, paths, ids and names.
    pub const NAME: usize = 512;
    /// Files listed in one tool call.
    pub const FILES: usize = 32;
}

/// Returns `text` cut to about `max` bytes: two thirds head, one third tail.
#[must_use]
pub fn bound(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return Cow::Borrowed(text);
    }
    let head = cut_before(text, max * 2 / 3);
    let tail = cut_after(text, text.len() - max / 3);
    let missing = text.len() - head.len() - tail.len();
    Cow::Owned(format!("{head}\n[... {missing} bytes left out ...]\n{tail}"))
}

/// Returns the start of `text`, at most `max` bytes, without an ellipsis.
#[must_use]
pub fn head(text: &str, max: usize) -> &str {
    if text.len() <= max { text } else { cut_before(text, max) }
}

/// The head up to `at`, moved back to white space if there is some near, so that no token is halved.
fn cut_before(text: &str, at: usize) -> &str {
    let at = floor(text, at);
    let near = floor(text, at.saturating_sub(256));
    let cut = text[near..at].rfind(char::is_whitespace).map_or(at, |i| near + i);
    &text[..cut]
}

/// The tail from `at`, moved on to white space if there is some near.
fn cut_after(text: &str, at: usize) -> &str {
    let at = floor(text, at);
    let near = floor(text, (at + 256).min(text.len()));
    let cut = text[at..near].find(char::is_whitespace).map_or(at, |i| at + i);
    text[cut..].trim_start()
}

/// The last character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

/// Returns `text` without terminal escapes, control characters (tab and newline stay), text
/// direction overrides and invisible tag characters; CRLF becomes LF. What is stored is later shown
/// on terminals and handed to agents, so it must not steer either.
#[must_use]
pub fn strip_controls(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let (mut kept, mut at) = (0, 0);
    while let Some(step) = next_control(&bytes[at..]) {
        let start = at + step;
        let rest = &text[start..];
        let c = rest.chars().next().expect("a byte of a character was found there");
        let (instead, after) = match c {
            '\u{1b}' => ("", after_escape(&rest[1..])),
            '\r' if rest[1..].starts_with('\n') => ("", &rest[1..]),
            '\r' => ("\n", &rest[1..]),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => ("", &rest[3..]),
            '\u{e0000}'..='\u{e007f}' => ("", &rest[4..]),
            c if c.is_control() => ("", &rest[c.len_utf8()..]),
            c => {
                at = start + c.len_utf8();
                continue;
            }
        };
        out.push_str(&text[kept..start]);
        out.push_str(instead);
        kept = text.len() - after.len();
        at = kept;
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[kept..]);
    Cow::Owned(out)
}

/// Returns where a character begins that may have to go.
fn next_control(bytes: &[u8]) -> Option<usize> {
    // The pairs begin the encodings of C1, bidi, BOM and tag characters. Without branches, so that
    // many bytes are compared at once.
    let suspicious = |b: u8, next: u8| {
        ((b < 0x20) & (b != b'\n') & (b != b'\t'))
            | (b == 0x7f)
            | ((b == 0xC2) & (next < 0xA0))
            | ((b == 0xE2) & (next < 0x82))
            | ((b == 0xEF) & (next == 0xBB))
            | ((b == 0xF3) & (next == 0xA0))
    };
    let mut at = 0;
    while let Some(chunk) = bytes[at..].first_chunk::<65>()
        && !(0..64).fold(false, |any, i| any | suspicious(chunk[i], chunk[i + 1]))
    {
        at += 64;
    }
    // Most texts are shorter than that.
    while let Some(chunk) = bytes[at..].first_chunk::<17>()
        && !(0..16).fold(false, |any, i| any | suspicious(chunk[i], chunk[i + 1]))
    {
        at += 16;
    }
    let next = bytes[at..].iter().skip(1).chain(&[0]);
    bytes[at..].iter().zip(next).position(|(b, next)| suspicious(*b, *next)).map(|i| at + i)
}

/// Returns what follows an escape sequence: `ESC [ … letter`, `ESC ] … BEL`, or `ESC x`.
fn after_escape(rest: &str) -> &str {
    match rest.bytes().next() {
        Some(b'[') => {
            let body = rest[1..].trim_start_matches(|c| matches!(c, ' '..='?'));
            body.strip_prefix(|c| matches!(c, '@'..='~')).unwrap_or(body)
        }
        // An unterminated title sequence ends at the line's end, not at the text's.
        Some(b']') => match rest.find(['\n', '\u{7}', '\\']) {
            Some(end) if rest[end..].starts_with('\n') => &rest[end..],
            Some(end) => &rest[end + 1..],
            None => "",
        },
        Some(b'(' | b')') => {
            let mut chars = rest.chars();
            chars.nth(1);
            chars.as_str()
        }
        Some(b'@'..=b'_') => &rest[1..],
        _ => rest,
    }
}

/// A JSON string as it stands in the file, quotes included, not yet unescaped.
#[derive(Debug, Clone, Copy)]
pub struct RawText<'a>(pub &'a str);

impl<'a> RawText<'a> {
    /// Returns whether the raw form holds `needle` (which must need no escaping).
    #[must_use]
    pub fn contains(self, needle: &str) -> bool {
        memchr::memmem::find(self.0.as_bytes(), needle.as_bytes()).is_some()
    }

    /// Returns the whole text; empty if it is not a string.
    #[must_use]
    pub fn full(self) -> Cow<'a, str> {
        decode(self.0).unwrap_or_default()
    }

    /// Returns the text, or a start of it that is longer than `max` bytes, where that spares unescaping the
    /// rest: [`head`] of both is the same.
    #[must_use]
    pub fn start(self, max: usize) -> Cow<'a, str> {
        let inner = self.0.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or_default();
        if inner.len() <= 4 * max {
            return self.full();
        }
        let start = split_at_space(inner, 2 * max).and_then(|(start, _)| quoted(start));
        start.filter(|text| text.len() > max).unwrap_or_else(|| self.full())
    }

    /// Returns the text, or its head and tail of together about `max` bytes where that spares
    /// unescaping what would be cut anyway. The final cut comes after redaction, which needs the
    /// whole: a private section or key may begin in one part and end in another.
    #[must_use]
    pub fn bounded(self, max: usize) -> Cow<'a, str> {
        let Some(inner) = self.0.strip_prefix('"').and_then(|t| t.strip_suffix('"')) else {
            return Cow::Borrowed("");
        };
        // Twice the bound: escapes shrink when decoded, and a little more than the bound is needed
        // for the final cut.
        if inner.len() <= 4 * max || has_private(inner) {
            return self.full();
        }
        let pieces = split_at_space(inner, max * 3 / 2).and_then(|(head, rest)| {
            let (skipped, tail) = split_tail_at_space(rest, max)?;
            Some((quoted(head)?, skipped.len(), quoted(tail)?))
        });
        let Some((head, missing, tail)) = pieces else {
            return self.full();
        };
        let head = crate::text::head(&head, max * 2 / 3).to_owned();
        let tail = cut_after(&tail, tail.len().saturating_sub(max / 3));
        // The first line may be the end of one that says what it is: `password = …`.
        let tail = match tail.split_once('\n') {
            Some((partial, rest)) if partial.len() < tail.len() / 2 => rest,
            _ => tail,
        };
        Cow::Owned(format!("{head}\n[... about {missing} bytes left out ...]\n{tail}"))
    }
}

/// Whether a private section or a private key may begin in this text. The brackets may be written as escapes, so
/// only the word is looked for.
fn has_private(text: &str) -> bool {
    ["private", "PRIVATE", "Private"]
        .iter()
        .any(|w| memchr::memmem::find(text.as_bytes(), w.as_bytes()).is_some())
}

fn decode(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    // A lone surrogate makes the string invalid Unicode; keep the rest of it.
    serde_json::from_str(&mended(raw)).ok().map(Cow::Owned)
}

/// Returns JSON in which every lone surrogate escape (`\ud83d` without its half) is the replacement
/// character. Parsers refuse a row for one; people paste halves of emoji. Nothing moves: both are
/// six bytes long.
#[must_use]
pub fn mended(json: &str) -> Cow<'_, str> {
    let has = |unit: &[u8]| memchr::memmem::find(json.as_bytes(), unit).is_some();
    if !has(b"\\ud") && !has(b"\\uD") {
        return Cow::Borrowed(json);
    }
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(next) = memchr::memchr(b'\\', &json.as_bytes()[at..]) {
        at += next;
        // Any other escape is two bytes long; the second may be a backslash too.
        let len = match (unit(json, at), unit(json, at + 6)) {
            (Some(0xD800..0xDC00), Some(0xDC00..0xE000)) => 12,
            (Some(0xD800..0xE000), _) => {
                out.push_str(&json[copied..at]);
                out.push_str("\\ufffd");
                copied = at + 6;
                6
            }
            (Some(_), _) => 6,
            (None, _) => 2,
        };
        at = (at + len).min(json.len());
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    out.push_str(&json[copied..]);
    Cow::Owned(out)
}

/// The UTF-16 unit of the escape at `at`, if one (`\u0041`) stands there.
fn unit(json: &str, at: usize) -> Option<u32> {
    let hex = json.as_bytes().get(at..at + 6)?.strip_prefix(b"\\u")?;
    hex.iter().try_fold(0, |n, digit| Some(n * 16 + char::from(*digit).to_digit(16)?))
}

fn quoted(inner: &str) -> Option<Cow<'_, str>> {
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str::<String>(&format!("\"{inner}\"")).ok().map(Cow::Owned)
}

/// Splits a raw string before the last space in front of `at`. A space is never part of an escape
/// sequence, so both parts stay valid.
fn split_at_space(raw: &str, at: usize) -> Option<(&str, &str)> {
    let at = floor(raw, at);
    let cut = raw[..at].rfind(' ')?;
    (cut > at / 2).then(|| raw.split_at(cut))
}

/// Splits off the last `len` bytes or a little less, at a space.
fn split_tail_at_space(raw: &str, len: usize) -> Option<(&str, &str)> {
    let at = floor(raw, raw.len().saturating_sub(len));
    let cut = at + raw[at..].find(' ')?;
    (raw.len() - cut > len / 2).then(|| raw.split_at(cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_keeps_head_and_tail_at_word_breaks() {
        let text = format!("start {} end", "word ".repeat(1000));
        let cut = bound(&text, 300);
        assert!(cut.len() < 360 && cut.starts_with("start") && cut.ends_with("end"));
        assert!(cut.contains("bytes left out"));
        assert_eq!(bound("short", 300), "short");
        let wide = "é".repeat(1000);
        assert!(bound(&wide, 301).len() < 400);
    }

    #[test]
    fn controls_go_text_stays() {
        assert_eq!(strip_controls("\u{1b}[1;32mok\u{1b}[0m\r\ndone\u{0}"), "ok\ndone");
        assert_eq!(strip_controls("\u{1b}]0;title\u{7}rest"), "rest");
        assert_eq!(strip_controls("\u{1b}]0;never closed\nrest"), "\nrest");
        assert_eq!(strip_controls("a\u{202e}b\u{e0041}c\u{feff}"), "abc");
        assert_eq!(strip_controls("naïve → 测试\tx"), "naïve → 测试\tx");
        assert!(matches!(strip_controls("naïve → 测试\tx"), Cow::Borrowed(_)));
        assert_eq!(strip_controls("\u{1b}[31"), "");
        assert_eq!(strip_controls("a\u{1b}(é→b\u{1b}[1\u{7}c\u{85}d\re"), "a→bcd\ne");
    }

    #[test]
    fn raw_text_agrees_with_full_decoding() {
        let text = format!("first \"line\"\n{}last \\ line", "ab \u{1F600}\tcd \n".repeat(5000));
        let raw = serde_json::to_string(&text).unwrap();
        let cut = RawText(&raw).bounded(2000);
        assert!(cut.starts_with("first \"line\"\nab") && cut.ends_with("last \\ line"));
        assert!(cut.len() < 2200, "{}", cut.len());
        let key = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END", "A b\n".repeat(5000));
        let raw_key = serde_json::to_string(&key).unwrap();
        assert!(RawText(&raw_key).bounded(2000) == key, "redaction needs the whole");
        assert_eq!(RawText(&raw).full(), text);
        assert_eq!(RawText("\"a\\ud83dz\"").full(), "a\u{fffd}z");
        // An escaped backslash in front of `ud83d` is no escape.
        assert_eq!(RawText(r#""\ud83dz \\ud83d \\\ud83d""#).full(), "\u{fffd}z \\ud83d \\\u{fffd}");
        assert_eq!(RawText("{}").full(), "");
    }

    #[test]
    fn only_lone_surrogates_are_mended() {
        let same = r#"{"a":"\ud83d\ude00 \u00e9 \\ud800 \n","b":1}"#;
        assert!(matches!(mended(same), Cow::Borrowed(t) if t == same));
        assert_eq!(
            mended(r#""\uD83D\ud83d\ude00 \udc00\\\udfff \ud8 \ud"#),
            r#""\ufffd\ud83d\ude00 \ufffd\\\ufffd \ud8 \ud"#
        );
        // An escape in front of a character of several bytes, and one cut off.
        assert_eq!(mended("\\é\\ud800"), "\\é\\ufffd");
        assert_eq!(mended("\\"), "\\");
    }
}
