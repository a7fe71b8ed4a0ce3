//! Lessons whose code changes: learned, drifted, shown everywhere, come back, taken back.

use std::process::Command;

use cemem_tests::TestEnv;
use serde_json::Value;

const TOKEN: &str =
    "pub fn rotate(token: &Token) -> Token {\n    body(token)\n}\n\nfn other() {}\n";
const RULE: &str = "Call `rotate` whenever a refresh token is read.";

/// Runs git in the project, at a time before the tests' clock.
#[expect(clippy::disallowed_methods, reason = "repositories as git makes them")]
fn git(env: &TestEnv, day: u32, args: &[&str]) {
    let date = format!("2026-04-{day:02}T10:00:00Z");
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
        .args(["-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"])
        .args(args)
        .current_dir(env.project())
        .env("HOME", env.home())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_DATE", &date)
        .env("GIT_COMMITTER_DATE", &date)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {output:?}");
}

fn commit(env: &TestEnv, day: u32, files: &[(&str, &str)]) {
    for (path, text) in files {
        env.write(path, text);
    }
    git(env, day, &["add", "-A"]);
    git(env, day, &["commit", "-q", "-m", "change"]);
}

/// A repository with a lesson that a pass could have made, and one that a person stated.
fn repository() -> (TestEnv, String, String) {
    let env = TestEnv::new();
    git(&env, 1, &["init", "-q"]);
    env.write("CLAUDE.md", "# Project\n");
    commit(&env, 1, &[("src/token.rs", TOKEN)]);
    let line = serde_json::json!({
        "rule": RULE, "type": "convention", "reviewed": false, "confidence": 0.8, "trust": "user",
        "applies_when": { "paths": ["src/token.rs"] }, "anchors": [{ "path": "src/token.rs" }],
        "created": "2026-04-02", "evidence": [{ "engine": "t", "quote": RULE, "turn_ts": "2026-04-02" }],
    });
    let file = env.root().join("lessons.jsonl");
    std::fs::write(&file, format!("{line}\n")).unwrap();
    env.cemem(["import", file.to_str().unwrap()]).success();
    let said = "A rotated token from `rotate` is stored before it is returned.";
    let stored = env.cemem(["remember", said, "--path", "src/token.rs", "--json"]).success().json();
    let theirs = stored["id"].as_str().unwrap().to_owned();
    let list = env.cemem(["lessons", "list", "--json"]).success().json();
    let lessons = list["lessons"].as_array().unwrap();
    let own = lessons.iter().find(|l| l["rule"] == RULE).unwrap()["id"].as_str().unwrap();
    (env, own.to_owned(), theirs)
}

fn ingest(env: &TestEnv) -> Value {
    env.cemem(["ingest", "--json"]).success().json()["code"].clone()
}

fn status(env: &TestEnv, id: &str) -> String {
    let shown = env.cemem(["lessons", "show", id, "--json"]).success().json();
    shown["lessons"][0]["status"].as_str().unwrap().to_owned()
}

