//! A report as a session, its findings as events.
//!
//! Owns the identity of findings: the same file twice, or the same comment in two files, adds
//! nothing. Must not know any format.

use std::collections::HashMap;

use cemem_core::finding::{AuthorKind, Finding};
use cemem_core::id::digest;
use cemem_core::{Actor, Event, EventKind, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::source::Output;

/// Kinds of finding that are counted across two reads of one growing file; more would make its
/// cursor large.
const MAX_KEPT: usize = 4096;

/// One report on its way into the store.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Report {
    /// The session: pull request, or file.
    session: String,
    /// How often each fingerprint was seen.
    seen: HashMap<String, u32>,
    /// When the report was made, for findings without a time of their own.
    #[serde(skip)]
    pub(super) made: Option<Timestamp>,
}

/// When and where a finding was written, where the source says so.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    /// The source's own id, unique wherever the finding turns up.
    pub(super) id: Option<String>,
    /// When.
    pub(super) at: Option<Timestamp>,
    /// On which branch.
    pub(super) branch: Option<String>,
}

impl Report {
    /// Returns an empty report.
    pub(super) fn new(session: impl Into<String>, made: Option<Timestamp>) -> Self {
        Self { session: session.into(), seen: HashMap::new(), made }
    }

    /// Returns the report that `state` describes, or an empty one.
    pub(super) fn resume(session: &str, made: Option<Timestamp>, state: &Value) -> Self {
        match Self::deserialize(state) {
            Ok(known) if known.session == session => Self { made, ..known },
            _ => Self::new(session, made),
        }
    }

    /// Returns what [`Report::resume`] goes on from.
    pub(super) fn state(&self) -> Value {
        if self.seen.len() > MAX_KEPT {
            return Value::Null;
        }
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Returns the session's id.
    pub(super) fn session(&self) -> &str {
        &self.session
    }

    /// Adds a finding.
    pub(super) fn add_written(&mut self, out: &mut Output<'_>, finding: Finding, w: Written) {
        let finding = finding.with_fingerprint();
        let row_id = w.id.unwrap_or_else(|| self.numbered(&finding.fingerprint));
        let status = format!("{:?}", finding.status);
        let mut key = digest([&self.session, &row_id, &status]);
        key.truncate(32);
        let actor = match finding.author_kind {
            AuthorKind::Human => Actor::User,
            AuthorKind::Bot => Actor::Agent,
            AuthorKind::Analyzer => Actor::Tool,
        };
        let event = Event {
            key,
            row_id,
            ts: w.at.or(self.made),
            actor,
            kind: EventKind::Finding(Box::new(finding)),
            cwd: None,
            branch: w.branch,
            offset: 0,
            len: 0,
        };
        out.event(&self.session, event);
    }

    /// The fingerprint, with a number from the second time on.
    fn numbered(&mut self, fingerprint: &str) -> String {
        if let Some(n) = self.seen.get_mut(fingerprint) {
            *n += 1;
            return format!("{fingerprint}#{n}");
        }
        self.seen.insert(fingerprint.to_owned(), 1);
        fingerprint.to_owned()
    }
}
