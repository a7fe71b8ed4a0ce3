//! Goose's rows and files, and what becomes of them.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::{Lines, places};
use crate::discover::Places;
use crate::sources::testing::{Found, read, read_known, read_path};

const DECLINED: &str =
    "The user has declined to run this tool. DO NOT attempt to call this tool again.";

fn request(id: &str, command: &str) -> Value {
    json!({"type": "toolRequest", "id": id, "toolCall": {"status": "success",
        "value": {"name": "developer__shell", "arguments": {"command": command}}}})
}

fn response(id: &str, value: &Value) -> Value {
    json!({"type": "toolResponse", "id": id, "toolResult": {"status": "success", "value": value}})
}

fn said(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

/// Role, seconds, content, metadata.
fn messages() -> Vec<(&'static str, i64, Value, Value)> {
    let both = json!({"userVisible": true, "agentVisible": true});
    let agent_only = json!({"userVisible": false, "agentVisible": true});
    vec![
        ("user", 10, json!([said("use tabs")]), both.clone()),
        (
            "assistant",
            11,
            json!([said("ok"), request("t1", "make test"), {"type": "thinking"}]),
            both.clone(),
        ),
        (
            "user",
            12,
            json!([response("t1", &json!({"content": [said("FAILED")], "isError": true}))]),
            both.clone(),
        ),
        ("assistant", 13, json!([request("t2", "rm -r /")]), both.clone()),
        ("user", 14, json!([response("t2", &json!([said(DECLINED)]))]), both.clone()),
        ("assistant", 15, json!([request("t3", "cat a")]), both.clone()),
        (
            "user",
            16,
            json!([response("t3", &json!([said(&format!("a: {DECLINED}"))]))]),
            both.clone(),
        ),
        (
            "user",
            17,
            json!([said(
                "The existing call to developer__shell was interrupted. How would you like to proceed?"
            )]),
            both,
        ),
        ("assistant", 18, json!([said("Your context was compacted. Go on.")]), agent_only.clone()),
        ("user", 19, json!([said("<info-msg>time</info-msg>")]), agent_only),
    ]
}

const TOLD: &[&str] = &[
    "prompt: use tabs",
    "call developer__shell [] make test ",
    "agent: ok",
    "result Some(false) None FAILED",
    "call developer__shell [] rm -r / ",
    "rejected User -",
    "call developer__shell [] cat a ",
    "result Some(true) None a: The user has declined to run this tool. DO NOT attempt to call this tool again.",
    "interrupt true",
    "compaction",
];

fn told(found: &Found) -> Vec<String> {
    let told = found.told();
    told.iter().map(|t| t.split_once(' ').unwrap().1.to_owned()).collect()
}

fn lines() -> String {
    let mut text =
        json!({"working_dir": "/w/app", "description": "Tabs", "message_count": 9}).to_string();
    for (role, created, content, metadata) in messages() {
        let row =
            json!({"role": role, "created": created, "content": content, "metadata": metadata});
        text.push_str(&format!("\n{row}"));
    }
    text + "\n"
}

fn insert(conn: &Connection, session: &str) {
    for (role, created, content, metadata) in messages() {
        conn.execute(
            "INSERT INTO messages (session_id, role, content_json, created_timestamp, metadata_json) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![session, role, content.to_string(), created, metadata.to_string()],
        )
        .unwrap();
    }
}

fn database(path: &Path) -> Connection {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch(
        "CREATE TABLE schema_version (version INTEGER);
        CREATE TABLE sessions (id TEXT PRIMARY KEY, name TEXT, description TEXT, session_type TEXT, working_dir TEXT);
        CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT, session_id TEXT,
            role TEXT, content_json TEXT, created_timestamp INTEGER, metadata_json TEXT);
        INSERT INTO sessions VALUES ('s1', 'Tabs', '', 'user', '/w/app'), ('s2', '', '', 'user', '/w/other'),
            ('s3', '', '', 'sub_agent', '/w/app');",
    )
    .unwrap();
    insert(&conn, "s1");
    conn
}

