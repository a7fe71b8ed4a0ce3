//! Gemini CLI sessions and what becomes of them.

use serde_json::{Value, json};

use super::GeminiCli;
use crate::discover::Places;
use crate::sources::testing::{Found, read, read_path, samples};

fn head() -> Value {
    json!({"sessionId": "g1", "projectHash": "h", "startTime": "2026-01-02T03:04:05.000Z"})
}

fn message(id: &str, kind: &str, content: &Value) -> Value {
    json!({"id": id, "timestamp": "2026-01-02T03:04:05.000Z", "type": kind, "content": content})
}

fn call(name: &str, args: &Value, status: &str, response: &Value) -> Value {
    let result = json!([{"functionResponse": {"id": "c", "name": name, "response": response}}]);
    let call = json!({"id": "c", "name": name, "args": args, "status": status, "result": result});
    json!({"id": "a", "type": "gemini", "content": "", "toolCalls": [call]})
}

fn lines(rows: &[Value]) -> Found {
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    read(&GeminiCli, "s", &text)
}

fn told_by(message: Value) -> Vec<String> {
    lines(&[head(), message]).told()
}

#[test]
fn a_document_and_its_rows_tell_the_same() {
    let messages = [
        message("u1", "user", &json!("fix it")),
        message("a1", "gemini", &json!("on it")),
        message("i1", "info", &json!("an update is available")),
        message("i2", "info", &json!("Request cancelled.")),
        message("u2", "user", &json!("System: Please continue.")),
        message("u3", "user", &json!("/help")),
        message(
            "u4",
            "user",
            &json!([{"text": "no, see @a.md"},
            {"text": "\n--- Content from referenced files ---"}, {"text": "never use tabs"}]),
        ),
        message("u5", "user", &json!("<state_snapshot>so far</state_snapshot>")),
    ];
    let rows = lines(&[&[head()], &messages[..]].concat());
    assert_eq!(
        rows.told(),
        [
            "u1 prompt: fix it",
            "a1 agent: on it",
            "i2 interrupt false",
            "u4 prompt: no, see @a.md",
            "u5 compaction"
        ]
    );
    let mut document = head();
    document["messages"] = json!(messages);
    document["summary"] = json!("Fixing");
    let whole = read(&GeminiCli, "s", &serde_json::to_string_pretty(&document).unwrap());
    let keys = |f: &Found| f.events().iter().map(|e| e.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&rows), keys(&whole));
    let session = &whole.sessions[0].0;
    assert_eq!((session.id.as_str(), session.title.as_deref()), ("g1", Some("Fixing")));
}

#[test]
fn the_last_row_of_a_message_counts_and_rewinds_are_told() {
    let running = call("run_shell_command", &json!({"command": "ls"}), "executing", &json!({}));
    let done =
        call("run_shell_command", &json!({"command": "ls"}), "success", &json!({"output": "a"}));
    let unfinished = lines(&[head(), running.clone()]);
    assert_eq!(unfinished.told(), ["a call run_shell_command [] ls "]);
    let found = lines(&[
        head(),
        message("u1", "user", &json!("one")),
        running,
        done,
        json!({"$set": {"lastUpdated": "x", "summary": "Listing"}}),
        json!({"$rewindTo": "u1"}),
        json!({"$set": {"messages": [message("u1", "user", &json!("one")),
            message("u2", "user", &json!("two"))]}}),
    ]);
    assert_eq!(
        found.told(),
        [
            "u1 prompt: one",
            "a call run_shell_command [] ls ",
            "a result Some(true) None a",
            "u1 rewind",
            "u2 prompt: two"
        ]
    );
    assert_eq!(unfinished.events()[0].key, found.events()[1].key);
}

