//! Words of other languages read as the English words whose cues they are: "nicht" as "not", "不要" as
//! "don't".
//!
//! Owns `gloss.tsv` (a phrase, what it is read as) and how it is applied. It is no translation: only
//! what makes a rule or a correction is read, topics stay as they are. Must only be used to match and to
//! compare; what is stored and shown keeps its words.

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use cemem_core::script::Script;

/// The table, shipped with the program. "…" stands for the clause so far: Japanese and Korean say last
/// what English says first.
const TABLE: &str = include_str!("gloss.tsv");
/// So many words of one kind make a text another language's. One of them alone may be a name: `immer`
/// is a library, too.
const ENOUGH: usize = 2;
/// What may be joined to a word to make a name of it.
const JOINS: [char; 6] = ['_', '-', '/', '@', '#', '\\'];

/// One row of the table.
struct Row {
    /// Goes before the clause.
    front: &'static str,
    /// Takes the place of the phrase.
    place: &'static str,
    /// How much the phrase tells of the language.
    tells: usize,
    is_sign: bool,
}

struct Table {
    rows: Vec<Row>,
    /// Finds phrases as they are written, in small letters, with a capital, in capitals.
    automaton: AhoCorasick,
    /// The row of each pattern.
    row_of: Vec<usize>,
}

static SHIPPED: LazyLock<Table> = LazyLock::new(|| {
    let lines = TABLE.lines().filter(|line| !line.starts_with("# "));
    let (mut rows, mut patterns, mut row_of) = (Vec::new(), Vec::new(), Vec::new());
    for (phrase, read_as) in lines.filter_map(|line| line.split_once('\t')) {
        for form in forms(phrase) {
            patterns.push(form);
            row_of.push(rows.len());
        }
        let (front, place) = read_as.split_once('…').unwrap_or(("", read_as));
        let words = phrase.split_whitespace().count();
        rows.push(Row {
            front: front.trim(),
            place: place.trim_start(),
            tells: if phrase.is_ascii() { words } else { ENOUGH },
            is_sign: !phrase.contains(char::is_alphanumeric),
        });
    }
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(patterns)
        .expect("the shipped table is small");
    Table { rows, automaton, row_of }
});

/// Returns how a phrase may be written. Letters outside ASCII are found as they are.
fn forms(phrase: &str) -> Vec<String> {
    let mut forms = vec![phrase.to_owned()];
    if !phrase.is_ascii() {
        forms.extend([capitalised(phrase), phrase.to_uppercase()]);
        forms.dedup();
    }
    forms
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}

/// Returns whether the character is of a script that writes no spaces between words.
pub(crate) fn is_dense(c: char) -> bool {
    Script::of(c).is_dense()
}

/// Returns the length of the sign that ends a sentence here, if it is one of those that no space follows.
pub(crate) fn wide_stop(text: &str) -> Option<usize> {
    let c = text.chars().next()?;
    matches!(c, '。' | '｡' | '！' | '？' | '؟').then(|| c.len_utf8())
}

/// A row where it was found.
struct Met {
    start: usize,
    end: usize,
    row: &'static Row,
}

/// Returns the phrases in a text, in their order: the longest where several begin.
fn met(text: &str) -> Vec<Met> {
    let table = &*SHIPPED;
    let mut all: Vec<Met> = table
        .automaton
        .find_overlapping_iter(text)
        .map(|found| Met {
            start: found.start(),
            end: found.end(),
            row: &table.rows[table.row_of[found.pattern().as_usize()]],
        })
        .filter(|met| is_whole(text, met))
        .collect();
    all.sort_by_key(|met| (met.start, std::cmp::Reverse(met.end)));
    let mut free = 0;
    all.retain(|met| {
        let keeps = met.start >= free;
        free = if keeps { met.end } else { free };
        keeps
    });
    all
}

