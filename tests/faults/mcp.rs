//! MCP servers that are killed, and several on one store.
//!
//! Owns the promise that what was acknowledged to an agent is on disk, whoever else writes, and that readers
//! never see an error because of it.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use cemem_corpus::claude_session;
use cemem_tests::{McpClient, TestEnv};
use serde_json::{Value, json};

fn server(env: &TestEnv) -> McpClient {
    McpClient::start(&mut env.command(["mcp"]))
}

fn remember(client: &mut McpClient, text: &str) -> u64 {
    client.ask("tools/call", json!({ "name": "remember", "arguments": { "text": text } }))
}

/// The rule of an answer that acknowledges it.
fn acknowledged(answer: &Value) -> Option<String> {
    let result = answer.get("result").filter(|r| r["isError"] != true)?;
    Some(result["structuredContent"]["lesson"]["rule"].as_str()?.to_owned())
}

fn stored(env: &TestEnv) -> BTreeSet<String> {
    let listed = env.cemem(["lessons", "list", "--status", "all", "--json"]).success().json();
    let lessons = listed["lessons"].as_array().unwrap();
    lessons.iter().map(|lesson| lesson["rule"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let env = TestEnv::new();
    let mut acked = BTreeSet::new();
    for round in 0..20 {
        let mut client = server(&env);
        let rule = |n: u32| format!("In round {round}, rule number {n} holds.");
        let ids: Vec<u64> = (0..30).map(|n| remember(&mut client, &rule(n))).collect();
        // At another moment each time: while the first is written, or in the midst of the others.
        for id in &ids[..round] {
            acked.insert(acknowledged(&client.answer(*id)).unwrap());
        }
        thread::sleep(Duration::from_micros(700 * (round as u64 % 7)));
        acked.extend(client.kill().iter().filter_map(acknowledged));
    }
    assert!(acked.len() >= 190, "{}", acked.len());
    let stored = stored(&env);
    let lost: Vec<_> = acked.difference(&stored).collect();
    assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), acked.len());
    let doctor = env.cemem(["doctor", "--json"]).json();
    let checks = doctor["checks"].as_array().unwrap();
    let store = checks.iter().find(|check| check["name"] == "store").unwrap();
    assert_eq!(store["ok"], true, "{store}");
}

#[test]
fn four_servers_write_at_once_and_nothing_is_lost() {
    let env = TestEnv::new();
    let mut clients: Vec<_> = (0..4).map(|_| server(&env)).collect();
    thread::scope(|scope| {
        for (n, client) in clients.iter_mut().enumerate() {
            scope.spawn(move || {
                for write in 0..50 {
                    let id = remember(client, &format!("Server {n} wrote rule number {write}."));
                    let answer = client.answer(id);
                    assert!(acknowledged(&answer).is_some(), "{answer}");
                }
            });
        }
    });
    assert_eq!(stored(&env).len(), 200);
    for client in &mut clients {
        assert_eq!(
            client.data("lessons", json!({}))["total"],
            200,
            "every server sees all of them"
        );
    }
}

#[test]
fn readers_are_answered_while_a_writer_ingests() {
    let env = TestEnv::new();
    env.cemem(["remember", "Run the migrations before the integration tests."]).success();
    for seed in 0..12 {
        env.write(&format!("in/{seed}.jsonl"), claude_session(seed, 25));
    }
    let mut clients: Vec<_> = (0..4).map(|_| server(&env)).collect();
    let mut writer = env.command(["ingest", "in"]).spawn().unwrap();
    let began = Instant::now();
    thread::scope(|scope| {
        for client in &mut clients {
            scope.spawn(move || {
                for n in 0.. {
                    let found =
                        client.data("recall", json!({ "query": "migrations before tests" }));
                    assert_eq!(found["nothing_relevant"], false, "{found}");
                    if n >= 20 && began.elapsed() > Duration::from_secs(3) {
                        return;
                    }
                }
            });
        }
    });
    assert!(writer.wait().unwrap().success());
}

#[test]
fn a_newer_store_is_read_and_not_written() {
    let env = TestEnv::new();
    env.cemem(["remember", "Run the migrations before the integration tests."]).success();
    let mut client = server(&env);
    let ask = json!({ "query": "integration tests" });
    assert_eq!(client.data("recall", ask.clone())["n_lessons"], 1);
    // Another agent's cemem was upgraded meanwhile.
    let conn = rusqlite::Connection::open(env.store_path()).unwrap();
    conn.pragma_update(None, "user_version", 99).unwrap();
    drop(conn);
    let told = client.refusal("remember", json!({ "text": "Too late." }));
    assert!(
        told.contains("newer than this cemem") && told.contains("hint: reading still works"),
        "{told}"
    );
    assert_eq!(client.data("recall", ask)["n_lessons"], 1);
    let status = client.data("status", json!({}));
    assert_eq!(status["writable"], false, "{status}");
}

#[test]
fn a_home_that_is_none_is_told_and_never_an_empty_memory() {
    let env = TestEnv::new();
    let home = env.root().join("no home");
    std::fs::write(&home, "a file").unwrap();
    let mut client = McpClient::start(env.command(["mcp"]).env("CEMEM_HOME", &home));
    for tool in ["recall", "status"] {
        let arguments = if tool == "recall" { json!({ "query": "tests" }) } else { json!({}) };
        let told = client.refusal(tool, arguments);
        assert!(told.starts_with("error: ") && told.contains("no home"), "{told}");
    }
}
