//! Sessions of Factory Droid.

use serde_json::{Value, json};

use super::Droid;
use crate::discover::Places;
use crate::sources::testing::{Found, read, read_path, samples};

fn start() -> Value {
    json!({"type": "session_start", "id": "d1", "title": "Fixing", "cwd": "/w/app", "owner": "u"})
}

fn message(id: &str, role: &str, content: &Value) -> Value {
    json!({"type": "message", "id": id, "parentId": "d1", "timestamp": "2026-01-02T03:04:05.000Z",
        "message": {"role": role, "content": content}})
}

fn lines(rows: &[Value]) -> Found {
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    read(&Droid, "s", &text)
}

#[test]
fn words_calls_and_their_ends() {
    let result = |content: &Value, failed: Value| json!([{"type": "tool_result", "tool_use_id": "c", "content": content, "is_error": failed}]);
    let found = lines(&[
        start(),
        message(
            "m1",
            "user",
            &json!([{"type": "text", "text": "<system-reminder>x</system-reminder>\n\nuse tabs"}]),
        ),
        message(
            "m2",
            "assistant",
            &json!([{"type": "text", "text": "ok"},
                {"type": "tool_use", "id": "c", "name": "Execute", "input": {"command": "make"}}]),
        ),
        message(
            "m3",
            "user",
            &result(&json!("Error: Command failed (exit code: 2)\nboom"), json!(null)),
        ),
        message("m4", "user", &result(&json!([{"type": "text", "text": "fine"}]), json!(false))),
        json!({"type": "compaction_state", "id": "x", "summaryText": "so far"}),
        json!({"type": "todo_state", "id": "y"}),
    ]);
    assert_eq!(
        found.told(),
        [
            "m1 prompt: use tabs",
            "m2 agent: ok",
            "m2 call Execute [] make ",
            "m3 result Some(false) Some(2) Error: Command failed (exit code: 2)\nboom",
            "m4 result Some(true) None fine",
            "x compaction",
        ]
    );
    let session = &found.sessions[0].0;
    assert_eq!((session.id.as_str(), session.cwd.as_deref()), ("d1", Some("/w/app")));
    assert_eq!(found.skipped.get("todo_state"), Some(&1));
}

#[test]
fn an_agents_agent_has_no_prompts() {
    let mut started = start();
    started["title"] = json!("# Task Tool Invocation");
    let found = lines(&[
        started,
        message("m1", "user", &json!("do it")),
        message("m2", "assistant", &json!("ok")),
    ]);
    assert_eq!(found.told(), ["m2 agent: ok"]);
}

#[test]
fn any_cut_gives_a_prefix_and_odd_shapes_nothing() {
    let rows =
        [start(), message("m1", "user", &json!("ä")), message("m2", "assistant", &json!("b"))];
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let whole = read(&Droid, "s", &text).told();
    assert_eq!(whole.len(), 2);
    for cut in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
        let told = read(&Droid, "s", &text[..cut]).told();
        assert_eq!(told, whole[..told.len()], "{cut}");
    }
    for odd in [
        json!({"type": "message", "message": 7}),
        json!({"type": [], "id": 4}),
        json!({"type": "message", "message": {"role": "user", "content": [7, {"type": {}}]}}),
    ] {
        assert!(lines(&[start(), odd]).events().is_empty());
    }
}

#[test]
fn the_projects_sessions_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let sessions = dir.path().join(".factory/sessions/-w-app");
    std::fs::create_dir_all(&sessions).unwrap();
    let rows = format!("{}\n{}\n", start(), message("m1", "user", &json!("go")));
    std::fs::write(sessions.join("a.jsonl"), &rows).unwrap();
    std::fs::write(sessions.join("b.jsonl"), rows.replace("/w/app", "/w/app2")).unwrap();
    let home = dir.path().to_owned();
    let places = Places { home, roots: vec!["/w/app".into()], ..Places::default() };
    let found: Vec<_> = super::places::find(&places).into_iter().map(|f| f.path).collect();
    assert_eq!(found, [sessions.join("a.jsonl")]);
    assert_eq!(read_path(&found[0]).sessions[0].0.engine, super::ENGINE);
}

#[test]
fn the_samples_are_read() {
    let Some(dir) = samples("fixtures") else { return };
    let files = walkdir::WalkDir::new(dir.path()).into_iter().filter_map(Result::ok);
    let mut read = 0;
    for file in files.filter(|e| e.path().to_string_lossy().contains("droid/")) {
        if !file.file_name().to_string_lossy().starts_with("session_store") {
            continue;
        }
        let found = read_path(file.path());
        assert!(found.errors.is_empty(), "{:?}", found.errors);
        assert_eq!(found.sessions[0].0.engine, super::ENGINE);
        assert!(found.told().iter().any(|t| t.contains(" prompt: ")), "{:?}", found.told());
        read += 1;
    }
    assert_eq!(read, 3);
}
