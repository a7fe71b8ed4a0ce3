//! Clean, short text for rules, titles and quotes.
//!
//! Owns everything that turns source text into text a person or an agent is shown. Must not change
//! quotes: a quote is always a byte-for-byte piece of its source, only ever shortened at its ends.

use cemem_core::lesson::{MAX_RULE_CHARS, MAX_TITLE_CHARS};

use super::gloss;

/// Longest quote kept, in bytes: enough for a paragraph, short enough to read in a list.
const MAX_QUOTE_BYTES: usize = 480;

/// Returns whether the character can hide or reorder text: control characters other than white
/// space, zero-width characters, bidirectional overrides, tags.
#[must_use]
pub fn is_trick(c: char) -> bool {
    match c {
        '\n' | '\r' | '\t' => false,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' => true,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{e0000}'..='\u{e007f}' | '\u{fff9}'..='\u{fffb}' => true,
        c => c.is_control(),
    }
}

/// Returns the text on one line without characters that hide or reorder it.
#[must_use]
pub fn clean_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(1024));
    let mut gap = false;
    for c in text.chars().filter(|c| !is_trick(*c)) {
        if c.is_whitespace() {
            gap = !out.is_empty();
            continue;
        }
        if gap {
            out.push(' ');
            gap = false;
        }
        out.push(c);
    }
    out
}

/// Returns Markdown without hidden characters, at most `max` characters long.
#[must_use]
pub fn clean_block(text: &str, max: usize) -> String {
    let mut out: String = text.chars().filter(|c| !is_trick(*c) && *c != '\r').take(max).collect();
    out.truncate(out.trim_end().len());
    out
}

/// Returns at most `max` characters, cut at a word's end with an ellipsis.
#[must_use]
pub fn clip(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let head: String = text.chars().take(max.saturating_sub(1)).collect();
    // A very long first word has no better place to cut.
    let cut = head.rfind(' ').filter(|at| *at > head.len() / 2).unwrap_or(head.len());
    format!("{}…", head[..cut].trim_end_matches([' ', ',', ';', ':', '-']))
}

/// Returns a rule made of source words: one line, first letter upper case, bounded.
#[must_use]
pub fn rule(text: &str) -> String {
    let line = clean_line(text);
    let line = line.trim_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';'));
    // Quotes around all of it go; one that belongs to a word inside stays.
    let inner = line.trim_matches('"');
    let line = if inner.contains('"') { line } else { inner };
    clip(&capitalised(line), MAX_RULE_CHARS)
}

/// Returns a title for a rule: its first clause, bounded.
#[must_use]
pub fn title(rule: &str) -> String {
    let line = clean_line(rule);
    let first = sentences(&line).next().unwrap_or(&line);
    clip(
        first.trim_end_matches(['.', '!', ';', ':', ',', '。', '！', '；', '：', '，']),
        MAX_TITLE_CHARS.min(90),
    )
}

/// Returns whether two texts differ in nothing but case, punctuation and white space.
#[must_use]
pub fn same_words(a: &str, b: &str) -> bool {
    let letters = |text: &'_ str| {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect::<String>()
    };
    letters(a) == letters(b)
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        // Names such as `gofmt` keep their case: only plain words are capitalised.
        Some(first) if first.is_lowercase() && plain_first_word(text) => {
            first.to_uppercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

fn plain_first_word(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or("");
    word.chars().all(|c| c.is_lowercase() || matches!(c, '\'' | '’' | ','))
}

/// Returns the sentences of a text, trimmed, without empty ones. Line breaks end a sentence; a dot
/// ends one only before white space, so versions and file names stay whole.
pub fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| {
        let mut rest = line;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let end = sentence_end(rest);
            let (head, tail) = rest.split_at(end);
            rest = tail;
            Some(head.trim())
        })
        .filter(|s| !s.is_empty())
    })
}

/// Returns the first sentence of a paragraph, whose line breaks are only where it was wrapped.
#[must_use]
pub fn first_sentence(paragraph: &str) -> &str {
    paragraph[..sentence_end(paragraph)].trim()
}

/// Returns where the first sentence of a text ends; its length if that is not inside.
pub(super) fn sentence_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = text[at..].find(['.', '!', '?', '。', '｡', '！', '？', '؟']) {
        let mut end = at + found + 1;
        if let Some(len) = gloss::wide_stop(&text[at + found..]) {
            end = at + found + len;
            let closes = |c: char| matches!(c, '。' | '！' | '？' | '」' | '』' | '）' | '”');
            return end + text[end..].len() - text[end..].trim_start_matches(closes).len();
        }
        while matches!(bytes.get(end), Some(b'.' | b'!' | b'?' | b')' | b'"' | b'`')) {
            end += 1;
        }
        let abbreviation = ["e.g.", "i.e.", "etc.", "vs."].iter().any(|a| text[..end].ends_with(a));
        if end >= bytes.len() || (bytes[end].is_ascii_whitespace() && !abbreviation) {
            return end;
        }
        at = end;
    }
    text.len()
}

/// Returns the piece of `text` to quote: `span` where it stands in the text, else the first
/// sentence. Always a substring of `text`.
#[must_use]
pub fn quote<'a>(text: &'a str, span: &str) -> &'a str {
    let span = span.trim();
    let piece = match text.find(span) {
        Some(at) if !span.is_empty() => &text[at..at + span.len()],
        _ => sentences(text).next().unwrap_or(text),
    };
    shorten(piece)
}

/// Returns the head of a quote that is too long, cut between characters.
#[must_use]
pub fn shorten(piece: &str) -> &str {
    if piece.len() <= MAX_QUOTE_BYTES {
        return piece;
    }
    let mut end = MAX_QUOTE_BYTES;
    while !piece.is_char_boundary(end) {
        end -= 1;
    }
    piece[..end].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_never_reach_a_rule() {
        let rule = rule("use\u{200b} tabs\u{202e}\n  and\u{7} not   spaces");
        assert_eq!(rule, "Use tabs and not spaces");
        assert_eq!(super::rule("gofmt -s everything"), "Gofmt -s everything");
        assert_eq!(super::rule("go_fmt everything"), "go_fmt everything");
    }

    #[test]
    fn sentences_keep_versions_and_file_names_whole() {
        let all: Vec<_> = sentences("Use v1.2.3 here. See a.rs! e.g. this one\nnext?").collect();
        assert_eq!(all, ["Use v1.2.3 here.", "See a.rs!", "e.g. this one", "next?"]);
    }

    #[test]
    fn sentences_without_spaces_end_at_their_stops() {
        let all: Vec<_> = sentences("不对！用pnpm。「好。」v1.2 ok? い").collect();
        assert_eq!(all, ["不对！", "用pnpm。", "「好。」", "v1.2 ok?", "い"]);
        assert_eq!(title("不要使用npm。统一用pnpm。"), "不要使用npm");
    }

    #[test]
    fn a_quote_is_a_piece_of_its_source() {
        let text = "ähm. no, use pnpm — always.";
        assert_eq!(quote(text, "use pnpm"), "use pnpm");
        assert_eq!(quote(text, "not there"), "ähm.");
        let long = "é".repeat(600);
        assert!(long.contains(quote(&long, "")));
        assert!(quote(&long, "").len() <= MAX_QUOTE_BYTES);
    }

    #[test]
    fn titles_are_first_clauses() {
        assert_eq!(title("Use pnpm. It is faster."), "Use pnpm");
        assert!(title(&"word ".repeat(80)).chars().count() <= 90);
    }
}
