"""Executables that say how long each of their kernels took."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from itertools import groupby, pairwise
from threading import Lock
from time import perf_counter_ns
from typing import Any, Final, NamedTuple, TypeAlias, final

import numpy as np

from pullback.compiler.emission.emit import NativePart, emit
from pullback.compiler.emission.stamps import CLOCK, SIZE, Stamps, timed
from pullback.compiler.lowering.kernels import Kernel, NumPyCall
from pullback.compiler.machine.executable import Executable
from pullback.compiler.machine.frame import Frame
from pullback.compiler.machine.load import load
from pullback.core.threads import get_threads

ByNumPy: TypeAlias = Callable[[NumPyCall, Any, dict[Any, Any]], bool]
_run: Final = Executable.__call__  # whatever may stand in its place later


class Clock(NamedTuple):
    """Python's clock for native code: its address, and whether it writes the time where it is told."""

    address: int
    writes: bool


@cache
def clock() -> Clock | None:
    """The clock of `time.perf_counter_ns` as a function of Python's C interface; None where there is none."""
    for name, writes in (("PyTime_PerfCounterRaw", True), ("_PyTime_GetPerfCounter", False)):
        try:
            found = getattr(ctypes.pythonapi, name)
        except AttributeError:  # before Python 3.13, or after
            continue
        return Clock(ctypes.cast(found, ctypes.c_void_p).value or 0, writes)
    return None


@final
class Profiled:
    """The same program with stamps between its kernels. Calls run one after the other.

    It is emitted and compiled anew, with a call of the clock, some 30 ns, after each kernel, and is else the same code.

    Attributes
    ----------
    plan : Plan
        Of the program, as it is without stamps.
    timed : list of tuple of Kernel
        What the times that a call gives are of: a kernel, or several that threads share.
    """

    def __init__(self, executable: Executable) -> None:
        self.plan = plan = executable.plan
        native = [
            timed([*regions])
            for called, regions in groupby(plan.regions, lambda region: isinstance(region.kernels[0], NumPyCall))
            if not called
        ]
        self._counts = [*map(len, native)]
        self._lock, self._called = Lock(), list[int]()
        self._views: dict[int, Any] = {}  # the stamps of each frame, which the executable keeps
        place = -(-plan.arena // SIZE) * SIZE
        self._stamps = slice(place, place + SIZE * (sum(self._counts) + len(native)))
        found = clock()
        stamped = replace(plan, arena=self._stamps.stop)
        parts = emit(stamped, None if found is None else Stamps(place, found.writes))
        symbols = {} if found is None else {CLOCK: found.address}
        known_by = executable.known_by  # code with stamps is known by more than the same without
        key = None if known_by is None else f"{known_by}\nstamps {found and found.writes}"
        self._executable = load(stamped, parts, key, symbols)
        if (mixed := self._executable.mixed) is not None:
            mixed.by_numpy = self._noted(mixed.by_numpy)  # type: ignore[method-assign, assignment]  # of this program alone
        kernels = iter(native)
        self.timed: list[tuple[Kernel, ...]] = []
        for part in parts:
            self.timed += next(kernels) if isinstance(part, NativePart) else [(part,)]
        self._native = [isinstance(part, NativePart) for part in parts]
        self._is_stamped = found is not None

    def __call__(
        self, inputs: Sequence[Any], outputs: Sequence[Any], writes: Iterable[tuple[Any, ...]]
    ) -> tuple[bool, bytes, list[int]]:
        """Call the executable; what it gives, its stamps, and when NumPy began and ended, for `times` to look at.

        There are no stamps where nothing was done, or where native code has no clock.
        """
        with self._lock:
            self._called = []
            free = self._executable.free
            if not free or free[-1].threads < get_threads():
                frame = Frame(self._executable.outline, self._executable.codes)
                self._views[id(frame)] = frame.arena[self._stamps].view(np.int64)
                free.append(frame)
            refused = _run(self._executable, inputs, outputs, writes)
            view = None if refused or not self._is_stamped else self._views.get(id(free[-1]))
            return refused, b"" if view is None else view.tobytes(), self._called

    def times(self, found: bytes, called: Sequence[int]) -> list[tuple[int, int]]:
        """When each of `timed` began and ended, in nanoseconds, of what a call gave; nothing where it has no stamps."""
        if not found:
            return []
        stamps, calls, counts = iter(np.frombuffer(found, np.int64).tolist()), iter(called), iter(self._counts)
        times: list[tuple[int, int]] = []
        for native in self._native:
            if native:
                times += pairwise([next(stamps) for _ in range(1 + next(counts))])
            else:
                times.append((next(calls), next(calls)))
        return times

    def _noted(self, by_numpy: ByNumPy) -> ByNumPy:
        """What notes when NumPy began and ended."""

        def noted(part: NumPyCall, frame: Any, known: dict[Any, Any]) -> bool:
            begin = perf_counter_ns()
            try:
                return by_numpy(part, frame, known)
            finally:
                self._called += begin, perf_counter_ns()

        return noted
