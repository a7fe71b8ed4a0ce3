//! Processes that are killed, and two at once.
//!
//! Owns the promise that nothing acknowledged is lost and that the store opens afterwards. Must kill
//! at moments that differ, not only where it is convenient.

use std::time::Instant;
use std::{fs, thread};

use cemem_corpus::claude_session;
use cemem_tests::TestEnv;
use serde_json::Value;

#[test]
fn a_kill_during_ingest_loses_nothing_and_the_next_run_finishes() {
    let write = |env: &TestEnv| {
        for seed in 0..12 {
            env.write(&format!("in/{seed}.jsonl"), claude_session(seed, 25));
        }
    };
    let whole = TestEnv::new();
    write(&whole);
    let started = Instant::now();
    whole.cemem(["ingest", "in"]).success();
    let full = started.elapsed();
    let expected = whole.cemem(["export"]).success().stdout;

    let env = TestEnv::new();
    write(&env);
    env.cemem(["remember", "Acknowledged before the kill."]).success();
    for part in 1..=6 {
        let mut child = env.command(["ingest", "in"]).spawn().unwrap();
        thread::sleep(full * part / 7);
        child.kill().unwrap();
        child.wait().unwrap();
        let kept = env.cemem(["lessons", "list", "--status", "all"]).success();
        assert!(kept.stdout.contains("Acknowledged before the kill"), "after kill {part}");
    }
    env.cemem(["ingest", "in"]).success();
    let lessons: Vec<_> = env
        .cemem(["export"])
        .success()
        .stdout
        .lines()
        .filter(|line| !line.contains("Acknowledged before the kill"))
        .map(str::to_owned)
        .collect();
    assert_eq!(lessons, expected.lines().collect::<Vec<_>>());
}

#[test]
fn two_writers_at_once_both_get_their_lesson_in() {
    let env = TestEnv::new();
    env.cemem(["remember", "The first one makes the store."]).success();
    let children: Vec<_> = (0..6)
        .map(|i| env.command(["remember", &format!("Lesson number {i} of many.")]).spawn().unwrap())
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let listed = env.cemem(["lessons", "list", "--status", "all"]).success().stdout;
    for i in 0..6 {
        assert!(listed.contains(&format!("Lesson number {i} of many")), "{i}\n{listed}");
    }
}

/// Returns what the lessons that are not over say and rest on, without ids: a lesson keeps the one it was
/// first made with.
fn learned(env: &TestEnv) -> Vec<String> {
    let lines = env.cemem(["export"]).success().stdout;
    let lessons = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let stands = |lesson: &Value| !["superseded", "retired"].map(Value::from).contains(lesson);
    let said = |lesson: Value| {
        let rows = lesson["evidence"].as_array().unwrap();
        let quotes: Vec<_> = rows.iter().map(|row| (&row["session"], &row["quote"])).collect();
        let [rule, status] = [&lesson["rule"], &lesson["status"]];
        format!("{rule} {status} {} {} {quotes:?}", lesson["support"], lesson["confidence"])
    };
    let mut all: Vec<_> = lessons.filter(|lesson| stands(&lesson["status"])).map(said).collect();
    all.sort();
    all
}

#[test]
fn passes_at_once_leave_what_one_over_everything_makes() {
    const ROUNDS: u64 = 4;
    let (raced, calm) = (TestEnv::new(), TestEnv::new());
    for seed in 0..2 * ROUNDS {
        for env in [&raced, &calm] {
            env.write(&format!("in/{seed}.jsonl"), claude_session(seed, 12));
        }
    }
    calm.cemem(["ingest", "in"]).success();
    calm.cemem(["consolidate"]).success();
    for round in 0..ROUNDS {
        let files = [2 * round, 2 * round + 1].map(|seed| format!("in/{seed}.jsonl"));
        let reads = files.each_ref().map(|file| vec!["ingest", file]);
        let calls = reads.into_iter().chain([vec!["consolidate"]]);
        let children: Vec<_> =
            calls.map(|call| (raced.command(&call).spawn().unwrap(), call)).collect();
        for (child, call) in children {
            let output = child.wait_with_output().unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            // Where the machine is so slow that one gives up waiting it says so, and may be run again.
            if output.status.code() == Some(20) {
                assert!(error.contains("busy") && error.contains("hint"), "{error}");
                raced.cemem(call).success();
            } else {
                assert!(output.status.success() && !error.contains("error"), "{call:?}: {error}");
            }
        }
    }
    raced.cemem(["consolidate"]).success();
    let want = learned(&calm);
    assert!(want.len() > 10, "{want:?}");
    assert_eq!(learned(&raced), want);
    // A pass that knows nothing of those before finds nothing to do.
    fs::remove_file(raced.store_path().with_extension("pass")).unwrap();
    let plan = raced.cemem(["consolidate", "--dry-run", "--json"]).success().json();
    assert_eq!(plan["actions"], Value::Array(Vec::new()));
}

#[test]
fn a_missing_or_damaged_index_is_built_again() {
    let env = TestEnv::new();
    env.cemem(["remember", "Tide times stay in UTC through the API."]).success();
    let ask = || env.cemem(["recall", "tide times utc", "--json"]).success().json();
    let found = |answer: &serde_json::Value| answer["results"][0]["id"].clone();
    let before = found(&ask());
    assert!(before.is_string());
    let index = env.store_path().with_file_name("index");
    fs::remove_dir_all(&index).unwrap();
    assert_eq!(found(&ask()), before, "deleted");
    for file in cemem_tests::files_below(&index) {
        fs::write(&file, b"not an index").unwrap();
    }
    assert_eq!(found(&ask()), before, "damaged");
}
