//! Conversations of both generations, batch outputs, and what becomes of them.

use std::fs;
use std::path::Path;

use cemem_core::EventKind;
use serde_json::{Value, json};

use super::{Batch, ROW};
use crate::discover::Places;
use crate::sources::testing::{Found, read, read_path, samples};

/// Writes events and returns what is read through the first of these files.
fn folder(session: &Path, files: &[(&str, Value)], through: &str) -> Found {
    for (name, value) in files {
        let path = session.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, value.to_string()).unwrap();
    }
    read_path(&session.join(through))
}

fn first() -> Vec<(&'static str, Value)> {
    let event = |id: u64, source: &str, more: &Value| {
        let mut row = json!({"id": id, "timestamp": "2026-01-02T03:04:05.123456", "source": source,
            "message": ""});
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    let act = |name: &str, args: &Value| json!({"action": name, "args": args});
    let saw = |name: &str, cause: u64, content: &str, extras: &Value| json!({"observation": name, "cause": cause, "content": content, "extras": extras});
    vec![
        ("metadata.json", json!({"title": "Fix it", "selected_branch": "dev"})),
        ("events/0.json", event(0, "agent", &act("system", &json!({"openhands_version": "0.48"})))),
        ("events/1.json", event(1, "user", &act("message", &json!({"content": "fix the test"})))),
        (
            "events/2.json",
            event(
                2,
                "agent",
                &act("run", &json!({"command": "cargo test", "thought": "Look first."})),
            ),
        ),
        (
            "events/10.json",
            event(10, "agent", &saw("run", 2, "FAILED", &json!({"metadata": {"exit_code": 101}}))),
        ),
        (
            "events/11.json",
            event(
                11,
                "agent",
                &act("edit", &json!({"path": "/workspace/a.rs", "new_str": "x", "thought": ""})),
            ),
        ),
        ("events/12.json", event(12, "agent", &saw("edit", 11, "ERROR:\nNo match", &json!({})))),
        ("events/13.json", event(13, "agent", &act("run", &json!({"command": "rm -r x"})))),
        ("events/14.json", event(14, "agent", &saw("user_rejected", 13, "Rejected!", &json!({})))),
        (
            "events/15.json",
            event(15, "user", &act("change_agent_state", &json!({"agent_state": "paused"}))),
        ),
        (
            "events/16.json",
            event(
                16,
                "environment",
                &act("change_agent_state", &json!({"agent_state": "stopped"})),
            ),
        ),
        ("events/17.json", event(17, "user", &act("message", &json!({"content": "never delete"})))),
        ("events/18.json", event(18, "agent", &act("finish", &json!({"final_thought": "Done."})))),
    ]
}

const FIRST: [&str; 12] = [
    "1 prompt: fix the test",
    "2 agent: Look first.",
    "2 call run [] cargo test ",
    "10 result Some(false) Some(101) FAILED",
    "11 call edit [\"/workspace/a.rs\"] - x",
    "12 result Some(false) None ERROR:\nNo match",
    "13 call run [] rm -r x ",
    "14 rejected User -",
    "15 interrupt false",
    "17 prompt: never delete",
    "18 agent: Done.",
    "",
];

#[test]
fn a_session_of_the_first_generation_is_read_in_order_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let session = dir.path().join("sessions/s1");
    let found = folder(&session, &first(), "events/0.json");
    assert_eq!(found.told(), FIRST[..11]);
    let told = &found.sessions[0].0;
    assert_eq!((told.id.as_str(), told.title.as_deref()), ("s1", Some("Fix it")));
    assert_eq!(
        (told.branch.as_deref(), told.engine_version.as_deref()),
        (Some("dev"), Some("0.48"))
    );
    let other = read_path(&session.join("events/13.json"));
    assert_eq!((other.events().len(), other.skipped["part_of_session"]), (0, 1));
    // Without its first event, the lowest stands for the session.
    fs::remove_file(session.join("events/0.json")).unwrap();
    fs::write(session.join("events/18.json"), "{\"id\": 18, \"acti").unwrap();
    let found = read_path(&session.join("events/1.json"));
    assert_eq!(found.told(), FIRST[..10]);
    assert_eq!(found.skipped["unreadable_event"], 1);
}

