//! Files that are not what they seem.
//!
//! Owns truncated, empty, binary, wrongly encoded, unreadable and unrelated files. Must check that a
//! good session beside each of them is read all the same.

use std::fs;

use cemem_corpus::claude_session;
use cemem_tests::TestEnv;
use serde_json::Value;

/// Ingests the `in` folder of the project and returns the report.
fn ingest(env: &TestEnv) -> Value {
    env.cemem(["ingest", "in", "--json"]).success().json()
}

fn number(report: &Value, key: &str) -> u64 {
    report[key].as_u64().unwrap_or_else(|| panic!("`{key}` in {report}"))
}

/// Events that a folder with only the good session gives.
fn events_of_the_good_session() -> u64 {
    let env = TestEnv::new();
    env.write("in/good.jsonl", claude_session(1, 4));
    number(&ingest(&env), "events")
}

#[test]
fn broken_files_cost_only_themselves() {
    let whole = claude_session(2, 3);
    let cut_in_the_middle = &whole[..whole.len() - 40];
    let utf16: Vec<u8> = whole.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut binary: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    binary[0] = 0x7f;
    let good = events_of_the_good_session();
    let cases: [(&str, &[u8]); 7] = [
        ("empty.jsonl", b""),
        ("blank.jsonl", b"\n\n\n"),
        ("binary.jsonl", &binary),
        ("utf16.jsonl", &utf16),
        ("prose.jsonl", b"dear diary,\ntoday nothing was JSON\n"),
        ("other.jsonl", b"{\"id\": 1, \"price\": 3.5}\n{\"id\": 2, \"price\": 4}\n"),
        ("array.json", b"[1, 2, 3]"),
    ];
    for (name, bytes) in cases {
        let env = TestEnv::new();
        env.write("in/good.jsonl", claude_session(1, 4));
        env.write(&format!("in/{name}"), bytes);
        assert_eq!(number(&ingest(&env), "events"), good, "{name}");
    }
    let env = TestEnv::new();
    env.write("in/good.jsonl", claude_session(1, 4));
    env.write("in/cut.jsonl", cut_in_the_middle);
    assert!(number(&ingest(&env), "events") > good, "the whole rows of a cut file go in");
}

#[test]
fn a_broken_line_is_named_and_the_rest_of_the_file_goes_in() {
    let env = TestEnv::new();
    let session = claude_session(1, 4);
    let good = events_of_the_good_session();
    let (first, rest) = session.split_once('\n').unwrap();
    env.write("in/s.jsonl", format!("{first}\n{{\"type\":\"user\",\"message\":\n{rest}"));
    let output = env.cemem(["ingest", "in"]).success();
    let said = format!("{}{}", output.stdout, output.stderr);
    assert!(said.contains("s.jsonl:2"), "{said}");
    let events = env.cemem(["ingest", "in", "--json"]).success().json();
    assert_eq!(number(&events, "events"), 0, "nothing is new the second time");
    let fresh = TestEnv::new();
    fresh.write("in/s.jsonl", format!("{first}\n{{\"type\":\"user\",\"message\":\n{rest}"));
    assert_eq!(number(&ingest(&fresh), "events"), good);
}

#[test]
fn glued_rows_and_a_missing_last_line_feed_lose_nothing() {
    let session = claude_session(1, 4);
    let good = events_of_the_good_session();
    let env = TestEnv::new();
    env.write("in/glued.jsonl", session.trim_end().replacen("}\n{", "}{", 3));
    assert_eq!(number(&ingest(&env), "events"), good);
}

#[test]
fn a_line_of_many_megabytes_neither_stops_nor_fills_the_memory() {
    let env = TestEnv::new();
    let session = claude_session(1, 4);
    let huge = format!("{{\"type\":\"user\",\"junk\":\"{}\"}}\n", "x".repeat(64 << 20));
    env.write("in/huge.jsonl", format!("{session}{huge}"));
    let report = ingest(&env);
    assert_eq!(number(&report, "events"), events_of_the_good_session());
}

#[test]
fn an_unrelated_folder_is_counted_and_left_alone() {
    let env = TestEnv::new();
    for i in 0..2_000 {
        env.write(&format!("in/{}/notes-{i}.txt", i % 20), format!("note {i}\n"));
    }
    env.write("in/good.jsonl", claude_session(1, 4));
    let report = ingest(&env);
    assert_eq!(number(&report, "events"), events_of_the_good_session());
    assert_eq!(number(&report, "files"), 1, "{report}");
}

#[test]
fn a_path_that_does_not_exist_is_an_error_with_its_name() {
    let env = TestEnv::new();
    let output = env.cemem(["ingest", "no such folder"]).fails_with(1);
    assert!(output.stderr.contains("no such folder"), "{}", output.stderr);
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt as _;

    let env = TestEnv::new();
    env.write("in/good.jsonl", claude_session(1, 4));
    let locked = env.write("in/locked.jsonl", claude_session(2, 2));
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&locked).is_ok() {
        // The superuser reads everything; a dangling link fails for everyone.
        fs::remove_file(&locked).unwrap();
        std::os::unix::fs::symlink("gone.jsonl", &locked).unwrap();
    }
    let report = ingest(&env);
    assert_eq!(number(&report, "events"), events_of_the_good_session());
}

#[test]
fn appending_to_a_file_reads_only_what_is_new() {
    let env = TestEnv::new();
    let session = claude_session(1, 8);
    let half = session[..session.len() / 2].rfind('\n').unwrap() + 1;
    env.write("in/s.jsonl", &session[..half]);
    let first = number(&ingest(&env), "events");
    assert_eq!(number(&ingest(&env), "events"), 0);
    env.write("in/s.jsonl", &session);
    let second = number(&ingest(&env), "events");
    let whole = TestEnv::new();
    whole.write("in/s.jsonl", &session);
    assert!(first > 0 && second > 0);
    assert_eq!(first + second, number(&ingest(&whole), "events"));
}
