"""In which order the elements of an array are read: by rows, by columns, or as they lie in memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.axes import ndim_of
from pullback.core.errors import OptionError


def by_columns(order: str, x: Any) -> bool:
    """Whether elements are read by columns; by "A" where they lie so in memory."""
    if order not in ("C", "F", "A", "K"):
        raise OptionError("order: rows or columns first", order=order, fix='"C" or "F"')
    return order == "F" or (order == "A" and np.isfortran(_laid_out(x)))


def as_in_memory(x: Any) -> tuple[int, ...]:
    """The axes of x, those first along which neighbours lie the farthest apart."""
    steps = _laid_out(x).strides
    return tuple(sorted(range(len(steps)), key=lambda i: -abs(steps[i])))


def _laid_out(x: Any) -> np.ndarray[Any, Any]:
    """An array that lies in memory as x does; what is no array of NumPy's counts as one by rows."""
    array = getattr(x, "array", x)
    return array if isinstance(array, np.ndarray) else np.empty((1,) * ndim_of(x))
