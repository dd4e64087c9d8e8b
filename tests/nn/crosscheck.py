"""Pullback's layers beside PyTorch's, with the same state: outputs, gradients, and what calls do to buffers."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from tests.nn.case import Case

import pullback as pb
from pullback.core.tree import leaves

TOLERANCE: Final = 1e-5  # relative to the largest number of an array, in float32


class Difference(NamedTuple):
    """How far the layers are apart, relative to the largest number of each array."""

    outputs: float
    gradients: float
    buffers: float

    @property
    def fits(self) -> bool:
        return max(self) <= TOLERANCE


def crosscheck(case: Case, torch: Any, dtype: Any = np.float32) -> Difference:
    """Load one state into both layers, and compare what they make of the same input.

    Raises AssertionError if the names or shapes of the states differ.
    """
    assert case.theirs is not None
    ours, theirs = case.layer(dtype), case.theirs(torch).to(getattr(torch, np.dtype(dtype).name))
    theirs.train(case.training)
    state = ours.state_dict()
    names = {name: tuple(value.shape) for name, value in theirs.state_dict().items()}
    assert {name: value.shape for name, value in state.items()} == names
    assert list(state) == list(names)
    theirs.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
    given = case.draw(dtype)
    floats = [x.dtype.kind == "f" for x in given]
    mine = [pb.tensor(x, requires_grad=f) for x, f in zip(given, floats, strict=True)]
    yours = [torch.tensor(x, requires_grad=f) for x, f in zip(given, floats, strict=True)]
    keywords = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in case.keywords.items()}
    outputs = case.call(ours, *mine)
    expected = [y for y in leaves(theirs(*case.arranged(yours), **keywords)) if y is not None]
    rng = np.random.default_rng(0)
    weights = [rng.uniform(-1, 1, y.shape).astype(dtype) for y in outputs]
    pairs = [(a.numpy(), b.detach().numpy()) for a, b in zip(outputs, expected, strict=True)]
    if any(y.requires_grad for y in expected):
        sum((y * w).sum() for y, w in zip(outputs, weights, strict=True)).backward()
        sum((y * torch.tensor(w)).sum() for y, w in zip(expected, weights, strict=True)).backward()
    theirs_by_name = dict(theirs.named_parameters())
    gradients = [(p.grad, theirs_by_name[name].grad) for name, p in ours.named_parameters()]
    gradients += [(a.grad, b.grad) for a, b, f in zip(mine, yours, floats, strict=True) if f]
    after = theirs.state_dict()
    buffers = [(value.numpy(), after[name].numpy()) for name, value in ours.named_buffers()]
    return Difference(*map(_worst, (pairs, [(a.numpy(), b.numpy()) for a, b in gradients if b is not None], buffers)))


def _worst(pairs: list[tuple[Any, Any]]) -> float:
    """The largest difference, relative to the largest number of its array."""
    found = [0.0]
    for a, b in pairs:
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        scale = float(abs(b.astype(float)).max(initial=0)) or 1.0
        found.append(float(abs(a.astype(float) - b.astype(float)).max(initial=0)) / scale)
    return max(found)


def main() -> int:
    """Print a line for each layer that PyTorch has too, and each model; the status says whether all agree."""
    from tests.nn.cases import CASES
    from tests.nn.models import MODELS

    try:
        import torch
    except ImportError:
        print("crosscheck: PyTorch is not installed (pip install torch): nothing to compare with")
        return 0
    torch.set_num_threads(1)
    bad = 0
    print(f"{'layer':32}{'outputs':>10}{'gradients':>11}{'buffers':>10}")
    cases = [case for case in (*CASES, *MODELS) if case.theirs is not None]
    for case in cases:
        found = crosscheck(case, torch)
        bad += not found.fits
        line = f"{case.name:32}{found.outputs:10.1e}{found.gradients:11.1e}{found.buffers:10.1e}"
        print(line if found.fits else f"{line}  differs by more than {TOLERANCE:g}")
    print(f"{len(cases)} layers and models beside PyTorch {torch.__version__}, {bad} differ")
    return min(bad, 1)


if __name__ == "__main__":
    raise SystemExit(main())
