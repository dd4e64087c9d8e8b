"""Rests of a profile: after a first look at everything it looks again and again for a while, and else only counts.

What is noted of an operation takes as long as a small operation does. So the time that notes may take is a part of all
time, and the rest after a look is as long as that asks for. How often each thing is done is counted all the time.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Hashable
from functools import lru_cache
from threading import Event, Thread
from time import perf_counter_ns as now
from typing import Any, Final, final

from pullback.core.primitive import Primitive

PART: Final = 0.01  # of all time, for notes
COST: Final = 6.5e-6  # seconds that one thing noted takes, with the memory for it, and caches of code that go cold
FIRST, LATER = 3_000, 700  # notes of operations in the first look and in others; an operation is 12 to 16
CALLS: Final = 100  # of programs in a look


@final
class _Plans:
    """The plans of a primitive, which count how often they are asked for: once an operation.

    `get` is written in C, as `dict.get` is, and counts its calls: of an operation that is only counted nothing is
    slower but this.
    """

    __slots__ = ("_before", "_plans", "get")

    def __init__(self, plans: dict[int, Any]) -> None:
        self._plans, self._before = plans, 0
        self.get: Any = lru_cache(maxsize=None)(plans.get)

    def __setitem__(self, key: int, plan: Any) -> None:
        self._plans[key] = plan
        self._before = self.times
        self.get.cache_clear()  # which knows that there was none

    @property
    def times(self) -> int:
        """How often."""
        found = self.get.cache_info()
        return int(self._before + found.hits + found.misses)


@final
class _Counted(dict[Primitive, _Plans]):
    def __missing__(self, primitive: Primitive) -> _Plans:
        made = self[primitive] = _Plans(vars(primitive)["_plans"])
        return made


def _planned(primitive: Primitive, plans: dict[int, Any]) -> None:
    """A primitive is made in the middle of a profile."""
    vars(primitive)["_plans"] = plans


@final
class Rests:
    """When to look and when to rest, and how often things were done since the first rest began.

    Parameters
    ----------
    look : callable
        What begins a look; a thread of its own calls it.

    Attributes
    ----------
    windows : list of (int, int)
        When looks began and ended.
    spans : dict
        Of each kind, by the identity of whose it is: that, and how often one began in a rest.
    walked : dict
        How often a step of a walk was done in a rest, by direction and primitive.
    programs : dict
        How often a program was called in a rest.
    """

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self.windows: list[tuple[int, int]] = []
        self.spans: dict[str, dict[int, list[Any]]] = defaultdict(dict)
        self.walked: dict[str, dict[Primitive, int]] = {"backward": defaultdict(int), "forward": defaultdict(int)}
        self.programs: dict[Any, int] = defaultdict(int)
        self._counted = _Counted()
        self._random = random.Random(0)  # noqa: S311 (only that no rhythm of the program's agrees with ours)
        self._asked, self._over = Event(), Event()
        self._pause = 0.0
        self._thread: Thread | None = None
        self._begin, self._resting = 0, False

    @property
    def any(self) -> bool:
        """Whether there was a rest at all."""
        return self._thread is not None

    @property
    def operations(self) -> dict[Hashable, int]:
        """How often each operation was done since the first rest began."""
        return {primitive: plans.times for primitive, plans in self._counted.items()}

    def look(self, time: int) -> None:
        """A look begins."""
        self._begin, self._resting = time, False

    def begin(self, noted: int) -> None:
        """A rest begins, after a look that noted so many things."""
        self.windows.append((self._begin, now()))
        self._resting = True
        if self._thread is None:
            Primitive._plans = property(self._counted.__getitem__, _planned)  # type: ignore[assignment]  # for a while
            self._thread = Thread(target=self._wait, name="pullback profile", daemon=True)
            self._thread.start()
        self._pause = noted * COST / PART * self._random.uniform(0.5, 1.5)
        self._asked.set()

    def _wait(self) -> None:
        while self._asked.wait():
            self._asked.clear()  # before it is looked whether all is over: what comes later asks again
            if self._over.wait(self._pause):
                return
            self.look(now())
            self._look()

    def end(self) -> None:
        """The profile has ended."""
        self._over.set()
        self._asked.set()
        if self._thread is not None:
            self._thread.join()
            del Primitive._plans  # type: ignore[misc]  # for a while
        if not self._resting:  # the thread may have begun a look until now
            self.windows.append((self._begin, now()))
