"""The plan: which kernels run at once, where what they make lies, and what is written over what it replaces.

Kernels that neither read what another writes nor write what it reads make one *region*, whose pieces threads share.
Temporaries share one arena: two whose regions do not overlap may have the same place. Source of the placement: largest
first, each at the lowest place that is free, as in TFLite's planner (Pisarchyk & Lee, "Efficient memory management for
deep neural net inference", 2020).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from pullback.compiler.lowering.kernels import Kernel, Lowered, NumPyCall, Plan, Region, Repeat
from pullback.compiler.lowering.matrices import Matrices
from pullback.compiler.lowering.nest import Nest
from pullback.compiler.lowering.products import Product
from pullback.programs.program import Operand, Value

LINE: Final = 64  # bytes; places begin on lines of the cache


def touched(kernel: Kernel, lowered: Lowered) -> tuple[dict[Operand, None], dict[Operand, None]]:
    """What a kernel reads and writes, in the same order each time: code that was kept must find all in its place."""
    root = lowered.fused.root
    if isinstance(kernel, NumPyCall):
        read = (lowered.fused.view(operand).base for operand in kernel.equation.operands)
        return dict.fromkeys(map(root, read)), {kernel.equation.output: None}
    stored = [*kernel.stores.values()]
    read = (access.base for access in kernel.accesses() if access not in stored)
    return dict.fromkeys(map(root, read)), dict.fromkeys(root(access.base) for access in stored)


def plan(lowered: Lowered, replaces: Mapping[int, Value], *, plain: bool = False) -> Plan:
    """Arrange the kernels of a program, whose outputs `replaces` may be written over inputs.

    In a `plain` one values of different types never share a place, and nothing is asked of threads.
    """
    regions: list[Region] = []
    for kernel in lowered.kernels:
        reads, writes = touched(kernel, lowered)
        last = regions[-1] if regions else None
        alone = last is None or any(map(_stands_alone, (kernel, *last.kernels)))
        own = writes.keys() - lowered.fused.assembled  # parts of one value may be written at once
        if (
            last is None
            or alone
            or reads.keys() & last.writes
            or writes.keys() & last.reads
            or own & last.writes.keys()
        ):
            last = Region()
            regions.append(last)
        last.kernels.append(kernel)
        last.reads |= reads
        last.writes |= writes
    outside = {lowered.fused.root(lowered.fused.view(output).base) for output in lowered.fused.outputs}
    called = {kernel.equation.output for kernel in lowered.kernels if isinstance(kernel, NumPyCall)}
    for region in regions if plain else ():
        region.alone = True
    places, arena = _places(regions, outside | called, plain=plain)
    scratch = max((k.scratch_bytes for k in lowered.kernels if not isinstance(k, NumPyCall)), default=0)
    return Plan(lowered, regions, places, arena, -(-scratch // LINE) * LINE, _in_place(lowered, regions, replaces))


def _stands_alone(kernel: Kernel) -> bool:
    """Whether nothing may run beside a kernel: it may fail, or shares its own work among threads."""
    if isinstance(kernel, Repeat):
        return kernel.plan.conditional or any(region.threaded for region in kernel.plan.regions)
    return isinstance(kernel, NumPyCall)


def size_of(value: Operand) -> int:
    """Bytes of a value."""
    assert isinstance(value, Value)
    return value.nbytes


def _places(regions: Sequence[Region], elsewhere: set[Operand], *, plain: bool) -> tuple[dict[Operand, int], int]:
    """Find each temporary a place, for as long as it is needed."""
    first: dict[Operand, int] = {}
    last: dict[Operand, int] = {}
    for number, region in enumerate(regions):
        for value in [v for v in region.writes if v not in elsewhere]:
            first.setdefault(value, number)
            last[value] = number
        for value in [v for v in region.reads if v in first]:
            last[value] = number
    places: dict[Operand, int] = {}
    for value in sorted(first, key=lambda v: (-size_of(v), first[v])):
        beside = [
            o for o in places if (first[o] <= last[value] and first[value] <= last[o]) or (plain and _mixed(o, value))
        ]
        place = 0
        for other in sorted(beside, key=places.__getitem__):
            if place + size_of(value) <= places[other]:
                break
            place = max(place, -(-(places[other] + size_of(other)) // LINE) * LINE)
        places[value] = place
    return places, max((places[v] + size_of(v) for v in places), default=0)


def _mixed(one: Operand, other: Operand) -> bool:
    """Whether two values may not follow each other in one place in C: of different types, or memory for many types."""
    dtypes = {value.dtype for value in (one, other) if isinstance(value, Value)}
    return len(dtypes) > 1 or np.dtype(np.uint8) in dtypes


def _in_place(lowered: Lowered, regions: Sequence[Region], replaces: Mapping[int, Value]) -> dict[int, Value]:
    """Which outputs may be written over the inputs that they replace: those that nothing else reads any more."""
    root = lowered.fused.root
    if not replaces:
        return {}
    placed = [(place, kernel) for place, region in enumerate(regions) for kernel in region.kernels]
    may_fail = [place for place, kernel in placed if isinstance(kernel, NumPyCall)]
    may_fail += [place for place, kernel in placed if isinstance(kernel, Repeat) and kernel.plan.conditional]
    may_fail += [i for i, region in enumerate(regions) if any(c in region.writes for c in lowered.fused.conditions)]
    sure = max(may_fail, default=-1)  # from here on
    reading: dict[Operand, list[tuple[int, Kernel]]] = {}
    storing: dict[Operand, list[tuple[int, Kernel]]] = {}
    for place, kernel in placed:
        for value in touched(kernel, lowered)[0]:
            reading.setdefault(value, []).append((place, kernel))
        for value in () if isinstance(kernel, (NumPyCall, Repeat, Matrices)) else kernel.stores:
            storing.setdefault(value, []).append((place, kernel))
    found: dict[int, Value] = {}
    for number, old in replaces.items():
        new = lowered.fused.view(lowered.fused.outputs[number]).base
        readers = reading.get(old, [])
        for place, kernel in storing.get(new, []):
            if old in found.values() or place <= sure:
                continue
            assert isinstance(kernel, (Nest, Product))
            assert isinstance(new, Value)
            store = kernel.stores[new]._replace(base=old)
            own = [access for access in kernel.accesses() if root(access.base) is old]
            if isinstance(kernel, Nest):
                once = kernel.stages == 1 and not (own and new in kernel.finals)  # begun before anything is read
            else:
                once = old not in (root(kernel.a.base), root(kernel.b.base))
            if once and all(access == store for access in own) and all(i < place or k is kernel for i, k in readers):
                found[number] = old
    return found
