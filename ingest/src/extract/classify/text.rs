//! Reads a turn as lines, sentences and tokens.
//!
//! Owns which part of a turn the person typed, where its sentences begin and end, and the tokens the
//! model sees. Must not score anything. All offsets are byte offsets into the text as given.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

use crate::extract::gloss;

/// Bytes of a turn that are read; people do not type more than this in one go, they paste it.
pub(super) const READ_LIMIT: usize = 8_000;

/// What a line of a turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineKind {
    /// Typed by the person, as far as its shape tells.
    Own,
    /// Empty.
    Blank,
    /// Inside a code fence.
    Code,
    /// Looks like program output or source.
    Log,
    /// A placeholder for an image.
    Image,
}

/// One line: its byte range without the line break, and its kind.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) range: Range<usize>,
    pub(super) kind: LineKind,
}

/// Compiles a byte pattern without Unicode tables, so that word boundaries stay cheap.
pub(super) fn byte_regex(pattern: &str) -> Regex {
    RegexBuilder::new(pattern)
        .unicode(false)
        .build()
        .expect("patterns are constants checked by the unit tests")
}

static LOG_LINE: LazyLock<Regex> = LazyLock::new(|| {
    byte_regex(concat!(
        r#"^\s*([$>%|+]|\xE2\x9D\xAF|\xE2\x9E\x9C|\xE2\x94|\xE2\x9C|\xE2\x97|\xE2\x8F\xBA|\xE2\x8E\xBF|---|===|@@|diff |at |File "|\[\d"#,
        r#"|\d{4}-\d\d|time=|/Users/|/home/|/tmp/|goroutine|FAIL|ok  |npm |remote:|fatal:|(?i:error):|(?i:warning):"#,
        r#"|import |func |return |def |class |const |var |public |private |\}|\{|</|<[a-z])"#,
        r#"|\S+\.go:\d+|^\s{4,}\S|^\s*[\w"]+\s*[:=]\s*[\[{"\d]|;\s*$|\{\s*$|^\S+:\d+:\d+|^[A-Za-z]:\\"#
    ))
});

/// Lead-ins that editors put before what the person typed; only what follows the last is theirs.
const REQUEST_MARKERS: [&str; 2] = ["## My request for Codex:", "<user_query>"];

/// Returns where the person's own words begin, after an editor's preamble.
pub(super) fn own_start(text: &str) -> usize {
    let after = REQUEST_MARKERS
        .iter()
        .filter_map(|m| text.rfind(m).map(|at| at + m.len()))
        .max()
        .unwrap_or(0);
    after + text[after..].len() - text[after..].trim_start().len()
}

/// Returns the longest prefix of `text` that is at most `limit` bytes and ends on a character.
pub(super) fn prefix(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

/// Returns the longest suffix of `text` that is at most `limit` bytes and begins on a character.
pub(super) fn suffix(text: &str, limit: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(limit))..]
}

/// Straightens typographic quotes and apostrophes; the result is for matching, not for offsets.
pub(super) fn straighten(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{2018}' | '\u{2019}' => '\'',
            '\u{201c}' | '\u{201d}' => '"',
            other => other,
        })
        .collect()
}

/// Returns the lines of `text` with their kinds, from byte `start` to the read limit.
pub(super) fn lines(text: &str, start: usize) -> Vec<Line> {
    let body = prefix(&text[start..], READ_LIMIT);
    let mut out = Vec::new();
    let mut fenced = false;
    let mut at = start;
    for line in body.split('\n') {
        let trimmed = line.trim();
        let kind = if trimmed.starts_with("```") {
            fenced = !fenced;
            LineKind::Code
        } else if fenced {
            LineKind::Code
        } else if trimmed.is_empty() {
            LineKind::Blank
        } else if trimmed.starts_with("[Image") {
            LineKind::Image
        } else if LOG_LINE.is_match(line.as_bytes()) {
            LineKind::Log
        } else {
            LineKind::Own
        };
        out.push(Line { range: at..at + line.len(), kind });
        at += line.len() + 1;
    }
    out
}

/// Returns the byte ranges of the sentences in the lines the person typed.
pub(super) fn sentences(text: &str, lines: &[Line]) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    for line in lines.iter().filter(|l| l.kind == LineKind::Own) {
        split_line(text, line.range.clone(), &mut out);
    }
    out
}

