//! Whole sentences: what is a piece of one, and which one it is a piece of.
//!
//! Owns the signs that words were cut out of a sentence. Must not reword anything.

use std::sync::LazyLock;

use regex::Regex;

use super::wording;

/// Longest sentence a piece is widened to, in bytes.
const MAX_BYTES: usize = 480;

/// Words no sentence ends with, and the number of a list's item.
static OPEN_END: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:\b(?:an?|[Tt]he|[Aa]nd|[Oo]r|[Bb]ut|[Nn]or|[Bb]ecause|[Uu]nless|[Ww]hereas|[Aa]lthough|[Tt]han)|[:,;#(]\s*\d{1,3})[\s.,;:…-]*$")
        .expect("the pattern is a constant")
});
/// Code, smileys and the labels of options hold brackets that open nothing.
static NO_BRACKETS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"`[^`]*`|[:;]-?[()]|(?:^|[\s(])\w{1,2}\)").expect("the pattern is a constant")
});

/// Returns whether a rule is a piece of a sentence: it ends where none ends, a bracket or a quote
/// is open, or it has no words. What was cut for its length (it ends in `…`) is none.
#[must_use]
pub fn is_fragment(rule: &str) -> bool {
    if !rule.chars().any(char::is_alphabetic) {
        return true;
    }
    if rule.ends_with('…') {
        return false;
    }
    OPEN_END.is_match(rule) || !is_balanced(rule)
}

fn is_balanced(rule: &str) -> bool {
    let plain = NO_BRACKETS.replace_all(rule, " ");
    let mut open = Vec::new();
    for c in plain.chars() {
        match c {
            '(' | '[' => open.push(c),
            ')' if open.pop() != Some('(') => return false,
            ']' if open.pop() != Some('[') => return false,
            _ => {}
        }
    }
    let even = |sign: char| plain.matches(sign).count().is_multiple_of(2);
    open.is_empty() && even('"') && even('`')
}

/// Returns the whole sentences of which `piece`, a part of `text`, is a part, if that is more and
/// not too much. Lines of a paragraph are wrapped text; an item of a list is a paragraph.
#[must_use]
pub fn around<'a>(text: &'a str, piece: &str) -> Option<&'a str> {
    let at = text.find(piece).filter(|_| !piece.is_empty())?;
    let (from, to) = paragraph(text, at, at + piece.len());
    let mut start = from;
    let mut end = from;
    while end < at + piece.len() {
        let next = wording::sentence_end(&text[end..to]);
        if end + next <= at {
            start = end + next;
        }
        end += next;
        if next == 0 {
            break;
        }
    }
    let whole = text[start..end].trim();
    (whole.len() > piece.len() && whole.len() <= MAX_BYTES && whole.contains(piece))
        .then_some(whole)
}

/// Returns the bounds of the paragraph around a range.
fn paragraph(text: &str, at: usize, end: usize) -> (usize, usize) {
    let mut from = text[..at].rfind('\n').map_or(0, |n| n + 1);
    while from > 0 && !begins_item(line_at(text, from)) {
        let above = text[..from - 1].rfind('\n').map_or(0, |n| n + 1);
        if is_edge(line_at(text, above)) {
            break;
        }
        from = above;
    }
    let line_end = |i: usize| text[i..].find('\n').map_or(text.len(), |n| i + n);
    let mut to = line_end(end);
    while to < text.len() {
        let below = line_at(text, to + 1);
        if is_edge(below) || begins_item(below) {
            break;
        }
        to = line_end(to + 1);
    }
    (from, to)
}

fn line_at(text: &str, from: usize) -> &str {
    text.get(from..).and_then(|rest| rest.lines().next()).unwrap_or("").trim()
}

/// Lines that are in no paragraph.
fn is_edge(line: &str) -> bool {
    line.is_empty() || ["```", "~~~", "#", "|", ">", "<"].iter().any(|sign| line.starts_with(sign))
}

/// Returns whether the line is the first of a list's item.
pub(super) fn begins_item(line: &str) -> bool {
    let line = line.trim_start();
    let bare = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = bare.len() < line.len() && (bare.starts_with(". ") || bare.starts_with(") "));
    numbered || ["- ", "* ", "+ ", "• "].iter().any(|sign| line.starts_with(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_sentences_are_known_by_their_ends() {
        for piece in [
            "Never name a thread a.",
            "We don't want this: 5.",
            "Structure is simpler) would help future maintainers.",
            "Tab this project\" should be \"tab to search just this project\".",
            "Call out (checkpoint scope for the default case.",
            "Address MIP #2, #4, #5.",
            "Use the builder and",
            "Run `make check before a commit.",
            "177.",
        ] {
            assert!(is_fragment(piece), "{piece}");
        }
        for whole in [
            "Use port 8080.",
            "Keep the timeout at 30",
            "Requires version 1.25.6.",
            "Proceed with option A.",
            "That is what `path_utils` is for.",
            "Prefer (small) functions, \"pure\" ones [if possible]",
            "Choose between a) tabs and b) spaces :)",
            "Never call `f(` without its end",
            "A very long rule that was cut (somewhere in the…",
        ] {
            assert!(!is_fragment(whole), "{whole}");
        }
    }

    #[test]
    fn a_piece_is_widened_to_its_sentence_and_no_further() {
        let text = "Look at this.\n3. Never name a thread a\n   stopword or a bare verb; be\n   concrete. Then go on.\n4. Next item.";
        let whole = "Never name a thread a\n   stopword or a bare verb; be\n   concrete.";
        assert_eq!(around(text, "Never name a thread a"), Some(whole));
        assert_eq!(around(text, "Next item."), None);
        assert_eq!(around("one two.\n\nthree", "three"), None);
        assert_eq!(around("one two", "absent"), None);
    }
}
