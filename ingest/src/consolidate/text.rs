//! A rule as sets of words: what it asks for, what it forbids, on what condition, which numbers and
//! names it holds.
//!
//! Owns reading a sentence's polarity. Must not compare sentences: `relate` does.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::lexicon::{CONDITIONS, DIRECTIONS, NEGATORS, OPPOSITES, STOP};

static STOP_WORDS: LazyLock<std::collections::HashSet<&str>> =
    LazyLock::new(|| STOP.split_whitespace().collect());
static OPPOSITE_SIDES: LazyLock<HashMap<String, Vec<(u16, bool)>>> = LazyLock::new(|| {
    let mut sides: HashMap<String, Vec<(u16, bool)>> = HashMap::new();
    for (i, (a, b)) in OPPOSITES.iter().enumerate() {
        let pair = u16::try_from(i).expect("the table is short");
        sides.entry(stem(a)).or_default().push((pair, false));
        sides.entry(stem(b)).or_default().push((pair, true));
    }
    sides
});
static REWRITES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        // Interjections and question tags are no negation.
        (r"^\W*(?:no|nope|yes|ok|okay|hmm+|well)\b[\s,.!:;-]+", ""),
        (r"[,.]?\s+(?:no|right|yeah|yes|ok)\s*\?\W*$", ""),
        (r"\b(?:do not|don't|dont|never) forget(?: to)?\b", "always"),
        (r"\bnot only\b", "only"),
        (r"\bwhy (?:don't|not|do not)\b", ""),
        (r"n[’']t\b", " not"),
        (r"\b(?:instead of|rather than|in place of|as opposed to)\b", " ; not "),
        (r"\binstead\b", ";"),
        (r"\b(?:but|and then|yet)\b", ";"),
    ]
    .into_iter()
    .map(|(p, to)| (Regex::new(p).expect("the patterns are constants"), to))
    .collect()
});

/// What a rule is made of. Words are stems; every list is sorted and without repetition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Features {
    /// All topic words.
    pub(crate) words: Vec<u32>,
    /// Topic words in clauses that ask for something.
    pub(crate) wanted: Vec<u32>,
    /// Topic words in clauses that forbid something.
    pub(crate) unwanted: Vec<u32>,
    /// Topic words of conditions.
    pub(crate) conditions: Vec<u32>,
    /// Numbers and versions.
    pub(crate) numbers: Vec<u32>,
    /// Identifiers, paths, flags, proper names.
    pub(crate) names: Vec<u32>,
    /// Sides taken in [`OPPOSITES`].
    pub(crate) sides: Vec<(u16, bool)>,
    /// Topic words that take no side in [`OPPOSITES`].
    pub(crate) neutral: Vec<u32>,
    /// Topic words in their order.
    pub(crate) sequence: Vec<u32>,
    /// Whether swapping its parts would change the meaning.
    pub(crate) directed: bool,
}

/// Gives every word a number, so that comparing sentences is comparing sorted numbers.
#[derive(Debug, Default)]
pub(crate) struct Words {
    ids: HashMap<String, u32>,
    texts: Vec<String>,
}

impl Words {
    fn id(&mut self, word: &str) -> u32 {
        if let Some(id) = self.ids.get(word) {
            return *id;
        }
        let id = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.ids.insert(word.to_owned(), id);
        self.texts.push(word.to_owned());
        id
    }

    /// Returns the word of a number.
    pub(crate) fn text(&self, id: u32) -> &str {
        self.texts.get(id as usize).map_or("", String::as_str)
    }

    /// Returns what `rule` is made of.
    pub(crate) fn read(&mut self, rule: &str) -> Features {
        let mut text = rule.replace(['`', '"', '*'], " ");
        let mut lower = text.to_lowercase();
        for (pattern, to) in REWRITES.iter() {
            if let std::borrow::Cow::Owned(new) = pattern.replace_all(&lower, *to) {
                lower = new;
            }
        }
        std::mem::swap(&mut text, &mut lower);
        // `lower` now holds the original case: names are recognised by it.
        let proper = proper_names(&lower);
        let mut features = Features::default();
        for clause in clauses(&text) {
            self.read_clause(clause, &proper, &mut features);
        }
        finish(&mut features);
        features
    }

    fn read_clause(&mut self, clause: &str, proper: &[String], out: &mut Features) {
        let (mut negative, mut condition, mut any) = (false, false, false);
        for raw in clause.split(|c: char| !is_word_char(c)) {
            let raw =
                raw.trim_matches(|c: char| matches!(c, '.' | '-' | ':' | '/' | '\'' | '’' | '@'));
            if raw.is_empty() {
                continue;
            }
            if NEGATORS.contains(&raw) {
                negative = !negative || raw == "nor";
                continue;
            }
            // "Not npm for installs" says nothing against installs: a purpose takes no side.
            condition |= CONDITIONS.contains(&raw) || (any && raw == "for");
            out.directed |= DIRECTIONS.contains(&raw);
            let stem = stem(raw);
            let sides = OPPOSITE_SIDES.get(&stem);
            out.sides.extend(sides.into_iter().flatten());
            if let Some(number) = number(raw) {
                let id = self.id(&number);
                out.numbers.push(id);
                continue;
            }
            if STOP_WORDS.contains(raw) || CONDITIONS.contains(&raw) {
                continue;
            }
            any = true;
            let id = self.id(&stem);
            if sides.is_none() {
                out.neutral.push(id);
            }
            if is_name(raw) || proper.iter().any(|p| p == raw) {
                out.names.push(id);
            }
            out.sequence.push(id);
            match (condition, negative) {
                (true, _) => out.conditions.push(id),
                (_, true) => out.unwanted.push(id),
                _ => out.wanted.push(id),
            }
        }
    }
}

