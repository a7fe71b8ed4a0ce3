//! A rule as sets of words: what it asks for, what it forbids, on what condition, which numbers and
//! names it holds.
//!
//! Owns reading a sentence's polarity. Must not compare sentences: `relate` does.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::clause::Reading;
use super::familiar::is_familiar;
use super::lexicon::{
    AIMS, AUXILIARIES, CONDITIONS, DIRECTIONS, FILLERS, IRREGULAR, NEGATORS, OPPOSITES, PARTICLES,
    POINTING, PREFIXES, REMOVERS, STOP, SYNONYMS,
};
use super::skeleton::skeleton;
use super::speech::{MARKED_WRONG, plain, reach, said_by_marks};
use crate::extract::gloss::{gloss, is_foreign};

static STOP_WORDS: LazyLock<std::collections::HashSet<&str>> =
    LazyLock::new(|| STOP.split_whitespace().collect());
/// What adds nothing to a rule, beside the words that never do.
static FILLER_WORDS: LazyLock<std::collections::HashSet<&str>> =
    LazyLock::new(|| FILLERS.split_whitespace().collect());
static OPPOSITE_SIDES: LazyLock<HashMap<String, Vec<(u16, bool)>>> = LazyLock::new(|| {
    let mut sides: HashMap<String, Vec<(u16, bool)>> = HashMap::new();
    for (i, (a, b)) in OPPOSITES.iter().enumerate() {
        let pair = u16::try_from(i).expect("the table is short");
        sides.entry(topic(a)).or_default().push((pair, false));
        sides.entry(topic(b)).or_default().push((pair, true));
    }
    sides
});
/// Forms and synonyms, each with the word that stands for all of them.
static STANDS_FOR: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let mut map = HashMap::new();
    for group in SYNONYMS {
        for word in &group[1..] {
            map.insert(root(word), root(group[0]));
        }
    }
    map
});
static CITED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"[`"]([^`"\s]{1,40})[`"]"#).expect("the pattern is a constant"));
/// What a rule is made of. Words are stems; every list is sorted and without repetition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Features {
    /// All topic words.
    pub(crate) words: Vec<u32>,
    /// Those of them that not every instruction may hold.
    pub(crate) rare: Vec<u32>,
    /// Topic words and numbers in clauses that ask for something.
    pub(crate) wanted: Vec<u32>,
    /// Topic words and numbers in clauses that forbid something.
    pub(crate) unwanted: Vec<u32>,
    /// Those of them that say where: "no emojis in messages".
    pub(crate) placed: Vec<u32>,
    /// Topic words of conditions.
    pub(crate) conditions: Vec<u32>,
    /// Topic words of conditions that must not be met.
    pub(crate) unless: Vec<u32>,
    /// Numbers and versions.
    pub(crate) numbers: Vec<u32>,
    /// Identifiers, paths, flags, proper names.
    pub(crate) names: Vec<u32>,
    /// Sides taken in [`OPPOSITES`].
    pub(crate) sides: Vec<(u16, bool)>,
    /// Topic words that take no side in [`OPPOSITES`].
    pub(crate) neutral: Vec<u32>,
    /// Topic words behind words of direction: what something is turned into, what it comes before.
    pub(crate) aimed: Vec<(usize, u32)>,
    /// Topic words in their order.
    pub(crate) sequence: Vec<u32>,
    /// How many words it has that say nothing to compare, but are more than grammar.
    pub(crate) fillers: u8,
    /// Whether a part of it forbids something.
    pub(crate) negated: bool,
    /// How many words of negation it has.
    pub(crate) negations: u8,
    /// Whether it denies something without naming it: "X is not OK", "X? No!".
    pub(crate) denied: bool,
    /// Whether swapping its parts would change the meaning.
    pub(crate) directed: bool,
    /// Whether it is about something and nothing else.
    pub(crate) only: bool,
    /// Whether it is about everything else.
    pub(crate) all_but: bool,
}

/// Gives every word a number, so that comparing sentences is comparing sorted numbers.
#[derive(Debug, Default)]
pub(crate) struct Words {
    /// Takes words as they were said: a synonym is another word.
    as_said: bool,
    ids: HashMap<String, u32>,
    texts: Vec<String>,
    /// Words as they are written, each looked up once.
    met: HashMap<String, Met>,
}

/// What a word says by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Met {
    negates: bool,
    pub(super) conditions: bool,
    directs: bool,
    stops: bool,
    fills: bool,
    names: bool,
    /// What it is as a number, if it is one.
    number: Option<u32>,
    /// What it is as a topic.
    topic: u32,
    sides: Option<&'static Vec<(u16, bool)>>,
    rare: bool,
}

