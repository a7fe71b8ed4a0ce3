//! Cursor's three ways of storing a session, and what becomes of them.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::{Transcript, places};
use crate::discover::Places;
use crate::sources::testing::{read, read_known, read_path, samples};

const T: i64 = 1_700_000_000_000;

fn put(conn: &Connection, table: &str, key: &str, value: &Value) {
    let sql = format!("INSERT OR REPLACE INTO {table} VALUES (?1, ?2)");
    conn.execute(&sql, params![key, value.to_string()]).unwrap();
}

fn open(path: &Path) -> Connection {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let conn = Connection::open(path).unwrap();
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS ItemTable (key TEXT UNIQUE, value BLOB);
        CREATE TABLE IF NOT EXISTS cursorDiskKV (key TEXT UNIQUE, value BLOB);",
    )
    .unwrap();
    conn
}

fn tool(name: &str, params: &Value, more: &Value) -> Value {
    let mut data = json!({"name": name, "params": params.to_string(), "status": "completed"});
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"type": 2, "toolFormerData": data})
}

fn bubbles() -> Vec<(&'static str, Value)> {
    let result = json!({"output": "FAILED", "exitCode": 101}).to_string();
    vec![
        ("b1", json!({"type": 1, "text": "use tabs", "createdAt": "2026-01-01T00:00:00Z"})),
        ("b2", json!({"type": 2, "text": "on it", "thinking": {"text": "hm"}})),
        (
            "b3",
            tool("run_terminal_cmd", &json!({"command": "cargo test"}), &json!({"result": result})),
        ),
        (
            "b4",
            tool(
                "edit_file",
                &json!({"relativeWorkspacePath": "a.rs", "contents": "x"}),
                &json!({"userDecision": "rejected", "status": "cancelled"}),
            ),
        ),
        (
            "b5",
            tool("create_plan", &json!({"plan": "1. tabs"}), &json!({"userDecision": "accepted"})),
        ),
        (
            "b6",
            tool(
                "run_terminal_cmd",
                &json!({"command": "sleep 9"}),
                &json!({"status": "cancelled"}),
            ),
        ),
        (
            "b7",
            tool("mcp_x", &json!({"q": 1}), &json!({"result": "{\"userDecision\":\"rejected\"}"})),
        ),
    ]
}

const TOLD: &[&str] = &[
    "b1 prompt: use tabs",
    "b2 agent: on it",
    "b3 call run_terminal_cmd [] cargo test ",
    "b3 result Some(false) Some(101) FAILED",
    "b4 call edit_file [\"a.rs\"] - x",
    "b4 rejected User -",
    "b5 call create_plan [] - {\"plan\":\"1. tabs\"}",
    "b5 plan Approved 1. tabs",
    "b5 result Some(true) None ",
    "b6 call run_terminal_cmd [] sleep 9 ",
    "b6 interrupt true",
    "b7 call mcp_x [] - {\"q\":1}",
    "b7 result Some(true) None {\"userDecision\":\"rejected\"}",
    "b7 interrupt false",
];

/// A conversation; where its folder stands is up to the test.
fn compose(conn: &Connection, id: &str, more: &Value, bubbles: &[(&str, Value)]) {
    let heads: Vec<Value> =
        bubbles.iter().map(|(b, _)| json!({"bubbleId": b, "type": 1})).collect();
    let mut data = json!({"composerId": id, "name": "Tabs", "createdAt": T, "lastUpdatedAt": T + 1000,
        "status": "aborted", "fullConversationHeadersOnly": heads});
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    put(conn, "cursorDiskKV", &format!("composerData:{id}"), &data);
    for (b, value) in bubbles {
        put(conn, "cursorDiskKV", &format!("bubbleId:{id}:{b}"), value);
    }
}

fn at(path: &str) -> Value {
    json!({"workspaceIdentifier": {"id": "h", "uri": {"fsPath": path}}})
}

fn one(id: &'static str, text: &str) -> Vec<(&'static str, Value)> {
    vec![(id, json!({"type": 1, "text": text}))]
}

#[test]
fn the_editors_bubbles_become_events() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("User/globalStorage/state.vscdb");
    let conn = open(&path);
    compose(&conn, "c1", &at("/w/app"), &bubbles());
    let found = read_path(&path);
    assert_eq!(found.told(), TOLD);
    let session = &found.sessions[0].0;
    assert_eq!((session.title.as_deref(), session.cwd.as_deref()), (Some("Tabs"), Some("/w/app")));
    assert_eq!(found.events()[0].ts.unwrap().to_string(), "2026-01-01T00:00:00.000Z");
    // The older shape holds its bubbles itself.
    let embedded: Vec<Value> = bubbles()
        .into_iter()
        .map(|(id, mut b)| {
            b["bubbleId"] = json!(id);
            b
        })
        .collect();
    let other = dir.path().join("old.vscdb");
    let conn = open(&other);
    put(
        &conn,
        "cursorDiskKV",
        "composerData:c1",
        &json!({"status": "aborted", "conversation": embedded}),
    );
    assert_eq!(read_path(&other).told(), TOLD);
}

