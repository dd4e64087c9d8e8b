"""Nests: how a group becomes loops. Which loop is vectorised, what is computed at which depth, in how many pieces.

The outer loops are flattened to *items*, and these are cut into *pieces* for threads. Within an item the inner loops
run in *stages*: a stage ends where something needs the whole of a reduction that it makes. What a later stage uses is
read back from memory if it is stored, computed again if that is cheap, and kept in a buffer otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, final

from pullback.compiler.fusion.fused import Fused
from pullback.compiler.fusion.groups import Group
from pullback.compiler.fusion.views import NATURALS
from pullback.compiler.lowering.steps import Access, Layouts, Step, access_to, needed, step_of
from pullback.programs.program import Value

CHEAP: Final = 6  # instructions that are sooner done again than kept
PIECE: Final = 1 << 14  # instructions, about, that are worth a piece of their own
PIECES: Final = 32  # at most
RESIDENT: Final = 1 << 13  # bytes that a sum of columns may touch in one go
LINE: Final = 64
WORD: Final = 8  # bytes of an element of a buffer
APART: Final = 2  # instructions, about, for an element that is loaded or stored by itself
BESIDE: Final = 4  # vectors of an item, as that of one column waits for the last row before it can take in the next
LIGHT: Final = 6  # instructions of columns up to which the registers hold so many vectors
BROAD: Final = 4  # elements of an axis that are worth lanes of their own


@final
@dataclass(slots=True)
class Nest:
    """A group as loops.

    Attributes
    ----------
    steps : dict
        By value, in order.
    stores : dict
        By value that is stored, where.
    sizes : dict
        By label.
    outer, inner : tuple of labels
        From the slowest to the fastest.
    vector : label or None
        Whose elements are computed side by side.
    lanes : int
        How many of them: those of one vector, or of several beside each other.
    vectors : int
        How many vectors that is.
    chunk : int
        Elements of the vector label that belong to an item, where it is an outer one.
    items, pieces : int
        Of the outer loops.
    buffered : dict
        By value that a later stage reads: elements into the scratch memory.
    finals : list of Value
        Reductions over more than an item. Each piece has a result of its own.
    """

    steps: dict[Value, Step]
    stores: dict[Value, Access]
    sizes: dict[int, int]
    results: frozenset[int] | None  # the labels of reductions that are used here
    outer: tuple[int, ...] = ()
    inner: tuple[int, ...] = ()
    vector: int | None = None
    lanes: int = 0
    vectors: int = 1
    chunk: int = 1
    items: int = 1
    pieces: int = 1
    buffered: dict[Value, int] = field(default_factory=dict)
    finals: list[Value] = field(default_factory=list)

    @property
    def stages(self) -> int:
        """How many there are."""
        return 1 + max((step.stage for step in self.steps.values() if self.inside(step)), default=0)

    def inside(self, step: Step) -> bool:
        """Whether a step runs in the inner loops."""
        return bool(self.inner) and step.domain == frozenset(self.sizes)

    def volume(self, labels: frozenset[int]) -> int:
        """Iterations of some loops."""
        return math.prod(self.sizes[label] for label in labels)

    @property
    def cost(self) -> int:
        """About how many instructions it is, all in all."""
        memory = sum(self.volume(access.labels) for access in self.accesses())
        work = sum(step.weight * self.volume(step.domain) for step in self.steps.values())
        return (work + memory) // max(self.lanes // self.vectors, 1) + 20

    @property
    def scatter(self) -> Step | None:
        """The step that writes at places that numbers say, one after the other; it has a nest of its own."""
        return next((step for step in self.steps.values() if step.writes), None)

    def accesses(self) -> list[Access]:
        """All that is read and written."""
        read = dict.fromkeys(r for step in self.steps.values() for r in step.reads if isinstance(r, Access))
        return [*read, *self.stores.values()]

    @property
    def scratch_bytes(self) -> int:
        """What a thread needs for the buffers."""
        return WORD * self.buffer_size * len(self.buffered)

    @property
    def buffer_size(self) -> int:
        """Elements of a buffer: one for each iteration of the inner loops, in whole vectors."""
        if self.vector in self.inner:
            rows = self.volume(frozenset(self.inner) - {self.vector})
            return rows * -(-self.sizes[self.vector] // self.lanes) * self.lanes
        return self.volume(frozenset(self.inner)) * max(self.lanes, 1)


def lower_nest(group: Group, fused: Fused, layouts: Layouts, *, plain: bool = False) -> Nest:
    """Turn a group into loops, for values that lie in memory with these strides; `plain` ones have no lanes."""
    steps = {equation.output: step_of(group, equation, fused, layouts) for equation in group.equations}
    needed(steps, fused)
    stores = {v: access_to(fused, layouts, v, group.where[v]) for v in steps if v in fused.stored}
    nest = Nest(steps, stores, dict(group.sizes), group.outer)
    _merge_labels(nest)
    _order(nest, plain=plain)
    _stage(nest)
    _cut(nest, plain=plain)
    _buffer(nest)
    return nest


def _merge_labels(nest: Nest) -> None:
    """Make one loop of two wherever everything moves along both as along one."""
    for slow in list(nest.sizes):
        for fast in list(nest.sizes):
            if slow != fast and slow in nest.sizes and fast in nest.sizes and _mergeable(nest, slow, fast):
                _merge(nest, slow, fast)


def _mergeable(nest: Nest, slow: int, fast: int) -> bool:
    sets = [labels for step in nest.steps.values() for labels in (step.domain, step.result)]
    sets.append(nest.results or frozenset())
    together = all((slow in labels) == (fast in labels) for labels in sets)
    return together and all(a.merges(slow, fast, nest.sizes[fast]) for a in nest.accesses())


def _merge(nest: Nest, slow: int, fast: int) -> None:
    nest.sizes[fast] *= nest.sizes.pop(slow)
    for step in nest.steps.values():
        step.drop(slow)
    nest.stores = {value: access.without(slow) for value, access in nest.stores.items()}
    if nest.results is not None:
        nest.results -= {slow}


def _order(nest: Nest, *, plain: bool) -> None:
    """Choose the vector label, the outer and the inner loops, and their order."""
    sizes, full = nest.sizes, frozenset(nest.sizes)
    values = [v for step in nest.steps.values() for v in (step.equation.output, *step.equation.values)]
    widths = [value.dtype.itemsize for value in values if value.dtype.char in "fd"]
    lanes = 8 if widths and min(widths) == 8 else 16
    nest.vector = min(full, key=lambda label: (_cost_along(nest, label, lanes), -sizes[label], -label), default=None)
    if nest.scatter is not None:
        nest.vector = _scattered(nest, nest.scatter)
    if any(step.runs for step in nest.steps.values()):  # lanes do not wait for each other
        near = {label for access in nest.accesses() for label in access.labels if abs(access.along(label)) == 1}
        beside = (label for label in near & (nest.results or set()) if sizes[label] >= BROAD)
        nest.vector = max(beside, key=lambda label: sizes[label], default=None)
    if plain:
        nest.vector = None
    nest.lanes = 0 if nest.vector is None else lanes
    outer = _outer(nest, full) if nest.results is None else nest.results
    far = {label: max((abs(a.along(label)) for a in nest.accesses()), default=0) for label in full}
    order = sorted(full, key=lambda label: (label == nest.vector, -far[label], label))
    if nest.scatter is not None:  # as NumPy goes through the numbers: where some are the same, the last comes last
        order = sorted(full, key=lambda label: (label == nest.vector, label))
    nest.outer = tuple(label for label in order if label in outer)
    nest.inner = tuple(label for label in order if label not in outer)
    light = nest.scatter is None and sum(step.weight + step.reduces for step in nest.steps.values()) <= LIGHT
    if light and nest.inner and nest.vector in nest.outer and sizes[nest.vector] >= BESIDE * lanes:
        nest.vectors, nest.lanes = BESIDE, BESIDE * lanes


def _cost_along(nest: Nest, label: int, lanes: int) -> float:
    """About how many instructions it takes with lanes along a loop: what does not run along it is done one by one."""
    size = nest.sizes[label]
    filled = size / -(-size // lanes)
    work = sum(s.weight * nest.volume(s.domain) / (filled if label in s.domain else 1) for s in nest.steps.values())
    for access in nest.accesses():
        near, apart = access.base is NATURALS or abs(access.along(label)) == 1, label in access.labels
        each = 1 / filled if near else APART if apart else 1
        work += each * nest.volume(access.labels)
    return work


def _scattered(nest: Nest, step: Step) -> int | None:
    """Along which loop lanes are written by numbers: one that they do not depend on if there is any, else the last."""
    target = nest.stores[step.equation.output]
    free = [label for label in target.labels if target.along(label) == 1 and nest.sizes[label] >= BROAD]
    return max(free, default=max(frozenset(nest.sizes) - target.labels, default=max(nest.sizes, default=None)))


def _outer(nest: Nest, full: frozenset[int]) -> frozenset[int]:
    """The outer loops of a nest that uses none of its reductions."""
    kept = [step.result for step in nest.steps.values() if step.reduces and step.result and step.domain == full]
    if not kept:
        return full
    rows = [labels for labels in kept if nest.vector not in labels]
    if rows:
        return max(rows, key=nest.volume)
    columns = max(kept, key=nest.volume)
    return columns if nest.volume(full - columns) * LINE <= RESIDENT else full


def _stage(nest: Nest) -> None:
    """Say in which stage each step is computed; find the reductions that are complete only when all items are."""
    outer = frozenset(nest.outer)
    ready: dict[Value, int] = {}  # the first stage that may use a value
    for value, step in nest.steps.items():
        step.stage = max((ready[read] for read in step.reads if isinstance(read, Value)), default=0)
        inner = nest.inside(step)
        ready[value] = step.stage + (step.reduces and inner)
        if step.reduces and not (inner and step.result == outer):
            nest.finals.append(value)


def _cut(nest: Nest, *, plain: bool) -> None:
    """Cut the outer loops into items, and these into pieces."""
    wanted = 1 if plain else max(1, min(PIECES, nest.cost // PIECE))
    along = nest.vector is not None and nest.vector in nest.outer
    rows = math.prod(nest.sizes[label] for label in nest.outer if label != nest.vector)
    chunks = 1
    if along:
        assert nest.vector is not None
        size, step = nest.sizes[nest.vector], BESIDE * nest.lanes // nest.vectors
        steps = -(-size // step)
        nest.chunk = step * max(1, steps // -(-wanted // rows))
        chunks = -(-size // nest.chunk)
    nest.items = rows * chunks
    nest.pieces = min(wanted, nest.items) if nest.scatter is None else 1


def _buffer(nest: Nest) -> None:
    """Find what a later stage reads and had better not compute again."""
    if not nest.inner:
        return
    for step in nest.steps.values():
        for read in step.reads:
            if isinstance(read, Value) and nest.inside(step) and nest.inside(nest.steps[read]):
                made = nest.steps[read]
                if (
                    not made.reduces
                    and made.stage < step.stage
                    and read not in nest.stores
                    and read.dtype.itemsize <= WORD
                    and again(nest, read) > CHEAP
                ):
                    nest.buffered.setdefault(read, len(nest.buffered))


def again(nest: Nest, value: Value) -> int:
    """About how many instructions it takes to compute a value once more, given what is at hand."""
    step = nest.steps[value]
    if not nest.inside(step) or step.reduces or value in nest.stores or value in nest.buffered:
        return 1
    return step.weight + sum(again(nest, read) for read in step.reads if isinstance(read, Value))
