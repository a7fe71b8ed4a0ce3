//! OpenCode's three ways of storing a session, and what becomes of them.

use std::fs;
use std::path::{Path, PathBuf};

use cemem_core::EventKind;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::{Export, places};
use crate::discover::Places;
use crate::sources::testing::{Found, read, read_known, read_path, samples};

fn session() -> Value {
    json!({"id": "ses_1", "projectID": "p", "directory": "/w/app", "title": "Tabs", "version": "1.15.6",
        "time": {"created": 1000, "updated": 9000}, "revert": {"messageID": "msg_9"}})
}

fn tool(id: &str, name: &str, state: Value) -> Value {
    json!({"id": id, "type": "tool", "callID": format!("c{id}"), "tool": name, "state": state})
}

fn refused(id: &str, error: &str) -> Value {
    tool(
        id,
        "edit",
        json!({"status": "error", "error": error, "input": {"filePath": "/w/app/a.rs", "newString": "x"}}),
    )
}

const REFUSED: &str = "The user rejected permission to use this specific tool call";

/// A message and its parts.
fn messages() -> Vec<(Value, Vec<Value>)> {
    let user = |id: &str, parts: Vec<Value>| {
        (json!({"id": id, "sessionID": "ses_1", "role": "user", "time": {"created": 2000}}), parts)
    };
    let agent = |id: &str, more: Value, parts: Vec<Value>| {
        let mut info = json!({"id": id, "sessionID": "ses_1", "role": "assistant", "cost": 0,
            "path": {"cwd": "/w/app/sub", "root": "/w/app"}, "time": {"created": 3000, "completed": 4000}});
        info.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        (info, parts)
    };
    let question = json!({"status": "completed", "input": {"questions": [{"question": "Tabs?"}]},
        "metadata": {"answers": [["yes, tabs"]]}, "output": "User has answered"});
    vec![
        user(
            "msg_1",
            vec![
                json!({"id": "prt_1", "type": "text", "text": "use tabs"}),
                json!({"id": "prt_2", "type": "text", "text": "Called the Read tool", "synthetic": true}),
                json!({"id": "prt_3", "type": "file", "url": "data:image/png;base64,AAAA"}),
            ],
        ),
        agent(
            "msg_2",
            json!({}),
            vec![
                json!({"id": "prt_4", "type": "text", "text": "on it", "time": {"start": 3000, "end": 3100}}),
                tool(
                    "prt_5",
                    "bash",
                    json!({"status": "completed", "input": {"command": "cargo test"},
                "output": format!("FAILED {REFUSED} with the following feedback: obey"), "metadata": {"exit": 101}}),
                ),
                refused(
                    "prt_6",
                    &format!("Error: {REFUSED} with the following feedback: not that file"),
                ),
                refused("prt_7", &format!("{REFUSED}.")),
                refused(
                    "prt_8",
                    "The user has specified a rule which prevents you from using this specific tool call. []",
                ),
                tool("prt_9", "question", question),
            ],
        ),
        agent(
            "msg_3",
            json!({"error": {"name": "MessageAbortedError"}}),
            vec![tool(
                "prt_a",
                "bash",
                json!({"status": "running", "input": {"command": "sleep 9"}}),
            )],
        ),
        agent(
            "msg_4",
            json!({"summary": true}),
            vec![json!({"id": "prt_b", "type": "text", "text": "we did things"})],
        ),
    ]
}

const TOLD: &[&str] = &[
    "msg_1 prompt: use tabs",
    "prt_4 agent: on it",
    "prt_5 call bash [] cargo test ",
    "prt_5 result Some(false) Some(101) FAILED The user rejected permission to use this specific tool call with the following feedback: obey",
    "prt_6 call edit [\"/w/app/a.rs\"] - x",
    "prt_6 rejected User not that file",
    "prt_7 call edit [\"/w/app/a.rs\"] - x",
    "prt_7 rejected User -",
    "prt_8 call edit [\"/w/app/a.rs\"] - x",
    "prt_8 rejected Policy -",
    "prt_9 call question [] - {\"questions\":[{\"question\":\"Tabs?\"}]}",
    "prt_9 answer Tabs? yes, tabs",
    "prt_9 result Some(true) None User has answered",
    "prt_a call bash [] sleep 9 ",
    "msg_3 interrupt true",
    "msg_4 compaction",
    "msg_9 rewind",
];

fn keys(found: &Found) -> Vec<String> {
    found.events().iter().map(|e| e.key.clone()).collect()
}

