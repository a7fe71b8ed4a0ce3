//! Chats of VS Code.

use serde_json::{Value, json};

use super::CopilotChat;
use crate::discover::Places;
use crate::sources::testing::{Found, read, read_path};

fn request(said: &str, response: &[Value]) -> Value {
    json!({"requestId": "r1", "timestamp": 1000, "message": {"text": said, "parts": []},
        "response": response, "modelState": {"value": 1}})
}

fn chat(requests: &[Value]) -> Value {
    json!({"version": 3, "sessionId": "s1", "creationDate": 1, "responderUsername": "GitHub Copilot",
        "customTitle": "Fixing", "requests": requests})
}

fn chats(requests: &[Value]) -> Found {
    read(&CopilotChat, "s1", &chat(requests).to_string())
}

fn told(response: &[Value]) -> Vec<String> {
    chats(&[request("go", response)]).told()[1..].to_vec()
}

fn call(more: &Value) -> Value {
    let mut call = json!({"kind": "toolInvocationSerialized", "toolId": "copilot_readFile",
        "toolCallId": "t1", "isConfirmed": {"type": 1}, "isComplete": true});
    for (name, value) in more.as_object().unwrap() {
        call[name] = value.clone();
    }
    call
}

#[test]
fn words_calls_and_what_became_of_them() {
    let terminal = |code: i64| {
        json!({"toolId": "run_in_terminal", "toolSpecificData": {"kind": "terminal",
            "commandLine": {"original": "npm test", "userEdited": "npm test -w a"},
            "terminalCommandOutput": {"text": "boom"},
            "terminalCommandState": {"exitCode": code}}})
    };
    assert_eq!(
        told(&[
            json!({"kind": "thinking", "value": "hm"}),
            json!({"value": "I run "}),
            json!({"kind": "inlineReference", "inlineReference": {}, "name": "a.ts"}),
            json!({"value": " now"}),
            call(&terminal(1)),
            json!({"kind": "textEditGroup", "uri": {"fsPath": "/w/a.ts"}, "edits": [[{"text": "x"}]]}),
            json!({"kind": "markdownContent", "content": {"value": "done"}}),
        ]),
        [
            "r1 agent: I run a.ts now",
            "r1 call run_in_terminal [] npm test -w a ",
            "r1 result Some(false) Some(1) boom",
            "r1 call edit_file [\"/w/a.ts\"] - x",
            "r1 agent: done",
        ]
    );
    for reason in [json!({"type": 0}), json!({"type": 5}), json!(false)] {
        let refused = call(&json!({"isConfirmed": reason}));
        assert_eq!(told(&[refused])[1], "r1 rejected User -");
    }
    let blocked = json!({"kind": "hook", "hookType": "PreToolUse", "stopReason": "use pnpm"});
    assert_eq!(told(&[blocked]), ["r1 hook use pnpm"]);
}

#[test]
fn what_the_model_asked_for_is_found_by_id_or_order() {
    let mut asked = request("go", &[call(&json!({}))]);
    for id in ["t1", "call_9__vscode-1"] {
        asked["result"] = json!({"metadata": {
            "toolCallRounds": [{"toolCalls": [{"id": id, "name": "read_file",
                "arguments": "{\"filePath\":\"/w/a.ts\"}"}]}],
            "toolCallResults": {id: {"content": [{"value": "1: a"}]}}}});
        let told = chats(&[asked.clone()]).told();
        assert_eq!(told[1], "r1 call read_file [\"/w/a.ts\"] - {\"filePath\":\"/w/a.ts\"}");
        assert_eq!(told[2], "r1 result None None 1: a");
    }
}

#[test]
fn a_stopped_turn_is_one_act() {
    let waiting = call(&json!({"isConfirmed": {"type": 0}}));
    let mut stopped = request("go", &[json!({"value": "hm"}), waiting]);
    stopped["modelState"] = json!({"value": 2});
    let mut old = request("go", &[]);
    old["isCanceled"] = json!(true);
    let told = chats(&[stopped]).told();
    assert_eq!(told[1..], ["r1 agent: hm", "r1 call copilot_readFile [] - ", "r1 interrupt true"]);
    assert_eq!(chats(&[old]).told()[1..], ["r1 interrupt false"]);
}

#[test]
fn buttons_and_the_editors_messages_are_no_prompts_and_edits_are_told() {
    let mut pressed = request("Continue", &[]);
    pressed["confirmation"] = json!("Continue");
    let mut own = request("a command has ended", &[]);
    own["isSystemInitiated"] = json!(true);
    assert!(chats(&[pressed, own]).events().is_empty());
    let mut edited = request("go on", &[]);
    edited["editedFileEvents"] = json!([{"uri": "file:///w/my%20a.ts", "eventKind": 3}, {"uri": "file:///b", "eventKind": 1}]);
    assert_eq!(chats(&[edited]).told(), ["r1 prompt: go on", "r1 edit /w/my a.ts "]);
}

