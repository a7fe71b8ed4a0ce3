//! Rules that stand in files agents read: CLAUDE.md, AGENTS.md, rules of editors, an agent's memory.
//!
//! Owns which items of such a file are rules. Most of a good one describes; only what tells somebody
//! what to do or to leave is taken. Only what the file holds now counts. A team's file has been read by
//! people; an agent's memory has not, so it waits for a person or for repetition. Must not read files.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use cemem_core::{Candidate, CandidateKey, EventKind, LessonType, Signal, Trust};
use regex::Regex;
use serde_json::Value;

use super::view::View;
use super::{Found, injection, scope, wording};
use crate::sources::rules;

/// Somebody took the trouble to write it down for every session.
const WRITTEN: f32 = 0.95;
/// An agent wrote it down for itself.
const NOTED: f32 = 0.6;
/// Longest item that is a rule as a whole, in characters.
const MAX_WHOLE: usize = 280;

static MODAL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:always|never|must(?:n't)?|should(?:n't)?|shall|do not|don['’]?t|cannot|can['’]t|may not|avoid|prefer(?:red|ably)?|ensure|make sure|be sure|only (?:use|if|when|in|after)|requires?|required|forbidden|prohibited|(?:not|isn['’]t|aren['’]t) allowed|no longer (?:use|call)|instead of|rather than|need(?:s)? to|has to|have to)\b",
    )
});
/// First words of sentences that tell somebody what to do.
static IMPERATIVE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:please )?(?:add|annotate|ask|assume|await|base|batch|bind|build|bump|cache|call|catch|check|choose|cite|commit|configure|confirm|consider|consult|copy|cover|create|declare|define|delete|derive|disable|document|enable|escape|exclude|expect|explain|export|expose|extend|extract|favou?r|fix|follow|format|generate|give|group|handle|hide|ignore|implement|import|include|inject|inline|keep|leave|let|limit|lint|log|maintain|mark|match|minimi[sz]e|mirror|mock|move|name|note|omit|open|order|pass|pin|place|preserve|propagate|provide|push|put|raise|read|rebase|refer|regenerate|register|reject|release|remember|remove|rename|report|require|respect|restrict|return|reuse|review|run|sanitize|say|separate|set|skip|sort|specify|split|squash|start|state|stick|stop|store|test|throw|treat|try|type|update|use|validate|verify|wait|work|wrap|write)\b",
    )
});
/// Headings and introductions that make a ban of what stands under them.
static BANS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:\W*)(?:never(?: do)?|don['’]?ts?|do not|avoid|forbidden|prohibited|not allowed|must not)\W*$",
    )
});
/// Headings of parts that describe.
static DESCRIBES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:structure|layout|overview|architecture|director(?:y|ies)|about|introduction|tech(?:nology)? stack|stack|commands?|scripts|links|resources|references?|glossary|status|changelog|features)\b",
    )
});
/// A label before the words: `**Errors**: `.
static LABEL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?:\*\*|__)?[^:*_`.]{2,40}(?::(?:\*\*|__)?|(?:\*\*|__):?)\s+"));
static LINK: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[([^\]\n]*)\]\([^)\n]*\)"));
static CODE: LazyLock<Regex> = LazyLock::new(|| pattern(r"`[^`]*`"));
/// What memory files say about their rule.
static NOTES: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)^\W*(?:why|how to apply|context|source|date|when)\W*:"));

/// Returns whether a text begins with a verb that tells somebody what to do.
pub(super) fn is_imperative(text: &str) -> bool {
    IMPERATIVE.is_match(text)
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant")
}

/// Returns whether events of this engine are rules in files.
pub(super) fn is_rules(engine: &str) -> bool {
    engine == rules::ENGINE || engine == rules::MEMORY
}

/// Returns the candidates of a rule file.
pub(super) fn find(view: &View<'_>) -> Vec<Found> {
    if !is_rules(&view.session.engine) {
        return Vec::new();
    }
    let Some(list) = (0..view.events.len()).rev().find_map(|idx| match view.kind(idx) {
        EventKind::Document { meta, .. } => Some(meta),
        _ => None,
    }) else {
        return Vec::new();
    };
    let now: HashSet<&str> =
        list["rules"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut by_line: BTreeMap<(u64, usize), usize> = BTreeMap::new();
    for (idx, stored) in view.events.iter().enumerate() {
        if let EventKind::StatedRule { line, .. } = stored.event.kind
            && now.contains(stored.event.key.as_str())
        {
            by_line.insert((line, idx), idx);
        }
    }
    // What a person told an agent stands first in the note about it.
    let told = view.session.engine == rules::MEMORY && list["type"] == "feedback";
    let first = by_line.values().next().copied().filter(|_| told);
    by_line
        .into_values()
        .filter_map(|idx| {
            let candidate = candidate(view, idx, first == Some(idx))?;
            Some(Found { idx, candidate })
        })
        .collect()
}

fn candidate(view: &View<'_>, idx: usize, sure: bool) -> Option<Candidate> {
    let EventKind::StatedRule { headings, paths, text, .. } = view.kind(idx) else { return None };
    let memory = view.session.engine == rules::MEMORY;
    if memory && (text.starts_with('[') || NOTES.is_match(text)) {
        return None;
    }
    let clean = words(text);
    let rule = rule_in(&clean, headings, sure)?;
    let suspicious = [rule.as_str(), text].into_iter().any(injection::is_suspicious);
    let mut applies_when = scope::of_turn(&clean, None, None);
    if !paths.is_empty() {
        applies_when.paths.clone_from(paths);
    }
    if let Some(topic) = headings.last().filter(|h| !h.ends_with(':') && h.len() <= 60) {
        applies_when.tags.push(wording::clean_line(topic));
    }
    let whole = wording::same_words(&rule, &clean);
    Some(Candidate {
        key: CandidateKey::derive(
            "stated_rule",
            [(view.session.engine.as_str(), view.events[idx].event.key.as_str())],
        ),
        signal: Signal::StatedRule,
        lesson_type: lesson_type(&rule),
        title: wording::title(&rule),
        rule,
        why: None,
        body: (!whole).then(|| wording::clean_block(text, 2000)),
        anchors: scope::anchors(&applies_when),
        applies_when,
        trust: match (suspicious, memory) {
            (true, _) => Trust::ToolOutput,
            (false, true) => Trust::Agent,
            (false, false) => Trust::HumanReview,
        },
        correction: 0.0,
        durable: if memory { NOTED } else { WRITTEN },
        evidence: vec![view.evidence(idx, wording::shorten(text))],
        extra: Value::Null,
    })
}

/// Returns the words of an item without Markdown's signs.
fn words(text: &str) -> String {
    let text = LINK.replace_all(text, "$1");
    wording::clean_line(&text.replace("**", "").replace("__", ""))
}

/// Returns the rule an item states, if it states one.
fn rule_in(clean: &str, headings: &[String], sure: bool) -> Option<String> {
    let lead = headings.last().map(String::as_str).unwrap_or_default();
    if BANS.is_match(lead) && !MODAL.is_match(clean) {
        return Some(wording::rule(&format!("{}: {clean}", lead.trim_end_matches(':'))));
    }
    let describes = headings.iter().any(|h| DESCRIBES.is_match(h));
    let states = |sentence: &str| {
        let plain = CODE.replace_all(sentence, " ");
        // `make test` — runs the tests.
        if plain.split_whitespace().filter(|w| w.chars().any(char::is_alphabetic)).count() < 2 {
            return false;
        }
        let inner = LABEL.replace(sentence, "");
        let tells = !describes && (IMPERATIVE.is_match(sentence) || IMPERATIVE.is_match(&inner));
        !sentence.ends_with('?') && (MODAL.is_match(&plain) || tells)
    };
    let chosen = if clean.chars().count() <= MAX_WHOLE && (sure || states(clean)) {
        Some(clean)
    } else {
        wording::sentences(clean).find(|s| sure || states(s))
    };
    chosen.map(wording::rule).filter(|rule| !rule.ends_with(':'))
}

fn lesson_type(rule: &str) -> LessonType {
    let lower = rule.to_lowercase();
    let has = |any: &[&str]| any.iter().any(|w| lower.contains(w));
    if has(&["never", "must not", "do not", "don't", "forbidden", "not allowed", "cannot"]) {
        LessonType::Constraint
    } else if has(&["prefer"]) {
        LessonType::Preference
    } else {
        LessonType::Convention
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str, headings: &[&str]) -> Option<String> {
        let headings: Vec<String> = headings.iter().map(|h| (*h).to_owned()).collect();
        rule_in(&words(text), &headings, false)
    }

    #[test]
    fn what_tells_is_a_rule_and_what_describes_is_none() {
        for text in [
            "Use `thiserror` in libraries, `anyhow` in the binary.",
            "**Errors**: wrap them with context before they leave a crate",
            "Tests must not sleep.",
            "Prefer composition over inheritance in [views](docs/views.md)",
            "All public items should have a doc comment",
        ] {
            assert!(rule(text, &["Style"]).is_some(), "{text}");
        }
        for text in [
            "`make test` — runs the tests",
            "The API lives in `src/api`.",
            "src/parser: the parser",
            "Build: `cargo build`",
            "Should this be cached?",
        ] {
            assert_eq!(rule(text, &["Style"]), None, "{text}");
        }
        assert_eq!(rule("Build the project with make", &["Commands"]), None);
        assert!(rule("Never edit generated files", &["Directory structure"]).is_some());
    }

    #[test]
    fn what_stands_under_a_ban_is_one() {
        assert_eq!(
            rule("mock the store in tests", &["Tests", "Never:"]).unwrap(),
            "Never: mock the store in tests"
        );
        assert_eq!(rule("Don't mock the store", &["Don'ts"]).unwrap(), "Don't mock the store");
    }

    #[test]
    fn types_follow_the_words() {
        assert_eq!(lesson_type("Never push to main."), LessonType::Constraint);
        assert_eq!(lesson_type("Prefer small functions."), LessonType::Preference);
        assert_eq!(lesson_type("Use tabs."), LessonType::Convention);
    }
}
