//! What a person said: rejections, redirects, steering, corrections, rules, requests to remember.
//!
//! Owns which turns are a person's own words and which signal each one is. Must not weigh words:
//! the judge does that; this module adds what the structure of the session says.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use cemem_core::event::PlanState;
use cemem_core::{
    Actor, Candidate, CandidateKey, EventKind, LessonType, RejectedBy, Signal, Stage, Trust,
};
use regex::Regex;

use super::gloss::glossed;
use super::judge::{Judge, Turn, Verdict};
use super::view::{Call, View};
use super::{Found, injection, scope, wording};
use crate::reviews::pasted;

/// Below this a turn without any structural signal is not even a candidate.
const MIN_DURABLE: f32 = 0.08;
/// A turned-down call says less about the words needed: a lower bar.
const MIN_DURABLE_REJECTED: f32 = 0.04;
/// Most further rules taken from one turn.
const MAX_EXTRA_RULES: usize = 4;
/// How far back the file a correction is about is looked for, in events.
const SUBJECT_REACH: usize = 12;

static REMEMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(?:^|[.!?;,:]\s+|\b(?:and|please|also|but|so)\s+)(?:remember(?:\s*:|\s+(?:that|to|this|we|you|not|never|always|the|for))|keep in mind|from now on|going forward|for future reference|make (?:a|it a|this a) (?:note|rule)|in all future|(?:add|put|write) (?:this|that|it) (?:to|in|into) (?:the |your )?(?:memory|claude\.md|agents\.md))",
    )
    .expect("the pattern is a constant")
});
static STANDING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^[\W\d]*(?:(?:please|also|and|so|but|ok|okay|no|yes|remember|that|to)[,.:]?\s+)*(?:always|never|(?:we|you|i|it) (?:must |should |will )?(?:always|never)\b|we (?:only|use|prefer|don'?t|do not)\b|in this (?:repo|project|codebase|code base)|from now on|going forward|the (?:rule|convention) is)",
    )
    .expect("the pattern is a constant")
});
static GO_ON: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^\W*(?:sorry|oops|ok(?:ay)?|please|yes|no)?[,. ]*(?:continue|go on|go ahead|resume|proceed|carry on|keep going|ok(?:ay)?|yes|y|try again|retry)?[,. ]*(?:please)?\W*$")
        .expect("the pattern is a constant")
});
static DECISION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:let'?s (?:go with|use|do|take|stick with|keep)|we(?:'ll| will| have)? (?:decided|go with|going with)|i(?:'d| would)? (?:prefer|pick|choose)|option [a-d1-9]\b|(?:^|\s)[a-d]\) )")
        .expect("the pattern is a constant")
});
static REASON: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:because|since|cause|so that|otherwise|in order to|the reason|that'?s why|due to)\b")
        .expect("the pattern is a constant")
});

/// Somebody else's words begin: "the reviewer wrote this: …", "Lisa says "…"".
static ATTRIBUTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)\b(?:he|she|[a-z]{3,}) (?:wrote|writes|commented|comments|replied|suggested|noted|remarked|complained|says|said|asks|asked)\b[^\n:"“]{0,80}[:"“]"#,
    )
    .expect("the pattern is a constant")
});

/// Words before "said" that do not name who said it: "I already said: …".
const OWN: &[&str] =
    &["already", "also", "clearly", "explicitly", "had", "have", "just", "literally"];

/// One turn of a person, without what they pasted from a review.
struct Said<'a> {
    idx: usize,
    text: Cow<'a, str>,
    how: How,
    about: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Prompt,
    Steering,
    Redirect,
    Rejection,
    PlanRejection,
}

/// Returns the candidates of a session's human turns, with the index of their event.
pub(super) fn find(view: &View<'_>, judge: &dyn Judge) -> Vec<Found> {
    turns(view).iter().flat_map(|said| judge_turn(view, said, judge)).collect()
}

