"""Seconds per iteration of iALS: habit beside implicit, same log, factors and threads.

Both take 3 steps of conjugate gradients per vector.  Turns alternate between the two, so that
what else the machine does hits both; the best iteration of each is compared, since disturbances
only ever make one slower, and the median is shown beside it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time

import implicit
import numpy as np
import scipy.sparse as sp

STEPS = 3
TURNS = 2


def read_pairs(path, sequences):
    users, items = [], []
    with open(path) as lines:
        for line in lines:
            row = [int(x) for x in line.split()]
            users += row[:1] * (len(row) - 1) if sequences else row[:1]
            items += row[1:] if sequences else row[1:2]
    users = np.unique(users, return_inverse=True)[1]
    items = np.unique(items, return_inverse=True)[1]
    matrix = sp.csr_matrix((np.ones(len(users), np.float32), (users, items)))
    matrix.data[:] = 1
    return matrix


def implicit_seconds(matrix, factors, threads, iterations):
    model = implicit.als.AlternatingLeastSquares(
        factors=factors, num_threads=threads, iterations=iterations, use_gpu=False, use_cg=True
    )
    seconds = []
    model.fit(matrix, show_progress=False, callback=lambda i, s, *loss: seconds.append(s))
    return seconds


def habit_seconds(habit, path, factors, threads, iterations):
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            [habit, "train", path, "--model", "ials", "--protocol", "all", "--quiet"]
            + ["--out", folder + "/model", "--threads", str(threads), "--cg-steps", str(STEPS)]
            + ["--dim", str(factors), "--iterations", str(iterations)]
            + ["--log", folder + "/log.jsonl"],
            capture_output=True,
            text=True,
        )
        if run.returncode:
            sys.exit(run.stderr)
        with open(folder + "/log.jsonl") as lines:
            return [json.loads(line)["seconds"] for line in lines]


def flops(matrix, d):
    """Operations of one iteration as habit does it, multiply and add counted apart."""
    rows = sum(matrix.shape)
    gram = rows * d * d  # one triangle
    rotate = 2 * 2 * rows * d * d  # both sides, in each half
    gradients = 2 * matrix.nnz * (STEPS + 1) * 4 * d
    return gram + rotate + gradients


def peak_gflops(habit):
    rows = json.loads(
        subprocess.run([habit, "bench", "--json"], capture_output=True, text=True).stdout
    )["rows"]
    return next(r["gflops"] for r in rows if r["kernel"] == "peak")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--habit", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--factors", type=int, nargs="+", required=True)
    parser.add_argument("--iterations", type=int, required=True)
    a = parser.parse_args()

    logs = [
        ("gowalla", a.data + "/gowalla-lightgcn/train.txt", True),
        ("ml-1m", a.data + "/ml-1m/ml-1m.txt", False),
    ]
    peak = peak_gflops(a.habit) * a.threads
    print(f"implicit {implicit.__version__}, {a.threads} threads, peak {peak:.0f} GFLOP/s")
    print("log      factors | implicit s (median) | habit s (median)  | ratio | GFLOP/s  of peak")
    for name, path, sequences in logs:
        matrix = read_pairs(path, sequences)
        for d in a.factors:
            theirs, ours = [], []
            for _ in range(TURNS):
                theirs += implicit_seconds(matrix, d, a.threads, a.iterations)
                ours += habit_seconds(a.habit, path, d, a.threads, a.iterations)
                time.sleep(0.2)
            rate = flops(matrix, d) / min(ours) / 1e9
            print(
                f"{name:8} {d:7} | {min(theirs):8.4f} ({np.median(theirs):8.4f}) |"
                f" {min(ours):7.4f} ({np.median(ours):7.4f}) | {min(ours) / min(theirs):5.2f} |"
                f" {rate:7.1f}  {rate / peak:6.1%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
