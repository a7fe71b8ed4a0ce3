//! `find`: what skills of compound-engineering get where they would call compound-cli.
//!
//! Owns the shape of the answer and its exit codes. Must not test how lessons are ranked.

use cemem_tests::TestEnv;
use serde_json::Value;

const POOL: &str = "---\ntitle: Connection pool runs dry under load\ndate: 2026-02-03\nmodule: storage\n\
    problem_type: performance_issue\ncomponent: database\nseverity: high\nroot_cause: concurrency\n\
    tags: [database, pool]\napplies_when:\n  - changing how database connections are opened\n---\n\
    # Connection pool runs dry under load\n\n## Problem\n\nRequests hang after a few minutes because each \
    worker opens its own pool in src/storage/pool.rs.\n\n## Solution\n\nOpen one connection pool for the \
    whole process and hand out clones of it.\n\n## Prevention\n\nNever open a pool inside a request handler.\n";
const ICONS: &str = "---\ntitle: Icons are cut off in Safari\ndate: 2026-02-04\nmodule: web\n\
    problem_type: ui_bug\ncomponent: frontend\nseverity: low\ntags: [css]\n---\n\n## Problem\n\nThe \
    toolbar cuts its icons.\n\n## Solution\n\nGive every icon of the toolbar an explicit width.\n";

fn with_documents() -> TestEnv {
    // Words only: the scores are then the same with and without a runtime on the machine.
    let env = TestEnv::without_runtime();
    env.write("docs/solutions/performance-issues/pool-runs-dry.md", POOL);
    env.write("docs/solutions/ui-bugs/icons.md", ICONS);
    env.cemem(["ingest"]).success();
    env.cemem([
        "remember",
        "Run the storage tests with --test-threads=1.",
        "--path",
        "src/storage/**",
    ])
    .success();
    env
}

fn find(env: &TestEnv, args: &[&str]) -> Value {
    let args = ["find", "--json"].iter().chain(args);
    let mut answer = env.cemem(args).success().json();
    answer["usage"]["wall_ms"] = 0.into();
    answer
}

#[test]
fn the_shape_is_compound_clis() {
    let env = with_documents();
    let answer = find(&env, &["open a database connection pool", "--concept", "storage"]);
    let text = serde_json::to_string_pretty(&answer).unwrap();
    let ids = answer["hits"].as_array().unwrap().iter().map(|hit| hit["lesson"]["id"].as_str());
    let text =
        ids.flatten().enumerate().fold(text, |text, (n, id)| text.replace(id, &format!("L-{n}")));
    insta::assert_snapshot!(text);

    // The passage stands in the file where it says.
    let hit = &answer["hits"][0];
    let document = env.read(hit["path"].as_str().unwrap());
    let line = |key: &str| usize::try_from(hit["passage"][key].as_u64().unwrap()).unwrap();
    let lines: Vec<_> = document.lines().collect();
    let cut = lines[line("start_line") - 1..line("end_line")].join("\n");
    assert_eq!(hit["passage"]["text"], cut);
}

#[test]
fn other_lessons_have_an_address() {
    let env = with_documents();
    let answer = find(&env, &["run the storage tests"]);
    let hit = &answer["hits"][0];
    let id = hit["lesson"]["id"].as_str().unwrap();
    assert_eq!(hit["path"], format!("cemem://lesson/{id}"));
    assert_eq!(hit["passage"]["text"], "Run the storage tests with --test-threads=1.");
    assert_eq!(hit["frontmatter"]["applies_when"][0], "src/storage/**");
}

#[test]
fn nothing_relevant_is_an_answer_and_no_lessons_is_exit_4() {
    let env = TestEnv::without_runtime();
    let none = env.cemem(["find", "a database pool", "--json"]).fails_with(4);
    assert!(none.stdout.is_empty() && none.stderr.contains("cemem ingest"), "{}", none.stderr);

    let env = with_documents();
    let answer = find(&env, &["kubernetes ingress certificate renewal", "--gate"]);
    assert_eq!((&answer["nothing_relevant"], &answer["mode"]), (&true.into(), &"gate".into()));
    let gate = &answer["gate"];
    assert!(gate["probability"].as_f64() < gate["threshold"].as_f64(), "{gate}");
    assert_eq!(gate["hits"], 0);
    let gate = find(&env, &["open a database connection pool", "--gate"])["gate"].clone();
    assert!(gate["probability"].as_f64() >= gate["threshold"].as_f64(), "{gate}");
}

