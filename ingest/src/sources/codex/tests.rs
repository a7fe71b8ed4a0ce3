//! Codex rows and what becomes of them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Codex;
use crate::sources::testing::{Found, read};

fn rows(rows: &[(&str, Value)]) -> Found {
    let text: String = rows
        .iter()
        .enumerate()
        .map(|(i, (kind, payload))| {
            let at = format!("2025-09-26T17:01:{i:02}.000Z");
            format!("{}\n", json!({"timestamp": at, "type": kind, "payload": payload}))
        })
        .collect();
    read(&Codex, "rollout-x", &text)
}

fn meta() -> (&'static str, Value) {
    (
        "session_meta",
        json!({"id": "t1", "cwd": "/w", "cli_version": "0.40.0", "git": {"branch": "dev"}, "source": "cli"}),
    )
}

fn message(role: &str, text: &str) -> (&'static str, Value) {
    (
        "response_item",
        json!({"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}),
    )
}

fn said(text: &str) -> (&'static str, Value) {
    ("event_msg", json!({"type": "user_message", "message": text, "kind": "plain"}))
}

fn shell(id: &str, command: Value) -> (&'static str, Value) {
    let arguments = json!({"command": command, "workdir": "/w"}).to_string();
    (
        "response_item",
        json!({"type": "function_call", "name": "shell", "arguments": arguments, "call_id": id}),
    )
}

fn output(id: &str, output: impl Into<Value>) -> (&'static str, Value) {
    (
        "response_item",
        json!({"type": "function_call_output", "call_id": id, "output": output.into()}),
    )
}

#[test]
fn a_prompt_counts_once_and_turns_are_numbered() {
    let found = rows(&[
        meta(),
        message("user", "<environment_context>x</environment_context>"),
        message("user", "fix it"),
        said("fix it"),
        message("assistant", "looking"),
        shell("c1", json!(["bash", "-lc", "cargo test"])),
        output("c1", json!({"output": "boom", "metadata": {"exit_code": 101}}).to_string()),
        message("user", "no, the other one"),
        said(
            "# Context from my IDE setup:\n\n## Open tabs:\n- a\n\n## My request for Codex:\nno, the other one",
        ),
        message("assistant", "ok"),
        ("event_msg", json!({"type": "agent_message", "message": "ok"})),
    ]);
    assert_eq!(
        found.told(),
        [
            "1 prompt: fix it",
            "1 agent: looking",
            "1 call shell [] cargo test ",
            "1 result Some(false) Some(101) boom",
            "2 prompt: no, the other one",
            "2 agent: ok",
        ]
    );
    let (session, events) = &found.sessions[0];
    assert_eq!((session.id.as_str(), session.branch.as_deref()), ("t1", Some("dev")));
    assert_eq!(events[0].cwd.as_deref(), Some("/w"));
}

#[test]
fn without_user_message_rows_the_model_input_is_the_prompt() {
    let found = rows(&[
        meta(),
        message("user", "# AGENTS.md instructions for /w"),
        message("user", "run the tests"),
        shell("c1", json!("ls")),
        message("user", "stop"),
        message("assistant", "stopped"),
    ]);
    assert_eq!(
        found.told(),
        ["1 prompt: run the tests", "1 call shell [] ls ", "2 prompt: stop", "2 agent: stopped"]
    );
}

#[test]
fn the_last_prompt_counts_without_an_answer() {
    let shown = [
        meta(),
        message("user", "run the tests"),
        message("assistant", "they fail"),
        message("user", "no, with make"),
    ];
    let prompts = ["1 prompt: run the tests", "1 agent: they fail", "2 prompt: no, with make"];
    assert_eq!(rows(&shown).told(), prompts);
    // A newer version goes on with the file: what it repeats is the same prompt.
    let found = rows(&[&shown[..], &[said("no, with make"), said("no, with make")]].concat());
    assert_eq!(found.told()[..3], prompts);
    assert_eq!(found.told()[3..], ["3 prompt: no, with make"]);
}

#[test]
fn half_an_emoji_loses_no_row() {
    let row = json!({"timestamp": "2025-09-26T17:01:00.000Z", "type": "event_msg",
        "payload": {"type": "user_message", "message": "no HALF tabs"}});
    let found = read(&Codex, "rollout-x", &row.to_string().replace("HALF", r"\udc00"));
    assert_eq!(found.told(), ["1 prompt: no \u{fffd} tabs"]);
    assert!(found.errors.is_empty(), "{:?}", found.errors);
}

#[test]
fn refusals_interrupts_patches_and_outputs() {
    let patch = "*** Begin Patch\n*** Update File: src/a.rs\n@@\n-x\n+y\n*** End Patch";
    let found = rows(&[
        meta(),
        output("c1", "exec command rejected by user"),
        ("event_msg", json!({"type": "turn_aborted", "reason": "interrupted"})),
        ("event_msg", json!({"type": "turn_aborted", "reason": "replaced"})),
        ("event_msg", json!({"type": "thread_rolled_back", "num_turns": 1})),
        (
            "response_item",
            json!({"type": "custom_tool_call", "name": "apply_patch", "input": patch, "call_id": "c2"}),
        ),
        output("c3", "Exit code: 2\nWall time: 1 seconds\nOutput:\nno such file"),
        output("c4", "Chunk ID: a\nWall time: 1\nProcess exited with code 0\nOutput:\nfine"),
        output("c5", json!([{"type": "input_text", "text": "pieces"}])),
        ("compacted", json!({"message": "summary"})),
    ]);
    assert_eq!(
        found.told(),
        [
            "0 rejected User -".to_owned(),
            "0 interrupt false".into(),
            "0 rewind".into(),
            format!("0 call apply_patch [\"src/a.rs\"] - {patch}"),
            "0 result Some(false) Some(2) no such file".into(),
            "0 result Some(true) Some(0) fine".into(),
            "0 result None None pieces".into(),
            "0 compaction".into(),
        ]
    );
}

#[test]
fn a_fork_repeats_its_parent_under_the_same_keys() {
    let parent = rows(&[meta(), said("one"), message("assistant", "ok")]);
    let own = ("session_meta", json!({"id": "t2", "forked_from_id": "t1", "cwd": "/w"}));
    let fork = rows(&[own, said("one"), message("assistant", "ok"), said("two")]);
    let keys = |f: &Found| f.events().iter().map(|e| e.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&parent), keys(&fork)[..2]);
    assert_eq!(fork.sessions[0].0.parent.as_deref(), Some("t1"));
}

#[test]
fn the_oldest_rollouts_wrap_nothing() {
    let text = concat!(
        r#"{"id":"t0","timestamp":"2025-05-01T00:00:00Z","instructions":null}"#,
        "\n",
        r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}"#,
        "\n",
        r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"yo"}]}"#,
        "\n",
        r#"{"type":"from_the_future","payload":{}}"#,
        "\n",
    );
    let found = read(&Codex, "rollout-x", text);
    assert_eq!(found.told(), ["1 prompt: hi", "1 agent: yo"]);
    assert_eq!(found.sessions[0].0.id, "t0");
    assert_eq!(found.skipped["from_the_future"], 1);
}

proptest! {
    #[test]
    fn any_payload_never_panics(kind in "[a-z_]{0,20}", text in "\\PC{0,80}", n in any::<i64>()) {
        for payload in [json!(text), json!(n), json!({"type": kind, "message": text, "output": n}), json!([text])] {
            rows(&[("event_msg", payload.clone()), ("response_item", payload.clone()), ("session_meta", payload)]);
        }
    }
}
