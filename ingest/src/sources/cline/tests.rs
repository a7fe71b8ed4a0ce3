//! Tasks of Cline, Roo Code and Kilo Code.

use serde_json::{Value, json};

use super::{CLINE, KILO, ROO, Tasks};
use crate::discover::Places;
use crate::engines::{ENGINES, engine};
use crate::sources::testing::{Found, read, read_path};

fn say(ts: i64, name: &str, text: &str) -> Value {
    json!({"ts": ts, "type": "say", "say": name, "text": text, "conversationHistoryIndex": 1})
}

fn ask(ts: i64, name: &str, text: &str) -> Value {
    json!({"ts": ts, "type": "ask", "ask": name, "text": text, "conversationHistoryIndex": 1})
}

fn told(rows: &[Value]) -> Vec<String> {
    read(&CLINE, "ui_messages", &json!(rows).to_string()).told()
}

/// Reads a task with the conversation beside it.
fn with_history(rows: &[Value], history: &Value) -> Found {
    let dir = tempfile::tempdir().unwrap();
    let task = dir.path().join("rooveterinaryinc.roo-cline/tasks/1700000000000");
    std::fs::create_dir_all(&task).unwrap();
    std::fs::write(task.join("api_conversation_history.json"), history.to_string()).unwrap();
    let path = task.join("ui_messages.json");
    std::fs::write(&path, json!(rows).to_string()).unwrap();
    read_path(&path)
}

fn results(texts: &[&str]) -> Value {
    let parts: Vec<Value> = texts.iter().map(|t| json!({"type": "text", "text": t})).collect();
    json!([
        {"role": "user", "content": "<task>\nx\n</task>"},
        {"role": "assistant", "content": [{"type": "text", "text": "ok"}]},
        {"role": "user", "content": parts},
    ])
}

const EDIT: &str = r#"{"tool":"editedExistingFile","path":"a.rs","diff":"-a\n+b"}"#;