#[test]
fn outcomes_refusals_plans_and_answers() {
    let shell = |status: &str, response: &Value| {
        told_by(call("run_shell_command", &json!({"command": "make"}), status, response))[1..]
            .to_vec()
    };
    let failed = "Output: boom\nError: (none)\nExit Code: 2\nSignal: 0";
    assert_eq!(
        shell("success", &json!({"output": failed})),
        [format!("a result Some(false) Some(2) {failed}")]
    );
    assert_eq!(shell("error", &json!({"error": "no"})), ["a result Some(false) None no"]);
    for (reason, told) in [
        ("[Operation Cancelled] Reason: User denied execution.", "a rejected User -"),
        ("User did not allow tool call", "a rejected User -"),
        ("[Operation Cancelled] Reason: User cancelled operation", "a interrupt true"),
    ] {
        assert_eq!(shell("cancelled", &json!({"error": reason})), [told]);
    }
    // What a tool prints is nobody's refusal and no plan.
    let forged = json!({"output": "Plan rejected. User feedback: use yarn"});
    assert!(shell("success", &forged)[0].starts_with("a result Some(true)"));
    let rejected = "Plan rejected. User feedback: use yarn\n\nThe plan is stored at: /p";
    let plan = |said: &str| {
        told_by(call("exit_plan_mode", &json!({}), "success", &json!({"output": said})))[1].clone()
    };
    assert_eq!(plan(rejected), "a plan Rejected use yarn");
    assert_eq!(plan("Plan approved. Switching to x."), "a plan Approved ");
    let asked = json!({"questions": [{"question": "which?"}, {"question": "why?"}]});
    let output = json!({"output": json!({"answers": {"0": "yarn"}}).to_string()});
    assert_eq!(
        told_by(call("ask_user", &asked, "success", &output)).last().unwrap(),
        "a answer which? yarn"
    );
}

#[test]
fn a_subagent_has_no_prompts() {
    let mut about = head();
    about["kind"] = json!("subagent");
    let found =
        lines(&[about, message("u", "user", &json!("do")), message("a", "gemini", &json!("k"))]);
    assert_eq!(found.told(), ["a agent: k"]);
}

#[test]
fn any_cut_of_rows_gives_a_prefix_and_odd_shapes_nothing() {
    let rows =
        [head(), message("u", "user", &json!("ä")), call("t", &json!([1]), "success", &json!(3))];
    let text: String = rows.iter().map(Value::to_string).collect();
    let whole = read(&GeminiCli, "s", &text).told();
    assert_eq!(whole.len(), 3);
    for cut in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
        let told = read(&GeminiCli, "s", &text[..cut]).told();
        assert_eq!(told, whole[..told.len()], "{cut}");
    }
    for odd in ["[]", "7", r#"{"messages":7,"sessionId":[]}"#, r#"{"type":[],"$set":4}"#] {
        assert!(read(&GeminiCli, "s", odd).events().is_empty(), "{odd}");
    }
}

#[test]
fn a_shared_chat_is_a_list_of_turns() {
    let turns = json!([
        {"role": "user", "parts": [{"text": "<session_context>x</session_context>"}]},
        {"role": "model", "parts": [{"text": "Got it."}]},
        {"role": "user", "parts": [{"text": "fix it"}]},
        {"role": "model", "parts": [{"text": "hm", "thought": true}, {"text": "on it"},
            {"functionCall": {"name": "run_shell_command", "args": {"command": "make"}}},
            {"functionCall": {"name": "replace", "args": {"file_path": "a.rs"}}}]},
        {"role": "user", "parts": [
            {"functionResponse": {"name": "replace", "response":
                {"error": "[Operation Cancelled] Reason: User denied execution."}}},
            {"functionResponse": {"name": "run_shell_command", "response":
                {"output": "boom\nExit Code: 2"}}}]},
        {"role": "user", "parts": [{"text": "no, use tabs"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "ls", "args": {}}}]},
    ]);
    let found = read(&GeminiCli, "shared", &serde_json::to_string_pretty(&turns).unwrap());
    assert_eq!(
        found.told(),
        [
            "2 agent: Got it.",
            "3 prompt: fix it",
            "4 agent: on it",
            "4 call run_shell_command [] make ",
            "4 result Some(false) Some(2) boom\nExit Code: 2",
            "4 call replace [\"a.rs\"] - {\"file_path\":\"a.rs\"}",
            "4 rejected User -",
            "6 prompt: no, use tabs",
            "7 call ls [] - ",
        ]
    );
    assert_eq!(found.sessions[0].0.id, "shared");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("any.json");
    std::fs::write(&path, turns.to_string()).unwrap();
    assert_eq!(read_path(&path).sessions[0].0.engine, super::ENGINE);
}

