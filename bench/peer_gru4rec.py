"""GRU4Rec in PyTorch, of the usual kinds: the peer that habit's gru4rec is timed against.

    bench/peer_gru4rec.py --data ml-1m.txt --threads 2                      session-parallel
    bench/peer_gru4rec.py --data ml-1m.txt --mode padded --dim 64           through time, padded

B. Hidasi et al., arXiv:1511.06939 and 1706.03847.  --mode session trains as the authors' PyTorch
code does (hidasib/GRU4Rec_PyTorch_Official): M sessions side by side, one step at a time without
looking back, the targets of the batch and sampled items as negatives, sparse gradients, Adagrad
with momentum, one table for input and output.  --mode padded is how other libraries train it: whole
windows through torch.nn.GRU, the loss of each position over all items or sampled ones, Adam.
Prints a JSON line per epoch, and one at the end, as peer_sasrec.py does.  Needs torch and numpy.
"""
import argparse
import functools
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import peer_common as peer

SAMPLED_AT_ONCE = 2_000_000  # negatives drawn in one go


class Adagrad(torch.optim.Optimizer):
    """p -= lr g / sqrt(sum g^2 + eps), through a velocity; rows of sparse gradients only."""

    def __init__(self, parameters, lr, momentum, eps=1e-6):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "eps": eps})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.update(p, group)

    def update(self, p, group):
        state = self.state[p]
        if not state:
            state["sum"] = torch.zeros_like(p)
            state["velocity"] = torch.zeros_like(p) if group["momentum"] else None
        if not p.grad.is_sparse:
            state["sum"].addcmul_(p.grad, p.grad)
            move = p.grad / (state["sum"] + group["eps"]).sqrt() * -group["lr"]
            if group["momentum"]:
                move = state["velocity"].mul_(group["momentum"]).add_(move)
            p.add_(move)
            return
        grad = p.grad.coalesce()
        rows, g = grad.indices()[0], grad.values()
        total = state["sum"][rows] + g * g
        state["sum"][rows] = total
        move = g / (total + group["eps"]).sqrt() * -group["lr"]
        if group["momentum"]:
            move = state["velocity"][rows] * group["momentum"] + move
            state["velocity"][rows] = move
        p.index_add_(0, rows, move)


class GRU4Rec(nn.Module):
    def __init__(self, a, catalogue, sparse):
        super().__init__()
        self.items = nn.Embedding(catalogue + 1, a.dim, padding_idx=0, sparse=sparse)
        self.bias = nn.Embedding(catalogue + 1, 1, sparse=sparse)
        self.gru = nn.GRU(a.dim, a.dim, a.layers, batch_first=True)
        self.drop_in, self.drop_out = nn.Dropout(a.dropout_embed), nn.Dropout(a.dropout_hidden)
        for name, p in self.named_parameters():
            gates = 3 if name.startswith("gru") else 1
            bound = (6 / (p.shape[0] / gates + p.shape[-1])) ** 0.5
            nn.init.uniform_(p, -bound, bound) if "bias" not in name else nn.init.zeros_(p)
        with torch.no_grad():
            self.items.weight[0] = 0

    def step(self, x, states):
        """One event of each session: vectors [M, D] and states -> the new states."""
        x, new = self.drop_in(x), []
        for weights, h in zip(self.gru.all_weights, states):
            x = self.drop_out(torch.gru_cell(x, h, *weights))
            new.append(x)
        return new

    def forward(self, window):
        """[B, L] items, padded right -> [B, L, D]."""
        return self.drop_out(self.gru(self.drop_in(self.items(window)))[0])

    def last(self, window):
        length = (window > 0).sum(1)
        return self(window)[torch.arange(len(window)), length - 1]

    def scores(self, h):
        return h @ self.items.weight.T + self.bias.weight[:, 0]


class SessionBatches:
    """Session-parallel batches: (inputs [M], targets [M], slots that start afresh, slots kept)."""

    def __init__(self, log, batch, held_out=2):
        length = np.diff(log.offset) - held_out
        used = length >= 2
        self.items, self.begin = log.items, log.offset[:-1][used]
        self.end, self.batch = self.begin + length[used], batch

    def __iter__(self):
        at, end = self.begin[: self.batch].copy(), self.end[: self.batch].copy()
        following, fresh = len(at), np.ones(len(at), dtype=bool)
        kept = np.ones(len(at), dtype=bool)
        while len(at):
            yield self.items[at], self.items[at + 1], fresh, kept
            at += 1
            fresh = at + 1 >= end
            slots = np.flatnonzero(fresh)
            new = slots[: len(self.begin) - following]
            at[new] = self.begin[following : following + len(new)]
            end[new] = self.end[following : following + len(new)]
            following += len(new)
            kept = np.ones(len(at), dtype=bool)
            kept[slots[len(new) :]] = False
            at, end, fresh = at[kept], end[kept], fresh[kept]