impl Words {
    /// Returns a reading for which a synonym is another word, as it must be where somebody's very
    /// words are asked for.
    pub(crate) fn as_said() -> Self {
        Self { as_said: true, ..Self::default() }
    }

    /// Returns a reading in which these words have been met, in this order.
    pub(crate) fn of(texts: Vec<String>) -> Self {
        let ids = (0..).zip(&texts).map(|(id, word)| (word.clone(), id)).collect();
        Self { ids, texts, ..Self::default() }
    }

    /// Returns the words in the order in which they were met.
    pub(crate) fn into_texts(self) -> Vec<String> {
        self.texts
    }

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

    fn meet(&mut self, raw: &str) -> Met {
        if let Some(met) = self.met.get(raw) {
            return *met;
        }
        let stem = if self.as_said { stem(raw) } else { topic(raw) };
        let met = Met {
            negates: NEGATORS.contains(&raw),
            conditions: CONDITIONS.contains(&raw),
            directs: DIRECTIONS.contains(&raw),
            stops: STOP_WORDS.contains(raw),
            fills: !self.as_said && FILLER_WORDS.contains(raw),
            names: is_name(raw),
            number: number(raw).map(|number| self.id(&number)),
            topic: self.id(&stem),
            sides: OPPOSITE_SIDES.get(&stem),
            rare: !is_familiar(&stem),
        };
        self.met.insert(raw.to_owned(), met);
        met
    }

    /// Returns the number of a word, if it was met.
    pub(crate) fn number_of(&self, word: &str) -> Option<u32> {
        self.ids.get(word).copied()
    }

    /// Returns how many words were met.
    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    /// Returns what `rule` is made of.
    pub(crate) fn read(&mut self, rule: &str) -> Features {
        let marked = said_by_marks(rule);
        let seen = skeleton(&marked);
        let foreign = is_foreign(&seen);
        let seen = if foreign { Cow::Owned(gloss(&seen)) } else { seen };
        let (told, cited) = if self.as_said { (seen, Vec::new()) } else { cited(&seen) };
        let shown = told.replace(['`', '"', '*'], " ");
        let lower = shown.to_lowercase();
        let (only, all_but) = reach(&lower);
        let text = plain(lower, self.as_said);
        // By their case.
        let proper = proper_names(&shown);
        let mut features = Features { only, all_but, ..Features::default() };
        for clause in clauses(&text) {
            let at = Reading::of(clause, features.wanted.len(), foreign);
            self.read_clause(clause, at, &proper, &cited, &mut features);
        }
        finish(&mut features);
        features
    }

