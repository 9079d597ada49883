"""Layers that look at one event at a time."""
import torch
from torch.nn import functional as F

from nn_common import EVENTS, Numbers, fixture, gradients, leaves, scalar

FEATURES, OUTPUTS, CATALOGUE = 6, 8, 9


@fixture
def embedding():
    """out[n] = table[item[n]]; rows that occur twice gather both gradients.

    torch.nn.functional.embedding.
    """
    r = Numbers("embedding")
    p = leaves(table=r.weight(CATALOGUE, FEATURES))
    item = r.items(EVENTS, CATALOGUE)
    item[3] = item[0]
    out = F.embedding(item.long(), p["table"])
    return {"item": item, **p, **gradients(r, p, out)}


@fixture
def layer_norm():
    """out = (x - mean(x)) / sqrt(var(x) + eps) * w + b, with var = mean((x - mean)^2).

    J. L. Ba, J. R. Kiros, G. E. Hinton, arXiv:1607.06450, eq. 3-4; torch.nn.functional.layer_norm.
    The paper has no eps.  SASRec's code (kang205/SASRec modules.py, normalize) has 1e-8 inside the
    root, torch's default is 1e-5, HSTU's code has 1e-6; here 1e-5.
    """
    r = Numbers("layer_norm")
    p = leaves(x=r.real(EVENTS, FEATURES), w=r.weight(FEATURES), b=r.weight(FEATURES))
    out = F.layer_norm(p["x"], (FEATURES,), p["w"], p["b"], eps=1e-5)
    return {"eps": scalar(1e-5), **p, **gradients(r, p, out)}


@fixture
def rms_norm():
    """out = x / sqrt(mean(x^2) + eps) * w.

    B. Zhang, R. Sennrich, arXiv:1910.07467, eq. 4, where there is no eps;
    torch.nn.functional.rms_norm.
    """
    r = Numbers("rms_norm")
    p = leaves(x=r.real(EVENTS, FEATURES), w=r.weight(FEATURES))
    out = F.rms_norm(p["x"], (FEATURES,), p["w"], eps=1e-6)
    return {"eps": scalar(1e-6), **p, **gradients(r, p, out)}


def linear(name, activation):
    r = Numbers(name)
    p = leaves(x=r.real(EVENTS, FEATURES), w=r.weight(FEATURES, OUTPUTS), b=r.weight(OUTPUTS))
    out = activation(p["x"] @ p["w"] + p["b"])
    return {**p, **gradients(r, p, out)}


@fixture
def linear_none():
    """out = x w + b.  w is [in][out]; torch.nn.Linear keeps it [out][in]."""
    return linear("linear_none", lambda a: a)


@fixture
def linear_relu():
    """out = max(x w + b, 0)."""
    return linear("linear_relu", F.relu)


@fixture
def linear_gelu_erf():
    """out = a Phi(a) with a = x w + b and Phi(a) = (1 + erf(a / sqrt(2))) / 2.

    D. Hendrycks, K. Gimpel, arXiv:1606.08415, section 2, exact.  The form that BERT4Rec's code
    uses (FeiSun/BERT4Rec modeling.py, gelu); BERT4Rec's paper does not say which.
    """
    return linear("linear_gelu_erf", F.gelu)


@fixture
def linear_gelu_tanh():
    """out = a/2 (1 + tanh(sqrt(2/pi) (a + 0.044715 a^3))) with a = x w + b.

    arXiv:1606.08415, section 2, the approximation.
    """
    return linear("linear_gelu_tanh", lambda a: F.gelu(a, approximate="tanh"))


@fixture
def linear_silu():
    """out = a sigmoid(a) with a = x w + b.  Also called swish; arXiv:1702.03118."""
    return linear("linear_silu", F.silu)


@fixture
def linear_sigmoid():
    """out = 1 / (1 + exp(-(x w + b)))."""
    return linear("linear_sigmoid", torch.sigmoid)


@fixture
def linear_tanh():
    """out = tanh(x w + b)."""
    return linear("linear_tanh", torch.tanh)


@fixture
def swiglu():
    """out = (silu(x w1 + b1) * (x w2 + b2)) w3 + b3.

    N. Shazeer, arXiv:2002.05202, eq. 6, where W = w1, V = w2, W2 = w3 and there are no biases;
    eSASRec's code (RecTools, SwigluFeedForward) can have them.  Zero biases give the paper.
    """
    r = Numbers("swiglu")
    p = leaves(
        x=r.real(EVENTS, FEATURES),
        w1=r.weight(FEATURES, OUTPUTS),
        b1=r.weight(OUTPUTS),
        w2=r.weight(FEATURES, OUTPUTS),
        b2=r.weight(OUTPUTS),
        w3=r.weight(OUTPUTS, FEATURES),
        b3=r.weight(FEATURES),
    )
    hidden = F.silu(p["x"] @ p["w1"] + p["b1"]) * (p["x"] @ p["w2"] + p["b2"])
    out = hidden @ p["w3"] + p["b3"]
    return {**p, **gradients(r, p, out)}
