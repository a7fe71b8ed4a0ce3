#!/usr/bin/env python3
"""Counts what people did in Claude Code sessions, knowing nothing of cemem.

    python3 tests/count_claude.py FOLDER      prints one JSON object

An independent reading of the same files, written from the format alone: `tests/e2e/samples.rs`
compares it with what cemem heard. It looks at rows only, holds everything in memory and is meant for
sample folders. Definitions:

prompts     text of user rows that are not meta, sidechain, summaries or tool results, from which
            what the harness injects is taken; a row counts once, however many files hold it
rejections  tool calls and plans declined: results flagged as errors that start with the program's
            words for it
feedback    those with words of the person after it
interrupts  user rows that consist of the interrupt marker, and tool results of a stopped agent
queued      messages typed while the agent was busy that were delivered (dequeued or removed from
            the queue, not taken back) and are in no user row, plus `queued_command` attachments
"""

import json
import pathlib
import re
import sys

REFUSED = "The user doesn't want to "
SAID = "the user said:\n"
CLARIFY = "The user wants to clarify these questions."
INTERRUPT = ("[Request interrupted by user]", "[Request interrupted by user for tool use]")
# Whole elements the harness puts into a person's row.
ELEMENTS = re.compile(
    r"<(system-reminder|local-command-stdout|local-command-stderr|local-command-caveat|bash-input|"
    r"bash-stdout|bash-stderr|task-notification|agent-notification|ide_opened_file|ide_selection|"
    r"ide_diagnostics|command-name|command-message|command-contents|user-prompt-submit-hook|"
    r"teammate-message|ci-monitor-event)\b[^>]*>.*?</\1>",
    re.S,
)
ARGS = re.compile(r"<command-args>(.*?)</command-args>", re.S)
# A command of the program without words of its own.
COMMAND = re.compile(r"/[a-z][a-z:_-]*")
# Rows the harness writes as a whole.
STARTS = (
    "Caveat: The messages below were generated",
    "Base directory for this skill:",
    "This session is being continued from a previous conversation",
    "Implement the following plan:",
    "<local-command-caveat>",
)


def rows(path):
    """Yields every JSON object of a file: a line may hold several, or half of one."""
    decoder = json.JSONDecoder()
    for line in path.read_bytes().decode("utf-8", "replace").splitlines():
        at = 0
        while at < len(line):
            try:
                value, end = decoder.raw_decode(line, at)
            except ValueError:
                break
            if isinstance(value, dict):
                yield value
            at = end
            while at < len(line) and line[at] in " \t\r":
                at += 1


def words(text):
    """Returns a person's own words in a row's text."""
    if text.lstrip().startswith(STARTS):
        return ""
    text = ARGS.sub(lambda m: m.group(1), ELEMENTS.sub("", text)).strip()
    return "" if COMMAND.fullmatch(text) else text


def blocks(row):
    content = (row.get("message") or {}).get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [b for b in content or [] if isinstance(b, dict)]


def text_of(content):
    if isinstance(content, str):
        return content
    return "\n".join(b.get("text", "") for b in content or [] if isinstance(b, dict))


def from_person(row):
    origin = row.get("origin")
    kind = origin.get("kind") if isinstance(origin, dict) else None
    flags = ("isMeta", "isSidechain", "isCompactSummary", "isVisibleInTranscriptOnly")
    return not any(row.get(f) for f in flags) and kind in (None, "human")


def count(folder):
    files = sorted(p for p in pathlib.Path(folder).rglob("*.jsonl") if p.is_file())
    seen, sessions = set(), set()
    total = dict.fromkeys(("prompts", "rejections", "feedback", "interrupts", "queued"), 0)
    typed = {}
    queues = {}
    for path in files:
        for row in rows(path):
            if isinstance(row.get("sessionId"), str) and row.get("type") in ("user", "assistant"):
                sessions.add(row["sessionId"])
            if row.get("type") == "queue-operation":
                queues.setdefault(row.get("sessionId"), {}).setdefault(path, []).append(row)
                continue
            uuid = row.get("uuid")
            if uuid in seen:
                continue
            if uuid:
                seen.add(uuid)
            if row.get("type") == "attachment":
                total["queued"] += queued_command(row)
            if row.get("type") == "user":
                user(row, total, typed)
    for sid, by_file in queues.items():
        # Rows of the queue have no id: of two captures of a session the longer one holds the other.
        total["queued"] += delivered(max(by_file.values(), key=len), typed.get(sid, set()))
    return {"files": len(files), "sessions": len(sessions), **total}


def user(row, total, typed):
    texts = []
    for block in blocks(row):
        if block.get("type") == "tool_result":
            result(block, total)
        elif block.get("type") == "text":
            texts.append(block.get("text") or "")
    if not from_person(row):
        return
    if any(t.strip() in INTERRUPT for t in texts):
        total["interrupts"] += 1
        texts = [t for t in texts if t.strip() not in INTERRUPT]
    said = "\n".join(filter(None, map(words, texts)))
    if said:
        total["prompts"] += 1
        typed.setdefault(row.get("sessionId"), set()).add(" ".join(said.split()))


def result(block, total):
    text = text_of(block.get("content"))
    if not block.get("is_error"):
        return
    if text.strip() in INTERRUPT:
        total["interrupts"] += 1
    if text.startswith(REFUSED):
        total["rejections"] += 1
        said = text.split(SAID, 1)[1].strip() if SAID in text else ""
        total["feedback"] += bool(said) and not said.startswith(CLARIFY)


def queued_command(row):
    attachment = row.get("attachment") or {}
    prompt = attachment.get("prompt")
    human = attachment.get("commandMode") in (None, "prompt") and from_person(row)
    return int(attachment.get("type") == "queued_command" and human and bool(words(text_of(prompt))))


def delivered(operations, typed):
    """Returns how many queued messages reached the agent without becoming a row of their own."""
    waiting, n = [], 0
    for op in operations:
        kind = op.get("operation")
        if kind == "enqueue":
            waiting.append(text_of(op.get("content")))
        elif kind == "popAll":
            waiting.clear()
        elif kind in ("dequeue", "remove") and waiting:
            said = words(waiting.pop(0))
            n += bool(said) and " ".join(said.split()) not in typed
    return n


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: count_claude.py FOLDER")
    print(json.dumps(count(sys.argv[1])))
