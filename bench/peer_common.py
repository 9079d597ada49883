"""What the PyTorch peers share: the log, padded windows, negatives, losses, ranking, reports.

The peers train and rank as people usually do with PyTorch, so that their speed can be set beside
habit's on the same machine; their data side is vectorised, so that it is not what is measured.
Leave-one-out: the last item of a user is the test, the one before is for validation.
"""
import json
import os
import resource
import time

import numpy as np
import torch
from torch.nn import functional as F

TOP = 10
DENSE_SEEN = 400_000_000  # users x items up to which a table of booleans tells what was seen


def add_options(parser):
    parser.add_argument("--data", required=True, help="file of 'user item' lines, in order")
    parser.add_argument("--sequences", action="store_true", help="lines 'user item item ...'")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--valid-every", type=int, default=0, help="epochs between validations")
    parser.add_argument("--metrics", action="store_true", help="HR@10 and NDCG@10 at the end")


def memory_mib():
    """Resident memory at present, and at its highest so far."""
    with open("/proc/self/statm") as f:
        now = int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return now / 2**20, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


IMPORTED_MIB = memory_mib()[0]  # what PyTorch itself takes, before any work


def read_log(path, sequences):
    """(items [N] from 1, offset [U + 1]): the events of each user end to end, in order."""
    if sequences:
        with open(path) as lines:
            parts = [np.array(line.split()[1:], dtype=np.int64) for line in lines]
        users = np.repeat(np.arange(len(parts)), [len(p) for p in parts])
        items = np.concatenate(parts)
    else:
        pairs = np.fromfile(path, dtype=np.int64, sep=" ").reshape(-1, 2)
        users, items = np.unique(pairs[:, 0], return_inverse=True)[1], pairs[:, 1]
        order = np.argsort(users, kind="stable")
        users, items = users[order], items[order]
    items = np.unique(items, return_inverse=True)[1] + 1
    return items, np.concatenate(([0], np.cumsum(np.bincount(users))))


class Log:
    """A log, split leave-one-out, and the windows of its users, padded left or right."""

    def __init__(self, path, sequences, max_len, pad="left"):
        self.items, self.offset = read_log(path, sequences)
        self.users, self.catalogue = len(self.offset) - 1, int(self.items.max())
        self.max_len, self.pad = max_len, pad
        length = np.diff(self.offset)
        self.owner = np.repeat(np.arange(self.users), length)
        self.ranked = np.flatnonzero(length >= 3)  # users with a test item
        self.trained = np.flatnonzero(length >= 4)  # users with a target to train on
        if self.users * (self.catalogue + 1) <= DENSE_SEEN:
            self.seen = np.zeros((self.users, self.catalogue + 1), dtype=bool)
            self.seen[self.owner, self.items] = True
        else:
            self.seen = None
            self.keys = np.unique(self.owner * (self.catalogue + 1) + self.items)

    def places(self, users, held_out):
        """Places in `items` [len(users), max_len] of the window, and which of them are in it."""
        end = self.offset[users + 1] - held_out
        start = np.maximum(self.offset[users], end - self.max_len)
        first = end - self.max_len if self.pad == "left" else start
        place = np.arange(self.max_len)[None, :] + first[:, None]
        inside = (place >= start[:, None]) & (place < end[:, None])
        return np.where(inside, place, 0), inside

    def window(self, users, held_out):
        """[len(users), max_len]: what came before the last `held_out` items, padded by 0."""
        place, inside = self.places(users, held_out)
        return np.where(inside, self.items[place], 0)

    def training(self):
        """(inputs, targets) [len(trained), max_len]: after each item the next one, else 0."""
        place, inside = self.places(self.trained, 3)
        following = self.items[np.where(inside, place + 1, 0)]
        return np.where(inside, self.items[place], 0), np.where(inside, following, 0)

    def answers(self, held_out):
        """The test items (1) or the validation items (2) of the ranked users."""
        return self.items[self.offset[self.ranked + 1] - held_out]

    def was_seen(self, users, items):
        if self.seen is not None:
            return self.seen[users, items]
        keys = users * (self.catalogue + 1) + items
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return self.keys[at] == keys

    def negatives(self, rng, users, count):
        """[len(users), count]: for each row, items its user has never met, uniformly."""
        drawn = rng.integers(1, self.catalogue + 1, (len(users), count))
        while True:
            row, column = np.nonzero(self.was_seen(users[:, None], drawn))
            if not len(row):
                return drawn
            drawn[row, column] = rng.integers(1, self.catalogue + 1, len(row))


class Batches:
    """An epoch of padded training batches: users in random order, negatives drawn as it goes."""

    def __init__(self, log, batch, loss, negatives, seed):
        self.log, self.batch, self.loss, self.count = log, batch, loss, negatives
        self.rng = np.random.default_rng(seed)
        self.inputs, self.targets = log.training()

    def __iter__(self):
        order = self.rng.permutation(len(self.inputs))
        for start in range(0, len(order), self.batch):
            chosen = order[start : start + self.batch]
            targets = self.targets[chosen]
            negatives = None
            if self.loss == "bce":
                users = np.repeat(self.log.trained[chosen], (targets > 0).sum(1))
                negatives = self.log.negatives(self.rng, users, self.count)
            elif self.loss == "sampled":
                negatives = self.rng.integers(1, self.log.catalogue + 1, self.count)
            negatives = None if negatives is None else torch.from_numpy(negatives)
            yield torch.from_numpy(self.inputs[chosen]), torch.from_numpy(targets), negatives