/// Appends the sentences of one line. A full stop ends one when space follows and it closes neither
/// an abbreviation nor a list number; stops inside backticks never do. No space follows those of
/// Chinese and Japanese.
fn split_line(text: &str, line: Range<usize>, out: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let (mut start, mut at, mut quoted) = (line.start, line.start, false);
    while at < line.end {
        match bytes[at] {
            b'`' => quoted = !quoted,
            0xD8 | 0xE3 | 0xEF if !quoted && gloss::wide_stop(&text[at..line.end]).is_some() => {
                let end = at + stops(&text[at..line.end]);
                push_trimmed(text, start..end, out);
                (start, at) = (end, end);
                continue;
            }
            b'.' | b'?' | b'!' if !quoted => {
                let mut end = at + 1;
                while end < line.end
                    && matches!(bytes[end], b'.' | b'?' | b'!' | b'"' | b'\'' | b')')
                {
                    end += 1;
                }
                let closes = end == line.end || bytes[end].is_ascii_whitespace();
                if closes && !is_short_form(&text[start..at], bytes[at], end - at) {
                    push_trimmed(text, start..end, out);
                    start = end;
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    push_trimmed(text, start..line.end, out);
}

/// Returns the length of the wide stops a text begins with, and of what closes after them.
fn stops(text: &str) -> usize {
    let more = |c: char| matches!(c, '」' | '』' | '）' | '”' | '"' | ')' | '?' | '!');
    let mut end = 0;
    while let Some(len) = gloss::wide_stop(&text[end..])
        .or_else(|| text[end..].chars().next().filter(|c| more(*c)).map(char::len_utf8))
    {
        end += len;
    }
    end
}

/// True if the stop after `before` belongs to an abbreviation or a list number.
fn is_short_form(before: &str, stop: u8, run: usize) -> bool {
    if stop != b'.' || run > 1 {
        return false;
    }
    let word = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    let word = word.trim_start_matches(['(', '#']);
    let number = !word.is_empty() && word.len() <= 3 && word.bytes().all(|b| b.is_ascii_digit());
    let known = ["e.g", "i.e", "vs", "etc", "cf", "approx", "dep", "diff"];
    (number && before.trim_start_matches(['(', '#', ' ']).len() == word.len())
        || known.iter().any(|k| word.eq_ignore_ascii_case(k))
}

fn push_trimmed(text: &str, range: Range<usize>, out: &mut Vec<Range<usize>>) {
    let slice = &text[range.clone()];
    let trimmed = slice.trim();
    if trimmed.chars().any(char::is_alphanumeric) && trimmed.len() >= 2 {
        let start = range.start + (slice.len() - slice.trim_start().len());
        out.push(start..start + trimmed.len());
    }
}

/// Returns the model's tokens: lower-case words, `?` and `!`, and `<code>`, `<url>`, `<path>`,
/// `<name>`, `<num>` for what names a thing of one project rather than says something about it.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (i, part) in text.split('`').enumerate() {
        if i % 2 == 1 && !part.contains('\n') {
            out.push("<code>".to_owned());
            continue;
        }
        for raw in part.split_whitespace() {
            push_tokens(raw, &mut out);
        }
    }
    out
}

fn push_tokens(raw: &str, out: &mut Vec<String>) {
    let core = raw.trim_matches(|c: char| !c.is_alphanumeric());
    if core.contains("://") {
        out.push("<url>".to_owned());
    } else if is_path(core) {
        out.push("<path>".to_owned());
    } else if is_name(core) {
        out.push("<name>".to_owned());
    } else {
        for word in core.split(|c: char| !c.is_alphanumeric() && c != '\'') {
            match word.bytes().next() {
                None => {}
                Some(b'0'..=b'9') => out.push("<num>".to_owned()),
                Some(_) => out.push(word.to_lowercase()),
            }
        }
    }
    let tail = raw.trim_end_matches(['"', '\'', ')', '*', '_']);
    for mark in ['?', '!'] {
        if tail.ends_with(mark) {
            out.push(mark.to_string());
        }
    }
}

/// True for `a/b` with a path's characters and for names with a file suffix.
fn is_path(word: &str) -> bool {
    let slash = word.contains('/')
        && word.len() > 3
        && word.chars().all(|c| c.is_alphanumeric() || "/._-~@".contains(c));
    let suffix = word.rsplit_once('.').is_some_and(|(stem, ext)| {
        !stem.is_empty()
            && [
                "go", "md", "ts", "tsx", "js", "py", "rs", "json", "db", "toml", "yml", "yaml",
                "sh",
            ]
            .contains(&ext)
    });
    slash || suffix
}

/// True for identifiers: `camelCase`, `snake_case`, `call()` and dotted members.
fn is_name(word: &str) -> bool {
    let chars: Vec<char> = word.chars().collect();
    let hump = chars.windows(2).any(|w| w[0].is_lowercase() && w[1].is_uppercase());
    let snake = word.contains('_') && word.chars().any(char::is_alphabetic);
    hump || snake || word.contains("(") || word.starts_with("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence_texts(text: &str) -> Vec<&str> {
        let lines = lines(text, own_start(text));
        sentences(text, &lines).into_iter().map(|r| &text[r]).collect()
    }

    #[test]
    fn sentences_end_at_stops_but_not_at_abbreviations_or_list_numbers() {
        assert_eq!(
            sentence_texts("1. Use a map, e.g. a tree map. Really?\nNo `a. b` here"),
            ["1. Use a map, e.g. a tree map.", "Really?", "No `a. b` here"]
        );
    }

    #[test]
    fn sentences_without_spaces_end_at_their_stops() {
        assert_eq!(
            sentence_texts("不对。用「pnpm。」吧！为什么？?好 v1.2"),
            ["不对。", "用「pnpm。」", "吧！", "为什么？?", "好 v1.2"]
        );
    }

    #[test]
    fn pasted_output_is_not_the_persons_own() {
        let text = "this broke:\n```\nfn x() {}\n```\n--- FAIL: TestX (0.1s)\nplease look";
        assert_eq!(sentence_texts(text), ["this broke:", "please look"]);
    }

    #[test]
    fn an_editors_preamble_is_skipped() {
        let text = "# Context from my IDE setup:\n## My request for Codex:\nuse tabs\n";
        assert_eq!(&text[own_start(text)..], "use tabs\n");
    }

    #[test]
    fn tokens_replace_names_of_things() {
        assert_eq!(
            tokens("Put `x` into src/a.rs, parseAll 3 times!"),
            ["put", "<code>", "into", "<path>", "<name>", "<num>", "times", "!"]
        );
    }
}
