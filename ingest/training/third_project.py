#!/usr/bin/env python3
"""Labelled turns of a third project, for measuring only: the classifier is never trained on them.

    python3 ingest/training/third_project.py SAMPLES > third.jsonl
    cemem eval corrections --turns third.jsonl --out pred.jsonl
    score_corrections.py third.jsonl pred.jsonl

Reads the Entire checkpoints below SAMPLES/entire-compact and prints the turns that third_project.tsv
labels. The words stay in the samples; the table holds a digest of each turn and what two readers,
who saw neither the program nor each other, said of it by the guide of the labelled set. Where they
differ, the surer one counts. Spans are not part of it.
"""
import hashlib, json, pathlib, sys

LABELS = pathlib.Path(__file__).resolve().parent / "third_project.tsv"
ARGUMENTS = ("command", "filePath", "file_path", "path", "pattern", "description", "query", "url")


def shown(call):
    """A tool call as a line of context."""
    given = call.get("input") or {}
    named = given if isinstance(given, dict) else {}
    value = next((named[k] for k in ARGUMENTS if isinstance(named.get(k), str)), json.dumps(given))
    return f"A: [{call.get('name')}: {value[:150]}]"


def turns(path):
    """The turns of one checkpoint with the four things before each."""
    before = []
    for line in path.open(encoding="utf8"):
        row = json.loads(line)
        for part in row.get("content") or []:
            text = part.get("text")
            if row["type"] == "user" and text:
                yield text, before[-4:]
                before.append("U: " + text[:200])
            elif text and text.strip():
                before.append("A: " + text[-700:])
            elif part.get("type") == "tool_use":
                before.append(shown(part))


def main():
    samples = pathlib.Path(sys.argv[1])
    labels = {}
    for line in LABELS.read_text(encoding="utf8").splitlines()[1:]:
        digest, act, correction, durable, kind = line.split("\t")
        labels[digest] = dict(act=act, correction=correction == "1", durable=durable == "1", type=kind, lesson="", span="")
    for path in sorted(samples.glob("entire-compact/*/*.jsonl"), key=lambda p: (-p.stat().st_size, p.name)):
        for turn, (text, context) in enumerate(turns(path)):
            # The same session is there at two points of its growth.
            digest = hashlib.sha256(text.encode()).hexdigest()[:12]
            label = labels.pop(digest, None)
            if label:
                row = dict(id=digest, file=str(path.relative_to(samples)), turn=turn, kind="user", text=text, context=context)
                print(json.dumps(row | label, ensure_ascii=False))
    assert not labels, f"not among the samples: {sorted(labels)}"


if __name__ == "__main__":
    main()
