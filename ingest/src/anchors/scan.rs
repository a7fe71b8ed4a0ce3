//! Where a text defines a name, and with which words.
//!
//! Owns the look for definitions, line by line with the patterns of `languages`, and when two
//! definitions are the same. Pure; takes any text. Must not panic and must not take long: lines and
//! definitions are bounded.

use super::languages::{Form, Language, STATEMENTS};

/// Longer lines are no source that a person wrote, in bytes.
const MAX_LINE: usize = 1000;
/// Most lines of one definition's head.
const MAX_HEAD_LINES: usize = 12;
/// Longest head, in bytes.
const MAX_HEAD: usize = 400;
/// Most definitions of one name in one text.
const MAX_FOUND: usize = 64;

/// A place that defines a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The line it begins on, from 1.
    pub line: usize,
    /// Its words up to its body, on one line: `fn rotate(token: &Token) -> Result<Token>`.
    pub head: String,
}

/// Returns the name of the language a file is written in, if definitions can be found in it.
#[must_use]
pub fn language(path: &str) -> Option<&'static str> {
    Language::of(path).map(|l| l.name)
}

/// Returns whether a file holds keys with values rather than code.
#[must_use]
pub fn is_data(path: &str) -> bool {
    Language::of(path).is_some_and(|l| l.form == Form::Key)
}

/// Returns where the text of a file defines a name, in order.
#[must_use]
pub fn definitions(path: &str, text: &str, name: &str) -> Vec<Definition> {
    let mut found = Vec::new();
    let Some(language) = Language::of(path).filter(|_| !name.is_empty()) else { return found };
    let mut at = 0;
    let (mut counted_to, mut line_no) = (0, 1);
    while let Some(hit) = text.get(at..).and_then(|rest| rest.find(name)) {
        let hit = at + hit;
        let begin = text[..hit].rfind('\n').map_or(0, |n| n + 1);
        let end = text[hit..].find('\n').map_or(text.len(), |n| hit + n);
        let line = text[begin..end].trim_end_matches('\r');
        if line.len() <= MAX_LINE && defines(language, line).is_some_and(|n| n == name) {
            line_no += text[counted_to..begin].matches('\n').count();
            counted_to = begin;
            found.push(Definition { line: line_no, head: head(language, &text[begin..]) });
            if found.len() >= MAX_FOUND {
                break;
            }
        }
        // What follows the name on its line is no second definition of it.
        at = (end + 1).max(hit + 1);
    }
    found
}

/// Returns the name a line defines.
fn defines<'l>(language: &Language, line: &'l str) -> Option<&'l str> {
    let words = line.trim_start();
    if words.starts_with(language.comment) || words.starts_with("* ") || words.starts_with("/*") {
        return None;
    }
    if language.has_statements() {
        let first = words.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
        if STATEMENTS.contains(&first) {
            return None;
        }
    }
    let found = language.pattern().captures(line)?;
    found.iter().skip(1).flatten().next().map(|group| group.as_str())
}

/// Returns the words of the definition that a text begins with, up to its body.
fn head(language: &Language, text: &str) -> String {
    let mut out = String::new();
    let mut depth = 0_i32;
    let first = text.trim_start();
    let block = ["def ", "class ", "async "].iter().any(|word| first.starts_with(word));
    for line in text.lines().take(MAX_HEAD_LINES) {
        for c in without_comment(line, language.comment).trim().chars() {
            let ends = match language.form {
                Form::Braces => c == '{',
                Form::Colon => c == ':' && block,
                Form::Line | Form::Key => false,
            };
            if (ends && depth <= 0) || out.len() + c.len_utf8() > MAX_HEAD {
                return out.trim_end().to_owned();
            }
            match c {
                '(' | '[' => depth += 1,
                ')' | ']' => depth -= 1,
                '{' if language.form == Form::Colon => depth += 1,
                '}' if language.form == Form::Colon => depth -= 1,
                _ => {}
            }
            out.push(if c.is_control() { ' ' } else { c });
        }
        if depth <= 0 || matches!(language.form, Form::Line | Form::Key) {
            break;
        }
        out.push(' ');
    }
    out.trim_end().to_owned()
}

/// Returns a line up to a comment at its end; what only looks like one, as in an address, stays.
fn without_comment<'l>(line: &'l str, comment: &str) -> &'l str {
    let mut at = 0;
    while let Some(found) = line[at..].find(comment).map(|n| at + n) {
        let before = line[..found].chars().next_back();
        if before.is_none_or(char::is_whitespace) {
            return &line[..found];
        }
        at = found + comment.len();
    }
    line
}

/// Words before a definition that say who may use it, not what it is.
const REACH: &[&str] = &[
    "pub",
    "pub(crate)",
    "pub(super)",
    "export",
    "default",
    "declare",
    "public",
    "private",
    "protected",
    "internal",
    "fileprivate",
    "open",
];

/// Returns whether a definition still says what a quote of it said: white space, commas at the end
/// of lists and who may use it aside. A quote that ends with the sign before a value (`timeout =`)
/// holds whatever the value is.
#[must_use]
pub fn holds(path: &str, quote: &str, head: &str) -> bool {
    let (quote, head) = (plain(quote), plain(head));
    quote == head || (is_data(path) && quote.ends_with([':', '=']) && head.starts_with(&quote))
}

fn plain(text: &str) -> String {
    let mut words = text.trim();
    while let Some((first, rest)) = words.split_once(char::is_whitespace) {
        if !REACH.contains(&first) {
            break;
        }
        words = rest.trim_start();
    }
    let dense: String = words.chars().filter(|c| !c.is_whitespace()).collect();
    let dense = dense.trim_end_matches([';', ',', '{']);
    dense.replace(",)", ")").replace(",]", "]").replace(",>", ">")
}

/// Returns what to quote of a definition: all of its head, but of a key with a value only the key,
/// unless the rule names the value too.
#[must_use]
pub fn quote(path: &str, head: &str, rule: &str) -> String {
    let Some(sign) = head.find([':', '=']).filter(|_| is_data(path)) else {
        return head.to_owned();
    };
    let value = head[sign + 1..].trim().trim_matches(['"', '\'', ',', '[', ']', '{', '}', ' ']);
    let said = value.chars().any(char::is_alphanumeric) && has_word(rule, value);
    if said { head.to_owned() } else { head[..=sign].to_owned() }
}

/// Returns whether a text has these words, and not only as a part of others.
fn has_word(text: &str, words: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(words).any(|(at, found)| {
        !part(text[..at].chars().next_back()) && !part(text[at + found.len()..].chars().next())
    })
}
