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

#[test]
fn paths_are_stored_as_lessons_name_them() {
    let env = TestEnv::without_runtime();
    let whole = env.write("src/db/pool.rs", "").to_string_lossy().into_owned();
    let run = |args: &[&str]| {
        let args = ["--project", ".."].iter().chain(args);
        env.run(env.command(args).current_dir(env.project().join("src")), None).success()
    };
    let paths = |id: &str| {
        let shown = env.cemem(["lessons", "show", id, "--json"]).success().json();
        shown["lessons"][0]["applies_when"]["paths"].clone()
    };
    let id = run(&["remember", "Use tabs.", "--json"]).json()["id"].as_str().unwrap().to_owned();
    for (typed, named) in [
        ("db/pool.rs", "src/db/pool.rs"),
        ("./db/", "src/db/"),
        ("src/db", "src/db"),
        ("**/*.sql", "src/**/*.sql"),
        (&whole, "src/db/pool.rs"),
        ("/elsewhere/a.rs", "/elsewhere/a.rs"),
    ] {
        run(&["lessons", "edit", &id, "--path", typed]);
        assert_eq!(paths(&id), serde_json::json!([named]), "{typed}");
    }
    run(&["lessons", "edit", &id, "--path", ""]);
    assert_eq!(paths(&id), serde_json::Value::Null, "none");
    let new = run(&["remember", "Never lock.", "--path", "db/pool.rs", "--json"]).json();
    assert_eq!(paths(new["id"].as_str().unwrap()), serde_json::json!(["src/db/pool.rs"]));
}

#[test]
fn whatever_a_person_types_is_kept_without_secrets() {
    let env = TestEnv::new();
    let token = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    let said = format!("because of {token}");
    let id = remember(&env, "Use tabs.");
    let path = format!("keys/{token}/a.rs");
    env.cemem(["lessons", "edit", &id, "--title", &said, "--why", &said, "--path", &path])
        .success();
    env.cemem(["remember", "Use spaces.", "--path", &path]).success();
    env.cemem(["review", "--reject", &id, "--reason", &said]).success();
    let kept = [
        env.cemem(["export"]).success().stdout,
        env.cemem(["lessons", "history", &id, "--json"]).success().stdout,
    ];
    for text in kept {
        assert!(!text.contains(&token), "{text}");
        assert!(text.contains("[redacted:"), "{text}");
    }
}

