//! A watch that is killed, two at once, and many writers.
//!
//! Owns the promise that no line is missed, whoever dies and however the lines arrive.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use cemem_tests::{TestEnv, Watching};
use serde_json::json;

const WRITERS: usize = 5;
const LINES: usize = 2000;

fn sessions(env: &TestEnv) -> PathBuf {
    let cwd = env.project().to_string_lossy().into_owned();
    let slug: String =
        cwd.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let folder = env.home().join(".claude/projects").join(slug);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn row(env: &TestEnv, session: usize, n: usize) -> String {
    let row = json!({
        "type": "user", "sessionId": format!("s{session}"), "uuid": format!("{session}-{n}"),
        "parentUuid": null, "isSidechain": false, "userType": "external",
        "cwd": env.project(), "version": "2.1.0",
        "timestamp": "2026-04-01T10:00:00.000Z",
        "message": {"role": "user", "content": format!("Look at number {n} of {session}.")},
    });
    format!("{row}\n")
}

/// Numbers that differ from writer to writer and are the same in every run.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Appends the lines in pieces that end anywhere, in the middle of a line too.
fn write_lines(env: &TestEnv, folder: &Path, writer: usize, lines: usize) {
    let text: String = (0..lines).map(|n| row(env, writer, n)).collect();
    let path = folder.join(format!("s{writer}.jsonl"));
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    let mut state = 0x9E37_79B9_7F4A_7C15 ^ (writer as u64 + 1);
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let len = 1 + (next(&mut state) % 3000) as usize;
        let (piece, more) = rest.split_at(len.min(rest.len()));
        file.write_all(piece).unwrap();
        rest = more;
        if next(&mut state).is_multiple_of(16) {
            thread::sleep(Duration::from_millis(next(&mut state) % 12));
        }
    }
}

/// How many events the store holds, by way of a second reading that must add nothing.
fn nothing_left(env: &TestEnv) {
    let report = env.cemem(["ingest", "--json"]).success().json();
    assert_eq!(report["events_new"], 0, "{report}");
}

#[test]
fn ten_thousand_lines_of_five_writers_are_all_read() {
    let env = TestEnv::new();
    let folder = sessions(&env);
    let mut watching = Watching::start(&env, &[]);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (env, folder) = (&env, &folder);
            scope.spawn(move || write_lines(env, folder, writer, LINES));
        }
    });
    let all = (WRITERS * LINES) as u64;
    watching.until_events(all);
    assert_eq!(watching.events(), all);
    watching.kill();
    nothing_left(&env);
}

#[test]
fn a_watch_that_is_killed_again_and_again_loses_nothing() {
    let env = TestEnv::new();
    let folder = sessions(&env);
    thread::scope(|scope| {
        let (shared, folder) = (&env, &folder);
        let writer = scope.spawn(move || write_lines(shared, folder, 1, 1500));
        let mut pause = 40;
        while !writer.is_finished() {
            let watching = Watching::start(&env, &[]);
            thread::sleep(Duration::from_millis(pause));
            watching.kill();
            pause = pause * 7 % 300;
        }
    });
    let watching = Watching::start(&env, &[]);
    // The last one reads the rest at its start.
    thread::sleep(Duration::from_millis(1500));
    watching.kill();
    let report = env.cemem(["ingest", "--json"]).success().json();
    assert_eq!(report["events_new"], 0, "{report}");
    let whole = TestEnv::new();
    let text = fs::read_to_string(folder.join("s1.jsonl")).unwrap();
    whole.write("in/s1.jsonl", &text);
    let expected = whole.cemem(["ingest", "in", "--json"]).success().json();
    assert_eq!(expected["events_new"], 1500);
    // A copy adds nothing only where everything is known.
    env.write("in/s1.jsonl", &text);
    let copy = env.cemem(["ingest", "in", "--json"]).success().json();
    assert_eq!((&copy["events"], &copy["events_new"]), (&1500.into(), &0.into()), "{copy}");
}

#[test]
fn two_watches_on_one_store_do_no_harm() {
    let env = TestEnv::new();
    let folder = sessions(&env);
    let mut one = Watching::start(&env, &[]);
    let mut two = Watching::start(&env, &[]);
    thread::scope(|scope| {
        for writer in 0..2 {
            let (env, folder) = (&env, &folder);
            scope.spawn(move || write_lines(env, folder, writer, 500));
        }
        for n in 0..40 {
            let text = json!({"cemem": 1, "kind": "note", "text": format!("Note number {n}.")});
            env.write(&format!(".cemem/inbox/{n}.json"), text.to_string());
        }
    });
    let both = |one: &Watching, two: &Watching| one.events() + two.events();
    // Each event is new to one of them only.
    for _ in 0..600 {
        if both(&one, &two) >= 1040 {
            break;
        }
        one.listen(Duration::from_millis(50));
        two.listen(Duration::from_millis(50));
    }
    assert_eq!(both(&one, &two), 1040);
    one.kill();
    two.kill();
    let done = fs::read_dir(env.project().join(".cemem/inbox/done")).unwrap().count();
    assert_eq!(done, 40);
    nothing_left(&env);
    let doctor = env.cemem(["doctor", "--json"]);
    assert!(!doctor.stdout.contains("malformed"), "{}", doctor.stdout);
}
