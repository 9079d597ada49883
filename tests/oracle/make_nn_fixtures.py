"""Makes tests/fixtures/nn: inputs, outputs and gradients of layers, losses and models by PyTorch.

    make_nn_fixtures.py                writes the files and their README
    make_nn_fixtures.py --check        compares the files with what would be written
    make_nn_fixtures.py --only gru     those whose name begins so (no README)

As a test (--check --test) it is skipped unless the variable HABIT_ORACLE is set, since PyTorch
takes seconds to start.

Everything is computed in double precision by PyTorch modules and functions, with gradients by its
automatic differentiation, from seeds fixed for good.  Needs torch, numpy and safetensors; the
product and its tests need only the files.  Exit status 1: a file differs; 77: no torch.
"""
import argparse
import importlib
import importlib.util
import inspect
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, os.pardir, "fixtures", "nn")
TOLERANCE = 1e-12  # versions of PyTorch may add up in another order

PREFACE = """\
# Fixtures for nn

Inputs, outputs and gradients of layers, losses and whole models, computed in double precision by
PyTorch {torch}, independently of our code. `tests/oracle/make_nn_fixtures.py` wrote them and this
page; the tests read only the files, which hold random numbers and no data of anybody's.

Rules that hold for every file:

- Ragged and packed: N events of all users end to end, user u owning rows `offset[u]` to
  `offset[u+1]-1`; no padding. One user has a single event, one has none.
- Vectors are rows; weights are `[in][out]`, so a layer is `x w + b`.
- `dout` is a fixed random array of the shape of `out`, and `d<name>` the gradient of
  `sum(out * dout)` with respect to `<name>`. Losses have `losses` (one per target) and `loss`, and
  `d<name>` is the gradient of `loss`.
- Whole models have `out`, the vectors they score items with, and `losses` and `loss` from these.
  `dout` is there the gradient of `loss` with respect to `out`, and `d<name>` that of
  `sum(out * dout)`, as everywhere. `score_<name>` is the gradient of `loss` with respect to
  `<name>` where it makes scores of `out`; training needs the sum, `ditem + score_item`.
- Inputs and weights, and `dout` of layers, are multiples of 1/1024, which single precision holds
  exactly.
- Numbers are F64, ids and offsets I32, moments in seconds I64; single numbers are arrays of one.
"""


def missing():
    names = ("torch", "numpy", "safetensors")
    return [name for name in names if importlib.util.find_spec(name) is None]


def arrays(tensors):
    """{name: contiguous numpy array}, ready for writing."""
    import numpy as np

    made = {name: np.ascontiguousarray(t.detach().numpy()) for name, t in tensors.items()}
    for name, array in made.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            sys.exit(f"{name} is not finite")
    return made


def same(path, made):
    """Whether the file at `path` holds the arrays of `made`, as far as rounding goes."""
    import numpy as np
    from safetensors.numpy import load_file

    if not os.path.exists(path):
        return False
    kept = load_file(path)
    return kept.keys() == made.keys() and all(
        kept[n].dtype == made[n].dtype
        and kept[n].shape == made[n].shape
        and np.allclose(kept[n], made[n], rtol=TOLERANCE, atol=TOLERANCE)
        for n in made
    )


TYPES = {"float64": "F64", "int32": "I32", "int64": "I64"}


def chapter(name, generator, made):
    """What the README says of one file."""
    text = inspect.getdoc(generator)
    rows = [
        f"| `{n}` | {TYPES[str(a.dtype)]} | {' x '.join(map(str, a.shape))} |"
        for n, a in made.items()
    ]
    table = "\n".join(["| tensor | type | shape |", "|---|---|---|"] + rows)
    return f"\n## {name}\n\n{text}\n\n{table}\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--test", action="store_true", help="skip unless HABIT_ORACLE is set")
    parser.add_argument("--only", default="")
    parser.add_argument("--out", default=FOLDER)
    a = parser.parse_args()
    if a.test and not os.environ.get("HABIT_ORACLE"):
        print("skipped: HABIT_ORACLE is not set")
        sys.exit(77)
    if missing():
        print("skipped: no " + ", ".join(missing()))
        sys.exit(77)

    import torch
    from safetensors.numpy import save_file

    for module in ("layers", "attention", "recurrent", "losses", "models"):
        if os.path.exists(os.path.join(HERE, f"nn_{module}.py")):
            importlib.import_module("nn_" + module)
    from nn_common import FIXTURES

    torch.set_num_threads(1)
    readme = PREFACE.format(torch=torch.__version__.split("+")[0])
    different = []
    for name, generator in FIXTURES.items():
        if not name.startswith(a.only):
            continue
        made = arrays(generator())
        path = os.path.join(a.out, name + ".safetensors")
        if a.check:
            if not same(path, made):
                different.append(name)
        else:
            save_file(made, path)
            os.chmod(path, 0o644)
        readme += chapter(name, generator, made)
    if a.check:
        print(f"{len(FIXTURES) - len(different)} files agree")
        sys.exit("differ: " + ", ".join(different) if different else 0)
    if not a.only:
        with open(os.path.join(a.out, "README.md"), "w") as page:
            page.write(readme)


if __name__ == "__main__":
    main()