    fn read_clause(
        &mut self,
        clause: &str,
        mut at: Reading,
        proper: &[String],
        cited: &[String],
        out: &mut Features,
    ) {
        let forbids_already = out.negated;
        let listed = |list: &[String], word: &str| list.iter().any(|w| w == word);
        let as_said = self.as_said;
        let is_whole = |word: &str| as_said || listed(proper, word) || listed(cited, word);
        for raw in clause.split(|c: char| !is_word_char(c)).flat_map(|word| parts(word, is_whole)) {
            let raw = raw.as_ref();
            if raw.is_empty() {
                continue;
            }
            let is_cited = listed(cited, raw);
            let met = self.meet(raw);
            let is_named = is_cited || met.names || listed(proper, raw);
            if raw == MARKED_WRONG || (!is_cited && met.negates) {
                at.negated(raw, as_said, out);
                continue;
            }
            let begins = at.begins_condition(raw, met);
            if met.directs {
                out.directed = true;
                at.aims = AIMS.iter().position(|aims| aims.contains(&raw));
            }
            // "Don't delete" is not on the side of deleting, nor does it ask for adding.
            if as_said || at.condition || at.any || !at.negative {
                out.sides.extend(met.sides.into_iter().flatten());
            }
            let counts = raw == "one" && !at.pointed;
            at.pointed = POINTING.contains(&raw);
            at.helped = AUXILIARIES.contains(&raw);
            let number = if counts { Some(self.id("1")) } else { met.number };
            let id = match number {
                Some(id) => {
                    out.numbers.push(id);
                    if self.as_said {
                        continue;
                    }
                    id
                }
                None if !is_cited && (begins || met.stops) => continue,
                None if !is_cited
                    && (met.fills || (!as_said && at.ends_first && raw == "first")) =>
                {
                    out.fillers = out.fillers.saturating_add(1);
                    continue;
                }
                None => {
                    let is_first = !std::mem::replace(&mut at.any, true);
                    let id = met.topic;
                    if met.sides.is_none() {
                        out.neutral.push(id);
                    }
                    if is_named {
                        out.names.push(id);
                    }
                    out.sequence.push(id);
                    if met.rare {
                        out.rare.push(id);
                    }
                    out.aimed.extend(at.aims.map(|how| (how, id)));
                    // "Remove X" forbids X, but asks for removing.
                    if !as_said && is_first && !at.condition && REMOVERS.contains(&raw) {
                        if at.negative { &mut out.unwanted } else { &mut out.wanted }.push(id);
                        (at.negative, at.removes) = (!at.negative, true);
                        // "Leave out X" is one negation, "don't leave out X" none.
                        (at.uncounted, at.negated_when) = (at.negative, false);
                        continue;
                    }
                    // "Not the `foo` trailer" says nothing against trailers.
                    at.named |= at.contrast && at.negative && is_first && (is_cited || met.names);
                    if at.named && !is_named && !at.condition && !as_said {
                        continue;
                    }
                    id
                }
            };
            // A negation that says nothing of any topic ("not any") turns nothing.
            if at.negative && at.uncounted {
                // "No mocks of the database, no mocks" says the same twice.
                let again = out.unwanted.contains(&id);
                let counts = u8::from(as_said || !(at.negated_when || again));
                out.negations = out.negations.saturating_add(counts);
                at.uncounted = false;
            }
            if at.placed && at.negative && !at.condition {
                out.placed.push(id);
            }
            match (at.condition, at.negative) {
                (true, false) => out.conditions.push(id),
                (true, true) => out.unless.push(id),
                (false, true) => out.unwanted.push(id),
                (false, false) => out.wanted.push(id),
            }
        }
        // "When there is none" denies nothing; "no emojis, never" denies it once.
        let said = at.negated_when || (forbids_already && !at.any);
        out.denied |= at.uncounted && !at.contrast && (as_said || !said);
    }
}

/// Returns the text and the single words it cites, in lower case. Where it cites a word in capitals
/// and in small letters, the difference is what it is about: the one in capitals is marked.
fn cited(text: &str) -> (Cow<'_, str>, Vec<String>) {
    if !text.contains(['`', '"']) {
        return (Cow::Borrowed(text), Vec::new());
    }
    let mut words: Vec<&str> = CITED.captures_iter(text).map(|c| c.extract::<1>().1[0]).collect();
    words.sort_unstable();
    words.dedup();
    let mut told = Cow::Borrowed(text);
    let mut cited = Vec::with_capacity(words.len());
    for word in &words {
        let small = word.to_lowercase();
        if small != *word && words.contains(&small.as_str()) {
            let marked = format!("{small}'capitals");
            told = Cow::Owned(told.replace(word, &marked));
            cited.push(marked);
        } else {
            cited.push(small.trim_matches(|c| matches!(c, '.' | '-' | ':' | '/' | '@')).to_owned());
        }
    }
    (told, cited)
}