#[test]
fn conversations_of_other_projects_stay_out_wherever_the_folder_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let user = dir.path().join(".config/Cursor/User");
    let path = user.join("globalStorage/state.vscdb");
    let conn = open(&path);
    compose(&conn, "c1", &at("/w/app/sub"), &one("b1", "in its own row"));
    compose(&conn, "c2", &json!({}), &one("b2", "in a workspace"));
    compose(&conn, "c3", &json!({}), &one("b3", "in the list"));
    let uri =
        json!({"type": 1, "text": "in a bubble", "workspaceUris": ["file:///w/app%20x/../app"]});
    compose(&conn, "c4", &json!({}), &[("b4", uri)]);
    let remote =
        json!({"type": 1, "text": "far away", "workspaceUris": ["vscode-remote://ssh%2Bx/w/app"]});
    compose(&conn, "c5", &json!({}), &[("b5", remote)]);
    compose(&conn, "x1", &at("/w/application"), &one("bx", "a neighbour"));
    compose(&conn, "x2", &json!({}), &one("by", "nobody knows"));
    put(
        &conn,
        "ItemTable",
        "composer.composerHeaders",
        &json!({"allComposers": [{"composerId": "c3", "lastUpdatedAt": T, "workspaceIdentifier": {"uri": {"fsPath": "/w/app"}}}]}),
    );
    let workspace = user.join("workspaceStorage/h");
    let local = open(&workspace.join("state.vscdb"));
    put(
        &local,
        "ItemTable",
        "composer.composerData",
        &json!({"allComposers": [{"composerId": "c2"}]}),
    );
    fs::write(workspace.join("workspace.json"), "{\"folder\": \"file:///w/app\"}").unwrap();
    let found = read_known(&path, &["/w/app".into()], None).0;
    let mut told: Vec<String> = found.told();
    told.retain(|t| t.contains("prompt"));
    assert_eq!(
        told,
        [
            "b1 prompt: in its own row",
            "b2 prompt: in a workspace",
            "b3 prompt: in the list",
            "b5 prompt: far away"
        ]
    );
    assert_eq!(read_path(&path).sessions.len(), 7, "a named file gives all");
    let of = |root: &str| {
        let roots = vec![PathBuf::from(root)];
        let places = Places { home: dir.path().into(), roots, ..Places::default() };
        places::find(&places).into_iter().map(|f| f.path).collect::<Vec<_>>()
    };
    assert_eq!(of("/w/app"), [path.as_path()]);
    assert!(of("/w/none").is_empty());
    // The command line's store of a conversation the editor has not, and a transcript of one it has.
    let chats = dir.path().join(".cursor/chats").join(places::hash(Path::new("/w/app")));
    let transcripts = dir.path().join(".cursor/projects/w-app/agent-transcripts");
    for session in ["c1", "s9"] {
        fs::create_dir_all(chats.join(session)).unwrap();
        fs::write(chats.join(session).join("store.db"), "").unwrap();
        fs::create_dir_all(transcripts.join(session)).unwrap();
    }
    fs::create_dir_all(transcripts.join("t9")).unwrap();
    assert_eq!(of("/w/app"), [path.clone(), chats.join("s9/store.db"), transcripts.join("t9")]);
}

#[test]
fn the_editors_database_goes_on_from_its_watermark() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.vscdb");
    let conn = open(&path);
    compose(&conn, "c1", &json!({}), &one("b1", "old"));
    compose(
        &conn,
        "c2",
        &json!({"lastUpdatedAt": T + 9_000_000, "status": "generating"}),
        &one("b2", "new"),
    );
    let (first, cursor) = read_known(&path, &[], None);
    assert_eq!(first.told(), ["b1 prompt: old", "b1 interrupt false", "b2 prompt: new"]);
    let growing =
        tool("run_terminal_cmd", &json!({"command": "make"}), &json!({"status": "loading"}));
    let both = [one("b2", "new")[0].clone(), ("b3", growing)];
    compose(&conn, "c2", &json!({"lastUpdatedAt": T + 9_000_001, "status": "generating"}), &both);
    let (second, cursor) = read_known(&path, &[], cursor.as_ref());
    assert_eq!((second.told().len(), second.skipped["unfinished"]), (1, 1));
    let done = tool("run_terminal_cmd", &json!({"command": "make"}), &json!({}));
    let both = [one("b2", "new")[0].clone(), ("b3", done)];
    compose(&conn, "c2", &json!({"lastUpdatedAt": T + 9_000_002, "status": "completed"}), &both);
    let (third, _) = read_known(&path, &[], cursor.as_ref());
    assert_eq!(
        third.told()[1..],
        ["b3 call run_terminal_cmd [] make ", "b3 result Some(true) None "]
    );
}

