"""The frequencies of a transform's outputs, and outputs with the frequency 0 in the middle."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from pullback.core.axes import normalize_axes
from pullback.core.errors import DTypeError
from pullback.core.habits import explain_keywords
from pullback.fft.fitting import checked_length
from pullback.functions.creation import asarray
from pullback.ops.movement import astype, roll
from pullback.tensors import Tensor


def fftfreq(n: int, d: Any = 1.0, device: str | None = None, *, dtype: Any = None) -> Tensor:
    """The frequencies of `fft` in cycles per unit, for n numbers that are d units apart: [0, 1, …, −2, −1] / (d·n).

    >>> fftfreq(4, 0.5)
    Tensor([ 0. ,  0.5, -1. , -0.5])
    """
    n = _count("fftfreq", n)
    return _spaced(np.fft.ifftshift(np.arange(-(n // 2), n - n // 2)), n, d, device, dtype)


def rfftfreq(n: int, d: Any = 1.0, device: str | None = None, *, dtype: Any = None) -> Tensor:
    """The frequencies of `rfft`: [0, 1, …, n/2] / (d·n).

    >>> rfftfreq(4, 0.5)
    Tensor([0. , 0.5, 1. ])
    """
    n = _count("rfftfreq", n)
    return _spaced(np.arange(n // 2 + 1), n, d, device, dtype)


def _count(name: str, n: int) -> int:
    try:
        return checked_length(name, operator.index(n))
    except TypeError:
        raise DTypeError(f"{name}: n is how many numbers there are", got=repr(n), fix="a whole number") from None


def _spaced(places: Any, n: int, d: Any, device: str | None, dtype: Any) -> Tensor:
    found = asarray(places, device=device) * (1.0 / (n * asarray(d)))
    return found if dtype is None else astype(found, dtype)


def fftshift(x: Any, axes: int | Sequence[int] | None = None) -> Tensor:
    """x with the frequency 0, which comes first, in the middle of the axes, all by default.

    >>> fftshift(np.array([0.0, 1.0, -2.0, -1.0]))
    Tensor([-2., -1.,  0.,  1.])
    """
    x = asarray(x)
    places = _axes("fftshift", x, axes)
    return roll(x, tuple([x.shape[axis] // 2 for axis in places]), places)


def ifftshift(x: Any, axes: int | Sequence[int] | None = None) -> Tensor:
    """The inverse of `fftshift`; for odd lengths it is another one.

    >>> ifftshift(np.array([-2.0, -1.0, 0.0, 1.0]))
    Tensor([ 0.,  1., -2., -1.])
    """
    x = asarray(x)
    places = _axes("ifftshift", x, axes)
    return roll(x, tuple([-(x.shape[axis] // 2) for axis in places]), places)


def _axes(name: str, x: Tensor, axes: int | Sequence[int] | None) -> tuple[int, ...]:
    found = normalize_axes(axes, x.ndim, name)
    return tuple(range(x.ndim)) if found is None else found


explain_keywords(globals())