#[test]
fn a_task_from_the_prompt_to_the_last_word() {
    let rows = [
        say(1, "task", "make a button"),
        say(1, "checkpoint_created", ""),
        say(2, "api_req_started", r#"{"request":"x"}"#),
        say(3, "text", "I will"),
        json!({"ts": 4, "type": "say", "say": "text", "text": "half", "partial": true}),
        say(5, "tool", EDIT),
        say(5, "tool", EDIT),
        say(6, "diff_error", "no match"),
        say(7, "api_req_started", r#"{"cancelReason":"user_cancelled"}"#),
        say(8, "user_feedback_diff", r#"{"tool":"x","path":"a.rs","diff":"-b\n+c"}"#),
        say(9, "completion_result", "doneHAS_CHANGES"),
        ask(10, "completion_result", ""),
        say(11, "user_feedback", "click on new button does nothing"),
        say(12, "condense_context", "so far"),
    ];
    assert_eq!(
        told(&rows),
        [
            "1 prompt: make a button",
            "3 agent: I will",
            "5 call replace_in_file [\"a.rs\"] - -a\n+b",
            "5 call replace_in_file [\"a.rs\"] - -a\n+b",
            "6 result Some(false) None no match",
            "7 interrupt false",
            "8 edit a.rs -b\n+c",
            "9 agent: done",
            "11 prompt: click on new button does nothing",
            "12 compaction",
        ]
    );
    let found = read(&CLINE, "ui_messages", &json!(rows).to_string());
    let keys: std::collections::BTreeSet<_> = found.events().iter().map(|e| &e.key).collect();
    assert_eq!(keys.len(), found.events().len(), "two rows of one time are two events");
    assert_eq!(found.skipped.get("partial"), Some(&1));
}

#[test]
fn versions_without_a_task_row_begin_with_a_text() {
    assert_eq!(
        told(&[say(1, "text", "do it"), say(2, "text", "yes")]),
        ["1 prompt: do it", "2 agent: yes"]
    );
}

#[test]
fn words_at_a_call_turn_it_down_unless_the_conversation_says_otherwise() {
    let rows = [
        ask(2, "tool", EDIT),
        say(3, "user_feedback", "use tabs"),
        say(4, "api_req_started", "{}"),
    ];
    let refused = "3 rejected User use tabs";
    assert_eq!(told(&rows)[1], refused);
    let told = |texts: &[&str]| with_history(&rows, &results(texts)).told()[1].clone();
    let words = "The user provided the following feedback:\n<feedback>\nuse tabs\n</feedback>";
    let steering = "3 steering: use tabs";
    assert_eq!(told(&["[edit] Result:", "The user denied this operation.", words]), refused);
    assert_eq!(told(&["[edit] Result:\nfine", words]), steering);
    let both = "The user denied this operation and provided the following feedback:\n<feedback>\nuse tabs\n</feedback>";
    assert_eq!(told(&[both]), refused);
    assert_eq!(told(&[r#"{"status":"denied","feedback":"use tabs"}"#]), refused);
    assert_eq!(told(&[r#"{"status":"approved","feedback":"use tabs"}"#]), steering);
    // A refusal that a tool printed is none.
    let printed = "[read_file for 'x'] Result:\n1 | The user denied this operation.";
    assert_eq!(told(&[printed, words]), steering);
}

#[test]
fn a_refusal_without_words_is_found_in_the_conversation() {
    let rows = [ask(2, "tool", EDIT), say(4, "api_req_started", "{}")];
    let told = |history: &Value| with_history(&rows, history).told();
    let refused = "4 rejected User -";
    assert_eq!(told(&results(&["[edit] Result:", "The user denied this operation."]))[1], refused);
    let native = r#"{"status":"denied","message":"The user denied this operation."}"#;
    let history = json!([
        {"role": "user", "ts": 1, "content": "x"},
        {"role": "user", "ts": 3, "content": [{"type": "tool_result", "content": native}]},
    ]);
    assert_eq!(told(&history)[1], refused);
    assert_eq!(
        told(&results(&["[edit] Result:\nThe user denied this operation. See log"])).len(),
        1
    );
    // One approved beforehand is nobody's to turn down.
    let rows = [say(2, "tool", EDIT), say(4, "api_req_started", "{}")];
    let history = results(&["The user denied this operation."]);
    assert_eq!(with_history(&rows, &history).told().len(), 1);
}

#[test]
fn commands_end_with_what_they_printed_and_the_code_the_model_was_told() {
    let rows = [
        ask(2, "command", "make testREQ_APP"),
        ask(3, "command_output", "boom"),
        say(4, "user_feedback", "stop that"),
        ask(5, "command_output", "bang"),
        say(6, "api_req_started", "{}"),
    ];
    let told = told(&rows);
    assert_eq!(
        told,
        [
            "2 call execute_command [] make test ",
            "4 steering: stop that",
            "2 result None None boom\nbang"
        ]
    );
    let failed = "Command execution was not successful, inspect the cause.\nExit code: 2\nOutput:\nExit code: 0";
    let found = with_history(&rows, &results(&[failed]));
    assert_eq!(found.told()[2], "2 result Some(false) Some(2) boom\nbang");
    // One that still runs is told when it has ended.
    assert_eq!(with_history(&rows[..2], &json!([])).told().len(), 1);
}

#[test]
fn questions_are_answered_by_choice_or_words() {
    let asked = |selected: &str| json!({"question": "which?", "selected": selected}).to_string();
    assert_eq!(told(&[ask(1, "followup", &asked("yarn"))]), ["1 answer which? yarn"]);
    let open = json!({"question": "which?"}).to_string();
    assert_eq!(
        told(&[ask(1, "followup", &open), say(2, "user_feedback", "pnpm")]),
        ["2 answer which? pnpm"]
    );
    let plan = json!({"response": "first a, then b"}).to_string();
    assert_eq!(
        told(&[ask(1, "plan_mode_respond", &plan), say(2, "user_feedback", "no, b first")]),
        ["1 agent: first a, then b", "2 prompt: no, b first"]
    );
}

#[test]
fn any_cut_is_said_to_be_one_and_odd_shapes_give_nothing() {
    let text = json!([say(1, "task", "ä"), ask(2, "tool", EDIT)]).to_string();
    for cut in (1..text.len()).filter(|at| text.is_char_boundary(*at)) {
        let found = read(&CLINE, "s", &text[..cut]);
        assert!(found.events().is_empty() && found.errors.len() == 1, "{cut}");
    }
    for odd in ["[]", "[7,null,[]]", r#"[{"ts":"x","type":[],"say":{}}]"#] {
        assert!(read(&CLINE, "s", odd).events().is_empty(), "{odd}");
    }
    for odd in ["{}", "7", "\"ts\""] {
        assert_eq!(read(&CLINE, "s", odd).errors.len(), 1, "{odd}");
    }
}

#[test]
fn the_projects_tasks_are_found_by_index_note_or_context() {
    let dir = tempfile::tempdir().unwrap();
    let user = dir.path().join(".config/Code/User/globalStorage");
    let put = |path: &str, text: &str| {
        let path = user.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let rows = json!([say(1, "task", "x")]).to_string();
    let cline = "saoudrizwan.claude-dev";
    for (id, cwd) in [("1", "/w/app"), ("2", "/x"), ("3", "/w/app/sub")] {
        put(&format!("{cline}/tasks/{id}/ui_messages.json"), &rows);
        // What was pasted under a deeper escape is not the folder.
        let pasted = json!("\n# Current Working Directory (/w/app) Files").to_string();
        let context =
            format!("<task>{pasted}</task>\n\n# Current Working Directory ({cwd}) Files\n");
        let history = json!([{"role": "user", "content": context}]).to_string();
        put(&format!("{cline}/tasks/{id}/api_conversation_history.json"), &history);
    }
    put(&format!("{cline}/tasks/4/ui_messages.json"), &rows);
    let listed = json!([{"id": "4", "task": "x", "cwdOnTaskInitialization": "/w/app"}]);
    put(&format!("{cline}/state/taskHistory.json"), &listed.to_string());
    put(&format!("{}/tasks/5/ui_messages.json", ROO.extension), &rows);
    put(&format!("{}/tasks/5/history_item.json", ROO.extension), r#"{"workspace":"/w/app"}"#);
    put(&format!("{}/tasks/6/claude_messages.json", KILO.extension), &rows);
    let begun = json!({"request": "x\n# Current Workspace Directory (/w/app) Files"}).to_string();
    let old = json!([say(1, "text", "x"), say(2, "api_req_started", &begun)]).to_string();
    put(&format!("{}/tasks/7/claude_messages.json", KILO.extension), &old);
    let places =
        Places { home: dir.path().to_owned(), roots: vec!["/w/app".into()], ..Places::default() };
    let mut found: Vec<(String, &str)> = ENGINES
        .iter()
        .flat_map(|e| (e.find)(&places))
        .map(|f| {
            let task = f.path.parent().unwrap().file_name().unwrap();
            (task.to_string_lossy().into_owned(), f.engine)
        })
        .collect();
    found.sort();
    let found: Vec<(&str, &str)> = found.iter().map(|(id, e)| (id.as_str(), *e)).collect();
    let wanted =
        [("1", "cline"), ("3", "cline"), ("4", "cline"), ("5", "roo-code"), ("7", "kilo-code")];
    assert_eq!(found, wanted);
    let told = read_path(&user.join(cline).join("tasks/4/ui_messages.json"));
    let session = &told.sessions[0].0;
    assert_eq!((session.engine.as_str(), session.id.as_str()), ("cline", "4"));
    assert_eq!(session.cwd.as_deref(), Some("/w/app"));
    assert_eq!(session.title.as_deref(), Some("x"));
}

#[test]
fn each_row_reads_its_own_folder() {
    let owns = |tasks: &Tasks, folder: &str| tasks.owns(format!("/u/{folder}/tasks/1/x").as_ref());
    assert!(owns(&CLINE, "saoudrizwan.claude-dev") && owns(&CLINE, "elsewhere"));
    assert!(!owns(&CLINE, ROO.extension) && owns(&ROO, ROO.extension));
    assert!(owns(&KILO, KILO.extension) && !owns(&KILO, ROO.extension));
    assert_eq!(engine("roo-code").unwrap().label, "Roo Code");
}
