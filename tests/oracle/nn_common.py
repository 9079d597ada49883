"""What the generators of fixtures share: numbers, ragged sequences, gradients, the register."""
import zlib

import numpy as np
import torch

FIXTURES = {}  # name -> generator, in the order of the README

LENGTHS = (4, 1, 0, 5)  # events per user: one user has a single event, one has none
EVENTS = sum(LENGTHS)


def fixture(generate):
    """Registers a generator under its own name; its docstring goes into the README."""
    FIXTURES[generate.__name__] = generate
    return generate


class Numbers:
    """Inputs from a generator seeded by the name of the fixture.

    They are multiples of 2^-10, so that single precision holds them exactly.  RandomState is the
    generator of numpy whose stream is frozen for good.
    """

    def __init__(self, name):
        self.state = np.random.RandomState(zlib.crc32(name.encode()) & 0x7FFFFFFF)

    def real(self, *shape, scale=1.0, shift=0.0):
        x = self.state.standard_normal(shape) * scale + shift
        return torch.tensor(np.round(x * 1024) / 1024, dtype=torch.float64)

    def weight(self, *shape):
        """A matrix or vector of parameters, small enough that nothing saturates."""
        return self.real(*shape, scale=0.5)

    def items(self, count, catalogue):
        return torch.tensor(self.state.randint(0, catalogue, count), dtype=torch.int32)


def scalar(value):
    return torch.tensor([value], dtype=torch.float64)


def offsets(lengths=LENGTHS):
    return torch.tensor(np.concatenate(([0], np.cumsum(lengths))), dtype=torch.int32)


def sequences(offset):
    """The slice of every user that has events."""
    bounds = offset.tolist()
    return [slice(a, b) for a, b in zip(bounds, bounds[1:]) if b > a]


def per_sequence(offset, function):
    """Applies `function` to the slice of each user and packs the results."""
    return torch.cat([function(rows) for rows in sequences(offset)])


def leaves(**tensors):
    """The same tensors, asking for gradients."""
    return {name: t.clone().requires_grad_(True) for name, t in tensors.items()}


def gradients(numbers, inputs, out, name="out"):
    """{out, dout, d<input>...}: gradients of sum(out * dout) for fixed random dout."""
    dout = numbers.real(*out.shape)
    grads = torch.autograd.grad((out * dout).sum(), list(inputs.values()))
    tensors = {name: out, "d" + name: dout}
    tensors.update({"d" + n: g for n, g in zip(inputs, grads)})
    return tensors


def loss_gradients(inputs, losses, loss):
    """{losses, loss, d<input>...}: gradients of the one number `loss`."""
    grads = torch.autograd.grad(loss, list(inputs.values()))
    tensors = {"losses": losses, "loss": loss.reshape(1)}
    tensors.update({"d" + n: g for n, g in zip(inputs, grads)})
    return tensors
