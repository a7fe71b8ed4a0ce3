//! Code-aware search terms.
//!
//! Owns [`Analyser::analyse`], the one way text becomes terms, for lessons and queries alike. Words are
//! lower-cased and stemmed; `camelCase`, `snake_case`, paths, flags and error codes give their
//! parts as words and themselves, unstemmed, as exact terms. Where spaces do not tell words apart (Chinese,
//! Japanese, Korean) every two neighbouring characters are a word. Nothing in a text is query syntax.

use std::sync::OnceLock;

use cemem_core::script::Script;
use frostem::{Algorithm, Stemmer};

/// Words that carry no meaning for search.
const STOP: &str = "\
a about above after again against all am an and any are as at be because been before being below \
between both but by can could did do does doing don down during each few for from further had \
has have having he her here hers herself him himself his how i if in into is it its itself just \
me more most my myself no nor not now of off on once only or other ought our ours ourselves out \
over own s same she should so some such t than that the their theirs them themselves then there \
these they this those through to too under until up very was we were what when where which while \
who whom why will with would you your yours yourself yourselves";

/// Longest term kept, in bytes: longer runs are data, not words.
const MAX_TERM: usize = 80;

/// The terms of a text, in order of appearance, repeated as often as they occur.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// Stemmed words.
    pub words: Vec<String>,
    /// Compounds as they stand (lower case): `src/auth.rs`, `no-verify`, `gethttpresponse`.
    pub exact: Vec<String>,
}

fn stop_words() -> &'static std::collections::HashSet<&'static str> {
    static SET: OnceLock<std::collections::HashSet<&'static str>> = OnceLock::new();
    SET.get_or_init(|| STOP.split_whitespace().collect())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns the byte length of a joiner at the start of `rest`: one of `./\:@#+-`, `::` or `->`.
fn joiner(rest: &str) -> Option<usize> {
    if rest.starts_with("::") || rest.starts_with("->") {
        return Some(2);
    }
    rest.starts_with(['.', '/', '\\', ':', '@', '#', '+', '-']).then_some(1)
}

/// Splits a text into compounds: word characters joined by single joiners with word characters on
/// both sides.
fn compounds(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(is_word)?;
        let whole = &rest[start..];
        let mut end = whole.find(|c| !is_word(c)).unwrap_or(whole.len());
        while let Some(skip) = joiner(&whole[end..]) {
            let next = &whole[end + skip..];
            let run = next.find(|c| !is_word(c)).unwrap_or(next.len());
            if run == 0 {
                break;
            }
            end += skip + run;
        }
        rest = &whole[end..];
        Some(&whole[..end])
    })
}

/// Splits a text where a script whose words no spaces end begins or ends; tells which parts are of one.
fn runs(text: &str) -> impl Iterator<Item = (bool, &str)> {
    let is_wide = |c: char| Script::of(c).is_wide();
    let mut rest = text;
    std::iter::from_fn(move || {
        let wide = is_wide(rest.chars().next()?);
        let (run, after) = rest.split_at(rest.find(|c| is_wide(c) != wide).unwrap_or(rest.len()));
        rest = after;
        Some((wide, run))
    })
}

/// What a character is for splitting `camelCase`.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Upper,
    Lower,
    Digit,
    Other,
}

fn kind(c: char) -> Kind {
    match c {
        'A'..='Z' => Kind::Upper,
        'a'..='z' => Kind::Lower,
        '0'..='9' => Kind::Digit,
        _ => Kind::Other,
    }
}

/// Splits `getHTTPResponse2` into `get`, `HTTP`, `Response`, `2`.
fn camel(word: &str) -> Vec<&str> {
    let chars: Vec<(usize, char)> = word.char_indices().collect();
    let mut parts = Vec::new();
    let mut start = 0;
    for i in 1..chars.len() {
        let (before, here) = (kind(chars[i - 1].1), kind(chars[i].1));
        let next = chars.get(i + 1).map(|&(_, c)| kind(c));
        let cut = match (before, here) {
            (Kind::Upper, Kind::Lower) => false,
            (Kind::Upper, Kind::Upper) => next == Some(Kind::Lower),
            (a, b) => a != b,
        };
        if cut {
            parts.push(&word[start..chars[i].0]);
            start = chars[i].0;
        }
    }
    parts.push(&word[start..]);
    parts
}

/// Turns text into terms.
pub struct Analyser {
    stemmer: Stemmer,
}

