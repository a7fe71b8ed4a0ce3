//! A client of `cemem mcp` that knows nothing of the library the server is made with.
//!
//! Owns [`McpClient`]: one line of JSON out, lines of JSON in, on standard input and output of a server. It
//! checks that nothing but the protocol comes out. Must not hide an error: what is not expected ends the test
//! with both streams.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The newest revision with a handshake.
const HANDSHAKE: &str = "2025-11-25";
/// The revision without one.
pub const STATELESS: &str = "2026-07-28";

/// See the module.
#[derive(Debug)]
pub struct McpClient {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
    next_id: u64,
    /// What `roots/list` is answered with.
    roots: Vec<String>,
    /// Every request carries what the handshake would have said.
    stateless: bool,
    /// Answers that came before others that were asked for earlier.
    early: BTreeMap<u64, Value>,
    /// Notifications of the server, in their order.
    pub notices: Vec<Value>,
}

impl McpClient {
    /// Starts a server; nothing is said yet.
    #[must_use]
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = child.stdout.take().expect("stdout is piped");
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            // What is no text is kept, to be shown when it is refused.
            for line in BufReader::new(stdout).split(b'\n') {
                let Ok(line) = line else { return };
                if send.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
        let mut errors = child.stderr.take().expect("stderr is piped");
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            // What is no text is left out: it is shown to people only.
            let _cut = errors.read_to_string(&mut text);
            text
        });
        let stdin = child.stdin.take();
        let stderr = Some(stderr);
        let (next_id, stateless, early) = (0, false, BTreeMap::new());
        let (roots, notices) = (Vec::new(), Vec::new());
        Self { child, stdin, lines, stderr, next_id, roots, stateless, early, notices }
    }

    /// Starts a server and shakes hands.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let mut client = Self::spawn(command);
        client.shake_hands(json!({}));
        client
    }

    /// Starts a server of a client that works in these folders.
    #[must_use]
    pub fn with_roots(command: &mut Command, roots: &[&str]) -> Self {
        let mut client = Self::spawn(command);
        client.roots = roots.iter().map(|root| (*root).to_owned()).collect();
        client.shake_hands(json!({ "roots": { "listChanged": true } }));
        client
    }

    /// Starts a server and speaks the revision without a handshake.
    #[must_use]
    pub fn stateless(command: &mut Command) -> Self {
        let mut client = Self::spawn(command);
        client.stateless = true;
        client
    }

    fn shake_hands(&mut self, capabilities: Value) {
        let hello = self.result(
            "initialize",
            json!({ "protocolVersion": HANDSHAKE, "capabilities": capabilities,
                    "clientInfo": { "name": "test", "version": "1" } }),
        );
        assert_eq!(hello["protocolVersion"], HANDSHAKE, "{hello}");
        self.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    }

    /// Sends one message.
    pub fn send(&mut self, message: &Value) {
        self.send_raw(&format!("{message}\n"));
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("the input is open");
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).expect("the server reads");
    }

    /// Sends a request and returns its id.
    pub fn ask(&mut self, method: &str, mut params: Value) -> u64 {
        self.next_id += 1;
        if self.stateless {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": STATELESS,
                "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
                "io.modelcontextprotocol/clientCapabilities": {},
            });
        }
        let id = self.next_id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    /// Returns the whole answer to a request, seeing to what the server asks meanwhile.
    #[track_caller]
    pub fn answer(&mut self, id: u64) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = self.early.remove(&id) {
                return answer;
            }
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no answer to request {id}: {}", self.last_words());
            };
            let message: Value = serde_json::from_str(&line)
                .unwrap_or_else(|error| panic!("not the protocol ({error}): {line}"));
            assert_eq!(message["jsonrpc"], "2.0", "{line}");
            match (message.get("method"), message.get("id")) {
                (Some(method), Some(theirs)) if method == "roots/list" => {
                    let roots: Vec<_> = self.roots.iter().map(|r| json!({ "uri": r })).collect();
                    let theirs = theirs.clone();
                    self.send(
                        &json!({ "jsonrpc": "2.0", "id": theirs, "result": { "roots": roots } }),
                    );
                }
                (Some(_), None) => self.notices.push(message),
                (None, Some(theirs)) if theirs.as_u64().is_some_and(|n| n <= self.next_id) => {
                    self.early.insert(theirs.as_u64().expect("just seen"), message);
                }
                _ => panic!("unexpected: {line}"),
            }
        }
    }

    /// Returns the result of a request that succeeds.
    #[track_caller]
    pub fn result(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params);
        let mut answer = self.answer(id);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    /// Returns the error of a request that fails.
    #[track_caller]
    pub fn error(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params);
        let mut answer = self.answer(id);
        assert!(answer.get("result").is_none(), "{method}: {answer}");
        answer["error"].take()
    }

    /// Calls a tool and returns all of its answer.
    #[track_caller]
    pub fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.result("tools/call", json!({ "name": tool, "arguments": arguments }))
    }

    /// Returns the data of a tool that does its work.
    #[track_caller]
    pub fn data(&mut self, tool: &str, arguments: Value) -> Value {
        let mut answer = self.call(tool, arguments);
        assert!(answer["isError"] != true, "{tool}: {answer}");
        answer["structuredContent"].take()
    }

    /// Returns what a tool says that cannot do its work.
    #[track_caller]
    pub fn refusal(&mut self, tool: &str, arguments: Value) -> String {
        let answer = self.call(tool, arguments);
        assert_eq!(answer["isError"], true, "{tool}: {answer}");
        answer["content"][0]["text"].as_str().expect("an error is told").to_owned()
    }

    /// Returns the process id of the server.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills the server; returns every whole answer that had come out of it and was not asked for.
    #[must_use]
    pub fn kill(mut self) -> Vec<Value> {
        self.child.kill().and_then(|()| self.child.wait()).expect("the server can be killed");
        let mut answers: Vec<Value> = std::mem::take(&mut self.early).into_values().collect();
        answers.extend(self.lines.iter().filter_map(|line| serde_json::from_str(&line).ok()));
        answers
    }

    /// Closes the input; returns how the server ended and what it had said to people.
    #[must_use]
    pub fn close(mut self) -> (ExitStatus, String) {
        drop(self.stdin.take());
        let status = self.child.wait().expect("the server ends");
        let rest: Vec<_> = self.lines.iter().collect();
        assert!(rest.is_empty(), "said at the end: {rest:?}");
        (status, self.stderr.take().and_then(|told| told.join().ok()).unwrap_or_default())
    }

    fn last_words(&mut self) -> String {
        // It may have ended by itself.
        let _ended = self.child.kill();
        self.stderr.take().and_then(|told| told.join().ok()).unwrap_or_default()
    }
}

impl Drop for McpClient {
    fn drop(&mut self) {
        // A test that failed must not leave a server behind.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}