#[test]
fn a_log_is_the_chat_it_makes_and_unfinished_words_wait() {
    let second = |response: &[Value]| {
        let mut second = request("and b", response);
        second["requestId"] = json!("r2");
        second
    };
    let mut open = second(&[json!({"value": "I "})]);
    open.as_object_mut().unwrap().remove("modelState");
    let entries = [
        json!({"kind": 0, "v": chat(&[request("do a", &[])])}),
        json!({"kind": 2, "k": ["requests"], "v": [second(&[])], "i": 1}),
        json!({"kind": 2, "k": ["requests"], "v": [open], "i": 1}),
        json!({"kind": 2, "k": ["requests", 1, "response"], "v": [{"value": "will"}]}),
        json!({"kind": 1, "k": ["requests", 1, "modelState"], "v": {"value": 1}}),
        json!({"kind": 1, "k": ["customTitle"], "v": "Both"}),
    ];
    let log = |n: usize| -> String { entries[..n].iter().map(|e| format!("{e}\n")).collect() };
    let whole = read(&CopilotChat, "s1", &log(6));
    let wanted = ["r1 prompt: do a", "r2 prompt: and b", "r2 agent: I will"];
    assert_eq!(whole.told(), wanted);
    assert_eq!(whole.sessions[0].0.title.as_deref(), Some("Both"));
    assert_eq!(read(&CopilotChat, "s1", &log(4)).told(), wanted[..2]);
    let document =
        chat(&[request("do a", &[]), second(&[json!({"value": "I "}), json!({"value": "will"})])]);
    let document = read(&CopilotChat, "s1", &serde_json::to_string_pretty(&document).unwrap());
    let keys = |f: &Found| f.events().iter().map(|e| e.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&document), keys(&whole));
}

#[test]
fn odd_entries_are_counted_and_any_cut_of_a_log_is_read_so_far() {
    let first = json!({"kind": 0, "v": chat(&[request("ä", &[])])});
    let odd = [
        json!({"kind": 2, "k": ["requests"], "i": 99}),
        json!({"kind": 2, "k": ["requests", 7, "response"], "v": []}),
        json!({"kind": 1, "k": ["requests", 1_000_000_000], "v": 1}),
        json!({"kind": 3, "k": ["requests", 4]}),
        json!({"kind": 1, "k": [], "v": 1}),
        json!({"kind": 9}),
        json!({"kind": 2, "k": ["customTitle"], "v": [1]}),
    ];
    let log: String = std::iter::once(&first).chain(&odd).map(|e| format!("{e}\n")).collect();
    let found = read(&CopilotChat, "s1", &log);
    assert_eq!((found.told(), found.skipped.get("entry")), (vec!["r1 prompt: ä".into()], Some(&7)));
    for cut in (0..log.len()).filter(|at| log.is_char_boundary(*at)) {
        assert!(read(&CopilotChat, "s1", &log[..cut]).told().len() <= 1, "{cut}");
    }
    for odd in ["[]", "7", r#"{"requests":[7,null,{"response":[3,[],{"kind":[]}]}]}"#] {
        assert!(read(&CopilotChat, "s1", odd).events().is_empty(), "{odd}");
    }
}

#[test]
fn a_workspace_tells_the_project_of_its_chats() {
    let dir = tempfile::tempdir().unwrap();
    let storage = dir.path().join(".config/Code/User/workspaceStorage");
    let text = chat(&[request("go", &[])]).to_string();
    for (name, described) in [
        ("a", json!({"folder": "file:///w/my%20app"})),
        ("b", json!({"folder": "vscode-remote://wsl%2Bubuntu/x"})),
        ("c", json!({"workspace": "file:///w/my%20app/all.code-workspace"})),
    ] {
        let chats = storage.join(name).join("chatSessions");
        std::fs::create_dir_all(&chats).unwrap();
        std::fs::write(storage.join(name).join("workspace.json"), described.to_string()).unwrap();
        std::fs::write(chats.join("s1.json"), &text).unwrap();
    }
    let home = dir.path().to_owned();
    let places = Places { home, roots: vec!["/w/my app".into()], ..Places::default() };
    let mut found: Vec<_> = super::places::find(&places).into_iter().map(|f| f.path).collect();
    found.sort();
    assert_eq!(found, ["a", "c"].map(|name| storage.join(name).join("chatSessions")));
    let read = read_path(&found[0].join("s1.json"));
    assert_eq!(read.sessions[0].0.cwd.as_deref(), Some("/w/my app"));
    assert_eq!(read.sessions[0].0.engine, super::ENGINE);
}