#[test]
fn diffs_plans_and_filters() {
    let env = with_documents();
    let diff = "diff --git a/src/storage/pool.rs b/src/storage/pool.rs\n--- a/src/storage/pool.rs\n\
        +++ b/src/storage/pool.rs\n@@ -1 +1 @@ impl Pool {\n-fn open() {}\n+fn connection() {}\n";
    let output = env.cemem_with_input(["find", "--diff", "-", "--json"], diff).success().json();
    assert_eq!(output["state"]["diff"]["files"][0], "src/storage/pool.rs");
    assert_eq!(output["hits"][0]["title"], "Connection pool runs dry under load");

    env.write(
        "plan.md",
        "# Pool\n\n## Summary\nOne database pool.\n\n## Requirements\n- R1 no hanging requests\n",
    );
    let plan = find(&env, &["--plan", "plan.md"]);
    assert_eq!(plan["state"]["plan"]["requirements"][0], "R1 no hanging requests");
    assert_eq!(plan["hits"][0]["path"], "docs/solutions/performance-issues/pool-runs-dry.md");

    let css = find(&env, &["icons database pool", "--problem-type", "ui_bug"]);
    assert_eq!(css["corpus"]["filtered_out"]["by_problem_type"], 2);
    assert_eq!(css["corpus"]["judged"], 1);
    assert!(
        css["hits"].as_array().unwrap().iter().all(|hit| hit["frontmatter"]["module"] == "web")
    );
    let packs = find(&env, &["a database pool", "--kind", "pack_rule"]);
    assert_eq!(
        (&packs["nothing_relevant"], packs["warnings"].as_array().unwrap().len() >= 2),
        (&true.into(), true)
    );
}

#[test]
fn a_draft_that_repeats_a_document_overlaps_with_it() {
    let env = with_documents();
    env.write("draft.md", POOL.replace("runs dry", "is empty"));
    let same = find(&env, &["--overlap", "--doc", "draft.md"]);
    let overlap = &same["hits"][0]["overlap"];
    assert!(overlap["overall"].as_f64() > Some(0.8) && overlap["files"] == 1.0, "{overlap}");
    assert_eq!(same["hits"].as_array().unwrap().len(), 1, "{same}");

    env.write("draft.md", ICONS.replace("toolbar", "menu").replace("width", "frame"));
    let near = find(&env, &["--overlap", "--doc", "draft.md", "--threshold", "0.99"]);
    assert_eq!(near["nothing_relevant"], true, "{near}");
}

#[test]
fn a_draft_that_was_read_already_does_not_repeat_itself() {
    let env = with_documents();
    let path = "docs/solutions/performance-issues/pool-runs-dry.md";
    env.write(path, format!("{POOL}\n## More\n\nIt is still the same document.\n"));
    let own = find(&env, &["--overlap", "--doc", path]);
    assert_eq!(own["nothing_relevant"], true, "{own}");
    env.write("docs/solutions/pool-again.md", POOL);
    let copy = find(&env, &["--overlap", "--doc", "docs/solutions/pool-again.md"]);
    assert_eq!(copy["hits"][0]["path"], path);
}

#[cfg(unix)]
#[test]
fn only_the_document_that_was_read_is_shown() {
    let env = TestEnv::without_runtime();
    let rule = "Open one connection pool for the whole process.";
    std::fs::write(env.root().join("secret.md"), format!("# Secret\n\n{rule}\n")).unwrap();
    env.write("README.md", "# Another file of this name, with words about a connection pool\n");
    std::fs::create_dir_all(env.project().join("docs")).unwrap();
    std::os::unix::fs::symlink(env.root().join("secret.md"), env.project().join("docs/link.md"))
        .unwrap();
    env.make_fifo("docs/pipe.md");
    env.write("docs/good.md", format!("# Good\n\n{rule}\n"));
    let project = env.project().to_string_lossy().into_owned();
    for (file, is_shown) in [
        (format!("{project}/../secret.md"), false),
        ("/elsewhere/docs/../../secret.md".to_owned(), false),
        (format!("{project}/docs/link.md"), false),
        ("/elsewhere/docs/pipe.md".to_owned(), false),
        ("/elsewhere/notes/README.md".to_owned(), false),
        ("/elsewhere/docs/good.md".to_owned(), true),
    ] {
        let row =
            serde_json::json!({"engine": "docs-solutions", "source_path": file, "quote": rule});
        let line = serde_json::json!({"id": "L-abcdef", "rule": rule, "evidence": [row]});
        env.write("in.jsonl", line.to_string());
        env.cemem(["import", "in.jsonl"]).success();
        let hit = find(&env, &["open a connection pool"])["hits"][0].clone();
        let path = if is_shown { "docs/good.md" } else { "cemem://lesson/L-abcdef" };
        assert_eq!(hit["path"], path, "{file}");
        assert_eq!(hit["lesson"]["rule"], rule);
        assert!(!hit.to_string().contains("Secret"), "{hit}");
    }
}

#[test]
fn people_and_scripts_read_it_too() {
    let env = with_documents();
    let told = env.cemem(["find", "open a database connection pool"]).success().stdout;
    assert!(told.contains("docs/solutions/performance-issues/pool-runs-dry.md:"), "{told}");
    let rows = env.cemem(["find", "open a database pool", "--compact"]).success().stdout;
    let first: Vec<_> = rows.lines().next().unwrap().split('\t').collect();
    assert_eq!((first.len(), first[2], first[3]), (5, "solution", "-"));
    assert!(rows.lines().last().unwrap().starts_with("# hits="), "{rows}");
    for wrong in [
        &["find"][..],
        &["find", ""],
        &["find", "x", "--overlap"],
        &["find", "x", "--threshold", "2"],
    ] {
        env.cemem(wrong).fails_with(2);
    }
    env.cemem(["find", "the of and"]).fails_with(1);
}
