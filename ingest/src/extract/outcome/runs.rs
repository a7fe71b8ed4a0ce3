//! Which calls of a session were carried out.
//!
//! Owns [`Runs`]. What was not carried out is an attempt: it may violate a rule, and heeds none. Must not
//! judge a rule.

use std::collections::HashSet;

use cemem_core::EventKind;
use cemem_core::store::StoredEvent;

/// What a shell says of a program that is not there.
const NOT_FOUND: i32 = 127;
/// With this a harness begins when it says that it did not run the tool.
const NOT_CALLED: &str = "<tool_use_error>";

/// Calls by their ids.
pub(super) struct Runs<'a> {
    /// Refused, not understood, or their program was not there.
    failed: HashSet<&'a str>,
    /// Something came back from them.
    answered: HashSet<&'a str>,
    /// The session shows what came back, if only that a call was not made.
    shows_results: bool,
}

impl<'a> Runs<'a> {
    pub(super) fn of(events: &'a [StoredEvent]) -> Self {
        let (mut failed, mut answered) = (HashSet::new(), HashSet::new());
        let mut shows_results = false;
        for stored in events {
            match &stored.event.kind {
                EventKind::ToolRejected { call_id, .. } => _ = failed.insert(call_id.as_str()),
                EventKind::ToolResult { call_id, exit_code, text, .. } => {
                    let not_run = *exit_code == Some(NOT_FOUND) || text.starts_with(NOT_CALLED);
                    let list = if not_run { &mut failed } else { &mut answered };
                    list.insert(call_id.as_str());
                    shows_results = true;
                }
                _ => {}
            }
        }
        Self { failed, answered, shows_results }
    }

    /// Returns whether a call was carried out. Where a session shows what came back from calls, a call from
    /// which nothing did is not known to have been.
    pub(super) fn has(&self, call: &EventKind) -> bool {
        let EventKind::ToolCall { call_id, .. } = call else { return false };
        let id = call_id.as_str();
        !self.failed.contains(id) && (!self.shows_results || self.answered.contains(id))
    }
}
