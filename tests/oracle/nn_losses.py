"""Losses.  h [N, D] is what the model says, e [V, D] the table of items, target [N] the answers.

`losses` has one number per target, `loss` the one number that is differentiated.
"""
import torch
from torch.nn import functional as F

from nn_common import EVENTS, Numbers, fixture, leaves, loss_gradients, scalar

FEATURES, CATALOGUE, NEGATIVES = 6, 11, 5


def start(name, **more):
    """Generator, {h, e, ...} that ask for gradients, target."""
    r = Numbers(name)
    p = leaves(h=r.real(EVENTS, FEATURES), e=r.real(CATALOGUE, FEATURES), **more)
    return r, p, r.items(EVENTS, CATALOGUE)


def rows(table, item):
    """table[item] for items of any shape, differentiable."""
    return F.embedding(item.long(), table)


@fixture
def softmax_ce():
    """losses = -log softmax(h e^T)[target], loss = mean(losses).

    Cross-entropy over the whole catalogue; torch.nn.functional.cross_entropy.
    """
    _, p, target = start("softmax_ce")
    losses = F.cross_entropy(p["h"] @ p["e"].T, target.long(), reduction="none")
    return {"target": target, **p, **loss_gradients(p, losses, losses.mean())}


@fixture
def softmax_ce_bias():
    """losses = -log softmax(h e^T + bias)[target], loss = sum(weight * losses).

    With a number per item, as BERT4Rec (arXiv:1904.06690, eq. 7) and GRU4Rec's code have it, and a
    weight per target, one of which is 0.  weight is not differentiated.
    """
    r = Numbers("softmax_ce_bias.bias")
    weight = r.real(EVENTS).abs()
    weight[2] = 0
    _, p, target = start("softmax_ce_bias", bias=r.real(CATALOGUE))
    losses = F.cross_entropy(p["h"] @ p["e"].T + p["bias"], target.long(), reduction="none")
    loss = (weight * losses).sum()
    return {"target": target, "weight": weight, **p, **loss_gradients(p, losses, loss)}


def shared(name):
    """Negatives shared by all targets: one occurs twice, one is the target of two events."""
    r, p, target = start(name)
    negative = r.items(NEGATIVES, CATALOGUE)
    negative[1] = negative[0]
    target[4] = target[7] = negative[3]
    return r, p, target, negative


def sampled(p, target, negative, target_logq, negative_logq):
    positive = (p["h"] * rows(p["e"], target)).sum(1) - target_logq
    others = p["h"] @ rows(p["e"], negative).T - negative_logq
    others = others.masked_fill(negative[None, :] == target[:, None], -torch.inf)
    return torch.logsumexp(torch.cat([positive[:, None], others], dim=1), 1) - positive


@fixture
def sampled_softmax():
    """losses = -log(exp(s_target) / (exp(s_target) + sum_k exp(s_k))), loss = mean(losses).

    s = h . e, k over the shared negatives that are not the target itself; an item drawn twice
    counts twice.  generative-recommenders' code (losses/sampled_softmax.py) also takes out
    negatives that are the target, by a score of -5e4.  GRU4Rec's code leaves them in (gru4rec_ce).
    """
    _, p, target, negative = shared("sampled_softmax")
    losses = sampled(p, target, negative, 0, 0)
    ids = {"target": target, "negative": negative}
    return {**ids, **p, **loss_gradients(p, losses, losses.mean())}


@fixture
def sampled_softmax_logq():
    """As sampled_softmax, but s_target = h . e - target_logq[n], s_k = h . e - negative_logq[k].

    logQ correction: logq is the logarithm of the (relative) probability to be drawn.  Y. Bengio,
    J.-S. Senecal 2008; X. Yi et al., RecSys 2019, section 3.  Both sides are corrected, as there
    and in GRU4Rec's code (xe_loss_with_softmax with logq).  logq comes per target and per negative,
    not per item, since mixed samplers draw the same item with different probabilities.
    """
    r, p, target, negative = shared("sampled_softmax_logq")
    target_logq, negative_logq = r.real(EVENTS, shift=-2), r.real(NEGATIVES, shift=-2)
    losses = sampled(p, target, negative, target_logq, negative_logq)
    given = {"target": target, "negative": negative}
    given.update(target_logq=target_logq, negative_logq=negative_logq)
    return {**given, **p, **loss_gradients(p, losses, losses.mean())}


def own(name):
    """Negatives [N, K] drawn for each target, none of them its target.  Scores [N], [N, K]."""
    r, p, target = start(name)
    step = torch.tensor(r.state.randint(1, CATALOGUE, (EVENTS, 3)))
    negative = ((target[:, None] + step) % CATALOGUE).int()
    positive = (p["h"] * rows(p["e"], target)).sum(1)
    others = (p["h"][:, None, :] * rows(p["e"], negative)).sum(2)
    return p, {"target": target, "negative": negative}, positive, others