#[test]
fn a_long_conversation_is_read_in_parts_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.vscdb");
    let conn = open(&path);
    let words = "word ".repeat(3000);
    let tx = conn.unchecked_transaction().unwrap();
    let heads: Vec<Value> = (0..1500).map(|n| json!({"bubbleId": format!("b{n:05}")})).collect();
    put(&tx, "cursorDiskKV", "composerData:c", &json!({"fullConversationHeadersOnly": heads}));
    for n in 0..1500 {
        let bubble = json!({"type": 1, "text": format!("{n} {words}")});
        put(&tx, "cursorDiskKV", &format!("bubbleId:c:b{n:05}"), &bubble);
    }
    tx.commit().unwrap();
    let (mut batches, mut rows) = (0, Vec::new());
    crate::read::read(&path, None, &crate::redact::Redactor::new(), &mut |batch| {
        batches += 1;
        rows.extend(batch.sessions.into_iter().flat_map(|(_, e)| e).map(|e| e.row_id));
    });
    assert!(batches > 2 && rows.len() == 1500 && rows.is_sorted(), "{batches} {}", rows.len());
}

/// A store of the command line.
fn store(path: &Path) -> Connection {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let conn = Connection::open(path).unwrap();
    conn.execute_batch("CREATE TABLE blobs (id TEXT PRIMARY KEY, data BLOB); CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT);").unwrap();
    let meta = json!({"agentId": "s1", "name": "Tabs", "createdAt": T}).to_string();
    let hex: String = meta.bytes().map(|b| format!("{b:02x}")).collect();
    conn.execute("INSERT INTO meta VALUES ('0', ?1)", [hex]).unwrap();
    let rows = [
        json!({"role": "system", "content": "You are"}),
        json!({"role": "user", "content": [{"type": "text", "text": "<user_info>x</user_info>"}]}),
        json!({"role": "user", "content": [{"type": "text", "text": "<user_query>\nuse tabs\n</user_query>"}]}),
        json!({"role": "assistant", "content": [{"type": "reasoning", "text": "hm"}, {"type": "text", "text": "ok"},
            {"type": "tool-call", "toolCallId": "t1", "toolName": "Shell", "args": {"command": "make"}}]}),
        json!({"role": "tool", "content": [{"type": "tool-result", "toolCallId": "t1", "toolName": "Shell", "result": "Exit code: 2\n\nno rule"}]}),
    ];
    for (i, row) in rows.iter().enumerate() {
        conn.execute(
            "INSERT INTO blobs VALUES (?1, ?2)",
            params![format!("f{i}"), row.to_string().into_bytes()],
        )
        .unwrap();
    }
    conn.execute("INSERT INTO blobs VALUES ('root', x'0a20ffee')", []).unwrap();
    conn
}

#[test]
fn the_command_lines_store_is_read_and_read_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(places::hash(Path::new("/w/app"))).join("s1/store.db");
    let conn = store(&path);
    let (found, cursor) = read_known(&path, &["/w/app".into()], None);
    assert_eq!(
        found.told(),
        [
            "f2 prompt: use tabs",
            "f3 agent: ok",
            "f3 call Shell [] make ",
            "f4 result Some(false) Some(2) Exit code: 2\n\nno rule"
        ]
    );
    let session = &found.sessions[0].0;
    assert_eq!((session.id.as_str(), session.cwd.as_deref()), ("s1", Some("/w/app")));
    conn.execute(
        "INSERT INTO blobs VALUES ('f9', '{\"role\":\"user\",\"content\":\"go on\"}')",
        [],
    )
    .unwrap();
    let (more, _) = read_known(&path, &["/w/app".into()], cursor.as_ref());
    assert_eq!(more.told(), ["f9 prompt: go on"]);
}

fn transcript() -> String {
    let rows = [
        json!({"role": "user", "message": {"content": [{"type": "text", "text": "<user_query>\nlist\n</user_query>"}]}}),
        json!({"role": "assistant", "message": {"content": [{"type": "text", "text": "[REDACTED]"}, {"type": "tool_use", "name": "Shell", "input": {"command": "ls"}}]}}),
        json!({"role": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "a"}]}]}}),
        json!({"type": "turn_ended", "status": "success"}),
        json!({"role": "user", "message": {"content": [{"type": "text", "text": "list"}]}}),
    ];
    rows.iter().map(|r| format!("{r}\n")).collect()
}

