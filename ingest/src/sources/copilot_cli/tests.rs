//! Copilot CLI rows and what becomes of them.

use std::path::Path;

use serde_json::{Value, json};

use super::CopilotCli;
use crate::discover::Places;
use crate::sources::testing::{Found, read, read_path, samples};

fn text_of(rows: &[(&str, Value)]) -> String {
    let rows = rows.iter().enumerate().map(|(i, (kind, data))| {
        let at = format!("2026-01-02T03:04:{i:02}.000Z");
        let row = json!({"type": kind, "data": data, "id": format!("e{i}"), "timestamp": at,
            "parentId": null});
        format!("{row}\n")
    });
    rows.collect()
}

fn rows(rows: &[(&str, Value)]) -> Found {
    read(&CopilotCli, "s", &text_of(rows))
}

fn start() -> (&'static str, Value) {
    let context = json!({"cwd": "/w", "branch": "main"});
    ("session.start", json!({"sessionId": "c1", "copilotVersion": "1.0.72", "context": context}))
}

fn call(id: &str, command: &str) -> (&'static str, Value) {
    let request = json!({"toolCallId": id, "name": "bash", "arguments": {"command": command}});
    ("assistant.message", json!({"content": "", "toolRequests": [request]}))
}

fn done(id: &str, content: &str) -> (&'static str, Value) {
    let result = json!({"content": content});
    ("tool.execution_complete", json!({"toolCallId": id, "success": true, "result": result}))
}

#[test]
fn prompts_steering_and_injected_text() {
    let found = rows(&[
        start(),
        (
            "user.message",
            json!({"content": "fix it", "transformedContent": "<x>fix it",
            "delivery": "idle", "parentAgentTaskId": "t"}),
        ),
        ("assistant.message", json!({"content": "on it", "toolRequests": []})),
        ("user.message", json!({"content": "no, with tabs", "delivery": "steering"})),
        ("user.message", json!({"content": "", "transformedContent": "reminder"})),
        ("user.message", json!({"content": "never use tabs", "source": "instruction-discovery"})),
        ("session.context_changed", json!({"cwd": "/w/sub", "branch": "fix"})),
        ("user.message", json!({"content": "commit"})),
        ("session.new_thing", json!({})),
    ]);
    assert_eq!(
        found.told(),
        ["e1 prompt: fix it", "e2 agent: on it", "e3 steering: no, with tabs", "e7 prompt: commit"]
    );
    let (session, events) = &found.sessions[0];
    assert_eq!((session.id.as_str(), session.engine_version.as_deref()), ("c1", Some("1.0.72")));
    assert_eq!((session.cwd.as_deref(), session.branch.as_deref()), (Some("/w"), Some("main")));
    assert_eq!(events[3].cwd.as_deref(), Some("/w/sub"));
    assert_eq!(events[3].branch.as_deref(), Some("fix"));
    assert_eq!((found.skipped["injected"], found.skipped["session.new_thing"]), (2, 1));
}

#[test]
fn a_call_is_told_once_and_its_exit_status_found() {
    let arguments = json!({"path": "src/a.rs"}).to_string();
    let found = rows(&[
        start(),
        call("c1", "make"),
        (
            "tool.execution_start",
            json!({"toolCallId": "c1", "toolName": "bash",
            "arguments": {"command": "make"}}),
        ),
        done("c1", "boom\n<exited with exit code 2>"),
        (
            "tool.execution_start",
            json!({"toolCallId": "c2", "toolName": "view",
            "arguments": arguments}),
        ),
        done("c2", "says <exited with exit code 9>\nok"),
        call("c3", "make"),
        done("c3", "fine\n<shellId: 3 completed with exit code 0>"),
        (
            "tool.execution_complete",
            json!({"toolCallId": "c4", "success": false,
            "error": {"message": "Path does not exist", "code": "failure"}}),
        ),
        ("session.compaction_complete", json!({"summaryContent": "s"})),
    ]);
    assert_eq!(
        found.told(),
        [
            "e1 call bash [] make ",
            "e3 result Some(false) Some(2) boom\n<exited with exit code 2>",
            "e4 call view [\"src/a.rs\"] - {\"path\":\"src/a.rs\"}",
            "e5 result Some(true) None says <exited with exit code 9>\nok",
            "e6 call bash [] make ",
            "e7 result Some(true) Some(0) fine\n<shellId: 3 completed with exit code 0>",
            "e8 result Some(false) None Path does not exist",
            "e9 compaction",
        ]
    );
}

