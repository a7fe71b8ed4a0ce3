//! Tool results as events: what came back, and what a person did about the call.
//!
//! Owns pairing a result with its call. Must not know the sentences; [`results`] does.

use cemem_core::event::PlanState;
use cemem_core::{Actor, EventKind, RejectedBy};

use super::{At, ClaudeReader, part};
use crate::source::Output;
use crate::sources::claude_code::results::{self, Verdict};
use crate::sources::claude_code::wire::{Block, Row};
use crate::text::limit;

impl ClaudeReader {
    pub(super) fn result(
        &mut self,
        row: &Row<'_>,
        block: &Block<'_>,
        i: usize,
        at: &At,
        out: &mut Output<'_>,
    ) {
        let call_id = block.tool_use_id.str().to_owned();
        let tool = self.close_call(&call_id);
        let text = results::text(block, limit::RESULT);
        let event = |what: &str, actor, kind| at.event(&part(i, what), actor, kind);
        match results::verdict(block, &text) {
            Verdict::Collateral => out.skip("collateral"),
            Verdict::Interrupted => {
                let kind = EventKind::UserInterrupt { during_tool: true };
                out.event(&at.session, event("stop", Actor::User, kind));
            }
            Verdict::Refused(feedback) if tool == "ExitPlanMode" => {
                let text = feedback.unwrap_or_default();
                let kind = EventKind::Plan { state: PlanState::Rejected, text };
                out.event(&at.session, event("", Actor::User, kind));
            }
            Verdict::Refused(feedback) => {
                let kind = EventKind::ToolRejected { call_id, by: RejectedBy::User, feedback };
                out.event(&at.session, event("", Actor::User, kind));
            }
            Verdict::Denied => {
                let kind =
                    EventKind::ToolRejected { call_id, by: RejectedBy::Policy, feedback: None };
                out.event(&at.session, event("", Actor::System, kind));
            }
            Verdict::Blocked => {
                let kind =
                    EventKind::ToolRejected { call_id, by: RejectedBy::Hook, feedback: None };
                out.event(&at.session, event("", Actor::System, kind));
                let kind = EventKind::HookBlocked { text: text.into_owned() };
                out.event(&at.session, event("hook", Actor::System, kind));
            }
            Verdict::Output { ok, exit_code } => {
                self.settled(row, &tool, ok, i, at, out);
                let text = text.into_owned();
                let kind = EventKind::ToolResult { call_id, ok: Some(ok), exit_code, text };
                out.event(&at.session, event("", Actor::Tool, kind));
            }
        }
    }

    /// What a person did to let the tool succeed: answered, approved, changed.
    fn settled(
        &self,
        row: &Row<'_>,
        tool: &str,
        ok: bool,
        i: usize,
        at: &At,
        out: &mut Output<'_>,
    ) {
        let outcome = results::outcome(row.tool_use_result);
        if tool == "ExitPlanMode" && ok {
            let text = outcome.as_ref().map_or("", |o| o.plan.str()).to_owned();
            let kind = EventKind::Plan { state: PlanState::Approved, text };
            out.event(&at.session, at.event(&part(i, "plan"), Actor::User, kind));
        }
        let Some(outcome) = outcome else { return };
        // A server's tool writes what it likes into its own result: it speaks for no person.
        if outcome.user_modified.is_set() && !tool.starts_with("mcp__") {
            let path = outcome.file_path.str().to_owned();
            let kind = EventKind::UserEdit { path, diff: results::diff(&outcome) };
            out.event(&at.session, at.event(&part(i, "edit"), Actor::User, kind));
        }
        // Only this one asks a person; the name of a call from long ago is forgotten.
        if !matches!(tool, "AskUserQuestion" | "") {
            return;
        }
        for (n, (question, answer)) in outcome.answers.0.iter().flatten().enumerate() {
            let answer = match answer {
                serde_json::Value::String(text) => text.clone(),
                serde_json::Value::Array(many) => {
                    many.iter().filter_map(|v| v.as_str()).collect::<Vec<_>>().join(", ")
                }
                _ => continue,
            };
            let kind = EventKind::QuestionAnswered { question: question.clone(), answer };
            out.event(&at.session, at.event(&part(i, &format!("answer{n}")), Actor::User, kind));
        }
    }

    fn close_call(&mut self, id: &str) -> String {
        match self.state.calls.iter().position(|(call, _)| call == id) {
            Some(at) => self.state.calls.remove(at).1,
            None => String::new(),
        }
    }
}