fn finish(f: &mut Features) {
    f.words = f.sequence.clone();
    for list in [
        &mut f.words,
        &mut f.rare,
        &mut f.wanted,
        &mut f.unwanted,
        &mut f.placed,
        &mut f.conditions,
        &mut f.unless,
        &mut f.numbers,
        &mut f.names,
        &mut f.neutral,
    ] {
        list.sort_unstable();
        list.dedup();
    }
    f.aimed.sort_unstable();
    f.aimed.dedup();
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

/// Returns the words that a token holds. Words joined by a hyphen are words of their own ("table-driven")
/// but for those that mean something else alone ("re-index", "opt-in") and names.
fn parts(token: &str, is_whole: impl Fn(&str) -> bool) -> impl Iterator<Item = Cow<'_, str>> {
    let mut word = token.trim_matches(|c: char| matches!(c, '.' | '-' | ':' | '/' | '\'' | '@'));
    // Emphasis, but for `__init__`.
    if let Some(inner) = word.strip_prefix('_').and_then(|w| w.strip_suffix('_')) {
        word = if inner.starts_with('_') { word } else { inner };
    }
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let splits = word.contains('-') && !is_whole(word) && word.split('-').all(plain);
    let pieces = || word.split('-');
    let bound = splits
        && (word.find('-') == Some(1)
            || pieces().next().is_some_and(|first| PREFIXES.contains(&first))
            || pieces().any(|piece| PARTICLES.contains(&piece)));
    let whole = match (splits, bound) {
        (true, true) => Some(Cow::Owned(word.replace('-', ""))),
        (true, false) => None,
        (false, _) => Some(Cow::Borrowed(word)),
    };
    let apart = whole.is_none().then(pieces).into_iter().flatten().map(Cow::Borrowed);
    whole.into_iter().chain(apart)
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
            // "OS-based" names the OS.
            let named = |part: &&str| part.starts_with(char::is_uppercase);
            if word.contains('-') && !word.split('-').all(|part| named(&part)) {
                found.extend(word.split('-').filter(named).map(str::to_lowercase));
            } else {
                found.push(word.to_lowercase());
            }
        }
        at_start = token.ends_with(['.', '!', '?', ':', ';']);
    }
    found
}

/// Returns what stands for a word, its forms and its synonyms.
pub(super) fn topic(word: &str) -> String {
    let base = IRREGULAR.iter().find(|(form, _)| *form == word).map_or(word, |(_, base)| *base);
    let root = root(base);
    STANDS_FOR.get(&root).cloned().unwrap_or(root)
}

/// Returns what a verb and its noun have in common: "validate" and "validation", "implement" and
/// "implementations".
fn root(word: &str) -> String {
    let mut stem = stem(word);
    if is_name(word) {
        return stem;
    }
    if word.ends_with("ions") {
        stem = self::stem(&stem);
    }
    if stem.len() >= 7 && stem.ends_with("at") {
        stem.truncate(stem.len() - 2);
    }
    stem
}

/// Returns a word without its ending, enough to bring forms of one word together.
fn stem(word: &str) -> String {
    // The last letter of `https` is no plural.
    if is_name(word) || !word.is_ascii() || word.len() < 4 || word == "https" {
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
        let no = words.read("No emojis in commit messages");
        assert_eq!(shown(&words, &no.unwanted), ["commit", "emoji", "messag"]);
        assert_eq!(shown(&words, &no.placed), ["commit", "messag"]);
        assert!(words.read("No we need emojis").unwanted.is_empty());
        assert!(words.read("Deploying on Fridays is not OK").denied);
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
