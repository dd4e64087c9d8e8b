"""Kernels of elementwise rows that take more than a line: where a plain formula would overflow, or meet ∞ − ∞."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy import ndarray

from pullback.core.complex import is_complex
from pullback.core.kinds import strong_multiply
from pullback.core.precision import of_numbers, of_reals


def gap(a: Any, b: Any) -> Any:
    """a − b, and 0 where both are the same infinity."""
    if type(b) is ndarray and b.itemsize > 2 and math.isfinite(abs(np.vdot(b, b))):  # as nearly always
        return a - b  # where squares are finite, numbers are too small for the difference to overflow
    with np.errstate(over="ignore", invalid="ignore"):  # a number far below b is -inf; inf - inf is not taken
        return a - b if np.isfinite(b).all() else np.where(a == b, 0, a - b)


@of_numbers
def sigmoid(x: Any) -> Any:
    """1 / (1 + e⁻ˣ)."""
    if is_complex(x):
        right = x.real >= 0
        e = np.exp(np.where(right, -x, x))
        return np.where(right, 1, e) / (1 + e)
    e = np.exp(-np.abs(x))  # never overflows, and keeps the relative accuracy of small results
    return np.where(x >= 0, 1, e) / (1 + e)


@of_reals
def softplus(x: Any) -> Any:
    """log(1 + eˣ)."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


@of_reals
def binary_cross_entropy(p: Any, t: Any) -> Any:
    """−(t log p + (1 − t) log(1 − p)), whose logarithms end at −100."""
    with np.errstate(divide="ignore"):  # log 0 is limited on purpose
        return -(t * np.maximum(np.log(p), -100) + (1 - t) * np.maximum(np.log1p(-p), -100))


@of_reals
def logits_cross_entropy(x: Any, t: Any) -> Any:
    """The same of p = sigmoid(x), without a limit."""
    with np.errstate(invalid="ignore"):  # an infinite logit costs nothing where it is right
        return strong_multiply.bind(x, (x > 0) - t) + np.log1p(np.exp(-np.abs(x)))


@of_reals
@np.errstate(invalid="ignore")
def softsign(x: Any) -> Any:
    """x / (1 + |x|), of an infinite x its sign."""
    return np.where(np.isinf(x), np.sign(x), x / (1 + np.abs(x)))


def erf(x: Any) -> Any:
    """The error function."""
    from scipy.special import erf as scipy_erf  # heavy: only who uses it loads it

    result = scipy_erf(x)  # of float16 in float64
    return result.astype(x.dtype) if x.dtype.char == "e" else result