/// Returns whether a phrase is no part of a longer word, where words have ends.
fn is_whole(text: &str, met: &Met) -> bool {
    let (head, phrase, tail) = (&text[..met.start], &text[met.start..met.end], &text[met.end..]);
    let joined = |c: char| Script::of(c) == Script::Spaced || JOINS.contains(&c);
    let ends = |inside: Option<char>, outside: Option<char>| {
        inside.is_none_or(|c| Script::of(c) != Script::Spaced) || !outside.is_some_and(joined)
    };
    ends(phrase.chars().next(), head.chars().next_back())
        && ends(phrase.chars().next_back(), tail.chars().next())
}

/// Returns whether a text is of another language, as far as the table tells. Plain English never is.
pub(crate) fn is_foreign(text: &str) -> bool {
    if !text.is_ascii() && text.chars().any(|c| Script::of(c).is_wide()) {
        return true;
    }
    let mut told = 0;
    let mut rows: Vec<*const Row> = Vec::new();
    for met in met(text) {
        if met.row.is_sign {
            return true;
        }
        let row: *const Row = met.row;
        if !rows.contains(&row) {
            rows.push(row);
            told += met.row.tells;
        }
        if told >= ENOUGH {
            return true;
        }
    }
    false
}

/// Returns a text as its cues are read: unchanged, but where it is of another language.
pub(crate) fn glossed(text: &str) -> Cow<'_, str> {
    glossed_if(is_foreign(text), text)
}

/// Returns a text as its cues are read where it is known whether the talk is in another language.
pub(crate) fn glossed_if(foreign: bool, text: &str) -> Cow<'_, str> {
    if foreign { Cow::Owned(gloss(text)) } else { Cow::Borrowed(text) }
}

/// Returns a text of another language with English in the place of the phrases of the table, and with
/// spaces where its script has none.
pub(crate) fn gloss(text: &str) -> String {
    let mut writer = Writer::default();
    let mut at = 0;
    for met in met(text) {
        let between = &text[at..met.start];
        writer.keep(between);
        if writer.in_code {
            writer.keep(&text[met.start..met.end]);
        } else {
            let capital = text[met.start..].starts_with(char::is_uppercase);
            writer.read(met.row, capital);
        }
        at = met.end;
    }
    writer.keep(&text[at..]);
    writer.out.truncate(writer.out.trim_end().len());
    writer.out
}

/// A text in the making.
#[derive(Default)]
struct Writer {
    out: String,
    /// Where the clause begins.
    clause: usize,
    /// Between backticks.
    in_code: bool,
    /// A word ends here, whatever follows.
    gap: bool,
    last: Option<Script>,
    /// How many characters of one script stand here.
    run: usize,
}

impl Writer {
    /// Takes over what is no phrase.
    fn keep(&mut self, text: &str) {
        for c in text.chars() {
            self.in_code ^= c == '`';
            let script = Script::of(c);
            if !self.in_code && script != Script::None && self.is_apart(script) {
                self.put(' ');
            }
            self.run = if self.last == Some(script) { self.run + 1 } else { 1 };
            (self.last, self.gap) = (Some(script), false);
            self.put(c);
        }
    }

    /// Returns whether a letter of this script begins a word. Two characters are a word in Han, on
    /// average; what else has no spaces is taken by runs of one script.
    fn is_apart(&self, next: Script) -> bool {
        if self.gap || (next.is_wide() && self.out.ends_with(CLAUSE_ENDS)) {
            return true;
        }
        let Some(last) = self.last.filter(|last| *last != Script::None) else { return false };
        if last == next {
            return next == Script::Han && self.run.is_multiple_of(2);
        }
        last.is_dense() || next.is_dense()
    }

    /// Puts what a phrase is read as.
    fn read(&mut self, row: &Row, capital: bool) {
        if !row.front.is_empty() {
            self.out.insert(self.clause, ' ');
            self.out.insert_str(self.clause, row.front);
        }
        if row.place.starts_with(',') && self.out.len() > self.clause && self.out.ends_with(' ') {
            self.out.pop();
        }
        let begins = row.place.starts_with(char::is_alphanumeric);
        if begins && self.out.ends_with(|c: char| c.is_alphanumeric() || c == '`') {
            self.put(' ');
        }
        let mut rest = row.place.chars();
        if let Some(first) = rest.next() {
            self.put(if capital { first.to_ascii_uppercase() } else { first });
        }
        rest.for_each(|c| self.put(c));
        (self.last, self.gap, self.run) = (None, !row.is_sign, 0);
    }

