//! Stores and files that other versions wrote.
//!
//! Owns the promise of `docs/formats.md`: a newer store is read and never written, a damaged one is
//! named and never deleted, an export goes back in without loss.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::fs;

use cemem_tests::TestEnv;
use rusqlite::Connection;

/// Makes a store with one lesson and sets the version of its tables.
fn store_of_version(env: &TestEnv, change: impl Fn(i64) -> i64) {
    env.cemem(["remember", "Berths are measured in centimetres."]).success();
    let connection = Connection::open(env.store_path()).unwrap();
    let version: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert!(version > 0, "a store knows its version");
    connection.pragma_update(None, "user_version", change(version)).unwrap();
}

#[test]
fn a_newer_store_is_read_but_not_written() {
    let env = TestEnv::new();
    store_of_version(&env, |version| version + 1);
    let before = fs::read(env.store_path()).unwrap();

    let listed = env.cemem(["lessons", "list"]).success();
    assert!(listed.stdout.contains("Berths are measured"), "{}", listed.stdout);
    let recalled = env.cemem(["recall", "how are berths measured"]).success();
    assert!(recalled.stdout.contains("Berths are measured"), "{}", recalled.stdout);

    let refused = env.cemem(["remember", "Never written."]).fails_with(21);
    assert!(refused.stderr.contains("newer"), "{}", refused.stderr);
    assert_eq!(fs::read(env.store_path()).unwrap(), before, "not one byte of it changed");
}

/// A released format stays readable: one golden store a version, never changed once committed.
#[test]
fn stores_of_every_format_open_answer_and_take_more() {
    let folder = cemem_corpus::data_dir().join("golden");
    let mut versions = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let golden = entry.unwrap().path();
        versions += 1;
        let env = TestEnv::new();
        env.cemem(["remember", "Makes the folder."]).success();
        let path = env.store_path();
        for side in ["memory.db-wal", "memory.db-shm"] {
            let _absent = fs::remove_file(path.with_file_name(side));
        }
        fs::copy(&golden, &path).unwrap();
        let found =
            env.cemem(["recall", "npm or pnpm in the web client", "--json"]).success().json();
        assert_eq!(found["results"][0]["rule"], "We use pnpm here, never npm.", "{found}");
        env.cemem(["doctor", "--json"]).json()["counts"]["events"]["user_prompt"].as_u64().unwrap();
        env.cemem(["remember", "Added by this build."]).success();
        env.cemem(["lessons", "undo"]).success();
        let again = env.cemem(["consolidate", "--json"]).success().json();
        assert!(again["actions"].as_array().unwrap().len() < 10, "{again}");
    }
    assert!(versions >= 1);
}

#[test]
fn a_damaged_store_is_named_and_left_alone() {
    let env = TestEnv::new();
    env.cemem(["remember", "Berths are measured in centimetres."]).success();
    let path = env.store_path();
    for side in ["memory.db-wal", "memory.db-shm"] {
        let _absent = fs::remove_file(path.with_file_name(side));
    }
    let garbage = vec![0x5a; 8_192];
    fs::write(&path, &garbage).unwrap();
    let output = env.cemem(["lessons", "list"]).fails_with(22);
    assert!(output.stderr.contains("memory.db"), "{}", output.stderr);
    assert!(output.stderr.contains("hint:"), "{}", output.stderr);
    assert_eq!(fs::read(&path).unwrap(), garbage);
}

#[test]
fn an_export_goes_back_in_without_loss() {
    let env = TestEnv::new();
    env.write_sessions();
    env.cemem(["ingest", "sessions"]).success();
    let exported = env.cemem(["export"]).success().stdout;
    assert!(exported.lines().count() > 5, "{exported}");

    let other = TestEnv::new();
    other.write("lessons.jsonl", &exported);
    other.cemem(["import", "lessons.jsonl"]).success();
    assert_eq!(other.cemem(["export"]).success().stdout, exported);
    other.cemem(["import", "lessons.jsonl"]).success();
    assert_eq!(other.cemem(["export"]).success().stdout, exported, "twice changes nothing");
}

#[test]
fn lessons_written_by_hand_need_only_a_rule() {
    let env = TestEnv::new();
    let lines = "{\"rule\": \"Sign the raw body.\"}\n\
        {\"type\": \"decision\", \"title\": \"Rate limit\", \"rule\": \"Use Redis.\", \"ticket\": 7}\n";
    env.write("hand.jsonl", lines);
    env.cemem(["import", "hand.jsonl"]).success();
    let exported = env.cemem(["export"]).success().stdout;
    assert!(
        exported.contains("Sign the raw body.") && exported.contains("\"ticket\":7"),
        "{exported}"
    );
}
