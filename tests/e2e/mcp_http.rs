//! `cemem mcp --http`: who gets in, and that inside it is the same.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use cemem_tests::{STATELESS, TestEnv};
use serde_json::{Value, json};

const RULE: &str = "Run the migrations before the integration tests.";
const TOKEN: &str = "a-token-long-enough";

/// A running server.
struct Server {
    child: Child,
    /// `127.0.0.1:PORT`.
    at: String,
    /// What follows the address on stderr.
    told: BufReader<std::process::ChildStderr>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed must not leave a server behind.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn serve(env: &TestEnv, token: Option<&str>) -> Server {
    let mut command = env.command(["mcp", "--http"]);
    command.envs(token.map(|token| ("CEMEM_MCP_TOKEN", token))).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    told.read_line(&mut first).unwrap();
    let at = first.split("http://").nth(1).and_then(|rest| rest.split('/').next());
    let at = at.unwrap_or_else(|| panic!("{first}")).to_owned();
    Server { child, at, told }
}

/// Sends one request; returns the status and the body.
fn post(server: &Server, headers: &[(&str, &str)], body: &Value) -> (u16, String) {
    let mut stream = TcpStream::connect(&server.at).unwrap();
    let body = body.to_string();
    let mut head =
        format!("POST /mcp HTTP/1.1\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
    let usual = [
        ("Host", server.at.as_str()),
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
    ];
    for (name, value) in
        usual.iter().filter(|(name, _)| headers.iter().all(|(n, _)| n != name)).chain(headers)
    {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

fn call(tool: &str, arguments: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": { "name": tool, "arguments": arguments } })
}

#[test]
fn only_this_machine_with_the_token_gets_in() {
    let env = TestEnv::new();
    env.cemem(["remember", RULE]).success();
    let server = serve(&env, Some(TOKEN));
    let bearer = format!("Bearer {TOKEN}");
    let ask = call("recall", &json!({ "query": "integration tests" }));
    let key = ("Authorization", bearer.as_str());
    let (status, body) = post(&server, &[key], &ask);
    assert!(status == 200 && body.contains(RULE), "{status} {body}");
    for wrong in ["", "Bearer wrong", "Basic YTpi"] {
        let (status, body) = post(&server, &[("Authorization", wrong)], &ask);
        assert!(status == 401 && !body.contains(RULE), "{wrong}: {status} {body}");
    }
    let (status, body) = post(&server, &[], &ask);
    assert!(status == 401 && !body.contains(RULE), "{status} {body}");
    for stranger in
        [("Host", "evil.example"), ("Origin", "https://evil.example"), ("Origin", "null")]
    {
        let (status, body) = post(&server, &[key, stranger], &ask);
        assert!(status == 403 && !body.contains(RULE), "{stranger:?}: {status} {body}");
    }
    assert_eq!(post(&server, &[key, ("Origin", "http://localhost:6274")], &ask).0, 200);
    let (status, _) =
        post(&server, &[key], &call("recall", &json!({ "query": "x".repeat(5 << 20) })));
    assert_eq!(status, 413, "larger than any request");
}

#[test]
fn both_ways_of_speaking_are_understood() {
    let env = TestEnv::new();
    env.cemem(["remember", RULE]).success();
    let server = serve(&env, Some(TOKEN));
    let bearer = format!("Bearer {TOKEN}");
    let key = ("Authorization", bearer.as_str());
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } } });
    let (status, body) = post(&server, &[key], &hello);
    assert!(
        status == 200 && body.contains("\"protocolVersion\":\"2025-06-18\""),
        "{status} {body}"
    );
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let mut ask = call("recall", &json!({ "query": "integration tests" }));
    ask["params"]["_meta"] = meta;
    let headers = [
        key,
        ("MCP-Protocol-Version", STATELESS),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "recall"),
    ];
    let (status, body) = post(&server, &headers, &ask);
    assert!(
        status == 200 && body.contains(RULE) && body.contains("\"resultType\":\"complete\""),
        "{status} {body}"
    );
}

#[test]
fn a_new_token_is_told_and_a_weak_door_is_not_built() {
    let env = TestEnv::new();
    let mut server = serve(&env, None);
    let mut line = String::new();
    server.told.read_line(&mut line).unwrap();
    let token = line.trim().strip_prefix("Authorization: ").unwrap().to_owned();
    assert_eq!(token.len(), "Bearer ".len() + 48, "{token}");
    let ask = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    assert_eq!(post(&server, &[("Authorization", &token)], &ask).0, 200);

    let open = env.cemem(["mcp", "--http", "0.0.0.0:0"]).fails_with(1);
    assert!(open.stderr.contains("can be reached from other machines"), "{open:?}");
    let mut weak = env.command(["mcp", "--http"]);
    let weak = env.run(weak.env("CEMEM_MCP_TOKEN", "short"), None).fails_with(1);
    assert!(weak.stderr.contains("too short to be safe"), "{weak:?}");
    let taken = env.cemem(["mcp", "--http", &server.at]).fails_with(1);
    assert!(taken.stderr.contains(&format!("cannot listen on {}", server.at)), "{taken:?}");
    env.cemem(["mcp", "--http", "nowhere"]).fails_with(2);
}
