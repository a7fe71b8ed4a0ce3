"""Fits the curves of `retrieve/src/predict/score.rs`. Standard library only.

    cemem eval predict --data SETS/lessons-* --out full.jsonl
    cemem eval predict --data SETS/lessons-* --no-semantic --out words.jsonl
    cemem eval predict --sessions SESSIONS_OF_ONE_PROJECT... --out one.jsonl   # the same for another
    python3 fit_predict.py full.jsonl; python3 fit_predict.py words.jsonl; python3 fit_predict.py one.jsonl other.jsonl

A logistic regression by Newton's method, L2 1.0 on all but the constant, each kind of task weighing the
same. Prints the constants, and the figures of every kind with curves fitted on the others only.
"""

import collections
import itertools
import json
import math
import sys

L2 = 1.0


NAMES = ["base", "place", "words"]


def vector(pair):
    odds = math.log(pair["base"] / (1 - pair["base"]))
    return [1.0, odds, pair["place"], pair["words"]]


def solve(a, b):
    n = len(b)
    rows = [a[i][:] + [b[i]] for i in range(n)]
    for i in range(n):
        p = max(range(i, n), key=lambda r: abs(rows[r][i]))
        rows[i], rows[p] = rows[p], rows[i]
        for r in range(n):
            if r != i:
                f = rows[r][i] / rows[i][i]
                rows[r] = [x - f * y for x, y in zip(rows[r], rows[i])]
    return [rows[i][n] / rows[i][i] for i in range(n)]


def fit(xs, ys, ws):
    n = len(xs[0])
    w = [0.0] * n
    for _ in range(30):
        grad = [0.0 if i == 0 else -L2 * w[i] for i in range(n)]
        hess = [[(L2 if i and i == j else 1e-9 if i == j else 0.0) for j in range(n)] for i in range(n)]
        for x, y, weight in zip(xs, ys, ws):
            p = chance(w, x)
            for i in range(n):
                grad[i] += weight * (y - p) * x[i]
                v = weight * p * (1 - p) * x[i]
                for j in range(n):
                    hess[i][j] += v * x[j]
        step = solve(hess, grad)
        w = [a + b for a, b in zip(w, step)]
        if max(map(abs, step)) < 1e-6:
            break
    return w


def chance(w, x):
    return 1 / (1 + math.exp(-sum(a * b for a, b in zip(w, x))))


def auc_ap(scores, ys):
    # Equal numbers share their places, as in `cemem eval predict`: what cannot be told apart earns no luck.
    order = sorted(zip(scores, ys), key=lambda pair: -pair[0])
    came = sum(ys)
    seen, hits, ap, above = 0, 0, 0.0, 0.0
    for _, same in itertools.groupby(order, key=lambda pair: pair[0]):
        same = [y for _, y in same]
        right = sum(same)
        above += (len(same) - right) * (hits + right / 2)
        seen += len(same)
        hits += right
        ap += right * hits / seen
    return above / max(1, came * (len(ys) - came)), ap / max(1, came)


def fitted(pairs):
    # What is not weighed is told nobody: the curves never see it.
    pairs = [p for p in pairs if p["weighed"]]
    sizes = collections.Counter(p["kind"] for p in pairs)
    xs = [vector(p) for p in pairs]
    mean = len(pairs) / len(sizes)
    return fit(xs, [p["came"] for p in pairs], [mean / sizes[p["kind"]] for p in pairs])


def project(pair):
    return pair["kind"].rsplit(" ", 1)[0]


def main():
    pairs = []
    for path in sys.argv[1:]:
        for line in open(path, encoding="utf-8"):
            pair = json.loads(line)
            pairs.append({**pair, "kind": f"{path} {pair['kind']}"})
    w = fitted(pairs)
    print("all:", ", ".join(f"{n}: {v:.2f}" for n, v in zip(["start"] + NAMES, w)))
    for left_out in sorted({project(p) for p in pairs}):
        train = [p for p in pairs if project(p) != left_out]
        # Where there is one project only, its earlier half teaches.
        train = train or [p for p in pairs if not p["later"]]
        test = [p for p in pairs if project(p) == left_out and p["later"]]
        ys = [p["came"] for p in test]
        if not any(ys) or not any(p["came"] and p["weighed"] for p in train):
            continue
        v = fitted(train)
        for name, score in (
            # What is not weighed is not told.
            ("held out", lambda p: p["weighed"] * chance(v, vector(p))),
            ("all", lambda p: p["weighed"] * chance(w, vector(p))),
            ("base", lambda p: p["base"]),
            ("words", lambda p: p["words"]),
        ):
            auc, ap = auc_ap([score(p) for p in test], ys)
            print(f"{left_out:<42} {name:<9} n {len(ys):>5} came {sum(ys):>4} AUC {auc:.3f} AP {ap:.3f}")


if __name__ == "__main__":
    main()
