//! What one project lends another: lessons for every project, answers from all, a first offer.

use std::fs;
use std::path::PathBuf;

use cemem_tests::{McpClient, TestEnv};
use serde_json::{Value, json};

const RULE: &str = "Pin the clock before a test compares dates.";

/// Makes a project beside the environment's own.
fn project(env: &TestEnv, name: &str, manifest: Option<(&str, &str)>) -> PathBuf {
    let folder = env.root().join(name);
    fs::create_dir_all(&folder).unwrap();
    if let Some((file, text)) = manifest {
        fs::write(folder.join(file), text).unwrap();
    }
    folder
}

fn run(env: &TestEnv, folder: &std::path::Path, args: &[&str]) -> cemem_tests::Output {
    env.cemem([&["--project", folder.to_str().unwrap()], args].concat())
}

fn remember(env: &TestEnv, folder: &std::path::Path, rule: &str) -> String {
    let stored = run(env, folder, &["remember", rule, "--json"]).success().json();
    stored["id"].as_str().unwrap().to_owned()
}

fn recalled(env: &TestEnv, folder: &std::path::Path, more: &[&str]) -> Vec<Value> {
    let args = [&["recall", "compare dates in a test with the clock", "--json"], more].concat();
    let answer = run(env, folder, &args).success().json();
    assert_eq!(answer["nothing_relevant"], answer["results"].as_array().unwrap().is_empty());
    answer["results"].as_array().unwrap().clone()
}

#[test]
fn a_promoted_lesson_holds_everywhere_until_that_is_undone() {
    let env = TestEnv::new();
    let (one, two) = (project(&env, "harbour", None), project(&env, "ferry", None));
    let id = remember(&env, &one, RULE);
    remember(&env, &two, "Ferries are named after rivers.");
    assert!(recalled(&env, &two, &[]).is_empty());

    run(&env, &one, &["lessons", "promote", &id]).success();
    let own = recalled(&env, &one, &[]);
    assert_eq!((own.len(), &own[0]["origin"]), (1, &Value::Null), "told once where it is at home");
    let found = recalled(&env, &two, &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["origin"], "harbour, for all projects");
    let score = |hit: &Value| hit["score"].as_f64().unwrap();
    assert!(score(&found[0]) < score(&own[0]), "what comes from elsewhere is ranked lower");
    let shown = run(&env, &two, &["recall", "compare dates in a test with the clock"]).success();
    assert!(shown.stdout.contains("learned in harbour, for all projects, may not hold here"));
    let packed =
        run(&env, &two, &["recall", "pin the clock in a test", "--budget", "300"]).success();
    assert!(packed.stdout.contains("learned in harbour"), "{}", packed.stdout);
    let foreign = found[0]["id"].as_str().unwrap();
    let full = run(&env, &two, &["lessons", "show", foreign]).success().stdout;
    assert!(full.contains(RULE), "{full}");
    let full = run(&env, &two, &["lessons", "show", foreign, "--json"]).success().json();
    assert_eq!(full["lessons"][0]["origin"], "harbour, for all projects", "{full}");
    let full = run(&env, &one, &["lessons", "show", &id, "--json"]).success().json();
    assert_eq!(full["lessons"][0]["origin"], Value::Null, "{full}");
    // By its first digits only what is here is meant, and told what was perhaps meant.
    let short = run(&env, &two, &["lessons", "show", &foreign[..6]]).fails_with(1);
    assert!(short.stderr.contains("no lesson has the id"), "{}", short.stderr);

    // Taken back, again, taken out: each at once.
    run(&env, &one, &["lessons", "undo"]).success();
    assert!(recalled(&env, &two, &[]).is_empty());
    run(&env, &one, &["lessons", "promote", &id]).success();
    assert_eq!(recalled(&env, &two, &[]).len(), 1);
    run(
        &env,
        &one,
        &["lessons", "edit", &id, "--rule", "Stop the clock before a test compares dates."],
    )
    .success();
    assert!(recalled(&env, &two, &[])[0]["rule"].as_str().unwrap().starts_with("Stop"));
    // Whoever changes its words, in whatever way.
    let words = "Halt the clock before a test compares dates.";
    run(&env, &one, &["review", "--edit", &id, "--rule", words]).success();
    run(&env, &one, &["review", "--edit", &id, "--why", "Dates move."]).success();
    let now = &recalled(&env, &two, &[])[0];
    assert_eq!((&now["rule"], &now["reason"]), (&json!(words), &json!("Dates move.")));
    let mut client =
        McpClient::start(&mut env.command(["--project", one.to_str().unwrap(), "mcp"]));
    client.data("forget", json!({ "ids": [id], "reason": "it was about one test" }));
    assert!(recalled(&env, &two, &[]).is_empty(), "an agent's word takes it out too");
    let waits = run(&env, &one, &["lessons", "promote", &id]).fails_with(1);
    assert!(waits.stderr.contains("is retired, not active"), "{}", waits.stderr);
}

