//! Which names a lesson's words may mean.
//!
//! Owns the guess: code in backticks, the symbols of its reach, words that look like identifiers. A
//! file decides which of them it defines. Pure. Must not read files.

use std::sync::LazyLock;

use cemem_core::Lesson;
use regex::Regex;

/// Most names tried for one lesson.
const MAX_NAMES: usize = 24;
/// Only this much of a rule is looked at, in bytes.
const MAX_TEXT: usize = 2000;

static TICKED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"`([^`\n]{1,120})`").expect("the pattern is a constant"));
static IDENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"\b(?:[a-z]+[a-z0-9]*[A-Z]\w*|[A-Z][a-z0-9]+[A-Z]\w*|\w+_\w+|[A-Z][A-Z0-9]{2,}|(\w+)\(\))",
    )
    .expect("the pattern is a constant")
});

/// A name a lesson may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) text: String,
    /// It stood in backticks: it may also be a plain word, such as a key or a target.
    pub(super) quoted: bool,
}

/// Returns the names of a lesson, those in its rule first.
pub(super) fn of(lesson: &Lesson) -> Vec<Name> {
    let mut names = Vec::new();
    let rule = begin(&lesson.rule);
    let why = begin(lesson.why.as_deref().unwrap_or_default());
    for ticked in TICKED.captures_iter(rule) {
        for word in ticked[1].split_whitespace() {
            add(&mut names, word, true);
        }
    }
    for ident in IDENT.captures_iter(rule) {
        add(&mut names, ident.get(1).map_or(&ident[0], |m| m.as_str()), false);
    }
    for symbol in &lesson.applies_when.symbols {
        add(&mut names, symbol, false);
    }
    for ticked in TICKED.captures_iter(why) {
        for word in ticked[1].split_whitespace() {
            add(&mut names, word, true);
        }
    }
    names
}

/// Returns what is looked at of a text.
fn begin(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}

/// Adds a name whole and its last part: `auth::Token` is also `Token`.
fn add(names: &mut Vec<Name>, word: &str, quoted: bool) {
    let word = word.split('(').next().unwrap_or(word);
    let word = word.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '$'));
    let last = word.rsplit(['.', ':', '#', '/', '\\']).next().unwrap_or(word);
    for name in [word, last] {
        let fits = (2..=80).contains(&name.len()) && name.contains(char::is_alphabetic);
        let name = Name { text: name.to_owned(), quoted };
        if fits && names.len() < MAX_NAMES && names.iter().all(|n| n.text != name.text) {
            names.push(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use cemem_core::Timestamp;
    use cemem_core::exchange::from_line;

    use super::*;

    #[test]
    fn the_rule_comes_first_and_paths_lend_their_last_part() {
        let line = r#"{"rule":"Call `auth::rotate(t)` from parseToken, never npm run `lint:fix`.",
            "applies_when":{"symbols":["MAX_AGE","rotate"]}}"#;
        let lesson = from_line(line, "f", 1, Timestamp(0)).unwrap().lesson;
        let names: Vec<_> = of(&lesson).into_iter().map(|n| (n.text, n.quoted)).collect();
        let want = [
            ("auth::rotate", true),
            ("rotate", true),
            ("lint:fix", true),
            ("fix", true),
            ("parseToken", false),
            ("MAX_AGE", false),
        ];
        assert_eq!(names, want.map(|(n, q)| (n.to_owned(), q)));
    }
}