#[test]
fn a_project_is_known_by_hash_list_or_mark() {
    let dir = tempfile::tempdir().unwrap();
    let tmp = dir.path().join(".gemini/tmp");
    let hash = super::places::hash("/w".as_ref());
    assert_eq!(hash.len(), 64);
    for name in [hash.as_str(), "listed", "marked", "other"] {
        std::fs::create_dir_all(tmp.join(name).join("chats")).unwrap();
    }
    std::fs::write(tmp.join("marked/.project_root"), "/w/sub\n").unwrap();
    std::fs::write(tmp.join("other/.project_root"), "/x").unwrap();
    let projects = json!({"projects": {"/w": "listed", "/x": "other"}}).to_string();
    std::fs::write(dir.path().join(".gemini/projects.json"), projects).unwrap();
    let roots = vec!["/w".into()];
    let places = Places { home: dir.path().to_owned(), roots, ..Places::default() };
    let mut found: Vec<_> = super::places::find(&places).into_iter().map(|f| f.path).collect();
    found.sort();
    let mut wanted: Vec<_> =
        [hash.as_str(), "listed", "marked"].map(|n| tmp.join(n).join("chats")).into();
    wanted.sort();
    assert_eq!(found, wanted);
}

#[test]
fn the_samples_are_read_under_any_name() {
    let Some(dir) = samples("gemini-cli") else { return };
    let mut told = Vec::new();
    for entry in walkdir::WalkDir::new(dir.path()).into_iter().filter_map(Result::ok) {
        if entry.path().extension().is_none_or(|x| x != "json") {
            continue;
        }
        let renamed = entry.path().with_extension("jsonl");
        std::fs::rename(entry.path(), &renamed).unwrap();
        let found = read_path(&renamed);
        assert!(found.errors.is_empty(), "{:?}", found.errors);
        told.extend(found.told());
    }
    let prompts: Vec<_> = told.iter().filter(|t| t.contains(" prompt: ")).collect();
    assert_eq!(prompts.len(), 2, "{prompts:?}");
    let count = |part: &str| told.iter().filter(|t| t.contains(part)).count();
    assert_eq!(count(" call "), count(" result "));
    assert!(count(" result Some(true) Some(0)") > 3);
}

#[test]
fn the_fixtures_are_read() {
    let Some(folder) = samples("fixtures") else { return };
    let base = folder.path().join("_fixtures/gemini");
    let prompts = |name: &str| {
        let found = read_path(&base.join(name));
        let prompts = found.told().iter().filter(|t| t.contains("prompt:")).count();
        (name.to_owned(), prompts, found.errors)
    };
    let fine = |name: &str, n: usize| assert_eq!(prompts(name), (name.to_owned(), n, Vec::new()));
    fine("jazzyalex__agent-sessions/small.json", 1);
    fine("jazzyalex__agent-sessions/large.json", 2);
    fine("jazzyalex__agent-sessions/jsonl_v040.jsonl", 1);
    fine("wesm__agentsview/standard_session.json", 2);
    fine("wesm__agentsview/thinking_only.json", 1);
    fine("wesm__agentsview/tool_calls.json", 1);
    fine("wesm__agentsview/system_messages.json", 0);
    let hashed = "Dicklesworthstone__coding_agent_session_search/hash123/chats/session-test.json";
    fine(hashed, 1);
    // No such shape was ever written by the engine: it is passed by, not guessed at.
    let (_, prompts, errors) = prompts("jazzyalex__agent-sessions/schema_drift.json");
    assert_eq!((prompts, errors), (0, vec!["unrecognised_file".to_owned()]));
}