impl Default for Analyser {
    fn default() -> Self {
        Self { stemmer: Stemmer::new(Algorithm::English) }
    }
}

impl Analyser {
    /// Returns the terms of a text.
    #[must_use]
    pub fn analyse(&self, text: &str) -> Terms {
        let stop = stop_words();
        let mut terms = Terms::default();
        for compound in compounds(text) {
            if compound.is_ascii() {
                self.compound(compound, stop, &mut terms);
                continue;
            }
            for (wide, run) in runs(compound) {
                if wide {
                    pairs(run, &mut terms);
                } else {
                    compounds(run).for_each(|part| self.compound(part, stop, &mut terms));
                }
            }
        }
        terms
    }

    fn compound(
        &self,
        compound: &str,
        stop: &std::collections::HashSet<&'static str>,
        terms: &mut Terms,
    ) {
        let parts: Vec<&str> = compound
            .split(|c: char| !c.is_alphanumeric())
            .filter(|part| !part.is_empty())
            .collect();
        if parts.len() > 1 && compound.len() <= MAX_TERM {
            terms.exact.push(compound.to_lowercase());
        }
        for part in parts {
            self.word(part, stop, terms);
        }
    }

    fn word(&self, word: &str, stop: &std::collections::HashSet<&'static str>, terms: &mut Terms) {
        if word.len() > MAX_TERM {
            return;
        }
        let lower = word.to_lowercase();
        if stop.contains(lower.as_str()) {
            return;
        }
        terms.words.push(self.stem(&lower));
        let inner_upper = word.chars().skip(1).any(char::is_uppercase);
        let all_upper = !word.chars().any(char::is_lowercase);
        if !inner_upper || all_upper {
            return;
        }
        let parts = camel(word);
        if parts.len() > 1 {
            terms.exact.push(lower);
            for part in parts.into_iter().filter(|p| p.len() > 1) {
                let part = part.to_lowercase();
                if !stop.contains(part.as_str()) {
                    terms.words.push(self.stem(&part));
                }
            }
        }
    }

    fn stem(&self, lower: &str) -> String {
        self.stemmer.stem(lower).into_owned()
    }
}

/// Adds every two neighbouring characters; one that is alone is a word itself.
fn pairs(run: &str, terms: &mut Terms) {
    let starts: Vec<usize> = run.char_indices().map(|(at, _)| at).chain([run.len()]).collect();
    match starts.len() {
        0 | 1 => {}
        2 => terms.words.push(run.to_owned()),
        _ => terms.words.extend(starts.windows(3).map(|at| run[at[0]..at[2]].to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (String, String) {
        let terms = Analyser::default().analyse(text);
        (terms.words.join(" "), terms.exact.join(" "))
    }

    #[test]
    fn words_are_stemmed_and_stop_words_dropped() {
        assert_eq!(of("The migrations are failing"), ("migrat fail".into(), String::new()));
    }

    #[test]
    fn code_gives_parts_and_itself() {
        let (words, exact) =
            of("getHTTPResponse in src/auth_token.rs:12 --no-verify E0382 std::fs");
        assert_eq!(
            words,
            "gethttprespons get http respons src auth token rs 12 verifi e0382 std fs"
        );
        assert_eq!(exact, "gethttpresponse src/auth_token.rs:12 no-verify std::fs");
    }

    #[test]
    fn scripts_without_spaces_give_pairs_of_characters() {
        assert_eq!(of("不要使用npm，改"), ("不要 要使 使用 npm 改".into(), String::new()));
        assert_eq!(
            of("utils.tsに入れないで"),
            ("util ts に入 入れ れな ない いで".into(), "utils.ts".into())
        );
        assert_eq!(of("의존성은 npm으로"), ("의존 존성 성은 npm 으로".into(), String::new()));
        assert_eq!(of("Größe überprüfen").0.split(' ').count(), 2);
    }

    #[test]
    fn query_syntax_is_text() {
        let (words, exact) = of("title:(foo AND bar*) -\"baz\"^2 [a TO z] /re.*gex/");
        assert_eq!(words, "titl foo bar baz 2 z re gex");
        assert_eq!(exact, "");
    }

    #[test]
    fn odd_input_is_harmless() {
        for text in ["", " ", "🎉🎉", "\0\u{1}", "----", "a..b", "日本語のテキスト"] {
            drop(Analyser::default().analyse(text));
        }
        assert_eq!(of(&"x".repeat(500)), (String::new(), String::new()));
    }
}
