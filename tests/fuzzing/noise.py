"""How far a result may be off: what it does when each operation rounds otherwise.

Source: Parker, *Monte Carlo arithmetic* (1997). While a function runs under `Noise`, each operation that rounds has its
result moved up or down, at random, by about as much as two right ways to compute it may differ: by ROUNDINGS units in
the last place; where n numbers are summed, by √n units of the sum of their sizes; reductions that subtract inside
have their operand moved too. Operations that do not round (movement, comparison, selection, extrema) stay exact.
So what is badly conditioned spreads, and a comparison or a rounding that hangs on a last bit falls either way.
"""

from __future__ import annotations

import numpy as np

from pullback.core import kinds
from pullback.core.modes import ModeContext
from pullback.tensors import Tensor

ROUNDINGS = 4
FLOATS = (np.float32, np.float64)
SUMMED = {"sum", "mean", "cumsum", "add_into"}
EXACT = {
    "negative", "positive", "identity", "stop_gradient", "abs", "sign", "floor", "ceil", "trunc", "rint", "maximum",
    "minimum", "clip", "where", "relu", "max", "min",
}  # fmt: skip


class Noise:
    """A trace that changes results a little; one for each run."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def apply(self, primitive, operands, params):
        with ModeContext(trace=None), np.errstate(all="ignore"):
            x = operands[0] if operands else None
            rounds = isinstance(primitive, kinds.Reduction) and primitive.name not in EXACT
            if rounds and getattr(array_of(x), "dtype", None) in FLOATS:
                operands = (x + self.step(array_of(x), np.abs(array_of(x))), *operands[1:])
            result = primitive(*operands, **params)
            array = result.array
            if getattr(array, "dtype", None) in FLOATS:
                result.array = array + self.step(array, size_of(primitive, operands, params, array))
        if result.node is not None and result.node.saved and result.node.saved[0] is array:
            result.node.saved = (result.array, *result.node.saved[1:])  # what others see
        return result

    def step(self, array, sizes):
        """Up or down by a rounding of numbers of these sizes; nothing where there is nothing to round."""
        step = np.finfo(array.dtype).eps * sizes * self.rng.choice((-1, 1), np.shape(array))
        return np.where(np.isfinite(step) & np.isfinite(array), step, 0).astype(array.dtype)

    def write(self, tensor, result):
        with ModeContext(trace=None):
            tensor.become(result)

    def __getattr__(self, name):
        return lambda *_, **__: None  # what else a trace is told of matters to those alone who write programs


def size_of(primitive, operands, params, result):
    """The size of the numbers that were rounded, times how often."""
    if primitive.name in SUMMED or isinstance(primitive, kinds.BilinearMap):
        arrays = [np.abs(a) if a.dtype in FLOATS else a for a in map(np.asarray, map(array_of, operands))]  # no indices
        counts = [max(1, np.size(x)) for x in arrays]
        summed = (np.prod(counts, dtype=float) / max(1, result.size)) ** (1 / len(counts))
        return np.sqrt(summed) * primitive.kernel(*arrays, **params)
    exact = primitive.name in EXACT or isinstance(primitive, kinds.LinearMap)
    return 0 if exact else ROUNDINGS * np.abs(result)


def array_of(x):
    """The numbers of a tensor, or an array itself."""
    return x.array if isinstance(x, Tensor) else x