fn finish(f: &mut Features) {
    f.words = f.sequence.clone();
    for list in [
        &mut f.words,
        &mut f.wanted,
        &mut f.unwanted,
        &mut f.conditions,
        &mut f.numbers,
        &mut f.names,
        &mut f.neutral,
    ] {
        list.sort_unstable();
        list.dedup();
    }
    f.sides.sort_unstable();
    f.sides.dedup();
    // A word both asked for and forbidden (the thing the rule is about) takes no side.
    let both: Vec<u32> = f.wanted.iter().filter(|w| f.unwanted.contains(w)).copied().collect();
    f.wanted.retain(|w| !both.contains(w));
    f.unwanted.retain(|w| !both.contains(w));
}

fn clauses(text: &str) -> impl Iterator<Item = &str> {
    text.split([';', ',', '—', '–', '!', '?', '\n', '('])
        .flat_map(|c| c.split(". "))
        .filter(|c| !c.trim().is_empty())
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, '_' | '-' | '.' | '/' | ':' | '@' | '#' | '+' | '%' | '\'' | '’')
}

fn number(word: &str) -> Option<String> {
    const NAMES: [&str; 11] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    if let Some(n) = NAMES.iter().position(|n| *n == word).filter(|n| *n > 1) {
        return Some(n.to_string());
    }
    let bare = word.trim_start_matches(['v', '#']);
    let digits = bare.bytes().filter(u8::is_ascii_digit).count();
    let rest_is_unit =
        bare.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '_')).len() <= 2;
    (digits > 0 && bare.starts_with(|c: char| c.is_ascii_digit()) && rest_is_unit)
        .then(|| bare.trim_end_matches('.').to_owned())
}

/// Identifiers, paths, flags and words with digits are names by their form.
fn is_name(word: &str) -> bool {
    word.contains(['_', '/', ':', '@', '#', '.', '+']) || word.bytes().any(|b| b.is_ascii_digit())
}

/// Returns, in lower case, the words that are names by their case: `camelCase`, `SQL`, and
/// capitalised words that do not begin a sentence.
fn proper_names(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut at_start = true;
    for token in text.split_whitespace() {
        let word = token.trim_matches(|c: char| !c.is_alphanumeric());
        let capitals = word.chars().filter(|c| c.is_uppercase()).count();
        let first = word.chars().next().is_some_and(char::is_uppercase);
        let shouted = capitals > 1
            && !word.chars().any(char::is_lowercase)
            && NEGATORS.contains(&word.to_lowercase().as_str());
        if !shouted && ((first && !at_start) || capitals > usize::from(first)) && word.len() > 1 {
            found.push(word.to_lowercase());
        }
        at_start = token.ends_with(['.', '!', '?', ':', ';']);
    }
    found
}

/// Returns a word without its ending, enough to bring forms of one word together.
fn stem(word: &str) -> String {
    if is_name(word) || !word.is_ascii() || word.len() < 4 {
        return word.to_owned();
    }
    let mut s = word.trim_end_matches("'s").to_owned();
    for (end, to, min) in [
        ("ies", "y", 5),
        ("sses", "ss", 5),
        ("ches", "ch", 6),
        ("shes", "sh", 6),
        ("xes", "x", 5),
        ("ing", "", 6),
        ("edly", "", 7),
        ("tion", "t", 7),
        ("ted", "t", 5),
        ("ed", "", 5),
        ("ly", "", 6),
        ("ment", "", 8),
        ("s", "", 4),
    ] {
        if s.len() >= min && s.ends_with(end) && !(end == "s" && s.ends_with("ss")) {
            s.truncate(s.len() - end.len());
            s.push_str(to);
            break;
        }
    }
    let bytes = s.as_bytes();
    let n = bytes.len();
    // "running" → "runn" → "run"; "use", "used" → "us".
    let doubled = n > 3 && bytes[n - 1] == bytes[n - 2];
    if (doubled && !matches!(bytes[n - 1], b'l' | b's' | b'o')) || (n > 3 && bytes[n - 1] == b'e') {
        s.truncate(n - 1);
    }
    s
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(words: &Words, ids: &[u32]) -> Vec<String> {
        let mut v: Vec<String> = ids.iter().map(|i| words.text(*i).to_owned()).collect();
        v.sort();
        v
    }

    #[test]
    fn polarity_is_read_by_clause() {
        let mut words = Words::default();
        let f = words.read("Use pnpm instead of npm");
        assert_eq!(
            (shown(&words, &f.wanted), shown(&words, &f.unwanted)),
            (vec!["pnpm".into()], vec!["npm".into()])
        );
        let g = words.read("don't use npm, use pnpm");
        assert_eq!((&f.wanted, &f.unwanted), (&g.wanted, &g.unwanted));
        let h = words.read("No, we should run the linter, no?");
        assert!(h.unwanted.is_empty());
        let k = words.read("Don't forget to run the linter");
        assert_eq!(k.wanted, h.wanted);
    }

    #[test]
    fn forms_of_a_word_and_numbers_come_together() {
        let mut words = Words::default();
        assert_eq!(words.read("running tests").words, words.read("run test").words);
        assert_eq!(words.read("two spaces").numbers, words.read("2 spaces").numbers);
        let f = words.read("Keep parseConfig in config.go for Postgres v1.2");
        assert_eq!(shown(&words, &f.names), ["config.go", "parseconfig", "postgr"]);
        assert_eq!(shown(&words, &f.numbers), ["1.2"]);
    }
}
