"""Whole models: the vectors they make of histories, and softmax cross-entropy over all items."""
import torch
from torch import nn
from torch.nn import functional as F

from nn_attention import BUCKETS, HEADS, HEADS_TENSOR, MAX_LEN
from nn_attention import bucketed_silu_attention, multihead, times
from nn_common import EVENTS, Numbers, fixture, leaves, loss_gradients
from nn_common import offsets, per_sequence, scalar, sequences
from nn_recurrent import decays, lru_layer, recurrent

FEATURES, INNER, CATALOGUE, BLOCKS = 8, 12, 9, 2


def start(name, rows=CATALOGUE, position=True):
    """Generator, offset, ids {input, target}, {item, position} that ask for gradients."""
    r, offset = Numbers(name), offsets()
    ids = {"input": r.items(EVENTS, CATALOGUE), "target": r.items(EVENTS, CATALOGUE)}
    p = leaves(item=r.weight(rows, FEATURES))
    if position:
        p.update(leaves(position=r.weight(MAX_LEN, FEATURES)))
    return r, offset, ids, p


def vectors(p, ids, rows):
    """item[input] + position, the first event of a user being at position 0."""
    x = F.embedding(ids["input"][rows].long(), p["item"])
    return x + p["position"][: len(x)] if "position" in p else x


def add(p, r, prefix, **shapes):
    """Adds parameters prefix.name; the gains of norms are near one."""
    for name, shape in shapes.items():
        gain = 1.0 if name.startswith("norm") and name.endswith("w") else 0.0
        p[f"{prefix}.{name}"] = r.real(*shape, scale=0.4, shift=gain).requires_grad_(True)


def part(p, prefix):
    """The parameters prefix.*, without the prefix."""
    return {n[len(prefix) + 1 :]: t for n, t in p.items() if n.startswith(prefix + ".")}


def norm(p, name, x, eps):
    return F.layer_norm(x, x.shape[-1:], p[name + "_w"], p[name + "_b"], eps)


def answer(ids, p, out, scores, given, shared=("item",), **output_only):
    """Tensors of the file: scores(out, tables) are softmax scores of all items.

    tables are those that inputs and outputs share, and what only the output has (output_only).
    """
    tables = {**{n: p[n].detach() for n in shared}, **output_only}
    tables = {n: t.clone().requires_grad_(True) for n, t in tables.items()}
    h = out.detach().requires_grad_(True)
    losses = F.cross_entropy(scores(h, tables), ids["target"].long(), reduction="none")
    loss = losses.mean()
    dout, *direct = torch.autograd.grad(loss, [h, *tables.values()])
    grads = torch.autograd.grad((out * dout).sum(), list(p.values()))
    return {
        **ids,
        **given,
        **p,
        **output_only,
        "out": out,
        "losses": losses,
        "loss": loss.reshape(1),
        "dout": dout,
        **{"d" + n: g for n, g in zip(p, grads)},
        **{"score_" + n: g for n, g in zip(tables, direct)},
    }


def dot(h, tables):
    return h @ tables["item"][:CATALOGUE].T + tables.get("bias", 0)


ATTENTION = {
    **{f"w{n}": (FEATURES, FEATURES) for n in "qkvo"},
    **{f"b{n}": (FEATURES,) for n in "qkvo"},
}
VECTOR = (FEATURES,)


