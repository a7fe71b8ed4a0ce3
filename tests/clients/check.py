#!/usr/bin/env python3
"""Runs real clients against `cemem mcp` and `cemem hook`: check.py [CEMEM [NAME…]]

CEMEM is the binary (default: target/release/cemem of this checkout), NAMEs are parts of the names of checks. The
clients are npm packages, installed once into .cache/clients (pinned below); without npm or its registry everything is
skipped, with the reason. Each client gets a home of its own, and where it needs a model, one on loopback (model.py):
nothing leaves the machine. A check passes when the client, not cemem, saw or called the tool; the last line counts.
"""

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

sys.dont_write_bytecode = True  # Else a run leaves a folder in the checkout.
from model import FINAL, Loopback, Model, Phraser

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = CHECKOUT / ".cache" / "clients"
PACKAGES = {
    "node": "node@24",
    "inspector": "@modelcontextprotocol/inspector@2.12.0",
    "conformance": "@modelcontextprotocol/conformance@0.1.16",
    "claude": "@anthropic-ai/claude-code@2.1.329",
    "codex": "@openai/codex@0.169.0",
    "gemini": "@google/gemini-cli@0.61.0",
    "opencode": "opencode-ai@1.18.33",
}
TOOLS = ["recall", "remember", "feedback", "review", "predict", "lessons", "forget", "status"]
RULE = "Run the migrations before the integration tests."
QUESTION = {"query": "integration tests fail: no such table"}
CHECKS = []


def check(package):
    """Says which package a check needs."""
    def add(function):
        CHECKS.append((function.__name__.replace("_", " "), package, function))
        return function
    return add