fn export() -> String {
    let all: Vec<Value> =
        messages().into_iter().map(|(i, p)| json!({"info": i, "parts": p})).collect();
    json!({"info": session(), "messages": all}).to_string()
}

fn storage(root: &Path) -> PathBuf {
    let put = |path: PathBuf, value: &Value| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, value.to_string()).unwrap();
    };
    let path = root.join("storage/session/p/ses_1.json");
    put(path.clone(), &session());
    for (info, parts) in messages() {
        let id = info["id"].as_str().unwrap();
        put(root.join(format!("storage/message/ses_1/{id}.json")), &info);
        for part in &parts {
            put(
                root.join(format!("storage/part/{id}/{}.json", part["id"].as_str().unwrap())),
                part,
            );
        }
    }
    path
}

/// The documented tables, with the session twice: ours and a neighbour's.
fn database(path: &Path) -> Connection {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch(
        "PRAGMA journal_mode = WAL;
        CREATE TABLE project (id TEXT PRIMARY KEY, worktree TEXT);
        CREATE TABLE session (id TEXT PRIMARY KEY, project_id TEXT, parent_id TEXT, directory TEXT,
            title TEXT, version TEXT, revert TEXT, time_created INTEGER, time_updated INTEGER);
        CREATE TABLE message (id TEXT PRIMARY KEY, session_id TEXT, time_created INTEGER,
            time_updated INTEGER, data TEXT);
        CREATE TABLE part (id TEXT PRIMARY KEY, message_id TEXT, session_id TEXT,
            time_created INTEGER, time_updated INTEGER, data TEXT);
        INSERT INTO session VALUES ('ses_1', 'p', NULL, '/w/app', 'Tabs', '1.15.6', '{\"messageID\":\"msg_9\"}', 1000, 9000);
        INSERT INTO session VALUES ('ses_2', 'p', NULL, '/w/other', 'X', '1.15.6', NULL, 1000, 9000);
        INSERT INTO message VALUES ('msg_x', 'ses_2', 1, 1, '{\"role\":\"user\"}');
        INSERT INTO part VALUES ('prt_x', 'msg_x', 'ses_2', 1, 1, '{\"type\":\"text\",\"text\":\"secret of others\"}');",
    )
    .unwrap();
    for (mut info, parts) in messages() {
        let message = info["id"].as_str().unwrap().to_owned();
        info.as_object_mut().unwrap().remove("id");
        put_message(&conn, &message, 5000, &info);
        for part in parts {
            put_part(&conn, &message, 5000, &part);
        }
    }
    conn
}

fn put_message(conn: &Connection, id: &str, time: i64, info: &Value) {
    let sql = "INSERT OR REPLACE INTO message VALUES (?1, 'ses_1', 1, ?2, ?3)";
    conn.execute(sql, params![id, time, info.to_string()]).unwrap();
}

fn put_part(conn: &Connection, message: &str, time: i64, part: &Value) {
    let mut data = part.clone();
    let id = data.as_object_mut().unwrap().remove("id").unwrap();
    let sql = "INSERT OR REPLACE INTO part VALUES (?1, ?2, 'ses_1', 1, ?3, ?4)";
    conn.execute(sql, params![id.as_str(), message, time, data.to_string()]).unwrap();
}

#[test]
fn all_three_ways_give_the_same_events_with_the_same_keys() {
    let dir = tempfile::tempdir().unwrap();
    let exported = read(&Export, "export", &export());
    assert_eq!(exported.told(), TOLD);
    let session = &exported.sessions[0].0;
    assert_eq!((session.id.as_str(), session.cwd.as_deref()), ("ses_1", Some("/w/app")));
    assert_eq!(exported.events()[1].cwd.as_deref(), Some("/w/app/sub"));
    let path = storage(dir.path());
    let stored = read_path(&path);
    assert_eq!((stored.told(), stored.errors.len()), (exported.told(), 0));
    let conn = database(&dir.path().join("opencode.db"));
    let rows = read_known(&dir.path().join("opencode.db"), &["/w/app".into()], None).0;
    assert_eq!(rows.told(), exported.told(), "{:?}", rows.errors);
    assert_eq!(keys(&rows), keys(&exported));
    assert_eq!(keys(&stored), keys(&exported));
    drop(conn);
    let file = dir.path().join("export.json");
    fs::write(
        &file,
        serde_json::to_string_pretty(&serde_json::from_str::<Value>(&export()).unwrap()).unwrap(),
    )
    .unwrap();
    assert_eq!(read_path(&file).told(), TOLD, "recognised by content");
}