@fixture
def sasrec():
    """x = sqrt(D) item[input] + position; twice y = LN1 x, x = y + SA(y; x), y = LN2 x,
    x = y + FFN(y); out = LN(x).

    SA is attention_layer with queries of y, and keys and values of x; FFN(y) = relu(y w1 + b1) w2 +
    b2; loss = softmax_ce of out item^T (the paper's loss is bce).  W.-C. Kang, J. McAuley,
    arXiv:1808.09781, section III; the authors' code is kang205/SASRec (model.py, modules.py).  Where
    they disagree this is the code:

    - it multiplies item vectors by sqrt(D); the paper does not say so
    - its residuals start from the normalised input (multihead_attention and feedforward add
      `queries` and `inputs`, which are LN(x)), and keys and values are not normalised; the paper
      has x + g(LN(x)) (III-C)
    - neither has a projection wo after attention; torch.nn.MultiheadAttention, which the PyTorch
      versions use, has one, and so has this: wo = 1, bo = 0 gives the authors'
    - it normalises after the last block; the paper does not say
    - it pads on the left, so that its positions count back from the newest event; here the first
      event of the window is at position 0, as positions that do not shift must be
    """
    r, offset, ids, p = start("sasrec")
    for b in range(BLOCKS):
        ffn = {"w1": (FEATURES, FEATURES), "b1": VECTOR, "w2": (FEATURES, FEATURES), "b2": VECTOR}
        norms = {"norm1_w": VECTOR, "norm1_b": VECTOR, "norm2_w": VECTOR, "norm2_b": VECTOR}
        add(p, r, f"block.{b}", **norms, **ATTENTION, **ffn)
    add(p, r, "norm", norm_w=VECTOR, norm_b=VECTOR)

    def one(rows):
        x = F.embedding(ids["input"][rows].long(), p["item"]) * FEATURES**0.5
        x = x + p["position"][: len(x)]
        for b in range(BLOCKS):
            k = part(p, f"block.{b}")
            y = norm(k, "norm1", x, 1e-8)
            x = y + multihead(k, x, asked=y)
            y = norm(k, "norm2", x, 1e-8)
            x = y + torch.relu(y @ k["w1"] + k["b1"]) @ k["w2"] + k["b2"]
        return norm(part(p, "norm"), "norm", x, 1e-8)

    given = {"offset": offset, "heads": HEADS_TENSOR, "eps": scalar(1e-8)}
    return answer(ids, p, per_sequence(offset, one), dot, given)


@fixture
def gru4rec():
    """x = item[input]; twice x = gru(x); out = x, loss = softmax_ce_bias of out item^T + bias.

    One table for input and output ("constrained embedding") and a number per item, as in
    hidasib/GRU4Rec_PyTorch_Official (gru4rec_pytorch.py, GRU4RecModel); over whole histories from a
    zero state, while that code takes one step at a time.  For gates and their order see gru.
    """
    r, offset, ids, p = start("gru4rec", position=False)
    gates = (FEATURES, 3 * FEATURES)
    for layer in range(2):
        add(p, r, f"layer.{layer}", wx=gates, wh=gates, bx=gates[1:], bh=gates[1:])

    def one(rows):
        x = vectors(p, ids, rows)
        for layer in range(2):
            x = recurrent(nn.GRU, part(p, f"layer.{layer}"), x)
        return x

    bias = r.real(CATALOGUE)
    return answer(ids, p, per_sequence(offset, one), dot, {"offset": offset}, bias=bias)


def masked_ids(ids, offset):
    """Masks three events: the one of the shortest user, and the last and another of the longest."""
    first, last = offset[1].item(), offset[-1].item() - 1
    masked = torch.tensor([first, last - 2, last], dtype=torch.int32)
    ids["target"] = ids["input"][masked.long()].clone()
    ids["input"][masked.long()] = CATALOGUE
    ids["masked"] = masked


def bert(name, as_in_code):
    r, offset, ids, p = start(name, rows=CATALOGUE + 1)
    masked_ids(ids, offset)
    norms = {n: VECTOR for n in ("norm1_w", "norm1_b", "norm2_w", "norm2_b")}
    if as_in_code:
        add(p, r, "input", norm_w=VECTOR, norm_b=VECTOR)
    for b in range(BLOCKS):
        ffn = {"w1": (FEATURES, INNER), "b1": (INNER,), "w2": (INNER, FEATURES), "b2": VECTOR}
        add(p, r, f"block.{b}", **ATTENTION, **norms, **ffn)
    add(p, r, "head", w=(FEATURES, FEATURES), b=VECTOR)
    if as_in_code:
        add(p, r, "head", norm_w=VECTOR, norm_b=VECTOR)

    def one(rows):
        x = vectors(p, ids, rows)
        x = norm(part(p, "input"), "norm", x, 1e-12) if as_in_code else x
        for b in range(BLOCKS):
            k = part(p, f"block.{b}")
            x = norm(k, "norm1", x + multihead(k, x, causal=False), 1e-12)
            ffn = F.gelu(x @ k["w1"] + k["b1"]) @ k["w2"] + k["b2"]
            x = norm(k, "norm2", x + ffn, 1e-12)
        return x

    k = part(p, "head")
    out = F.gelu(per_sequence(offset, one)[ids["masked"].long()] @ k["w"] + k["b"])
    out = norm(k, "norm", out, 1e-12) if as_in_code else out
    given = {"offset": offset, "heads": HEADS_TENSOR, "eps": scalar(1e-12)}
    return answer(ids, p, out, dot, given, bias=r.real(CATALOGUE))