#[test]
fn a_conversation_of_the_second_generation_keeps_reasons() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("app");
    fs::create_dir_all(&root).unwrap();
    let said = |t: &str| json!([{"type": "text", "text": t}]);
    let event = |n: &str, kind: &str, source: &str, more: &Value| {
        let mut row = json!({"id": format!("u{n}"), "kind": kind, "source": source,
            "timestamp": "2026-01-02T03:04:05", "tool_call_id": "c1", "tool_name": "terminal"});
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    let rows = [
        (
            "base_state.json",
            json!({"id": "c", "workspace": {"kind": "LocalWorkspace",
            "working_dir": root}}),
        ),
        ("events/event-00000-a.json", event("0", "SystemPromptEvent", "agent", &json!({}))),
        (
            "events/event-00001-b.json",
            event(
                "1",
                "MessageEvent",
                "user",
                &json!({"llm_message": {"role": "user", "content": said("go on")}}),
            ),
        ),
        (
            "events/event-00002-c.json",
            event(
                "2",
                "ActionEvent",
                "agent",
                &json!({
            "thought": said("Test."), "action": {"kind": "TerminalAction", "command": "make"}}),
            ),
        ),
        (
            "events/event-00003-d.json",
            event(
                "3",
                "ObservationEvent",
                "environment",
                &json!({
            "observation": {"content": said("no rule\nUserRejectObservation"), "exit_code": 2,
                "is_error": false}}),
            ),
        ),
        (
            "events/event-00004-e.json",
            event(
                "4",
                "UserRejectObservation",
                "environment",
                &json!({"rejection_reason": "use just, not make"}),
            ),
        ),
        (
            "events/event-00005-f.json",
            event(
                "5",
                "UserRejectObservation",
                "environment",
                &json!({"rejection_reason": "User rejected the action"}),
            ),
        ),
        (
            "events/event-00006-g.json",
            event(
                "6",
                "UserRejectObservation",
                "environment",
                &json!({"rejection_reason": "policy", "rejection_source": "hook"}),
            ),
        ),
        ("events/event-00007-h.json", event("7", "PauseEvent", "user", &json!({}))),
        (
            "events/event-00008-i.json",
            event("8", "AgentErrorEvent", "agent", &json!({"error": "no such tool"})),
        ),
        (
            "events/event-00009-j.json",
            event("9", "Condensation", "environment", &json!({"summary": "so far"})),
        ),
    ];
    let base = dir.path().join("conv");
    let found = folder(&base.join("c"), &rows, "base_state.json");
    assert_eq!(
        found.told()[..9],
        [
            "u1 prompt: go on",
            "u2 agent: Test.",
            "u2 call terminal [] make ",
            "u3 result Some(false) Some(2) no rule\nUserRejectObservation",
            "u4 rejected User use just, not make",
            "u5 rejected User -",
            "u6 rejected Hook -",
            "u7 interrupt false",
            "u8 result Some(false) None no such tool",
        ]
    );
    assert!(
        matches!(&found.events()[9].kind, EventKind::Compaction { summary } if summary == "so far")
    );
    assert_eq!(found.sessions[0].0.cwd.as_deref(), root.to_str());
    let find = |roots: &[&Path]| {
        let variables = [(super::places::VARIABLE.to_owned(), base.clone())].into();
        let roots = roots.iter().map(|r| r.to_path_buf()).collect();
        (ROW.find)(&Places { roots, variables, ..Places::default() })
    };
    assert_eq!(find(&[&root])[0].path, base.join("c/base_state.json"));
    assert!(find(&[dir.path().join("other").as_path()]).is_empty());
}

#[test]
fn nobody_types_in_a_batch() {
    let row = json!({"instance_id": "a-1", "metrics": {}, "history": [
        {"id": 0, "source": "user", "action": "message", "args": {"content": "never do this"}},
        [{"action": "run", "command": "ls", "thought": "t"},
         {"observation": "run", "content": "a", "exit_code": 0}],
        7, {"action": "message", "content": "x"}
    ]});
    let found = read(&Batch, "output", &format!("{row}\n"));
    let told: Vec<_> =
        found.told().iter().map(|t| t.split_once(' ').unwrap().1.to_owned()).collect();
    assert_eq!(told, ["agent: t", "call run [] ls ", "result Some(true) Some(0) a"]);
    assert_eq!(found.sessions[0].0.id, "output:a-1");
    assert_eq!(found.skipped["instructions"], 2);
}

#[test]
fn half_an_emoji_hides_nothing() {
    let row = r#"{"instance_id":"a-1","metrics":{},"history":[
        {"id":3,"source":"agent","action":"think","args":{"thought":"half \ud83d"}}]}"#;
    let found = read(&Batch, "output", &format!("{}\n", row.replace('\n', "")));
    assert!(found.told()[0].ends_with("agent: half \u{fffd}"), "{:?}", found.told());
}

#[test]
fn torn_and_odd_events_are_read() {
    let dir = tempfile::tempdir().unwrap();
    for (n, (name, value)) in first().into_iter().enumerate().skip(1) {
        let text = value.to_string();
        for cut in (0..text.len()).step_by(7) {
            let path = dir.path().join(format!("{n}-{cut}")).join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &text[..cut]).unwrap();
            read_path(&path);
        }
    }
    for odd in [
        json!({"history": [[[]], {"action": 1}, {"kind": "X"}], "metrics": 1, "git_patch": 1}),
        json!({"history": [{"action": "run", "args": []}, {"observation": "run", "extras": 1}]}),
    ] {
        assert!(read(&Batch, "o", &odd.to_string()).errors.is_empty());
    }
}

#[test]
fn genuine_sessions_and_batches_are_read() {
    let Some(folder) = samples("openhands") else { return };
    let files = walkdir::WalkDir::new(folder.path()).into_iter().map(Result::unwrap);
    let mut sessions = std::collections::BTreeMap::new();
    let (mut calls, mut results, mut failed, mut prompts) = (0, 0, 0, 0);
    for file in files.filter(|f| f.file_type().is_file() && f.file_name() != "metadata.json") {
        let found = read_path(file.path());
        assert!(found.errors.is_empty(), "{:?} {:?}", file.path(), found.errors);
        for (session, events) in &found.sessions {
            sessions.insert(session.id.clone(), events.len());
        }
        for event in found.events() {
            match &event.kind {
                EventKind::ToolCall { .. } => calls += 1,
                EventKind::ToolResult { ok, .. } => {
                    results += 1;
                    failed += u32::from(*ok == Some(false));
                }
                EventKind::UserPrompt { .. } => prompts += 1,
                _ => {}
            }
        }
    }
    // Counted with jq: actions that run something, observations, those that failed.
    assert_eq!((sessions.len(), calls, results, failed, prompts), (7, 126, 128, 45, 0));
}
