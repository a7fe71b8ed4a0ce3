//! Whether a sentence says no more than its evidence.
//!
//! Owns the comparison of a phrasing with the words it rests on: numbers, names, polarity, sides,
//! order, and the share of words they have in common. Must not know lessons or candidates: texts come
//! in, a finding comes out.

use crate::consolidate::relate::common;
use crate::consolidate::text::{Features, Words};
use crate::extract::wording;

/// Share of a sentence's words its evidence must hold for it to be the same in other words.
const PARAPHRASE: f32 = 0.5;
/// Share of a sentence's words a sentence of the evidence must hold to be what it was made of.
const SOURCE: f32 = 0.5;
/// Words that turn a rule about a thing against it, without being a negation.
const TURNING: &[&str] = &[
    "skip",
    "skips",
    "ignore",
    "ignores",
    "bypass",
    "omit",
    "omits",
    "drop",
    "drops",
    "disable",
    "disables",
    "remove",
    "removes",
    "delete",
    "deletes",
    "exclude",
    "excludes",
    "except",
    "unless",
    "optional",
    "unnecessary",
    "needless",
    "forget",
    "override",
    "overrides",
    "suppress",
    "silence",
    "weaken",
    "fake",
    "hardly",
    "rarely",
    "seldom",
    "deprecated",
];

/// How a sentence relates to its evidence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Says {
    /// Every word of it is in the evidence.
    Same,
    /// It says it in other words.
    InOtherWords,
    /// It says something else.
    Other(Other),
}

/// What a sentence says beyond its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Other {
    /// A number the evidence lacks.
    Number(String),
    /// A name, path or flag the evidence lacks.
    Name(String),
    /// What is asked for and what is forbidden are not what they are in the evidence.
    Polarity,
    /// The words come in another order, and order matters.
    Order,
    /// Too few words in common.
    Words,
}

/// What is known of the evidence.
pub(crate) struct Source {
    words: Words,
    /// Each sentence of it, and each clause of those that have several.
    sentences: Vec<Features>,
    all: Vec<u32>,
    wanted: Vec<u32>,
    unwanted: Vec<u32>,
    numbers: Vec<u32>,
    sides: Vec<(u16, bool)>,
    /// Lower case, for names within longer names.
    text: String,
}

impl Source {
    /// Reads the texts a sentence rests on.
    pub(crate) fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut words = Words::as_said();
        let mut sentences = Vec::new();
        let mut text = String::new();
        for each in texts {
            for sentence in wording::sentences(each) {
                sentences.push(words.read(sentence));
                // A word both asked for and forbidden takes no side in its sentence; in a clause it does.
                let clauses = sentence.split_inclusive([',', ';']).map(str::trim);
                sentences
                    .extend(clauses.filter(|c| c.len() < sentence.len()).map(|c| words.read(c)));
            }
            text.push_str(&each.to_lowercase());
            text.push('\n');
        }
        let gather = |list: fn(&Features) -> &Vec<u32>| {
            let mut all: Vec<u32> = sentences.iter().flat_map(|f| list(f).clone()).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        let (all, wanted, unwanted, numbers) = (
            gather(|f| &f.words),
            gather(|f| &f.wanted),
            gather(|f| &f.unwanted),
            gather(|f| &f.numbers),
        );
        let sides = sentences.iter().flat_map(|f| f.sides.clone()).collect();
        Self { words, sentences, all, wanted, unwanted, numbers, sides, text }
    }

    /// Returns whether a piece of text stands in the evidence, whatever its case.
    pub(crate) fn holds(&self, piece: &str) -> bool {
        holds(&self.text, &piece.to_lowercase())
    }

    /// Returns how `sentence` relates to the evidence.
    pub(crate) fn says(&mut self, sentence: &str) -> Says {
        let said = self.words.read(sentence);
        match self.beyond(&said, sentence) {
            Some(other) => Says::Other(other),
            None if said.words.is_empty() && said.numbers.is_empty() => Says::Other(Other::Words),
            None => self.share(&said),
        }
    }

