#!/usr/bin/env python3
"""Trains the turn classifier and measures it on projects it was not trained on.

    cargo run --release -p cemem-ingest --example turns_after -- SESSIONS < dev.jsonl > dev-after.jsonl
    cargo run --release -p cemem-ingest --example dump_features < dev-after.jsonl > dump.jsonl
    python3 ingest/training/train_corrections.py dev-after.jsonl dump.jsonl            # writes weights.json
    python3 ingest/training/train_corrections.py dev-after.jsonl dump.jsonl --cv DIR   # one weights file per held-out project

Needs numpy. Features come from the dump only, so that the program and the training see the same ones.
Each model is a logistic regression whose weights are pulled towards a prior: the columns of
patterns.tsv and the tables below (a person's estimate of what a cue is worth), not towards zero.
The bias is set so that a score of 0.5 is the cut that is best for F1 within the training turns.
"""
import argparse, json, pathlib, zlib
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
CLASSIFY = HERE.parent / "src" / "extract" / "classify"
PULL = {"correction": 40.0, "durable": 70.0, "span": 60.0, "types": 40.0, "aftermath": 20.0}
TURN_PRIOR = {
    "correction": dict(
        bias=-2.1, c_rejected=1.2, c_reason=1.5, c_last_int=0.8, c_n_int=0.1, c_offer=-0.3, c_choice=-0.2, c_quotes=0.1,
        s_log=-0.8, s_code=-0.3, s_review=-0.7, s_list=-0.3, s_two_words=-0.4, q_all=-0.4, j_stopped_statement=0.4,
        j_stopped_ran=-0.4, j_done_critique=0.3, j_done_but=0.2, j_choice_not=0.2, j_asked_no=0.2, j_plain_question=-0.5,
        j_own_empty=-1.5),
    "durable": dict(
        bias=-2.2, c_last_int=0.2, c_rejected=0.2, s_log=-0.8, s_review=-0.5, s_two_words=-0.9, s_four_words=-0.6, q_all=-0.7,
        j_choice_content=0.5, j_plain_question=-0.5, j_own_empty=-1.5, j_stopped_statement=0.2),
    "span": dict(bias=-1.2, x_three_words=-0.8, x_asks=-0.3),
}
AFTER_PRIOR = {
    "correction": dict(n_right=1.5, n_sorry=1.0, n_ok=0.3, n_undo=0.5, n_instead=0.2, n_answers=-0.8, n_starts=-0.3, n_done=-0.5, n_edits=0.2, n_undoes=0.6, n_commits=-0.4),
    "durable": dict(n_right=0.5, n_sorry=0.4, n_ok=0.3, n_undo=0.1, n_instead=0.2, n_answers=-0.3, n_starts=-0.2, n_done=-0.2, n_commits=-0.4),
}
TYPE_PRIOR = {
    "decision": dict(bias=-1.0, c_choice=0.6, c_asked=0.3, j_choice_content=0.6, p_going_with=0.8, p_option=0.6, p_lets_use=0.7, p_lets_not=0.4, p_is_fine=0.4, a_start_lets=0.4, p_start_yes=0.3, c_rejected=-0.5),
    "preference": dict(bias=-1.3, p_prefer=0.9, p_hope=0.3, a_start_iwant=0.5, p_better=0.6, p_can_we_x=0.5, p_neg_q=0.3, p_not_to_like=0.6, p_dont_do=0.5, p_dont_want=0.3, c_last_int=0.3, c_rejected=0.5, p_too_x=0.4),
    "convention": dict(bias=-1.7, p_always2=1.1, p_make_sure=0.7, p_we_use=0.8, p_must=0.6, p_fyi=0.6, p_same_as=0.5, p_should_be=0.4, p_longlived=0.2, p_we_dont=0.3, p_use_x=0.3),
    "constraint": dict(bias=-1.8, p_shouldnt=0.5, p_need_be=0.5, p_we_dont=0.5, p_dont_want=0.5, p_is_fine=0.2, p_caps=0.3, p_just=0.3, p_should_any=0.2, p_must=0.9),
    "fact": dict(bias=-1.6, p_claim_it=0.5, p_not_true=0.7, p_exists_fact=0.5, p_alt_exists=0.5, p_start_actually=0.4, p_wrong=0.3, p_start_iran=0.5, p_lets_use=-0.5, p_should_be=-0.4, p_prefer=-0.5, p_start_but=0.3, p_i_did=0.6, p_fyi=0.3, a_start_i=0.3),
    "pattern": dict(bias=-2.8, p_instead=0.3, p_neg_q=0.2, p_purpose=0.2),
    "mistake": dict(bias=-3.5, p_you_did=1.0, p_undo=0.3, p_try_again=0.5),
}


