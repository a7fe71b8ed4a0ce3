//! The register, the logs and the private homes.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::{Log, places};
use crate::discover::Places;
use crate::sources::testing::{read, read_known, read_path};

const LOG: &str = "===╭─ Agent 2: coder ─────\nStarted: 2026-02-01T10:00:00Z\nPrompt: build it\n[CYAN]working\n[GREEN:BOLD]wrote a.rs\n[RED]Error: out of credit\n";

fn register(path: &Path) -> Connection {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let conn = Connection::open(path).unwrap();
    conn.execute_batch(
        "CREATE TABLE agents (id INTEGER PRIMARY KEY, name TEXT, engine TEXT, status TEXT, parent_id INTEGER,
            start_time TEXT, end_time TEXT, prompt TEXT, log_path TEXT, error TEXT, session_id TEXT);
        CREATE TABLE telemetry (agent_id INTEGER, tokens_in INTEGER);
        INSERT INTO agents VALUES (1, 'planner', 'claude', 'completed', NULL, '2026-02-01T09:00:00Z', '2026-02-01T09:10:00Z', 'plan it', NULL, NULL, 'sid-1');
        INSERT INTO agents VALUES (2, 'coder', 'codex', 'failed', 1, '2026-02-01T10:00:00Z', NULL, 'no, always use tabs', '/elsewhere/agent-2.log', NULL, NULL);
        INSERT INTO agents VALUES (3, 'tester', 'codex', 'failed', 1, NULL, NULL, '', NULL, 'exit 1', NULL);
        INSERT INTO agents VALUES (4, 'late', 'codex', 'running', 1, NULL, NULL, '', NULL, NULL, NULL);",
    )
    .unwrap();
    conn
}

#[test]
fn steps_of_the_register_are_calls_with_results() {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join(".codemachine/logs");
    let path = logs.join("registry.db");
    let conn = register(&path);
    fs::write(logs.join("agent-2.log"), LOG).unwrap();
    let (found, cursor) = read_known(&path, &["/w".into()], None);
    let told = found.told();
    assert_eq!(
        told[..3],
        [
            "1 call planner [] - plan it",
            "1 result Some(true) None ",
            "2 call coder [] - no, always use tabs"
        ]
    );
    assert!(
        told[3].starts_with("2 result Some(false) None")
            && told[3].contains("\nError: out of credit"),
        "{told:?}"
    );
    assert_eq!(told[5], "3 result Some(false) None exit 1");
    assert_eq!((told.len(), found.skipped["running"]), (6, 1));
    let sessions: Vec<_> = found.sessions.iter().map(|(s, _)| s).collect();
    assert_eq!(sessions[0].parent.as_deref(), Some("sid-1"));
    assert_eq!(sessions[1].parent.as_ref(), Some(&sessions[0].id));
    assert_eq!(sessions[0].cwd.as_deref(), dir.path().to_str());
    conn.execute_batch("UPDATE agents SET status = 'completed' WHERE id > 3").unwrap();
    let (again, _) = read_known(&path, &["/w".into()], cursor.as_ref());
    assert!(again.told().contains(&"4 result Some(true) None ".to_owned()));
    // The log alone is the same session.
    let logged = read_path(&logs.join("agent-2.log"));
    assert_eq!(logged.sessions[0].0.id, sessions[1].id);
    assert!(logged.told()[0].contains("agent: ") && !logged.told()[0].contains("[CYAN]"));
}

#[test]
fn register_logs_and_private_homes_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let (home, root) = (dir.path().join("home"), dir.path().join("app"));
    drop(register(&root.join(".codemachine/logs/registry.db")));
    let cwd = root.to_str().unwrap();
    let put = |path: &str, text: &str| {
        let path = home.join(".codemachine").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let slug = crate::sources::claude_code::places::slug(&root);
    let row = serde_json::json!({"sessionId": "s", "cwd": cwd}).to_string();
    put(&format!("claude/projects/{slug}/s.jsonl"), &row);
    put("codex/sessions/2026/02/01/rollout-1.jsonl", &row);
    put("codex/sessions/2026/02/01/rollout-2.jsonl", &row.replace("app", "other"));
    let session = serde_json::json!({"id": "ses_1", "directory": cwd, "time": {}}).to_string();
    put("opencode/data/opencode/storage/session/p/ses_1.json", &session);
    let places = Places { home: home.clone(), roots: vec![root.clone()], ..Places::default() };
    let found: Vec<_> = places::find(&places).into_iter().map(|f| f.path).collect();
    let private = home.join(".codemachine");
    assert_eq!(
        found,
        [
            root.join(".codemachine/logs"),
            private.join("claude/projects").join(slug),
            private.join("codex/sessions/2026/02/01/rollout-1.jsonl"),
            private.join("opencode/data/opencode/storage/session/p/ses_1.json"),
        ]
    );
}

#[test]
fn damaged_input_is_counted_and_never_fatal() {
    for cut in (0..LOG.len()).filter(|c| LOG.is_char_boundary(*c)) {
        read(&Log, "agent-2", &LOG[..cut]);
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("logs/registry.db");
    let conn = register(&path);
    conn.execute_batch("UPDATE agents SET status = NULL, prompt = x'ff' WHERE id = 1; UPDATE agents SET status = 7, log_path = '..' WHERE id = 2").unwrap();
    let found = read_path(&path);
    assert_eq!((found.skipped["untyped"], found.told().len()), (1, 2), "{:?}", found.skipped);
    drop(conn);
    let bytes = fs::read(&path).unwrap();
    for cut in (100..bytes.len()).step_by(499) {
        fs::write(&path, &bytes[..cut]).unwrap();
        read_path(&path);
    }
}
