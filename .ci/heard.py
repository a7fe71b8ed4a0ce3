#!/usr/bin/env python3
"""Prints what a memory heard, one row an engine, as Markdown.

    cemem doctor --engines --json | python3 .ci/heard.py

The table of docs/quality.md.
"""

import json
import sys

COLUMNS = {
    "files": "files",
    "sessions": "sessions",
    "events": "events",
    "prompts": "prompts",
    "steering": "steering",
    "rejections": "rejections",
    "feedback": "with feedback",
    "interrupts": "interrupts",
    "plans": "plans",
    "answers": "answers",
    "fixes": "fail → fix",
    "findings": "findings",
}

report = json.load(sys.stdin)
rows = {e["label"]: e["heard"] for e in report["engines"] if e["heard"]["events"]}
rows.update({f"`{name}`": heard for name, heard in report["reviews"].items()})
print("| | " + " | ".join(COLUMNS.values()) + " |")
print("|---" * (len(COLUMNS) + 1) + "|")
for name, heard in rows.items():
    print(f"| {name} | " + " | ".join(str(heard[c] or "") for c in COLUMNS) + " |")
