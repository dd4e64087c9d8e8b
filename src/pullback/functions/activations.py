"""Activations that are compositions; those with a kernel of their own stand in `ops/elementwise.py`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pullback.core.axes import ndim_of, normalize_axes, reduced_size
from pullback.core.errors import OptionError
from pullback.core.habits import explain_keywords
from pullback.core.kinds import strong_multiply
from pullback.core.precision import of_numbers
from pullback.ops.elementwise import erf, exp, gap, identity, log, sigmoid, stop_gradient, tanh
from pullback.ops.reductions import max as largest
from pullback.ops.reductions import sum as sum_over

if TYPE_CHECKING:
    from pullback.tensors import Tensor


def softmax(x: Any, axis: int = -1) -> Tensor:
    """eˣ / Σ eˣ over `axis`, without overflow.

    >>> import pullback as pb
    >>> softmax(pb.tensor([0.0, 0.0]))
    Tensor([0.5, 0.5])
    """
    return _softmax(x, axes=normalize_axes(axis, ndim_of(x), "softmax"))


@of_numbers
def _softmax(x: Any, axes: tuple[int, ...] | None) -> Any:
    if not reduced_size(x.shape, axes):
        return identity(x)  # nothing is the largest of nothing
    e = exp(_shifted(x, axes))
    return e / sum_over(e, axes, keepdims=True)


def log_softmax(x: Any, axis: int = -1) -> Tensor:
    """x − log Σ eˣ over `axis`, without overflow.

    >>> import pullback as pb
    >>> log_softmax(pb.tensor([1000.0, 1000.0]))
    Tensor([-0.69314718, -0.69314718])
    """
    return _log_softmax(x, axes=normalize_axes(axis, ndim_of(x), "log_softmax"))


@of_numbers
def _log_softmax(x: Any, axes: tuple[int, ...] | None) -> Any:
    if not reduced_size(x.shape, axes):
        return identity(x)
    shifted = _shifted(x, axes)
    return shifted - log(sum_over(exp(shifted), axes, keepdims=True))


def _shifted(x: Any, axes: tuple[int, ...] | None) -> Any:
    # Softmax does not change when all is shifted, so the shift is a constant of the derivative.
    return gap(x, stop_gradient(largest(x, axes, keepdims=True)))


@np.errstate(invalid="ignore")  # −∞ behind a gate that is shut is 0
def gated(x: Any, gate: Any) -> Any:
    """x times a gate, 0 where the gate is shut."""
    return strong_multiply(x, gate)


def silu(x: Any) -> Tensor:
    """x · sigmoid(x) (Elfwing, Uchibe & Doya 2017).

    >>> import pullback as pb
    >>> silu(pb.tensor(0.0))
    Tensor(0.)
    """
    return _silu(x)


@of_numbers
def _silu(x: Any) -> Any:
    return gated(x, sigmoid(x))


def gelu(x: Any, approximate: bool = False) -> Tensor:
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
    x = x if hasattr(x, "dtype") else np.asarray(x)
    return _tanh_gelu(x) if approximate else _gelu(x)


@of_numbers
def _gelu(x: Any) -> Any:
    return gated(x, 0.5 + 0.5 * erf(x * math.sqrt(0.5)))


@of_numbers
def _tanh_gelu(x: Any) -> Any:
    return gated(x, 0.5 + 0.5 * tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))))


explain_keywords(globals())