@fixture
def bce():
    """losses = softplus(-s_target) + sum_k softplus(s_nk), loss = mean(losses).

    SASRec, arXiv:1808.09781, section III-E, where K = 1; softplus(x) = log(1 + exp(x)), so this is
    -log sigmoid(s_target) - sum_k log(1 - sigmoid(s_nk)).  negative is [N, K].  The code (model.py)
    adds 1e-24 inside the logarithms.  Others divide by K + 1 (RecTools) or take the mean over k.
    """
    p, ids, positive, others = own("bce")
    losses = F.softplus(-positive) + F.softplus(others).sum(1)
    return {**ids, **p, **loss_gradients(p, losses, losses.mean())}


@fixture
def gbce():
    """losses = (beta softplus(-s_target) + sum_k softplus(s_nk)) / (K + 1), loss = mean(losses).

    beta = alpha (t (1 - 1/alpha) + 1/alpha), alpha = K / (V - 1).  gSASRec, A. Petrov,
    C. Macdonald, arXiv:2308.07192.  Its PyTorch code (asash/gSASRec-pytorch) subtracts one twice
    (train_gsasrec.py passes pool_size = V - 1, gbce.py divides by pool_size - 1), so there
    alpha = K / (V - 2); we follow the paper.  -log(sigmoid(s)^beta) = beta softplus(-s).
    """
    p, ids, positive, others = own("gbce")
    count, t = others.shape[1], 0.75
    alpha = count / (CATALOGUE - 1)
    beta = alpha * (t * (1 - 1 / alpha) + 1 / alpha)
    losses = (beta * F.softplus(-positive) + F.softplus(others).sum(1)) / (count + 1)
    ids.update(t=scalar(t), alpha=scalar(alpha), beta=scalar(beta))
    return {**ids, **p, **loss_gradients(p, losses, losses.mean())}


@fixture
def bpr():
    """losses = mean_k -log sigmoid(s_target - s_nk), loss = mean(losses).

    S. Rendle et al., arXiv:1205.2618; GRU4Rec, arXiv:1511.06939, section 3.1.3.
    """
    p, ids, positive, others = own("bpr")
    losses = F.softplus(others - positive[:, None]).mean(1)
    return {**ids, **p, **loss_gradients(p, losses, losses.mean())}


@fixture
def top1():
    """losses = mean_k sigmoid(s_nk - s_target) + sigmoid(s_nk^2), loss = mean(losses).

    GRU4Rec, arXiv:1511.06939, section 3.1.3.
    """
    p, ids, positive, others = own("top1")
    losses = (torch.sigmoid(others - positive[:, None]) + torch.sigmoid(others**2)).mean(1)
    return {**ids, **p, **loss_gradients(p, losses, losses.mean())}


@fixture
def bpr_max():
    """losses = -log(sum_k w_k sigmoid(s_target - s_nk)) + reg sum_k w_k s_nk^2.

    loss = mean(losses), w = softmax_k(s_nk), differentiated too; reg = 0.5.  B. Hidasi,
    A. Karatzoglou, arXiv:1706.03847, the BPR-max loss.
    """
    p, ids, positive, others = own("bpr_max")
    w, reg = torch.softmax(others, 1), 0.5
    losses = -torch.log((w * torch.sigmoid(positive[:, None] - others)).sum(1))
    losses = losses + reg * (w * others**2).sum(1)
    return {"reg": scalar(reg), **ids, **p, **loss_gradients(p, losses, losses.mean())}


def in_batch(name):
    """GRU4Rec's scores [M, M + K]: column j < M is the target of row j, then shared negatives.

    So the positive of row i is on the diagonal, and nothing keeps a column from being the same
    item as another, or as the target.
    """
    r = Numbers(name + ".bias")
    _, p, target = start(name, bias=r.real(CATALOGUE))
    negative = r.items(NEGATIVES, CATALOGUE)
    target[4] = target[7] = negative[3]
    column = torch.cat([target, negative])
    scores = p["h"] @ rows(p["e"], column).T + p["bias"][column.long()]
    return r, p, {"target": target, "negative": negative}, scores


@fixture
def gru4rec_ce():
    """losses_i = -log softmax(s_i)[i] over the columns of in-batch scores, loss = mean(losses).

    s_ij = h_i . e[column_j] + bias[column_j], column = target ++ negative: row i's answer is on the
    diagonal, the other M - 1 targets and the K shared negatives are its negatives, and an item that
    occurs twice, or a negative that is the target, stays in.  hidasib/GRU4Rec_PyTorch_Official
    gru4rec_pytorch.py, xe_loss_with_softmax, which has 1e-24 inside the logarithm and sum / batch
    size for our mean.
    """
    _, p, ids, scores = in_batch("gru4rec_ce")
    losses = F.cross_entropy(scores, torch.arange(EVENTS), reduction="none")
    return {**ids, **p, **loss_gradients(p, losses, losses.mean())}


