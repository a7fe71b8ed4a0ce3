#!/usr/bin/env python3
"""Chooses the weights by which two rules without a conflict count as the same.

    make_pairs.py DATA rules.jsonl
    cemem eval pairs --data rules.jsonl --features known.jsonl
    train_merging.py known.jsonl [PRECISION]

Prints the weights for `ingest/src/consolidate/alike.rs` and what they are worth: precision and recall
of merging over every pair of the file (conflicts count as not merged), each pair scored by weights
fitted without its turns (ten folds by turn, five shuffles). Logistic regression on the standardised
evidence, pulled towards zero; the threshold is the lowest that keeps PRECISION (default 0.95) on the
held-out scores. Needs numpy. Deterministic.
"""

import hashlib
import json
import re
import sys

import numpy as np

PULL = 0.3


def fit(x, y):
    """Weights and bias of a logistic regression, by Newton's method."""
    mean, spread = x.mean(0), x.std(0) + 1e-6
    z = np.hstack([(x - mean) / spread, np.ones((len(x), 1))])
    w = np.zeros(z.shape[1])
    pull = np.diag([PULL] * x.shape[1] + [0.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-z @ w))
        slope = z.T @ (p - y) + pull @ w
        curve = z.T @ (z * (p * (1 - p))[:, None]) + pull + 1e-9 * np.eye(len(w))
        step = np.linalg.solve(curve, slope)
        w -= step
        if np.abs(step).max() < 1e-8:
            break
    weights = w[:-1] / spread
    return weights, w[-1] - weights @ mean


def folds(turns, shuffle):
    def of(turn):
        return int(hashlib.sha256(f"{shuffle}/{turn}".encode()).hexdigest(), 16) % 10

    return np.array([of(t) for t in turns])


def best(scores, same, total, precision):
    """(recall, threshold): the most that is found at this precision."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(same[order])
    ok = np.nonzero(hits / np.arange(1, len(order) + 1) >= precision)[0]
    return (hits[ok[-1]] / total, scores[order[ok[-1]]]) if len(ok) else (0.0, 1.0)


def main():
    with open(sys.argv[1], encoding="utf8") as lines:
        rows = [json.loads(line) for line in lines]
    precision = float(sys.argv[2]) if len(sys.argv) > 2 else 0.95
    total = sum(r["label"] == "same" for r in rows)
    open_rows = [r for r in rows if not r["conflict"]]
    lost = total - sum(r["label"] == "same" for r in open_rows)
    print(f"{len(rows)} pairs, {total} same; {lost} of them have a conflict by words")
    y = np.array([r["label"] == "same" for r in open_rows])
    turns = [re.split(r"[-|]", r["id"])[0] for r in open_rows]
    for name in ("all", "words"):
        x = np.array([r[name] for r in open_rows])
        found = []
        for shuffle in range(5):
            fold = folds(turns, shuffle)
            scores = np.zeros(len(y))
            for held in range(10):
                weights, bias = fit(x[fold != held], y[fold != held])
                scores[fold == held] = 1 / (1 + np.exp(-(x[fold == held] @ weights + bias)))
            found.append([best(scores, y, total, p)[i] for p in (0.8, 0.9, precision) for i in (0, 1)])
        r80, _, r90, _, recall, threshold = np.mean(found, axis=0)
        print(f"{name}: recall {r80:.3f} at precision 0.8, {r90:.3f} at 0.9, {recall:.3f} at {precision}")
        weights, bias = fit(x, y)
        print(f"  threshold {threshold:.3f}, bias {bias:.3f}, weights", [round(float(w), 3) for w in weights])


if __name__ == "__main__":
    main()
