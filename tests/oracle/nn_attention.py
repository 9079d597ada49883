"""Attention on packed ragged sequences, computed one sequence at a time.

Queries, keys and values come projected, heads side by side: head h of D = H * C columns is
columns h*C .. h*C+C-1.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F

from nn_common import EVENTS, LENGTHS, Numbers, fixture, gradients, leaves
from nn_common import offsets, per_sequence, scalar, sequences

HEADS, FEATURES = 2, 8
MAX_LEN = 6  # longest window the tables of positions allow for
BUCKETS = 24
HEADS_TENSOR = torch.tensor([HEADS], dtype=torch.int32)


def heads(x):
    """[T, H*C] -> [H, T, C]."""
    return x.unflatten(1, (HEADS, -1)).transpose(0, 1)


def flat(x):
    """[H, T, C] -> [T, H*C]."""
    return x.transpose(0, 1).flatten(1)


def qkv(r, queries=EVENTS, keys=EVENTS):
    return leaves(
        q=r.real(queries, FEATURES), k=r.real(keys, FEATURES), v=r.real(keys, FEATURES)
    )


def attend(p, rows, bias=None, causal=True):
    q, k, v = (heads(p[name][rows]) for name in "qkv")
    mask = torch.zeros(q.shape[1], k.shape[1], dtype=torch.float64)
    if causal:
        mask = mask.masked_fill(torch.ones_like(mask, dtype=torch.bool).triu(1), -math.inf)
    if bias is not None:
        mask = mask + bias
    return flat(F.scaled_dot_product_attention(q, k, v, attn_mask=mask))


@fixture
def attention_causal():
    """Per user and head: out_i = sum_{j <= i} softmax_j(q_i . k_j / sqrt(C)) v_j, C = D / heads.

    A. Vaswani et al., arXiv:1706.03762, section 3.2, with the mask of SASRec (arXiv:1808.09781,
    section III-B).  torch.nn.functional.scaled_dot_product_attention, one sequence at a time.
    """
    r = Numbers("attention_causal")
    p, offset = qkv(r), offsets()
    out = per_sequence(offset, lambda rows: attend(p, rows))
    return {"offset": offset, "heads": HEADS_TENSOR, **p, **gradients(r, p, out)}


@fixture
def attention_bidirectional():
    """As attention_causal, with j over all events of the user.

    BERT4Rec, arXiv:1904.06690, section 3.3.
    """
    r = Numbers("attention_bidirectional")
    p, offset = qkv(r), offsets()
    out = per_sequence(offset, lambda rows: attend(p, rows, causal=False))
    return {"offset": offset, "heads": HEADS_TENSOR, **p, **gradients(r, p, out)}


@fixture
def attention_cross():
    """Queries of user u (rows offset[u]..) look at all keys of user u (rows key_offset[u]..).

    arXiv:1706.03762, section 3.2.3, encoder-decoder attention.  A user without queries may have
    keys; every user with queries has at least one key.
    """
    r = Numbers("attention_cross")
    key_lengths = (2, 3, 1, 6)
    offset, key_offset = offsets((3, 1, 0, 4)), offsets(key_lengths)
    p = qkv(r, queries=8, keys=sum(key_lengths))
    out = []
    for u in range(len(key_lengths)):
        a, b = offset[u : u + 2].tolist()
        c, d = key_offset[u : u + 2].tolist()
        if b > a:
            part = {"q": p["q"][a:b], "k": p["k"][c:d], "v": p["v"][c:d]}
            out.append(attend(part, slice(None), causal=False))
    tensors = {"offset": offset, "key_offset": key_offset, "heads": HEADS_TENSOR}
    return {**tensors, **p, **gradients(r, p, torch.cat(out))}


def bucket(delta):
    """min(floor(ln(max(|delta|, 1)) / 0.301), BUCKETS)."""
    return (torch.log(delta.abs().clamp(min=1).double()) / 0.301).long().clamp(max=BUCKETS)


def times(r, offset):
    """Time of each event, and of the question asked after it: when the next event happens.

    Gaps run from none to years.  No difference lies so near the edge of a bucket that rounding
    could decide.
    """
    while True:
        gaps = [int(g) for g in 10 ** (r.state.uniform(-0.5, 4.5, EVENTS))]
        time = torch.tensor(gaps).cumsum(0) + 956703932
        asked = time.clone()
        for rows in sequences(offset):
            asked[rows.start : rows.stop - 1] = time[rows.start + 1 : rows.stop]
        delta = (asked[:, None] - time[None, :]).abs().clamp(min=2).double()
        edge = torch.log(delta) / 0.301 % 1
        if ((edge > 0.02) & (edge < 0.98)).all():
            return time, asked


def position_bias(table, length):
    """[.., T, T] of table[.., MAX_LEN - 1 + j - i]."""
    i = torch.arange(length)
    return table[..., MAX_LEN - 1 + i[None, :] - i[:, None]]


def time_bias(table, time, asked):
    """[.., T, T] of table[.., bucket(asked_i - time_j)]."""
    return table[..., bucket(asked[:, None] - time[None, :])]


@fixture
def time_bucket():
    """bucket = min(floor(ln(max(|delta|, 1)) / 0.301), buckets), for differences in seconds.

    HSTU's code (facebookresearch/generative-recommenders, research/modeling/sequential/hstu.py):
    bucketization_fn with num_buckets = 128, clamped in RelativeBucketedTimeAndPositionBasedBias.
    0.301 is log10(2), so the intent may have been log2, but the logarithm is natural: a bucket is a
    factor of exp(0.301) = 1.35.  The paper (arXiv:2402.17152) leaves the function open.  No delta
    here lies at the edge of a bucket.
    """
    delta = [-86400, -1, 0, 1, 2, 3, 10, 59, 60, 100, 1000, 3600, 86400, 2592000, 31536000]
    delta = torch.tensor(delta, dtype=torch.int64)
    tensors = {"delta": delta, "bucket": bucket(delta).int()}
    return {**tensors, "buckets": torch.tensor([BUCKETS], dtype=torch.int32)}


def biased(name, *table):
    r, offset = Numbers(name), offsets()
    time, asked = times(r, offset)
    p = qkv(r)
    p.update(
        leaves(
            position_w=r.weight(*table, 2 * MAX_LEN - 1), time_w=r.weight(*table, BUCKETS + 1)
        )
    )

    def one(rows):
        bias = position_bias(p["position_w"], rows.stop - rows.start)
        bias = bias + time_bias(p["time_w"], time[rows], asked[rows])
        return attend(p, rows, bias=bias)

    tensors = {"offset": offset, "heads": HEADS_TENSOR, "time": time, "asked": asked}
    return {**tensors, **p, **gradients(r, p, per_sequence(offset, one))}


@fixture
def attention_bias():
    """Causal attention with softmax_j(q_i . k_j / sqrt(C) + bias_ij), one table for all heads.

    bias_ij = position_w[L - 1 + j - i] + time_w[bucket(asked_i - time_j)], L = 6, see time_bucket.
    asked_i is the moment of the question after event i: the time of the user's next event, and for
    the last event its own time.  i and j count within the user.  The tables follow HSTU's code
    (RelativeBucketedTimeAndPositionBasedBias); its softmax variant ("softmax_rel_bias") divides
    the bias by sqrt(C) too, while T5 (arXiv:1910.10683, section 2.1) and we do not.
    """
    return biased("attention_bias")


@fixture
def attention_bias_heads():
    """As attention_bias, with tables of their own for each head: row h belongs to head h."""
    return biased("attention_bias_heads", HEADS)


@fixture
def hstu_attention():
    """out_i = sum_{j <= i} silu(q_i . k_j + bias_ij) / n * v_j per head, bias as in attention_bias.

    HSTU, arXiv:2402.17152, eq. 2; its code research/modeling/sequential/hstu.py,
    _hstu_attention_maybe_from_cache.  No 1/sqrt(C).  One table of biases for all heads.  The
    paper's equation has no 1/n; the code divides by n = the longest window and the places for
    output (200 + 11 on ML-1M), the same for short and long histories; so does this.  Queries and
    keys are narrower than values.
    """
    r, offset = Numbers("hstu_attention"), offsets()
    time, asked = times(r, offset)
    p = leaves(
        q=r.real(EVENTS, HEADS * 3),
        k=r.real(EVENTS, HEADS * 3),
        v=r.real(EVENTS, HEADS * 4),
        position_w=r.weight(2 * MAX_LEN - 1),
        time_w=r.weight(BUCKETS + 1),
    )

    def one(rows):
        return bucketed_silu_attention(p, rows, time[rows], asked[rows])

    tensors = {"offset": offset, "heads": HEADS_TENSOR, "time": time, "asked": asked}
    tensors["n"] = scalar(MAX_LEN)
    return {**tensors, **p, **gradients(r, p, per_sequence(offset, one))}


def bucketed_silu_attention(p, rows, time, asked):
    """The attention of hstu_attention on the rows of one user, whose times are given."""
    q, k, v = (heads(p[name][rows]) for name in "qkv")
    bias = position_bias(p["position_w"], q.shape[1]) + time_bias(p["time_w"], time, asked)
    return flat((F.silu(q @ k.transpose(1, 2) + bias) / MAX_LEN).tril() @ v)


@fixture
def attention_layer():
    """q = x wq + bq, k = x wk + bk, v = x wv + bv, out = attention_causal(q, k, v) wo + bo.

    torch.nn.MultiheadAttention, one sequence at a time; wq, wk, wv are its in_proj_weight in
    three, transposed.
    """
    r, offset = Numbers("attention_layer"), offsets()
    p = leaves(x=r.real(EVENTS, FEATURES))
    for name in ("q", "k", "v", "o"):
        p.update(leaves(**{"w" + name: r.weight(FEATURES, FEATURES)}))
        p.update(leaves(**{"b" + name: r.weight(FEATURES)}))
    out = per_sequence(offset, lambda rows: multihead(p, p["x"][rows]))
    return {"offset": offset, "heads": HEADS_TENSOR, **p, **gradients(r, p, out)}


def multihead(p, x, causal=True, count=HEADS, asked=None):
    """torch.nn.MultiheadAttention with the weights of p, on one sequence [T, D].

    Queries are made of `asked`, by default of x like keys and values.
    """
    layer = nn.MultiheadAttention(x.shape[1], count, dtype=torch.float64)
    weights = {
        "in_proj_weight": torch.cat([p["w" + n] for n in "qkv"], dim=1).T,
        "in_proj_bias": torch.cat([p["b" + n] for n in "qkv"]),
        "out_proj.weight": p["wo"].T,
        "out_proj.bias": p["bo"],
    }
    mask = torch.ones(len(x), len(x), dtype=torch.bool).triu(1) if causal else None
    arguments = {"attn_mask": mask, "need_weights": False}
    return torch.func.functional_call(layer, weights, (x if asked is None else asked, x, x), arguments)[0]


assert max(LENGTHS) <= MAX_LEN