#[test]
fn a_changed_definition_is_told_everywhere_until_the_code_comes_back() {
    let (env, own, theirs) = repository();
    let code = ingest(&env);
    assert_eq!(
        (&code["fresh"], &code["drifted"], &code["gone"]),
        (&2.into(), &0.into(), &0.into()),
        "{code}"
    );
    let calm = env.cemem(["review", "--stale"]).success();
    assert!(calm.stdout.is_empty() && calm.stderr.contains("as it was"), "{calm:?}");

    commit(&env, 10, &[("src/token.rs", &TOKEN.replace("body", "better_body"))]);
    assert_eq!(ingest(&env)["drifted"], 0, "a change elsewhere in the file is none");
    commit(&env, 11, &[("src/token.rs", &TOKEN.replace("token: &Token", "old: Token, now: u64"))]);
    let summary = env.cemem(["ingest"]).success().stdout;
    assert!(summary.contains("2 changed, 0 gone; `cemem review --stale`"), "{summary}");
    let again = ingest(&env);
    assert_eq!((&again["lessons"], &again["changed"]), (&0.into(), &0.into()), "{again}");

    assert_eq!((status(&env, &own).as_str(), status(&env, &theirs).as_str()), ("stale", "active"));
    let listed = env.cemem(["review", "--stale", "--json"]).success().json();
    assert_eq!(listed["stale"], 2, "{listed}");
    let entry = listed["lessons"].as_array().unwrap().iter().find(|l| l["id"] == own.as_str());
    let change = &entry.unwrap()["changes"][0];
    assert_eq!(change["path"], "src/token.rs");
    assert_eq!(change["symbol"], "rotate");
    assert_eq!(change["state"], "drifted");
    assert_eq!(change["was"], "pub fn rotate(token: &Token) -> Token");
    assert_eq!(change["now"], "pub fn rotate(old: Token, now: u64) -> Token");
    assert_eq!(change["since"].as_str().unwrap().len(), 40);
    let text = env.cemem(["review", "--stale"]).success().stdout;
    for part in [
        "(stale: src/token.rs rotate has changed)",
        "    - pub fn rotate(token: &Token)",
        "    + pub fn rotate(old",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    // Every output says so.
    let query = "rotate when a refresh token is read";
    for args in [vec!["recall", query], vec!["lessons", "list"], vec!["lessons", "show", &own]] {
        let text = env.cemem(&args).success().stdout;
        assert!(text.contains("stale"), "{args:?}: {text}");
    }
    let found = env.cemem(["recall", query, "--json"]).success().json();
    let hit =
        found["results"].as_array().unwrap().iter().find(|r| r["id"] == own.as_str()).unwrap();
    assert_eq!((&hit["stale"], &hit["status"]), (&true.into(), &"stale".into()), "{hit}");
    let block = env.cemem(["recall", query, "--budget", "500"]).success().stdout;
    assert!(block.contains("its code has changed, check before use"), "{block}");
    env.cemem(["sync"]).success();
    let synced = env.read("CLAUDE.md");
    assert_eq!(synced.matches("(stale: check the code first)").count(), 2, "{synced}");

    commit(&env, 12, &[("src/token.rs", TOKEN)]);
    assert_eq!(ingest(&env)["fresh"], 2);
    assert_eq!(status(&env, &own), "active");
    env.cemem(["sync"]).success();
    assert!(!env.read("CLAUDE.md").contains("stale"));
}

#[test]
fn a_renamed_file_is_followed_and_a_deleted_one_is_gone() {
    let (env, own, _) = repository();
    ingest(&env);
    git(&env, 10, &["mv", "src/token.rs", "src/session.rs"]);
    commit(&env, 10, &[("else.rs", "fn nothing() {}\n")]);
    let code = ingest(&env);
    assert_eq!(
        (&code["moved"], &code["drifted"], &code["gone"]),
        (&2.into(), &0.into(), &0.into()),
        "{code}"
    );
    let shown = env.cemem(["lessons", "show", &own]).success().stdout;
    assert!(
        shown.contains("src/session.rs rotate: as it was")
            && shown.contains("paths       src/session.rs"),
        "{shown}"
    );
    let at = env.cemem(["recall", "rotate refresh token", "--path", "src/session.rs", "--json"]);
    assert_eq!(at.success().json()["nothing_relevant"], false);
    git(&env, 11, &["rm", "-q", "src/session.rs"]);
    commit(&env, 11, &[("else.rs", "fn more() {}\n")]);
    assert_eq!(ingest(&env)["gone"], 2);
    let text = env.cemem(["review", "--stale"]).success().stdout;
    assert!(text.contains("src/session.rs rotate: gone since "), "{text}");
}

#[test]
fn a_person_can_take_it_back_accept_it_or_say_it_anew() {
    let (env, own, theirs) = repository();
    ingest(&env);
    let changed = TOKEN.replace("token: &Token", "old: Token");
    commit(&env, 10, &[("src/token.rs", &changed)]);
    ingest(&env);
    assert_eq!(status(&env, &own), "stale");
    env.cemem(["lessons", "undo"]).success();
    assert_eq!(status(&env, &own), "active");
    ingest(&env);
    assert_eq!(status(&env, &own), "active", "a person took it back");
    let stale = |env: &TestEnv| {
        env.cemem(["review", "--stale", "--json"]).success().json()["stale"].clone()
    };
    assert_eq!(stale(&env), 2, "but the code has changed all the same");

    env.cemem(["review", "--accept", &own, &theirs]).success();
    assert_eq!(stale(&env), 0);
    ingest(&env);
    assert_eq!(stale(&env), 0, "it holds for the code as it is now");
    commit(&env, 11, &[("src/token.rs", &changed.replace("-> Token", "-> Fresh"))]);
    ingest(&env);
    assert_eq!(stale(&env), 2);
    env.cemem(["lessons", "edit", &own, "--rule", "Call `rotate` and use what it gives."])
        .success();
    ingest(&env);
    assert_eq!((stale(&env), status(&env, &own).as_str()), (1.into(), "active"));
}

#[test]
fn outside_of_git_nothing_is_checked_and_it_says_so() {
    let env = TestEnv::new();
    env.cemem(["remember", "Call `rotate` first.", "--path", "src/token.rs"]).success();
    let code = ingest(&env);
    assert_eq!(code["not_checked"], "not a git repository");
    let summary = env.cemem(["ingest"]).success().stdout;
    assert!(summary.contains("code        not checked: not a git repository"), "{summary}");
    git(&env, 1, &["init", "-q"]);
    assert_eq!(ingest(&env)["not_checked"], "nothing is committed yet");
    commit(&env, 2, &[("src/token.rs", TOKEN)]);
    assert_eq!(ingest(&env)["fresh"], 1);
}