@fixture
def bert4rec():
    """x = item[input] + position; twice x = LN1(x + SA(x)), x = LN2(x + FFN(x)); see below for out.

    SA is attention over all events of the user (attention_bidirectional), FFN(x) =
    gelu(x w1 + b1) w2 + b2, out[m] = gelu(x[masked[m]] head.w + head.b), loss = softmax_ce_bias of
    out item^T + bias over the items.  Row 9 of item is the mask, which stands in input at the
    events to predict and is not among the scores.  gelu is the exact one.

    F. Sun et al., arXiv:1904.06690, eq. 1-8, as the paper has it.  The authors' code
    (FeiSun/BERT4Rec modeling.py, run.py) differs in two places: see bert4rec_code.  Both have the
    first event of the window at position 0.
    """
    return bert("bert4rec", as_in_code=False)


@fixture
def bert4rec_code():
    """As bert4rec, with the two norms that the authors' code has and the paper has not.

    x = LN(item[input] + position) before the blocks (modeling.py, embedding_postprocessor), and
    out = LN(gelu(...)) (run.py, get_masked_lm_output).  The code also adds a vector of token type,
    the same for every event, and lets padding, mask and unused rows take part in the softmax; not
    here.
    """
    return bert("bert4rec_code", as_in_code=True)


def unit(x):
    """Rows of length one."""
    return x / torch.linalg.norm(x, dim=-1, keepdim=True).clamp(min=1e-6)


@fixture
def hstu():
    """x = item[input] * sqrt(D) + position; twice the unit below; out = x / |x|.

        u, v, q, k = the columns of silu(LN(x) uvqk), each `heads` wide times 4, 4, 3, 3
        x += (u * LN(hstu_attention(q, k, v))) wo + bo

    LN without gain and offset, the second over all heads together; loss = softmax_ce of
    (out . item / |item|) / temperature.  J. Zhai et al., arXiv:2402.17152, eq. 1-3, and
    facebookresearch/generative-recommenders, research/modeling/sequential/hstu.py
    (SequentialTransductionUnitJagged, HSTU), with its preprocessor (learned positions), its
    L2NormEmbeddingPostprocessor and configs/ml-1m (item_l2_norm, temperature 0.05).  The paper has
    no 1/n (see hstu_attention) and does not say how answers are scored; each unit has tables of its
    own for positions and times, shared by its heads.
    """
    r, offset, ids, p = start("hstu")
    time, asked = times(r, offset)
    widths = [HEADS * 4, HEADS * 4, HEADS * 3, HEADS * 3]
    for b in range(BLOCKS):
        tables = {"position_w": (2 * MAX_LEN - 1,), "time_w": (BUCKETS + 1,)}
        output = {"wo": (widths[0], FEATURES), "bo": VECTOR}
        add(p, r, f"block.{b}", uvqk=(FEATURES, sum(widths)), **tables, **output)

    def one(rows):
        x = F.embedding(ids["input"][rows].long(), p["item"]) * FEATURES**0.5
        x = x + p["position"][: len(x)]
        for b in range(BLOCKS):
            block = part(p, f"block.{b}")
            mixed = F.silu(F.layer_norm(x, (FEATURES,), eps=1e-6) @ block["uvqk"])
            u, *vqk = mixed.split(widths, dim=1)
            block.update(zip("vqk", vqk))
            a = bucketed_silu_attention(block, slice(None), time[rows], asked[rows])
            x = x + (u * F.layer_norm(a, a.shape[1:], eps=1e-6)) @ block["wo"] + block["bo"]
        return unit(x)

    given = {"offset": offset, "heads": HEADS_TENSOR, "time": time, "asked": asked}
    given.update(n=scalar(MAX_LEN), eps=scalar(1e-6), temperature=scalar(0.05))
    scores = lambda h, tables: h @ unit(tables["item"]).T / 0.05
    return answer(ids, p, per_sequence(offset, one), scores, given)


