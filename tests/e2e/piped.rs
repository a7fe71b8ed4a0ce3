//! `cemem ingest -`: what comes through a pipe.

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, UNIX_EPOCH};

use cemem_corpus::claude_session;
use cemem_tests::TestEnv;
use serde_json::{Value, json};

/// One page of review comments as `gh api` prints them.
fn comments() -> String {
    let comment = |id: u64, line: u64, body: &str| {
        json!({
            "id": id,
            "pull_request_review_id": 7,
            "path": "src/tide.rs",
            "line": line,
            "side": "RIGHT",
            "diff_hunk": "@@ -1,2 +1,2 @@\n-let a = 1;\n+let a = 2;",
            "commit_id": "0123456789abcdef0123456789abcdef01234567",
            "user": {"login": "mara", "type": "User"},
            "body": body,
            "created_at": "2026-04-01T10:00:00Z",
            "updated_at": "2026-04-01T10:00:00Z",
            "html_url": format!("https://github.com/o/r/pull/3#discussion_r{id}"),
            "pull_request_url": "https://api.github.com/repos/o/r/pulls/3",
        })
    };
    json!([
        comment(1, 4, "Please always use the query builder here, never string concatenation."),
        comment(2, 9, "This password=hunter2hunter2hunter2 must not be in the source."),
    ])
    .to_string()
}

fn ingest(env: &TestEnv, text: &str) -> Value {
    env.cemem_with_input(["ingest", "-", "--json"], text).success().json()
}

#[test]
fn review_comments_come_in_through_a_pipe_once() {
    let env = TestEnv::new();
    let first = ingest(&env, &comments());
    assert_eq!((&first["files"], &first["events_new"]), (&1.into(), &2.into()), "{first}");
    let second = ingest(&env, &comments());
    assert_eq!((&second["events_new"], &second["candidates"]), (&0.into(), &0.into()), "{second}");
    // Another page of the same pull request adds what is new in it.
    let more = comments().replacen("\"line\":9", "\"line\":12", 1);
    assert!(ingest(&env, &more)["files"] == 1);
}

#[test]
fn pages_one_after_the_other_are_one_stream() {
    let env = TestEnv::new();
    let other =
        comments().replace("\"id\":", "\"id\":1").replace("#discussion_r", "#discussion_r1");
    let pages = comments() + &other;
    let report = ingest(&env, &pages);
    assert_eq!(report["events_new"], 4, "{report}");
}

#[test]
fn a_session_through_a_pipe_is_the_session_of_the_file() {
    let session = claude_session(3, 6);
    let env = TestEnv::new();
    let piped = ingest(&env, &session);
    assert!(piped["events_new"].as_u64().unwrap() > 0, "{piped}");
    env.write("in/s.jsonl", &session);
    let read = env.cemem(["ingest", "in", "--json"]).success().json();
    assert_eq!(read["events_new"], 0, "{read}");
}

#[test]
fn a_pipe_and_a_folder_go_in_together() {
    let env = TestEnv::new();
    env.write("in/s.jsonl", claude_session(3, 6));
    let args = ["ingest", "in", "-", "--json"];
    let report = env.cemem_with_input(args, &comments()).success().json();
    assert_eq!(report["files_read"], 2, "{report}");
}

#[test]
fn notes_of_a_review_need_no_name() {
    let env = TestEnv::new();
    let notes = "# Residual review findings\n\n- **P2** — `src/a.rs:4` retries without a key\n";
    let report = ingest(&env, notes);
    assert_eq!((&report["files_read"], &report["events_new"]), (&1.into(), &1.into()), "{report}");
}

#[test]
fn what_nothing_recognises_and_what_is_empty_is_said() {
    let env = TestEnv::new();
    let unknown = env.cemem_with_input(["ingest", "-"], "dear diary\n").fails_with(1);
    assert!(unknown.stderr.contains("no format that is known"), "{}", unknown.stderr);
    let empty = env.cemem_with_input(["ingest", "-"], "").fails_with(1);
    assert!(empty.stderr.contains("standard input is empty"), "{}", empty.stderr);
}

#[cfg(unix)]
#[test]
fn a_run_that_is_interrupted_leaves_no_copy() {
    let env = TestEnv::new();
    let mut command = env.command(["ingest", "-"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(comments().as_bytes()).unwrap();
    let copies = || {
        let names = std::fs::read_dir(env.root()).unwrap().map(|e| e.unwrap().file_name());
        names.filter(|n| n.to_string_lossy().starts_with(".cemem-scratch-")).count()
    };
    let waited = (0..200).find(|_| {
        std::thread::sleep(Duration::from_millis(50));
        copies() == 1
    });
    assert!(waited.is_some(), "no copy is made");
    cemem_tests::signal(child.id(), "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(copies(), 0);
}

#[test]
fn secrets_in_a_pipe_are_redacted_and_its_copy_is_gone_afterwards() {
    let env = TestEnv::new();
    // A run that was killed left its copy; another run is still at work.
    let (old, new) = (env.root().join(".cemem-scratch-old"), env.root().join(".cemem-scratch-new"));
    std::fs::write(&new, "").unwrap();
    let file = std::fs::File::create(&old).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_hours(24)).unwrap();
    ingest(&env, &comments());
    assert!(!old.exists());
    std::fs::remove_file(new).unwrap();
    let store = std::fs::read(env.store_path()).unwrap();
    assert!(!store.windows(7).any(|w| w == b"hunter2"), "the secret is in the store");
    let left: Vec<_> = std::fs::read_dir(env.root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(".cemem-scratch-"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}
