"""Stamps: when the kernels of a program ended, written down by the program itself, for who wants to know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, final

from pullback.compiler.instructions.llvm import I8, I32, I64, Function, Reg
from pullback.compiler.lowering.kernels import Kernel, NumPyCall, Region

CLOCK: Final = "pullback_clock"
SIZE: Final = 8  # bytes of a stamp: nanoseconds, as an integer


@final
@dataclass(frozen=True, slots=True)
class Stamps:
    """Where stamps go.

    Attributes
    ----------
    place : int
        Bytes into the arena, of the next stamp.
    writes : bool
        The clock writes the time where it is told, and gives another number; else it gives the time.
    """

    place: int
    writes: bool

    def after(self, count: int) -> Stamps:
        """Where those of the next part go: this one has one for its beginning, and so many."""
        return replace(self, place=self.place + SIZE * (1 + count))

    def begun(self, f: Function, arena: Reg) -> Callable[[], None]:
        """Write the first stamp; gives what writes the next one, each time that it is called."""
        places = iter(range(self.place, self.place + (1 << 30), SIZE))

        def stamp() -> None:
            there = f.address(arena, next(places), I8)
            if self.writes:
                f.call(CLOCK, there, kind=I32)
            else:
                f.store(f.call(CLOCK, kind=I64), there)

        stamp()
        return stamp


def timed(regions: Sequence[Region]) -> list[tuple[Kernel, ...]]:
    """What is timed, in order: the kernels of a region together where threads share them, else each by itself."""
    inside = [[k for k in region.kernels if not isinstance(k, NumPyCall)] for region in regions]
    parts: list[tuple[Kernel, ...]] = []
    for region, kernels in zip(regions, inside, strict=True):
        parts += [(*kernels,)] if region.parallel else [(kernel,) for kernel in kernels]
    return parts
