//! Lists, edits, review, history and undo.

use cemem_tests::TestEnv;

/// Remembers a text and returns the lesson's id.
fn remember(env: &TestEnv, text: &str) -> String {
    let stored = env.cemem(["remember", text, "--json"]).success().json();
    stored["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_lesson_shows_its_evidence_and_short_ids_work() {
    let env = TestEnv::new();
    let id = remember(&env, "Migrations run before the tests.");
    let shown = env.cemem(["lessons", "show", &id[2..5]]).success().stdout;
    for part in [id.as_str(), "Migrations run before the tests.", "evidence", "remember"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let missing = env.cemem(["lessons", "show", "L-zzzz"]).fails_with(1);
    assert!(missing.stderr.contains("no lesson has the id"), "{}", missing.stderr);
}

#[test]
fn edits_are_logged_and_undone_one_by_one() {
    let env = TestEnv::new();
    let id = remember(&env, "Use spaces.");
    env.cemem(["lessons", "edit", &id, "--rule", "Use tabs.", "--type", "preference"]).success();
    assert!(env.cemem(["lessons", "list"]).success().stdout.contains("preference Use tabs."));
    env.cemem(["lessons", "retire", &id]).success();
    assert!(env.cemem(["lessons", "list"]).success().stdout.is_empty());
    assert_eq!(env.cemem(["recall", "tabs", "--json"]).success().json()["nothing_relevant"], true);

    env.cemem(["lessons", "undo"]).success();
    assert!(env.cemem(["lessons", "list"]).success().stdout.contains("Use tabs."));
    env.cemem(["lessons", "undo"]).success();
    let list = env.cemem(["lessons", "list"]).success().stdout;
    assert!(list.contains("convention Use spaces."), "{list}");
    let history = env.cemem(["lessons", "history", &id, "--json"]).success().json();
    let verbs: Vec<_> = history["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["verb"].as_str().unwrap())
        .collect();
    assert_eq!(verbs, ["undo", "undo", "retire", "edit", "remember"]);
    env.cemem(["lessons", "undo"]).success();
    let nothing = env.cemem(["lessons", "undo"]).fails_with(1);
    assert!(nothing.stderr.contains("cannot undo"), "{}", nothing.stderr);
}

#[test]
fn review_accepts_and_rejects_for_good() {
    let env = TestEnv::new();
    let sessions = env.write_sessions();
    env.cemem(["ingest", sessions.to_str().unwrap()]).success();
    let queue = env.cemem(["review", "--json"]).success().json();
    let waiting = queue["lessons"].as_array().unwrap();
    assert!(waiting.len() >= 2, "{queue}");
    let id = |n: usize| waiting[n]["id"].as_str().unwrap();
    env.cemem(["review", "--accept", id(0)]).success();
    env.cemem(["review", "--reject", id(1), "--reason", "a one-off"]).success();

    // What a person decided survives another pass over the same sessions.
    env.cemem(["ingest", sessions.to_str().unwrap()]).success();
    env.cemem(["consolidate"]).success();
    let list = env.cemem(["lessons", "list", "--status", "all", "--json"]).success().json();
    let status = |wanted: &str| {
        let lessons = list["lessons"].as_array().unwrap();
        lessons.iter().find(|l| l["id"] == wanted).unwrap()["status"].clone()
    };
    assert_eq!(status(id(0)), "active");
    assert_eq!(status(id(1)), "retired");
    let history = env.cemem(["lessons", "history", id(1)]).success().stdout;
    assert!(history.contains("a one-off"), "{history}");
}

#[test]
fn remember_redacts_and_refuses_nothing() {
    let env = TestEnv::new();
    let token = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    remember(&env, &format!("Deploy with {token} <private>my salary</private> only from CI."));
    let list = env.cemem(["lessons", "list", "--json"]).success().stdout;
    assert!(!list.contains(&token) && !list.contains("salary"), "{list}");
    assert!(list.contains("only from CI"), "{list}");
    let empty = env.cemem(["remember", "   "]).fails_with(1);
    assert!(empty.stderr.contains("nothing to remember"), "{}", empty.stderr);
}