#[test]
fn a_transcript_has_turns_and_a_subagents_has_none() {
    let found = read(&Transcript, "u1", &transcript());
    assert_eq!(
        found.told(),
        ["1 prompt: list", "1 call Shell [] ls ", "1 result None None a", "2 prompt: list"]
    );
    let keys: std::collections::BTreeSet<_> =
        found.events().iter().map(|e| e.key.clone()).collect();
    assert_eq!(keys.len(), 4);
    assert_eq!((found.skipped["turn_ended"], found.skipped["redacted"]), (1, 1));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("w-app/agent-transcripts/u1/subagents/u2.jsonl");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, transcript()).unwrap();
    let (found, _) = read_known(&path, &["/w/app".into()], None);
    assert_eq!((found.told().len(), found.skipped["subagent_prompt"]), (2, 2));
    let session = &found.sessions[0].0;
    assert_eq!((session.parent.as_deref(), session.cwd.as_deref()), (Some("u1"), Some("/w/app")));
}

#[test]
fn damaged_input_is_counted_and_never_fatal() {
    let text = transcript();
    for cut in (0..text.len()).step_by(7) {
        read(&Transcript, "s", &text[..cut]);
        read(&Transcript, "s", &format!("{}[{}", &text[..cut], &text[cut..]));
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.vscdb");
    let conn = open(&path);
    compose(&conn, "c1", &json!({}), &bubbles());
    conn.execute_batch("INSERT INTO cursorDiskKV VALUES ('composerData:c0', x'ff00'), ('composerData:c2', NULL), ('composerData:c3', '[]');
        UPDATE cursorDiskKV SET value = '{' WHERE key = 'bubbleId:c1:b2';").unwrap();
    let found = read_path(&path);
    assert_eq!((found.skipped["malformed_row"], found.skipped["missing_bubble"]), (2, 1));
    assert_eq!(found.told().len(), TOLD.len() - 1);
    conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;").unwrap();
    drop(conn);
    drop(store(&dir.path().join("s/store.db")));
    for name in ["state.vscdb", "s/store.db"] {
        let path = dir.path().join(name);
        let bytes = fs::read(&path).unwrap();
        for cut in (100..bytes.len()).step_by(977) {
            fs::write(&path, &bytes[..cut]).unwrap();
            read_path(&path);
        }
    }
}

#[test]
fn the_samples_are_read() {
    let Some(folder) = samples("fixtures") else { return };
    let base = folder.path().join("_fixtures/cursor/jazzyalex__agent-sessions");
    let prompts = |name: &str| {
        let found = read_path(&base.join(name));
        assert!(found.errors.is_empty(), "{name}: {:?}", found.errors);
        found.told().iter().filter(|t| t.contains("prompt:")).count()
    };
    assert_eq!(prompts("small.jsonl"), 2);
    assert_eq!(prompts("large.jsonl"), 3);
    assert_eq!(prompts("schema_drift.jsonl"), 1);
    assert_eq!(prompts("test-session.jsonl"), 2);
    assert_eq!(prompts("subagent/parent.jsonl"), 1);
    assert_eq!(prompts("subagent/subagents/child.jsonl"), 0);
    let stored = read_path(&base.join("test-store.db"));
    assert_eq!(stored.sessions[0].0.title.as_deref(), Some("Test Session"));
    let shapes =
        folder.path().join("_fixtures/cursor/Dicklesworthstone__coding_agent_session_search");
    for entry in fs::read_dir(shapes).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let case: Value = serde_json::from_str(&text).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let conn = open(&dir.path().join("state.vscdb"));
        put(&conn, "cursorDiskKV", case["composer_key"].as_str().unwrap(), &case["composer_data"]);
        for row in case["bubble_rows"].as_array().unwrap() {
            put(&conn, "cursorDiskKV", row["key"].as_str().unwrap(), &row["value"]);
        }
        let found = read_path(&dir.path().join("state.vscdb"));
        let session = &found.sessions[0].0;
        assert_eq!(session.cwd.as_deref(), case["expected_workspace"].as_str());
        assert_eq!(session.title.as_deref(), case["expected_title"].as_str());
        // A bubble of a kind nobody knows is counted, not guessed at.
        let messages = case["expected_messages"].as_array().unwrap();
        let unknown = found.skipped.get("untyped").copied().unwrap_or_default();
        assert_eq!(found.told().len() as u64 + unknown, messages.len() as u64);
        for (told, message) in found.told().iter().zip(messages) {
            assert!(told.ends_with(message["content"].as_str().unwrap()), "{told}");
        }
    }
}
