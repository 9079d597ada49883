"""Metrics of habit against ranx and pytrec_eval (trec_eval) on random rankings without ties.

    metrics_ranx.py METRICS_DUMP

Exit status 77: neither library is installed.  Each that is installed must agree to 1e-9.  ranx
compiles itself at every start, which takes a minute or more: it takes part where the environment
variable HABIT_ORACLE is set.
"""
import importlib.util
import json
import os
import subprocess
import sys

CUTS = (1, 3, 5, 10, 20, 50)
RANX = {"HR": "hit_rate", "Recall": "recall", "Precision": "precision", "F1": "f1",
        "NDCG": "ndcg", "MRR": "mrr", "MAP": "map"}
TREC = {"HR": "success", "Recall": "recall", "Precision": "P", "NDCG": "ndcg_cut",
        "MAP": "map_cut"}


def installed(name):
    if name == "ranx" and not os.environ.get("HABIT_ORACLE"):
        return False
    return importlib.util.find_spec(name) is not None


def questions(dump):
    """qrels and run of every user with targets, seen items left out unless they are targets."""
    qrels, run = {}, {}
    for user, targets in enumerate(dump["targets"]):
        if not targets:
            continue
        seen = set(dump["history"][user]) - set(targets)
        qrels[str(user)] = {str(item): 1 for item in targets}
        run[str(user)] = {str(item): score for item, score in enumerate(dump["scores"][user])
                          if item not in seen}
    return qrels, run


def by_ranx(qrels, run):
    import ranx
    names = {f"{ours}@{k}": f"{theirs}@{k}" for ours, theirs in RANX.items() for k in CUTS}
    names["MRR"] = "mrr"
    values = ranx.evaluate(ranx.Qrels(qrels), ranx.Run(run), list(names.values()))
    return {ours: values[theirs] for ours, theirs in names.items()}


def by_trec(qrels, run):
    import pytrec_eval
    cuts = ",".join(map(str, CUTS))
    wanted = {f"{name}.{cuts}" for name in TREC.values()} | {"recip_rank"}
    users = pytrec_eval.RelevanceEvaluator(qrels, wanted).evaluate(run)
    names = {f"{ours}@{k}": f"{theirs}_{k}" for ours, theirs in TREC.items() for k in CUTS}
    names["MRR"] = "recip_rank"
    return {ours: sum(u[theirs] for u in users.values()) / len(users)
            for ours, theirs in names.items()}


def by_definition(qrels, run):
    """GAUC: pairs of a target and another candidate, weighted by targets."""
    area = weight = 0
    for user, targets in qrels.items():
        scores = run[user]
        others = [s for item, s in scores.items() if item not in targets]
        right = sum(s < scores[t] for t in targets for s in others)
        area += right / len(others)
        weight += len(targets)
    return {"GAUC": area / weight}


def main():
    dump = json.loads(subprocess.run([sys.argv[1]], check=True, capture_output=True).stdout)
    oracles = [(name, fn) for name, fn in (("ranx", by_ranx), ("pytrec_eval", by_trec))
               if installed(name)]
    if not oracles:
        print("skipped: pytrec_eval is not installed, and ranx is not, or HABIT_ORACLE is not set")
        return 77
    qrels, run = questions(dump)
    wrong = 0
    for name, oracle in oracles + [("definition", by_definition)]:
        values = oracle(qrels, run)
        worst = 0
        for metric, value in values.items():
            difference = abs(dump["metrics"][metric] - value)
            worst = max(worst, difference)
            if not difference <= 1e-9:
                wrong += 1
                print(f"{name}: {metric} is {dump['metrics'][metric]!r}, {name} says {value!r}")
        print(f"{name}: {len(values)} metrics, largest difference {worst:.1e}")
    return wrong > 0


sys.exit(main())