#[test]
fn a_database_goes_on_from_its_watermark() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("opencode.db");
    let roots = [PathBuf::from("/w/app")];
    let conn = database(&path);
    let (first, cursor) = read_known(&path, &roots, None);
    let running = tool("prt_d", "bash", json!({"status": "running", "input": {"command": "make"}}));
    let info = json!({"role": "assistant", "cost": 0, "time": {"created": 20_000}});
    put_message(&conn, "msg_5", 20_000, &info);
    put_part(&conn, "msg_5", 20_000, &running);
    let (second, cursor) = read_known(&path, &roots, cursor.as_ref());
    assert_eq!(second.skipped["unfinished"], 1);
    let done = tool(
        "prt_d",
        "bash",
        json!({"status": "completed", "input": {"command": "make"}, "metadata": {"exit": 0}}),
    );
    put_part(&conn, "msg_5", 21_000, &done);
    let (third, cursor) = read_known(&path, &roots, cursor.as_ref());
    assert_eq!(
        third.told(),
        ["prt_d call bash [] make ", "prt_d result Some(true) Some(0) ", "msg_9 rewind"]
    );
    // Another project, or no project at all, is another question.
    let (other, _) = read_known(&path, &["/w/other".into()], cursor.as_ref());
    assert_eq!(other.told(), ["msg_x prompt: secret of others"]);
    let (all, _) = read_known(&path, &[], cursor.as_ref());
    assert_eq!(all.events().len(), first.events().len() + 3);
}

#[test]
fn a_long_database_is_read_in_parts_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("opencode.db");
    let conn = database(&path);
    let words = "word ".repeat(3000);
    let tx = conn.unchecked_transaction().unwrap();
    for n in 0..1500 {
        put_message(&conn, &format!("n{n:05}"), 6000, &json!({"role": "user"}));
        let part =
            json!({"id": format!("q{n:05}"), "type": "text", "text": format!("{n} {words}")});
        put_part(&conn, &format!("n{n:05}"), 6000, &part);
    }
    tx.commit().unwrap();
    let mut batches = 0;
    let redactor = crate::redact::Redactor::new();
    let mut rows = Vec::new();
    crate::read::read(&path, None, &redactor, &mut |batch| {
        batches += 1;
        rows.extend(batch.sessions.into_iter().flat_map(|(_, e)| e).map(|e| e.row_id));
    });
    assert!(batches > 2, "{batches}");
    let long: Vec<&String> = rows.iter().filter(|r| r.starts_with('n')).collect();
    assert!(long.len() == 1500 && long.is_sorted());
}

#[test]
fn only_the_projects_sessions_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join(".local/share/opencode");
    fs::create_dir_all(&data).unwrap();
    let ours = storage(&data);
    drop(database(&data.join("opencode.db")));
    let of = |root: &str| {
        let places =
            Places { home: dir.path().into(), roots: vec![root.into()], ..Places::default() };
        places::find(&places).into_iter().map(|f| f.path).collect::<Vec<_>>()
    };
    assert_eq!(of("/w/app"), [data.join("opencode.db"), ours]);
    assert_eq!(of("/w/other"), [data.join("opencode.db")]);
    assert!(of("/w/none").is_empty());
    // The oldest layout: the folder of messages tells.
    let old = data.join("project/w-app/storage/session");
    fs::create_dir_all(old.join("info")).unwrap();
    fs::create_dir_all(old.join("message/s1")).unwrap();
    fs::create_dir_all(old.join("part/s1/m1")).unwrap();
    fs::write(
        old.join("info/s1.json"),
        "{\"id\":\"s1\",\"title\":\"t\",\"version\":\"0.1\",\"time\":{}}",
    )
    .unwrap();
    fs::write(old.join("message/s1/m1.json"), "{\"id\":\"m1\",\"role\":\"assistant\",\"path\":{\"cwd\":\"/w/app\"},\"time\":{\"completed\":1}}").unwrap();
    fs::write(
        old.join("part/s1/m1/p1.json"),
        "{\"id\":\"p1\",\"type\":\"text\",\"text\":\"hello\"}",
    )
    .unwrap();
    let info = old.join("info/s1.json");
    assert!(of("/w/app").contains(&info));
    assert_eq!(read_path(&info).told(), ["p1 agent: hello"]);
}

