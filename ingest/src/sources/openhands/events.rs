//! Events of both generations, translated.
//!
//! Owns what each kind means. A person's words are taken from messages of the user and from the
//! reason of a rejection only; in a batch run nobody is there to say anything.

use cemem_core::{Actor, Event, EventKind, RejectedBy, Timestamp};
use serde_json::Value;

use crate::source::Output;
use crate::sources::human::{Spoken, classify};
use crate::sources::tool::{at, int, key, list, shown, text};

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
struct Now<'a> {
    row: &'a Value,
    id: String,
    ts: Option<Timestamp>,
}

impl Told {
    pub(super) fn new(session: String, cwd: Option<String>, batch: bool) -> Self {
        Self { session, cwd, batch, offset: 0, count: 0, call: String::new() }
    }

    /// Translates the next event.
    pub(super) fn event(&mut self, row: &Value, out: &mut Output<'_>) {
        self.count += 1;
        let id = text(row, &["id"]).map(str::to_owned);
        let id = id.or_else(|| int(row, &["id"]).map(|n| n.to_string()));
        let id = id.unwrap_or_else(|| format!("#{}", self.count));
        let ts = text(row, &["timestamp"]).and_then(Timestamp::parse);
        let now = Now { row, id, ts };
        if let Some(kind) = text(row, &["kind"]) {
            self.second(&now, kind, out);
        } else if let Some(action) = text(row, &["action"]) {
            self.action(&now, action, out);
        } else if let Some(kind) = text(row, &["observation"]) {
            self.observation(&now, kind, out);
        } else {
            out.skip("unknown");
        }
    }

    fn emit(&self, now: &Now<'_>, role: &str, actor: Actor, kind: EventKind, out: &mut Output<'_>) {
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

    fn prompt(&self, now: &Now<'_>, said: &str, out: &mut Output<'_>) {
        if self.batch {
            return out.skip("instructions");
        }
        let Spoken::Typed(text) = classify(said) else { return out.skip("injected") };
        let kind = EventKind::UserPrompt { text, steering: false };
        self.emit(now, "prompt", Actor::User, kind, out);
    }

    fn agent(&self, now: &Now<'_>, said: &str, out: &mut Output<'_>) {
        if !said.trim().is_empty() {
            let kind = EventKind::AgentText { text: said.trim().to_owned() };
            self.emit(now, "text", Actor::Agent, kind, out);
        }
    }

    fn call(&mut self, now: &Now<'_>, id: &str, name: &str, input: &Value, out: &mut Output<'_>) {
        id.clone_into(&mut self.call);
        let view = shown(input);
        let detail = if view.command.is_none() { text(input, &["code"]) } else { None };
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
        now: &Now<'_>,
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
    fn action(&mut self, now: &Now<'_>, action: &str, out: &mut Output<'_>) {
        // Very old ones have no `args`: the fields stand in the event.
        let args = at(now.row, &["args"]).filter(|a| a.is_object()).unwrap_or(now.row);
        let source = text(now.row, &["source"]);
        let thought = text(args, &["thought"]).unwrap_or_default();
        match action {
            "message" => {
                let said = text(args, &["content"]).unwrap_or_default();
                match source {
                    Some("user") => self.prompt(now, said, out),
                    Some("agent") => self.agent(now, said, out),
                    // Before events said whose they are, only a harness wrote the first one.
                    _ => out.skip("instructions"),
                }
            }
            "think" => self.agent(now, thought, out),
            "finish" | "reject" => {
                let last = ["final_thought", "thought"].iter().find_map(|k| text(args, &[k]));
                self.agent(now, last.unwrap_or_default(), out);
            }
            "change_agent_state" => {
                let stopped = matches!(text(args, &["agent_state"]), Some("paused" | "stopped"));
                if source == Some("user") && stopped && !self.batch {
                    let kind = EventKind::UserInterrupt { during_tool: false };
                    self.emit(now, "interrupt", Actor::User, kind, out);
                } else {
                    out.skip("state");
                }
            }
            "condensation" => {
                let summary = text(args, &["summary"]).unwrap_or_default().to_owned();
                self.emit(now, "summary", Actor::System, EventKind::Compaction { summary }, out);
            }
            "system" => {
                let version = text(args, &["openhands_version"]).map(str::to_owned);
                if version.is_some() {
                    out.session(&self.session).engine_version = version;
                }
                out.skip("system");
            }
            "recall" | "null" | "start_hidden" => out.skip("recall"),
            _ => {
                self.agent(now, thought, out);
                let name = text(args, &["name"]).filter(|_| action.contains("mcp"));
                let input = at(args, &["arguments"]).filter(|_| name.is_some()).unwrap_or(args);
                let id = now.id.clone();
                self.call(now, &id, name.unwrap_or(action), input, out);
            }
        }
    }

    /// What came of an action of the first generation.
    fn observation(&self, now: &Now<'_>, kind: &str, out: &mut Output<'_>) {
        let call = int(now.row, &["cause"]).map(|n| n.to_string());
        let said = text(now.row, &["content"]).unwrap_or_default();
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
        let paths: [&[&str]; 3] =
            [&["extras", "metadata", "exit_code"], &["extras", "exit_code"], &["exit_code"]];
        let code = paths.iter().find_map(|path| int(now.row, path));
        let failed = kind == "error" || said.starts_with("ERROR:");
        let call = call.unwrap_or_else(|| self.call.clone());
        let ok = failed.then_some(false).or((kind == "edit").then_some(true));
        self.result(now, &call, (ok, code), said, out);
    }

    /// An event of the second generation.
    fn second(&mut self, now: &Now<'_>, kind: &str, out: &mut Output<'_>) {
        let row = now.row;
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
                    _ => self.call(now, &call, name, action, out),
                }
            }
            "ObservationEvent" => self.observed(now, &call, out),
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
    fn observed(&self, now: &Now<'_>, call: &str, out: &mut Output<'_>) {
        if matches!(text(now.row, &["tool_name"]), Some("finish" | "think")) {
            return out.skip("recall");
        }
        let got = at(now.row, &["observation"]).unwrap_or(&Value::Null);
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

/// The texts of a list of parts, joined; images are none.
fn texts(row: &Value, path: &[&str]) -> String {
    let parts = list(row, path).iter().filter_map(|part| text(part, &["text"]));
    let joined = parts.collect::<Vec<_>>().join("\n");
    if joined.is_empty() { text(row, path).unwrap_or_default().to_owned() } else { joined }
}
