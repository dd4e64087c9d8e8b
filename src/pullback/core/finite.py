"""Whether an array has neither infinities nor NaN, in one reading of its numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy import generic, ndarray

from pullback.batching.factors import telling
from pullback.core.blocks import SMALL


def is_finite(array: Any, *factors: Any) -> bool:
    """Whether a sum of an array's numbers is finite: then all are. It may be said of none that they are not.

    A large product of `factors` is not read again where one of them, which many numbers share, tells that it has no
    0·∞: what is infinite in it is so rightly. Of an array of another type than NumPy's it is said of none: no number is
    read from where it lies.

    >>> is_finite(np.array([1.0, 2.0])), is_finite(np.array([1.0, np.inf]))
    (True, False)
    """
    total: Any = array
    if type(total) is not ndarray and not isinstance(total, generic):
        return False
    if array.ndim:  # a sum, of squares too, is finite only where each term is; it reads once and writes nothing
        total = np.vdot(array, array) if array.size <= SMALL else np.add.reduce(telling(array, factors), axis=None)
    return math.isfinite(abs(total))
