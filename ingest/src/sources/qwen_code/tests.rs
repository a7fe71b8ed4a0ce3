//! Qwen Code rows and what becomes of them.

use std::path::Path;

use serde_json::{Value, json};

use super::QwenCode;
use crate::discover::Places;
use crate::sniff::{Probe, identify};
use crate::sources::testing::{Found, read, read_path, samples};

fn row(uuid: &str, kind: &str, more: &Value) -> Value {
    let mut row = json!({"uuid": uuid, "parentUuid": null, "sessionId": "q1", "cwd": "/w",
        "timestamp": "2026-01-02T03:04:05.000Z", "type": kind, "version": "0.21.13"});
    for (name, value) in more.as_object().unwrap() {
        row[name] = value.clone();
    }
    row
}

fn parts(parts: &Value) -> Value {
    json!({"message": {"role": "user", "parts": parts}})
}

fn lines(rows: &[Value]) -> Found {
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    read(&QwenCode, "q1", &text)
}

fn ended(status: &str, name: &str, response: &Value) -> Value {
    let answer = json!({"functionResponse": {"id": "c", "name": name, "response": response}});
    let mut more = parts(&json!([answer]));
    more["toolCallResult"] = json!({"callId": "c", "status": status});
    row("r", "tool_result", &more)
}

#[test]
fn prompts_are_what_was_shown_not_what_hooks_added() {
    let mut shown = parts(&json!([{"text": "fix it <x>never</x>"}]));
    shown["systemPayload"] = json!({"displayText": "fix it", "hookContext": "never"});
    shown["gitBranch"] = json!("dev");
    let hooked = "<qwen:user-prompt-submit-context>\nnever";
    let mut steering = parts(&json!([{"text": "no, tabs"}, {"text": hooked}]));
    steering["subtype"] = json!("mid_turn_user_message");
    let mut cron = parts(&json!([{"text": "nightly"}]));
    cron["subtype"] = json!("cron");
    let found = lines(&[
        row("u1", "user", &shown),
        row(
            "a1",
            "assistant",
            &parts(&json!([{"text": "hm", "thought": true}, {"text": "ok"},
            {"functionCall": {"id": "c", "name": "run_shell_command", "args": {"command": "ls"}}}])),
        ),
        row("u2", "user", &steering),
        row("u3", "user", &cron),
        row("s1", "system", &json!({"subtype": "rewind", "systemPayload": {"targetUuid": "u1"}})),
        row(
            "s2",
            "system",
            &json!({"subtype": "custom_title",
            "systemPayload": {"customTitle": "Fixing"}}),
        ),
        row("s3", "system", &json!({"subtype": "chat_compression", "systemPayload": {}})),
        row("s4", "system", &json!({"subtype": "ui_telemetry", "systemPayload": {}})),
    ]);
    assert_eq!(
        found.told(),
        [
            "u1 prompt: fix it",
            "a1 agent: ok",
            "a1 call run_shell_command [] ls ",
            "u2 steering: no, tabs",
            "s1 rewind",
            "s3 compaction",
        ]
    );
    let session = &found.sessions[0].0;
    assert_eq!((session.id.as_str(), session.title.as_deref()), ("q1", Some("Fixing")));
    assert_eq!((session.cwd.as_deref(), session.branch.as_deref()), (Some("/w"), Some("dev")));
    assert_eq!(session.engine_version.as_deref(), Some("0.21.13"));
    assert_eq!(found.skipped["ui_telemetry"], 1);
}

#[test]
fn outcomes_and_refusals() {
    let one = |row: Value| lines(&[row]).told().join(";");
    let failed = json!({"output": "Output: boom\nExit Code: 2"});
    assert_eq!(
        one(ended("success", "run_shell_command", &failed)),
        "r result Some(false) Some(2) Output: boom\nExit Code: 2"
    );
    let denied = json!({"error": "[Operation Cancelled] Reason: User did not allow tool call"});
    assert_eq!(one(ended("cancelled", "edit", &denied)), "r rejected User -");
    assert_eq!(one(ended("error", "edit", &denied)).split(' ').nth(1), Some("result"));
    assert_eq!(one(ended("executing", "edit", &denied)), "");
}

#[test]
fn fragments_of_one_message_all_count_and_copies_do_not() {
    let first = row("a", "assistant", &parts(&json!([{"text": "one"}])));
    let second = row("a", "assistant", &parts(&json!([{"text": "two"}])));
    let found = lines(&[first.clone(), second, first]);
    let keys: Vec<_> = found.events().iter().map(|e| e.key.clone()).collect();
    assert!(keys[0] != keys[1] && keys[0] == keys[2]);
}

#[test]
fn glued_and_cut_rows_are_read_and_the_format_is_known() {
    let rows = [
        row("u", "user", &parts(&json!([{"text": "say {\"a\":1}"}]))),
        row("a", "assistant", &parts(&json!([{"text": "ä"}]))),
    ];
    let text = format!("{}{}", rows[0], rows[1]);
    let whole = read(&QwenCode, "q", &text).told();
    assert_eq!(whole, ["u prompt: say {\"a\":1}", "a agent: ä"]);
    for cut in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
        let told = read(&QwenCode, "q", &text[..cut]).told();
        assert_eq!(told, whole[..told.len()], "{cut}");
    }
    let known = identify(&Probe::new(&text, Path::new("x.jsonl")));
    assert_eq!(known.map(|s| s.info().engine), Some("qwen-code"));
    for odd in ["{}", "[]", "7", r#"{"uuid":"u","sessionId":"s","type":"user","message":[1]}"#] {
        assert!(read(&QwenCode, "q", odd).events().is_empty(), "{odd}");
    }
}

#[test]
fn only_the_projects_chats_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let projects = dir.path().join(".qwen/projects");
    for (name, cwd) in
        [("-w/chats/a.jsonl", "/w"), ("-x/chats/b.jsonl", "/x"), ("-w/chats/archive/c.jsonl", "/w")]
    {
        let path = projects.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, row("u", "user", &json!({ "cwd": cwd })).to_string()).unwrap();
    }
    let roots = vec!["/w".into()];
    let places = Places { home: dir.path().to_owned(), roots, ..Places::default() };
    let mut found: Vec<_> = super::places::find(&places).into_iter().map(|f| f.path).collect();
    found.sort();
    assert_eq!(found, ["-w/chats/a.jsonl", "-w/chats/archive/c.jsonl"].map(|n| projects.join(n)));
}

#[test]
fn the_fixtures_are_read() {
    let Some(folder) = samples("fixtures") else { return };
    let base = folder.path().join("_fixtures/qwen/jazzyalex__agent-sessions");
    for (name, prompts) in [
        // The other user row is a notification.
        ("019f0000-0000-7000-8000-000000000001.jsonl", 1),
        ("019f0000-0000-7000-8000-000000000002.jsonl", 1),
        ("019f0000000070008000000000000003.jsonl", 1),
        ("019f0000-0000-7000-8000-000000000004.jsonl", 2),
        ("019f0000-0000-7000-8000-000000000005.jsonl", 1),
        ("system_telemetry.jsonl", 0),
    ] {
        let found = read_path(&base.join(name));
        assert!(found.errors.is_empty(), "{name} {:?}", found.errors);
        let told = found.told();
        let said = told.iter().filter(|t| t.contains("prompt:") || t.contains("steering:")).count();
        assert_eq!((name, said), (name, prompts), "{told:?} {:?}", found.skipped);
    }
}