class PopularItems:
    """Negatives drawn in proportion to popularity^alpha, many at once."""

    def __init__(self, log, count, alpha, seed):
        self.popularity = np.bincount(log.items, minlength=log.catalogue + 1)[1:]
        self.edges = np.cumsum(self.popularity**alpha)
        self.count, self.rng, self.left = count, np.random.default_rng(seed), []

    def draw(self):
        if not self.left:
            batches = max(SAMPLED_AT_ONCE // self.count, 1)
            at = self.rng.random(batches * self.count) * self.edges[-1]
            drawn = np.searchsorted(self.edges, at, side="right") + 1
            self.left = list(torch.from_numpy(drawn.reshape(batches, self.count)))
        return self.left.pop()


def cross_entropy(s, a, log_p):
    if a.logq:
        s = s - a.logq * log_p
    return F.cross_entropy(s, torch.arange(len(s)), reduction="sum")


def bpr_max(s, a, _):
    s = F.elu(s, a.elu) if a.elu else s
    own = torch.eye(*s.shape, dtype=torch.bool)
    w = torch.softmax(s.masked_fill(own, -torch.inf), 1)
    better = (w * torch.sigmoid(s.diagonal()[:, None] - s)).sum(1)
    return (-torch.log(better + 1e-24) + a.reg * (w * s**2).sum(1)).sum()


def session_epoch(a, model, optimiser, batches, sampler):
    """(mean loss, targets, seconds) of one session-parallel pass."""
    model.train()
    log_p = torch.log(torch.from_numpy(sampler.popularity).float())
    loss_of = {"ce": cross_entropy, "bpr-max": bpr_max}[a.loss]
    total, count, start = 0.0, 0, time.perf_counter()
    states = None
    for inputs, targets, fresh, kept in batches:
        if states is None:
            states = [torch.zeros(len(inputs), a.dim) for _ in range(a.layers)]
        elif not kept.all():
            states = [h[torch.from_numpy(kept)] for h in states]
        if fresh.any():
            states = [h.masked_fill(torch.from_numpy(fresh)[:, None], 0) for h in states]
        m, targets = len(inputs), torch.from_numpy(targets)
        column = torch.cat([targets, sampler.draw()]) if a.negatives else targets
        if len(column) < 2:
            break  # a session left alone has no negatives
        vectors = model.items(torch.cat([torch.from_numpy(inputs), column]))
        states = model.step(vectors[:m], states)
        s = states[-1] @ vectors[m:].T + model.bias(column)[:, 0]
        column_p = log_p[column - 1]
        column_p[m:] *= a.alpha
        loss = loss_of(s, a, column_p) / a.batch
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        states = [h.detach() for h in states]
        total, count = total + loss.item() * a.batch, count + m
    return total / count, count, time.perf_counter() - start


def options():
    parser = argparse.ArgumentParser(description="GRU4Rec in PyTorch")
    peer.add_options(parser)
    parser.add_argument("--mode", choices=("session", "padded"), default="session")
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--max-len", type=int, default=200)
    parser.add_argument("--batch", type=int, help="sessions, default 64; padded: 128")
    parser.add_argument("--lr", type=float, help="default .05; padded: .001")
    parser.add_argument("--momentum", type=float, default=0.0)
    parser.add_argument("--dropout-embed", type=float, default=0.0)
    parser.add_argument("--dropout-hidden", type=float, default=0.0)
    parser.add_argument("--loss", default="ce", help="ce, bpr-max; padded: ce, sampled, bce")
    parser.add_argument("--negatives", type=int, default=2048)
    parser.add_argument("--alpha", type=float, default=0.5, help="negatives ~ popularity^alpha")
    parser.add_argument("--logq", type=float, default=0.0)
    parser.add_argument("--elu", type=float, default=0.5, help="of bpr-max")
    parser.add_argument("--reg", type=float, default=1.0, help="of bpr-max")
    a = parser.parse_args()
    session = a.mode == "session"
    if a.loss not in (("ce", "bpr-max") if session else ("ce", "sampled", "bce")):
        parser.error(f"--loss {a.loss} is not a loss of --mode {a.mode}")
    a.batch = a.batch or (64 if session else 128)
    a.lr = a.lr or (0.05 if session else 1e-3)
    return a


def main():
    a = options()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    log = peer.Log(a.data, a.sequences, a.max_len, pad="right")
    model = GRU4Rec(a, log.catalogue, sparse=a.mode == "session")
    if a.mode == "session":
        optimiser = Adagrad(model.parameters(), a.lr, a.momentum)
        batches = SessionBatches(log, a.batch)
        sampler = PopularItems(log, max(a.negatives, 1), a.alpha, a.seed)
        train = functools.partial(session_epoch, a, model, optimiser, batches, sampler)
    else:
        optimiser = torch.optim.Adam(model.parameters(), lr=a.lr)
        loss = "softmax" if a.loss == "ce" else a.loss
        batches = peer.Batches(log, a.batch, loss, a.negatives, a.seed)
        train = functools.partial(peer.train_epoch, model, optimiser, batches)
    peer.run(a, log, train, last=model.last, scores=model.scores, prepare=model.eval)


if __name__ == "__main__":
    main()