/// Returns every turn of a person, once: an engine may write a refusal as two events of one row.
fn turns<'a>(view: &View<'a>) -> Vec<Said<'a>> {
    let mut seen = HashSet::new();
    let mut stopped = false;
    let mut found = Vec::new();
    for idx in 0..view.events.len() {
        let event = &view.events[idx].event;
        match &event.kind {
            EventKind::UserInterrupt { .. } => stopped = true,
            EventKind::ToolRejected { feedback: None, by: RejectedBy::User, .. } => stopped = true,
            _ => {}
        }
        let Some(said) = said(view, idx, stopped) else { continue };
        if !matches!(said.how, How::Steering) {
            stopped = false;
        }
        if !is_machine(&said.text) && seen.insert((event.row_id.as_str(), said.text.clone())) {
            found.push(said);
        }
    }
    found
}

fn said<'a>(view: &View<'a>, idx: usize, stopped: bool) -> Option<Said<'a>> {
    let said = match view.kind(idx) {
        EventKind::UserPrompt { text, steering } => {
            if view.events[idx].event.actor != Actor::User {
                return None;
            }
            let text = pasted::own_words(text);
            let how = match (steering, stopped) {
                (true, _) => How::Steering,
                (_, true) if !GO_ON.is_match(&glossed(&text)) => How::Redirect,
                _ => How::Prompt,
            };
            let about = (how == How::Redirect).then(|| last_call(view, idx)).flatten();
            Said { idx, text, how, about }
        }
        EventKind::ToolRejected { call_id, by: RejectedBy::User, feedback: Some(text) } => {
            let about = view.call_idx(call_id);
            let plan = about.and_then(|at| view.call_at(at)).is_some_and(|c| is_plan(c.name));
            let text = pasted::own_words(text);
            Said { idx, text, how: if plan { How::PlanRejection } else { How::Rejection }, about }
        }
        EventKind::Plan { state: PlanState::Rejected, text } => {
            Said { idx, text: Cow::Borrowed(text), how: How::PlanRejection, about: None }
        }
        _ => return None,
    };
    (!said.text.trim().is_empty()).then_some(said)
}

fn is_plan(tool: &str) -> bool {
    matches!(tool, "ExitPlanMode" | "exit_plan_mode" | "update_plan")
}

/// Prompts written by a harness or by a command file, not typed.
fn is_machine(text: &str) -> bool {
    let text = text.trim_start();
    [
        "You are ",
        "Implement the following plan:",
        "This session is being continued",
        "Base directory for this skill:",
    ]
    .iter()
    .any(|start| text.starts_with(start) && text.len() > 200)
}

fn last_call(view: &View<'_>, idx: usize) -> Option<usize> {
    let from = idx.saturating_sub(SUBJECT_REACH);
    (from..idx).rev().find(|i| view.call_at(*i).is_some())
}

fn judge_turn(view: &View<'_>, said: &Said<'_>, judge: &dyn Judge) -> Vec<Found> {
    let (context, after) = (view.context(said.idx), view.after(said.idx));
    let rejected = matches!(said.how, How::Rejection | How::PlanRejection);
    let kind = if rejected { "rejection_reason" } else { "user" };
    let verdict = judge.judge(&Turn { kind, text: &said.text, context: &context, after: &after });
    let explicit = explicit_sentence(&said.text);
    let bar = if rejected { MIN_DURABLE_REJECTED } else { MIN_DURABLE };
    if verdict.durable < bar && explicit.is_none() {
        return Vec::new();
    }
    let mut found =
        vec![Found { idx: said.idx, candidate: build(view, said, &verdict, explicit, 0) }];
    let quoted = found[0].candidate.evidence[0].quote.clone();
    // A turn can state several rules; those in so many words each get a candidate of their own.
    let further = wording::sentences(&said.text)
        .filter(|s| {
            STANDING.is_match(&glossed(s)) && !s.ends_with(['?', '？']) && !overlaps(s, &quoted)
        })
        .take(MAX_EXTRA_RULES);
    for (part, sentence) in further.enumerate() {
        let mut verdict =
            judge.judge(&Turn { kind, text: sentence, context: &context, after: &after });
        if verdict.durable < MIN_DURABLE {
            continue;
        }
        verdict.span = sentence.to_owned();
        let candidate = build(view, said, &verdict, explicit_sentence(sentence), part + 1);
        found.push(Found { idx: said.idx, candidate });
    }
    found
}