def loss_of(kind, h, table, targets, negatives):
    """Mean loss of h [N, D] for targets [N]; row 0 of the table is padding.

    bce: negatives [N, K] of each target; sampled: negatives [K] shared by the batch.
    """
    if kind == "softmax":
        return F.cross_entropy(h @ table[1:].T, targets - 1)
    positive = (h * F.embedding(targets, table)).sum(-1)
    if kind == "bce":
        others = (h[:, None, :] * F.embedding(negatives, table)).sum(-1)
        return (F.softplus(-positive) + F.softplus(others).sum(1)).mean()
    others = h @ F.embedding(negatives, table).T
    others = others.masked_fill(negatives[None, :] == targets[:, None], -torch.inf)
    return (torch.logsumexp(torch.cat([positive[:, None], others], 1), 1) - positive).mean()


def train_epoch(model, optimiser, batches):
    """(mean loss, targets, seconds)."""
    model.train()
    total, count, start = 0.0, 0, time.perf_counter()
    for inputs, targets, negatives in batches:
        real = targets > 0
        h = model(inputs)[real]
        loss = loss_of(batches.loss, h, model.items.weight, targets[real], negatives)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total, count = total + loss.item() * len(h), count + len(h)
    return total / count, count, time.perf_counter() - start


def rank_all(log, last, scores, held_out, batch=256):
    """(HR@10, NDCG@10, seconds) of ranking the whole catalogue for every user, seen items out.

    last(window) gives the vectors of the users, scores(vectors) [B, catalogue + 1].  held_out: 1
    for the test, 2 for validation.
    """
    answers, found = log.answers(held_out), []
    start = time.perf_counter()
    with torch.inference_mode():
        for at in range(0, len(log.ranked), batch):
            users = log.ranked[at : at + batch]
            s = scores(last(torch.from_numpy(log.window(users, held_out))))
            answer = torch.from_numpy(answers[at : at + batch])[:, None]
            kept = s.gather(1, answer)
            row, item = history(log, users, held_out)
            s[torch.from_numpy(row), torch.from_numpy(item)] = -torch.inf
            s[:, 0] = -torch.inf
            s.scatter_(1, answer, kept)
            found.append(s.topk(TOP, dim=1).indices == answer)
    seconds = time.perf_counter() - start
    hit = torch.cat(found).double()
    gain = hit / torch.log2(torch.arange(TOP) + 2.0)
    return hit.sum(1).mean().item(), gain.sum(1).mean().item(), seconds


def history(log, users, held_out):
    """(row, item) of everything that the users did before the held-out items."""
    begin, end = log.offset[users], log.offset[users + 1] - held_out
    row = np.repeat(np.arange(len(users)), end - begin)
    at = np.arange(len(row)) - np.repeat(np.cumsum(end - begin) - (end - begin), end - begin)
    return row, log.items[at + begin[row]]


def one_user(log, last, scores, calls=200):
    """Median milliseconds from a history of max_len items to ten new ones."""
    rng, spent = np.random.default_rng(7), []
    with torch.inference_mode():
        for _ in range(calls):
            window = torch.from_numpy(rng.integers(1, log.catalogue + 1, (1, log.max_len)))
            start = time.perf_counter()
            s = scores(last(window))
            s[0, window[0]] = -torch.inf
            s[0, 0] = -torch.inf
            s.topk(TOP)
            spent.append(time.perf_counter() - start)
    return 1000 * float(np.median(spent))


def say(row):
    print(json.dumps(json.loads(json.dumps(row), parse_float=short)), flush=True)


def short(digits):
    return float(f"{float(digits):.6g}")


def run(a, log, epoch, last, scores, prepare=lambda: None):
    """Trains and prints a line per epoch, then ranks and prints a line about all of it."""
    for number in range(1, a.epochs + 1):
        cpu = time.process_time()
        loss, targets, seconds = epoch()
        row = {"epoch": number, "loss": loss, "targets": targets, "seconds": seconds}
        row.update(cpu_seconds=time.process_time() - cpu, targets_per_second=targets / seconds)
        if a.valid_every and number % a.valid_every == 0:
            prepare()
            hr, ndcg, _ = rank_all(log, last, scores, held_out=2)
            row["valid"] = {"HR@10": hr, "NDCG@10": ndcg}
        say(row)
    trained = memory_mib()[1]
    prepare()
    hr, ndcg, seconds = rank_all(log, last, scores, held_out=1)
    row = {"peak_mib": memory_mib()[1], "peak_mib_training": trained, "import_mib": IMPORTED_MIB}
    row.update(rank_all_seconds=seconds, users=len(log.ranked), items=log.catalogue)
    row["one_user_ms"] = one_user(log, last, scores)
    if a.metrics:
        row.update({"HR@10": hr, "NDCG@10": ndcg})
    row.update(torch=torch.__version__, threads=torch.get_num_threads())
    row["load"] = os.getloadavg()[0]
    say(row)
