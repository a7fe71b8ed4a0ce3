//! A chat history, cut into what was typed, what the program printed and what the model wrote.
//!
//! Owns telling typed words from headings in answers. Must not interpret the words.

use super::START;
use super::shown::{Shown, meaning};

/// Marks typed words; every line of a prompt has it.
const TYPED: &str = "#### ";
/// Lines looked through for the end of a fence.
const FENCE_REACH: usize = 2000;

/// A run of lines of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A session's start; the text is its time.
    Start,
    /// Typed words, the marks still before them.
    Typed,
    /// One line the program printed.
    Shown,
    /// What the model wrote.
    Written,
}

/// One piece of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// Byte offset of its first line.
    pub(super) offset: usize,
    /// Its length in bytes.
    pub(super) len: usize,
}

/// Returns the words of a [`Kind::Typed`] piece.
pub(super) fn words(text: &str) -> String {
    let lines = text.lines().map(|l| l.strip_prefix(TYPED).unwrap_or_default().trim_end());
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// Cuts a history.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut lines: Vec<(usize, &str)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        lines.push((at, line));
        at += line.len();
    }
    let mut cutter = Cutter {
        loose: !lines.iter().any(|(_, l)| l.starts_with(TYPED) && marked(l)),
        before: "",
        fence: false,
        out: Vec::new(),
    };
    for n in 0..lines.len() {
        cutter.line(&lines, n);
    }
    cutter.out
}

/// Whether a line ends as the program ends typed ones: with two spaces.
fn marked(line: &str) -> bool {
    line.trim_end_matches(['\n', '\r']).ends_with("  ")
}

/// Whether a line is only the page's dress around a published transcript.
fn dress(line: &str) -> bool {
    line.starts_with("<div class=\"chat-transcript\"") || line.trim_end() == "</div>"
}

struct Cutter<'a> {
    /// An editor took the spaces from the ends of lines: nothing can be told by them.
    loose: bool,
    before: &'a str,
    /// In a fence of the model's.
    fence: bool,
    out: Vec<Piece<'a>>,
}

impl<'a> Cutter<'a> {
    fn line(&mut self, lines: &[(usize, &'a str)], n: usize) {
        let (offset, line) = lines[n];
        let text = line.trim_end();
        if dress(line) {
            self.fence = false;
        } else if let Some(time) = line.strip_prefix(START) {
            self.fence = false;
            self.push(Kind::Start, time.trim(), offset, line.len());
        } else if self.typed(lines, n) {
            let joined = self.before.starts_with(TYPED);
            match self.out.last_mut() {
                Some(last) if joined && last.kind == Kind::Typed => last.len += line.len(),
                _ => self.push(Kind::Typed, "", offset, line.len()),
            }
        } else if let Some(shown) = text.strip_prefix('>')
            && (!self.fence || (marked(line) && meaning(shown.trim()) != Shown::Other))
            && (shown.is_empty() || shown.starts_with(' '))
        {
            self.push(Kind::Shown, shown.trim(), offset, line.len());
        } else {
            if text.starts_with("```") {
                self.fence = !self.fence;
            }
            match self.out.last_mut() {
                Some(last) if last.kind == Kind::Written => last.len += line.len(),
                _ if text.is_empty() => {}
                _ => self.push(Kind::Written, "", offset, line.len()),
            }
        }
        self.before = line;
    }

    fn push(&mut self, kind: Kind, text: &'a str, offset: usize, len: usize) {
        if kind != Kind::Written {
            self.fence = false;
        }
        self.out.push(Piece { kind, text, offset, len });
    }

    /// Whether somebody typed this line: it stands after a blank line or one of the program's, ends
    /// as the program ends such lines, and is not inside a fence that is closed later.
    fn typed(&self, lines: &[(usize, &str)], n: usize) -> bool {
        let line = lines[n].1;
        if !line.starts_with(TYPED) {
            return false;
        }
        let before = self.before.trim_end();
        let follows_typed = self.before.starts_with(TYPED)
            && self.out.last().is_some_and(|last| last.kind == Kind::Typed);
        let place = before.is_empty() || before.starts_with('>') || follows_typed;
        let place = place || dress(before) || before.starts_with(START);
        let command = line[TYPED.len()..].starts_with('/');
        let end = self.loose || marked(line) || command || dress(before);
        place && end && !(self.fence && closed(&lines[n + 1..]))
    }
}

/// Whether the fence that is open is closed before the program or a person speaks again.
fn closed(after: &[(usize, &str)]) -> bool {
    for (_, line) in after.iter().take(FENCE_REACH) {
        if line.starts_with("```") {
            return true;
        }
        if line.starts_with("> ") || line.starts_with(START) {
            return false;
        }
    }
    false
}
