//! The main road: sessions in, lessons out, found again.

use cemem_tests::TestEnv;
use serde_json::Value;

/// Returns the rules of all lessons of a status.
fn rules(env: &TestEnv, status: &str) -> Vec<String> {
    let list = env.cemem(["lessons", "list", "--status", status, "--json"]).success().json();
    list["lessons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["rule"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn sessions_become_lessons_with_evidence_that_recall_finds() {
    let env = TestEnv::new();
    env.install_sessions();
    let report = env.cemem(["ingest", "--json"]).success().json();
    assert_eq!(report["version"], 1);
    assert!(report["files"].as_u64().unwrap() >= 10, "{report}");
    assert!(report["candidates"].as_u64().unwrap() > 0, "{report}");
    assert!(report["skipped"].is_object() && report["duration_ms"].is_number(), "{report}");

    let list = env.cemem(["lessons", "list", "--status", "all", "--json"]).success().json();
    let lessons = list["lessons"].as_array().unwrap();
    assert!(lessons.len() >= 10, "{} lessons", lessons.len());
    for lesson in lessons {
        for key in ["id", "type", "title", "rule", "status", "confidence", "support", "trust"] {
            assert!(!lesson[key].is_null(), "{key} of {lesson}");
        }
        let evidence = lesson["evidence"].as_array().unwrap();
        assert!(!evidence.is_empty(), "{lesson}");
        for row in evidence {
            assert!(!row["quote"].as_str().unwrap().is_empty(), "{row}");
            assert!(row["source_path"].as_str().unwrap().contains('/'), "{row}");
        }
    }

    let found =
        env.cemem(["recall", "pnpm or npm for web dependencies", "--json"]).success().json();
    assert_eq!(found["nothing_relevant"], false, "{found}");
    let first = found["results"][0]["rule"].as_str().unwrap();
    assert!(first.contains("pnpm"), "{first}");
    assert!(found["results"][0]["why"].is_object() && found["tokens"].as_u64().unwrap() > 0);

    let nothing = env.cemem(["recall", "kubernetes ingress controller helm chart", "--json"]);
    let nothing = nothing.success().json();
    assert_eq!(nothing["nothing_relevant"], true, "{nothing}");
    assert_eq!(nothing["results"], Value::Array(vec![]));
    assert!(nothing["n_lessons"].as_u64().unwrap() > 0);
    // ONNX Runtime keeps an id of the machine and a queue of reports there, unless it is forbidden.
    assert!(!env.home().join(".cache").exists());
    assert!(!env.root().join(".ses").exists());
}

#[test]
fn a_second_ingest_changes_nothing() {
    let env = TestEnv::new();
    let sessions = env.write_sessions();
    let sessions = sessions.to_str().unwrap();
    env.cemem(["ingest", sessions]).success();
    let before = env.cemem(["lessons", "list", "--status", "all", "--json"]).success().stdout;
    let again = env.cemem(["ingest", sessions, "--json"]).success().json();
    assert_eq!((&again["events_new"], &again["candidates"]), (&0.into(), &0.into()), "{again}");
    let plan = env.cemem(["consolidate", "--dry-run", "--json"]).success().json();
    assert_eq!(plan["actions"], Value::Array(vec![]), "{plan}");
    let after = env.cemem(["lessons", "list", "--status", "all", "--json"]).success().stdout;
    assert_eq!(before, after);
}

#[test]
fn without_a_runtime_recall_is_lexical_and_says_so_once() {
    let env = TestEnv::without_runtime();
    env.cemem(["remember", "Rotate refresh tokens in the transaction that reads them."]).success();
    let output = env.cemem(["recall", "rotate refresh tokens"]).success();
    assert!(output.stdout.contains("Rotate refresh tokens"), "{}", output.stdout);
    assert_eq!(output.stderr.matches("words only").count(), 1, "{}", output.stderr);
    let second = env.cemem(["recall", "rotate refresh tokens"]).success();
    assert!(!second.stderr.contains("words only"), "once is enough: {}", second.stderr);
    let silent = env.cemem(["recall", "rotate refresh tokens", "--no-semantic"]).success();
    assert!(!silent.stderr.contains("words only"), "{}", silent.stderr);
    let doctor = env.cemem(["doctor"]).fails_with(1);
    assert!(doctor.stdout.contains("onnxruntime"), "{}", doctor.stdout);
}

#[test]
fn a_remembered_lesson_is_found_at_once_and_filters_hold() {
    let env = TestEnv::new();
    let stored = env.cemem([
        "remember",
        "Payment webhooks verify the signature over the raw body.",
        "--type",
        "constraint",
        "--path",
        "crates/payments/**",
        "--json",
    ]);
    let stored = stored.success().json();
    assert_eq!(stored["status"], "active");
    let ask = |extra: &[&str]| {
        let mut args = vec!["recall", "webhook signature raw body", "--json"];
        args.extend(extra);
        env.cemem(args).success().json()
    };
    assert_eq!(ask(&[])["results"][0]["id"], stored["id"]);
    assert_eq!(ask(&["--type", "constraint"])["results"][0]["id"], stored["id"]);
    assert_eq!(ask(&["--type", "fact"])["nothing_relevant"], true);
    assert_eq!(
        ask(&["--path", "crates/payments/src/webhook.rs"])["results"][0]["id"],
        stored["id"]
    );
    assert_eq!(ask(&["--path", "web/app.ts"])["nothing_relevant"], true);
    assert_eq!(ask(&["--since", "2030-01-01"])["nothing_relevant"], true);
    let bad = env.cemem(["recall", "x", "--since", "tomorrowish"]).fails_with(1);
    assert!(bad.stderr.contains("hint"), "{}", bad.stderr);
}

#[test]
fn a_budget_is_never_exceeded_and_the_block_is_fenced() {
    let env = TestEnv::new();
    env.cemem(["ingest", env.write_sessions().to_str().unwrap()]).success();
    let full = env.cemem([
        "recall",
        "rotate refresh tokens when they are read",
        "--budget",
        "2000",
        "--json",
    ]);
    let full = full.success().json();
    let used = full["tokens"].as_u64().unwrap();
    assert!(used > 0 && used <= 2000, "{full}");
    let less = used - 1;
    let small = env.cemem([
        "recall",
        "rotate refresh tokens when they are read",
        "--budget",
        &less.to_string(),
        "--json",
    ]);
    assert!(small.success().json()["tokens"].as_u64().unwrap() <= less);
    let text = env
        .cemem(["recall", "rotate refresh tokens when they are read", "--budget", "2000"])
        .success()
        .stdout;
    assert!(
        text.starts_with("<project-memory>") && text.ends_with("</project-memory>\n"),
        "{text}"
    );
}

#[test]
fn odd_queries_are_text() {
    let env = TestEnv::new();
    env.cemem(["remember", "Use the query builder, never string concatenation."]).success();
    for query in ["", "(", "title:* AND (", "\"", "🦀🦀🦀", "a", "-- -x", "\\", "NOT *"] {
        let output = env.cemem(["recall", "--json", "--", query]).success();
        assert!(output.json()["n_lessons"].as_u64() == Some(1), "{query:?}");
    }
    let long = "stack trace line at module::function ".repeat(30_000);
    let output = env.cemem_with_input(["recall", "-", "--json"], &long).success();
    assert_eq!(output.json()["n_lessons"], 1);
}

#[test]
fn two_worktrees_share_one_memory_and_two_projects_do_not() {
    let env = TestEnv::new();
    let (one, two) = (env.root().join("one"), env.root().join("two"));
    for folder in [&one, &two] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let at = |folder: &std::path::Path, args: &[&str]| {
        env.run(env.command(args).current_dir(folder), None).success()
    };
    at(&one, &["remember", "Only in one."]);
    assert!(at(&one, &["lessons", "list"]).stdout.contains("Only in one."));
    assert!(at(&two, &["lessons", "list"]).stdout.is_empty());
    let named = at(&two, &["lessons", "list", "--project", one.to_str().unwrap()]);
    assert!(named.stdout.contains("Only in one."));
    assert!(!rules(&env, "all").contains(&"Only in one.".to_owned()));
}
