#!/usr/bin/env python3
"""Measures how labelled turns and lessons meet.

    measure_coverage.py DEV.jsonl LESSONS.json [CANDIDATES.json]

DEV.jsonl: labelled turns, one a line: {file, uuid, text, durable, engine, ...}. LESSONS.json: the
output of `cemem lessons list --json --status all`. CANDIDATES.json, if given, has the same shape
with the key `candidates`, each with `evidence` and `state`.

Prints (1) the share of labelled durable turns that are evidence of some lesson (or candidate), and
(2) the share of lessons whose evidence is a labelled durable turn, of those whose evidence is a
labelled turn at all: for active lessons, for those that wait for review, and for all. A turn and a row of evidence are the
same if file name and row id agree; where a format has no row ids, if the quote stands in the text.
"""

import collections
import json
import sys


def file_name(path):
    return path.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".zst")


def squeeze(text):
    return " ".join((text or "").split())


def load_turns(path):
    with open(path, encoding="utf8") as lines:
        turns = [json.loads(line) for line in lines if line.strip()]
    by_row, by_file = {}, collections.defaultdict(list)
    for turn in turns:
        turn["squeezed"] = squeeze(turn["text"])
        by_row.setdefault((file_name(turn["file"]), turn["uuid"]), turn)
        by_file[file_name(turn["file"])].append(turn)
    by_id = {turn["uuid"]: turn for turn in turns if len(turn["uuid"]) > 8}
    return turns, by_row, by_file, by_id


def turn_of(row, by_row, by_file, by_id):
    """The labelled turn a row of evidence names, or None."""
    name, uuid = file_name(row.get("source_path", "")), row.get("event_uuid", "")
    # A row id is unique in the world; the same row may have been read from another copy.
    if uuid in by_id:
        return by_id[uuid]
    quote = squeeze(row.get("quote"))
    turn = by_row.get((name, uuid))
    if turn and quote[:60] in turn["squeezed"]:
        return turn
    # Counting of turns differs where injected text is counted: the words decide.
    for turn in by_file.get(name, ()):
        if len(quote) >= 12 and quote in turn["squeezed"]:
            return turn
    return None


def share(hits, total):
    return f"{hits}/{total} = {hits / total:.3f}" if total else "0/0"


def coverage(name, items, turns, index):
    """Prints how many durable turns the items' evidence names; returns their ids."""
    named = set()
    for item in items:
        for row in item.get("evidence", ()):
            turn = turn_of(row, *index)
            if turn:
                named.add(turn["id"])
    durable = [t for t in turns if t["durable"]]
    print(f"durable turns in {name:22s} {share(sum(t['id'] in named for t in durable), len(durable))}")
    return named


def purity(name, items, index):
    """Prints which share of the items rests on a durable turn, of those resting on labelled ones."""
    good = labelled = 0
    for item in items:
        turns = [t for t in (turn_of(r, *index) for r in item.get("evidence", ())) if t]
        labelled += bool(turns)
        good += any(t["durable"] for t in turns)
    print(f"lessons on durable turns, {name:12s} {share(good, labelled)}   ({len(items)} in all)")


def main():
    turns, *index = load_turns(sys.argv[1])
    with open(sys.argv[2], encoding="utf8") as file:
        lessons = json.load(file)["lessons"]
    over = {"retired", "superseded", "quarantined"}
    standing = [l for l in lessons if l["status"] not in over]
    active = [l for l in standing if l["status"] in ("active", "stale")]
    waiting = [l for l in standing if l["status"] == "candidate"]
    named = coverage("active lessons", active, turns, index)
    named = coverage("lessons of any status", lessons, turns, index)
    if len(sys.argv) > 3:
        with open(sys.argv[3], encoding="utf8") as file:
            candidates = json.load(file)["candidates"]
        named |= coverage("lessons or candidates", lessons + candidates, turns, index)
    purity("active", active, index)
    purity("waiting", waiting, index)
    purity("all", standing, index)
    by_engine = collections.Counter()
    for turn in turns:
        if turn["durable"]:
            by_engine[turn["engine"], turn["id"] in named] += 1
    for engine in sorted({engine for engine, _ in by_engine}):
        hit, miss = by_engine[engine, True], by_engine[engine, False]
        print(f"  {engine:14s} {share(hit, hit + miss)}")


if __name__ == "__main__":
    main()
