//! Rows of the inbox to events.
//!
//! Owns their identity: the same row in another file is the same event. Must not trust what a row
//! says about itself: everything here comes from the agent's side, whoever is named in `by`.

use cemem_core::event::ReportedWhat;
use cemem_core::finding::{AuthorKind, Finding, FindingStatus, Severity};
use cemem_core::id::digest;
use cemem_core::{Actor, Event, EventKind, Timestamp};
use serde_json::Value;

use super::wire::{ReportedEvent, ReportedKind, ReportedSeverity};
use crate::source::{Malformed, Output, Reader, Record};

/// Why a text is not a list of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// 1-based line, or 0 where none is known.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) message: String,
    /// The text ends in the middle: more of it may be on its way.
    pub(crate) cut: bool,
}

impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => f.write_str(&self.message),
            line => write!(f, "line {line}: {}", self.message),
        }
    }
}

/// Returns the events of a text: objects one after the other, or lists of them, and what is wrong
/// with the others.
pub(crate) fn rows(text: &str) -> (Vec<ReportedEvent>, Vec<Flaw>) {
    let (mut events, mut flaws) = (Vec::new(), Vec::new());
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    loop {
        let at = values.byte_offset();
        // Where the next value begins, not where the one before ended.
        let at = at + text[at..].len() - text[at..].trim_start().len();
        let line = 1 + memchr::memchr_iter(b'\n', &text.as_bytes()[..at]).count();
        match values.next() {
            None => break,
            Some(Ok(Value::Array(items))) => {
                items.into_iter().for_each(|item| sort(item, line, &mut events, &mut flaws));
            }
            Some(Ok(value)) => sort(value, line, &mut events, &mut flaws),
            Some(Err(e)) => {
                flaws.push(Flaw { line, message: e.to_string(), cut: e.is_eof() });
                break;
            }
        }
    }
    (events, flaws)
}

fn sort(value: Value, line: usize, events: &mut Vec<ReportedEvent>, flaws: &mut Vec<Flaw>) {
    let read = serde_json::from_value::<ReportedEvent>(value).map_err(|e| e.to_string());
    match read.and_then(|event| event.flaw().map_or(Ok(event), Err)) {
        Ok(event) => events.push(event),
        Err(message) => flaws.push(Flaw { line, message, cut: false }),
    }
}

/// Reads one file of the inbox.
pub(super) struct InboxReader;

impl Reader for InboxReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let (events, flaws) = rows(record.text);
        for event in &events {
            put(event, out);
        }
        for _ in &flaws {
            out.skip("malformed_row");
        }
        flaws.first().map_or(Ok(()), |flaw| Err(Malformed(flaw.to_string())))
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

fn put(row: &ReportedEvent, out: &mut Output<'_>) {
    let mut key = digest([serde_json::to_string(row).unwrap_or_default()]);
    key.truncate(32);
    // Alone in its session, unless the writer says what it belongs to.
    let session = row.session.clone().unwrap_or_else(|| key[..16].to_owned());
    let event = |part: &str, actor: Actor, kind: EventKind| Event {
        key: format!("{key}{part}"),
        row_id: row.id.clone().unwrap_or_else(|| key[..8].to_owned()),
        ts: row.at.as_deref().and_then(Timestamp::parse),
        actor,
        kind,
        cwd: row.cwd.clone(),
        branch: row.branch.clone(),
        offset: 0,
        len: 0,
    };
    let what = match row.kind {
        ReportedKind::Correction => ReportedWhat::Correction,
        ReportedKind::Rule => ReportedWhat::Rule,
        ReportedKind::Decision => ReportedWhat::Decision,
        ReportedKind::Note => ReportedWhat::Note,
        ReportedKind::Finding => {
            let finding = EventKind::Finding(Box::new(finding(row)));
            return out.event(&session, event("", Actor::Agent, finding));
        }
        ReportedKind::Outcome => {
            let (call, result) = outcome(row, &key);
            out.event(&session, event("", Actor::Agent, call));
            return out.event(&session, event("-result", Actor::Tool, result));
        }
    };
    let kind = EventKind::Reported {
        what,
        text: row.text.clone(),
        why: row.why.clone(),
        by: row.by.clone(),
        paths: row.paths.clone(),
    };
    out.event(&session, event("", Actor::Agent, kind));
}

fn outcome(row: &ReportedEvent, call_id: &str) -> (EventKind, EventKind) {
    let call = EventKind::ToolCall {
        call_id: call_id.to_owned(),
        name: "shell".to_owned(),
        files: row.paths.clone(),
        command: row.command.clone(),
        detail: String::new(),
    };
    let result = EventKind::ToolResult {
        call_id: call_id.to_owned(),
        ok: row.ok,
        exit_code: None,
        text: row.text.clone(),
    };
    (call, result)
}

fn finding(row: &ReportedEvent) -> Finding {
    Finding {
        tool: row.tool.clone().unwrap_or_else(|| super::ENGINE.to_owned()),
        rule_id: row.rule.clone(),
        severity: match row.severity {
            Some(ReportedSeverity::Info) => Severity::Info,
            Some(ReportedSeverity::Low) => Severity::Low,
            Some(ReportedSeverity::Medium) | None => Severity::Medium,
            Some(ReportedSeverity::High) => Severity::High,
            Some(ReportedSeverity::Critical) => Severity::Critical,
        },
        path: row.paths.first().cloned(),
        line_start: row.line,
        line_end: row.line,
        message: row.text.clone(),
        suggestion: row.suggestion.clone(),
        author: row.by.clone(),
        // A person's word counts for more, and a file cannot prove that it is one's.
        author_kind: AuthorKind::Bot,
        status: if row.dismissed { FindingStatus::Dismissed } else { FindingStatus::Open },
        ..Finding::default()
    }
    .with_fingerprint()
}
