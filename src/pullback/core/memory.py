"""Memory for large results, kept and lent again: the system takes longer to find fresh pages than NumPy to fill them.

A result's memory comes back when the last array that sees it goes. As PyTorch's caching allocator; here for NumPy.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

MOST_BYTES: Final = 1 << 28  # that are kept while nobody uses them

_free: Final[dict[int, list[np.ndarray[Any, Any]]]] = {}
_kept: Final = [0]


class _Lent:
    """The owner of lent memory, which gives it back when it goes."""

    __slots__ = ("__array_interface__", "memory")

    def __init__(self, memory: np.ndarray[Any, Any], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.memory = memory
        self.__array_interface__ = {
            "version": 3, "shape": shape, "typestr": dtype.str, "data": memory.__array_interface__["data"],
        }  # fmt: skip

    def __del__(self) -> None:
        size = self.memory.nbytes
        if _kept[0] + size <= MOST_BYTES:
            _kept[0] += size
            _free.setdefault(size, []).append(self.memory)


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """An array of numbers that mean nothing yet, of memory that was used before if there is some of its size."""
    size = math.prod(shape) * dtype.itemsize
    try:
        memory = _free[size].pop()
        _kept[0] -= size
    except (KeyError, IndexError):
        memory = np.empty(size, np.uint8)
    return np.asarray(_Lent(memory, shape, dtype))


def owned(array: Any) -> bool:
    """Whether an array is the only one that sees its memory, as far as the array itself knows.

    >>> whole = np.zeros(3)
    >>> owned(whole), owned(whole[1:])
    (True, False)
    """
    base = array.base
    return base is None or type(base) is _Lent
