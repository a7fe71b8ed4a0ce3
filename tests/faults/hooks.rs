//! Hooks under bad input, in bad places and on bad stores: they end with 0, say nothing, and the
//! reason can be found.

use std::fs;
use std::time::{Duration, Instant};

use cemem_tests::TestEnv;
use cemem_tests::hooks::{allow_time, claude, context, raw};
use rusqlite::Connection;
use serde_json::json;

fn memory() -> TestEnv {
    let env = TestEnv::without_runtime();
    env.cemem(["remember", "Use pnpm, not npm."]).success();
    allow_time(&env);
    env
}

fn log(env: &TestEnv) -> String {
    fs::read_to_string(env.cemem_home().join("hooks.log")).unwrap_or_default()
}

#[track_caller]
fn logged(env: &TestEnv, word: &str) {
    assert!(log(env).lines().last().is_some_and(|line| line.contains(word)), "{}", log(env));
    let told = env.cemem(["doctor"]).stdout;
    assert!(told.contains("hooks       BAD") && told.contains(word), "{told}");
    fs::remove_file(env.cemem_home().join("hooks.log")).unwrap();
}

#[test]
fn no_input_and_no_arguments_make_a_hook_fail() {
    let env = memory();
    let start = ["hook", "claude-code", "SessionStart"];
    for (input, reason) in [
        ("", "empty"),
        ("not json", "no JSON"),
        ("[1]", "no JSON object"),
        ("{\"session_id\":", "no JSON"),
        ("\u{0}\u{1}", "no JSON"),
    ] {
        assert_eq!(raw(&env, &start, input).stdout, "", "{input}");
        logged(&env, reason);
    }
    let deep = "{\"a\":".repeat(50_000);
    assert_eq!(raw(&env, &start, &deep).stdout, "");
    logged(&env, "no JSON");
    for args in [
        &["hook"][..],
        &["hook", "emacs", "SessionStart"],
        &["hook", "claude-code"],
        &["hook", "claude-code", "SessionMiddle"],
        &["hook", "claude-code", "SessionStart", "more"],
        &["hook", "--frobnicate"],
        &["--quiet", "hook", "aider", "x"],
    ] {
        assert_eq!(raw(&env, args, "{}").stdout, "", "{args:?}");
        assert_ne!(log(&env), "", "{args:?}");
    }
    assert!(env.cemem(["hook", "--help"]).success().stdout.contains("ENGINE"));
}

#[test]
fn missing_fields_a_future_version_and_ten_megabytes_are_read() {
    let env = memory();
    let cwd = env.project();
    let start = ["hook", "claude-code", "SessionStart"];
    let ask = ["hook", "claude-code", "UserPromptSubmit"];
    assert!(
        raw(&env, &start, "{}").stdout.contains("pnpm"),
        "where it runs is where the session is"
    );
    let future = json!({ "hook_version": 99, "session_id": { "v": 2 }, "cwd": cwd, "source": 3 });
    assert!(raw(&env, &start, &future.to_string()).stdout.contains("pnpm"));
    let log_of_a_build = "compiling another crate, npm install pnpm\n".repeat(250_000);
    let call = json!({ "session_id": "a", "cwd": cwd, "prompt": log_of_a_build });
    // It ends with 0, with an answer or, on a machine that is too slow for it, with the reason in the log.
    let told = context(&raw(&env, &ask, &call.to_string()));
    let is_late = told.is_empty() && log(&env).contains("took longer than");
    assert!(told.contains("Use pnpm, not npm.") || is_late, "{told}{}", log(&env));
}

#[test]
fn a_folder_that_is_gone_or_empty_says_nothing_and_gets_nothing() {
    let env = memory();
    let gone = env.root().join("gone");
    assert_eq!(claude(&env, "SessionStart", "a", json!({ "cwd": gone })).stdout, "");
    logged(&env, "is not there");
    let other = env.root().join("other");
    fs::create_dir(&other).unwrap();
    for event in ["SessionStart", "UserPromptSubmit", "PreToolUse"] {
        let call = json!({ "cwd": other, "prompt": "use npm or pnpm here?" });
        assert_eq!(claude(&env, event, "a", call).stdout, "");
    }
    assert_eq!(fs::read_dir(&other).unwrap().count(), 0);
    assert_eq!(log(&env), "", "no memory is no failure");
    let projects = fs::read_dir(env.cemem_home().join("projects")).unwrap();
    assert_eq!(projects.filter(|p| p.as_ref().unwrap().path().is_dir()).count(), 1);
}

#[test]
fn a_store_that_is_newer_locked_or_damaged_is_left_alone() {
    let env = memory();
    let start = || claude(&env, "SessionStart", "a", json!({ "source": "clear" }));
    assert!(context(&start()).contains("pnpm"));
    let path = env.store_path();
    let newer = |version: i64| {
        let conn = Connection::open(&path).unwrap();
        let old: i64 = conn.query_row("PRAGMA user_version", [], |r| r.get(0)).unwrap();
        conn.pragma_update(None, "user_version", version).unwrap();
        old
    };
    let version = newer(99);
    assert_eq!(start().stdout, "");
    logged(&env, "newer");
    newer(version);

    // Somebody writes for longer than a hook waits.
    let mut writer = Connection::open(&path).unwrap();
    let tx = writer.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    let began = Instant::now();
    assert_eq!(start().stdout, "", "nothing is told that cannot be recorded");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    logged(&env, "is busy");
    tx.rollback().unwrap();
    assert!(context(&start()).contains("pnpm"));
    drop(writer);

    let whole = fs::read(&path).unwrap();
    fs::write(&path, vec![7; whole.len()]).unwrap();
    assert_eq!(start().stdout, "");
    assert_eq!(fs::read(&path).unwrap(), vec![7; whole.len()]);
    assert!(log(&env).contains("SessionStart"), "{}", log(&env));
}

/// A pipe that holds a whole call and stays open.
#[test]
fn an_agent_that_does_not_hang_up_is_answered() {
    let env = memory();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let call = json!({ "session_id": "a", "cwd": env.project() }).to_string();
    std::io::Write::write_all(&mut writer, call.as_bytes()).unwrap();
    let mut command = env.command(["hook", "claude-code", "SessionStart"]);
    command.stdin(reader);
    let began = Instant::now();
    let output = env.run(&mut command, None).success();
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert!(context(&output).contains("pnpm"));
    drop(writer);
}

/// A pipe that nobody writes to and nobody closes.
#[test]
fn an_agent_that_never_speaks_is_not_waited_for() {
    let env = memory();
    fs::remove_file(env.cemem_home().join("config.toml")).unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = env.command(["hook", "claude-code", "SessionStart"]);
    command.stdin(reader);
    let began = Instant::now();
    let output = env.run(&mut command, None).success();
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(output.stdout, "");
    drop(writer);
    logged(&env, "took longer than 1000 ms");
}

#[test]
fn settings_that_nobody_understands_switch_off_and_say_so() {
    let env = memory();
    fs::write(env.cemem_home().join("config.toml"), "[hooks]\nenabled = maybe\n").unwrap();
    assert_eq!(claude(&env, "SessionStart", "a", json!({})).stdout, "");
    assert!(log(&env).contains("config.toml"), "{}", log(&env));
}
