//! Events of both generations, translated.
//!
//! Owns what each kind means. A person's words are taken from messages of the user and from the
//! reason of a rejection only; in a batch run nobody is there to say anything.

use cemem_core::{Actor, Event, EventKind, RejectedBy, Timestamp};
use serde_json::Value;
use serde_json::value::RawValue;

use super::wire::{self, Args, Row};
use crate::source::{Malformed, Output};
use crate::sources::human::{Spoken, classify};
use crate::sources::tool::{Shown, at, int, key, list, shown, shown_raw, text};
use crate::sources::wire::Text;
use crate::text::{RawText, limit, mended};

/// Written where the person gave no reason.
const NO_REASON: &str = "User rejected the action";

/// Translates the events of one session, in order.
pub(super) struct Told {
    session: String,
    cwd: Option<String>,
    /// No person takes part.
    batch: bool,
    /// Where the row starts.
    pub(super) offset: u64,
    /// Events so far: the id of those that have none.
    count: u64,
    /// The call before: what came of it may not say so.
    call: String,
}

/// One event as it is translated.
struct Now {
    id: String,
    ts: Option<Timestamp>,
}

impl Told {
    pub(super) fn new(session: String, cwd: Option<String>, batch: bool) -> Self {
        Self { session, cwd, batch, offset: 0, count: 0, call: String::new() }
    }

