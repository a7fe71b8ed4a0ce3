"""Fits `Evidence::probability` of `retrieve/src/rank/fuse.rs`, and says how good it is. Standard library only.

    for set in SETS/*/; do cemem eval retrieval --data $set --run RUNS/$(basename $set).tsv; done
    python3 fit_probability.py SETS RUNS            # RUNS made with `--mode lexical` for the words alone

Of every query the first five of the list, each helpful where the set says that it is relevant. A logistic
regression by Newton's method of the score, the odds of the list's chance, and how far the score lies behind the
best; every set weighs the same. Prints the constants, then, with constants fitted on the other sets only (the two
of locomo count as one): how often lessons helped where so much was said, and what a higher least probability
of the first lesson costs and brings.
"""

import collections
import json
import math
import pathlib
import sys

from fit_predict import solve

L2 = 1e-3
SHOWN = 5


def rows(folder, run):
    relevant = collections.defaultdict(set)
    for line in (folder / "qrels.tsv").read_text("utf8").splitlines():
        query, document, *grade = line.split("\t")
        if not grade or float(grade[0]) > 0:
            relevant[query].add(document)
    lists = collections.defaultdict(list)
    for line in run.read_text("utf8").splitlines():
        query, document, _rank, score, chance = line.split("\t")
        lists[query].append((document, float(score), float(chance)))
    found = []
    for line in (folder / "queries.jsonl").read_text("utf8").splitlines():
        query = json.loads(line)["id"]
        for rank, (document, score, chance) in enumerate(lists[query][:SHOWN]):
            best = lists[query][0][1]
            chance = min(max(chance, 1e-4), 1 - 1e-4)
            odds = math.log(chance / (1 - chance))
            found.append(([1.0, score, odds, score - best], document in relevant[query], rank))
    return found


def said(weights, x):
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, sum(w * v for w, v in zip(weights, x))))))


def fitted(sets):
    weights = [0.0] * 4
    total = sum(len(s) for s in sets)
    for _ in range(12):
        gradient = [L2 * w for w in weights]
        hessian = [[L2 if i == j else 0.0 for j in range(4)] for i in range(4)]
        for found in sets:
            each = total / len(sets) / max(len(found), 1)
            for x, helped, _ in found:
                p = said(weights, x)
                for i in range(4):
                    gradient[i] += each * (p - helped) * x[i]
                    for j in range(4):
                        hessian[i][j] += each * p * (1 - p) * x[i] * x[j]
        weights = [w - s for w, s in zip(weights, solve(hessian, gradient))]
    return weights


def main():
    base, runs = map(pathlib.Path, sys.argv[1:])
    sets = {run.stem: rows(base / run.stem, run) for run in sorted(runs.glob("*.tsv"))}
    print("constants", [round(w, 2) for w in fitted(list(sets.values()))])
    family = lambda name: name.split("-session")[0]
    held = []
    for name, found in sets.items():
        weights = fitted([s for other, s in sets.items() if family(other) != family(name)])
        held += [(said(weights, x), helped, rank, 1 / len(sets) / len(found)) for x, helped, rank in found]
    rate = sum(w * h for _, h, _, w in held)
    brier = sum(w * (p - h) ** 2 for p, h, _, w in held)
    print(f"held out by set: Brier {brier:.3f}, of a constant {rate * (1 - rate):.3f}")
    print("\n| said | share of the lessons | said, mean | helped |\n|---|---|---|---|")
    error = 0.0
    for tenth in range(10):
        bin_ = [(p, h, w) for p, h, _, w in held if int(min(p, 0.999) * 10) == tenth]
        weight = sum(w for _, _, w in bin_)
        if weight:
            mean, came = (sum(w * b[k] for b in bin_ for w in [b[2]]) / weight for k in (0, 1))
            error += weight * abs(mean - came)
            print(f"| {tenth / 10:.1f} to {tenth / 10 + 0.1:.1f} | {weight:.3f} | {mean:.2f} | {came:.2f} |")
    print(f"\nexpected calibration error {error:.3f}")
    first = sorted(((p, h, w) for p, h, rank, w in held if rank == 0), reverse=True)
    whole = sum(w for _, _, w in first)
    print("\n| answered | least probability of the first | first lesson did not help |\n|---|---|---|")
    for coverage in (1.0, 0.9, 0.75, 0.5, 0.25, 0.1):
        taken, weight = [], 0.0
        for row in first:
            if weight >= coverage * whole - 1e-12:
                break
            taken.append(row)
            weight += row[2]
        risk = 1 - sum(w * h for _, h, w in taken) / weight
        print(f"| {coverage:.0%} | {taken[-1][0]:.2f} | {risk:.2f} |")


main()