def priors(which):
    """Prior weights by feature name; cues at the start of a text share theirs between the places they are looked for."""
    out = dict(TURN_PRIOR[which])
    for line in (CLASSIFY / "patterns.tsv").read_text(encoding="utf8").splitlines():
        name, corr, dur, _ = line.split("\t")
        value = {"correction": float(corr), "durable": float(dur), "span": 0.35 * float(corr) + 0.45 * float(dur)}[which]
        if not name.startswith("start_"):
            out["p_" + name] = value
        elif which == "span":
            out["p_" + name] = out["f_" + name] = 0.5 * value
        else:
            out["p_" + name], out["f_" + name], out["a_" + name] = 0.5 * value, 0.4 * value, 0.2 * value
    return out


def with_bias(x):
    return np.hstack([x, np.ones((len(x), 1))])


def fit(x, y, names, prior, pull, offset=0.0):
    """Penalised logistic regression by Newton steps on top of known log-odds; the last weight is the bias."""
    mean = np.array([prior.get(n, 0.0) for n in names] + [prior.get("bias", 0.0)])
    strength = np.full(len(mean), pull)
    strength[-1] = 0.5
    xb, w, y = with_bias(x), mean.copy(), np.asarray(y, float)
    for _ in range(40):
        p = 1 / (1 + np.exp(-np.clip(xb @ w + offset, -30, 30)))
        hess = (xb.T * (p * (1 - p))) @ xb
        hess[np.diag_indices_from(hess)] += strength
        step = np.linalg.solve(hess, xb.T @ (p - y) + strength * (w - mean))
        w -= step
        if np.abs(step).max() < 1e-7:
            break
    return w


def f1(y, hit):
    return 2 * (y & hit).sum() / max(1, y.sum() + hit.sum())


class Data:
    def __init__(self, gold, dump):
        self.rows = [json.loads(line) for line in open(gold, encoding="utf8")]
        lines = open(dump, encoding="utf8")
        head = json.loads(next(lines))
        vectors = [json.loads(line) for line in lines]
        assert [v["id"] for v in vectors] == [r["id"] for r in self.rows], "dump and labels differ"
        self.names, self.sentence_names, self.after_names = head["turn"], head["sentence"], head["after"]
        self.x = np.array([v["turn"] for v in vectors])
        self.known = np.array([bool(v["after"]) for v in vectors])
        self.after = np.array([v["after"] or [0.0] * len(self.after_names) for v in vectors])
        self.project = np.array([r["file"].split("/")[1] for r in self.rows])
        self.session = np.array([zlib.crc32(r["file"].encode()) % 8 for r in self.rows])
        self.y = {k: np.array([r[k] for r in self.rows]) for k in ("correction", "durable")}
        self.type = np.array([r["type"] for r in self.rows])
        self.of, self.ranges, sx = [], [], []
        for i, v in enumerate(vectors):
            for s in v["sentences"]:
                self.of.append(i), self.ranges.append(s["range"]), sx.append(s["values"])
        self.of, self.sx = np.array(self.of), np.array(sx)
        self.carries = np.array([self.overlaps(i, r) for i, r in zip(self.of, self.ranges)])

    def overlaps(self, i, where):
        """A sentence carries the label's span if half of either lies in the other."""
        text, span = self.rows[i]["text"].encode(), self.rows[i]["span"].encode()
        start = text.find(span) if span else -1
        if start < 0:
            return False
        shared = min(where[1], start + len(span)) - max(where[0], start)
        return shared > 0 and (2 * shared >= where[1] - where[0] or 2 * shared >= len(span))