    /// Translates the next event, as it is written.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn event(&mut self, written: &str, out: &mut Output<'_>) -> Result<(), Malformed> {
        let written = &*mended(written);
        let row: Row<'_> = serde_json::from_str(written).map_err(|e| Malformed(e.to_string()))?;
        self.count += 1;
        let id = row.id.map(|raw| RawText(raw.get()).full().into_owned()).filter(|t| !t.is_empty());
        let id = id.or_else(|| wire::int(row.id).map(|n| n.to_string()));
        let id = id.unwrap_or_else(|| format!("#{}", self.count));
        let now = Now { id, ts: row.timestamp.some().and_then(Timestamp::parse) };
        if let Some(kind) = row.kind.some() {
            let whole = serde_json::from_str(written).map_err(|e| Malformed(e.to_string()))?;
            self.second(&now, &whole, kind, out);
        } else if let Some(action) = row.action.some() {
            // Very old ones have no `args`: the fields stand in the event.
            let given = row.args.map(RawValue::get).filter(|raw| raw.starts_with('{'));
            return self.action(&now, &row, action, given.unwrap_or(written), out);
        } else if let Some(kind) = row.observation.some() {
            self.observation(&now, &row, kind, out);
        } else {
            out.skip("unknown");
        }
        Ok(())
    }

    fn emit(&self, now: &Now, role: &str, actor: Actor, kind: EventKind, out: &mut Output<'_>) {
        let event = Event {
            key: key([self.session.as_str(), now.id.as_str(), role]),
            row_id: now.id.clone(),
            ts: now.ts,
            actor,
            kind,
            cwd: self.cwd.clone(),
            branch: None,
            offset: self.offset,
            len: 0,
        };
        out.event(&self.session, event);
    }

    fn prompt(&self, now: &Now, said: &str, out: &mut Output<'_>) {
        if self.batch {
            return out.skip("instructions");
        }
        let Spoken::Typed(text) = classify(said) else { return out.skip("injected") };
        let kind = EventKind::UserPrompt { text, steering: false };
        self.emit(now, "prompt", Actor::User, kind, out);
    }

    fn agent(&self, now: &Now, said: &str, out: &mut Output<'_>) {
        if !said.trim().is_empty() {
            let kind = EventKind::AgentText { text: said.trim().to_owned() };
            self.emit(now, "text", Actor::Agent, kind, out);
        }
    }

    /// `code` tells more of a call without a command than the view of its input does.
    fn call(
        &mut self,
        now: &Now,
        (id, name): (&str, &str),
        view: Shown,
        code: Option<&str>,
        out: &mut Output<'_>,
    ) {
        id.clone_into(&mut self.call);
        let detail = code.filter(|_| view.command.is_none());
        let kind = EventKind::ToolCall {
            call_id: id.to_owned(),
            name: name.to_owned(),
            files: view.files,
            command: view.command,
            detail: detail.map_or(view.detail, str::to_owned),
        };
        self.emit(now, "call", Actor::Agent, kind, out);
    }

    fn result(
        &self,
        now: &Now,
        call: &str,
        (ok, code): (Option<bool>, Option<i64>),
        said: &str,
        out: &mut Output<'_>,
    ) {
        let code = code.and_then(|c| i32::try_from(c).ok()).filter(|c| *c >= 0);
        let kind = EventKind::ToolResult {
            call_id: call.to_owned(),
            ok: code.map(|c| c == 0).or(ok),
            exit_code: code,
            text: said.trim().to_owned(),
        };
        self.emit(now, "result", Actor::Tool, kind, out);
    }

    /// An action of the first generation.
    fn action(
        &mut self,
        now: &Now,
        row: &Row<'_>,
        action: &str,
        given: &str,
        out: &mut Output<'_>,
    ) -> Result<(), Malformed> {
        let args: Args<'_> = serde_json::from_str(given).map_err(|e| Malformed(e.to_string()))?;
        let source = row.source.some();
        let thought = args.thought.str();
        match action {
            "message" => {
                let said = args.content.map(|raw| RawText(raw.get()).full()).unwrap_or_default();
                match source {
                    Some("user") => self.prompt(now, &said, out),
                    Some("agent") => self.agent(now, &said, out),
                    // Before events said whose they are, only a harness wrote the first one.
                    _ => out.skip("instructions"),
                }
            }
            "think" => self.agent(now, thought, out),
            "finish" | "reject" => {
                self.agent(now, args.final_thought.some().unwrap_or(thought), out);
            }
            "change_agent_state" => {
                let stopped = matches!(args.agent_state.str(), "paused" | "stopped");
                if source == Some("user") && stopped && !self.batch {
                    let kind = EventKind::UserInterrupt { during_tool: false };
                    self.emit(now, "interrupt", Actor::User, kind, out);
                } else {
                    out.skip("state");
                }
            }
            "condensation" => {
                let summary = args.summary.str().to_owned();
                self.emit(now, "summary", Actor::System, EventKind::Compaction { summary }, out);
            }
            "system" => {
                let version = args.openhands_version.owned();
                if version.is_some() {
                    out.session(&self.session).engine_version = version;
                }
                out.skip("system");
            }
            "recall" | "null" | "start_hidden" => out.skip("recall"),
            _ => {
                self.agent(now, thought, out);
                let name = args.name.some().filter(|_| action.contains("mcp"));
                let input = args.arguments.map(RawValue::get).filter(|_| name.is_some());
                let input = input.unwrap_or(given);
                let view = serde_json::from_str(input).map(shown_raw).unwrap_or_default();
                let code: Code<'_> = serde_json::from_str(input).unwrap_or_default();
                self.call(now, (&now.id, name.unwrap_or(action)), view, code.code.some(), out);
            }
        }
        Ok(())
    }

    /// What came of an action of the first generation.
    fn observation(&self, now: &Now, row: &Row<'_>, kind: &str, out: &mut Output<'_>) {
        let call = wire::int(row.cause).map(|n| n.to_string());
        match kind {
            "agent_state_changed" => return out.skip("state"),
            "recall" | "null" | "think" => return out.skip("recall"),
            "user_rejected" => {
                let call_id = call.unwrap_or_else(|| self.call.clone());
                let kind =
                    EventKind::ToolRejected { call_id, by: RejectedBy::User, feedback: None };
                return self.emit(now, "rejected", Actor::User, kind, out);
            }
            _ => {}
        }
        let said = row.content.map(|raw| RawText(raw.get()).bounded(limit::RESULT));
        let said = said.unwrap_or_default();
        let extras = row.extras.0.as_ref();
        let metadata = extras.and_then(|e| e.metadata.0.as_ref());
        let codes =
            [metadata.and_then(|m| m.exit_code), extras.and_then(|e| e.exit_code), row.exit_code];
        let code = codes.into_iter().find_map(wire::int);
        let failed = kind == "error" || said.starts_with("ERROR:");
        let call = call.unwrap_or_else(|| self.call.clone());
        let ok = failed.then_some(false).or((kind == "edit").then_some(true));
        self.result(now, &call, (ok, code), &said, out);
    }

    /// An event of the second generation.
    fn second(&mut self, now: &Now, row: &Value, kind: &str, out: &mut Output<'_>) {
        let call = text(row, &["tool_call_id"]).unwrap_or(&self.call).to_owned();
        match kind {
            "MessageEvent" => {
                let said = texts(row, &["llm_message", "content"]);
                match text(row, &["source"]) {
                    Some("user") => self.prompt(now, &said, out),
                    Some("agent") => self.agent(now, &said, out),
                    _ => out.skip("injected"),
                }
            }
            "ActionEvent" => {
                self.agent(now, &texts(row, &["thought"]), out);
                let name = text(row, &["tool_name"]).unwrap_or("tool");
                let action = at(row, &["action"]).unwrap_or(&Value::Null);
                match name {
                    "finish" => {
                        self.agent(now, text(action, &["message"]).unwrap_or_default(), out);
                    }
                    "think" => self.agent(now, text(action, &["thought"]).unwrap_or_default(), out),
                    _ => {
                        let code = text(action, &["code"]);
                        self.call(now, (&call, name), shown(action), code, out);
                    }
                }
            }
            "ObservationEvent" => self.observed(now, row, &call, out),
            "UserRejectObservation" => {
                // A hook rejects in the same shape.
                let hook = text(row, &["rejection_source"]) == Some("hook");
                let by = if hook { RejectedBy::Hook } else { RejectedBy::User };
                let reason = text(row, &["rejection_reason"]).map(str::trim);
                let reason = reason.filter(|r| !r.is_empty() && *r != NO_REASON && !hook);
                let feedback = reason.map(str::to_owned);
                let kind = EventKind::ToolRejected { call_id: call, by, feedback };
                let actor = if hook { Actor::System } else { Actor::User };
                self.emit(now, "rejected", actor, kind, out);
            }
            "AgentErrorEvent" => {
                let said = text(row, &["error"]).unwrap_or_default();
                self.result(now, &call, (Some(false), None), said, out);
            }
            "PauseEvent" | "InterruptEvent" => {
                let kind = EventKind::UserInterrupt { during_tool: false };
                self.emit(now, "interrupt", Actor::User, kind, out);
            }
            "Condensation" => {
                let summary = text(row, &["summary"]).unwrap_or_default().to_owned();
                self.emit(now, "summary", Actor::System, EventKind::Compaction { summary }, out);
            }
            other => out.skip(other),
        }
    }

    /// What came of an action of the second generation.
    fn observed(&self, now: &Now, row: &Value, call: &str, out: &mut Output<'_>) {
        if matches!(text(row, &["tool_name"]), Some("finish" | "think")) {
            return out.skip("recall");
        }
        let got = at(row, &["observation"]).unwrap_or(&Value::Null);
        let said = text(got, &["output"]).map(str::to_owned);
        let said = said.unwrap_or_else(|| texts(got, &["content"]));
        let code = int(got, &["exit_code"]).or(int(got, &["metadata", "exit_code"]));
        let flag = |name: &str| at(got, &[name]).and_then(Value::as_bool);
        let failed =
            flag("is_error").or(flag("error")) == Some(true) || text(got, &["error"]).is_some();
        let ok = if failed { Some(false) } else { flag("is_error").map(|e| !e) };
        self.result(now, call, (ok, code), &said, out);
    }
}

/// What a call of an interpreter was given.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Code<'a> {
    #[serde(borrow)]
    code: Text<'a>,
}

/// The texts of a list of parts, joined; images are none.
fn texts(row: &Value, path: &[&str]) -> String {
    let parts = list(row, path).iter().filter_map(|part| text(part, &["text"]));
    let joined = parts.collect::<Vec<_>>().join("\n");
    if joined.is_empty() { text(row, path).unwrap_or_default().to_owned() } else { joined }
}
