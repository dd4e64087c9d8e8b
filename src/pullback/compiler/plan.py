"""The plan: which kernels run at once, where what they make lies, and what is written over what it replaces.

Kernels that neither read what another writes nor write what it reads make one *region*, whose pieces threads share.
Temporaries share one arena: two whose regions do not overlap may have the same place. Source of the placement: largest
first, each at the lowest place that is free, as in TFLite's planner (Pisarchyk & Lee, "Efficient memory management for
deep neural net inference", 2020).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, final

from pullback.compiler.lower import Call, Kernel, Lowered
from pullback.compiler.nest import Nest
from pullback.compiler.program import Operand, Value

LINE: Final = 64  # bytes; places begin on lines of the cache
WORTH: Final = 30_000  # instructions of a region, about, that are worth waking other threads


@final
@dataclass(slots=True)
class Region:
    """Kernels that may run at once."""

    kernels: list[Kernel] = field(default_factory=list)
    reads: set[Operand] = field(default_factory=set)
    writes: set[Operand] = field(default_factory=set)

    @property
    def parallel(self) -> bool:
        """Whether other threads are asked to help."""
        inside = [kernel for kernel in self.kernels if not isinstance(kernel, Call)]
        return sum(kernel.pieces for kernel in inside) > 1 and sum(kernel.cost for kernel in inside) > WORTH


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """Regions in order, and where temporaries lie.

    Attributes
    ----------
    places : dict
        Of temporaries: bytes into the arena.
    arena, scratch : int
        Bytes; scratch for each thread.
    in_place : dict
        By number of an output, the input that it may be written over.
    """

    lowered: Lowered
    regions: list[Region]
    places: dict[Operand, int]
    arena: int
    scratch: int
    in_place: dict[int, Value]


def touched(kernel: Kernel, lowered: Lowered) -> tuple[set[Operand], set[Operand]]:
    """What a kernel reads and writes."""
    root = lowered.fused.root
    if isinstance(kernel, Call):
        read = {lowered.fused.view(operand).base for operand in kernel.equation.operands}
        return {root(base) for base in read}, {kernel.equation.output}
    written = {root(access.base) for access in kernel.stores.values()}
    stored = set(kernel.stores.values())
    return {root(a.base) for a in kernel.accesses() if a not in stored}, written


def plan(lowered: Lowered, replaces: Mapping[int, Value]) -> Plan:
    """Arrange the kernels of a program, whose outputs `replaces` may be written over inputs."""
    regions: list[Region] = []
    for kernel in lowered.kernels:
        reads, writes = touched(kernel, lowered)
        last = regions[-1] if regions else None
        alone = last is None or any(isinstance(k, Call) for k in (kernel, *last.kernels))
        if last is None or alone or reads & last.writes or writes & (last.reads | last.writes):
            last = Region()
            regions.append(last)
        last.kernels.append(kernel)
        last.reads |= reads
        last.writes |= writes
    outside = {lowered.fused.root(lowered.fused.view(output).base) for output in lowered.fused.outputs}
    called = {kernel.equation.output for kernel in lowered.kernels if isinstance(kernel, Call)}
    places, arena = _places(regions, outside | called)
    scratch = max((k.scratch_bytes for k in lowered.kernels if not isinstance(k, Call)), default=0)
    return Plan(lowered, regions, places, arena, -(-scratch // LINE) * LINE, _in_place(lowered, regions, replaces))


def size_of(value: Operand) -> int:
    """Bytes of a value."""
    assert isinstance(value, Value)
    return value.size * value.dtype.itemsize


def _places(regions: Sequence[Region], elsewhere: set[Operand]) -> tuple[dict[Operand, int], int]:
    """Find each temporary a place, for as long as it is needed."""
    first: dict[Operand, int] = {}
    last: dict[Operand, int] = {}
    for number, region in enumerate(regions):
        for value in region.writes - elsewhere:
            first.setdefault(value, number)
            last[value] = number
        for value in region.reads & first.keys():
            last[value] = number
    places: dict[Operand, int] = {}
    for value in sorted(first, key=lambda v: (-size_of(v), first[v])):
        beside = [o for o in places if first[o] <= last[value] and first[value] <= last[o]]
        place = 0
        for other in sorted(beside, key=places.__getitem__):
            if place + size_of(value) <= places[other]:
                break
            place = max(place, -(-(places[other] + size_of(other)) // LINE) * LINE)
        places[value] = place
    return places, max((places[v] + size_of(v) for v in places), default=0)


def _in_place(lowered: Lowered, regions: Sequence[Region], replaces: Mapping[int, Value]) -> dict[int, Value]:
    """Which outputs may be written over the inputs that they replace: those that nothing else reads any more."""
    placed = [(place, kernel) for place, region in enumerate(regions) for kernel in region.kernels]
    called = max((place for place, kernel in placed if isinstance(kernel, Call)), default=-1)  # which may fail
    found: dict[int, Value] = {}
    for number, old in replaces.items():
        new = lowered.fused.view(lowered.fused.outputs[number]).base
        readers = [(place, kernel) for place, kernel in placed if old in touched(kernel, lowered)[0]]
        for place, kernel in placed:
            if isinstance(kernel, Call) or new not in kernel.stores or old in found.values() or place < called:
                continue
            store = kernel.stores[new]._replace(base=old)
            own = [access for access in kernel.accesses() if access.base is old]
            once = kernel.stages == 1 if isinstance(kernel, Nest) else old not in (kernel.a.base, kernel.b.base)
            if once and all(access == store for access in own) and all(i < place or k is kernel for i, k in readers):
                found[number] = old
    return found