def unseen_odds(data, train, key, prior):
    """The log-odds of each training turn from models that have not seen its group of sessions."""
    y, fold, z = data.y[key][train], data.session[train], np.zeros(len(train))
    for k in set(fold):
        w = fit(data.x[train[fold != k]], y[fold != k], data.names, prior, PULL[key])
        z[fold == k] = (with_bias(data.x[train]) @ w)[fold == k]
    return z


def cut(y, z):
    """The log-odds above which F1 is best, smoothed."""
    grid = np.linspace(-1.6, 0.4, 41)
    scores = np.array([f1(y, z >= t) for t in grid])
    return grid[np.convolve(np.pad(scores, 3, mode="edge"), np.ones(7) / 7, "valid").argmax()]


def train(data, turns):
    """All models from the turns with these indices."""
    out = {"aftermath": {}}
    for key in ("correction", "durable"):
        y, z = data.y[key][turns], unseen_odds(data, turns, key, priors(key))
        w = fit(data.x[turns], y, data.names, priors(key), PULL[key])
        best = cut(y, z)
        w[-1] -= best
        out[key] = w
        # What followed shifts a verdict that stands without it; turns whose aftermath is unknown teach nothing here.
        known = data.known[turns]
        shift = fit(data.after[turns][known], y[known], data.after_names, AFTER_PRIOR[key], PULL["aftermath"], z[known])
        both = z[known] + with_bias(data.after[turns][known]) @ shift
        shift[-1] -= cut(y[known], both) - best
        out["aftermath"][key] = shift
    mine = np.isin(data.of, turns) & data.y["durable"][data.of]
    out["span"] = fit(data.sx[mine], data.carries[mine], data.sentence_names, priors("span"), PULL["span"])
    kept = turns[data.y["durable"][turns]]
    out["types"] = {
        t: fit(data.x[kept], data.type[kept] == t, data.names, TYPE_PRIOR.get(t, {"bias": -2.0}), PULL["types"])
        for t in sorted(set(data.type[kept]))
    }
    return out


def stored(w, names):
    rounded = {n: round(float(v), 4) for n, v in zip(names, w) if abs(v) >= 5e-4}
    return {"bias": round(float(w[-1]), 4), "weights": rounded}


def as_file(data, models):
    out = {k: stored(models[k], data.names) for k in ("correction", "durable")}
    out["span"] = stored(models["span"], data.sentence_names)
    out["types"] = {t: stored(w, data.names) for t, w in models["types"].items()}
    out["aftermath"] = {k: stored(w, data.after_names) for k, w in models["aftermath"].items()}
    return json.dumps(out, indent=1, sort_keys=True) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gold"), parser.add_argument("dump")
    parser.add_argument("--cv", metavar="DIR", help="write one weights file and one list of turns per held-out project")
    parser.add_argument("--by", choices=["project", "session"], default="project")
    args = parser.parse_args()
    data = Data(args.gold, args.dump)
    if not args.cv:
        models = train(data, np.arange(len(data.rows)))
        (CLASSIFY / "weights.json").write_text(as_file(data, models), encoding="utf8")
        return
    folder = pathlib.Path(args.cv)
    folder.mkdir(parents=True, exist_ok=True)
    groups = data.project if args.by == "project" else data.session
    for k in sorted(set(groups)):
        models = train(data, np.where(groups != k)[0])
        (folder / f"{k}.weights.json").write_text(as_file(data, models), encoding="utf8")
        with open(folder / f"{k}.turns.jsonl", "w", encoding="utf8") as out:
            out.writelines(json.dumps(data.rows[i], ensure_ascii=False) + "\n" for i in np.where(groups == k)[0])


if __name__ == "__main__":
    main()
