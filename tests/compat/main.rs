//! Stores and files that other versions wrote.
//!
//! Owns the promise of `docs/formats.md`: a newer store is read and never written, a damaged one is
//! named and never deleted, an export goes back in without loss.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::fs;
use std::path::Path;

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
        let env = with_store(&golden);
        let found =
            env.cemem(["recall", "npm or pnpm in the web client", "--json"]).success().json();
        assert_eq!(found["results"][0]["rule"], "We use pnpm here, never npm.", "{found}");
        env.cemem(["doctor", "--json"]).json()["counts"]["events"]["user_prompt"].as_u64().unwrap();
        env.cemem(["remember", "Added by this build."]).success();
        env.cemem(["lessons", "undo"]).success();
        let again = env.cemem(["consolidate", "--json"]).success().json();
        assert!(again["actions"].as_array().unwrap().len() < 10, "{again}");
    }
    assert_eq!(versions, 3, "one for every version of the format");
}

fn with_store(golden: &Path) -> TestEnv {
    let env = TestEnv::new();
    env.cemem(["remember", "Makes the folder."]).success();
    let path = env.store_path();
    for side in ["memory.db-wal", "memory.db-shm"] {
        let _absent = fs::remove_file(path.with_file_name(side));
    }
    fs::copy(golden, &path).unwrap();
    env
}

#[test]
fn what_became_of_lessons_stays_known() {
    let env = with_store(&cemem_corpus::data_dir().join("golden/store_v2.db"));
    let stats = env.cemem(["stats", "--json"]).success().json();
    let counted = ["shown", "helped", "recurred"].map(|k| stats["counters"][k].as_u64());
    assert_eq!(counted, [Some(2), Some(1), Some(1)], "{stats}");
    assert_eq!(stats["spent"]["calls"], 1, "{stats}");
    let shown = env.cemem(["lessons", "show", "L-145311"]).success().stdout;
    assert!(shown.contains("phrased by agent"), "{shown}");
    let gate = env.cemem(["gate", "--no-ingest", "--json"]).success().json();
    assert_eq!(gate["done"]["settled"], 20, "{gate}");
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
fn a_store_that_lost_its_content_is_not_made_anew() {
    let env = TestEnv::new();
    env.cemem(["remember", "Berths are measured in centimetres."]).success();
    let path = env.store_path();
    for left in ["", "S"] {
        fs::write(&path, left).unwrap();
        for args in
            [&["lessons", "list"][..], &["recall", "berths"], &["remember", "x"], &["export"]]
        {
            let output = env.cemem(args).fails_with(22);
            assert!(output.stdout.is_empty(), "{args:?}: {}", output.stdout);
            assert!(output.stderr.contains("hint:"), "{args:?}: {}", output.stderr);
            assert_eq!(fs::read_to_string(&path).unwrap(), left, "{args:?}");
        }
    }
    fs::remove_file(&path).unwrap();
    env.cemem(["remember", "A new beginning."]).success();
    assert!(env.cemem(["lessons", "list"]).success().stdout.contains("A new beginning."));
}

/// A page of the table of lessons loses some of its rows, and nothing else.
#[test]
fn a_list_or_export_with_rows_missing_is_no_success() {
    let env = TestEnv::new();
    let lines: String =
        (0..200).map(|n| format!("{{\"rule\":\"Rule {n} about berths and tides.\"}}\n")).collect();
    env.write("in.jsonl", lines);
    env.cemem(["import", "in.jsonl"]).success();
    let path = env.store_path();
    let connection = Connection::open(&path).unwrap();
    let root: isize = connection
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'lesson'", [], |r| r.get(0))
        .unwrap();
    let page: isize = connection.pragma_query_value(None, "page_size", |r| r.get(0)).unwrap();
    drop(connection);
    let mut bytes = fs::read(&path).unwrap();
    // Bytes 3 and 4 of a page count its cells: one less drops a subtree.
    let at = ((root - 1) * page + 3).unsigned_abs();
    let count = &mut bytes[at..at + 2];
    let cells = u16::from_be_bytes([count[0], count[1]]);
    assert!(cells > 1, "{cells}");
    count.copy_from_slice(&(cells - 1).to_be_bytes());
    fs::write(&path, bytes).unwrap();
    for args in [["lessons", "list"], ["export", "--quiet"]] {
        let output = env.cemem(args).fails_with(22);
        assert!(output.stdout.is_empty(), "{args:?}: {}", output.stdout);
    }
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
