//! A span as one clean sentence.
//!
//! Owns the rewording: fillers, politeness and tags go, a request becomes an imperative. Adds at
//! most a function word ("Do not", "We should"); never a content word. Must not choose the span.

use std::sync::LazyLock;

use regex::Regex;

use crate::extract::answer::after_no;
use crate::extract::{gloss, wording};

/// Longest rule, in characters.
const MAX_CHARS: usize = 240;

/// Openings and what takes their place, tried in order until none applies any more.
static OPENINGS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (r"^[¿¡]+", ""),
        (r"^[-*•>]\s+|^\(?\d{1,2}[.)]\s+", ""),
        (r"^(ok(ay)?|k|mmm?k|so|hm+|uh+|well|yeah|yup|yes|y|good|cool|great|alright|also|and|now|umm+|oh|ah|lol|then|huh|nah|sorry|dude|actually|honestly|btw|fyi|question|q)\b[\s,.!?;:…—-]+", ""),
        (r"^but\b[\s,]+", ""),
        (r"^(please|pls|kindly)\b[\s,]*", ""),
        (r"^(hey|hi)\b[\s,]+", ""),
        (r"^remember( please| also)?,? not to\b\s+", "do not "),
        (r"^remember( please| also)?,? to\b\s+", ""),
        (r"^(i (also )?(think|guess|feel|believe|mean|wonder if|said|told you)|i'm thinking|i'm wondering if|imo|wondering|maybe|perhaps|probably|presumably|again|as i said|like i said|remember)\b(,? that)?[\s,:]+", ""),
        (r"^(can|could|would|will) (you|we)( please| maybe| also| just)*\b[\s,]+not\b\s*", "do not "),
        (r"^(can|could|would|will) (you|we)( please| maybe| also| just)*\b[\s,]+", ""),
        (r"^(can|could)(n'?t| not) (you|we)( just| simply)*\b\s+", ""),
        (r"^why (don'?t|do not) (you|we)( just)*\b\s+", ""),
        (r"^should(n'?t| not) we\b\s+", "we should "),
        (r"^should we\b\s+", "we should "),
        (r"^(let'?s|lets)( just| all)* not\b\s+", "do not "),
        (r"^(let'?s|lets)( just| all| definitely| also)*\b\s+", ""),
        (r"^(i'd|i would) (like|prefer)( for)?( you| us)? to\b\s+", ""),
        (r"^i (want|need) (you|us) to\b\s+", ""),
        (r"^you (just )?(should|must) not\b\s+", "do not "),
        (r"^you (just )?(should|need to|must|have to)( just)?\b\s+", ""),
        (r"^(just|simply)\b\s+", ""),
    ]
    .into_iter()
    .map(|(pattern, with)| {
        let pattern = Regex::new(&format!("(?i){pattern}"));
        (pattern.expect("constant patterns checked by the unit tests"), with)
    })
    .collect()
});

/// An opening that asks for something: the mark at the end belongs to it, and goes with it.
static REQUEST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^((can|could|would|will)(n'?t| not)? (you|we)|do you mind|why (don'?t|do not) (you|we)|should(n'?t| not)? we|let'?s|please|pls|kindly|(i'd|i would) (like|prefer)|i (want|need) (you|us)|you (just )?(should|need|must|have)|remember)\b")
        .expect("constant pattern checked by the unit tests")
});
/// What is left of a suggestion is one ("maybe we should use the pool?").
static SUGGESTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^(we|you|it) (should|could|must|need to|ought to)\b")
        .expect("constant pattern checked by the unit tests")
});
static MIND: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^(?:would|do) you mind\b(?:,? please)?[\s,]*(not\s+)?([a-z]+ing\b)?")
        .expect("constant pattern checked by the unit tests")
});
/// Verbs that people ask for with "would you mind …ing".
const VERBS: &str = "add adopt avoid call change check clean commit consider convert copy create declare define delete \
    document do drop explain extract factor fix follow format give go handle have import inline \
    introduce keep leave let limit load log look make mark mention merge mock move name open pass \
    pick pin pull push put read rebase refactor remove rename replace restore return reuse revert \
    review rewrite run send set show skip sort split squash stay stick stop store switch take test try turn \
    update use validate wait wrap write";

