//! After a lesson was shown: later sessions say what became of it, people may, and `stats` tells.

use cemem_corpus::format::{ClaudeSession, CodexRollout, Verdict};
use cemem_tests::TestEnv;
use serde_json::Value;

const CWD: &str = "/home/mara/src/tidepool";
const RULE: &str = "Remember: use pnpm, not npm";

/// Starts with a memory of one lesson, learned from a session; returns its id.
fn taught(env: &mut TestEnv) -> String {
    env.set_now("2026-03-02T00:00:00Z");
    let mut first = ClaudeSession::new("first", CWD, "main", "2026-03-01T10:00:00Z");
    first.user("add zod to the web app").says("I will install it.");
    first.bash_rejected("npm install zod", Verdict::RejectedWith(RULE));
    first.bash("pnpm add zod", "done");
    read(env, "first", &first.finish());
    let list = env.cemem(["lessons", "list", "--json"]).success().json();
    let lessons = list["lessons"].as_array().unwrap();
    assert_eq!(lessons.len(), 1, "{list}");
    assert!(lessons[0]["rule"].as_str().unwrap().contains("pnpm, not npm"), "{list}");
    lessons[0]["id"].as_str().unwrap().to_owned()
}

fn read(env: &TestEnv, name: &str, text: &str) {
    let path = env.write(&format!("sessions/{name}.jsonl"), text);
    env.cemem(["ingest", path.to_str().unwrap()]).success();
}

fn session(name: &str, start: &str, line: &str) -> ClaudeSession {
    let mut session = ClaudeSession::new(name, CWD, "main", start);
    session.user(&format!("what is left to do for the {name} ticket?"));
    session.says("Looking at the manifest first.").bash(line, "ok");
    session
}

fn counters(env: &TestEnv, id: &str) -> [u64; 6] {
    let shown = env.cemem(["lessons", "show", id, "--json"]).success().json();
    let of = &shown["lessons"][0]["counters"];
    ["shown", "heeded", "violated", "recurred", "helped", "harmed"].map(|k| of[k].as_u64().unwrap())
}

#[test]
fn a_lesson_is_learned_shown_heeded_and_violated() {
    let mut env = TestEnv::new();
    let id = taught(&mut env);
    assert_eq!(counters(&env, &id), [0; 6]);
    env.write("CLAUDE.md", "# Tidepool\n");
    env.set_now("2026-03-03T00:00:00Z");
    env.cemem(["sync"]).success();
    env.cemem(["sync"]).success();
    assert_eq!(counters(&env, &id), [1, 0, 0, 0, 0, 0], "it stands once");

    env.set_now("2026-03-20T00:00:00Z");
    let before = session("before", "2026-03-02T09:00:00Z", "npm install dayjs");
    let heeds = session("heeds", "2026-03-04T09:00:00Z", "cd web && pnpm add dayjs");
    let idle = session("idle", "2026-03-05T09:00:00Z", "ls web");
    let mut violates = session("violates", "2026-04-06T09:00:00Z", "npm install dayjs");
    violates.user("No! Use pnpm, not npm.").bash("pnpm add dayjs", "ok");
    let all = [("before", before), ("heeds", heeds), ("violates", violates), ("idle", idle)];
    for (name, session) in &all {
        read(&env, name, &session.finish());
    }
    let expected = [1, 1, 1, 1, 0, 0];
    assert_eq!(counters(&env, &id), expected);
    for (name, session) in all.iter().rev() {
        read(&env, name, &session.finish());
    }
    env.cemem(["consolidate"]).success();
    assert_eq!(counters(&env, &id), expected, "the same again adds nothing");

    let stats = env.cemem(["stats", "--json"]).success().json();
    assert_eq!((&stats["judged"], &stats["heeded_share"]), (&2.into(), &0.5.into()), "{stats}");
    assert_eq!(stats["counters"]["recurred"], 1, "{stats}");
    assert_eq!(stats["never_shown"], Value::Array(vec![]), "{stats}");
    let months = stats["months"].as_array().unwrap();
    assert_eq!(months.len(), 2, "{stats}");
    assert_eq!((&months[0]["sessions"], &months[0]["recurred"]), (&4.into(), &0.into()));
    assert_eq!((&months[1]["sessions"], &months[1]["per_session"]), (&1.into(), &1.0.into()));
    let text = env.cemem(["stats"]).success().stdout;
    assert!(text.contains("1 of 2 judged, 1 violated"), "{text}");
    assert!(text.lines().count() <= 24 && text.contains(&id), "{text}");

    // In another order, in another memory: the same.
    let mut other = TestEnv::new();
    assert_eq!(taught(&mut other), id);
    other.write("CLAUDE.md", "# Tidepool\n");
    other.set_now("2026-03-03T00:00:00Z");
    other.cemem(["sync"]).success();
    for (name, session) in all.iter().rev() {
        read(&other, name, &session.finish());
    }
    assert_eq!(counters(&other, &id), expected);
}

