//! Events for tests, in few words.
//!
//! Owns builders used by this crate's tests only. Must not be compiled into the library.

use cemem_core::store::{SessionRef, StoredEvent};
use cemem_core::{Actor, Event, EventKind, RejectedBy, Timestamp};

/// An event before it is numbered.
pub(crate) type Bare = (Actor, EventKind);

pub(crate) fn session() -> SessionRef {
    SessionRef { engine: "claude-code".into(), id: "s1".into() }
}

pub(crate) fn events(bare: Vec<Bare>) -> Vec<StoredEvent> {
    bare.into_iter()
        .enumerate()
        .map(|(i, (actor, kind))| StoredEvent {
            seq: i as i64,
            source_path: "sessions/s1.jsonl".into(),
            event: Event {
                key: format!("k{i}"),
                row_id: format!("row-{i}"),
                ts: Some(Timestamp(1_700_000_000_000 + i as i64 * 1000)),
                actor,
                kind,
                cwd: Some("/home/u/project".into()),
                branch: None,
                offset: 0,
                len: 0,
            },
        })
        .collect()
}

pub(crate) fn user(text: &str) -> Bare {
    (Actor::User, EventKind::UserPrompt { text: text.into(), steering: false })
}

pub(crate) fn agent(text: &str) -> Bare {
    (Actor::Agent, EventKind::AgentText { text: text.into() })
}

pub(crate) fn call(id: &str, name: &str, files: &[&str], command: Option<&str>) -> Bare {
    let kind = EventKind::ToolCall {
        call_id: id.into(),
        name: name.into(),
        files: files.iter().map(|f| (*f).to_owned()).collect(),
        command: command.map(str::to_owned),
        detail: String::new(),
    };
    (Actor::Agent, kind)
}

pub(crate) fn result(id: &str, ok: Option<bool>, exit_code: Option<i32>, text: &str) -> Bare {
    let kind = EventKind::ToolResult { call_id: id.into(), ok, exit_code, text: text.into() };
    (Actor::Tool, kind)
}

pub(crate) fn rejected(id: &str, feedback: Option<&str>) -> Bare {
    let kind = EventKind::ToolRejected {
        call_id: id.into(),
        by: RejectedBy::User,
        feedback: feedback.map(str::to_owned),
    };
    (Actor::User, kind)
}
