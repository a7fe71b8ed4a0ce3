//! Makes events fit to be stored: no control characters, no private sections, no secrets, bounded.
//!
//! Owns the one place where these steps meet every text field. Must not know any session format.

use cemem_core::{Event, EventKind, Finding, Session};

use crate::redact::Redactor;
use crate::text::{bound, limit, strip_controls};

/// Cleans every text of an event in place.
pub fn event(event: &mut Event, redactor: &Redactor) {
    let r = redactor;
    match &mut event.kind {
        EventKind::UserPrompt { text, .. } | EventKind::HookBlocked { text } => {
            clean(text, limit::PROMPT, r);
        }
        EventKind::AgentText { text } => clean(text, limit::AGENT, r),
        EventKind::ToolCall { call_id, name, files, command, detail } => {
            clean(call_id, limit::NAME, r);
            clean(name, limit::NAME, r);
            files.truncate(limit::FILES);
            files.iter_mut().for_each(|f| clean(f, limit::NAME, r));
            if let Some(command) = command {
                clean(command, limit::COMMAND, r);
            }
            clean(detail, limit::DETAIL, r);
        }
        EventKind::ToolResult { call_id, text, .. } => {
            clean(call_id, limit::NAME, r);
            clean(text, limit::RESULT, r);
        }
        EventKind::ToolRejected { call_id, feedback, .. } => {
            clean(call_id, limit::NAME, r);
            if let Some(feedback) = feedback {
                clean(feedback, limit::PROMPT, r);
            }
        }
        EventKind::UserEdit { path, diff } => {
            clean(path, limit::NAME, r);
            clean(diff, limit::DIFF, r);
        }
        EventKind::Plan { text, .. } => clean(text, limit::PLAN, r),
        EventKind::QuestionAnswered { question, answer } => {
            clean(question, limit::RESULT, r);
            clean(answer, limit::PROMPT, r);
        }
        EventKind::Compaction { summary } => clean(summary, limit::SUMMARY, r),
        EventKind::Document { path, title, text, meta } => {
            clean(path, limit::NAME, r);
            clean(title, limit::NAME, r);
            clean(text, limit::DOCUMENT, r);
            value(meta, r, 0);
        }
        EventKind::Finding(finding) => self::finding(finding, r),
        EventKind::Commit {
            sha,
            subject,
            body,
            author,
            trailers,
            files,
            reverts,
            fixes,
            about,
            diff,
        } => {
            for text in [sha, subject, author, about].into_iter().chain(reverts).chain(fixes) {
                clean(text, limit::NAME, r);
            }
            for list in [files, trailers] {
                list.truncate(limit::FILES);
                list.iter_mut().for_each(|f| clean(f, limit::NAME, r));
            }
            clean(body, limit::PROMPT, r);
            clean(diff, limit::DIFF, r);
        }
        EventKind::StatedRule { path, headings, paths, text, .. } => {
            headings.truncate(limit::FILES);
            paths.truncate(limit::FILES);
            for text in std::iter::once(path).chain(headings).chain(paths) {
                clean(text, limit::NAME, r);
            }
            clean(text, limit::PROMPT, r);
        }
        EventKind::Reported { text, why, by, paths, .. } => {
            paths.truncate(limit::FILES);
            for name in paths.iter_mut().chain(by) {
                clean(name, limit::NAME, r);
            }
            for text in std::iter::once(text).chain(why) {
                clean(text, limit::PROMPT, r);
            }
        }
        EventKind::Rewind { target: Some(target) } => clean(target, limit::NAME, r),
        // Nothing to clean; the enum is open, and a kind this crate does not build has no text yet.
        _ => {}
    }
    for text in [&mut event.key, &mut event.row_id] {
        clean(text, limit::NAME, r);
    }
    for text in [&mut event.cwd, &mut event.branch].into_iter().flatten() {
        clean(text, limit::NAME, r);
    }
}

/// Cleans a session's texts in place.
pub fn session(session: &mut Session, redactor: &Redactor) {
    clean(&mut session.id, limit::NAME, redactor);
    let optional = [
        &mut session.parent,
        &mut session.engine_version,
        &mut session.title,
        &mut session.cwd,
        &mut session.branch,
    ];
    for text in optional.into_iter().flatten() {
        clean(text, limit::NAME, redactor);
    }
}

fn finding(f: &mut Finding, r: &Redactor) {
    clean(&mut f.tool, limit::NAME, r);
    clean(&mut f.fingerprint, limit::NAME, r);
    let names = [
        &mut f.rule_id,
        &mut f.level,
        &mut f.category,
        &mut f.path,
        &mut f.commit,
        &mut f.title,
        &mut f.author,
        &mut f.fixed_by,
        &mut f.thread,
        &mut f.url,
    ];
    names.into_iter().flatten().for_each(|text| clean(text, limit::NAME, r));
    clean(&mut f.message, limit::PROMPT, r);
    for text in [&mut f.suggestion, &mut f.snippet].into_iter().flatten() {
        clean(text, limit::DETAIL, r);
    }
}

/// Returns about how many bytes an event takes.
pub fn weight(event: &Event) -> usize {
    let text = match &event.kind {
        EventKind::UserPrompt { text, .. }
        | EventKind::HookBlocked { text }
        | EventKind::AgentText { text }
        | EventKind::ToolResult { text, .. }
        | EventKind::Plan { text, .. }
        | EventKind::Document { text, .. } => text.len(),
        EventKind::ToolCall { command, detail, .. } => {
            command.as_ref().map_or(0, String::len) + detail.len()
        }
        EventKind::ToolRejected { feedback, .. } => feedback.as_ref().map_or(0, String::len),
        EventKind::UserEdit { diff, .. } => diff.len(),
        EventKind::QuestionAnswered { question, answer } => question.len() + answer.len(),
        EventKind::Compaction { summary } => summary.len(),
        EventKind::Finding(f) => f.message.len() + f.snippet.as_ref().map_or(0, String::len),
        EventKind::Commit { body, diff, .. } => body.len() + diff.len(),
        EventKind::StatedRule { text, .. } | EventKind::Reported { text, .. } => text.len(),
        _ => 0,
    };
    text + 400
}

/// Controls first (an escape inside a token would hide it), then private sections and secrets on
/// the whole text, then the cut (a half token would no longer be recognised).
pub(crate) fn clean(text: &mut String, max: usize, redactor: &Redactor) {
    if let std::borrow::Cow::Owned(t) = strip_controls(text) {
        *text = t;
    }
    if let std::borrow::Cow::Owned(t) = redactor.redact(text) {
        *text = t;
    }
    if let std::borrow::Cow::Owned(t) = bound(text, max) {
        *text = t;
    }
}

/// Cleans the strings of front matter; nesting deeper than any real document has is dropped.
fn value(value: &mut serde_json::Value, redactor: &Redactor, depth: usize) {
    match value {
        serde_json::Value::String(text) => clean(text, limit::PROMPT, redactor),
        serde_json::Value::Array(_) | serde_json::Value::Object(_) if depth > 16 => {
            *value = serde_json::Value::Null;
        }
        serde_json::Value::Array(items) => {
            items.iter_mut().for_each(|v| self::value(v, redactor, depth + 1));
        }
        serde_json::Value::Object(map) => {
            for (key, item) in map.iter_mut() {
                // `api_key: abc…` is one text in YAML, but key and value here.
                if let serde_json::Value::String(text) = item
                    && let Some(kind) = redactor.assigned(key, text)
                {
                    *text = format!("[redacted:{kind}]");
                }
                self::value(item, redactor, depth + 1);
            }
        }
        _ => {}
    }
}
