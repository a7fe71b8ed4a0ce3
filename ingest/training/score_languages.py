#!/usr/bin/env python3
"""Prints how good verdicts on turns are, by language and by half of the situations.

    cemem eval corrections --turns ingest/training/turns_other_languages.jsonl --out pred.jsonl
    python3 ingest/training/score_languages.py ingest/training/turns_other_languages.jsonl pred.jsonl

F1 at 0.5 / average precision; `rule` counts the durable turns whose rule holds the labelled words.
"""
import json
import re
import sys


def f1(pairs):
    hits = sum(p >= 0.5 and is_real for p, is_real in pairs)
    return 2 * hits / max(1, sum(p >= 0.5 for p, _ in pairs) + sum(r for _, r in pairs))


def average_precision(pairs):
    hits, total = 0, 0.0
    for rank, (_, is_real) in enumerate(sorted(pairs, key=lambda pair: -pair[0]), 1):
        if is_real:
            hits += 1
            total += hits / rank
    return total / max(1, hits)


def letters(text):
    return re.sub(r"\W", "", text).lower()


def main():
    with open(sys.argv[1], encoding="utf8") as gold, open(sys.argv[2], encoding="utf8") as said:
        verdicts = {row["id"]: row for row in map(json.loads, said)}
        turns = [(row, verdicts[row["id"]]) for row in map(json.loads, gold)]
    langs = list(dict.fromkeys(row["lang"] for row, _ in turns))
    print("| language | half | correction | durable | rule |\n|---|---|---|---|---|")
    groups = [(lang, {lang}) for lang in langs] + [("all but en", set(langs) - {"en"})]
    for half in ("tune", "held_out", "later"):
        for name, members in groups:
            part = [(g, v) for g, v in turns if g["lang"] in members and g["half"] == half]
            cells = []
            for label in ("correction", "durable"):
                pairs = [(v[label], g[label]) for g, v in part]
                cells.append(f"{f1(pairs):.2f} / {average_precision(pairs):.2f}")
            durable = [(g, v) for g, v in part if g["durable"]]
            kept = sum(letters(g["span"]) in letters(v["rule"]) for g, v in durable)
            print(f"| {name} | {half} | {' | '.join(cells)} | {kept}/{len(durable)} |")


if __name__ == "__main__":
    main()
