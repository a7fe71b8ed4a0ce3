//! Calling hooks as an agent does.
//!
//! Owns the calls and the reading of answers. A call that does not end with 0 fails every test.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Output, TestEnv};

/// Gives hooks more time than a person would: what is tested is what they say, on a machine that may
/// be busy.
pub fn allow_time(env: &TestEnv) {
    std::fs::create_dir_all(env.cemem_home()).unwrap();
    std::fs::write(env.cemem_home().join("config.toml"), "[hooks]\ndeadline_ms = 60000\n").unwrap();
}

/// Calls a hook of Claude Code with these fields besides the common ones.
#[track_caller]
pub fn claude(env: &TestEnv, event: &str, session: &str, more: Value) -> Output {
    let mut call = json!({
        "session_id": session, "cwd": env.project(), "hook_event_name": event,
        "transcript_path": "/nowhere.jsonl", "permission_mode": "default",
    });
    let fields = call.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    raw(env, &["hook", "claude-code", event], &call.to_string())
}

/// Calls a hook with any text.
#[track_caller]
pub fn raw(env: &TestEnv, args: &[&str], input: &str) -> Output {
    let output = env.cemem_with_input(args, input).success();
    assert_eq!(output.stderr, "", "a hook talks to nobody");
    output
}

/// Returns the context in an answer of the shape of Claude Code; empty for no answer.
#[track_caller]
#[must_use]
pub fn context(output: &Output) -> String {
    if output.stdout.is_empty() {
        return String::new();
    }
    assert!(output.stdout.chars().count() < 9_000, "{}", output.stdout.len());
    let answer = output.json();
    let text = answer["hookSpecificOutput"]["additionalContext"].as_str().unwrap().to_owned();
    assert!(text.starts_with("<project-memory>\n") && text.contains("\n</project-memory>\n"));
    text
}

/// Waits until something holds, at most two minutes.
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(120), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
