//! One rule file: an event for each rule, and a document that lists them.
//!
//! Owns keys and dates. Must not judge which item is a rule: extraction does.

use std::path::Path;

use cemem_core::history::History;
use cemem_core::id::digest;
use cemem_core::{Actor, Event, EventKind, Timestamp};
use serde_json::{Value, json};

use super::{cut, kind, scope};
use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::solutions::{identity_at, wire};

/// Longest file read, in bytes: agents are given far less.
const MAX_FILE: usize = 1024 * 1024;

/// Reads one file.
pub(super) struct RuleReader {
    path: String,
    /// The repository's folder.
    root: Option<std::path::PathBuf>,
    modified: Option<Timestamp>,
    memory: bool,
}

impl RuleReader {
    pub(super) fn new(file: &FileInfo) -> Self {
        let memory = kind::of(Path::new(&file.path)) == Some(kind::Kind::Memory);
        Self {
            path: file.path.clone(),
            root: file.repository().filter(|_| !memory),
            modified: file.modified,
            memory,
        }
    }

    /// Returns the path in the repository; the file's name where there is none.
    fn place(&self) -> String {
        let path = Path::new(&self.path);
        let inside = self.root.as_ref().and_then(|root| path.strip_prefix(root).ok());
        let name = || path.file_name().map(Path::new).unwrap_or(path);
        inside.unwrap_or_else(name).to_string_lossy().replace('\\', "/")
    }

    /// Returns since when lines stand in the file, as far as they are committed.
    fn dates(&self, place: &str, lines: &[&str]) -> Vec<Option<Timestamp>> {
        let history = self.root.as_ref().and_then(|root| History::open(root).ok().flatten());
        match history {
            Some(history) => history.line_dates(place, lines),
            None => vec![None; lines.len()],
        }
    }
}

impl Reader for RuleReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        if record.text.len() > MAX_FILE {
            return Err(Malformed("too long for a file of rules".to_owned()));
        }
        let (front, body) = wire::split(record.text);
        let meta = wire::parse(front);
        let before = &record.text[..record.text.len() - body.len()];
        let rules = cut::rules(body, 1 + before.matches('\n').count() as u64);
        let (place, identity) = (self.place(), identity_at(&self.path));
        let globs =
            if self.memory { Vec::new() } else { scope::globs(&meta, kind::home_of(&place)) };
        let all: Vec<&str> = record.text.lines().collect();
        let line_of = |line: u64| usize::try_from(line).ok().and_then(|n| all.get(n - 1)).copied();
        let lines: Vec<&str> = rules.iter().map(|r| line_of(r.line).unwrap_or("")).collect();
        let dates = self.dates(&place, &lines);
        out.session(&identity).title = Some(place.clone());
        let mut keys: Vec<String> = Vec::with_capacity(rules.len());
        for (rule, date) in rules.into_iter().zip(dates) {
            let words: Vec<&str> = rule.text.split_whitespace().collect();
            let mut key = digest([identity.as_str(), words.join(" ").as_str()]);
            key.truncate(32);
            if keys.contains(&key) {
                out.skip("repeated_rule");
                continue;
            }
            let kind = EventKind::StatedRule {
                path: place.clone(),
                line: rule.line,
                headings: rule.headings,
                paths: globs.clone(),
                text: rule.text.to_owned(),
            };
            keys.push(key.clone());
            out.event(&identity, self.event(key, rule.line, date, kind));
        }
        let mut key = digest([identity.as_str()]);
        key.truncate(32);
        let text = |name: &str| meta.get(name).and_then(Value::as_str).unwrap_or_default();
        let kind = EventKind::Document {
            path: place.clone(),
            title: place,
            text: String::new(),
            meta: json!({ "rules": keys, "type": text("type"), "description": text("description") }),
        };
        out.event(&identity, self.event(key, 1, None, kind));
        Ok(())
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

impl RuleReader {
    fn event(&self, key: String, line: u64, ts: Option<Timestamp>, kind: EventKind) -> Event {
        Event {
            key,
            row_id: line.to_string(),
            ts: ts.or(self.modified),
            actor: if self.memory { Actor::Agent } else { Actor::User },
            kind,
            cwd: None,
            branch: None,
            offset: 0,
            len: 0,
        }
    }
}
