//! Claude Code session files: one JSON row a line.
//!
//! Owns the row shapes and the exact texts Claude Code writes for interrupts, rejections, plans and
//! questions. Must not invent texts: an extractor that works on these rows must work on real ones.

use serde_json::{Map, Value, json};

use super::time::SessionClock;
use crate::rng::Rng;

const REJECTED: &str = "The user doesn't want to proceed with this tool use. The tool use was \
    rejected (eg. if it was a file edit, the new_string was NOT written to the file). ";
const STOP: &str = "STOP what you are doing and wait for the user to tell you how to proceed.";

/// How a person answered a tool call or a plan.
#[derive(Debug, Clone, Copy)]
pub enum Verdict<'a> {
    /// Let it run.
    Approved,
    /// Turned it down without a word.
    Rejected,
    /// Turned it down and said why.
    RejectedWith(&'a str),
}

/// Builds one session file.
#[derive(Debug, Clone)]
pub struct ClaudeSession {
    rng: Rng,
    clock: SessionClock,
    id: String,
    cwd: String,
    branch: String,
    agent: Option<String>,
    parent: Option<String>,
    rows: Vec<String>,
}

impl ClaudeSession {
    /// Starts a session; `name` decides every id in it, `start` is an ISO 8601 time.
    #[must_use]
    pub fn new(name: &str, cwd: &str, branch: &str, start: &str) -> Self {
        let mut rng = Rng::named(name);
        let id = rng.uuid();
        let (cwd, branch) = (cwd.to_owned(), branch.to_owned());
        let clock = SessionClock::start(start);
        Self { rng, clock, id, cwd, branch, agent: None, parent: None, rows: Vec::new() }
    }

    /// Starts the file of a sub-agent of this session; its rows are a side chain of the same id.
    #[must_use]
    pub fn subagent(&self, agent: &str) -> Self {
        let name = format!("{}/{agent}", self.id);
        let mut child = Self::new(&name, &self.cwd, &self.branch, &self.clock.now());
        child.id.clone_from(&self.id);
        child.agent = Some(agent.to_owned());
        child
    }

    /// Returns the session id, which is also the stem of its file name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the file's text: every row with a line feed at its end.
    #[must_use]
    pub fn finish(&self) -> String {
        self.rows.iter().flat_map(|row| [row.as_str(), "\n"]).collect()
    }

    /// A person types a prompt.
    pub fn user(&mut self, text: &str) -> &mut Self {
        let row =
            json!({"message": {"role": "user", "content": text}, "permissionMode": "default"});
        self.push("user", 45, row);
        self
    }

    /// A row of text the harness injects under the user's name (slash command output, reminders).
    pub fn injected(&mut self, text: &str) -> &mut Self {
        let row = json!({"message": {"role": "user", "content": text}, "isMeta": true});
        self.push("user", 1, row);
        self
    }

    /// The agent writes text.
    pub fn says(&mut self, text: &str) -> &mut Self {
        self.assistant(json!({"type": "text", "text": text}));
        self
    }

    /// The agent runs a shell command that succeeds.
    pub fn bash(&mut self, command: &str, output: &str) -> &mut Self {
        let call = self.call("Bash", json!({"command": command}));
        let twin = json!({"stdout": output, "stderr": "", "interrupted": false, "isImage": false});
        self.result(&call, output, false, twin);
        self
    }

    /// The agent runs a shell command that fails with `code`.
    pub fn bash_fails(&mut self, command: &str, code: i32, output: &str) -> &mut Self {
        let call = self.call("Bash", json!({"command": command}));
        let text = format!("Exit code {code}\n{output}");
        self.result(&call, &text, true, Value::from(format!("Error: {text}")));
        self
    }

    /// The agent wants to run a shell command and a person turns it down.
    pub fn bash_rejected(&mut self, command: &str, verdict: Verdict<'_>) -> &mut Self {
        let call = self.call("Bash", json!({"command": command}));
        self.rejection(&call, verdict);
        self
    }

    /// The agent reads a file.
    pub fn read(&mut self, path: &str, content: &str) -> &mut Self {
        let path = self.absolute(path);
        let call = self.call("Read", json!({"file_path": path}));
        let n_lines = content.lines().count();
        let file = json!({"filePath": path, "content": content, "numLines": n_lines,
            "startLine": 1, "totalLines": n_lines});
        self.result(&call, content, false, json!({"type": "text", "file": file}));
        self
    }