    fn share(&self, said: &Features) -> Says {
        let shared = common(&said.words, &self.all);
        if shared == said.words.len() {
            return Says::Same;
        }
        let enough = shared as f32 >= PARAPHRASE * said.words.len() as f32;
        if enough && (shared >= 2 || said.words.len() <= 2) {
            Says::InOtherWords
        } else {
            Says::Other(Other::Words)
        }
    }

    fn beyond(&self, said: &Features, sentence: &str) -> Option<Other> {
        let lacks = |list: &[u32], word: &u32| list.binary_search(word).is_err();
        if let Some(number) = said.numbers.iter().find(|n| lacks(&self.numbers, n)) {
            return Some(Other::Number(self.words.text(*number).to_owned()));
        }
        for name in said.names.iter().filter(|n| lacks(&self.all, n)) {
            let name = self.words.text(*name);
            if !self.holds(name) {
                return Some(Other::Name(name.to_owned()));
            }
        }
        for token in sentence.split_whitespace() {
            let token = token.trim_matches(|c: char| !c.is_alphanumeric());
            if token.bytes().any(|b| b.is_ascii_digit()) && !self.holds(token) {
                return Some(Other::Number(token.to_owned()));
            }
        }
        if self.turned(said) || self.newly_turned(sentence) || self.negated_anew(said) {
            return Some(Other::Polarity);
        }
        self.reordered(said).then_some(Other::Order)
    }

    /// Whether something forbidden is asked for, or the other way round.
    fn turned(&self, said: &Features) -> bool {
        let only = |a: &[u32], b: &[u32]| -> Vec<u32> {
            a.iter().filter(|w| b.binary_search(w).is_err()).copied().collect()
        };
        let (liked, disliked) =
            (only(&self.wanted, &self.unwanted), only(&self.unwanted, &self.wanted));
        let whole = common(&said.wanted, &disliked) > 0 || common(&said.unwanted, &liked) > 0;
        // Words on both sides of the evidence say nothing; the sentence that was phrased does.
        let nearest = self.origins(said).any(|f| {
            common(&said.wanted, &f.unwanted) > 0 || common(&said.unwanted, &f.wanted) > 0
        });
        let sides = said.sides.iter().any(|(pair, side)| {
            let other = (*pair, !*side);
            self.sides.contains(&other)
                && !said.sides.contains(&other)
                && !self.sides.contains(&(*pair, *side))
        });
        whole || nearest || sides
    }

    /// The sentences a phrasing was made of, as far as its words tell.
    fn origins<'s>(&'s self, said: &'s Features) -> impl Iterator<Item = &'s Features> {
        let share = |f: &Features| common(&said.words, &f.words) as f32 / said.words.len() as f32;
        let best = self.sentences.iter().map(share).fold(0.0, f32::max);
        self.sentences.iter().filter(move |f| share(f) >= best && share(f) >= SOURCE)
    }

    /// Whether a verb turns the rule that is not in the evidence.
    fn newly_turned(&self, sentence: &str) -> bool {
        let lower = sentence.to_lowercase();
        let mut said = lower.split(|c: char| !c.is_alphanumeric());
        said.any(|word| TURNING.contains(&word) && !self.holds(word))
    }

    /// Whether it forbids something where the evidence forbids nothing of the kind, or nothing at
    /// all where the sentence it was made of does.
    fn negated_anew(&self, said: &Features) -> bool {
        if !said.unwanted.is_empty() {
            return common(&said.unwanted, &self.unwanted) == 0;
        }
        let mut origins = self.origins(said).peekable();
        // All it was made of forbids, and it only asks: "don't mock the database" became "mock …".
        origins.peek().is_some() && origins.all(|f| !f.unwanted.is_empty() && f.wanted.is_empty())
    }