@fixture
def esasrec():
    """x = item[input] + position; twice the block below; out = x, loss = softmax_ce of out item^T.

        x += sigmoid(x wg1 + bg1) * SA(LN1 x)
        x += sigmoid(x wg2 + bg2) * swiglu(LN2 x)

    The block of LiGR, F. Borisyuk et al., arXiv:2502.03417, in eSASRec (MobileTeleSystems/RecTools,
    transformers/ligr.py, LiGRLayer): SA is attention_layer, swiglu has no biases, the gates look at
    x before the norm.  No norm after the last block.  RecTools counts positions from the newest
    event; here the first event of the window is at position 0.
    """
    r, offset, ids, p = start("esasrec")
    square = (FEATURES, FEATURES)
    for b in range(BLOCKS):
        norms = {n: VECTOR for n in ("norm1_w", "norm1_b", "norm2_w", "norm2_b")}
        gates = {"wg1": square, "bg1": VECTOR, "wg2": square, "bg2": VECTOR}
        ffn = {"w1": (FEATURES, INNER), "w2": (FEATURES, INNER), "w3": (INNER, FEATURES)}
        add(p, r, f"block.{b}", **norms, **ATTENTION, **gates, **ffn)

    def one(rows):
        x = vectors(p, ids, rows)
        for b in range(BLOCKS):
            k = part(p, f"block.{b}")
            attended = multihead(k, norm(k, "norm1", x, 1e-5))
            x = x + torch.sigmoid(x @ k["wg1"] + k["bg1"]) * attended
            h = norm(k, "norm2", x, 1e-5)
            ffn = (F.silu(h @ k["w1"]) * (h @ k["w2"])) @ k["w3"]
            x = x + torch.sigmoid(x @ k["wg2"] + k["bg2"]) * ffn
        return x

    given = {"offset": offset, "heads": HEADS_TENSOR, "eps": scalar(1e-5)}
    return answer(ids, p, per_sequence(offset, one), dot, given)


@fixture
def lrurec():
    """x = LN(item[input]); twice the block below; out = x.

        x = LN1(lru(x) + x)
        x = LN2(gelu(x w1 + b1) w2 + b2 + x)

    loss = softmax_ce_bias of out item^T + bias; lru is the layer of that name, gelu the exact one.
    Z. Yue et al., arXiv:2310.02367;
    yueqirex/LRURec model/lru.py.  No positions.
    """
    r, offset, ids, p = start("lrurec", position=False)
    add(p, r, "input", norm_w=VECTOR, norm_b=VECTOR)
    states = len(decays(r)["nu_log"])
    for b in range(BLOCKS):
        into, out = (FEATURES, states), (states, FEATURES)
        lru = {"b_re": into, "b_im": into, "b_bias_re": (states,), "b_bias_im": (states,)}
        lru.update(gamma_log=(states,), c_re=out, c_im=out, c_bias_re=VECTOR)
        norms = {n: VECTOR for n in ("norm1_w", "norm1_b", "norm2_w", "norm2_b")}
        ffn = {"w1": (FEATURES, INNER), "b1": (INNER,), "w2": (INNER, FEATURES), "b2": VECTOR}
        p.update(leaves(**{f"block.{b}.{n}": t for n, t in decays(r).items()}))
        add(p, r, f"block.{b}", **lru, **norms, **ffn)

    def one(rows):
        x = norm(part(p, "input"), "norm", vectors(p, ids, rows), 1e-5)
        for b in range(BLOCKS):
            k = part(p, f"block.{b}")
            x = norm(k, "norm1", lru_layer(k, x) + x, 1e-5)
            x = norm(k, "norm2", F.gelu(x @ k["w1"] + k["b1"]) @ k["w2"] + k["b2"] + x, 1e-5)
        return x

    given = {"offset": offset, "eps": scalar(1e-5)}
    bias = r.real(CATALOGUE)
    return answer(ids, p, per_sequence(offset, one), dot, given, bias=bias)


