//! What a tool result says: an output, a refusal and by whom, an answer, a settled plan.
//!
//! Owns the exact sentences Claude Code writes. Must not emit events.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::wire::{Block, Hunk, Input, Outcome};
use crate::sources::human::{INTERRUPT, between};
use crate::text::{RawText, limit};

/// The outcome of one tool result block.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The tool ran, or failed to.
    Output { ok: bool, exit_code: Option<i32> },
    /// A person turned the call down, with or without words.
    Refused(Option<String>),
    /// A permission rule turned it down.
    Denied,
    /// A hook turned it down.
    Blocked,
    /// A person stopped the tool.
    Interrupted,
    /// Failed only because another call of the same message did.
    Collateral,
}

const REFUSED: [&str; 2] = [
    "The user doesn't want to proceed with this tool use",
    "The user doesn't want to take this action right now",
];
const SAID: &str = "the user said:\n";
/// Appended by newer versions after the person's words.
const NOTE: &str = "\n\nNote: The user's next message may contain a correction or preference.";
/// Written by the harness when questions are turned down, in place of the person's words.
const CLARIFY: &str = "The user wants to clarify these questions.";

/// Returns a result's text, bounded: the string, or the text blocks joined.
pub(super) fn text<'a>(block: &Block<'a>, max: usize) -> Cow<'a, str> {
    let Some(raw) = block.content.map(RawValue::get) else { return Cow::Borrowed("") };
    if raw.starts_with('"') {
        return RawText(raw).bounded(max);
    }
    let Ok(blocks) = serde_json::from_str::<crate::sources::wire::Objects<Block<'_>>>(raw) else {
        return Cow::Borrowed("");
    };
    let mut out = String::new();
    for text in blocks.0.iter().filter_map(|b| b.text) {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&RawText(text.get()).bounded(max));
    }
    Cow::Owned(out)
}

/// Returns what a result means. `text` is its bounded text.
pub(super) fn verdict(block: &Block<'_>, text: &str) -> Verdict {
    let head = text.trim_start();
    let failed = block.is_error.is_set();
    // Only the harness flags an error: a page or a file that holds these words is just a text.
    if failed && REFUSED.iter().any(|r| head.starts_with(r)) {
        return Verdict::Refused(feedback(&self::text(block, 2 * limit::PROMPT)));
    }
    if failed && head.starts_with(INTERRUPT) {
        return Verdict::Interrupted;
    }
    let body = between(head, "<tool_use_error>", "</tool_use_error>").unwrap_or(head).trim();
    if failed && body == "Sibling tool call errored" {
        return Verdict::Collateral;
    }
    if failed && body.lines().next().is_some_and(|l| l.contains("has been denied")) {
        return Verdict::Denied;
    }
    let hooked = ["PreToolUse:", "Hook PreToolUse:", "PostToolUse:", "Operation stopped by hook"];
    if failed && hooked.iter().any(|h| body.starts_with(h)) {
        return Verdict::Blocked;
    }
    let code = head.strip_prefix("Exit code ").and_then(|rest| {
        rest.split(|c: char| !c.is_ascii_digit() && c != '-').next()?.parse::<i32>().ok()
    });
    Verdict::Output { ok: !failed && !head.starts_with("<tool_use_error>"), exit_code: code }
}

/// The person's words in a refusal.
fn feedback(text: &str) -> Option<String> {
    let said = text.split_once(SAID)?.1;
    let said = said.split_once(NOTE).map_or(said, |(said, _)| said).trim();
    (!said.is_empty() && !said.starts_with(CLARIFY)).then(|| said.to_owned())
}

/// Parses the structured twin only if it says something the text does not: a person's change,
/// answers, or a plan. Looking for the key is cheap; most twins repeat whole files.
pub(super) fn outcome<'a>(raw: Option<&'a RawValue>) -> Option<Outcome<'a>> {
    let raw = raw?.get();
    if !raw.starts_with('{') {
        return None;
    }
    let has = |key: &str| memchr::memmem::find(raw.as_bytes(), key.as_bytes()).is_some();
    let telling = has("\"userModified\":true") || has("\"answers\":{") || has("\"plan\":\"");
    telling.then(|| serde_json::from_str(raw).ok()).flatten()
}

/// Returns a change as the lines of a unified diff.
pub(super) fn diff(outcome: &Outcome<'_>) -> String {
    let hunks = outcome
        .structured_patch
        .and_then(|raw| serde_json::from_str::<Vec<Hunk>>(raw.get()).ok())
        .unwrap_or_default();
    let mut out = String::new();
    for line in hunks.iter().flat_map(|h| &h.lines) {
        if out.len() > 2 * limit::DIFF {
            break;
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// A tool call's input as it is shown.
pub(super) struct Shown {
    /// Files it names.
    pub(super) files: Vec<String>,
    /// Its shell command.
    pub(super) command: Option<String>,
    /// A short view of the rest.
    pub(super) detail: String,
}

/// Returns the short view of a tool's input.
pub(super) fn shown(tool: &str, raw: Option<&RawValue>) -> Shown {
    let raw = raw.map_or("{}", RawValue::get);
    let input: Input<'_> = serde_json::from_str(raw).unwrap_or_default();
    let searching = matches!(tool, "Grep" | "Glob" | "LS");
    let mut files: Vec<String> = [&input.file_path, &input.notebook_path]
        .into_iter()
        .chain((!searching).then_some(&input.path))
        .filter_map(crate::sources::wire::Text::owned)
        .collect();
    files.dedup();
    let command = input.command.map(|c| RawText(c.get()).bounded(limit::COMMAND).into_owned());
    let known = [
        input.new_string,
        input.content,
        input.new_source,
        input.prompt,
        input.plan,
        input.pattern,
        input.query,
        input.url,
        input.description,
    ];
    let detail = match known.into_iter().flatten().next() {
        Some(text) if text.get().starts_with('"') => {
            RawText(text.get()).bounded(limit::DETAIL).into_owned()
        }
        _ if command.is_some() || !files.is_empty() || raw == "{}" => String::new(),
        _ => raw.to_owned(),
    };
    Shown { files, command: command.filter(|c| !c.is_empty()), detail }
}

/// Returns the whole plan of an `ExitPlanMode` call.
pub(super) fn plan(raw: Option<&RawValue>) -> String {
    let input: Input<'_> = raw.and_then(|r| serde_json::from_str(r.get()).ok()).unwrap_or_default();
    input.plan.map(|p| RawText(p.get()).bounded(limit::PLAN).into_owned()).unwrap_or_default()
}
