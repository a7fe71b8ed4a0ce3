//! An agent's log: a header, then what it printed, coloured by markers.
//!
//! Owns the header and the markers. Nothing in a log is a person's: it is an agent's text.

use std::path::Path;

use cemem_core::{Actor, Event, EventKind, Timestamp};
use serde_json::Value;

use super::places;
use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::tool::key;
use crate::text::{bound, limit};

/// Lines in which the header is looked for.
const HEAD: usize = 40;

/// What a log's header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header<'a> {
    pub(super) agent: u64,
    pub(super) name: &'a str,
}

/// Returns the header of a log, if it has one.
pub(super) fn header(text: &str) -> Option<Header<'_>> {
    text.lines().take(HEAD).find_map(|line| {
        let rest = line.split_once("╭─")?.1.trim_start().strip_prefix("Agent ")?;
        let (number, rest) = rest.split_once(':')?;
        let name = rest.trim_matches(|c: char| !c.is_alphanumeric());
        Some(Header { agent: number.trim().parse().ok()?, name })
    })
}

/// Removes markers of colour: `[CYAN]`, `[GREEN:BOLD]` at the start of lines.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let mut rest = line;
        while let Some((marker, after)) = rest.strip_prefix('[').and_then(|r| r.split_once(']'))
            && (3..=24).contains(&marker.len())
            && marker.bytes().all(|b| b.is_ascii_uppercase() || b == b':' || b == b'_')
        {
            rest = after;
        }
        out.push_str(rest);
        out.push('\n');
    }
    out
}

/// Reads one log.
pub(super) struct LogReader {
    path: String,
}

impl LogReader {
    pub(super) fn new(file: &FileInfo) -> Self {
        Self { path: file.path.clone() }
    }
}

impl Reader for LogReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let head = header(record.text).ok_or_else(|| Malformed("no header".to_owned()))?;
        let path = Path::new(&self.path);
        let id = places::session(path, head.agent);
        let started = record.text.lines().take(HEAD).find_map(|l| {
            let stamp = l.split_once("Started:")?.1.trim();
            Timestamp::parse(stamp.trim_matches(|c: char| !c.is_alphanumeric()))
        });
        let cwd = places::project(path);
        let session = out.session(&id);
        session.title = Some(head.name.to_owned());
        session.cwd.clone_from(&cwd);
        let text = plain(record.text);
        let text = bound(text.trim(), limit::AGENT).into_owned();
        let event = Event {
            // A log grows until its agent ends; each state is an event of its own.
            key: key(["log", &id, &text]),
            row_id: head.agent.to_string(),
            ts: started,
            actor: Actor::Subagent,
            kind: EventKind::AgentText { text },
            cwd,
            branch: None,
            offset: record.offset,
            len: record.text.len() as u64,
        };
        out.event(&id, event);
        Ok(())
    }

    fn state(&self) -> Value {
        Value::Null
    }
}
