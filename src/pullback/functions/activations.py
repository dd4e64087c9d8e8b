"""Activations that are compositions; those with a kernel of their own stand in `ops/elementwise.py`."""

from __future__ import annotations

import math
from typing import Any

from pullback.core.errors import OptionError
from pullback.ops.elementwise import erf, exp, multiply, sigmoid, tanh
from pullback.ops.reductions import logsumexp


def softmax(x: Any, axis: int = -1) -> Any:
    """eˣ / Σ eˣ over `axis`, without overflow.

    >>> import pullback as pb
    >>> softmax(pb.tensor([0.0, 0.0]))
    Tensor([0.5, 0.5])
    """
    return exp(log_softmax(x, axis))


def log_softmax(x: Any, axis: int = -1) -> Any:
    """X − log Σ eˣ over `axis`, without overflow.

    >>> import pullback as pb
    >>> log_softmax(pb.tensor([1000.0, 1000.0]))
    Tensor([-0.69314718, -0.69314718])
    """
    return x - logsumexp(x, axis, keepdims=True)


def silu(x: Any) -> Any:
    """X · sigmoid(x) (Elfwing, Uchibe & Doya 2017).

    >>> import pullback as pb
    >>> silu(pb.tensor(0.0))
    Tensor(0.)
    """
    return multiply(x, sigmoid(x))


def gelu(x: Any, approximate: bool = False) -> Any:
    """X · Φ(x), with Φ the normal distribution function (Hendrycks & Gimpel 2016).

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