fn overlaps(a: &str, b: &str) -> bool {
    a.contains(b) || b.contains(a)
}

/// Returns the sentence that asks to remember something.
fn explicit_sentence(text: &str) -> Option<&str> {
    wording::sentences(text).find(|s| REMEMBER.is_match(&glossed(s)) && !s.ends_with(['?', '？']))
}

fn build(
    view: &View<'_>,
    said: &Said<'_>,
    verdict: &Verdict,
    explicit: Option<&str>,
    part: usize,
) -> Candidate {
    let signal = signal(said, verdict, explicit.is_some());
    let mut quote = wording::quote(&said.text, &verdict.span);
    let mut rule =
        wording::rule(if verdict.rule.trim().is_empty() { quote } else { &verdict.rule });
    if let Some(sentence) = explicit.filter(|s| part == 0 && !overlaps(s, quote)) {
        quote = wording::shorten(sentence);
        rule = wording::rule(sentence);
    }
    let pasted = is_pasted(&said.text, quote);
    let call = said.about.or_else(|| subject(view, said, verdict)).and_then(|i| view.call_at(i));
    let mut applies_when = scope::of_turn(&said.text, call, view.cwd(said.idx));
    if said.how == How::PlanRejection && !applies_when.stages.contains(&Stage::Plan) {
        applies_when.stages.insert(0, Stage::Plan);
    }
    let event = &view.events[said.idx].event;
    let part_name = part.to_string();
    let mut parts = vec![(view.session.engine.as_str(), event.key.as_str())];
    if part > 0 {
        parts.push(("part", &part_name));
    }
    Candidate {
        key: CandidateKey::derive("human", parts),
        signal,
        lesson_type: lesson_type(signal, verdict),
        title: wording::title(&rule),
        rule,
        why: why(said, quote, call, view.cwd(said.idx)),
        body: None,
        anchors: scope::anchors(&applies_when),
        applies_when,
        // Pasted words that try to steer an agent are not the person's; those a tool may have
        // printed need not be.
        trust: if event.actor == Actor::Tool || (pasted && injection::is_suspicious(&said.text)) {
            Trust::ToolOutput
        } else {
            Trust::User
        },
        correction: verdict.correction,
        durable: if pasted { verdict.durable * 0.7 } else { verdict.durable },
        evidence: vec![view.evidence(said.idx, quote)],
        extra: serde_json::Value::Null,
    }
}

fn signal(said: &Said<'_>, verdict: &Verdict, explicit: bool) -> Signal {
    if explicit {
        return Signal::Remember;
    }
    match said.how {
        How::Rejection => Signal::Rejection,
        How::PlanRejection => Signal::PlanRejected,
        How::Redirect if verdict.correction >= 0.4 => Signal::InterruptRedirect,
        How::Steering => Signal::Steering,
        _ if verdict.correction >= 0.5 => Signal::Correction,
        _ if verdict.lesson_type == Some(LessonType::Decision)
            || DECISION.is_match(&glossed(&said.text)) =>
        {
            Signal::Decision
        }
        _ => Signal::StatedRule,
    }
}

fn lesson_type(signal: Signal, verdict: &Verdict) -> LessonType {
    verdict.lesson_type.unwrap_or(match signal {
        Signal::Remember | Signal::StatedRule => LessonType::Convention,
        Signal::Decision => LessonType::Decision,
        _ => LessonType::Correction,
    })
}

/// Returns the reason in the person's words, else what was turned down or stopped.
fn why(said: &Said<'_>, quote: &str, call: Option<Call<'_>>, cwd: Option<&str>) -> Option<String> {
    let reason = wording::sentences(&said.text)
        .find(|s| REASON.is_match(&glossed(s)) && !s.contains(quote) && s.len() < 400)
        .map(|s| wording::clip(&wording::clean_line(s), 300));
    let verb = match said.how {
        How::Rejection | How::PlanRejection => "Turned down",
        How::Redirect => "Stopped while the agent ran",
        How::Prompt | How::Steering => return reason,
    };
    let what = call.and_then(|call| describe(call, cwd)).map(|what| format!("{verb}: {what}"));
    match (reason, what) {
        (Some(reason), Some(what)) => Some(format!("{reason} ({what})")),
        (reason, what) => reason.or(what),
    }
}

