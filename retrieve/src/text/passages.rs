//! Heading-aware windows of long texts.
//!
//! Owns [`split`]. Must not know what a passage is used for.

use super::markdown::lines;

/// Sizes of windows.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Words in a window, at most.
    pub words: usize,
    /// Words two neighbours share.
    pub overlap: usize,
    /// A heading starts a new section only after this many words.
    pub section: usize,
    /// Characters in a window, at most (one word is always taken).
    pub chars: usize,
}

/// The sizes in use; changing them changes the index format.
pub const WINDOW: Window = Window { words: 150, overlap: 30, section: 50, chars: 800 };

struct Word<'a> {
    text: &'a str,
    chars: usize,
    starts_section: bool,
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    for line in lines(text) {
        for (i, word) in line.text.split_whitespace().enumerate() {
            words.push(Word {
                text: word,
                chars: word.chars().count(),
                starts_section: line.heading.is_some() && i == 0,
            });
        }
    }
    words
}

/// Returns the word ranges between headings that are far enough apart.
fn sections(words: &[Word<'_>], window: Window) -> Vec<(usize, usize)> {
    let mut sections = Vec::new();
    let mut start = 0;
    for (i, word) in words.iter().enumerate().skip(1) {
        if word.starts_section && i - start >= window.section {
            sections.push((start, i));
            start = i;
        }
    }
    sections.push((start, words.len()));
    // A short rest belongs to the section before it, if both fit one window.
    if let [.., (before, _), (last, end)] = sections[..]
        && end - last < window.section
        && end - before <= window.words
    {
        sections.truncate(sections.len() - 2);
        sections.push((before, end));
    }
    sections
}

/// Splits a text into overlapping windows that respect headings outside code fences; words are
/// joined by single spaces. An empty text has none.
#[must_use]
pub fn split(text: &str, window: Window) -> Vec<String> {
    let words = words(text);
    if words.is_empty() {
        return Vec::new();
    }
    let mut passages = Vec::new();
    for (mut at, end) in sections(&words, window) {
        loop {
            let mut stop = at;
            let mut chars = 0;
            while stop < end
                && stop - at < window.words
                && (stop == at || chars + words[stop].chars < window.chars)
            {
                chars += words[stop].chars + 1;
                stop += 1;
            }
            let texts: Vec<&str> = words[at..stop].iter().map(|w| w.text).collect();
            passages.push(texts.join(" "));
            if stop >= end {
                break;
            }
            at = if stop > at + window.overlap { stop - window.overlap } else { stop };
        }
    }
    passages
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Window = Window { words: 6, overlap: 2, section: 3, chars: 100 };

    #[test]
    fn windows_overlap_and_cover_everything() {
        let text = (0..20).map(|i| i.to_string()).collect::<Vec<_>>().join(" ");
        let passages = split(&text, SMALL);
        assert_eq!(passages[0], "0 1 2 3 4 5");
        assert_eq!(passages[1], "4 5 6 7 8 9");
        assert_eq!(passages.last().unwrap(), "16 17 18 19");
    }

    #[test]
    fn headings_start_passages_but_not_inside_fences() {
        let text = "# One\na b c\n## Two\nd e f g\n```\n# no heading\n```\nh i j";
        let passages = split(text, SMALL);
        assert_eq!(passages[0], "# One a b c");
        assert_eq!(passages[1], "## Two d e f g");
        assert!(!passages.iter().any(|p| p.starts_with("# no")), "{passages:?}");
    }

    #[test]
    fn huge_words_and_no_words() {
        assert!(split(" \n\t", SMALL).is_empty());
        let long = "x".repeat(5000);
        assert_eq!(split(&long, SMALL), std::slice::from_ref(&long));
    }
}