static CLOSING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)([\s,.…—-]+(no|right|yeah|yes|ok|okay|please|pls|thanks|thank you|hey|correct|or|wth|wtf|lol|huh|:\)|:\|))*\s*[?!.,;:…—？！。，、；：\s-]*$")
        .expect("constant pattern checked by the unit tests")
});

/// Returns `span` as one sentence with a capital and a full stop; empty if nothing is left of it.
pub(super) fn sentence(span: &str) -> String {
    let mut text = without_stray_quote(one_line(span));
    let mut asked = false;
    // Each opening strictly shortens the text or is replaced by words no opening matches.
    for _ in 0..8 {
        let Some(shorter) = strip_opening(&text) else { break };
        asked |= REQUEST.is_match(&text);
        text = shorter;
    }
    let (keep, tagged) = CLOSING
        .captures(&text)
        .map_or((text.len(), false), |c| (text.len() - c[0].len(), c.get(1).is_some()));
    let questions =
        text[keep..].contains(['?', '？']) && !tagged && !asked && !SUGGESTS.is_match(&text);
    let text = wording::clip(text[..keep].trim(), MAX_CHARS);
    if !text.chars().any(char::is_alphanumeric) {
        return String::new();
    }
    let mut out = capital(&text);
    // A sentence that ends with a quoted one has its stop already.
    if !out.trim_end_matches(['"', '”']).ends_with(['.', '!', '?', '…']) {
        let is_dense = out.starts_with(gloss::is_dense) || out.ends_with(gloss::is_dense);
        out.push(match (questions, is_dense) {
            (true, true) => '？',
            (true, false) => '?',
            (false, true) => '。',
            (false, false) => '.',
        });
    }
    out
}

/// Drops a quotation mark at either end whose other half stands outside the span.
fn without_stray_quote(text: String) -> String {
    let n = |c: char| text.matches(c).count();
    let halves = (n('"') % 2 == 1, n('“') != n('”'));
    let stray = |c: char| (c == '"' && halves.0) || (matches!(c, '“' | '”') && halves.1);
    let cut = text.strip_suffix(stray).or_else(|| text.strip_prefix(stray));
    cut.map(|cut| cut.trim().to_owned()).unwrap_or(text)
}

/// Returns "use the pool" for "would you mind using the pool"; of another verb its form stays.
fn after_mind(text: &str) -> Option<Option<String>> {
    let found = MIND.captures(text)?;
    // "Would you mind if …" asks for leave.
    let Some(doing) = found.get(2) else { return Some(None) };
    let stem = doing.as_str().to_lowercase();
    let stem = &stem[..stem.len() - "ing".len()];
    let verb = VERBS.split_ascii_whitespace().find(|verb| {
        let last = verb.chars().last().unwrap_or(' ');
        *verb == stem || verb.strip_suffix('e') == Some(stem) || format!("{verb}{last}") == stem
    });
    let not = found.get(1);
    let rest = &text[doing.end()..];
    let told = match verb {
        Some(verb) => format!("{}{verb}{rest}", not.map_or("", |_| "do not ")),
        None => text[not.unwrap_or(doing).start()..].to_owned(),
    };
    Some(Some(told))
}

/// Joins lines with a space, or with a full stop where a new line plainly starts a new sentence.
fn one_line(span: &str) -> String {
    let mut out = String::new();
    for line in span.lines() {
        let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if words.is_empty() {
            continue;
        }
        if !out.is_empty() {
            let open = out.ends_with(|c: char| c.is_alphanumeric() || "`'\")".contains(c));
            let starts = words.starts_with(|c: char| c.is_uppercase());
            out.push_str(if open && starts { ". " } else { " " });
        }
        out.push_str(&words);
    }
    out
}