    /// The agent edits a file; a person may turn that down, or change it first
    /// (see [`ClaudeSession::edit_modified`]).
    pub fn edit(&mut self, path: &str, old: &str, new: &str, verdict: Verdict<'_>) -> &mut Self {
        self.edit_row(path, old, new, verdict, None)
    }

    /// The agent edits a file and a person changes the text to `final_text` before accepting.
    pub fn edit_modified(
        &mut self,
        path: &str,
        old: &str,
        new: &str,
        final_text: &str,
    ) -> &mut Self {
        self.edit_row(path, old, new, Verdict::Approved, Some(final_text))
    }

    fn edit_row(
        &mut self,
        path: &str,
        old: &str,
        new: &str,
        verdict: Verdict<'_>,
        modified: Option<&str>,
    ) -> &mut Self {
        let path = self.absolute(path);
        let input = json!({"file_path": path, "old_string": old, "new_string": new});
        let call = self.call("Edit", input);
        if !matches!(verdict, Verdict::Approved) {
            self.rejection(&call, verdict);
            return self;
        }
        let written = modified.unwrap_or(new);
        let patch = json!([{"oldStart": 1, "oldLines": old.lines().count(), "newStart": 1,
            "newLines": written.lines().count(), "lines": diff_lines(old, written)}]);
        let twin = json!({"filePath": path, "oldString": old, "newString": written,
            "structuredPatch": patch, "userModified": modified.is_some(), "replaceAll": false});
        self.result(&call, &format!("The file {path} has been updated."), false, twin);
        self
    }

    /// The agent fetches a web page; `result` is what came back, whatever it says.
    pub fn web_fetch(&mut self, url: &str, result: &str) -> &mut Self {
        let call = self.call("WebFetch", json!({"url": url, "prompt": "Summarise this page"}));
        let twin = json!({"bytes": result.len(), "code": 200, "codeText": "OK", "result": result,
            "durationMs": 812, "url": url});
        self.result(&call, result, false, twin);
        self
    }

    /// A person presses Escape, while a tool runs or while the agent writes.
    pub fn interrupt(&mut self, during_tool: bool) -> &mut Self {
        let text = if during_tool {
            "[Request interrupted by user for tool use]"
        } else {
            "[Request interrupted by user]"
        };
        let content = json!([{"type": "text", "text": text}]);
        self.push("user", 3, json!({"message": {"role": "user", "content": content}}));
        self
    }

    /// A person types while the agent is busy; the words reach the agent in the same turn and stand
    /// nowhere else in the file.
    pub fn steer(&mut self, text: &str) -> &mut Self {
        for (operation, content) in [("enqueue", Some(text)), ("remove", None)] {
            let mut row = json!({"type": "queue-operation", "operation": operation,
                "timestamp": self.clock.tick(4), "sessionId": self.id});
            if let Some(content) = content {
                row["content"] = Value::from(content);
            }
            self.rows.push(row.to_string());
        }
        self
    }

    /// The agent asks a question with two options and a person answers.
    pub fn ask(&mut self, question: &str, options: [&str; 2], answer: &str) -> &mut Self {
        let options: Vec<_> =
            options.iter().map(|label| json!({"label": label, "description": ""})).collect();
        let questions = json!([{"question": question, "header": "Choice", "options": options,
            "multiSelect": false}]);
        let call = self.call("AskUserQuestion", json!({"questions": questions}));
        let text = format!(
            "Your questions have been answered: \"{question}\"=\"{answer}\". You can now continue \
             with these answers in mind."
        );
        let twin = json!({"questions": questions, "answers": {question: answer}});
        self.result(&call, &text, false, twin);
        self
    }

    /// The agent shows a plan and a person answers.
    pub fn plan(&mut self, plan: &str, verdict: Verdict<'_>) -> &mut Self {
        let call = self.call("ExitPlanMode", json!({"plan": plan}));
        if matches!(verdict, Verdict::Approved) {
            let text = "User has approved your plan. You can now start coding. Start with updating \
                your todo list if applicable";
            self.result(&call, text, false, json!({"plan": plan, "isAgent": false}));
        } else {
            self.rejection(&call, verdict);
        }
        self
    }

