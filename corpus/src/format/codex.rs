//! Codex rollout files: `{timestamp, type, payload}`, one a line.
//!
//! Owns the row shapes of the Codex command line. Must not write what Codex does not persist:
//! approvals are only visible through tool output.

use serde_json::{Value, json};

use super::time::SessionClock;
use crate::rng::Rng;

/// Builds one rollout.
#[derive(Debug, Clone)]
pub struct CodexRollout {
    rng: Rng,
    clock: SessionClock,
    id: String,
    cwd: String,
    rows: Vec<String>,
}

impl CodexRollout {
    /// Starts a rollout; `name` decides every id in it, `start` is an ISO 8601 time.
    #[must_use]
    pub fn new(name: &str, cwd: &str, branch: &str, start: &str) -> Self {
        let mut rng = Rng::named(name);
        let (id, commit) = (rng.uuid(), format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64()));
        let clock = SessionClock::start(start);
        let mut rollout = Self { rng, clock, id, cwd: cwd.to_owned(), rows: Vec::new() };
        let meta = json!({"id": rollout.id, "timestamp": start, "cwd": cwd,
            "originator": "codex_cli_rs", "cli_version": "0.79.0", "instructions": null,
            "source": "cli", "model_provider": "openai",
            "git": {"commit_hash": commit, "branch": branch,
                "repository_url": "https://git.example.com/tidepool/tidepool.git"}});
        rollout.push("session_meta", 0, meta);
        let context = format!(
            "<environment_context>\n  <cwd>{cwd}</cwd>\n  <approval_policy>on-request\
             </approval_policy>\n  <sandbox_mode>workspace-write</sandbox_mode>\n\
             </environment_context>"
        );
        rollout.message("user", "input_text", &context);
        rollout
    }

    /// Returns the thread id, which ends the file's name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the file's text: every row with a line feed at its end.
    #[must_use]
    pub fn finish(&self) -> String {
        self.rows.iter().flat_map(|row| [row.as_str(), "\n"]).collect()
    }

    /// A person types a prompt: written twice, as Codex does.
    pub fn user(&mut self, text: &str) -> &mut Self {
        self.clock.tick(40);
        self.message("user", "input_text", text);
        self.event(json!({"type": "user_message", "message": text, "images": []}));
        let context = json!({"cwd": self.cwd, "approval_policy": "on-request",
            "sandbox_policy": {"mode": "workspace-write", "network_access": false},
            "model": "gpt-5-codex", "effort": "medium", "summary": "auto"});
        self.push("turn_context", 1, context);
        self
    }

    /// The agent writes text: written twice, as Codex does.
    pub fn says(&mut self, text: &str) -> &mut Self {
        self.event(json!({"type": "agent_message", "message": text}));
        self.message("assistant", "output_text", text);
        self
    }

    /// The agent runs a shell command that ends with `code`.
    pub fn shell(&mut self, command: &str, code: i32, output: &str) -> &mut Self {
        let call = self.shell_call(command);
        let text = format!("Exit code: {code}\nWall time: 2.4 seconds\nOutput:\n{output}");
        self.output("function_call_output", &call, &text);
        self
    }

    /// The agent wants to run a shell command and a person turns it down.
    pub fn shell_rejected(&mut self, command: &str) -> &mut Self {
        let call = self.shell_call(command);
        self.output("function_call_output", &call, "exec command rejected by user");
        self
    }

    /// The agent applies a patch that goes in.
    pub fn patch(&mut self, patch: &str) -> &mut Self {
        let call = format!("call_{}", self.rng.token(24));
        let row = json!({"type": "custom_tool_call", "status": "completed", "name": "apply_patch",
            "input": patch, "call_id": call});
        self.push("response_item", 6, row);
        let output = json!({"output": "Success. Updated the following files:\n",
            "metadata": {"exit_code": 0, "duration_seconds": 0.1}});
        self.output("custom_tool_call_output", &call, &output.to_string());
        self
    }

    /// A person stops the turn.
    pub fn interrupt(&mut self) -> &mut Self {
        self.event(json!({"type": "turn_aborted", "reason": "interrupted"}));
        self
    }

    fn shell_call(&mut self, command: &str) -> String {
        let call = format!("call_{}", self.rng.token(24));
        let arguments = json!({"command": command, "workdir": self.cwd}).to_string();
        let row = json!({"type": "function_call", "name": "shell_command", "arguments": arguments,
            "call_id": call});
        self.push("response_item", 5, row);
        call
    }

    fn output(&mut self, kind: &str, call: &str, output: &str) {
        self.push("response_item", 3, json!({"type": kind, "call_id": call, "output": output}));
    }

    fn message(&mut self, role: &str, kind: &str, text: &str) {
        let content = json!([{"type": kind, "text": text}]);
        self.push("response_item", 0, json!({"type": "message", "role": role, "content": content}));
    }

    fn event(&mut self, payload: Value) {
        self.push("event_msg", 1, payload);
    }

    fn push(&mut self, kind: &str, seconds: i64, payload: Value) {
        let timestamp = self.clock.tick(seconds);
        self.rows
            .push(json!({"timestamp": timestamp, "type": kind, "payload": payload}).to_string());
    }
}