TAGS = 4


def described(r, rows, name):
    """What a file says of some rows: two tags each, -1 for none, and a number that may be missing."""
    tag = torch.tensor(r.state.randint(-1, TAGS, (rows, 2)), dtype=torch.int32)
    known = torch.tensor(r.state.randint(0, 4, rows) > 0, dtype=torch.float64)
    return {f"{name}_tag": tag, f"{name}_number": r.real(rows) * known, f"{name}_known": known}


def told(given, p, name, rows):
    """The vectors of the features of some rows."""
    tag = given[f"{name}_tag"][rows].long()
    x = (F.embedding(tag.clamp(min=0), p[f"{name}_tags"]) * (tag >= 0).unsqueeze(-1)).sum(dim=-2)
    number = torch.stack([given[f"{name}_number"][rows], given[f"{name}_known"][rows]], dim=-1)
    return x + number @ p[f"{name}_numbers"]


def tower(p, name, x):
    """One layer with ReLU, one without."""
    h = torch.relu(x @ p[f"{name}.0.w"] + p[f"{name}.0.b"])
    return h @ p[f"{name}.1.w"] + p[f"{name}.1.b"]


@fixture
def twotower():
    """Two towers over an LSTM and side features, and the dot product of what they say.

        x_i = item[i] + sum of item_tags[item_tag[i]] + (item_number[i], item_known[i]) item_numbers
        v_i = relu(x_i w0 + b0) w1 + b1                                             item_tower
        u_n = relu([lstm(x)_n | y] w0 + b0) w1 + b1                                 user_tower

    y is made of user_tag, user_number, user_known of the user of n as x_i is, without an item vector;
    tags below 0 are none.  out = u, loss = softmax_ce of out v^T.  A history shares its vectors with
    the item tower's inputs, as in X. Yi et al., RecSys 2019; torch.nn.LSTM without its second bias.
    """
    r, offset, ids, p = start("twotower", position=False)
    given = {"offset": offset, **described(r, CATALOGUE, "item")}
    given.update(described(r, len(offset) - 1, "user"))
    for name in ("item", "user"):
        p.update(leaves(**{f"{name}_tags": r.weight(TAGS, FEATURES)}))
        p.update(leaves(**{f"{name}_numbers": r.weight(2, FEATURES)}))
    gates = (FEATURES, 4 * FEATURES)
    add(p, r, "layer.0", wx=gates, wh=gates, bx=gates[1:])
    add(p, r, "user_tower.0", w=(2 * FEATURES, FEATURES), b=VECTOR)
    add(p, r, "user_tower.1", w=(FEATURES, FEATURES), b=VECTOR)
    items = {}
    for layer in range(2):
        add(items, r, f"item_tower.{layer}", w=(FEATURES, FEATURES), b=VECTOR)
    bounds = offset.tolist()

    def one(rows):
        user = [u for u in range(len(bounds) - 1) if (bounds[u], bounds[u + 1]) == (rows.start, rows.stop)]
        of = ids["input"][rows].long()
        x = F.embedding(of, p["item"]) + told(given, p, "item", of)
        lstm = part(p, "layer.0")
        h = recurrent(nn.LSTM, {**lstm, "bh": torch.zeros_like(lstm["bx"])}, x)
        y = told(given, p, "user", torch.tensor(user * len(x)))
        return tower(p, "user_tower", torch.cat([h, y], dim=1))

    def scores(h, tables):
        every = torch.arange(CATALOGUE)
        x = tables["item"] + told(given, tables, "item", every)
        return h @ tower(tables, "item_tower", x).T

    shared = ("item", "item_tags", "item_numbers")
    items = {name: t.detach() for name, t in items.items()}
    return answer(ids, p, per_sequence(offset, one), scores, given, shared, **items)


TYPES, STEPS = 3, 3
PARTS = ((1, 3), (1,), (2, 3))  # lengths, of every user that has events; at most STEPS


