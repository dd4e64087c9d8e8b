"""Activations that are compositions; those with a kernel of their own stand in `ops/elementwise.py`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pullback.core.axes import Axes, ndim_of, normalize_axes
from pullback.core.errors import OptionError
from pullback.core.habits import explain_keywords
from pullback.ops.elementwise import erf, exp, isfinite, log, multiply, sigmoid, stop_gradient, subtract, tanh, where
from pullback.ops.reductions import max as largest
from pullback.ops.reductions import sum as sum_over


def softmax(x: Any, axis: int = -1) -> Any:
    """eˣ / Σ eˣ over `axis`, without overflow.

    >>> import pullback as pb
    >>> softmax(pb.tensor([0.0, 0.0]))
    Tensor([0.5, 0.5])
    """
    axes = normalize_axes(axis, ndim_of(x), "softmax")
    e = exp(_shifted(x, axes))
    return e / sum_over(e, axes, keepdims=True)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """x − log Σ eˣ over `axis`, without overflow.

    >>> import pullback as pb
    >>> log_softmax(pb.tensor([1000.0, 1000.0]))
    Tensor([-0.69314718, -0.69314718])
    """
    axes = normalize_axes(axis, ndim_of(x), "log_softmax")
    shifted = _shifted(x, axes)
    return shifted - log(sum_over(exp(shifted), axes, keepdims=True))


def _shifted(x: Any, axes: Axes) -> Any:
    # Softmax does not change when all is shifted, so the shift is a constant of the derivative.
    shift = stop_gradient(largest(x, axes, keepdims=True))
    with np.errstate(over="ignore"):  # numbers that far below the largest become -inf, whose exponential is 0
        return subtract(x, where(isfinite(shift), shift, 0))


def silu(x: Any) -> Any:
    """x · sigmoid(x) (Elfwing, Uchibe & Doya 2017).

    >>> import pullback as pb
    >>> silu(pb.tensor(0.0))
    Tensor(0.)
    """
    return multiply(x, sigmoid(x))


def gelu(x: Any, approximate: bool = False) -> Any:
    """x · Φ(x), with Φ the normal distribution function (Hendrycks & Gimpel 2016).

    Parameters
    ----------
    x : array-like
        Any shape.
    approximate : bool
        Use the formula with tanh, as GPT-2 does; off by at most 5e-4.

    >>> import pullback as pb
    >>> gelu(pb.tensor(0.0))
    Tensor(0.)
    """
    if not isinstance(approximate, bool):
        raise OptionError("gelu: approximate is True or False", got=approximate)
    if approximate:
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * multiply(multiply(x, x), x))
        return 0.5 * multiply(x, 1 + tanh(inner))
    return 0.5 * multiply(x, 1 + erf(multiply(x, math.sqrt(0.5))))


explain_keywords(globals())