#[test]
fn decisions_are_made_together_or_not_at_all() {
    let env = TestEnv::new();
    let (a, b) = (remember(&env, "Use tabs."), remember(&env, "Use Redis."));
    let history = || env.cemem(["lessons", "history", "--json"]).success().stdout;
    let before = history();
    for args in [
        ["review", "--accept", &a, "--reject", "L-ffffffffff"],
        ["review", "--accept", &a, "--reject", &a],
    ] {
        env.cemem(args).fails_with(1);
        assert_eq!(history(), before, "{args:?}");
    }
    env.cemem(["review", "--accept", &a, &a, "--reject", &b]).success();
    env.cemem(["lessons", "undo"]).success();
    let list = env.cemem(["lessons", "list"]).success().stdout;
    assert!(list.contains("Use tabs.") && list.contains("Use Redis."), "{list}");

    let short = &a[..5];
    env.cemem(["lessons", "retire", &a, short, &a]).success();
    let changes = env.cemem(["lessons", "history", &a, "--json"]).success().json();
    let verbs: Vec<_> = changes["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["verb"].as_str().unwrap())
        .collect();
    assert_eq!(verbs, ["retire", "undo", "accept", "remember"]);
}

#[test]
fn an_undo_tells_how_to_take_it_back() {
    let env = TestEnv::new();
    let id = remember(&env, "Use tabs.");
    env.cemem(["lessons", "retire", &id]).success();
    let undone = env.cemem(["lessons", "undo"]).success();
    let hint = undone.stderr.split('`').nth(1).unwrap().to_owned();
    assert!(hint.starts_with("cemem lessons undo "), "{}", undone.stderr);
    env.cemem(hint.split(' ').skip(1)).success();
    assert!(env.cemem(["lessons", "list"]).success().stdout.is_empty(), "retired again");
    let twice = env.cemem(hint.split(' ').skip(1)).fails_with(1);
    assert!(twice.stderr.contains("already undone"), "{}", twice.stderr);
}

#[test]
fn remembering_again_keeps_type_reason_and_every_text() {
    let env = TestEnv::new();
    env.cemem(["remember", "Use tabs.", "--type", "preference", "--why", "Everyone does."])
        .success();
    let id = remember(&env, "Use tabs.");
    let long = remember(&env, "Use tabs.\n\nIn Makefiles they are needed.");
    let other = remember(&env, "Use tabs.\n\nIn Go the formatter wants them.");
    let show = |id: &str| env.cemem(["lessons", "show", id]).success().stdout;
    assert!(
        show(&id).contains("preference") && show(&id).contains("Everyone does."),
        "{}",
        show(&id)
    );
    assert!(show(&long).contains("In Makefiles") && show(&other).contains("In Go"));
    env.cemem(["remember", "Use tabs.", "--type", "convention"]).success();
    assert!(show(&id).contains("convention"), "{}", show(&id));
}

#[test]
fn edits_keep_the_limits_of_a_lesson() {
    let env = TestEnv::new();
    let id = remember(&env, "Use tabs.");
    env.cemem(["lessons", "edit", &id, "--title", "Indentation"]).success();
    let long = "every word counts ".repeat(80);
    env.cemem(["lessons", "edit", &id, "--rule", &long]).success();
    let lesson = || env.cemem(["lessons", "list", "--json"]).success().json()["lessons"][0].clone();
    assert!(lesson()["rule"].as_str().unwrap().chars().count() <= 600, "{}", lesson());
    assert_eq!(lesson()["body"], long.trim());
    assert_eq!(lesson()["title"], "Indentation");
    for title in ["", "  \u{200b}"] {
        env.cemem(["lessons", "edit", &id, "--rule", "Use spaces.", "--title", title]).success();
        assert_eq!(lesson()["title"], "Use spaces.");
    }
    env.cemem(["lessons", "edit", &id, "--title", &long]).success();
    assert!(lesson()["title"].as_str().unwrap().chars().count() <= 120, "{}", lesson());
}

#[test]
fn what_held_on_a_day_is_still_known_after_it_was_replaced() {
    let env = TestEnv::new();
    // Two lessons of which the second replaced the first in March.
    let line = |rule: &str, more: &str| {
        format!(
            r#"{{"rule":"{rule}","type":"decision","trust":"user",{more},"evidence":[{{"engine":"remember","quote":"{rule}"}}]}}"#
        )
    };
    let old = line(
        "Deploy the billing service with Jenkins",
        r#""id":"L-aaaaaa","status":"superseded","superseded_by":"L-bbbbbb","valid_from":"2026-01-10T00:00:00Z","valid_to":"2026-03-01T00:00:00Z""#,
    );
    let new = line(
        "Deploy the billing service with GitHub Actions",
        r#""id":"L-bbbbbb","status":"active","supersedes":["L-aaaaaa"],"valid_from":"2026-03-01T00:00:00Z""#,
    );
    let file = env.write("lessons.jsonl", format!("{old}\n{new}\n"));
    env.cemem(["import", file.to_str().unwrap()]).success();
    let ask = |date: &str| {
        let args = ["recall", "deploy the billing service", "--as-of", date, "--json"];
        env.cemem(args).success().json()
    };
    let rules = |answer: &serde_json::Value| {
        let rules = answer["results"].as_array().unwrap().iter();
        rules.map(|r| r["rule"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let february = ask("2026-02-01");
    assert_eq!(rules(&february), ["Deploy the billing service with Jenkins"]);
    assert_eq!(february["as_of"], "2026-02-01");
    assert_eq!(february["results"][0]["superseded_by"], "L-bbbbbb");
    assert_eq!(rules(&ask("2026-03-02")), ["Deploy the billing service with GitHub Actions"]);
    let before = ask("2025-12-31");
    assert_eq!(
        (before["nothing_relevant"].clone(), before["n_lessons"].clone()),
        (true.into(), 0.into())
    );

    let shown =
        env.cemem(["recall", "deploy the billing service", "--as-of", "2026-02-01"]).success();
    let line = "held 2026-01-10 to 2026-03-01, replaced by L-bbbbbb";
    assert!(shown.stdout.contains(line), "{}", shown.stdout);
    let now = env.cemem(["recall", "deploy the billing service", "--json"]).success().json();
    assert_eq!(rules(&now), ["Deploy the billing service with GitHub Actions"]);
    let wrong = env.cemem(["recall", "x", "--as-of", "yesterday"]).fails_with(1);
    assert!(wrong.stderr.contains("is not a date"), "{}", wrong.stderr);
}