#[test]
fn both_ways_give_the_same_events_with_the_same_keys() {
    let old = read(&Lines, "s1", &lines());
    assert_eq!(told(&old), TOLD);
    assert_eq!(old.sessions[0].0.cwd.as_deref(), Some("/w/app"));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sessions.db");
    let conn = database(&path);
    insert(&conn, "s2");
    let (new, cursor) = read_known(&path, &["/w/app".into()], None);
    assert_eq!(told(&new), TOLD, "{:?}", new.errors);
    let keys = |f: &Found| f.events().iter().map(|e| e.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&new), keys(&old));
    // The session is written anew, with other row ids.
    conn.execute_batch("DELETE FROM messages WHERE session_id = 's1'").unwrap();
    insert(&conn, "s1");
    let (again, cursor) = read_known(&path, &["/w/app".into()], cursor.as_ref());
    assert_eq!(keys(&again), keys(&old));
    let (nothing, _) = read_known(&path, &["/w/app".into()], cursor.as_ref());
    assert!(nothing.events().is_empty());
    let file = dir.path().join("s1.jsonl");
    fs::write(&file, lines()).unwrap();
    assert_eq!(keys(&read_path(&file)), keys(&old), "recognised by content");
}

#[test]
fn no_person_speaks_in_a_subagents_session() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sessions.db");
    let conn = database(&path);
    conn.execute_batch("DELETE FROM messages").unwrap();
    insert(&conn, "s3");
    let found = read_path(&path);
    let told = told(&found);
    let human = ["prompt", "rejected", "interrupt"];
    assert!(!told.iter().any(|t| human.iter().any(|h| t.starts_with(h))), "{told:?}");
    assert_eq!(found.skipped["subagent_prompt"], 2);
}

#[test]
fn only_the_projects_sessions_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().join(".local/share/goose/sessions");
    fs::create_dir_all(&base).unwrap();
    drop(database(&base.join("sessions.db")));
    fs::write(base.join("a.jsonl"), lines()).unwrap();
    fs::write(base.join("b.jsonl"), lines().replace("/w/app", "/w/none")).unwrap();
    let of = |root: &str| {
        let roots = vec![PathBuf::from(root)];
        let places = Places { home: dir.path().into(), roots, ..Places::default() };
        let mut found: Vec<_> = places::find(&places).into_iter().map(|f| f.path).collect();
        found.sort();
        found
    };
    assert_eq!(of("/w/app"), [base.join("a.jsonl"), base.join("sessions.db")]);
    assert_eq!(of("/w/none"), [base.join("b.jsonl")]);
    assert!(of("/w/nowhere").is_empty());
}

#[test]
fn damaged_input_is_counted_and_never_fatal() {
    let text = lines();
    for cut in (0..text.len()).step_by(13).filter(|c| text.is_char_boundary(*c)) {
        read(&Lines, "s", &text[..cut]);
        read(&Lines, "s", &format!("{}[1]{}", &text[..cut], &text[cut..]));
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sessions.db");
    let conn = database(&path);
    conn.execute_batch("UPDATE messages SET content_json = '[{' WHERE id = 1; UPDATE messages SET session_id = NULL WHERE id = 2; UPDATE messages SET content_json = '[1,{\"type\":\"odd\"}]' WHERE id = 3").unwrap();
    let found = read_path(&path);
    assert_eq!(
        (found.skipped["malformed_row"], found.skipped["orphan"], found.skipped["odd"]),
        (1, 1, 1)
    );
    conn.execute_batch("DROP TABLE sessions; CREATE TABLE sessions (x)").unwrap();
    assert!(read_path(&path).events().is_empty());
    drop(conn);
    let bytes = fs::read(&path).unwrap();
    for cut in (100..bytes.len()).step_by(977) {
        fs::write(&path, &bytes[..cut]).unwrap();
        read_path(&path);
    }
}
