"""Metrics of habit against ranx, pytrec_eval (trec_eval) and scikit-learn, on random rankings without
ties, and against their definitions written down once more.

    metrics_ranx.py METRICS_DUMP

Each library that is installed must agree to 1e-9, and so must the definitions, always.  Exit status
77: the definitions agree, and none of the libraries is installed.  ranx compiles itself at every
start, which takes a minute or more: it takes part where the environment variable HABIT_ORACLE is set.
"""
import importlib.util
import json
import math
import os
import subprocess
import sys

CUTS = (1, 3, 5, 10, 20, 50)
MAIN = 10
RANX = {"HR": "hit_rate", "Recall": "recall", "Precision": "precision", "F1": "f1",
        "NDCG": "ndcg", "MRR": "mrr", "MAP": "map"}
TREC = {"HR": "success", "Recall": "recall", "Precision": "P", "NDCG": "ndcg_cut",
        "MAP": "map_cut"}


def installed(name):
    if name == "ranx" and not os.environ.get("HABIT_ORACLE"):
        return False
    return importlib.util.find_spec(name) is not None


def mean(values):
    values = list(values)
    return math.fsum(values) / len(values)


class Questions:
    """What was asked: qrels and run of every user with targets, seen items left out unless they
    are targets; pairs of (was the case, score); pairs of (value, guess)."""

    def __init__(self, dump):
        self.dump = dump
        self.qrels, self.run, self.lists = {}, {}, []
        for user, targets in enumerate(dump["targets"]):
            if not targets:
                continue
            seen = set(dump["history"][user]) - set(targets)
            scores = {item: score for item, score in enumerate(dump["scores"][user])
                      if item not in seen}
            self.qrels[str(user)] = {str(item): 1 for item in targets}
            self.run[str(user)] = {str(item): score for item, score in scores.items()}
            self.lists.append(sorted(scores, key=scores.get, reverse=True))
        score = dump["scores"]
        self.pairs = [(was, score[user][item]) for user, target, other in dump["probes"]
                      for was, item in ((1, target), (0, other))]
        self.values = [(value, score[user][item])
                       for user, items in enumerate(dump["targets"])
                       for item, value in zip(items, dump["values"][user]) if value is not None]

    def probability(self, score):
        return 1 / (1 + math.exp(-(self.dump["slope"] * score + self.dump["offset"])))


def by_ranx(q):
    import ranx
    names = {f"{ours}@{k}": f"{theirs}@{k}" for ours, theirs in RANX.items() for k in CUTS}
    names["MRR"] = "mrr"
    values = ranx.evaluate(ranx.Qrels(q.qrels), ranx.Run(q.run), list(names.values()))
    return {ours: values[theirs] for ours, theirs in names.items()}


def by_trec(q):
    import pytrec_eval
    cuts = ",".join(map(str, CUTS))
    wanted = {f"{name}.{cuts}" for name in TREC.values()} | {"recip_rank"}
    users = list(pytrec_eval.RelevanceEvaluator(q.qrels, wanted).evaluate(q.run).values())
    out = {f"{ours}@{k}": mean(u[f"{theirs}_{k}"] for u in users)
           for ours, theirs in TREC.items() for k in CUTS}
    out["MRR"] = mean(u["recip_rank"] for u in users)
    for k in CUTS:  # trec_eval has no names for these two; they follow from what it says of a user
        out[f"MRR@{k}"] = mean(u["recip_rank"] * u[f"success_{k}"] for u in users)
        both = [(u[f"P_{k}"], u[f"recall_{k}"]) for u in users]
        out[f"F1@{k}"] = mean(2 * p * r / (p + r) if p else 0 for p, r in both)
    return out


def by_sklearn(q):
    from sklearn import metrics
    was, score = zip(*q.pairs)
    value, guess = zip(*q.values)
    probability = [q.probability(s) for s in score]
    users = [([int(item in targets) for item in run], list(run.values()), len(targets))
             for targets, run in ((q.qrels[u], q.run[u]) for u in q.qrels)]
    return {"AUC": metrics.roc_auc_score(was, score),
            "GAUC": (math.fsum(n * metrics.roc_auc_score(taken, s) for taken, s, n in users)
                     / sum(n for _, _, n in users)),
            "Accuracy": metrics.accuracy_score(was, [p > 0.5 for p in probability]),
            "LogLoss": metrics.log_loss(was, probability),
            "RMSE": math.sqrt(metrics.mean_squared_error(value, guess)),
            "MAE": metrics.mean_absolute_error(value, guess)}


