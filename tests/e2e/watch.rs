//! `cemem watch`: what is written is read, and `ingest` finds nothing left.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use cemem_tests::{TestEnv, Watching};
use serde_json::json;

/// The folder in which Claude Code would keep the project's sessions.
fn sessions(env: &TestEnv) -> PathBuf {
    let cwd = env.project().to_string_lossy().into_owned();
    let slug: String =
        cwd.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    env.home().join(".claude/projects").join(slug)
}

/// One typed prompt, as a row.
fn prompt(env: &TestEnv, session: &str, n: usize, text: &str) -> String {
    let row = json!({
        "type": "user", "sessionId": session, "uuid": format!("{session}-{n}"),
        "parentUuid": null, "isSidechain": false, "userType": "external",
        "cwd": env.project(), "version": "2.1.0", "gitBranch": "main",
        "timestamp": format!("2026-04-01T10:{:02}:{:02}.000Z", n / 60 % 60, n % 60),
        "message": {"role": "user", "content": text},
    });
    format!("{row}\n")
}

fn rule(env: &TestEnv, session: &str, n: usize) -> String {
    prompt(env, session, n, &format!("No, always use the tide builder {n} here, never raw SQL."))
}

fn append(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Checks that `ingest` finds nothing that the watch did not read.
fn nothing_left(env: &TestEnv) {
    let report = env.cemem(["ingest", "--json"]).success().json();
    assert_eq!((&report["events_new"], &report["candidates"]), (&0.into(), &0.into()), "{report}");
}

#[test]
fn folders_that_appear_later_and_lines_that_are_appended_are_read() {
    let env = TestEnv::new();
    let mut watching = Watching::start(&env, &[]);
    let file = sessions(&env).join("s.jsonl");
    append(&file, &rule(&env, "s", 1));
    watching.until_events(1);
    // A line in two halves, the second after a while.
    let line = rule(&env, "s", 2);
    let (one, two) = line.split_at(line.len() / 2);
    append(&file, one);
    thread::sleep(Duration::from_millis(500));
    append(&file, two);
    watching.until_events(2);
    // Another session, and one of a sub-agent in a folder of its own.
    append(&sessions(&env).join("t.jsonl"), &rule(&env, "t", 3));
    append(&sessions(&env).join("t/subagents/a.jsonl"), &rule(&env, "u", 4));
    watching.until_events(4);
    watching.until("lessons were made", |told| told.iter().any(|n| n["news"] == "learned"));
    watching.kill();
    nothing_left(&env);
}

#[test]
fn rotation_truncation_and_atomic_replacement_lose_nothing() {
    let env = TestEnv::new();
    let file = sessions(&env).join("s.jsonl");
    append(&file, &rule(&env, "s", 1));
    let mut watching = Watching::start(&env, &[]);
    watching.until_events(1);
    fs::rename(&file, file.with_file_name("old.jsonl")).unwrap();
    append(&file, &rule(&env, "s", 2));
    watching.until_events(2);
    fs::write(&file, rule(&env, "s", 3)).unwrap();
    watching.until_events(3);
    let aside = file.with_file_name(".s.tmp");
    fs::write(&aside, rule(&env, "s", 3) + &rule(&env, "s", 4)).unwrap();
    fs::rename(&aside, &file).unwrap();
    watching.until_events(4);
    // The whole folder goes away and comes back.
    fs::rename(env.home().join(".claude"), env.home().join("gone")).unwrap();
    thread::sleep(Duration::from_millis(300));
    append(&file, &rule(&env, "s", 5));
    watching.until_events(5);
    // And what is appended then is still seen.
    append(&file, &rule(&env, "s", 6));
    watching.until_events(6);
    watching.kill();
    nothing_left(&env);
}

#[test]
fn another_engine_is_found_when_its_first_session_begins_and_neighbours_are_not_ours() {
    let env = TestEnv::new();
    let mut watching = Watching::start(&env, &[]);
    let day = env.home().join(".codex/sessions/2026/04/01");
    let meta = |cwd: &Path| {
        let payload = json!({"id": "c", "cwd": cwd, "cli_version": "0.50.0"});
        let row = json!({"timestamp": "2026-04-01T10:00:00Z", "type": "session_meta",
            "payload": payload});
        format!("{row}\n")
    };
    let said = |text: &str| {
        let payload = json!({"type": "user_message", "message": text});
        let row = json!({"timestamp": "2026-04-01T10:00:01Z", "type": "event_msg",
            "payload": payload});
        format!("{row}\n")
    };
    append(&day.join("rollout-2.jsonl"), &(meta(Path::new("/elsewhere")) + &said("Not ours.")));
    // The first line takes its time.
    append(&day.join("rollout-1.jsonl"), "");
    thread::sleep(Duration::from_millis(700));
    append(&day.join("rollout-1.jsonl"), &meta(&env.project()));
    append(&day.join("rollout-1.jsonl"), &said("Always write the tide tables in UTC, please."));
    watching.until_events(1);
    append(&day.join("rollout-1.jsonl"), &said("And never in local time, it broke twice."));
    watching.until_events(2);
    watching.kill();
    let export = env.cemem(["export"]).success().stdout;
    assert!(!export.contains("Not ours"), "{export}");
    nothing_left(&env);
}

#[test]
fn dropped_files_are_taken_and_half_written_ones_waited_for() {
    let env = TestEnv::new();
    let mut watching = Watching::start(&env, &[]);
    let row = |text: &str| json!({"cemem": 1, "kind": "rule", "text": text}).to_string();
    let first = row("Keep tide times in UTC.");
    env.write(".cemem/inbox/a.json", &first[..20]);
    thread::sleep(Duration::from_millis(400));
    assert_eq!(watching.events(), 0);
    env.write(".cemem/inbox/a.json", &first);
    watching.until_events(1);
    env.write(".cemem/inbox/b.jsonl", row("Ship with make ship.") + "\n");
    watching.until_events(2);
    env.write(".ce-workspace/streams/1/events.jsonl", row("Use one worker a crate.") + "\n");
    watching.until_events(3);
    watching.kill();
    assert!(env.project().join(".cemem/inbox/done/b.jsonl").exists());
    nothing_left(&env);
}

#[test]
fn where_the_system_cannot_tell_the_folders_are_looked_at() {
    let env = TestEnv::new();
    let mut watching = Watching::start(&env, &["--poll"]);
    let file = sessions(&env).join("s.jsonl");
    append(&file, &rule(&env, "s", 1));
    watching.until_events(1);
    append(&file, &rule(&env, "s", 2));
    watching.until_events(2);
    watching.kill();
    nothing_left(&env);
}

#[test]
fn a_project_that_becomes_known_while_it_watches_is_watched() {
    let env = TestEnv::new();
    let other = env.root().join("other");
    fs::create_dir(&other).unwrap();
    let mut watching = Watching::start(&env, &[]);
    let listed = env.run(env.command(["lessons", "list"]).current_dir(&other), None);
    assert_eq!(listed.success().stdout, "");
    let row = json!({"cemem": 1, "kind": "rule", "text": "Keep the other project green."});
    fs::create_dir_all(other.join(".cemem/inbox")).unwrap();
    fs::write(other.join(".cemem/inbox/a.json"), row.to_string()).unwrap();
    watching.until("the other project was read", |told| {
        told.iter().any(|n| n["project"] == "other" && n["events_new"] == 1)
    });
    watching.kill();
}

#[test]
fn a_named_project_is_watched_alone() {
    let env = TestEnv::new();
    let other = env.root().join("other");
    fs::create_dir(&other).unwrap();
    let listed = env.run(env.command(["lessons", "list"]).current_dir(&other), None);
    assert_eq!(listed.success().stdout, "");
    let mut watching = Watching::start(&env, &["--project", other.to_str().unwrap()]);
    let row = |text: &str| json!({"cemem": 1, "kind": "rule", "text": text}).to_string();
    env.write(".cemem/inbox/a.json", row("Not watched."));
    fs::create_dir_all(other.join(".cemem/inbox")).unwrap();
    fs::write(other.join(".cemem/inbox/a.json"), row("Watched.")).unwrap();
    watching.until_events(1);
    watching.kill();
    assert!(env.project().join(".cemem/inbox/a.json").exists());
}

#[test]
fn what_met_a_locked_store_is_read_when_it_is_free() {
    let env = TestEnv::new();
    let mut watching = Watching::start(&env, &[]);
    append(&sessions(&env).join("s.jsonl"), &rule(&env, "s", 1));
    watching.until_events(1);
    let other = rusqlite::Connection::open(env.store_path()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    append(&sessions(&env).join("s.jsonl"), &rule(&env, "s", 2));
    watching.until("it is told", |told| told.iter().any(|n| n["news"] == "trouble"));
    other.execute_batch("ROLLBACK").unwrap();
    watching.until_events(2);
}

#[cfg(unix)]
#[test]
fn it_stops_cleanly_when_asked_and_leaves_the_state_of_ingest() {
    for signal in ["INT", "TERM"] {
        let env = TestEnv::new();
        let mut watching = Watching::start(&env, &[]);
        append(&sessions(&env).join("s.jsonl"), &rule(&env, "s", 1));
        watching.until_events(1);
        watching.signal(signal);
        assert_eq!(watching.end().code(), Some(0), "{signal}");
        let report = env.cemem(["ingest", "--json"]).success().json();
        assert_eq!(report["events_new"], 0, "{report}");
        assert_eq!((&report["candidates"], &report["lessons"]["created"]), (&0.into(), &0.into()));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn it_does_nothing_when_nothing_happens() {
    let env = TestEnv::new();
    env.install_sessions();
    let mut watching = Watching::start(&env, &[]);
    watching.until("lessons were made", |told| told.iter().any(|n| n["news"] == "learned"));
    thread::sleep(Duration::from_secs(1));
    let ticks = || -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", watching.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    let before = ticks();
    thread::sleep(Duration::from_secs(3));
    // A hundredth of a second each; one may be the end of what went before.
    assert!(ticks() - before <= 1, "{} ticks in three idle seconds", ticks() - before);
}

#[test]
fn a_service_file_is_printed() {
    let env = TestEnv::new();
    if cfg!(windows) {
        let said = env.cemem(["watch", "--print-service"]).fails_with(1);
        assert!(said.stderr.contains("Task Scheduler"), "{}", said.stderr);
        return;
    }
    let text = env.cemem(["watch", "--print-service"]).success().stdout;
    assert!(text.contains("watch") && text.contains("CEMEM_HOME"), "{text}");
    let mut command = env.command(["watch", "--print-service", "--json"]);
    let moved = env.run(command.env("CODEX_HOME", "/elsewhere/codex"), None).success().json();
    assert!(moved["service"].as_str().unwrap().contains("/elsewhere/codex"), "{moved}");
    let mut command = env.command(["watch", "--print-service"]);
    let odd = env.run(command.env("CODEX_HOME", "/x\nExecStartPre=/bin/x"), None).fails_with(1);
    assert!(odd.stderr.contains("cannot stand in a service file"), "{}", odd.stderr);
    let project = env.project();
    let named = ["watch", "--print-service", "--project", project.to_str().unwrap()];
    assert!(env.cemem(named).success().stdout.contains("--project"));
}