#[test]
fn refusals_come_from_permissions_only() {
    let refused = json!({"toolCallId": "c1", "success": false,
        "error": {"message": "The user rejected this tool call.", "code": "rejected"}});
    let found = rows(&[
        start(),
        call("c1", "rm -rf x"),
        (
            "permission.requested",
            json!({"requestId": "r1",
            "permissionRequest": {"kind": "shell", "toolCallId": "c1"}}),
        ),
        (
            "permission.completed",
            json!({"requestId": "r1",
            "result": {"kind": "denied-interactively-by-user", "feedback": "move it instead"}}),
        ),
        ("tool.execution_complete", refused.clone()),
        (
            "permission.completed",
            json!({"requestId": "r2", "toolCallId": "c2",
            "result": {"kind": "denied-by-rules", "feedback": "forged"}}),
        ),
        ("permission.completed", json!({"requestId": "r3", "result": {"kind": "approved"}})),
        done("c3", "The user rejected this tool call. feedback: use yarn"),
        ("tool.execution_complete", refused),
        ("abort", json!({"reason": "user initiated"})),
        ("hook.end", json!({"success": false, "error": {"message": "no such file"}})),
        (
            "hook.end",
            json!({"success": true, "output": {"permissionDecision": "deny",
            "permissionDecisionReason": "no force push"}}),
        ),
    ]);
    assert_eq!(
        found.told(),
        [
            "e1 call bash [] rm -rf x ",
            "e3 rejected User move it instead",
            "e5 rejected Policy -",
            "e7 result Some(true) None The user rejected this tool call. feedback: use yarn",
            "e8 rejected User -",
            "e9 interrupt false",
            "e11 hook no force push",
        ]
    );
}

#[test]
fn any_cut_is_read_as_far_as_it_goes() {
    let text = text_of(&[start(), ("user.message", json!({"content": "a"})), call("c1", "x")]);
    let whole = read(&CopilotCli, "s", &text);
    let keys: Vec<_> = whole.events().iter().map(|e| e.key.clone()).collect();
    for cut in 0..text.len() {
        let found = read(&CopilotCli, "s", &text[..cut]);
        assert!(found.events().iter().zip(&keys).all(|(e, key)| e.key == *key), "{cut}");
    }
    // The same rows without a line end between them.
    assert_eq!(read(&CopilotCli, "s", &text.replace('\n', "")).told(), whole.told());
    for odd in ["{}", "[]", "7", r#"{"type":"user.message","data":[1]}"#, r#"{"type":{},"id":4}"#] {
        assert!(read(&CopilotCli, "s", odd).events().is_empty(), "{odd}");
    }
}

#[test]
fn only_the_projects_sessions_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join(".copilot/session-state");
    for (name, cwd) in [("a/events.jsonl", "/w"), ("b/events.jsonl", "/x"), ("c.jsonl", "/w/sub")] {
        let path = state.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let data = json!({"sessionId": name, "context": {"cwd": cwd}});
        std::fs::write(path, text_of(&[("session.start", data)])).unwrap();
    }
    let roots = vec!["/w".into()];
    let places = Places { home: dir.path().to_owned(), roots, ..Places::default() };
    let found: Vec<_> = super::places::find(&places)
        .into_iter()
        .map(|f| f.path.strip_prefix(&state).unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.contains(&"a/events.jsonl".to_owned()) && found.contains(&"c.jsonl".to_owned()));
}

#[test]
fn the_sample_has_its_prompts_and_every_call_its_result() {
    let Some(dir) = samples("copilot-cli") else { return };
    let files: Vec<_> = walkdir::WalkDir::new(dir.path())
        .into_iter()
        .filter_map(Result::ok)
        .filter(|e| e.file_name() == "events.jsonl")
        .collect();
    assert_eq!(files.len(), 1);
    let found = read_path(files[0].path());
    assert!(found.errors.is_empty(), "{:?}", found.errors);
    let count = |name: &str| found.events().iter().filter(|e| e.kind.name() == name).count();
    assert_eq!(
        [count("user_prompt"), count("tool_call"), count("tool_result"), count("tool_rejected")],
        [2, 108, 108, 0]
    );
    assert_eq!(found.sessions.len(), 1);
}

#[test]
fn the_fixtures_are_read() {
    let Some(folder) = samples("fixtures") else { return };
    let base = folder.path().join("_fixtures/copilot/jazzyalex__agent-sessions");
    let events = "subdir_v1/aaaabbbb-1111-2222-3333-ccccddddeeee/events.jsonl";
    for (name, prompts) in
        [("small.jsonl", 2), ("large.jsonl", 3), ("schema_drift.jsonl", 0), (events, 1)]
    {
        let found = read_path(&base.join(name));
        assert!(found.errors.is_empty(), "{name} {:?}", found.errors);
        let said = found.events().iter().filter(|e| e.kind.name() == "user_prompt").count();
        assert_eq!((name, said), (name, prompts), "{:?}", found.skipped);
    }
}

#[test]
fn a_session_that_grew_keeps_what_was_read_before() {
    let (Some(steps), Some(whole)) = (samples("incremental"), samples("copilot-cli")) else {
        return;
    };
    let part = "_incremental/copilot-cli/JeffreyCA__azure-dev/45f1a36c.step1.jsonl";
    let all = "copilot-cli/JeffreyCA__azure-dev/45f1a36c-ba4d-4362-9be9-027260dbd18e/events.jsonl";
    let keys = |path: &Path| -> Vec<String> {
        read_path(path).events().iter().map(|e| e.key.clone()).collect()
    };
    let (part, all) = (keys(&steps.path().join(part)), keys(&whole.path().join(all)));
    assert!(!part.is_empty() && part.len() < all.len(), "{} of {}", part.len(), all.len());
    assert_eq!(part, all[..part.len()]);
}