@fixture
def gru4rec_ce_logq():
    """As gru4rec_ce, with s_ij - logq * log(P_j), logq = 1.

    P_j = count[column_j] for the targets of the batch and count[column_j]^alpha for the extra
    negatives, alpha = 0.5 the exponent they are drawn with; count is how often an item occurs in
    the log.  xe_loss_with_softmax; neither P is normalised.
    """
    r, p, ids, scores = in_batch("gru4rec_ce_logq")
    count = torch.tensor(r.state.randint(1, 50, CATALOGUE)).double()
    batch, extra = count[ids["target"].long()], count[ids["negative"].long()] ** 0.5
    scores = scores - torch.log(torch.cat([batch, extra]))
    losses = F.cross_entropy(scores, torch.arange(EVENTS), reduction="none")
    ids.update(count=count, logq=scalar(1), alpha=scalar(0.5))
    return {**ids, **p, **loss_gradients(p, losses, losses.mean())}


@fixture
def gru4rec_bpr():
    """losses_i = mean_j -log sigmoid(s_ii - s_ij) over all M + K columns, loss = mean(losses).

    s as in gru4rec_ce.  hidasib/GRU4Rec gru4rec.py, bpr: the mean has the diagonal in it, which
    adds log(2) / (M + K) and no gradient; the paper's sum is over negatives only.
    """
    _, p, ids, scores = in_batch("gru4rec_bpr")
    losses = F.softplus(scores - scores.diagonal()[:, None]).mean(1)
    return {**ids, **p, **loss_gradients(p, losses, losses.mean())}


@fixture
def gru4rec_top1():
    """losses_i = mean_j (sigmoid(s_ij - s_ii) + sigmoid(s_ij^2)) - sigmoid(s_ii^2) / (M + K).

    s as in gru4rec_ce, loss = mean(losses).  hidasib/GRU4Rec gru4rec.py, top1: the last term takes
    the answer's own score out of the regularisation; sigmoid(0) / (M + K) stays in.
    """
    _, p, ids, scores = in_batch("gru4rec_top1")
    answer = scores.diagonal()[:, None]
    losses = (torch.sigmoid(scores - answer) + torch.sigmoid(scores**2)).mean(1)
    losses = losses - torch.sigmoid(answer[:, 0] ** 2) / scores.shape[1]
    return {**ids, **p, **loss_gradients(p, losses, losses.mean())}


def off_diagonal_softmax(scores):
    """Row softmax over the columns other than the row's own answer."""
    own_answer = torch.eye(*scores.shape, dtype=torch.bool)
    return torch.softmax(scores.masked_fill(own_answer, -torch.inf), 1)


@fixture
def gru4rec_bpr_max():
    """losses_i = -log(sum_j w_ij sigmoid(s_ii - s_ij)) + reg sum_j w_ij s_ij^2.

    loss = mean(losses); s = elu(scores of gru4rec_ce) with elu(x) = x for x >= 0 and
    a (exp(x) - 1) below, a = 0.5; w_i = softmax of s_i over the columns j != i; reg = 1.
    GRU4Rec_PyTorch_Official, bpr_max_loss_with_elu (elu_param, bpreg), which has 1e-24 inside the
    logarithm and takes the maximum for stability over the negatives and 0.
    """
    _, p, ids, scores = in_batch("gru4rec_bpr_max")
    a, reg = 0.5, 1.0
    s = F.elu(scores, a)
    w = off_diagonal_softmax(s)
    losses = -torch.log((w * torch.sigmoid(s.diagonal()[:, None] - s)).sum(1))
    losses = losses + reg * (w * s**2).sum(1)
    ids.update(elu=scalar(a), reg=scalar(reg))
    return {**ids, **p, **loss_gradients(p, losses, losses.mean())}


@fixture
def gru4rec_top1_max():
    """losses_i = sum_j w_ij (sigmoid(s_ij - s_ii) + sigmoid(s_ij^2)), loss = mean(losses).

    s as in gru4rec_ce, w_i = softmax of s_i over the columns j != i.  arXiv:1706.03847;
    hidasib/GRU4Rec gru4rec.py, top1_max.
    """
    _, p, ids, scores = in_batch("gru4rec_top1_max")
    w = off_diagonal_softmax(scores)
    terms = torch.sigmoid(scores - scores.diagonal()[:, None]) + torch.sigmoid(scores**2)
    losses = (w * terms).sum(1)
    return {**ids, **p, **loss_gradients(p, losses, losses.mean())}