#[test]
fn a_sanitised_export_says_what_ran_and_no_words() {
    let tool = tool(
        "prt_2",
        "bash",
        json!({"status": "completed", "input": {"command": "[redacted:tool-input:prt_2]"},
        "output": "[redacted:tool-output:prt_2]", "metadata": {"exit": 1}}),
    );
    let text = json!({"info": {"id": "ses_1", "projectID": "p", "directory": "[redacted:directory:ses_1]", "title": "[redacted:title:ses_1]"},
    "messages": [
        {"info": {"id": "msg_1", "role": "user"}, "parts": [{"id": "prt_1", "type": "text", "text": "[redacted:text:prt_1]"}]},
        {"info": {"id": "msg_2", "role": "assistant", "time": {"completed": 1}}, "parts": [tool]},
    ]});
    let found = read(&Export, "e", &text.to_string());
    assert_eq!(found.told(), ["prt_2 call bash [] - ", "prt_2 result Some(false) Some(1) "]);
    assert_eq!(found.skipped["redacted"], 1);
    assert!(found.sessions[0].0.title.is_none() && found.sessions[0].0.cwd.is_none());
}

#[test]
fn prompts_of_subagents_are_no_persons() {
    let mut info = session();
    info["parentID"] = json!("ses_0");
    let (message, parts) = messages().swap_remove(0);
    let text = json!({"info": info, "messages": [{"info": message, "parts": parts}]});
    let found = read(&Export, "e", &text.to_string());
    assert!(!found.events().iter().any(|e| matches!(e.kind, EventKind::UserPrompt { .. })));
    assert_eq!(found.sessions[0].0.parent.as_deref(), Some("ses_0"));
}

#[test]
fn damaged_input_is_counted_and_never_fatal() {
    let text = export();
    for cut in (0..text.len()).step_by(37).filter(|c| text.is_char_boundary(*c)) {
        read(&Export, "e", &text[..cut]);
        read(&Export, "e", &format!("{}null{}", &text[..cut], &text[cut..]));
    }
    for (from, to) in
        [("\"role\"", "\"rolle\""), ("\"type\"", "\"typ\""), ("{\"status\"", "[{\"status\"")]
    {
        read(&Export, "e", &text.replace(from, to));
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("opencode.db");
    let conn = database(&path);
    conn.execute_batch("UPDATE part SET data = '{' WHERE id = 'prt_4'; UPDATE message SET data = x'00ff' WHERE id = 'msg_1';").unwrap();
    let found = read_path(&path);
    assert_eq!(found.skipped["malformed_row"], 2);
    conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;").unwrap();
    drop(conn);
    let bytes = fs::read(&path).unwrap();
    for cut in (100..bytes.len()).step_by(1777) {
        fs::write(&path, &bytes[..cut]).unwrap();
        read_path(&path);
    }
    let other = dir.path().join("x.db");
    let conn = Connection::open(&other).unwrap();
    conn.execute_batch(
        "CREATE TABLE session (a); CREATE TABLE message (b); CREATE TABLE part (c);",
    )
    .unwrap();
    let found = read_path(&other);
    assert!(found.skipped["malformed_database"] == 1 && found.errors[0].contains("time_updated"));
}

#[test]
fn the_samples_are_read() {
    let Some(folder) = samples("fixtures") else { return };
    let at = |p: &str| folder.path().join("_fixtures").join(p);
    let v2 = at("opencode/jazzyalex__agent-sessions/storage_v2/session/proj_test");
    let small = read_path(&v2.join("ses_s_stage0_small.json"));
    assert_eq!(
        small.told(),
        [
            "m_user_small prompt: Hello",
            "p_tool_1 call bash [] ls ",
            "p_tool_1 result Some(true) Some(0) a.txt\nb.txt\n",
            "p_text_1 agent: Found 2 files.",
        ]
    );
    let large = read_path(&v2.join("ses_s_stage0_large.json"));
    let told = large.told();
    assert!(told.contains(&"p_tool_large_1 result Some(false) Some(1) ls: /non-existent-directory: No such file or directory\n".to_owned()));
    assert!(told.contains(&"m_assistant_large_1 interrupt false".to_owned()), "{told:?}");
    assert_eq!(told.iter().filter(|t| t.contains("prompt:")).count(), 2);
    let legacy = at(
        "opencode/jazzyalex__agent-sessions/storage_legacy/session/proj_test/ses_s_stage0_drift.json",
    );
    let told = read_path(&legacy).told();
    assert!(told.iter().any(|t| t.contains("cat README.md")), "{told:?}");
    let other = at(
        "opencode_json/Dicklesworthstone__coding_agent_session_search/session/proj1/ses_test1.json",
    );
    let found = read_path(&other);
    assert!(
        found.errors.is_empty() && found.told().len() >= 2,
        "{:?} {:?}",
        found.told(),
        found.skipped
    );
}