    fn reordered(&self, said: &Features) -> bool {
        said.directed
            && self.origins(said).any(|f| {
                let mut last = 0;
                f.directed
                    && said.sequence.iter().any(|word| {
                        let Some(at) = f.sequence.iter().position(|w| w == word) else {
                            return false;
                        };
                        let back = at < last;
                        last = last.max(at);
                        back
                    })
            })
    }
}

/// Returns whether `piece` stands in `text` and not only within a longer word.
fn holds(text: &str, piece: &str) -> bool {
    let piece = piece.trim();
    let inner = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !piece.is_empty()
        && text.match_indices(piece).any(|(at, _)| {
            let (before, after) = (&text[..at], &text[at + piece.len()..]);
            let starts = !inner(piece.chars().next()) || !inner(before.chars().next_back());
            let ends = !inner(piece.chars().next_back()) || !inner(after.chars().next());
            starts && ends
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(evidence: &[&str], sentence: &str) -> Says {
        Source::new(evidence.iter().copied()).says(sentence)
    }

    #[test]
    fn the_same_words_are_the_same() {
        for (evidence, rule) in [
            (
                "no, run the integration tests before you push",
                "Run the integration tests before pushing.",
            ),
            (
                "use pnpm, not npm, for installing packages here",
                "Use pnpm for installing packages, not npm.",
            ),
            (
                "please don't commit generated files to the repo",
                "Never commit generated files to the repo.",
            ),
            ("we keep lines to 100 columns", "Keep lines to 100 columns."),
        ] {
            assert_eq!(says(&[evidence], rule), Says::Same, "{rule}");
        }
    }

    #[test]
    fn other_words_are_a_paraphrase() {
        let evidence = "run the integration tests before you push, CI is slow";
        for rule in [
            "Execute the integration tests before each push.",
            "Verify integration tests locally before pushing.",
        ] {
            assert_eq!(says(&[evidence], rule), Says::InOtherWords, "{rule}");
        }
    }

    #[test]
    fn what_the_evidence_lacks_is_found() {
        let pnpm = "use pnpm instead of npm for installing packages";
        let tests = "run the integration tests before you push";
        for (evidence, rule, what) in [
            (pnpm, "Use npm instead of pnpm for installing packages.", Other::Polarity),
            (pnpm, "Use npm for installing packages.", Other::Polarity),
            ("use pnpm, not npm, npm is slow", "Use npm.", Other::Polarity),
            (pnpm, "Don't use pnpm for installing packages.", Other::Polarity),
            (tests, "Never run the integration tests before you push.", Other::Polarity),
            (tests, "Skip the integration tests before you push.", Other::Polarity),
            (tests, "Push before you run the integration tests.", Other::Order),
            ("don't mock the database in tests", "Mock the database in tests.", Other::Polarity),
            (
                "limit lines to 80 columns",
                "Limit lines to 100 columns.",
                Other::Number("100".into()),
            ),
            ("use the v2 endpoint", "Use the v3 endpoint.", Other::Number("3".into())),
            ("put helpers in util.rs", "Put helpers in `lib.rs`.", Other::Name("lib.rs".into())),
            (
                "call the parser",
                "Call the parser through parse_all.",
                Other::Name("parse_all".into()),
            ),
            (
                "enable strict mode in the parser",
                "Disable strict mode in the parser.",
                Other::Polarity,
            ),
            (
                "sort the imports by name",
                "Write documentation for every public function.",
                Other::Words,
            ),
            ("run the linter after the tests", "Run the linter before the tests.", Other::Polarity),
        ] {
            match says(&[evidence], rule) {
                Says::Other(found) => {
                    let same = std::mem::discriminant(&found) == std::mem::discriminant(&what);
                    assert!(same, "{rule}: {found:?}, not {what:?}");
                }
                other => panic!("{rule}: {other:?}"),
            }
        }
    }
}