    /// Puts one character, but no second space.
    fn put(&mut self, c: char) {
        let spaced = self.out.is_empty() || self.out.ends_with(char::is_whitespace);
        if c == ' ' && spaced {
            return;
        }
        let ends = c == '\n' || (c == ' ' && self.out.ends_with(CLAUSE_ENDS));
        self.out.push(c);
        if ends {
            self.clause = self.out.len();
        }
    }
}

/// What ends a clause.
const CLAUSE_ENDS: [char; 6] = ['.', '!', '?', ',', ';', ':'];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_row_reads_something_once() {
        let mut phrases = std::collections::BTreeSet::new();
        for line in TABLE.lines().filter(|line| !line.starts_with("# ")) {
            let (phrase, read_as) = line.split_once('\t').expect("two cells");
            assert!(phrases.insert(phrase), "{phrase} twice");
            assert!(read_as.is_ascii() || read_as.contains('…'), "{read_as}");
            assert_eq!(phrase, phrase.to_lowercase(), "{phrase}");
        }
        assert!(phrases.len() > 1_000);
    }

    #[test]
    fn cues_of_other_languages_are_read_in_english() {
        for (said, read) in [
            ("Nein, nicht die Funktion", "No, not die Funktion"),
            ("nie wieder npm, immer pnpm", "never again npm, always pnpm"),
            (
                "on n'utilise pas npm, il faut toujours pnpm",
                "we don't use npm, we must always pnpm",
            ),
            ("nunca borra eso", "never remove eso"),
            ("¿por qué npm?", "why npm?"),
            ("não usa npm", "don't use npm"),
            ("D'ora in poi sempre pnpm", "From now on always pnpm"),
            ("Никогда не используй npm", "Never use npm"),
            ("НЕ НАДО так", "Don't так"),
            ("不要使用npm。统一用pnpm！", "don't use npm. always use pnpm!"),
            ("npmは使わないで。pnpmを使って", "don't use npm は. use pnpm"),
            ("npmじゃなくてpnpm", "not npm, but pnpm"),
            ("npm 말고 pnpm 써", "not npm, but pnpm 써"),
            ("npm은 쓰지 마", "don't use npm은"),
        ] {
            assert_eq!(glossed(said), read, "{said}");
        }
    }

    #[test]
    fn words_without_spaces_are_counted() {
        assert_eq!(glossed("日付は全部そっち").split_whitespace().count(), 4);
        assert_eq!(glossed("文档用英式英语"), "文档 用英 式英 语");
    }

    #[test]
    fn english_and_names_stay_as_they_are() {
        for text in [
            "no, don't use npm. Always use pnpm instead!",
            "use immer for the reducers",
            "there are no uses of the old API, and no ES modules",
            "the café menu: déjà-vu, naïve Bayes…",
            "src/nur/immer.ts and avant-garde",
            "“quoted” – it’s fine ✅",
        ] {
            assert!(!is_foreign(text), "{text}");
            assert!(matches!(glossed(text), Cow::Borrowed(same) if same == text));
        }
        assert_eq!(glossed("bitte nicht `immer` nehmen"), "please don't `immer` nehmen");
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(\\PC|[nietmrso 不要使用ないで하지마。？、`\n]){0,120}") {
            let read = gloss(&text);
            prop_assert_eq!(read.trim_end(), &read);
            prop_assert!(glossed(&text).len() <= 32 * text.len() + 32);
        }

        #[test]
        fn a_word_alone_changes_no_english(
            before in "(the|we use|no|it is) ", word in "immer|nie|pas|mai|nur", after in " (in|for|of) it",
        ) {
            let text = format!("{before}{word}{after}");
            prop_assert_eq!(glossed(&text), text.as_str());
        }
    }
}
