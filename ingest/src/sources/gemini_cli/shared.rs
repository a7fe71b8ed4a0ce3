//! The bare list of turns that `/chat share` writes, put into the shape of a session's messages.
//!
//! Owns which answer belongs to which call. Must not emit events.

use serde_json::{Value, json};

use crate::sources::tool::{list, text};

/// Returns the messages of a list of turns: each a person's or the model's, with the calls and what
/// became of them. Turns have no ids: their 1-based places stand for them.
pub(super) fn messages(turns: &[Value]) -> Vec<Value> {
    let mut messages: Vec<Value> = Vec::new();
    for (i, turn) in turns.iter().enumerate() {
        let person = match text(turn, &["role"]) {
            Some("user") => true,
            Some("model") => false,
            _ => continue,
        };
        let parts = list(turn, &["parts"]);
        for answer in parts.iter().filter_map(|p| p.get("functionResponse")).filter(|_| person) {
            settle(&mut messages, answer);
        }
        let said: Vec<&Value> = parts.iter().filter(|p| text(p, &["text"]).is_some()).collect();
        let calls: Vec<Value> =
            parts.iter().filter_map(|p| p.get("functionCall")).map(call).collect();
        if said.is_empty() && calls.is_empty() {
            continue;
        }
        let kind = if person { "user" } else { "gemini" };
        messages.push(json!({
            "id": (i + 1).to_string(), "type": kind, "content": said, "toolCalls": calls,
        }));
    }
    messages
}

fn call(asked: &Value) -> Value {
    let mut call = json!({"name": asked.get("name"), "args": asked.get("args")});
    if let Some(id) = text(asked, &["id"]) {
        call["id"] = json!(id);
    }
    call
}

/// Gives an answer to the call it names, or to the first open one of its tool.
fn settle(messages: &mut [Value], answer: &Value) {
    let Some(last) = messages.iter_mut().rev().find(|m| text(m, &["type"]) == Some("gemini"))
    else {
        return;
    };
    let Some(calls) = last.get_mut("toolCalls").and_then(Value::as_array_mut) else { return };
    let (id, name) = (text(answer, &["id"]), text(answer, &["name"]));
    let open = |c: &Value| c.get("status").is_none();
    let named = calls.iter().position(|c| id.is_some() && text(c, &["id"]) == id);
    let at = named.or_else(|| calls.iter().position(|c| open(c) && text(c, &["name"]) == name));
    let Some(call) = at.map(|at| &mut calls[at]).filter(|c| open(c)) else { return };
    let failed = text(answer, &["response", "error"]);
    call["status"] = json!(match failed {
        Some(said) if said.trim_start().starts_with("[Operation Cancelled]") => "cancelled",
        Some(_) => "error",
        None => "success",
    });
    call["result"] = json!([{"functionResponse": answer}]);
}
