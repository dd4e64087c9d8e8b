"""Nests: how a group becomes loops. Which loop is vectorised, what is computed at which depth, in how many pieces.

The outer loops are flattened to *items*, and these are cut into *pieces* for threads. Within an item the inner loops
run in *stages*: a stage ends where something needs the whole of a reduction that it makes. What a later stage uses is
read back from memory if it is stored, computed again if that is cheap, and kept in a buffer otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias, final

import numpy as np

from pullback.compiler.facts import row_of
from pullback.compiler.facts.row import Accumulator
from pullback.compiler.fusion.equations import is_reduction
from pullback.compiler.fusion.fused import Fused
from pullback.compiler.fusion.groups import Group, Labels, named
from pullback.programs.program import Constant, Equation, Operand, Value

LabelStrides: TypeAlias = tuple[tuple[int, int], ...]
Layouts: TypeAlias = Mapping[Operand, Sequence[int]]

CHEAP: Final = 6  # instructions that are sooner done again than kept
PIECE: Final = 1 << 14  # instructions, about, that are worth a piece of their own
PIECES: Final = 32  # at most
RESIDENT: Final = 1 << 17  # bytes that a sum of columns may touch in one go
LINE: Final = 64


class Access(NamedTuple):
    """Where a value is in memory: base[offset + Σ stride · index], by label, in elements."""

    base: Operand
    offset: int
    strides: LabelStrides

    @property
    def labels(self) -> frozenset[int]:
        """The loops that it moves with."""
        return frozenset(label for label, _ in self.strides)

    def without(self, label: int) -> Access:
        """The same where a loop is at its beginning."""
        return self._replace(strides=tuple(pair for pair in self.strides if pair[0] != label))

    def along(self, label: int | None) -> int:
        """The stride of a label."""
        return dict(self.strides).get(label, 0) if label is not None else 0


Read: TypeAlias = Access | Value | Constant


@final
@dataclass(slots=True, eq=False)
class Step:
    """One equation of a nest.

    Attributes
    ----------
    reads : tuple
        For each operand where it is in memory, the value made in the nest, or the number itself.
    domain, result : set of labels
        The loops that it runs over, and those that its result runs along.
    stage : int
        In which it is computed; of what is outside of the inner loops, before which.
    """

    equation: Equation
    reads: tuple[Read, ...]
    domain: frozenset[int]
    result: frozenset[int]
    stage: int = 0

    def drop(self, label: int) -> None:
        """Forget a loop that became part of another."""
        self.domain -= {label}
        self.result -= {label}
        self.reads = tuple(read.without(label) if isinstance(read, Access) else read for read in self.reads)

    @property
    def reduces(self) -> bool:
        """Whether it is a reduction."""
        return is_reduction(self.equation)

    @property
    def accumulator(self) -> Accumulator:
        """How it reduces."""
        accumulator = row_of(self.equation.primitive).accumulator
        assert accumulator is not None
        return accumulator

    @property
    def weight(self) -> int:
        """About how many instructions it is."""
        row = row_of(self.equation.primitive).instructions
        return 1 if row is None else row.weight


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
        How many of them.
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
        return (work + memory) // max(self.lanes, 1) + 20

    def accesses(self) -> list[Access]:
        """All that is read and written."""
        read = dict.fromkeys(r for step in self.steps.values() for r in step.reads if isinstance(r, Access))
        return [*read, *self.stores.values()]

    @property
    def scratch_bytes(self) -> int:
        """What a thread needs for the buffers."""
        return 8 * self.buffer_size * len(self.buffered)

    @property
    def buffer_size(self) -> int:
        """Elements of a buffer: one for each iteration of the inner loops, in whole vectors."""
        if self.vector in self.inner:
            rows = self.volume(frozenset(self.inner) - {self.vector})
            return rows * -(-self.sizes[self.vector] // self.lanes) * self.lanes
        return self.volume(frozenset(self.inner)) * max(self.lanes, 1)


def access_to(fused: Fused, layouts: Layouts, operand: Operand, axes: Labels) -> Access:
    """Where an operand is read by an equation that runs over `axes`, to which it is broadcast."""
    view = fused.view(operand)
    view = fused.spread(operand, (1,) * (len(axes) - len(view.shape)) + view.shape)
    offset, strides = view.strides(layouts[view.base])
    by_label: dict[int, int] = {}
    for label, stride in zip(axes, strides, strict=True):
        if label is not None and stride:
            by_label[label] = by_label.get(label, 0) + stride
    return Access(view.base, offset, tuple(sorted(by_label.items())))


def lower_nest(group: Group, fused: Fused, layouts: Layouts) -> Nest:
    """Turn a group into loops, for values that lie in memory with these strides."""
    steps = {equation.output: step_of(group, equation, fused, layouts) for equation in group.equations}
    needed(steps, fused)
    stores = {v: access_to(fused, layouts, v, group.where[v]) for v in steps if v in fused.stored}
    nest = Nest(steps, stores, dict(group.sizes), group.outer)
    _merge_labels(nest)
    _order(nest)
    _stage(nest)
    _cut(nest)
    _buffer(nest)
    return nest


def needed(steps: dict[Value, Step], fused: Fused) -> None:
    """Drop what is neither stored nor used, where dead code was not pruned."""
    used: set[Read] = set()
    for value, step in reversed([*steps.items()]):
        if value in used or value in fused.stored:
            used.update(step.reads)
        else:
            del steps[value]


def step_of(group: Group, equation: Equation, fused: Fused, layouts: Layouts) -> Step:
    """An equation with the places of its operands."""
    axes = group.axes[equation]
    reads: list[Read] = []
    for operand in equation.operands:
        if isinstance(operand, Constant) and not np.ndim(operand.value):
            reads.append(operand)
        elif isinstance(base := fused.view(operand).base, Value) and base in group.where:
            reads.append(base)
        else:
            reads.append(access_to(fused, layouts, operand, axes))
    return Step(equation, tuple(reads), named(axes), named(group.where[equation.output]))


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
    return together and all(a.along(slow) == a.along(fast) * nest.sizes[fast] for a in nest.accesses())


def _merge(nest: Nest, slow: int, fast: int) -> None:
    nest.sizes[fast] *= nest.sizes.pop(slow)
    for step in nest.steps.values():
        step.drop(slow)
    nest.stores = {value: access.without(slow) for value, access in nest.stores.items()}
    if nest.results is not None:
        nest.results -= {slow}


def _order(nest: Nest) -> None:
    """Choose the vector label, the outer and the inner loops, and their order."""
    sizes, full = nest.sizes, frozenset(nest.sizes)
    neighbours = {label: sum(abs(access.along(label)) == 1 for access in nest.accesses()) for label in full}
    nest.vector = max(full, key=lambda label: (neighbours[label], sizes[label]), default=None)
    values = [v for step in nest.steps.values() for v in (step.equation.output, *step.equation.values)]
    widths = [value.dtype.itemsize for value in values if value.dtype.kind == "f"]
    nest.lanes = 0 if nest.vector is None else 8 if widths and min(widths) == 8 else 16
    outer = _outer(nest, full) if nest.results is None else nest.results
    far = {label: max((abs(a.along(label)) for a in nest.accesses()), default=0) for label in full}
    order = sorted(full, key=lambda label: (label == nest.vector, -far[label], label))
    nest.outer = tuple(label for label in order if label in outer)
    nest.inner = tuple(label for label in order if label not in outer)


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


def _cut(nest: Nest) -> None:
    """Cut the outer loops into items, and these into pieces."""
    wanted = max(1, min(PIECES, nest.cost // PIECE))
    along = nest.vector is not None and nest.vector in nest.outer
    rows = math.prod(nest.sizes[label] for label in nest.outer if label != nest.vector)
    chunks = 1
    if along:
        assert nest.vector is not None
        size, step = nest.sizes[nest.vector], 4 * nest.lanes
        steps = -(-size // step)
        nest.chunk = step * max(1, steps // -(-wanted // rows))
        chunks = -(-size // nest.chunk)
    nest.items = rows * chunks
    nest.pieces = min(wanted, nest.items)


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
                    and again(nest, read) > CHEAP
                ):
                    nest.buffered.setdefault(read, len(nest.buffered))


def again(nest: Nest, value: Value) -> int:
    """About how many instructions it takes to compute a value once more, given what is at hand."""
    step = nest.steps[value]
    if not nest.inside(step) or step.reduces or value in nest.stores or value in nest.buffered:
        return 1
    return step.weight + sum(again(nest, read) for read in step.reads if isinstance(read, Value))