class Place:
    """A home and a project for one client; the project's memory holds one rule."""

    def __init__(self, root, cemem):
        self.cemem, self.home, self.project = str(cemem), root / "home", root / "project"
        self.home.mkdir()
        self.project.mkdir()
        keep = ("LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
        self.env = {name: os.environ[name] for name in keep if name in os.environ}
        bins = [CACHE / slug(spec) / "node_modules" / ("node/bin" if name == "node" else ".bin") for name, spec in PACKAGES.items()]
        self.env |= {
            "HOME": str(self.home), "PATH": os.pathsep.join([*map(str, bins), os.environ["PATH"]]),
            "DISABLE_AUTOUPDATER": "1", "DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "OPENCODE_DISABLE_AUTOUPDATE": "1",
        }
        self.run(["git", "init", "-q", "."])
        self.run([self.cemem, "remember", RULE])

    def run(self, command, timeout=120, **env):
        """Runs a program in the project; returns its exit code and all it printed."""
        done = subprocess.run(command, cwd=self.project, env=self.env | env, timeout=timeout, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        return done.returncode, done.stdout

    def shown(self):
        """How often the rule was shown, by cemem's own account."""
        done = subprocess.run([self.cemem, "lessons", "list", "--json"], cwd=self.project, env=self.env, check=True,
                              stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout)["lessons"][0]["counters"]["shown"]

    def inspect(self, *arguments):
        return self.run(["mcp-inspector", "--cli", self.cemem, "mcp", *arguments])


def expect(condition, *told):
    if not condition:
        raise AssertionError("\n".join(str(part) for part in told))


def answered(place, model, told):
    """Checks that the tool was called in the client's own loop: the model was told its answer."""
    expect(model.saw(RULE), "the answer of the tool did not reach the model", told)
    expect(FINAL in told, "the client did not print what the model said last", told)
    expect(place.shown() == 1, "cemem did not note the showing", told)


def as_json(text):
    """The JSON value in what a program printed."""
    return json.loads(text[text.index("{"):])


@check("inspector")
def inspector_lists_the_tools_strictly(place):
    code, told = place.inspect("--method", "tools/list", "--strict", "-q")
    expect(code == 0, told)
    expect([tool["name"] for tool in as_json(told)["tools"]] == TOOLS, told)
    return "--strict: exit 0, " + ", ".join(TOOLS)


@check("inspector")
def inspector_calls_recall(place):
    code, told = place.inspect("--method", "tools/call", "--tool-name", "recall", "--tool-arg", f"query={QUESTION['query']}", "-q", "--format", "json")
    expect(code == 0 and RULE in told and place.shown() == 1, code, told)
    return "structuredContent fits the outputSchema"


@check("inspector")
def inspector_is_told_of_an_unknown_tool(place):
    code, told = place.inspect("--method", "tools/call", "--tool-name", "no_such_tool", "-q")
    expect(code != 0 and "no_such_tool" in told, code, told)
    return f"exit {code}"


@check("inspector")
def inspector_reads_resources_and_prompts(place):
    code, told = place.inspect("--method", "resources/list", "-q")
    expect(code == 0 and "cemem://lesson/L-" in told, told)
    uri = re.search(r"cemem://lesson/L-[0-9a-f]+", told)[0]
    code, told = place.inspect("--method", "resources/read", "--uri", uri, "-q")
    expect(code == 0 and RULE in told, told)
    code, told = place.inspect("--method", "resources/templates/list", "-q")
    expect(code == 0 and "cemem://lesson/{id}" in told, told)
    code, told = place.inspect("--method", "prompts/list", "-q")
    expect(code == 0 and "compound" in told and "plan" in told, told)
    code, told = place.inspect("--method", "prompts/get", "--prompt-name", "plan", "--prompt-args", "task=write integration tests", "-q")
    expect(code == 0 and RULE in told, told)
    return f"{uri}, cemem://lesson/{{id}}, compound, plan"


@check("inspector")
def inspector_speaks_the_stateless_revision(place):
    code, told = place.inspect("--protocol-era", "modern", "--method", "tools/list", "--strict", "-q")
    expect(code == 0, told)
    expect([tool["name"] for tool in as_json(told)["tools"]] == TOOLS, told)
    code, told = place.inspect("--protocol-era", "modern", "--method", "tools/call", "--tool-name", "recall", "--tool-arg", f"query={QUESTION['query']}", "-q")
    expect(code == 0 and RULE in told, told)
    return "server/discover, tools/list --strict, tools/call"


@check("conformance")
def conformance_suite_over_http(place):
    token = "a-token-for-the-conformance-suite"
    command = [place.cemem, "mcp", "--http"]
    server = subprocess.Popen(command, cwd=place.project, env=place.env | {"CEMEM_MCP_TOKEN": token},
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        url = re.search(r"http://[\d.:]+/mcp", server.stderr.readline())[0]
        passed = []
        with Door(url, token) as door:
            for scenario in ["server-initialize", "ping", "tools-list", "resources-list", "prompts-list"]:
                code, told = place.run(["conformance", "server", "--url", f"{door.url}/mcp", "--scenario", scenario])
                expect(code == 0, scenario, told)
                passed.append(scenario)
        return ", ".join(passed)
    finally:
        server.terminate()
        server.wait()


class Door(Loopback):
    """Passes requests on with the token, which the suite cannot send."""

    def __init__(self, target, token):
        host = re.search(r"//([^/]+)", target)[1]

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
                there = http.client.HTTPConnection(host, timeout=60)
                there.request(self.command, self.path, body or None, headers | {"Authorization": f"Bearer {token}"})
                answer = there.getresponse()
                data = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = do_OPTIONS = pass_on

        super().__init__(Handler)


@check("claude")
def claude_code_is_connected(place):
    code, told = place.run(["claude", "mcp", "add", "cemem", "--", place.cemem, "mcp"])
    expect(code == 0, told)
    _, told = place.run(["claude", "mcp", "list"])
    line = next((line for line in told.splitlines() if line.startswith("cemem")), "")
    expect("✔ Connected" in line, told)
    _, told = place.run(["claude", "mcp", "get", "cemem"])
    expect("✔ Connected" in told, told)
    return "✔ Connected (mcp list, mcp get)"


@check("claude")
def claude_code_calls_recall(place):
    place.run(["claude", "mcp", "add", "cemem", "--", place.cemem, "mcp"])
    with Model("mcp__cemem__recall", QUESTION) as model:
        _, told = place.run(["claude", "-p", "use the memory", "--model", "claude-sonnet-4-5", "--allowedTools", "mcp__cemem__recall",
                             "--output-format", "json"], ANTHROPIC_BASE_URL=model.url, ANTHROPIC_API_KEY="dummy")
        answered(place, model, told)
        instructed = model.saw("what earlier sessions learned")
    return "mcp__cemem__recall called, its answer in the next request" + ("; the server's instructions too" if instructed else "")


@check("codex")
def codex_starts_the_server_and_lists_its_tools(place):
    code, told = place.run(["codex", "mcp", "add", "cemem", "--", place.cemem, "mcp"])
    expect(code == 0, told)
    code, told = place.run(["codex", "mcp", "list", "--json"])
    expect(code == 0 and "cemem" in told, told)
    server = subprocess.Popen(["codex", "app-server"], cwd=place.project, env=place.env, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    stop = threading.Timer(60, server.kill)
    stop.start()
    try:
        def ask(number, method, params):
            request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            server.stdin.write(json.dumps(request) + "\n")
            server.stdin.flush()
            for line in server.stdout:
                message = json.loads(line)
                if message.get("id") == number and "method" not in message:
                    return message
            raise AssertionError(f"codex app-server did not answer {method}")

        ask(1, "initialize", {"clientInfo": {"name": "check", "version": "1"}})
        server.stdin.write(json.dumps({"jsonrpc": "2.0", "method": "initialized"}) + "\n")
        listed = ask(2, "mcpServerStatus/list", {})
    finally:
        stop.cancel()
        server.stdin.close()
        server.terminate()
        server.wait()
    rows = [row for row in listed["result"]["data"] if row["name"] == "cemem"]
    expect(rows and sorted(rows[0]["tools"]) == sorted(TOOLS), listed)
    return "mcpServerStatus/list: " + ", ".join(sorted(rows[0]["tools"]))


@check("codex")
def codex_exec_calls_recall(place):
    place.run(["codex", "mcp", "add", "cemem", "--", place.cemem, "mcp"])
    with Model("recall", QUESTION) as model:
        provider = f'model_providers.stub={{name="stub",base_url="{model.url}/v1",wire_api="responses",env_key="STUB_KEY"}}'
        _, told = place.run(["codex", "exec", "--skip-git-repo-check", "--json", "-c", "model_provider=stub", "-c", provider, "-c", "model=stub",
                             "-c", 'mcp_servers.cemem.default_tools_approval_mode="approve"', "use the memory"], STUB_KEY="dummy")
        expect(re.search(r'"mcp_tool_call".*"status":"completed"', told), told)
        answered(place, model, told)
    return "mcp_tool_call completed, its answer in the next request"


def trusting(place):
    """Gemini starts servers of a project only where a person trusts the folder."""
    folder = place.home / ".gemini"
    folder.mkdir(exist_ok=True)
    (folder / "trustedFolders.json").write_text(json.dumps({str(place.project): "TRUST_FOLDER"}))
    (folder / "settings.json").write_text(json.dumps({"security": {"auth": {"selectedType": "gemini-api-key"}}}))
    code, told = place.run(["gemini", "mcp", "add", "cemem", place.cemem, "mcp"])
    expect(code == 0, told)


@check("gemini")
def gemini_cli_is_connected(place):
    trusting(place)
    _, told = place.run(["gemini", "mcp", "list"])
    expect(re.search(r"cemem.*Connected", told), told)
    return "✓ Connected"


@check("gemini")
def gemini_cli_calls_recall(place):
    trusting(place)
    with Model("recall", QUESTION) as model:
        _, told = place.run(["gemini", "-m", "gemini-2.5-flash", "--approval-mode", "yolo", "-p", "use the memory", "-o", "json"],
                            GOOGLE_GEMINI_BASE_URL=model.url, GEMINI_API_KEY="dummy")
        answered(place, model, told)
    return "recall called, its answer in the next request"


def opencode(place, url):
    settings = {
        "mcp": {"cemem": {"type": "local", "command": [place.cemem, "mcp"], "enabled": True}},
        "model": "stub/stub",
        "provider": {"stub": {"npm": "@ai-sdk/openai-compatible", "options": {"baseURL": f"{url}/v1", "apiKey": "dummy"},
                              "models": {"stub": {"name": "stub"}}}},
    }
    (place.project / "opencode.json").write_text(json.dumps(settings))


@check("opencode")
def opencode_is_connected(place):
    opencode(place, "http://127.0.0.1:9")
    _, told = place.run(["opencode", "mcp", "list"])
    expect(re.search(r"cemem.*connected", re.sub(r"\x1b\[[\d;]*m", "", told)), told)
    return "connected"


@check("opencode")
def opencode_calls_recall(place):
    with Model("recall", QUESTION) as model:
        opencode(place, model.url)
        _, told = place.run(["opencode", "run", "--model", "stub/stub", "--format", "json", "use the memory"])
        expect(re.search(r'"tool_use".*"status":"completed"', told), told)
        answered(place, model, told)
    return "tool_use completed, its answer in the next request"


def allow_time(place):
    folder = place.home / ".local/share/cemem"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text("[hooks]\ndeadline_ms = 20000\n")


def set_up(place, engine):
    """Lets `cemem init` set an engine up as it would for a person; on a busy machine hooks get more time."""
    allow_time(place)
    code, told = place.run([place.cemem, "init", "--yes", "--no-ingest", "--engine", engine])
    expect(code == 0, told)


def hooked(place, model, told):
    """Checks that what a hook said stands in a request of the client's, and is noted."""
    expect(model.saw(RULE) and model.saw("project-memory"), "the hook's words did not reach the model", told)
    expect(place.shown() >= 1, "cemem did not note the showing", told)
    log = place.home / ".local/share/cemem/hooks.log"
    expect(not log.exists(), log.read_text() if log.exists() else "")


@check("claude")
def claude_code_tells_its_model_what_hooks_say(place):
    set_up(place, "claude-code")
    with Model("Bash", {"command": "git status", "description": "status"}) as model:
        _, told = place.run(["claude", "-p", "what is left to do?", "--model", "claude-sonnet-4-5", "--allowedTools", "Bash",
                             "--output-format", "stream-json", "--verbose", "--include-hook-events"],
                            ANTHROPIC_BASE_URL=model.url, ANTHROPIC_API_KEY="dummy")
        hooked(place, model, told)
    rows = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    ended = [row for row in rows if row.get("subtype") == "hook_response"]
    expect(ended and all(row.get("exit_code") == 0 for row in ended), told)
    names = sorted({row["hook_event"] for row in ended})
    expect({"SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop"} <= set(names), names)
    return ", ".join(names) + ": exit 0; the digest in the request"


@check("claude")
def claude_code_takes_the_plugin(place):
    plugin = CHECKOUT / "plugin"
    code, told = place.run(["claude", "plugin", "validate", str(plugin)])
    expect(code == 0 and "Validation passed" in told, told)
    allow_time(place)
    bin = place.home / "bin"
    bin.mkdir()
    (bin / "cemem").symlink_to(place.cemem)
    path = os.pathsep.join([str(bin), place.env["PATH"]])
    with Model("cemem__recall", QUESTION) as model:
        _, told = place.run(["claude", "-p", "what is left to do?", "--model", "claude-sonnet-4-5", "--plugin-dir", str(plugin),
                             "--output-format", "json"], ANTHROPIC_BASE_URL=model.url, ANTHROPIC_API_KEY="dummy", PATH=path)
        hooked(place, model, told)
        skills = [name for name in ("recall", "compound", "review-memory") if model.saw(f"cemem:{name}")]
        expect(len(skills) == 3, skills, told)
    return "validated; hooks, and the skills " + ", ".join(skills)


@check("codex")
def codex_tells_its_model_what_hooks_say(place):
    set_up(place, "codex")
    with Model("no tool", {}) as model:
        provider = f'model_providers.stub={{name="stub",base_url="{model.url}/v1",wire_api="responses",env_key="STUB_KEY"}}'
        _, told = place.run(["codex", "exec", "--skip-git-repo-check", "--trust", "--dangerously-bypass-hook-trust", "--json", "-c", "model_provider=stub",
                             "-c", provider, "-c", "model=stub", "what is left to do?"], STUB_KEY="dummy")
        hooked(place, model, told)
    return "the digest in the request (hooks trusted by a flag)"


@check("gemini")
def gemini_cli_tells_its_model_what_hooks_say(place):
    trusting(place)
    set_up(place, "gemini-cli")
    with Model("no tool", {}) as model:
        _, told = place.run(["gemini", "-m", "gemini-2.5-flash", "-p", "what is left to do?", "-o", "json"],
                            GOOGLE_GEMINI_BASE_URL=model.url, GEMINI_API_KEY="dummy")
        hooked(place, model, told)
    return "the digest in the request"


def phrased(place, engine, **env):
    """Checks that an engine phrases a lesson: run by cemem as it is for a person, believed through the gate, its own session not learned from."""
    said = "no, always squash the commits of a branch before you merge it"
    rows = [{"type": "user", "uuid": f"s-{n}", "sessionId": "s", "timestamp": f"2026-04-22T05:17:{n:02}.000Z", "message": {"content": text}}
            for n, text in enumerate(["merge the branch please", said])]
    session = place.project / "s.jsonl"
    session.write_text("".join(json.dumps(row) + "\n" for row in rows))
    place.run([place.cemem, "ingest", str(session)])
    code, told = place.run([place.cemem, "consolidate", "--engine", engine, "--json"], timeout=240, **env)
    expect(code == 0, told)
    accepted = as_json(told)["distilled"]["accepted"]
    expect([row["rule"] for row in accepted] == ["Always squash the commits of a branch before you merge it"], told)
    code, told = place.run([place.cemem, "lessons", "show", accepted[0]["lesson"]])
    expect(code == 0 and f"phrased by engine:{engine}" in told, told)
    # What the engine wrote down of it.
    code, told = place.run([place.cemem, "ingest", str(place.home), "--json"])
    expect(code == 0 and as_json(told)["candidates"] == 0, told)
    return f"asked by `cemem consolidate --engine {engine}`; its own session is left out"


@check("claude")
def claude_code_phrases_a_lesson(place):
    with Phraser() as model:
        return phrased(place, "claude-code", ANTHROPIC_BASE_URL=model.url, ANTHROPIC_API_KEY="dummy", ANTHROPIC_MODEL="claude-sonnet-4-5")


@check("codex")
def codex_phrases_a_lesson(place):
    with Phraser() as model:
        folder = place.home / ".codex"
        folder.mkdir(exist_ok=True)
        (folder / "config.toml").write_text(f"""model = "stub"
model_provider = "stub"
[model_providers.stub]
name = "stub"
base_url = "{model.url}/v1"
wire_api = "responses"
env_key = "STUB_KEY"
""")
        return phrased(place, "codex", STUB_KEY="dummy")


@check("gemini")
def gemini_cli_phrases_a_lesson(place):
    trusting(place)
    with Phraser() as model:
        return phrased(place, "gemini-cli", GOOGLE_GEMINI_BASE_URL=model.url, GEMINI_API_KEY="dummy", GEMINI_MODEL="gemini-2.5-flash")


@check("opencode")
def opencode_phrases_a_lesson(place):
    with Phraser() as model:
        opencode(place, model.url)
        folder = place.home / ".config/opencode"
        folder.mkdir(parents=True)
        # It is run in a folder of its own: what stands in the project does not count.
        (place.project / "opencode.json").rename(folder / "opencode.json")
        return phrased(place, "opencode")


def slug(spec):
    return re.sub(r"[@/]+", "-", spec).strip("-")


def install(spec):
    """Installs a package once; returns why it cannot be had."""
    folder = CACHE / slug(spec)
    if (folder / "done").exists():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=60000", "--prefix", str(folder), spec]
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=900)
    except subprocess.TimeoutExpired:
        return f"npm did not install {spec} in a quarter of an hour"
    if done.returncode != 0:
        return f"npm cannot install {spec}: {(done.stdout.strip().splitlines() or ['no reason given'])[-1]}"
    (folder / "done").touch()
    return None


def main(arguments):
    target = Path(os.environ.get("CARGO_TARGET_DIR", CHECKOUT / "target"))
    cemem = Path(arguments[0] if arguments else target / "release" / "cemem").resolve()
    if not cemem.is_file():
        sys.exit(f"`{cemem}` is not built: cargo build --release -p cemem-cli")
    if shutil.which("npm") is None:
        print("skipped: there is no npm here, and the clients are npm packages")
        return
    wanted = [row for row in CHECKS if not arguments[1:] or any(part in row[0] for part in arguments[1:])]
    missing = {"node": install(PACKAGES["node"])}
    for package in dict.fromkeys(row[1] for row in wanted):
        # Without the registry one try tells as much as seven.
        missing[package] = missing["node"] or install(PACKAGES[package])
    failed = passed = skipped = 0
    for name, package, function in wanted:
        why = missing[package]
        if why:
            skipped += 1
            print(f"skip {name}: {why}", flush=True)
            continue
        with tempfile.TemporaryDirectory(prefix="cemem clients ", ignore_cleanup_errors=True) as root:
            try:
                print(f"ok   {name}: {function(Place(Path(root).resolve(), cemem))}", flush=True)
                passed += 1
            except (AssertionError, subprocess.SubprocessError, OSError, LookupError, TypeError, ValueError) as error:
                print(f"FAIL {name}: {type(error).__name__}: {error}", flush=True)
                failed += 1
    print(f"clients: {passed} ok, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
