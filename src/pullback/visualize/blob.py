"""Arrays for a page: small ones whole, of large ones what can be seen of them, of complex ones their sizes."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

# How many elements an array may have that is kept whole, and the rows and columns of a larger one's picture: the first
# for which there is room.
SIZES: Final = ((4096, 24), (1024, 24), (576, 24), (256, 16), (64, 8), (16, 4), (1, 1))

_LARGEST: Final = 8e307  # of numbers that are drawn: their range is finite

Array = npt.NDArray[Any]


@final
class Blob:
    """The bytes of all arrays of a page, and where each lies.

    Parameters
    ----------
    arrays : iterable
        All arrays and numbers that will be added.
    room : int
        Bytes that they may take, about.
    """

    def __init__(self, arrays: Iterable[Any], room: int) -> None:
        sizes = {id(a): (a, math.prod(getattr(a, "shape", ()))) for a in arrays}
        fitting = (pair for pair in SIZES if _bytes(sizes.values(), *pair) <= room)
        self.cap, self._thumb = next(fitting, SIZES[-1])
        self.table: list[Any] = []
        self._places: dict[int, tuple[int, Any]] = {}
        self._bytes = bytearray()

    def add(self, value: Any) -> int | None:
        """The number of an array in the table; None for what is no array of numbers."""
        if value is None or isinstance(value, tuple):
            return None
        if id(value) in self._places:
            return self._places[id(value)][0]
        array = np.asarray(value)
        if array.dtype.kind not in "biufc":
            return None
        self._places[id(value)] = len(self.table), value
        if array.dtype.kind == "c":
            self.table.append([*self._seen(np.abs(array)), _complex_text(array)])
        else:
            self.table.append(self._whole(array) if array.size <= self.cap else self._seen(array))
        return len(self.table) - 1

    def lacks(self, value: Any) -> str | None:
        """Why the page cannot compute with a value; None if it can."""
        if isinstance(value, tuple):
            return "has several results"
        array = np.asarray(value)
        if array.size > self.cap:
            return f"has {array.size:,} elements; here the page computes with up to {self.cap:,}"
        if array.dtype.kind == "c":
            return "is complex; the page computes with real numbers"
        if array.dtype.kind not in "biuf" or (array.dtype.kind in "iu" and np.any(abs(array.astype(float)) > 2.0**53)):
            return "is no number of which the page can hold all digits"
        return None

    def text(self) -> str:
        """All bytes, in base 64."""
        return base64.b64encode(self._bytes).decode()

    def _whole(self, array: Array) -> Any:
        return [*self._put(array), list(array.shape)]

    def _seen(self, array: Array) -> Any:
        """Shape, range, histogram and a coarse picture."""
        finite = np.clip(array[np.isfinite(array)].astype(float), -_LARGEST, _LARGEST)
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
        reach = max(abs(low), abs(high))
        margin = 0.5 if high == low else 0.0  # of equal numbers
        around = (low / reach - margin, high / reach + margin) if reach else (-0.5, 0.5)
        counts, _ = np.histogram(finite / (reach or 1.0), self._thumb, around)
        thumb = coarse(array, self._thumb)
        return [*self._put(thumb.astype(np.float32)), list(array.shape), list(thumb.shape), float(low), float(high),
                float((finite / max(finite.size, 1)).sum()), array.size - finite.size, counts.tolist()]  # fmt: skip

    def _put(self, array: Array) -> tuple[int, str]:
        kind = "f" if array.dtype.char in "ef" else "d"
        self._bytes += bytes(-len(self._bytes) % 8)
        start = len(self._bytes)
        self._bytes += np.ascontiguousarray(array, f"<{kind}").tobytes()
        names = {"b": "?", "i": "i", "u": "i"}  # of kinds; a floating-point dtype is called by its character
        return start, names.get(array.dtype.kind) or (array.dtype.char if array.dtype.char in "ef" else "d")


def _bytes(sizes: Iterable[tuple[Any, int]], cap: int, thumb: int) -> int:
    """About what arrays take, whole or as pictures with what is told of them."""
    return sum(
        16 + size * getattr(array, "itemsize", 8) if size <= cap else 4 * min(size, thumb * thumb) + 3 * thumb + 90
        for array, size in sizes
    )


def _complex_text(array: Array) -> str:
    """A complex number in words; of several, between which sizes they are."""
    if array.size == 1:
        z = array.item()
        return f"{z.real:.5g} {'-' if np.signbit(z.imag) else '+'} {abs(z.imag):.5g}i".replace("-", "−")
    sizes = np.abs(array)
    return f"|z| {sizes.min():.3g} … {sizes.max():.3g}" if array.size else "empty"


def coarse(array: Array, most: int) -> Array:
    """An array as a matrix of at most `most` by `most`: the means of its blocks."""
    matrix = array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array.reshape(1, -1)
    for axis in (0, 1):
        if matrix.shape[axis] > most:
            edges = np.linspace(0, matrix.shape[axis], most + 1).astype(int)[:-1]
            counts = np.diff([*edges, matrix.shape[axis]])
            total = np.add.reduceat(matrix.astype(float), edges, axis=axis)
            matrix = total / (counts[:, None] if axis == 0 else counts)
    return matrix