#[test]
fn other_projects_answer_only_when_asked() {
    let env = TestEnv::new();
    let (one, two) = (project(&env, "harbour", None), project(&env, "ferry", None));
    remember(&env, &one, RULE);
    let own = remember(&env, &two, "A test that compares dates stops the clock first.");
    assert_eq!(recalled(&env, &two, &[]).len(), 1);
    let all = recalled(&env, &two, &["--all-projects"]);
    let told: Vec<_> =
        all.iter().map(|hit| (hit["id"].as_str().unwrap(), &hit["origin"])).collect();
    assert_eq!(told[0], (own.as_str(), &Value::Null), "{all:?}");
    assert_eq!(told[1].1, "harbour", "{all:?}");
    let asked = json!({ "query": "compare dates in a test with the clock", "all_projects": true });
    let mut client = McpClient::start(env.command(["mcp"]).current_dir(&two));
    let answer = client.call("recall", asked.clone());
    let data = &answer["structuredContent"];
    assert_eq!(data["lessons"][1]["origin"], "harbour", "{answer}");
    assert_eq!((&data["n_lessons"], &data["n_elsewhere"]), (&json!(1), &json!(1)), "{answer}");
    let text = answer["content"][0]["text"].as_str().unwrap();
    assert!(text.contains(" 2 of 2 lessons matter"), "{text}");
    // Who starts a server for one project lends it no other memory.
    let mut pinned =
        McpClient::start(&mut env.command(["--project", two.to_str().unwrap(), "mcp"]));
    let refused = pinned.refusal("recall", asked);
    assert!(refused.contains("for project `ferry` only"), "{refused}");
    assert!(refused.contains("leave out `all_projects`"), "{refused}");
    // A memory that cannot be read is told, and the own answer stands.
    let stores = env.cemem_home().join("projects");
    let damaged = fs::read_dir(stores).unwrap().map(|e| e.unwrap().path().join("memory.db"));
    let is_other = |path: &PathBuf| {
        path.is_file()
            && !String::from_utf8_lossy(&fs::read(path).unwrap()).contains("stops the clock first")
    };
    let other: Vec<_> = damaged.filter(is_other).collect();
    assert_eq!(other.len(), 1, "{other:?}");
    fs::write(&other[0], "no database").unwrap();
    let args = ["recall", "compare dates in a test", "--all-projects", "--json"];
    let answer = run(&env, &two, &args).success().json();
    assert_eq!(answer["results"].as_array().unwrap().len(), 1, "{answer}");
    assert!(answer["notes"].to_string().contains("the memory of `harbour`"), "{answer}");
}

#[test]
fn what_was_taken_out_here_does_not_come_back_from_elsewhere() {
    let env = TestEnv::new();
    let (one, two) = (project(&env, "harbour", None), project(&env, "ferry", None));
    let id = remember(&env, &one, RULE);
    run(&env, &one, &["lessons", "promote", &id]).success();
    let own = remember(&env, &two, "pin the clock before a test compares DATES");
    assert_eq!(recalled(&env, &two, &[]).len(), 1, "known here: told once");
    run(&env, &two, &["lessons", "retire", &own]).success();
    assert_eq!(recalled(&env, &two, &[]), Vec::<Value>::new());
    assert_eq!(recalled(&env, &two, &["--all-projects"]), Vec::<Value>::new());
    // The same words in two other memories: which one is meant is not guessed.
    let three = project(&env, "pier", None);
    let same = remember(&env, &three, "Berths are counted from the sea.");
    assert_eq!(remember(&env, &one, "Berths are counted from the sea."), same);
    let unclear = run(&env, &two, &["lessons", "show", &same]).fails_with(1);
    assert!(unclear.stderr.contains("several projects: "), "{}", unclear.stderr);
    assert!(unclear.stderr.contains("cemem --project DIR lessons show"), "{}", unclear.stderr);
}

