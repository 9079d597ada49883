"""Recurrent layers over packed ragged sequences, computed one sequence at a time."""
import torch
from torch import nn

from nn_common import EVENTS, LENGTHS, Numbers, fixture, gradients, leaves
from nn_common import offsets, per_sequence, sequences

FEATURES, HIDDEN = 6, 4


def weights(r, gates):
    return leaves(
        x=r.real(EVENTS, FEATURES),
        wx=r.weight(FEATURES, gates * HIDDEN),
        wh=r.weight(HIDDEN, gates * HIDDEN),
        bx=r.weight(gates * HIDDEN),
        bh=r.weight(gates * HIDDEN),
    )


def recurrent(layer, p, x, *state):
    """A one-layer torch recurrent module with the weights of p, on one sequence [T, in]."""
    names = {"wx": "weight_ih_l0", "wh": "weight_hh_l0", "bx": "bias_ih_l0", "bh": "bias_hh_l0"}
    given = {theirs: p[ours].T if ours[0] == "w" else p[ours] for ours, theirs in names.items()}
    module = layer(x.shape[1], p["wh"].shape[0], dtype=torch.float64)
    return torch.func.functional_call(module, given, (x, *state))[0]


@fixture
def gru():
    """h_t from h_{t-1}, starting at 0 for every user; out[n] is h after event n.

        r = sigmoid(x wx_r + bx_r + h wh_r + bh_r)
        z = sigmoid(x wx_z + bx_z + h wh_z + bh_z)
        c = tanh   (x wx_c + bx_c + r * (h wh_c + bh_c))
        h' = (1 - z) * c + z * h

    Columns of wx, wh, bx, bh: r, z, c, each `hidden` wide.  torch.nn.GRU.  Two differences from
    the papers that matter when weights are exchanged: z here is the part that is kept, while
    GRU4Rec (arXiv:1511.06939, eq. 2) writes h' = (1 - z) h + z c; and r multiplies h wh_c + bh_c,
    while that paper's eq. 4 and the authors' Theano code (hidasib/GRU4Rec gru4rec.py, model) have
    (r * h) wh_c.  Their PyTorch code (GRU4Rec_PyTorch_Official, torch.nn.GRUCell) is as here.
    """
    r, offset = Numbers("gru"), offsets()
    p = weights(r, 3)
    out = per_sequence(offset, lambda rows: recurrent(nn.GRU, p, p["x"][rows]))
    return {"offset": offset, **p, **gradients(r, p, out)}


@fixture
def gru_state():
    """As gru, with h of user u starting at h0[u].  The user without events has dh0 = 0."""
    r, offset = Numbers("gru_state"), offsets()
    p = weights(r, 3)
    p.update(leaves(h0=r.real(len(LENGTHS), HIDDEN)))
    users = [u for u, length in enumerate(LENGTHS) if length]
    out = torch.cat(
        [
            recurrent(nn.GRU, p, p["x"][rows], p["h0"][u : u + 1])
            for u, rows in zip(users, sequences(offset))
        ]
    )
    return {"offset": offset, **p, **gradients(r, p, out)}


@fixture
def lstm():
    """h_t, c_t from h_{t-1}, c_{t-1}, both starting at 0 for every user; out[n] is h after event n.

        i = sigmoid(x wx_i + bx_i + h wh_i + bh_i)      f, o alike
        g = tanh   (x wx_g + bx_g + h wh_g + bh_g)
        c' = f * c + i * g,   h' = o * tanh(c')

    Columns of wx, wh, bx, bh: i, f, g, o, each `hidden` wide.  torch.nn.LSTM; S. Hochreiter and
    J. Schmidhuber 1997, with the forget gate of F. Gers et al. 2000.
    """
    r, offset = Numbers("lstm"), offsets()
    p = weights(r, 4)
    out = per_sequence(offset, lambda rows: recurrent(nn.LSTM, p, p["x"][rows]))
    return {"offset": offset, **p, **gradients(r, p, out)}


