//! Turns of speech and marks, read as plain words: "instead of", "isn't it?", "❌".
//!
//! Owns what they stand for. Must only be used to compare: what is stored and shown keeps its words.

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use regex::Regex;

use super::lexicon::PHRASES;

use crate::extract::answer::after_no;

/// A way of saying something, and the words it is read as. Only texts with one of the `signs`, if there
/// are any, can hold it: looking for them takes a fraction of the time the expression does, and most texts
/// hold none.
struct Rewrite {
    signs: &'static [&'static str],
    said: Regex,
    read_as: &'static str,
}

impl Rewrite {
    fn new((signs, said, read_as): (&'static [&'static str], &str, &'static str)) -> Self {
        let said = Regex::new(said).expect("the patterns are constants");
        Self { signs, said, read_as }
    }

    fn may_be_in(&self, text: &str) -> bool {
        self.signs.is_empty() || self.signs.iter().any(|sign| text.contains(sign))
    }
}

static PREFERRED: LazyLock<Rewrite> = LazyLock::new(|| {
    let said = r"\bprefer(?:s|red|ring)?\s+([^,;.!?]{1,80}?)\s+over\b";
    Rewrite::new((&["prefer"], said, "prefer $1 ; not "))
});
static SHORTER: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(PHRASES.iter().map(|(said, _)| said))
        .expect("the phrases are constants")
});
static INTERJECTION: LazyLock<Regex> = LazyLock::new(|| {
    let said = r"^\W*(?:nope|yes|ok|okay|hmm+|well)\b[\s,.!:;-]+";
    Regex::new(said).expect("the pattern is a constant")
});
static EXCLUSIVE: LazyLock<Regex> = LazyLock::new(|| {
    let said = r"\b(?:only|solely|exclusively|(?:nothing|nobody|none|no ?one) but)\b";
    Regex::new(said).expect("the pattern is a constant")
});
static INCLUSIVE: LazyLock<Regex> = LazyLock::new(|| {
    let rest =
        r"\b(?:every\w*|all|any\w*)(?: \w+){0,2},? (?:but|except|apart from|other than|besides)\b";
    let beyond = r"\b(?:not|n['’]t|never) (?:only|just|solely)\b";
    Regex::new(&format!("{rest}|{beyond}")).expect("the pattern is a constant")
});
static REWRITES: LazyLock<Vec<Rewrite>> = LazyLock::new(|| {
    let all: [(&'static [&'static str], &str, &'static str); 18] = [
        (&[">=", "≥"], r"(?:>=|≥)\s*(\d)", " least $1"),
        (&["<=", "≤"], r"(?:<=|≤)\s*(\d)", " most $1"),
        (&[">"], r">\s*(\d)", " above $1"),
        (&["<"], r"<\s*(\d)", " below $1"),
        (&["?"], r"[,.]?\s+(?:no|right|yeah|yes|ok)\s*\?\W*$", ""),
        (&["forget"], r"\b(?:do not|don't|dont|never) forget(?: to)?\b", "always"),
        (&["not only"], r"\bnot only\b", "only"),
        (&["no longer", "not any"], r"\b(?:no longer|not any ?more|not any longer)\b", "not"),
        // "Why don't we", "why did you not", "is there no" ask for it …
        (
            &["why "],
            r"\bwhy (?:(?:do|are|is|does|did|have|would|should|could|can|ca)(?:n't| not| (?:we|you|i|it) not)|not)\b",
            "",
        ),
        (&["there no "], r"\b(?:is|are) there no\b", ""),
        // … "why did you", "you did not have to" complain of it …
        (
            &["why did ", "why would ", "why have ", "why are ", "you did"],
            r"\b(?:why (?:did|would|have|are) (?:you|we)|you (?:did not|didn't|didnt) (?:need|have) to)\b",
            "not",
        ),
        // … and "you forgot to", "you did not" of its absence.
        (
            &["you forg", "you fail", "you did", "you have"],
            r"\byou (?:forgot to|forget to|failed to|did not|didn't|didnt|have not|haven't|havent)\b",
            "always",
        ),
        // "Can't we change the function?" asks for it.
        (&["n't "], r"\b(?:ca|could|should|would|wo)n't (?:we|you|i|it|this|that)\b", ""),
        (&["n't "], r"\b(?:isn't|aren't|doesn't|don't) (?:it|there|they|we)\b", ""),
        (&["n't", "n’t"], r"n[’']t\b", " not"),
        (
            &["instead of", "rather than", "in place of", "as opposed to"],
            r"\b(?:instead of|rather than|in place of|as opposed to)\b",
            " ; not ",
        ),
        (&["instead"], r"\binstead\b", ";"),
        (&["but", "and then", "yet"], r"\b(?:but|and then|yet)\b", ";"),
    ];
    all.into_iter().map(Rewrite::new).collect()
});

