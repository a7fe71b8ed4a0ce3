//! Export and import: lossless, line by line.

use cemem_tests::TestEnv;

#[test]
fn export_goes_into_another_store_without_loss() {
    let from = TestEnv::new();
    from.cemem(["ingest", from.write_sessions().to_str().unwrap()]).success();
    let exported = from.cemem(["export"]).success().stdout;
    assert!(exported.lines().count() >= 10);

    let into = TestEnv::new();
    let file = into.write("lessons.jsonl", &exported);
    let file = file.to_str().unwrap();
    into.cemem(["import", file]).success();
    assert_eq!(into.cemem(["export"]).success().stdout, exported);
    let again = into.cemem(["import", file, "--json"]).success().json();
    assert_eq!(again["imported"], 0, "the same file again changes nothing");
}

#[test]
fn hand_written_lines_go_in_and_bad_ones_are_named() {
    let env = TestEnv::new();
    let lines = concat!(
        "{\"type\":\"convention\",\"title\":\"Tabs\",\"rule\":\"Use tabs.\",\"owner\":\"mara\"}\n",
        "\n",
        "not json\n",
        "{\"type\":\"poem\",\"rule\":\"x\"}\n",
        "{\"why\":\"no rule\"}\n",
    );
    let file = env.write("in.jsonl", lines);
    let output = env.cemem(["import", file.to_str().unwrap()]).fails_with(1);
    assert!(output.stdout.contains("1 lessons imported, 3 lines skipped"), "{}", output.stdout);
    for place in ["in.jsonl:3:", "in.jsonl:4:", "in.jsonl:5:"] {
        assert!(output.stderr.contains(place), "{place}: {}", output.stderr);
    }
    let exported = env.cemem(["export"]).success().stdout;
    assert!(exported.contains("\"owner\":\"mara\""), "{exported}");
    let found = env.cemem(["recall", "use tabs", "--json"]).success().json();
    assert_eq!(found["results"][0]["title"], "Tabs");
}

#[test]
fn nothing_is_imported_unredacted() {
    let env = TestEnv::new();
    let token = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    let line = format!("{{\"rule\":\"Use {token}.\",\"note\":[\"<private>salary</private>x\"]}}\n");
    env.write("in.jsonl", line);
    env.cemem(["import", "in.jsonl"]).success();
    let exported = env.cemem(["export"]).success().stdout;
    assert!(!exported.contains(&token) && !exported.contains("salary"), "{exported}");
    assert!(exported.contains("[redacted:"), "{exported}");
}