/// Returns a call in a few words; `None` if its tool's name is all there is.
fn describe(call: Call<'_>, cwd: Option<&str>) -> Option<String> {
    let input = call.command.or(call.files.first().map(String::as_str)).unwrap_or(call.detail);
    let mut input = wording::clean_line(input);
    // The folder of one person's checkout means nothing to the next reader.
    if let Some(cwd) = cwd.filter(|c| c.len() > 1) {
        input = input.replace(&format!("{}/", cwd.trim_end_matches('/')), "");
    }
    (!input.is_empty()).then(|| wording::clip(&format!("{} {input}", call.name), 160))
}

/// Returns the edit a correction most likely speaks of: the last one shortly before it.
fn subject(view: &View<'_>, said: &Said<'_>, verdict: &Verdict) -> Option<usize> {
    if verdict.correction < 0.5 {
        return None;
    }
    let from = said.idx.saturating_sub(SUBJECT_REACH);
    (from..said.idx).rev().find(|i| view.call_at(*i).is_some_and(|c| super::is_edit(c.name)))
}

/// Returns whether the quote stands in a fenced block, in a quoted line, in words that somebody else is said
/// to have written, or in a text that is a document from its first line on: the template of a custom
/// command, not words typed for this turn.
fn is_pasted(text: &str, quote: &str) -> bool {
    if is_document(text) {
        return true;
    }
    let Some(at) = text.find(quote) else { return false };
    let before = &text[..at];
    let line = before.rsplit('\n').next().unwrap_or("");
    before.matches("```").count() % 2 == 1
        || line.trim_start().starts_with(['>', '│', '⎿'])
        || is_attributed(line, quote)
}

/// Returns whether a line says before the quote that the words are somebody else's, and has not closed them.
fn is_attributed(line: &str, quote: &str) -> bool {
    let opening = quote.chars().next().filter(|c| matches!(c, '"' | '“'));
    let line: String = line.chars().chain(opening).collect();
    let others = |said: &regex::Match<'_>| {
        let who = said.as_str().split(' ').next().unwrap_or_default().to_lowercase();
        !OWN.contains(&who.as_str())
    };
    ATTRIBUTED.find_iter(&line).filter(others).last().is_some_and(|said| {
        let since = &line[said.end()..];
        let is_open = |since: &str| since.matches('"').count() % 2 == 1 || since.ends_with('“');
        match said.as_str().chars().next_back() {
            Some(':') if since.trim_start().starts_with(['"', '“']) => is_open(since),
            Some(':') => true,
            Some('"') => since.matches('"').count().is_multiple_of(2),
            _ => !since.contains('”'),
        }
    })
}

fn is_document(text: &str) -> bool {
    let is_heading = |line: &str| {
        let rest = line.trim_start_matches('#');
        rest.len() < line.len() && rest.starts_with(' ')
    };
    is_heading(text.trim_start()) && text.lines().filter(|line| is_heading(line)).count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_else_wrote_is_not_the_persons_rule() {
        let theirs = |text: &str, quote: &str| is_pasted(text, quote);
        for (text, quote) in [
            (
                "The reviewer wrote this, can you answer? \"You must not use bare except.\"",
                "You must not",
            ),
            (
                "The reviewer wrote this, can you answer? \"You must not use bare except.\"",
                "\"You must not",
            ),
            ("Lisa commented: never call save! inside a transaction. Is she right?", "never call"),
            ("Bob says: \"always squash\"", "always squash"),
            ("she said “always squash” yesterday", "always squash"),
        ] {
            assert!(theirs(text, quote), "{text}");
        }
        for (text, quote) in [
            ("Lisa said \"use tabs\", but we never use tabs here", "we never use tabs"),
            ("Bob says: \"always squash\". We never squash.", "We never squash"),
            ("I already said: never use tabs", "never use tabs"),
            ("as I said: never use tabs", "never use tabs"),
            ("my lead said that we must squash", "we must squash"),
        ] {
            assert!(!theirs(text, quote), "{text}");
        }
    }
}