    /// The context was full: a boundary row and the summary the model wrote.
    pub fn compaction(&mut self, summary: &str) -> &mut Self {
        let boundary = json!({"subtype": "compact_boundary", "content": "Conversation compacted",
            "compactMetadata": {"trigger": "auto", "preTokens": 155_000}});
        self.push("system", 2, boundary);
        let text = format!(
            "This session is being continued from a previous conversation that ran out of context. \
             The summary below covers the earlier portion of the conversation.\n\n{summary}"
        );
        let row = json!({"message": {"role": "user", "content": text}, "isCompactSummary": true,
            "isVisibleInTranscriptOnly": true});
        self.push("user", 1, row);
        self
    }

    /// The session gets a title.
    pub fn title(&mut self, title: &str) -> &mut Self {
        let row = json!({"type": "custom-title", "customTitle": title, "sessionId": self.id});
        self.rows.push(row.to_string());
        self
    }

    fn assistant(&mut self, block: Value) -> String {
        let message = json!({"model": "claude-opus-4-5-20251101", "type": "message",
            "id": format!("msg_01{}", self.rng.token(22)), "role": "assistant", "content": [block],
            "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": 9, "cache_read_input_tokens": 28_114, "output_tokens": 210}});
        let request = format!("req_011{}", self.rng.token(21));
        self.push("assistant", 6, json!({"message": message, "requestId": request}))
    }

    /// Writes a tool call and returns its id.
    fn call(&mut self, name: &str, input: Value) -> String {
        let id = format!("toolu_01{}", self.rng.token(22));
        self.assistant(json!({"type": "tool_use", "id": id, "name": name, "input": input}));
        id
    }

    fn result(&mut self, call: &str, text: &str, failed: bool, twin: Value) {
        let mut block = json!({"tool_use_id": call, "type": "tool_result", "content": text});
        if failed {
            block["is_error"] = Value::from(true);
        }
        let row = json!({"message": {"role": "user", "content": [block]}, "toolUseResult": twin,
            "sourceToolAssistantUUID": self.parent});
        self.push("user", 5, row);
    }

    fn rejection(&mut self, call: &str, verdict: Verdict<'_>) {
        let (text, twin) = match verdict {
            Verdict::RejectedWith(feedback) => {
                let text =
                    format!("{REJECTED}To tell you how to proceed, the user said:\n{feedback}");
                let twin = format!("Error: {text}");
                (text, twin)
            }
            Verdict::Rejected | Verdict::Approved => {
                (format!("{REJECTED}{STOP}"), "User rejected tool use".to_owned())
            }
        };
        self.result(call, &text, true, Value::from(twin));
    }

    /// Writes a row with the envelope every conversation row has, and returns its uuid.
    fn push(&mut self, kind: &str, seconds: i64, fields: Value) -> String {
        let uuid = self.rng.uuid();
        let mut row = Map::new();
        row.insert("parentUuid".into(), self.parent.clone().map_or(Value::Null, Value::from));
        row.insert("isSidechain".into(), self.agent.is_some().into());
        row.insert("userType".into(), "external".into());
        row.insert("cwd".into(), self.cwd.clone().into());
        row.insert("sessionId".into(), self.id.clone().into());
        row.insert("version".into(), "2.1.42".into());
        row.insert("gitBranch".into(), self.branch.clone().into());
        if let Some(agent) = &self.agent {
            row.insert("agentId".into(), agent.clone().into());
        }
        row.insert("type".into(), kind.into());
        if let Value::Object(fields) = fields {
            row.extend(fields);
        }
        row.insert("uuid".into(), uuid.clone().into());
        row.insert("timestamp".into(), self.clock.tick(seconds).into());
        self.rows.push(Value::Object(row).to_string());
        self.parent = Some(uuid.clone());
        uuid
    }

    fn absolute(&self, path: &str) -> String {
        format!("{}/{path}", self.cwd)
    }
}

fn diff_lines(old: &str, new: &str) -> Vec<String> {
    let removed = old.lines().map(|line| format!("-{line}"));
    removed.chain(new.lines().map(|line| format!("+{line}"))).collect()
}
