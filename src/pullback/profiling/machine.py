"""What this machine can do at most: operations a second, and bytes a second from each level of its memory. Measured.

Matrices are multiplied by BLAS, with its threads and on threads of ours; arrays are added on threads of ours. The best
is kept in the user's cache. A busy machine can less, so a few processes measure before the figures stay.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from functools import cache
from threading import Thread
from time import perf_counter
from typing import Any, Final, NamedTuple

import numpy as np

from pullback.compiler.machine.cache import ObjectCache
from pullback.core.threads import get_threads

SIDE: Final = 384  # of the matrices
LEVELS: Final = (1 << 18, 1 << 21, 1 << 26)  # bytes of the arrays that are added
_LEAST: Final = 2e-3  # seconds of a measurement
_SPAN: Final = 0.1  # seconds within which measurements are repeated
_PROCESSES: Final = 3  # that measure


class Machine(NamedTuple):
    """The limits of this machine, of so many threads.

    Attributes
    ----------
    flops : dict
        By bytes of a floating-point number, operations a second.
    levels : list of (int, float)
        Bytes of data up to which a level of memory is meant, and bytes a second from and to it.
    """

    flops: dict[int, float]
    levels: list[tuple[int, float]]

    def at_least(self, other: Machine) -> Machine:
        """What this one or another measurement of the same machine found, whichever is more."""
        flops = {width: max(speed, other.flops[width]) for width, speed in self.flops.items()}
        levels = [(most, max(a, b)) for (most, a), (_, b) in zip(self.levels, other.levels, strict=True)]
        return Machine(flops, levels)

    def bandwidth(self, size: float) -> float:
        """Bytes a second, of data of a size."""
        return next((speed for most, speed in self.levels if size <= most), self.levels[-1][1])

    def least(self, flops: float, size: float, width: int) -> float:
        """Seconds that so many operations, on numbers so wide, and so many bytes take at least: the roof.

        Source: S. Williams, A. Waterman and D. Patterson, Roofline, Communications of the ACM 52(4), 2009.
        """
        return max(flops / self.flops.get(width, self.flops[8]), size / self.bandwidth(size))


def machine() -> Machine:
    """The limits of this machine, with as many threads as Pullback uses; it takes half a second to measure them."""
    return _machine(get_threads())


@cache
def _machine(threads: int) -> Machine:
    facts = (platform.node(), platform.machine(), platform.processor(), np.__version__, threads, SIDE, LEVELS, _SPAN)
    name = "machine-" + hashlib.sha256(repr(facts).encode()).hexdigest()[:32]
    store = ObjectCache.of_user()
    kept = store.load(name)
    known: dict[str, Any] = {"flops": [], "levels": [], "times": 0} if kept is None else json.loads(kept)
    before = Machine({int(width): speed for width, speed in known["flops"]}, [*map(tuple, known["levels"])])
    if known["times"] >= _PROCESSES:
        return before
    found = measured(threads)
    if known["times"]:
        found = found.at_least(before)
    known = {"flops": [*found.flops.items()], "levels": found.levels, "times": known["times"] + 1}
    store.store(name, json.dumps(known).encode())
    return found


def measured(threads: int, side: int = SIDE, levels: Sequence[int] = LEVELS) -> Machine:
    """Measure."""
    flops = {np.dtype(dtype).itemsize: _products(dtype, side, threads) for dtype in (np.float32, np.float64)}
    speeds = [(size * threads, _sums(size, threads)) for size in levels]
    return Machine(flops, [(most, max(speed for _, speed in speeds[i:])) for i, (most, speed) in enumerate(speeds)])


def _products(dtype: Any, side: int, threads: int) -> float:
    rng = np.random.default_rng(0)
    sets = [[rng.random((side, side)).astype(dtype) for _ in range(3)] for _ in range(threads)]
    rates = [_rate(lambda a, b, out: np.matmul(a, b, out=out), some) for some in (sets[:1], sets)]
    return 2 * side**3 * max(rates)


def _sums(size: int, threads: int) -> float:
    count = size // 24
    sets = [[np.zeros(count), np.ones(count), np.empty(count)] for _ in range(threads)]
    return 24 * count * _rate(lambda a, b, out: np.add(a, b, out=out), sets)


def _rate(work: Callable[..., Any], sets: Sequence[Sequence[Any]]) -> float:
    """How often a second, by all threads together, the work is done: the best of several measurements."""
    begin = perf_counter()
    work(*sets[0])
    work(*sets[0])
    count = max(1, int(_LEAST / max((perf_counter() - begin) / 2, 1e-7)))

    def repeat(arrays: Sequence[Any]) -> None:
        for _ in range(count):
            work(*arrays)

    best, end = float("inf"), perf_counter() + _SPAN
    while best == float("inf") or perf_counter() < end:
        others = [Thread(target=repeat, args=(arrays,)) for arrays in sets[1:]]
        begin = perf_counter()
        for thread in others:
            thread.start()
        repeat(sets[0])
        for thread in others:
            thread.join()
        best = min(best, perf_counter() - begin)
    return count * len(sets) / best