def pairs_by_definition(q):
    taken = [s for was, s in q.pairs if was]
    others = [s for was, s in q.pairs if not was]
    said = [(was, q.probability(s)) for was, s in q.pairs]
    bins = [[(was, p) for was, p in said if int(p * 15) == b] for b in range(15)]
    area = weight = 0
    for user, targets in q.qrels.items():
        scores = q.run[user]
        rest = [s for item, s in scores.items() if item not in targets]
        area += sum(s < scores[t] for t in targets for s in rest) / len(rest)
        weight += len(targets)
    return {"AUC": mean(a > b for a in taken for b in others),
            "GAUC": area / weight,
            "Accuracy": mean((p > 0.5) == was for was, p in said),
            "LogLoss": mean(-math.log(p if was else 1 - p) for was, p in said),
            "ECE": math.fsum(abs(math.fsum(p - was for was, p in b)) for b in bins) / len(said),
            "RMSE": math.sqrt(mean((v - g) ** 2 for v, g in q.values)),
            "MAE": mean(abs(v - g) for v, g in q.values)}


def lists_by_definition(q):
    history, items = q.dump["history"], len(q.dump["scores"][0])
    count = [sum(row.count(i) for row in history) for i in range(items)]
    owners = [{u for u, row in enumerate(history) if i in row} for i in range(items)]
    head = set(sorted(range(items), key=lambda i: (-count[i], i))[:items // 5])
    novelty = [-math.log2((c + 1) / (sum(count) + items)) for c in count]
    out = {}
    for k in CUTS:
        shown = [0] * items
        for one in q.lists:
            for i in one[:k]:
                shown[i] += 1
        out[f"Coverage@{k}"] = mean(n > 0 for n in shown)
        out[f"Gini@{k}"] = (sum(abs(a - b) for a in shown for b in shown)
                            / (2 * items * sum(shown)))
        out[f"Novelty@{k}"] = mean(mean(novelty[i] for i in one[:k]) for one in q.lists)
        out[f"PopShare@{k}"] = mean(mean(i in head for i in one[:k]) for one in q.lists)

    def unlike(i, j):
        both = len(owners[i] & owners[j])
        return 1 - both / math.sqrt(len(owners[i]) * len(owners[j]))

    out[f"ILD@{MAIN}"] = mean(mean(unlike(i, j) for n, i in enumerate(one[:MAIN])
                                   for j in one[:n] if owners[i] and owners[j])
                              for one in q.lists)
    return out


def by_definition(q):
    return pairs_by_definition(q) | lists_by_definition(q)


def main():
    dump = json.loads(subprocess.run([sys.argv[1]], check=True, capture_output=True).stdout)
    ours = dump["metrics"][0] | {name: dump["metrics"][1][name]
                                 for name in ("Accuracy", "LogLoss", "ECE")}
    libraries = [(name, fn) for name, fn in (("ranx", by_ranx), ("pytrec_eval", by_trec),
                                             ("sklearn", by_sklearn)) if installed(name)]
    q = Questions(dump)
    wrong, checked = 0, set()
    for name, oracle in libraries + [("definition", by_definition)]:
        values = oracle(q)
        worst = 0
        for metric, value in values.items():
            difference = abs(ours[metric] - value)
            worst = max(worst, difference)
            if not difference <= 1e-9:
                wrong += 1
                print(f"{name}: {metric} is {ours[metric]!r}, {name} says {value!r}")
        checked |= set(values)
        print(f"{name}: {len(values)} metrics, largest difference {worst:.1e}")
    if libraries and not checked >= set(ours) and {"ranx", "pytrec_eval"} & {n for n, _ in libraries}:
        wrong += 1
        print(f"nobody checks {sorted(set(ours) - checked)}")
    if wrong == 0 and not libraries:
        print("skipped: the definitions agree; pytrec_eval and scikit-learn are not installed, and "
              "ranx is not, or HABIT_ORACLE is not set")
        return 77
    return wrong > 0


sys.exit(main())
