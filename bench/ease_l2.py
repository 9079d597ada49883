"""The penalty of EASE for Gowalla, chosen on a random tenth of each user's items in train.txt.

    python3 bench/ease_l2.py ../shared/data/gowalla-lightgcn/train.txt 50 100 200 500
    python3 bench/ease_l2.py --users 8000 ../shared/data/gowalla-lightgcn/train.txt 30 50 70 100

With --users only so many users, a random sample, are learned from and asked: time goes with the
third power of their number (some ten minutes of a core for all), memory with the square.

Prints Recall@20 and NDCG@20 on the items held out, all items ranked but those learned from.  The
test file is not read.  With K = X X^T + l2 I over the users, K^-1 X = X (X^T X + l2 I)^-1: the
model's scores without the items x items matrix, since Gowalla has fewer users than items.
"""

import argparse

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp

CUT, BLOCK, SEED = 20, 1000, 1


def read_split(path):
    rng = np.random.default_rng(SEED)
    learn, held = [], []
    for u, line in enumerate(open(path)):
        items = rng.permutation(np.unique(np.array(line.split()[1:], dtype=np.int64)))
        n = max(1, round(len(items) / 10)) if len(items) >= 3 else 0
        held += [(u, i) for i in items[:n]]
        learn += [(u, i) for i in items[n:]]
    shape = (u + 1, 1 + max(i for _, i in learn + held))
    return [
        sp.csr_matrix((np.ones(len(p), np.float32), tuple(np.array(p).T)), shape)
        for p in (learn, held)
    ]


def inverse(x, l2):
    """(X X^T + l2 I)^-1, in float, in one matrix."""
    k = (x @ x.T).toarray(order="F")
    k[np.diag_indices_from(k)] += l2
    k, info = la.lapack.spotrf(k, lower=1, clean=0, overwrite_a=1)
    assert info == 0, "not positive definite"
    k, info = la.lapack.spotri(k, lower=1, overwrite_c=1)
    assert info == 0
    for i in range(0, len(k), BLOCK):  # mirrors the lower triangle
        block = slice(i, i + BLOCK)
        k[block, i + BLOCK :] = k[i + BLOCK :, block].T
        k[block, block] = np.tril(k[block, block]) + np.tril(k[block, block], -1).T
    return k


def metrics(x, held, l2):
    k, xt = inverse(x, l2), x.T.tocsr()

    def blocks():
        for i in range(0, x.shape[0], BLOCK):
            rows = slice(i, min(i + BLOCK, x.shape[0]))
            yield rows, (xt @ np.ascontiguousarray(k[:, rows])).T  # K^-1 X of these users

    diagonal = np.ones(x.shape[1])
    for rows, w in blocks():
        diagonal -= np.asarray(x[rows].multiply(w).sum(axis=0)).ravel()
    diagonal /= l2  # of P = (X^T X + l2 I)^-1
    discount = 1 / np.log2(np.arange(2, CUT + 2))
    recall, ndcg = [], []
    for rows, w in blocks():
        scores = -w / diagonal
        scores[x[rows].nonzero()] = -np.inf
        top = np.argpartition(-scores, CUT, axis=1)[:, :CUT]
        order = np.take_along_axis(scores, top, axis=1).argsort(axis=1)[:, ::-1]
        top = np.take_along_axis(top, order, axis=1)
        for r, u in enumerate(range(rows.start, rows.stop)):
            want = held.indices[held.indptr[u] : held.indptr[u + 1]]
            if len(want) == 0:
                continue
            hit = np.isin(top[r], want)
            recall.append(hit.sum() / len(want))
            ndcg.append((hit * discount).sum() / discount[: len(want)].sum())
    return np.mean(recall), np.mean(ndcg)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train")
    parser.add_argument("l2", type=float, nargs="+")
    parser.add_argument("--users", type=int)
    a = parser.parse_args()
    x, held = read_split(a.train)
    if a.users:
        some = np.sort(np.random.default_rng(5).permutation(x.shape[0])[: a.users])
        x, held = x[some], held[some]
    print(f"{x.shape[0]} users, {x.shape[1]} items, {x.nnz} to learn from, {held.nnz} held out")
    for l2 in a.l2:
        print("l2 %5g: Recall@20 %.4f NDCG@20 %.4f" % (l2, *metrics(x, held, l2)), flush=True)


if __name__ == "__main__":
    main()