/// Returns the text after its first removable opening, unless that would leave a fragment.
fn strip_opening(text: &str) -> Option<String> {
    let enough = |rest: &str| rest.split(' ').filter(|w| !w.is_empty()).count() >= 2;
    if let Some(rest) = after_no(text).filter(|rest| enough(rest)) {
        return Some(rest.to_owned());
    }
    if let Some(minded) = after_mind(text) {
        return minded.filter(|rest| enough(rest));
    }
    OPENINGS.iter().find_map(|(pattern, with)| {
        let found = pattern.find(text)?;
        let rest = text[found.end()..].trim_start();
        enough(rest).then(|| format!("{with}{rest}"))
    })
}

/// Raises the first letter of a plain word; names such as `gitTool` or `a/b` stay as they are.
fn capital(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    let word = first.trim_end_matches([',', '.', ':', ';']);
    let plain = word.chars().all(|c| c.is_lowercase() || c == '\'' || c == '-');
    let mut chars = text.chars();
    match chars.next() {
        Some(head) if plain => head.to_uppercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_become_imperatives() {
        for (span, rule) in [
            ("can you please use the shared client?", "Use the shared client."),
            ("hmm, no, let's not mock the clock", "Do not mock the clock."),
            ("Could we just keep one table, no?", "Keep one table."),
            ("I think we should never log tokens!", "We should never log tokens."),
            ("should we be using the builder?", "We should be using the builder."),
            ("no tabs in this repo", "No tabs in this repo."),
            ("no-op migrations are fine here", "No-op migrations are fine here."),
            ("no .env files in the repo", "No .env files in the repo."),
            ("no --force pushes to main", "No --force pushes to main."),
            ("no use tabs for indentation", "Use tabs for indentation."),
            (
                "keep the cache small\n\nIt is read on start",
                "Keep the cache small. It is read on start.",
            ),
            ("`make check` must pass first", "`make check` must pass first."),
            ("不要使用npm！", "不要使用npm。"),
            ("提交前必须跑测试", "提交前必须跑测试。"),
            ("コミット前に必ずテストを実行して。", "コミット前に必ずテストを実行して。"),
            ("절대 npm 쓰지 마!", "절대 npm 쓰지 마."),
            ("¿usamos siempre pnpm?", "Usamos siempre pnpm?"),
            ("nie npm benutzen", "Nie npm benutzen."),
            ("никогда не используй npm", "Никогда не используй npm."),
            ("remember to push when you are done", "Push when you are done."),
            ("Remember not to push on Fridays", "Do not push on Fridays."),
            ("you must not use bare except", "Do not use bare except."),
            ("remember that we squash", "We squash."),
            ("Would you mind using the Money gem for amounts?", "Use the Money gem for amounts."),
            ("would you mind not putting logic in views", "Do not put logic in views."),
            ("Do you mind juggling the two clients?", "Juggling the two clients."),
        ] {
            assert_eq!(sentence(span), rule);
        }
    }

    #[test]
    fn a_question_stays_one_unless_it_is_a_request_or_a_tag() {
        for (span, rule) in [
            ("The page polls then?", "The page polls then?"),
            ("i think my layers are wrong?", "My layers are wrong?"),
            ("why is the footer green?!", "Why is the footer green?"),
            ("would you mind if we use tabs?", "Would you mind if we use tabs?"),
            ("We use tabs, right?", "We use tabs."),
            ("why don't we use the pool?", "Use the pool."),
            ("maybe we should use the pool?", "We should use the pool."),
            ("shouldn't we close the file?", "We should close the file."),
        ] {
            assert_eq!(sentence(span), rule);
        }
    }

    #[test]
    fn half_a_pair_of_quotation_marks_is_dropped() {
        for (span, rule) in [
            ("Always log the file name.\"", "Always log the file name."),
            ("“Always log the file name.", "Always log the file name."),
            ("Call it \"lexicon\"", "Call it \"lexicon\"."),
            ("Useless. \"Log the file name.\"", "Useless. \"Log the file name.\""),
        ] {
            assert_eq!(sentence(span), rule);
        }
    }

    #[test]
    fn a_long_span_is_cut_at_a_word_and_an_empty_one_stays_empty() {
        let rule = sentence(&"always write tests ".repeat(40));
        assert!(rule.chars().count() <= MAX_CHARS && rule.ends_with(" always…"), "{rule}");
        assert_eq!(sentence(" ?! "), "");
    }
}
