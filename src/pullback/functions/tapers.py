"""Windows that fall off to their ends, for spectra of pieces of a signal: NumPy's."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from pullback.core.errors import DTypeError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.functions.floats import i0
from pullback.tensors import Tensor


def _places(name: str, M: int) -> Any:
    """1 − M, 3 − M, …, M − 1: the places of a window of M numbers, from the middle; of none, nothing."""
    try:
        count = operator.index(M)
    except TypeError:
        raise DTypeError(f"{name}: M is how many numbers there are", got=repr(M), fix="a whole number") from None
    return np.arange(1 - count, count, 2.0)


def _cosines(name: str, M: int, *weights: float) -> Tensor:
    """Σₖ wₖ cos(πkn/(M − 1)) at the places n."""
    n = _places(name, M)
    return asarray(sum(w * np.cos(math.pi * k * n / max(n.size - 1, 1)) for k, w in enumerate(weights)) + 0 * n)


def bartlett(M: int) -> Tensor:
    """The triangle 1 − |2n/(M − 1) − 1|, n from 0 to M − 1.

    >>> bartlett(5)
    Tensor([0. , 0.5, 1. , 0.5, 0. ])
    """
    n = _places("bartlett", M)
    return asarray(1 - np.abs(n) / max(n.size - 1, 1))


def hanning(M: int) -> Tensor:
    """The window of von Hann: 0.5 − 0.5 cos(2πn/(M − 1)), n from 0 to M − 1.

    >>> hanning(5)
    Tensor([0. , 0.5, 1. , 0.5, 0. ])
    """
    return _cosines("hanning", M, 0.5, 0.5)


def hamming(M: int) -> Tensor:
    """The window 0.54 − 0.46 cos(2πn/(M − 1)), n from 0 to M − 1.

    >>> hamming(5)
    Tensor([0.08, 0.54, 1.  , 0.54, 0.08])
    """
    return _cosines("hamming", M, 0.54, 0.46)


def blackman(M: int) -> Tensor:
    """The window 0.42 − 0.5 cos(2πn/(M − 1)) + 0.08 cos(4πn/(M − 1)), n from 0 to M − 1.

    >>> blackman(5).numpy().round(3) + 0.0
    array([0.  , 0.34, 1.  , 0.34, 0.  ])
    """
    return _cosines("blackman", M, 0.42, 0.5, 0.08)


def kaiser(M: int, beta: Any) -> Tensor:
    """The window I₀(β √(1 − (2n/(M − 1) − 1)²)) / I₀(β), n from 0 to M − 1; it differentiates in the number β.

    Source: J. Kaiser & R. Schafer (1980).

    >>> kaiser(3, 2.0)
    Tensor([0.43867628, 1.        , 0.43867628])
    """
    n = _places("kaiser", M) / max(operator.index(M) - 1, 1)
    beta = asarray(beta)
    beta = beta if beta.dtype.kind == "f" else beta.astype(float)
    return i0(beta * np.sqrt(1 - n * n)) / i0(beta)


explain_keywords(globals())
