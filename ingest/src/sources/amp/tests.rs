//! Threads of Amp.

use serde_json::{Value, json};

use super::Amp;
use crate::discover::Places;
use crate::sources::testing::{Found, read, read_path};

fn thread(messages: &[Value]) -> Value {
    json!({"v": 3, "id": "T-1", "created": 5, "title": "Fixing", "messages": messages,
        "env": {"initial": {"trees": [{"uri": "file:///w/app",
            "repository": {"ref": "refs/heads/main"}}], "platform": {"clientVersion": "0.1"}}}})
}

fn user(blocks: &[Value]) -> Value {
    json!({"role": "user", "messageId": 0, "content": blocks, "meta": {"sentAt": 9}})
}

fn agent(state: &str, blocks: &[Value]) -> Value {
    json!({"role": "assistant", "messageId": 1, "content": blocks, "state": {"type": state}})
}

fn said(words: &str) -> Value {
    json!({"type": "text", "text": words})
}

fn ended(run: &Value) -> Value {
    user(&[json!({"type": "tool_result", "toolUseID": "c", "run": run})])
}

fn threads(messages: &[Value]) -> Found {
    read(&Amp, "T-1", &thread(messages).to_string())
}

#[test]
fn words_calls_and_where_it_ran() {
    let call = json!({"type": "tool_use", "id": "c", "name": "Bash", "input": {"cmd": "make"}});
    let found = threads(&[
        user(&[said("fix it")]),
        agent("complete", &[json!({"type": "thinking", "thinking": "x"}), said("on it"), call]),
        ended(&json!({"status": "done", "result": {"output": "boom", "exitCode": 2}})),
        agent("streaming", &[said("hal")]),
    ]);
    assert_eq!(
        found.told(),
        [
            "0 prompt: fix it",
            "1 agent: on it",
            "1 call Bash [] make ",
            "0 result Some(false) Some(2) boom"
        ]
    );
    let session = &found.sessions[0].0;
    assert_eq!((session.cwd.as_deref(), session.branch.as_deref()), (Some("/w/app"), Some("main")));
    assert_eq!(session.title.as_deref(), Some("Fixing"));
    // A message edited in place is another one.
    let other = threads(&[user(&[said("fix that")])]);
    assert_ne!(found.events()[0].key, other.events()[0].key);
}

#[test]
fn runs_end_in_one_of_several_ways() {
    let told = |run: &Value| threads(&[ended(run)]).told();
    assert_eq!(
        told(&json!({"status": "error", "error": {"message": "no"}})),
        ["0 result Some(false) None no"]
    );
    assert_eq!(told(&json!({"status": "done", "result": "ok"})), ["0 result Some(true) None ok"]);
    let refused = |reason: &str| told(&json!({"status": "rejected-by-user", "reason": reason}));
    assert_eq!(refused("use pnpm"), ["0 rejected User use pnpm"]);
    assert_eq!(refused("User declined permission"), ["0 rejected User -"]);
    for open in ["in-progress", "queued", "blocked-on-user"] {
        assert!(told(&json!({"status": open})).is_empty());
    }
    // What a tool prints refuses nothing.
    let printed =
        json!({"status": "done", "result": {"status": "rejected-by-user", "reason": "x"}});
    assert!(told(&printed)[0].starts_with("0 result Some(true)"));
}

#[test]
fn a_stop_is_told_once() {
    let cancelled = ended(&json!({"status": "cancelled", "reason": "x"}));
    assert_eq!(threads(&[agent("complete", &[]), cancelled.clone()]).told(), ["0 interrupt true"]);
    assert_eq!(threads(&[agent("cancelled", &[]), cancelled]).told(), ["1 interrupt false"]);
}

#[test]
fn cuts_are_said_to_be_cuts_and_odd_shapes_give_nothing() {
    let text = thread(&[user(&[said("ä")])]).to_string();
    for cut in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
        let found = read(&Amp, "T-1", &text[..cut]);
        assert!(found.events().is_empty() && found.errors.len() == 1, "{cut}");
    }
    let odd = json!({"id": "T-1", "messages": [7, {"role": []}, {"role": "user", "content": 4},
        {"role": "user", "content": [[], {"type": "tool_result", "run": 3}]}]});
    assert!(read(&Amp, "T-1", &odd.to_string()).events().is_empty());
}

#[test]
fn a_thread_is_found_by_where_it_ran_even_behind_its_messages() {
    let dir = tempfile::tempdir().unwrap();
    let threads = dir.path().join(".local/share/amp/threads");
    std::fs::create_dir_all(&threads).unwrap();
    let long = user(&[said(&"word ".repeat(40_000))]);
    let ours = thread(&[long]);
    let mut other = thread(&[]);
    other["env"]["initial"]["trees"][0]["uri"] = json!("file:///w/other");
    let path = threads.join("T-1.json");
    let head = json!({"v": 3, "id": "T-1", "messages": ours["messages"]}).to_string();
    let tail = json!({"env": ours["env"]}).to_string();
    std::fs::write(&path, format!("{},{}", &head[..head.len() - 1], &tail[1..])).unwrap();
    std::fs::write(threads.join("T-2.json"), other.to_string()).unwrap();
    let home = dir.path().to_owned();
    let places = Places { home, roots: vec!["/w/app".into()], ..Places::default() };
    let found: Vec<_> = super::places::find(&places).into_iter().map(|f| f.path).collect();
    assert_eq!(found, std::slice::from_ref(&path));
    let read = read_path(&path);
    assert_eq!((read.sessions[0].0.engine.as_str(), read.events().len()), ("amp", 1));
}
