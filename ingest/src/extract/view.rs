//! One session's events with the joins extractors need.
//!
//! Owns [`View`] and the notation in which the classifier sees what came before a turn. Must not
//! judge anything.

use std::collections::HashMap;

use cemem_core::store::{SessionRef, StoredEvent};
use cemem_core::{Actor, EventKind, Evidence, RejectedBy, Timestamp};

/// How many entries of context a turn is judged with.
const CONTEXT_ENTRIES: usize = 4;
/// How far back the context looks, in events.
const CONTEXT_REACH: usize = 40;
/// How many entries of what followed a turn is judged with.
const AFTER_ENTRIES: usize = 6;
/// First characters kept of what the agent said next: whether it gives in stands at the start.
const AGENT_HEAD: usize = 300;
/// Last characters kept of what the agent said: its end is what a person answers to.
const AGENT_TAIL: usize = 500;
/// First characters kept of an earlier turn of the user.
const USER_HEAD: usize = 200;
/// First characters kept of a tool call's input.
const CALL_HEAD: usize = 140;
/// First characters kept of a tool's error.
const ERROR_HEAD: usize = 160;

/// A session's events, in order, with tool calls by id.
pub(crate) struct View<'a> {
    /// Whose events they are.
    pub(crate) session: &'a SessionRef,
    /// In order.
    pub(crate) events: &'a [StoredEvent],
    calls: HashMap<&'a str, usize>,
}

/// A tool call, borrowed from its event.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    /// The tool.
    pub(crate) name: &'a str,
    /// Files it names.
    pub(crate) files: &'a [String],
    /// Its shell command.
    pub(crate) command: Option<&'a str>,
    /// A view of its other input.
    pub(crate) detail: &'a str,
}

impl<'a> View<'a> {
    /// Returns the view of a session.
    pub(crate) fn new(session: &'a SessionRef, events: &'a [StoredEvent]) -> Self {
        let mut calls = HashMap::new();
        for (idx, stored) in events.iter().enumerate() {
            if let EventKind::ToolCall { call_id, .. } = &stored.event.kind {
                calls.entry(call_id.as_str()).or_insert(idx);
            }
        }
        Self { session, events, calls }
    }

    /// Returns what happened at `idx`.
    pub(crate) fn kind(&self, idx: usize) -> &'a EventKind {
        &self.events[idx].event.kind
    }

    /// Returns the tool call at `idx`, if it is one.
    pub(crate) fn call_at(&self, idx: usize) -> Option<Call<'a>> {
        match self.kind(idx) {
            EventKind::ToolCall { name, files, command, detail, .. } => {
                Some(Call { name, files, command: command.as_deref(), detail })
            }
            _ => None,
        }
    }

    /// Returns the index of the call with this id.
    pub(crate) fn call_idx(&self, call_id: &str) -> Option<usize> {
        self.calls.get(call_id).copied()
    }

    /// Returns the working directory in force at `idx`.
    pub(crate) fn cwd(&self, idx: usize) -> Option<&'a str> {
        self.events[..=idx].iter().rev().find_map(|e| e.event.cwd.as_deref())
    }

    /// Returns when the event at `idx` happened, if it is dated.
    pub(crate) fn ts(&self, idx: usize) -> Option<Timestamp> {
        self.events[idx].event.ts
    }

    /// Returns the evidence that `quote` stands in the event at `idx`.
    pub(crate) fn evidence(&self, idx: usize, quote: &str) -> Evidence {
        let stored = &self.events[idx];
        Evidence {
            engine: self.session.engine.clone(),
            session: self.session.id.clone(),
            source_path: stored.source_path.to_string(),
            event_uuid: stored.event.row_id.clone(),
            event_key: stored.event.key.clone(),
            turn_ts: stored.event.ts,
            actor: stored.event.actor.as_str().to_owned(),
            quote: quote.to_owned(),
        }
    }

    /// Returns the last few things before the event at `idx`, oldest first, as the classifier reads
    /// them.
    pub(crate) fn context(&self, idx: usize) -> Vec<String> {
        let mut entries = Vec::with_capacity(CONTEXT_ENTRIES);
        if matches!(self.kind(idx), EventKind::ToolRejected { .. }) {
            entries.push("TOOL REJECTED BY USER".to_owned());
        }
        for stored in self.events[..idx].iter().rev().take(CONTEXT_REACH) {
            if entries.len() == CONTEXT_ENTRIES {
                break;
            }
            entries.extend(context_entry(stored));
        }
        entries.reverse();
        entries
    }

    /// Returns the next few things the agent said and did after the event at `idx`, oldest first, up
    /// to the person's next turn.
    pub(crate) fn after(&self, idx: usize) -> Vec<String> {
        let own_row = &self.events[idx].event.row_id;
        self.events[idx + 1..]
            .iter()
            .take(CONTEXT_REACH)
            .take_while(|stored| &stored.event.row_id == own_row || !is_turn(stored))
            .filter_map(after_entry)
            .take(AFTER_ENTRIES)
            .collect()
    }
}