#[test]
fn a_session_sees_what_it_asked_for() {
    let mut env = TestEnv::new();
    let id = taught(&mut env);
    let shown = format!("0.81  {id}  convention Use pnpm, not npm");
    let rollout = |name: &str, asks: &str, line: &str| {
        let mut rollout = CodexRollout::new(name, CWD, "main", "2026-03-04T09:00:00Z");
        rollout.user("add a date library").says("Looking at what is known.");
        rollout.shell(asks, 0, &shown).shell(line, 0, "ok");
        rollout.finish()
    };
    read(&env, "none", &rollout("none", "cat notes.md", "npm install dayjs"));
    assert_eq!(counters(&env, &id), [0; 6], "nobody showed it");
    read(&env, "heeds", &rollout("heeds", "cemem recall 'add a library'", "pnpm add dayjs"));
    assert_eq!(counters(&env, &id), [0, 1, 0, 0, 0, 0]);
    read(&env, "violates", &rollout("violates", "cemem recall x", "npm install dayjs"));
    assert_eq!(counters(&env, &id), [0, 1, 1, 0, 0, 0]);
    // A file that only Claude Code reads was not seen by another.
    env.write("CLAUDE.md", "# Tidepool\n");
    env.set_now("2026-03-03T00:00:00Z");
    env.cemem(["sync"]).success();
    read(&env, "other", &rollout("other", "ls", "npm install dayjs"));
    assert_eq!(counters(&env, &id), [1, 1, 1, 0, 0, 0]);
}

#[test]
fn recall_counts_what_it_showed_and_nothing_else() {
    let mut env = TestEnv::new();
    let id = taught(&mut env);
    let ask = |args: &[&str]| drop(env.cemem([&["recall"], args].concat()).success());
    ask(&["kubernetes ingress controller helm chart"]);
    ask(&["pnpm or npm", "--explain"]);
    ask(&["pnpm or npm", "--budget", "1"]);
    assert_eq!(counters(&env, &id)[0], 0);
    ask(&["pnpm or npm"]);
    ask(&["pnpm or npm", "--json"]);
    ask(&["pnpm or npm", "--budget", "500"]);
    assert_eq!(counters(&env, &id), [3, 0, 0, 0, 0, 0], "shown is not helped");
    let stats = env.cemem(["stats", "--json"]).success().json();
    assert_eq!(stats["heeded_share"], Value::Null, "{stats}");
}

#[test]
fn the_newest_word_of_a_person_counts() {
    let mut env = TestEnv::new();
    let id = taught(&mut env);
    let note = "saved a day; token AKIAIOSFODNN7EXAMPLE";
    env.cemem(["lessons", "feedback", &id, "--helped", "--note", note]).success();
    assert_eq!(counters(&env, &id)[4..], [1, 0]);
    let said = env.cemem(["lessons", "feedback", &id[..6], "--harmed", "--json"]).success().json();
    assert_eq!(said["lessons"][0]["counters"]["harmed"], 1, "{said}");
    assert_eq!(counters(&env, &id)[4..], [0, 1]);
    let shown = env.cemem(["lessons", "show", &id]).success().stdout;
    assert!(shown.contains("harmed 1"), "{shown}");
    env.cemem(["lessons", "feedback", &id]).fails_with(2);
    env.cemem(["lessons", "feedback", &id, "--helped", "--harmed"]).fails_with(2);
    env.cemem(["lessons", "feedback", "L-000000", "--helped"]).fails_with(1);
}

#[test]
fn the_ranking_can_forget_what_it_learned() {
    let mut env = TestEnv::new();
    let id = taught(&mut env);
    let rule = env.cemem(["lessons", "show", &id, "--json"]).success().json();
    let rule = rule["lessons"][0]["rule"].as_str().unwrap().to_owned();
    env.cemem(["recall", &rule]).success();
    env.cemem(["lessons", "feedback", &id, "--helped"]).success();
    let forgot = env.cemem(["lessons", "unlearn", "--json"]).success().json();
    assert_eq!(forgot["uses"], 1, "{forgot}");
    let again = env.cemem(["lessons", "unlearn", "--json"]).success().json();
    assert_eq!(again["uses"], 0, "{again}");
    assert_eq!(counters(&env, &id)[4..], [1, 0]);
}

#[test]
fn a_replay_says_what_would_have_become_of_the_lessons() {
    let mut env = TestEnv::new();
    taught(&mut env);
    let later = session("later", "2026-03-04T09:00:00Z", "npm install dayjs");
    let folder = env.write("sessions/later.jsonl", later.finish());
    let folder = folder.parent().unwrap().to_str().unwrap();
    let out = env.root().join("verdicts.jsonl");
    let eval = ["eval", "outcomes", "--sessions", folder, "--out", out.to_str().unwrap(), "--json"];
    let found = env.cemem(eval).success().json();
    assert_eq!((&found["sessions"], &found["violated"]), (&2.into(), &1.into()), "{found}");
    let rows = std::fs::read_to_string(&out).unwrap();
    assert!(rows.contains("npm install dayjs") && rows.lines().count() == 1, "{rows}");
}
