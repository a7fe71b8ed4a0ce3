#!/usr/bin/env python3
"""Ten agents at once: ten_agents.py [CEMEM [SECONDS]]

Each agent works in a work tree of its own of one repository, with its own `cemem mcp` over standard input and output.
Until the time is over (default 120 s) it recalls, remembers a rule nobody else has, asks the prompt hook, and every few
rounds ends its session: the server closes, a transcript is written, the SessionEnd hook starts its background work, a
new session begins. Then everything acknowledged is looked for in the store, and the rule that each agent's user said
in its sessions. Prints what was done and how long answers took; exits 1 if anything failed, was lost, was not learned
or is still running. A hook never fails: why one said nothing stands in `hooks.log`, and each line of it is a failure.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
AGENTS = 10
ROUNDS = 8  # of a session
QUIET = 60  # seconds that background work may take to end


class Agent(threading.Thread):
    def __init__(self, number, cemem, tree, env, until):
        super().__init__()
        self.number, self.cemem, self.tree, self.env, self.until = number, cemem, tree, env, until
        self.kept, self.failures, self.took = [], [], {"recall": [], "remember": [], "hook": []}
        self.sessions = 0

    def run(self):
        while time.monotonic() < self.until:
            try:
                self.session()
            except Exception as error:  # Whatever it is, it is a failure of the run, not of the script.
                self.failures.append(f"agent {self.number}: {error!r}")

    def session(self):
        self.sessions += 1
        name = f"session-{self.number}-{self.sessions}"
        self.hook("SessionStart", name, source="startup")
        server = subprocess.Popen([self.cemem, "mcp"], cwd=self.tree, env=self.env, text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        ask = Connection(server)
        ask.request("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                   "clientInfo": {"name": "load", "version": "1"}})
        ask.notify("notifications/initialized")
        for _ in range(ROUNDS):
            n = len(self.kept)
            prompt = f"change step {n} of the pipeline of team {self.number}"
            self.hook("UserPromptSubmit", name, prompt=prompt)
            self.timed("recall", lambda: self.tool(ask, "recall", {"query": prompt}))
            rule = f"Step {n} of the pipeline of team {self.number} needs flag f{self.number}x{n}."
            self.timed("remember", lambda: self.tool(ask, "remember", {"text": rule}))
            self.kept.append(rule)
        server.stdin.close()
        code = server.wait(timeout=30)
        if code:
            self.failures.append(f"the server of {name} ended with {code}: {server.stderr.read()}")
        self.hook("SessionEnd", name, reason="exit", transcript_path=str(self.transcript(name)))

    def timed(self, what, call):
        began = time.monotonic()
        call()
        self.took[what].append(time.monotonic() - began)

    def tool(self, ask, name, arguments):
        answer = ask.request("tools/call", {"name": name, "arguments": arguments})
        if answer.get("isError"):
            raise RuntimeError(f"{name}: {answer['content']}")

    def hook(self, event, session, **fields):
        call = {"session_id": session, "cwd": str(self.tree), "hook_event_name": event, **fields}
        began = time.monotonic()
        done = subprocess.run([self.cemem, "hook", "claude-code", event], cwd=self.tree, env=self.env, text=True,
                              input=json.dumps(call), capture_output=True, timeout=30)
        self.took["hook"].append(time.monotonic() - began)
        if done.returncode or done.stderr:
            self.failures.append(f"{event} of {session}: exit {done.returncode} {done.stderr}")

    def transcript(self, session):
        folder = Path(self.env["HOME"], ".claude", "projects", re.sub("[^A-Za-z0-9]", "-", str(self.tree)))
        folder.mkdir(parents=True, exist_ok=True)
        path, base = folder / f"{session}.jsonl", {"sessionId": session, "cwd": str(self.tree), "version": "2.1.0"}
        said = [("user", "run the tests"), ("assistant", "Done: npm test."),
                ("user", f"no, always run the tests of team {self.number} with make check")]
        rows = [{**base, "type": role, "uuid": f"{session}-{at}", "timestamp": f"2026-01-02T03:04:{at:02}.000Z",
                 "message": {"role": role, "content": text}} for at, (role, text) in enumerate(said)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path


class Connection:
    def __init__(self, server):
        self.server, self.last = server, 0

    def notify(self, method):
        print(json.dumps({"jsonrpc": "2.0", "method": method}), file=self.server.stdin, flush=True)

    def request(self, method, params):
        self.last += 1
        call = {"jsonrpc": "2.0", "id": self.last, "method": method, "params": params}
        print(json.dumps(call), file=self.server.stdin, flush=True)
        while line := self.server.stdout.readline():
            answer = json.loads(line)
            if answer.get("id") == self.last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
        raise RuntimeError(f"{method}: the server ended: {self.server.stderr.read()}")


def running(home):
    """Command lines of processes that work on this home."""
    found, mark = [], f"CEMEM_HOME={home}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            pass  # It ended meanwhile.
    return found


def main():
    cemem = Path(sys.argv[1] if len(sys.argv) > 1 else CHECKOUT / "target/release/cemem").resolve()
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 120
    with tempfile.TemporaryDirectory(prefix="cemem load ", ignore_cleanup_errors=True) as root:
        root = Path(root)
        home, repository = root / "home", root / "project"
        home.mkdir()
        repository.mkdir()
        keep = {name: os.environ[name] for name in ("LANG", "CEMEM_ORT_DYLIB") if name in os.environ}
        env = {**keep, "PATH": os.environ["PATH"], "HOME": str(home), "CEMEM_HOME": str(home / "cemem")}
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
        for line in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "begin"]):
            subprocess.run([*git, *line], cwd=repository, env=env, check=True)
        trees = [root / f"tree {n}" for n in range(AGENTS)]
        for tree in trees:
            subprocess.run([*git, "worktree", "add", "-q", "--detach", tree], cwd=repository, env=env, check=True)
        until = time.monotonic() + seconds
        agents = [Agent(n, cemem, tree, env, until) for n, tree in enumerate(trees)]
        for agent in agents:
            agent.start()
        for agent in agents:
            agent.join()
        over = time.monotonic() + QUIET
        while running(env["CEMEM_HOME"]) and time.monotonic() < over:
            time.sleep(0.5)
        left = running(env["CEMEM_HOME"])
        listed = subprocess.run([cemem, "lessons", "list", "--status", "all", "--json"], cwd=repository, env=env, text=True,
                                capture_output=True, check=True)
        rules = {lesson["rule"] for lesson in json.loads(listed.stdout)["lessons"]}
        kept = [rule for agent in agents for rule in agent.kept]
        lost = [rule for rule in kept if rule not in rules]
        log = Path(env["CEMEM_HOME"], "hooks.log")
        silent = log.read_text(errors="replace").splitlines() if log.exists() else []
        failures = [failure for agent in agents for failure in agent.failures] + silent
        teams = {int(team) for rule in rules for team in re.findall(r"tests of team (\d+) with `?make check", rule)}
        missing = [f"not learned: the rule of team {n}" for n in range(AGENTS) if n not in teams]
    print(f"{AGENTS} agents, {sum(a.sessions for a in agents)} sessions, {len(kept)} rules acknowledged in {seconds:.0f} s")
    for what in ("recall", "remember", "hook"):
        took = sorted(t for agent in agents for t in agent.took[what])
        at = lambda share: 1000 * took[min(len(took) - 1, int(share * len(took)))]
        print(f"{what}: {len(took)} calls, p50 {at(0.5):.0f} ms, p95 {at(0.95):.0f} ms, slowest {at(1):.0f} ms")
    print(f"{len(failures)} failures ({len(silent)} of hooks), {len(lost)} lost, {len(left)} processes left, "
          f"{len(teams)} rules learned from sessions")
    for line in [*failures[:5], *lost[:5], *left[:5], *missing[:5]]:
        print("  " + line)
    sys.exit(bool(failures or lost or left or missing))


if __name__ == "__main__":
    main()
