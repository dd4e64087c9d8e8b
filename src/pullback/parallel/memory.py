"""Memory that all ranks of one machine see: each writes in a place of its own, and reads those of the others.

So numbers pass without being sent, and are added where they lie. Ranks of several machines have none.
"""

from __future__ import annotations

import mmap
import os
import socket
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Signature = tuple[tuple[np.dtype[Any], tuple[int, ...]], ...]

MOST: Final = 1 << 26  # bytes of one rank; more than that is sent
_FIRST: Final = 1 << 16
_ALIGNED: Final = 64
_BLOCK: Final = 1 << 16  # bytes that are read from all places, added and written, before the next ones
_LITTLE: Final = 1 << 14  # bytes that each rank adds up by itself, as two ranks always do


@lru_cache(maxsize=64)
def places(signature: Signature) -> tuple[tuple[int, ...], int]:
    """Where each of some arrays begins in memory, and how many bytes there are."""
    found, end = [], 0
    for dtype, shape in signature:
        found.append(end)
        end += -(-dtype.itemsize * int(np.prod(shape, dtype=np.int64)) // _ALIGNED) * _ALIGNED
    return tuple(found), end


def offered(ranks: int, size: int) -> tuple[str, int]:
    """Make a file for the memory of so many ranks: where it lies, and its bytes for each; "" where there is no room."""
    capacity = max(_FIRST, 1 << (size - 1).bit_length())
    held = Path("/dev/shm")  # noqa: S108 - where it is there, files lie in memory alone; else they go where all do
    name = ""
    with suppress(OSError):
        handle, name = tempfile.mkstemp(prefix="pullback-", dir=held if held.is_dir() else None)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(handle, 0, 2 * ranks * capacity)  # else memory that is not there ends the process
            else:
                os.truncate(handle, 2 * ranks * capacity)
        except OSError:
            os.unlink(name)  # noqa: PTH108 - a name, not a path
            raise
        finally:
            os.close(handle)
        return f"{socket.gethostname()}\t{name}", capacity
    return "", capacity


@final
class Memory:
    """The places of all ranks, two each, which are used in turn: what others may still read is not written to.

    Parameters
    ----------
    offer : str
        What `offered` gave on one rank.
    rank, ranks : int
        Which this is, and how many there are.
    capacity : int
        Bytes of each place.

    Raises
    ------
    OSError
        If this is another machine, or the file is not there.
    """

    def __init__(self, offer: str, rank: int, ranks: int, capacity: int) -> None:
        host, _, name = offer.partition("\t")
        if host != socket.gethostname():
            raise OSError("another machine")
        with Path(name).open("r+b") as file:
            held = mmap.mmap(file.fileno(), 2 * ranks * capacity)
        self._all = np.frombuffer(held, np.uint8).reshape(2, ranks, capacity)
        self._rank, self._turn = rank, 0
        self.capacity = capacity

    def write(self, arrays: Sequence[Array], starts: Sequence[int]) -> None:
        """Put the arrays of this rank into its place."""
        self._turn ^= 1
        place = self._all[self._turn, self._rank]
        for array, start in zip(arrays, starts, strict=True):
            part = place[start : start + array.nbytes].view(array.dtype)
            np.copyto(part.reshape(array.shape), array)

    def add_parts(self, arrays: Sequence[Array], starts: Sequence[int], ufunc: np.ufunc, mean: bool) -> bool:
        """Combine this rank's part of each array, for all; whether there was something to combine so."""
        some = False
        for array, start in zip(arrays, starts, strict=True):
            if not self._alone(array):
                rows = self._rows(array, start)
                part = self._part(array.size, self._rank)
                self._combine(rows, rows[self._rank], part.start, part.stop, ufunc, mean)
                some = True
        return some

    def results(self, arrays: Sequence[Array], starts: Sequence[int], ufunc: np.ufunc, mean: bool) -> tuple[Array, ...]:
        """The combined arrays, each an array of its own."""
        found = []
        for array, start in zip(arrays, starts, strict=True):
            result: Array = np.empty(array.shape, array.dtype)
            flat, rows = result.reshape(-1), self._rows(array, start)
            if self._alone(array):
                self._combine(rows, flat, 0, array.size, ufunc, mean)
            else:
                for rank, row in enumerate(rows):
                    part = self._part(array.size, rank)
                    flat[part] = row[part]
            found.append(result)
        return tuple(found)

    def _alone(self, array: Array) -> bool:
        return len(self._all[0]) == 2 or array.nbytes <= _LITTLE

    def _rows(self, array: Array, start: int) -> list[Array]:
        """The array as each rank has written it."""
        return [row[start : start + array.nbytes].view(array.dtype) for row in self._all[self._turn]]

    def _part(self, size: int, rank: int) -> slice:
        each = -(-size // len(self._all[0]))
        return slice(min(size, rank * each), min(size, (rank + 1) * each))

    @staticmethod
    def _combine(rows: Sequence[Array], out: Array, first: int, last: int, ufunc: np.ufunc, mean: bool) -> None:
        """Combine in the order of the ranks. What is written may be one of the rows, at the same place."""
        step = max(1, _BLOCK // out.itemsize)
        for start in range(first, last, step):
            block = slice(start, min(last, start + step))
            if any(row is out for row in rows):  # which is read until the end
                out[block] = combined([row[block] for row in rows], ufunc, mean)
            else:
                combined([row[block] for row in rows], ufunc, mean, out[block])


def combined(parts: Sequence[Array], ufunc: np.ufunc, mean: bool, out: Array | None = None) -> Array:
    """Arrays combined number by number, from the first to the last."""
    total: Array = ufunc(parts[0], parts[1], out=out)
    for part in parts[2:]:
        ufunc(total, part, out=total)
    return np.divide(total, total.real.dtype.type(len(parts)), out=total) if mean else total