/// Returns a text in lower case with its turns of speech in plain words; `as_said` leaves a preference as it is.
pub(super) fn plain(lower: String, as_said: bool) -> String {
    let lower = answer_left_out(lower);
    let lower = if as_said { lower } else { in_one_word(lower) };
    let contrast = (!as_said).then_some(&*PREFERRED);
    contrast.into_iter().chain(REWRITES.iter()).fold(lower, |text, rewrite| {
        if !rewrite.may_be_in(&text) {
            return text;
        }
        match rewrite.said.replace_all(&text, rewrite.read_as) {
            Cow::Owned(new) => new,
            Cow::Borrowed(_) => text,
        }
    })
}

/// Returns whether a text in lower case is about something and nothing else ("only the home page"), and
/// whether it is about everything else ("all but the home page", "not only the home page").
pub(super) fn reach(lower: &str) -> (bool, bool) {
    let beyond = INCLUSIVE.is_match(lower);
    (!beyond && EXCLUSIVE.is_match(lower), beyond)
}

/// Returns the text with phrases in one word where there is one.
fn in_one_word(text: String) -> String {
    let ends =
        |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '/'));
    let mut out = String::new();
    let mut last = 0;
    for found in SHORTER.find_iter(&text) {
        let (before, after) = (&text[..found.start()], &text[found.end()..]);
        if ends(before.chars().next_back()) && ends(after.chars().next()) {
            out.push_str(&text[last..found.start()]);
            out.push_str(PHRASES[found.pattern().as_usize()].1);
            last = found.end();
        }
    }
    if last == 0 {
        return text;
    }
    out.push_str(&text[last..]);
    out
}

/// "Well, no, emojis" asks for them: interjections and answers at the start are no negation.
fn answer_left_out(text: String) -> String {
    let after = INTERJECTION.find(&text).map_or(0, |found| found.end());
    match after_no(&text[after..]) {
        Some(rest) => rest.to_owned(),
        None if after > 0 => text[after..].to_owned(),
        None => text,
    }
}

/// What a mark of wrong is read as. No person writes it, so that "❌ Never push" is not read as "not never".
pub(super) const MARKED_WRONG: &str = "not:marked";
/// Marks that say whether what follows is wanted.
const MARKS: &[(char, &str)] = &[
    ('❌', " ; not:marked "),
    ('🚫', " ; not:marked "),
    ('⛔', " ; not:marked "),
    ('✅', " ; "),
    ('✔', " ; "),
];

/// Returns the text with marks of right and wrong in words.
pub(super) fn said_by_marks(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.contains(|c| MARKS.iter().any(|(mark, _)| *mark == c)) {
        return Cow::Borrowed(text);
    }
    let said = |c: char| MARKS.iter().find(|(mark, _)| *mark == c).map(|(_, words)| *words);
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match said(c) {
            Some(words) => out.push_str(words),
            None => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_turn_of_speech_is_without_its_sign(
            parts in proptest::collection::vec(proptest::sample::select(&[
                "no", ", ", " we", " don't", " forget to", " not only", " no longer", " not any more", " why ",
                "do not", " instead", " of", " rather than", " but", " yet", " and then", "?", " ok", " >= 2", " <3",
                " can't we", " isn’t", " prefer tabs over", " x", "\n", " not any longer", " isn't it",
            ][..]), 0..12),
        ) {
            let text = parts.concat();
            for rewrite in REWRITES.iter().chain([&*PREFERRED]) {
                let held = rewrite.said.is_match(&text);
                proptest::prop_assert!(!held || rewrite.may_be_in(&text), "{} in {text:?}", rewrite.said);
            }
        }
    }
}
