//! Processes that are killed, and two at once.
//!
//! Owns the promise that nothing acknowledged is lost and that the store opens afterwards. Must kill
//! at moments that differ, not only where it is convenient.

use std::thread;
use std::time::Instant;

use cemem_corpus::claude_session;
use cemem_tests::TestEnv;

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

#[test]
fn a_missing_or_damaged_index_is_built_again() {
    let env = TestEnv::new();
    env.cemem(["remember", "Tide times stay in UTC through the API."]).success();
    let ask = || env.cemem(["recall", "tide times utc", "--json"]).success().json();
    let found = |answer: &serde_json::Value| answer["results"][0]["id"].clone();
    let before = found(&ask());
    assert!(before.is_string());
    let index = env.store_path().with_file_name("index");
    std::fs::remove_dir_all(&index).unwrap();
    assert_eq!(found(&ask()), before, "deleted");
    for file in cemem_tests::files_below(&index) {
        std::fs::write(&file, b"not an index").unwrap();
    }
    assert_eq!(found(&ask()), before, "damaged");
}
