"""Memory for arrays that live long or are large: where it begins, and what becomes of it.

Parameters and what optimizers keep begin at a cache line, so that no vector straddles two: NumPy's own arrays begin at
any 16 bytes, and updates take longer, most where two cores share the lines. Large results are lent memory
that comes back when the last array that sees it goes, and is lent again: the system takes longer to find fresh pages
than NumPy to fill them. As PyTorch's caching allocator; here for NumPy.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

MOST_BYTES: Final = 1 << 28  # that are kept while nobody uses them
LINE: Final = 64  # bytes of a cache line
PLACED: Final = 1 << 12  # bytes from which on it pays to place an array

# glibc keeps what is freed for the next array if that is no larger than the largest ever freed, of 32 MB at most. For
# larger ones it asks the system each time, which takes longer to find pages than NumPy to fill them.
np.empty((1 << 25) - (1 << 16), np.uint8)  # freed at once, and never written to, so it takes no memory

_free: Final[dict[int, list[np.ndarray[Any, Any]]]] = {}
_kept: Final = [0]


class _Owner:
    """The owner of an array's memory; when it goes, memory that was `lent` comes back."""

    __slots__ = ("__array_interface__", "lent", "memory")

    def __init__(
        self, memory: np.ndarray[Any, Any], shape: tuple[int, ...], dtype: np.dtype[Any],
        strides: tuple[int, ...] | None = None, *, lent: bool,
    ) -> None:  # fmt: skip
        self.memory = memory
        self.lent = lent
        self.__array_interface__ = {
            "version": 3, "shape": shape, "typestr": dtype.str, "strides": strides,
            "data": memory.__array_interface__["data"],
        }  # fmt: skip

    def __del__(self) -> None:
        size = self.memory.nbytes
        if self.lent and _kept[0] + size <= MOST_BYTES:
            _kept[0] += size
            _free.setdefault(size, []).append(self.memory)


def _fresh(size: int) -> np.ndarray[Any, Any]:
    """That many bytes, from the beginning of a cache line."""
    memory = np.empty(size + LINE, np.uint8)
    start = -memory.__array_interface__["data"][0] % LINE
    return memory[start : start + size]


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """An array of numbers that mean nothing yet, of memory that was used before if there is some of its size."""
    size = math.prod(shape) * dtype.itemsize
    try:
        memory = _free[size].pop()
        _kept[0] -= size
    except (KeyError, IndexError):
        memory = _fresh(size)
    return _array(_Owner(memory, shape, dtype, lent=True))


def let_go() -> None:
    """Keep no memory any more for large results to come."""
    while _free:
        _kept[0] -= sum(memory.nbytes for memory in _free.popitem()[1])


def placed_like(array: Any) -> Any:
    """An array to be written to often, of numbers that mean nothing yet: from a cache line on, laid out as `array`."""
    if type(array) is not np.ndarray or array.nbytes < PLACED or not _plain(array.dtype):
        return np.empty_like(array)
    strides = None if array.flags.c_contiguous else np.empty_like(array).strides
    return _array(_Owner(_fresh(array.nbytes), array.shape, array.dtype, strides, lent=False))


def placed(array: Any) -> Any:
    """A copy to be written to often: it begins at a cache line, and is laid out as the array is.

    >>> placed(np.ones((64, 32))).__array_interface__["data"][0] % LINE
    0
    """
    if type(array) is not np.ndarray:
        return np.copy(array)  # other arrays keep their own memory
    copy = placed_like(array)
    copy[...] = array
    return copy


def placed_zeros_like(array: Any) -> Any:
    """Zeros to be written to often."""
    zeros = placed_like(array)
    zeros[...] = 0
    return zeros


def _plain(dtype: np.dtype[Any]) -> bool:
    """Whether a dtype is a number of NumPy's own, which its `str` describes."""
    return dtype.kind in "biufc" and dtype.num <= np.dtype(np.float16).num and dtype.metadata is None


def _array(owner: _Owner) -> np.ndarray[Any, Any]:
    array = np.asarray(owner)
    del owner.__array_interface__  # nobody else becomes an array of this memory
    return array


def owned(array: Any) -> bool:
    """Whether an array is the only one that sees its memory, as far as the array itself knows.

    >>> whole = np.zeros(3)
    >>> owned(whole), owned(whole[1:])
    (True, False)
    """
    base = array.base
    return base is None or type(base) is _Owner