@fixture
def seq2seq():
    """An encoder over the user's events, a decoder over parts of them; types beside items.

        encoder   x = (item[input] + type[behaviour]) sqrt(D) + position;
                  twice x = LN(x + SA(x)), x = LN(x + FFN(x))
        decoder   x = (item[input] + type[behaviour]) sqrt(D) + step, the rows of a part being steps
                  0, 1, 2; twice x = LN(x + SA(x)), x = LN(x + CA(x, source)), x = LN(x + FFN(x))

    SA is attention_layer, of the decoder within the part; CA is attention to the encoder's rows of the
    user's events up to the first of the part; FFN(x) = relu(x w1 + b1) w2 + b2.  losses =
    softmax_ce of out item^T, plus softmax_ce_bias of relu(out told.row + item[target] told.item +
    told.bias) type_out^T + type_bias, whose targets are next_behaviour; d<name> is the gradient of
    their mean.  `cut` is the step of every event within its part.

    A. Vaswani et al., arXiv:1706.03762, section 3, but for an encoder that looks back only, and no
    start symbol: see src/models/seq2seq.c.
    """
    r, offset, ids, p = start("seq2seq")
    ids["behaviour"], ids["next_behaviour"] = r.items(EVENTS, TYPES), r.items(EVENTS, TYPES)
    p.update(leaves(type=r.weight(TYPES, FEATURES), step=r.weight(STEPS, FEATURES)))
    p.update(leaves(type_out=r.weight(TYPES, FEATURES), type_bias=r.weight(TYPES)))
    square, norms = (FEATURES, FEATURES), {"norm_w": VECTOR, "norm_b": VECTOR}
    ffn = {"w1": (FEATURES, INNER), "b1": (INNER,), "w2": (INNER, FEATURES), "b2": VECTOR}
    for b in range(BLOCKS):
        add(p, r, f"encoder.{b}.self", **norms, **ATTENTION)
        add(p, r, f"encoder.{b}.ffn", **norms, **ffn)
        add(p, r, f"decoder.{b}.self", **norms, **ATTENTION)
        add(p, r, f"decoder.{b}.source", **norms, **ATTENTION)
        add(p, r, f"decoder.{b}.ffn", **norms, **ffn)
    add(p, r, "told", row=square, item=square, bias=VECTOR)

    def normed(name, x):
        return norm(part(p, name), "norm", x, 1e-8)

    def feed(name, x):
        k = part(p, name)
        return normed(name, x + torch.relu(x @ k["w1"] + k["b1"]) @ k["w2"] + k["b2"])

    def attended(name, x, source=None):
        k = part(p, name)
        a = multihead(k, x) if source is None else multihead(k, source, causal=False, asked=x)
        return normed(name, x + a)

    def events(rows):
        items = F.embedding(ids["input"][rows].long(), p["item"])
        kinds = F.embedding(ids["behaviour"][rows].long(), p["type"])
        return (items + kinds) * FEATURES**0.5

    def encode(rows):
        x = events(rows) + p["position"][: rows.stop - rows.start]
        for b in range(BLOCKS):
            x = feed(f"encoder.{b}.ffn", attended(f"encoder.{b}.self", x))
        return x

    def decode(rows, source):
        x = events(rows) + p["step"][: rows.stop - rows.start]
        for b in range(BLOCKS):
            x = attended(f"decoder.{b}.self", x)
            x = feed(f"decoder.{b}.ffn", attended(f"decoder.{b}.source", x, source=source))
        return x

    out, step = [], []
    for rows, lengths in zip(sequences(offset), PARTS):
        source, at = encode(rows), 0
        for n in lengths:
            out.append(decode(slice(rows.start + at, rows.start + at + n), source[: at + 1]))
            step += range(n)
            at += n
    out = torch.cat(out)
    answer_of = F.embedding(ids["target"].long(), p["item"])
    h = out @ p["told.row"] + answer_of @ p["told.item"] + p["told.bias"]
    kinds = torch.relu(h) @ p["type_out"].T + p["type_bias"]
    losses = F.cross_entropy(out @ p["item"].T, ids["target"].long(), reduction="none")
    losses = losses + F.cross_entropy(kinds, ids["next_behaviour"].long(), reduction="none")
    given = {"offset": offset, "heads": HEADS_TENSOR, "eps": scalar(1e-8)}
    given["cut"] = torch.tensor(step, dtype=torch.int32)
    return {**ids, **given, **p, "out": out, **loss_gradients(p, losses, losses.mean())}