@fixture
def rnn():
    """h' = tanh(x wx + bx + h wh + bh), h starting at 0 for every user; out[n] is h after event n.

    J. Elman 1990; torch.nn.RNN.
    """
    r, offset = Numbers("rnn"), offsets()
    p = weights(r, 1)
    out = per_sequence(offset, lambda rows: recurrent(nn.RNN, p, p["x"][rows]))
    return {"offset": offset, **p, **gradients(r, p, out)}


def scan(nu_log, theta_log, u):
    """[T, H] complex: h_t = lambda h_{t-1} + u_t."""
    lam = torch.exp(torch.complex(-torch.exp(nu_log), torch.exp(theta_log)))
    h, states = torch.zeros_like(lam), []
    for row in u:
        h = lam * h + row
        states.append(h)
    return torch.stack(states)


def decays(r):
    """Parameters whose |lambda| lies within .8 .. .99 and whose angle within 0.1 .. 3."""
    magnitude = torch.tensor(r.state.uniform(0.8, 0.99, HIDDEN))
    angle = torch.tensor(r.state.uniform(0.1, 3.0, HIDDEN))
    step = lambda x: torch.round(x * 1024) / 1024
    return {"nu_log": step(torch.log(-torch.log(magnitude))), "theta_log": step(torch.log(angle))}


@fixture
def lru_scan():
    """h_t = lambda * h_{t-1} + u_t, elementwise and complex, h starting at 0 for every user.

    lambda = exp(-exp(nu_log) + i exp(theta_log)).  A. Orvieto et al., arXiv:2303.06349, section
    3.3.  Complex numbers are kept as two arrays, *_re and *_im; out likewise, and the scalar
    that is differentiated is sum(out_re * dout_re + out_im * dout_im).
    """
    r, offset = Numbers("lru_scan"), offsets()
    p = leaves(u_re=r.real(EVENTS, HIDDEN), u_im=r.real(EVENTS, HIDDEN), **decays(r))
    u = torch.complex(p["u_re"], p["u_im"])
    out = per_sequence(offset, lambda rows: scan(p["nu_log"], p["theta_log"], u[rows]))
    both = gradients(r, p, torch.stack([out.real, out.imag]))
    value, weight = both.pop("out"), both.pop("dout")
    tensors = {"out_re": value[0], "out_im": value[1], "dout_re": weight[0], "dout_im": weight[1]}
    return {"offset": offset, **p, **tensors, **both}


@fixture
def lru():
    """out = Re(h c + c_bias) with h_t = lambda h_{t-1} + gamma (x_t b + b_bias), h starting at 0.

    gamma = exp(gamma_log), lambda as in lru_scan; b, b_bias, c complex; of c_bias only the real
    part can matter.  LRURec (arXiv:2310.02367; yueqirex/LRURec model/lru.py, LRULayer),
    without dropout, residual and norm, which come after.  arXiv:2303.06349 adds D x to out and has
    no biases; LRURec has x itself in place of D x.  gamma also scales b_bias, as in LRURec's code.
    """
    r, offset = Numbers("lru"), offsets()
    p = leaves(
        x=r.real(EVENTS, FEATURES),
        b_re=r.weight(FEATURES, HIDDEN),
        b_im=r.weight(FEATURES, HIDDEN),
        b_bias_re=r.weight(HIDDEN),
        b_bias_im=r.weight(HIDDEN),
        gamma_log=r.weight(HIDDEN),
        c_re=r.weight(HIDDEN, FEATURES),
        c_im=r.weight(HIDDEN, FEATURES),
        c_bias_re=r.weight(FEATURES),
        **decays(r),
    )
    out = per_sequence(offset, lambda rows: lru_layer(p, p["x"][rows]))
    return {"offset": offset, **p, **gradients(r, p, out)}


def lru_layer(p, x):
    """The layer of `lru` on one sequence [T, D]."""
    u = x.to(torch.complex128) @ torch.complex(p["b_re"], p["b_im"])
    u = (u + torch.complex(p["b_bias_re"], p["b_bias_im"])) * torch.exp(p["gamma_log"])
    h = scan(p["nu_log"], p["theta_log"], u)
    return (h @ torch.complex(p["c_re"], p["c_im"])).real + p["c_bias_re"]
