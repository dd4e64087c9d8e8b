"""Derivatives by differences, independent of Pullback: what the tests of its core compare with."""

from __future__ import annotations

import numpy as np

import pullback as pb


def central(f, x, step=1e-5):
    """The Jacobian of f at x by central differences, one element of x after another."""
    x = np.asarray(x, float)
    columns = []
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place] += step
        down[place] -= step
        columns.append((value_of(f, up) - value_of(f, down)) / (2 * step))
    shape = columns[0].shape if columns else value_of(f, x).shape
    return np.stack(columns, axis=-1).reshape(shape + x.shape) if columns else np.zeros(shape + x.shape)


def value_of(f, x):
    """f(x) as an array of its own."""
    result = f(pb.tensor(x))
    return np.array(result.numpy() if isinstance(result, pb.Tensor) else result, float)