/// Whether the person speaks or stops the agent.
fn is_turn(stored: &StoredEvent) -> bool {
    match &stored.event.kind {
        EventKind::UserPrompt { .. } => stored.event.actor == Actor::User,
        EventKind::ToolRejected { by: RejectedBy::User, .. } | EventKind::UserInterrupt { .. } => {
            true
        }
        _ => false,
    }
}

fn after_entry(stored: &StoredEvent) -> Option<String> {
    match &stored.event.kind {
        EventKind::AgentText { text } if stored.event.actor == Actor::Agent => {
            Some(format!("A: {}", head(text, AGENT_HEAD)))
        }
        EventKind::ToolCall { .. } => context_entry(stored),
        _ => None,
    }
}

fn context_entry(stored: &StoredEvent) -> Option<String> {
    let actor = stored.event.actor;
    match &stored.event.kind {
        EventKind::UserPrompt { text, .. } if actor == Actor::User => {
            Some(format!("U: {}", head(text, USER_HEAD)))
        }
        EventKind::AgentText { text } if actor == Actor::Agent => {
            Some(format!("A: {}", tail(text, AGENT_TAIL)))
        }
        EventKind::ToolCall { name, files, command, detail, .. } if actor != Actor::Subagent => {
            let input = command.as_deref().or(files.first().map(String::as_str)).unwrap_or(detail);
            Some(format!("A: [{name}: {}]", head(input, CALL_HEAD)))
        }
        EventKind::ToolResult { ok: Some(false), text, .. } if actor != Actor::Subagent => {
            Some(format!("TOOL ERROR: {}", head(text, ERROR_HEAD)))
        }
        EventKind::ToolRejected { by: RejectedBy::User, .. } => {
            Some("TOOL REJECTED BY USER".to_owned())
        }
        EventKind::UserInterrupt { .. } => Some("USER INTERRUPTED".to_owned()),
        _ => None,
    }
}

/// Returns the first `max` characters.
pub(crate) fn head(text: &str, max: usize) -> &str {
    text.char_indices().nth(max).map_or(text, |(at, _)| &text[..at])
}

/// Returns the last `max` characters.
pub(crate) fn tail(text: &str, max: usize) -> &str {
    match text.char_indices().rev().nth(max.saturating_sub(1)) {
        Some((at, _)) => &text[at..],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::testing::{agent, call, events, rejected, session, user};

    #[test]
    fn context_is_the_last_four_things_oldest_first() {
        let session = session();
        let events = events(vec![
            user("first"),
            agent(&"x".repeat(600)),
            call("c1", "Bash", &[], Some("make test")),
            rejected("c1", Some("no")),
        ]);
        let view = View::new(&session, &events);
        let context = view.context(3);
        assert_eq!(context.len(), 4);
        assert_eq!(context[0], "U: first");
        assert_eq!(context[1].len(), 3 + AGENT_TAIL);
        assert_eq!(context[2], "A: [Bash: make test]");
        assert_eq!(context[3], "TOOL REJECTED BY USER");
    }

    #[test]
    fn what_follows_ends_where_the_person_speaks_again() {
        let session = session();
        let events = events(vec![
            user("no, use the pool"),
            agent(&format!("You're right. {}", "x".repeat(600))),
            call("c1", "Edit", &["src/db.rs"], None),
            user("thanks"),
            agent("Welcome."),
        ]);
        let view = View::new(&session, &events);
        let after = view.after(0);
        assert_eq!(after.len(), 2);
        assert!(after[0].starts_with("A: You're right.") && after[0].len() == 3 + AGENT_HEAD);
        assert_eq!(after[1], "A: [Edit: src/db.rs]");
        assert_eq!(view.after(4), Vec::<String>::new());
    }

    #[test]
    fn head_and_tail_count_characters() {
        assert_eq!((head("éab", 2), tail("éab", 2)), ("éa", "ab"));
        assert_eq!((head("a", 5), tail("a", 5)), ("a", "a"));
    }
}
