"""Arrays for programs, and what makes a loss of any result; a reproduction repeats the text of these functions."""

from __future__ import annotations

import numpy as np
from tests.fuzzing.loops import looped, scanned, stepped
from tests.ops.domains import laid_out

import pullback as pb


def array(seed, shape, dtype, layout="plain", values="any", low=-2, high=2):
    """Random numbers between bounds: any, on a "grid" so that there are ties and zeros, or some of them "special"."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind != "f":
        return laid_out(np.asarray(rng.integers(low, high, shape, endpoint=True)).astype(dtype), layout)
    numbers = np.asarray(rng.uniform(low, high, shape))
    if values == "grid":
        numbers = np.round(2 * numbers) / 2
    if values == "special":
        chosen = rng.choice([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, 1e30], numbers.shape)
        numbers = np.where(rng.random(numbers.shape) < 0.2, chosen, numbers)
    with np.errstate(all="ignore"):
        return laid_out(np.asarray(numbers, dtype), layout)


def weights(v):
    """A number for each element, no two the same."""
    return np.cos(np.arange(v.size)).reshape(v.shape).astype(v.dtype)


def weighted(v):
    """A loss that depends on each element in another way."""
    return pb.sum(v * weights(v))


def written(x, index, value):
    """A copy of x in which an assignment was made."""
    t = x * 1
    t[index] = value
    return t


def changed(x, index, value):
    """A copy of x, some of which was added to in place."""
    t = x * 1
    t[index] += value
    t *= 2
    return t


SCOPE = {
    "np": np,
    "pb": pb,
    "array": array,
    "weights": weights,
    "weighted": weighted,
    "looped": looped,
    "scanned": scanned,
    "written": written,
    "changed": changed,
}
PRINTED = (laid_out, array, weights, weighted, stepped, looped, scanned, written, changed)  # for reproductions