#[test]
fn what_holds_no_more_takes_no_ones_place() {
    let env = TestEnv::new();
    let (one, two) = (project(&env, "harbour", None), project(&env, "ferry", None));
    let three = project(&env, "pier", None);
    let gone = remember(&env, &one, RULE);
    run(&env, &one, &["lessons", "promote", &gone]).success();
    let other = "A test that compares dates across zones names its zone.";
    let stays = remember(&env, &three, other);
    run(&env, &three, &["lessons", "promote", &stays]).success();
    assert_eq!(recalled(&env, &two, &["--limit", "1"])[0]["rule"], RULE);
    // The user's memory hears nothing of this.
    let mut client =
        McpClient::start(&mut env.command(["--project", one.to_str().unwrap(), "mcp"]));
    client.data("forget", json!({ "ids": [gone], "reason": "it was about one test" }));
    let found = recalled(&env, &two, &["--limit", "1"]);
    assert_eq!((found.len(), &found[0]["rule"]), (1, &json!(other)), "{found:?}");
}

#[test]
fn a_new_project_is_offered_what_two_of_its_kind_hold() {
    let env = TestEnv::new();
    let cargo = Some(("Cargo.toml", "[package]\nname = \"x\"\n[dependencies]\naxum = \"0.8\"\n"));
    let (one, two) = (project(&env, "harbour", cargo), project(&env, "ferry", cargo));
    let new = project(&env, "lighthouse", cargo);
    let script = project(&env, "buoy", Some(("package.json", "{}")));
    // Many folders have the same name.
    for folder in ["old/app", "new/app"] {
        remember(&env, &project(&env, folder, cargo), "Name a berth after its pilot.");
    }
    for folder in [&one, &two] {
        remember(&env, folder, "Never call unwrap outside tests.");
    }
    remember(&env, &one, "Berths are counted from the sea.");
    remember(&env, &two, "never call `unwrap` outside tests");
    let init = |folder: &PathBuf| {
        run(&env, folder, &["init", "--yes", "--engine", "claude-code", "--no-ingest"]).success()
    };
    let offered = init(&new);
    assert!(
        offered.stderr.contains("2 convention(s) that hold in several of your rust/axum projects"),
        "{}",
        offered.stderr
    );
    let asked = ["recall", "unwrap in a handler", "--json"];
    assert_eq!(run(&env, &new, &asked).success().json()["nothing_relevant"], true);
    let queue = run(&env, &new, &["review", "--json"]).success().json();
    let waiting = queue["lessons"].as_array().unwrap();
    assert_eq!(waiting.len(), 2, "{queue}");
    let from = |rule: &str| {
        let lesson = waiting.iter().find(|l| l["rule"].to_string().contains(rule)).unwrap();
        assert_eq!(lesson["support"], 2);
        let rows = lesson["evidence"].as_array().unwrap().iter();
        rows.map(|e| e["source_path"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(from("unwrap"), ["project ferry", "project harbour"]);
    assert_eq!(from("berth"), ["project app", "project app"]);
    // Offered once, whatever became of it; the pass leaves it alone.
    run(&env, &new, &["consolidate"]).success();
    assert!(!init(&new).stderr.contains("convention(s)"));
    let id = waiting[0]["id"].as_str().unwrap();
    run(&env, &new, &["review", "--reject", id]).success();
    assert!(!init(&new).stderr.contains("convention(s)"));
    assert!(!init(&script).stderr.contains("convention(s)"), "another language");
    let old = project(&env, "pier", None);
    assert!(!init(&old).stderr.contains("convention(s)"), "no manifest");
}
