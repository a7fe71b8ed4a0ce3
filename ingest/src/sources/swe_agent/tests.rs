//! Trajectories and what becomes of them.

use cemem_core::EventKind;
use serde_json::{Value, json};

use super::SweAgent;
use crate::sources::testing::{Found, read, read_path, samples};

const RUN: &str = include_str!("../../../fixtures/swe-agent/app-1.traj");

fn run(value: &Value) -> Found {
    read(&SweAgent, "app-1", &value.to_string())
}

#[test]
fn steps_are_commands_and_outcomes_and_nobody_types() {
    let found = read(&SweAgent, "app-1", RUN);
    assert!(found.sessions[0].0.id.starts_with("app-1-"));
    assert_eq!(found.sessions[0].0.engine_version.as_deref(), Some("1.1.0"));
    assert_eq!(found.sessions[0].0.cwd.as_deref(), Some("/testbed"));
    assert_eq!(
        found.told(),
        [
            "1 agent: Let us look.",
            "1 call open [\"src/a.py\"] -  src/a.py",
            "1 result None None [File: src/a.py]",
            "2 agent: Now the edit.",
            "2 call edit [\"/testbed/src/a.py\"] -  1:1\nx\nend_of_edit",
            "2 result Some(false) None Your proposed edit has introduced new syntax error(s).",
            "3 agent: Test it.",
            "3 call bash [] pytest -q ",
            "3 result None None 1 failed",
        ]
        .map(|t| t.replace("-  ", "- "))
    );
}

#[test]
fn messages_stand_in_for_steps() {
    let call = |name: &str, arguments: &Value| {
        json!([{"id": "c", "type": "function",
            "function": {"name": name, "arguments": arguments.to_string()}}])
    };
    let found = run(&json!({"history": [
        {"role": "system", "content": "You are"}, {"role": "user", "content": "never do this"},
        {"role": "assistant", "content": "demo", "is_demo": true},
        {"role": "assistant", "content": "go", "tool_calls": call("bash", &json!({"command": "ls"}))},
        {"role": "tool", "content": [{"type": "text", "text": "a.py"}]},
        {"role": "assistant", "content": "", "tool_calls": call("open", &json!({"path": "a.py"}))},
    ], "trajectory": []}));
    assert_eq!(
        found.told(),
        [
            "1 agent: go",
            "1 call bash [] ls ",
            "1 result None None a.py",
            "2 call open [\"a.py\"] - a.py",
            "2 result None None "
        ]
    );
    assert_eq!((found.skipped["instructions"], found.skipped["demonstration"]), (2, 1));
    let mini = run(&json!({"trajectory_format": "mini-swe-agent-1.1", "messages": [
        {"role": "user", "content": "task"},
        {"role": "assistant", "content": "THOUGHT: run\n\n```bash\ncargo test\n```"},
        {"role": "user", "content": "<returncode>101</returncode>\n<output>\nFAILED\n</output>"},
    ]}));
    assert!(mini.told()[1].contains("call bash [] cargo test"), "{:?}", mini.told());
    assert!(mini.told()[2].starts_with("1 result Some(false) Some(101)"), "{:?}", mini.told());
}

#[test]
fn torn_and_odd_trajectories_are_read() {
    for cut in (0..RUN.len()).filter(|n| RUN.is_char_boundary(*n)) {
        assert_eq!(
            read(&SweAgent, "x", &RUN[..cut]).errors.len(),
            usize::from(cut < RUN.trim_end().len())
        );
    }
    for odd in [
        json!({}),
        json!({"trajectory": 1, "history": "x", "info": []}),
        json!({"trajectory": [1, {}, {"action": 2, "state": "{"}, {"action": "", "thought": null}]}),
        json!({"messages": [{"role": "assistant"}, {"role": 1, "tool_calls": [{}]}]}),
    ] {
        assert!(run(&odd).errors.is_empty(), "{odd}");
    }
}

#[test]
fn a_run_that_goes_on_keeps_its_keys() {
    let mut whole: Value = serde_json::from_str(RUN).unwrap();
    let all: Vec<_> = run(&whole).events().iter().map(|e| e.key.clone()).collect();
    whole["trajectory"].as_array_mut().unwrap().pop();
    let part: Vec<_> = run(&whole).events().iter().map(|e| e.key.clone()).collect();
    assert_eq!(part, all[..part.len()]);
    assert!(part.len() < all.len());
}

#[test]
fn genuine_trajectories_are_read() {
    let Some(folder) = samples("swe-agent") else { return };
    let files = walkdir::WalkDir::new(folder.path()).into_iter().map(Result::unwrap);
    let (mut runs, mut calls, mut results, mut prompts) = (0, 0, 0, 0);
    let mut ids = std::collections::BTreeSet::new();
    for file in files.filter(|f| f.file_type().is_file()) {
        let found = read_path(file.path());
        assert!(found.errors.is_empty(), "{:?} {:?}", file.path(), found.errors);
        runs += 1;
        ids.extend(found.sessions.iter().map(|(s, _)| s.id.clone()));
        for event in found.events() {
            match &event.kind {
                EventKind::ToolCall { .. } => calls += 1,
                EventKind::ToolResult { .. } => results += 1,
                EventKind::UserPrompt { .. } => prompts += 1,
                _ => {}
            }
        }
    }
    // The steps with an action, counted with jq (142), and the calls in messages of the run without steps (5).
    assert_eq!((runs, ids.len(), calls, results, prompts), (15, 15, 147, 147, 0));
}
