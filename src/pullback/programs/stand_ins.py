"""NumPy arrays that a recorded function uses: each is known by what it held when it was used.

The program holds on to the array itself, for what it holds at a later call is read then. An array that the function
writes to after it was used, such as a buffer, is another matter: there the program holds on to the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, final

import numpy as np

from pullback.programs.program import Constant


class StandIn(NamedTuple):
    """What an array held when it was used, and how the program knows it."""

    copy: Any
    array: Any
    constant: Constant

    def is_stale(self) -> bool:
        """Whether the array was written to since."""
        return self.copy.dtype != object and self.copy.tobytes() != np.asarray(self.array).tobytes()

    def settle(self) -> None:
        """Let the program hold on to the numbers, where the array has others now."""
        if self.is_stale():
            self.constant.value = self.copy


@final
class StandIns:
    """What stands for the arrays that were used so far."""

    def __init__(self) -> None:
        self._latest: dict[int, StandIn] = {}  # by the id of an array, which it keeps alive
        self._all: list[StandIn] = []

    def of(self, array: Any) -> tuple[StandIn, bool]:
        """What stands for an array as it is now, and whether that is new."""
        known = self._latest.get(id(array))
        if known is not None and not known.is_stale():
            return known, False
        known = self._latest[id(array)] = StandIn(np.array(array), array, Constant(array))
        self._all.append(known)
        return known, True

    def settle(self) -> None:
        """Tell arrays that were written to after they were used, at the end."""
        for known in self._all:
            known.settle()

    @property
    def arrays(self) -> Iterator[Any]:
        """The arrays."""
        return (known.array for known in self._all)
