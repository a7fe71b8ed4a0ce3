//! A "no" at the start of what a person says: an answer, or the ban of what follows?
//!
//! "No, tabs" and "no use the tabs" ask for tabs; "no tabs" and "no .env files" forbid them. Owns that
//! question for everyone who takes the answer off. Must not read the rest.

use super::stated;

/// Words with which a sentence begins, after which nobody forbids a thing.
const BEGIN: &[&str] =
    &["we", "you", "i", "they", "please", "actually", "just", "lets", "dont", "never", "always"];
/// With a verb behind them they begin one too; before a thing they are a part of its name.
const POINTING: &[&str] = &["it", "that", "this"];
/// Verbs of what these words point at.
const VERBS: &[&str] = &[
    "is", "isnt", "was", "wasnt", "should", "shouldnt", "must", "mustnt", "has", "hasnt", "had",
    "does", "doesnt", "did", "didnt", "needs", "will", "wont", "would", "wouldnt", "can", "cant",
    "cannot", "could", "belongs", "breaks", "fails", "goes", "looks", "makes", "means", "still",
    "works",
];
/// Words that stand before a thing, and so after a verb.
const DETERMINERS: &[&str] = &[
    "the", "a", "an", "it", "them", "this", "these", "those", "all", "both", "your", "our", "my",
    "only",
];
/// After "do" they belong to it.
const OF_DO: &[&str] = &["not", "that", "so"];
/// After "use", one or many, they make a noun of it.
const OF_A_NOUN: &[&str] =
    &["of", "after", "before", "case", "clause", "declaration", "directive", "hook", "statement"];

/// Returns what follows a leading "no" that only answers; `None` where there is none or it forbids.
#[must_use]
pub(crate) fn after_no(text: &str) -> Option<&str> {
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let rest = text.get(..2).filter(|no| no.eq_ignore_ascii_case("no")).map(|_| &text[2..])?;
    let marked = rest.trim_start();
    if let Some(after) = marked.strip_prefix([',', '!', ';', '…', '—', '–']) {
        return Some(after.trim_start_matches([',', '.', '!', ';', ':', '…', '—', '–', '-', ' ']));
    }
    // With a word right behind it, a dot or a dash begins a name: "no .env files", "no --force".
    let after = marked.trim_start_matches(['.', ':', '-']);
    let is_name = after.starts_with(|c: char| !c.is_whitespace());
    if after.len() < marked.len() {
        let is_dash = marked.starts_with('-');
        let is_answer = !is_name && (!is_dash || marked.len() < rest.len());
        return is_answer.then(|| after.trim_start());
    }
    (marked.len() < rest.len() && begins(marked)).then_some(marked)
}

/// Returns whether a sentence of its own begins here.
fn begins(text: &str) -> bool {
    let word =
        |part: &str| part.trim_end_matches([',', '.', '!']).replace(['\'', '’'], "").to_lowercase();
    let mut words = text.split_whitespace();
    let (first, next) = (words.next().unwrap_or_default(), words.next().map(word));
    let next = next.as_deref();
    let is = |list: &[&str], word: Option<&str>| word.is_some_and(|word| list.contains(&word));
    match word(first).as_str() {
        "wait" => first.ends_with(',') || begins(text[first.len()..].trim_start()),
        "use" => !is(OF_A_NOUN, next.map(|next| next.strip_suffix('s').unwrap_or(next))),
        "do" => is(DETERMINERS, next) || is(OF_DO, next),
        first if POINTING.contains(&first) => is(VERBS, next),
        first if BEGIN.contains(&first) => true,
        _ => stated::is_imperative(text) && is(DETERMINERS, next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_from_a_ban() {
        for (said, rest) in [
            ("no, tabs", "tabs"),
            ("No. Tabs", "Tabs"),
            ("no - use tabs", "use tabs"),
            ("no—use tabs", "use tabs"),
            ("no... use tabs", "use tabs"),
            ("no we need tabs", "we need tabs"),
            ("no use tabs for indentation", "use tabs for indentation"),
            ("no keep the old name", "keep the old name"),
            ("No run the tests first", "run the tests first"),
            ("no wait, use tabs", "wait, use tabs"),
            ("no wait it should be a tab", "wait it should be a tab"),
            ("no don't do that", "don't do that"),
            ("no do not push", "do not push"),
            ("no do it in one go", "do it in one go"),
            ("no it should be a tab", "it should be a tab"),
            ("no that is wrong", "that is wrong"),
        ] {
            assert_eq!(after_no(said), Some(rest), "{said}");
        }
        for said in [
            "no tabs",
            "No .env files in the repository",
            "No `.unwrap()` in library code",
            "no --force pushes to main",
            "no :latest tags in Dockerfiles",
            "No I/O in the domain layer",
            "No wait statements in the integration tests",
            "No just-in-time compilation",
            "no-op migrations are fine",
            "No use of any in tests",
            "No use cases in the readme",
            "No use statements inside functions",
            "No use after free",
            "No use directives in headers",
            "No keep alive headers",
            "No it blocks without a name",
            "No this pointers in callbacks",
            "No do blocks in one line",
            "no code that mutates",
            "No tests without the flag",
            "nothing else",
            "no",
            "é",
        ] {
            assert_eq!(after_no(said), None, "{said}");
        }
    }
}
