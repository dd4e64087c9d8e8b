"""How much memory the results of operations take, as time goes by."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from time import perf_counter_ns as now
from typing import Any, Final, final

import numpy as np

LEAST: Final = 1 << 14  # bytes of an array from which on it is followed


@final
class _Held(weakref.ref[Any]):
    """An array that is followed: it goes when nothing sees its memory any more."""

    __slots__ = ("key", "size")

    key: int
    size: int


@final
class Memory:
    """The bytes of arrays that operations and walks made, of those of 16 kB and more; views count as what they see.

    Attributes
    ----------
    changes : list of (int, int)
        Times in nanoseconds, and the bytes from then on.
    """

    def __init__(self) -> None:
        self.changes: list[tuple[int, int]] = []
        self._bytes = 0
        self._held: dict[int, _Held] = {}
        self._released: Callable[[Any], None] = self._release

    def hold(self, array: Any, time: int) -> None:
        """An array of at least LEAST bytes was made, or a view of one."""
        while type(array.base) is np.ndarray:
            array = array.base
        key = id(array)
        if key in self._held:
            return
        size = array.nbytes
        held = self._held[key] = _Held(array, self._released)
        held.key, held.size = key, size
        self._bytes += size
        self.changes.append((time, self._bytes))

    def _release(self, held: _Held) -> None:
        if self._held.pop(held.key, None) is not None:
            self._bytes -= held.size
            self.changes.append((now(), self._bytes))

    def forget(self) -> None:
        """Follow nothing any more."""
        self._held.clear()
