"""Special functions that are made of others."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from pullback.core.axes import Axes
from pullback.core.errors import OptionError
from pullback.core.habits import explain_keywords
from pullback.functions import activations
from pullback.functions.creation import asarray
from pullback.ops import reductions
from pullback.ops.elementwise import sigmoid, stop_gradient
from pullback.ops.special_functions import gamma as gammas
from pullback.ops.special_functions import hypergeometric
from pullback.ops.special_functions.bessel import jv, yv
from pullback.tensors import Tensor

MOST = 80.0  # below the logarithm of the largest number, of single precision too

# SciPy has two names for each; its `yn` takes whole orders alone.
expit, psi, jn, yn = sigmoid, gammas.digamma, jv, yv


def zeta(x: Any, q: Any = None) -> Tensor:
    """The zeta function of Hurwitz, Σ (n + q)⁻ˣ over n = 0, 1, …; of Riemann, q = 1, if q is not given.

    >>> zeta(2.0)  # π²/6
    Tensor(1.64493407)
    """
    return hypergeometric.zeta(x, 1.0 if q is None else q)


def polygamma(n: Any, x: Any) -> Tensor:
    """The n-th derivative of ψ(x), the derivative of log Γ(x); n is a whole number, or an array of them.

    >>> polygamma(1, np.array([1.0]))  # π²/6
    Tensor([1.64493407])
    """
    return gammas.polygamma(n, asarray(x))


def multigammaln(a: Any, d: int) -> Tensor:
    """The logarithm of the multivariate gamma function: log Γ_d(a) = d(d − 1)/4 log π + Σⱼ log Γ(a − j/2), j < d.

    >>> multigammaln(np.array([2.0]), 1)
    Tensor([0.])
    """
    a, d = asarray(a), operator.index(d)
    if d < 1:
        raise OptionError("multigammaln: the dimension is 1 or more", got=d)
    halves = a[..., None] - np.arange(d) / 2
    return gammas.gammaln(halves).sum(axis=-1) + d * (d - 1) / 4 * math.log(math.pi)


def softmax(x: Any, axis: Axes = None) -> Tensor:
    """eˣ / Σ eˣ, over all of x as SciPy's, or over `axis`.

    >>> softmax(np.zeros((2, 2)))
    Tensor([[0.25, 0.25],
            [0.25, 0.25]])
    """
    return activations.softmax(x, axis)  # type: ignore[arg-type]  # several axes, too


def log_softmax(x: Any, axis: Axes = None) -> Tensor:
    """x − log Σ eˣ, over all of x as SciPy's, or over `axis`.

    >>> log_softmax(np.array([1000.0, 1000.0]))
    Tensor([-0.69314718, -0.69314718])
    """
    return activations.log_softmax(x, axis)  # type: ignore[arg-type]  # several axes, too


def logsumexp(a: Any, axis: Axes = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """log Σ b eᵃ over `axis`, without overflow; NaN where the sum is negative.

    With `return_sign` log |Σ b eᵃ| and the sign, which of complex numbers is one of absolute value 1. An element of
    weight b = 0 counts for nothing, an infinite one too, and has a derivative by b.

    >>> logsumexp(np.array([1000.0, 1000.0]), b=np.array([3.0, -1.0]))
    Tensor(1000.69314718)
    """
    a = asarray(a) * 1.0
    if b is None and not return_sign and a.dtype.kind == "f":
        return reductions.logsumexp(a, axis, keepdims)
    a, b = np.broadcast_arrays(a, asarray(1.0 if b is None else b) * a.dtype.type(1))
    size = stop_gradient(np.real(a))
    most = np.max(np.where(b == 0, -math.inf, size), axis=axis, keepdims=True, initial=-math.inf)
    most = np.where(np.isfinite(most), most, 0.0).astype(size.dtype)
    gone = (b == 0) & (size - most > MOST)  # of which the exponential would be infinite
    total = np.sum(b * np.exp(np.where(gone, MOST, a - most)), axis=axis, keepdims=True)
    found: tuple[Any, ...]
    if return_sign:
        sign = np.sign(total)
        found = np.log(np.abs(total)) + most, sign
    else:
        found = (np.log(total if a.dtype.kind == "c" else np.where(total < 0, math.nan, total)) + most,)
    shape = found[0].shape if keepdims else np.sum(np.empty(a.shape, bool), axis=axis).shape
    first, *rest = (x.reshape(shape) for x in found)
    return (first, *rest) if return_sign else first


explain_keywords(globals())
