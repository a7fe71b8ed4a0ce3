//! What became of a Gemini CLI tool call.
//!
//! Owns the engine's words for refusals, plans and answers, each taken only from where the engine
//! itself writes it. Must not emit events.

use cemem_core::event::PlanState;
use cemem_core::{EventKind, RejectedBy};
use serde_json::Value;

use crate::sources::tool::{list, text};

/// What became of a call, wherever the fork of the engine keeps it.
pub(crate) struct End<'a> {
    /// The tool.
    pub(crate) name: &'a str,
    pub(crate) status: &'a str,
    /// What came back.
    pub(crate) said: &'a str,
    /// What the person was asked by it.
    pub(crate) questions: &'a [Value],
}

/// Returns the events a call ended with, none while it runs.
pub(super) fn ended(call: &Value, call_id: &str) -> Vec<EventKind> {
    let response = list(call, &["result"]).iter().find_map(|r| r.get("functionResponse"));
    let response = response.and_then(|r| r.get("response")).unwrap_or(&Value::Null);
    let said = ["output", "error"].iter().find_map(|k| text(response, &[k]));
    let end = End {
        name: text(call, &["name"]).unwrap_or_default(),
        status: text(call, &["status"]).unwrap_or_default(),
        said: said.or(text(call, &["resultDisplay"])).unwrap_or_default(),
        questions: list(call, &["args", "questions"]),
    };
    outcome(&end, call_id)
}

/// As [`ended`], from the parts.
pub(crate) fn outcome(end: &End<'_>, call_id: &str) -> Vec<EventKind> {
    let End { name, status, said, questions } = *end;
    let call_id = call_id.to_owned();
    match status {
        "cancelled" => vec![if refused(said) {
            EventKind::ToolRejected { call_id, by: RejectedBy::User, feedback: None }
        } else {
            EventKind::UserInterrupt { during_tool: true }
        }],
        "success" | "error" => {
            if let Some(plan) = (name == "exit_plan_mode").then(|| plan(said)).flatten() {
                return vec![plan];
            }
            let exit_code = if name == "run_shell_command" { exit_code(said) } else { None };
            let ok = status == "success" && exit_code.is_none_or(|code| code == 0);
            let text = said.to_owned();
            let mut kinds = vec![EventKind::ToolResult { call_id, ok: Some(ok), exit_code, text }];
            if name == "ask_user" && status == "success" {
                kinds.extend(answers(questions, said));
            }
            kinds
        }
        _ => Vec::new(),
    }
}

/// Whether a cancelled call was turned down, rather than stopped with everything else.
fn refused(said: &str) -> bool {
    let reason = said.trim().strip_prefix("[Operation Cancelled]").unwrap_or(said).trim();
    let reason = reason.strip_prefix("Reason:").unwrap_or(reason).trim();
    ["User denied execution", "User did not allow tool call", "User rejected this operation"]
        .iter()
        .any(|start| reason.starts_with(start))
}

fn plan(said: &str) -> Option<EventKind> {
    if said.starts_with("Plan approved") {
        return Some(EventKind::Plan { state: PlanState::Approved, text: String::new() });
    }
    let rest = said.strip_prefix("Plan rejected.")?.trim_start();
    let words = rest.strip_prefix("User feedback:").unwrap_or_default();
    let end = words.find("\n\nThe plan is stored at").unwrap_or(words.len());
    Some(EventKind::Plan { state: PlanState::Rejected, text: words[..end].trim().to_owned() })
}

/// What was asked is in the call, what was answered is numbered in its output.
fn answers(questions: &[Value], said: &str) -> Vec<EventKind> {
    let answers: Value = serde_json::from_str(said).unwrap_or_default();
    let questions = questions.iter().enumerate();
    questions
        .filter_map(|(i, asked)| {
            let question = text(asked, &["question"])?.to_owned();
            let answer = text(&answers, &["answers", &i.to_string()])?.to_owned();
            Some(EventKind::QuestionAnswered { question, answer })
        })
        .collect()
}

/// The last line `Exit Code: 1` of the shell tool's report.
fn exit_code(said: &str) -> Option<i32> {
    said.lines().rev().find_map(|line| line.strip_prefix("Exit Code: "))?.trim().parse().ok()
}
