//! `cemem doctor --engines` on machines with and without engines.
//!
//! Owns what is found where. Must not start a real engine.

use std::collections::BTreeMap;
use std::path::Path;

use cemem_tests::TestEnv;
use serde_json::Value;

fn engines(env: &TestEnv, path: &Path) -> BTreeMap<String, Value> {
    let mut command = env.command(["doctor", "--engines", "--json"]);
    let answer = env.run(command.env("PATH", path), None).success().json();
    let rows = answer["engines"].as_array().unwrap().clone();
    rows.into_iter().map(|row| (row["name"].as_str().unwrap().to_owned(), row)).collect()
}

#[test]
fn an_empty_machine_has_no_engine() {
    let env = TestEnv::new();
    let rows = engines(&env, &env.root().join("nothing"));
    assert!(rows.len() > 8);
    assert!(rows.values().all(|row| row["found"] == false && row["files"] == 0), "{rows:?}");
    let text = env.cemem(["doctor", "--engines"]).success().stdout;
    assert!(text.starts_with("not found here: Claude Code, "), "{text}");
}

#[test]
fn sessions_of_this_project_are_counted_where_they_are() {
    let env = TestEnv::new();
    env.install_sessions();
    let rows = engines(&env, &env.root().join("nothing"));
    let ingested = env.cemem(["ingest", "--json"]).success().json();
    for engine in ["claude-code", "codex", "specstory"] {
        assert_eq!(rows[engine]["files"], ingested["formats"][engine], "{engine}");
        assert_eq!(rows[engine]["found"], true);
        assert!(!rows[engine]["folders"].as_array().unwrap().is_empty());
    }
    assert_eq!(rows["goose"]["found"], false);
}

#[cfg(unix)]
#[test]
fn programs_say_their_version_or_are_not_waited_for() {
    use std::os::unix::fs::PermissionsExt as _;
    let env = TestEnv::new();
    for (name, script) in [
        ("claude", "echo; echo '9.9.9 (Claude Code)'; /bin/sleep 0.3; echo more; echo more"),
        ("codex", "/bin/sleep 600"),
        ("goose", "echo 1.0; exit 3"),
        // What it started keeps its output open.
        ("gemini", "/bin/sleep 600 & echo 1.2.3"),
    ] {
        let path = env.write(&format!("bin/{name}"), format!("#!/bin/sh\n{script}\n"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let rows = engines(&env, &env.project().join("bin"));
    assert_eq!(rows["claude-code"]["engine_version"], "9.9.9 (Claude Code)");
    assert_eq!(rows["gemini-cli"]["engine_version"], "1.2.3");
    for engine in ["codex", "goose"] {
        assert_eq!(
            (&rows[engine]["engine_version"], &rows[engine]["found"]),
            (&Value::Null, &true.into())
        );
    }
    assert_eq!(rows["cursor"]["found"], false);
}
