//! Review comments that people paste into prompts, whatever the engine.
//!
//! Owns which lines of a prompt are a reviewer's and which the person's own, and the findings in the
//! former. Takes only lines that a page, a program or a tool shaped, up to where their shape ends:
//! what is in doubt stays the person's. Must not judge words or know any engine.

mod bodies;
mod page;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::LazyLock;

use cemem_core::finding::{AuthorKind, Finding};
use cemem_core::id::digest;
use cemem_core::{Actor, Event, EventKind};
use regex::Regex;

use super::bots;

/// Most findings taken from one prompt.
const MAX_FINDINGS: usize = 50;

/// A run of pasted lines.
struct Block {
    /// The line after the last.
    end: usize,
    findings: Vec<Finding>,
}

/// Looks whether a block begins at a line.
type Shape = fn(&[&str], usize) -> Option<Block>;

/// Every shape, the more telling first.
const SHAPES: &[Shape] = &[
    page::terminal,
    page::comment,
    page::suggestion,
    bodies::severity,
    bodies::rabbit,
    bodies::listed,
    bodies::agent_prompt,
    bodies::fix_prompt,
    bodies::badge,
    bodies::bracketed,
];

/// The lines of a text, split into the person's and the findings in the others.
fn scan(text: &str) -> (Vec<&str>, Vec<Finding>, bool) {
    let lines: Vec<&str> = text.lines().collect();
    let (mut own, mut findings, mut pasted, mut at) = (Vec::new(), Vec::new(), false, 0);
    while at < lines.len() {
        let block = if lines[at].trim().is_empty() {
            None
        } else {
            SHAPES.iter().find_map(|shape| shape(&lines, at))
        };
        match block.filter(|block| block.end > at) {
            Some(block) => {
                findings.extend(block.findings);
                pasted = true;
                at = block.end;
            }
            None => {
                own.push(lines[at]);
                at += 1;
            }
        }
    }
    (own, findings, pasted)
}

/// What every shape has somewhere, in the order of [`SHAPES`]: the fields that the terminal prints; where a
/// comment stands, or when it was made; a suggestion; and so on.
static MARKS: LazyLock<Regex> = LazyLock::new(|| {
    let marks = [
        r"association:",
        r"omment(?:ed)? on line|Outdated|just now|yesterday|last (?:week|month|year)| ago\b|\bon [A-Z][a-z]{2} \d",
        r"Suggested change",
        r" Severity",
        r"[⚠🛠🧹💡🔴🟠🟡🔵]",
        r"Found \d",
        r"Inline comments:|\bIn\s",
        r"This is a comment left",
        r"!\[",
        r"\[P\d",
    ];
    Regex::new(&marks.join("|")).expect("a constant")
});

/// Whether a text has what some shape needs: most prompts have not, and one look spares ten a line.
fn may_hold_one(text: &str) -> bool {
    MARKS.is_match(text)
}

/// Returns a person's own words: the text without what was pasted from a review.
pub(crate) fn own_words(text: &str) -> Cow<'_, str> {
    if !may_hold_one(text) {
        return Cow::Borrowed(text);
    }
    let (own, _, pasted) = scan(text);
    if !pasted {
        return Cow::Borrowed(text);
    }
    Cow::Owned(own.join("\n").trim().to_owned())
}

/// Returns the findings in a prompt as events beside it.
pub(crate) fn events(prompt: &Event) -> Vec<Event> {
    let said = match &prompt.kind {
        EventKind::UserPrompt { text, .. } if prompt.actor == Actor::User => text,
        EventKind::ToolRejected { feedback: Some(text), .. } => text,
        _ => return Vec::new(),
    };
    if !may_hold_one(said) {
        return Vec::new();
    }
    let (_, findings, _) = scan(said);
    let findings = findings.into_iter().take(MAX_FINDINGS).enumerate();
    findings.map(|(nth, finding)| beside(prompt, nth, finding)).collect()
}

fn beside(prompt: &Event, nth: usize, mut finding: Finding) -> Event {
    finding.fingerprint = bots::fingerprint(&finding);
    let mut key = digest([prompt.key.as_str(), "finding", &nth.to_string()]);
    key.truncate(32);
    Event {
        key,
        // Pasted once more it is the same finding.
        row_id: format!("finding {}", finding.fingerprint),
        actor: match finding.author_kind {
            AuthorKind::Human => Actor::User,
            AuthorKind::Bot => Actor::Agent,
            AuthorKind::Analyzer => Actor::Tool,
        },
        kind: EventKind::Finding(Box::new(finding)),
        ..prompt.clone()
    }
}

/// Who wrote a comment, as far as its shape tells.
enum By<'a> {
    /// Nobody knows: trusted no more than a program.
    Someone,
    /// A program of this login.
    Program(&'a str),
    /// An account: a program if it is known or says so.
    Account(&'a str),
}

/// Where a comment stands.
type Place = (String, u64, u64);

/// Returns the finding of a comment's body, if it is one.
fn finding(body: &str, by: &By<'_>, place: Option<Place>) -> Option<Finding> {
    let body = body.trim();
    if bots::no_finding(body).is_some() {
        return None;
    }
    let mut finding = Finding::default();
    bots::fill(&mut finding, bots::read(body));
    match by {
        By::Someone => {
            "review".clone_into(&mut finding.tool);
            finding.author_kind = AuthorKind::Bot;
        }
        By::Program(login) => bots::sign(&mut finding, login, true, "review"),
        By::Account(login) => bots::sign(&mut finding, login, false, "review"),
    }
    if let Some((path, first, last)) = place {
        finding.path = Some(path);
        (finding.line_start, finding.line_end) = (Some(first), Some(last));
    }
    (!finding.message.trim().is_empty()).then_some(finding)
}

/// The first line at or after `at` that holds something.
fn next_line(lines: &[&str], at: usize) -> Option<usize> {
    (at..lines.len()).find(|i| !lines[*i].trim().is_empty())
}

/// The end of the paragraph that begins at `at`.
fn paragraph_end(lines: &[&str], at: usize) -> usize {
    (at..lines.len()).find(|i| lines[*i].trim().is_empty()).unwrap_or(lines.len())
}

/// The end of words that begin at `at`, where nothing below says where they end: a page shows a
/// paragraph as one line, and the next may be the person's. Lists and code go on.
fn words_end(lines: &[&str], at: usize) -> usize {
    let goes_on = |line: &str| {
        line.starts_with([' ', '\t', '-', '*', '|', '`', '+', '•'])
            || line.split_once(". ").is_some_and(|(n, _)| n.bytes().all(|b| b.is_ascii_digit()))
    };
    let end = paragraph_end(lines, at);
    (at + 1..end).find(|i| !goes_on(lines[*i])).unwrap_or(end)
}

/// Whether a line is a path with a folder or an extension, and nothing else.
fn is_path(line: &str) -> bool {
    let line = line.trim().trim_matches('`');
    let shaped = !line.is_empty()
        && line.len() < 200
        && !line.contains("://")
        && line.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-+@[]()".contains(&b));
    let name = line.rsplit('/').next().unwrap_or(line);
    shaped
        && name.rsplit_once('.').is_some_and(|(_, x)| (1..=8).contains(&x.len()))
        && name.bytes().any(|b| b.is_ascii_alphabetic())
}
