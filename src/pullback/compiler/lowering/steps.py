"""Steps: one equation of a nest or of an epilogue, with where each operand is in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, final

import numpy as np

from pullback.compiler.facts import row_of
from pullback.compiler.facts.row import Accumulator
from pullback.compiler.fusion.equations import is_gather, is_reduction, is_scatter
from pullback.compiler.fusion.fused import Fused
from pullback.compiler.fusion.groups import Group, Labels, named
from pullback.compiler.fusion.views import View
from pullback.programs.program import Constant, Equation, Operand, Value

LabelStrides: TypeAlias = tuple[tuple[int, int], ...]
Layouts: TypeAlias = Mapping[Operand, Sequence[int]]


class Access(NamedTuple):
    """Where a value is in memory: base[offset + Σ stride · index], by label, in elements.

    It is 0, and is not read, where one of the guards does not hold: 0 <= offset + Σ stride · index < size.
    """

    base: Operand
    offset: int
    strides: LabelStrides
    guards: tuple[tuple[int, LabelStrides, int], ...] = ()

    @property
    def labels(self) -> frozenset[int]:
        """The loops that it moves with."""
        return frozenset(label for strides in self._all_strides for label, _ in strides)

    @property
    def _all_strides(self) -> list[LabelStrides]:
        return [self.strides, *(strides for _, strides, _ in self.guards)]

    def merges(self, slow: int, fast: int, size: int) -> bool:
        """Whether it moves along two loops, the fast one of a size, as along one."""
        return all(dict(s).get(slow, 0) == dict(s).get(fast, 0) * size for s in self._all_strides)

    def without(self, label: int) -> Access:
        """The same where a loop is at its beginning."""

        def left(strides: LabelStrides) -> LabelStrides:
            return tuple(pair for pair in strides if pair[0] != label)

        guards = tuple((offset, left(strides), size) for offset, strides, size in self.guards)
        return self._replace(strides=left(self.strides), guards=guards)

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
    dynamic : tuple of (int, int)
        Strides of axes along which it reads, or writes, at a place that a number says, and which operand that is. Of
        what reads so, the first operand's place is where all numbers are 0.
    stage : int
        In which it is computed; of what is outside of the inner loops, before which.
    """

    equation: Equation
    reads: tuple[Read, ...]
    domain: frozenset[int]
    result: frozenset[int]
    dynamic: tuple[tuple[int, int], ...] = ()
    stage: int = 0

    def drop(self, label: int) -> None:
        """Forget a loop that became part of another."""
        self.domain -= {label}
        self.result -= {label}
        self.reads = tuple(read.without(label) if isinstance(read, Access) else read for read in self.reads)

    @property
    def gathers(self) -> bool:
        """Whether it reads at places that numbers say."""
        return is_gather(self.equation)

    @property
    def writes(self) -> bool:
        """Whether it writes at places that numbers say."""
        return is_scatter(self.equation)

    @property
    def reduces(self) -> bool:
        """Whether it is a reduction."""
        return is_reduction(self.equation)

    @property
    def runs(self) -> bool:
        """Whether it combines along a loop, and gives all that comes in between."""
        return row_of(self.equation.primitive).running is not None

    @property
    def accumulator(self) -> Accumulator:
        """How it reduces."""
        row = row_of(self.equation.primitive)
        accumulator = row.accumulator or row.running
        assert accumulator is not None
        unsigned = accumulator.unsigned if self.equation.output.dtype.kind == "u" else None
        return accumulator if unsigned is None else accumulator._replace(combine=unsigned)

    @property
    def weight(self) -> int:
        """About how many instructions it is."""
        row = row_of(self.equation.primitive).instructions
        return 1 if row is None else row.weight


def access_to(fused: Fused, layouts: Layouts, operand: Operand, axes: Labels) -> Access:
    """Where an operand is read by an equation that runs over `axes`, to which it is broadcast."""
    view = fused.view(operand)
    view = fused.spread(operand, (1,) * (len(axes) - len(view.shape)) + view.shape)
    offset, strides = view.strides(layouts[view.base])
    guards = tuple(
        (place.offset, by_label((axes[axis], c) for axis, c in place.terms), size) for place, size in view.guards
    )
    return Access(view.base, offset, by_label(zip(axes, strides, strict=True)), guards)


def by_label(pairs: Iterable[tuple[int | None, int]]) -> LabelStrides:
    """Strides of axes as those of loops."""
    found: dict[int, int] = {}
    for label, stride in pairs:
        if label is not None and stride:
            found[label] = found.get(label, 0) + stride
    return tuple(sorted(found.items()))


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
    dynamic: tuple[tuple[int, int], ...] = ()
    reads: list[Read] = []
    if is_gather(equation):
        first, dynamic = _picked(fused.view(equation.operands[0]), equation, axes, layouts)
        reads.append(first)
    elif is_scatter(equation):
        _, dynamic = _picked(fused.view(equation.output).whole, equation, axes, layouts)
    for operand in equation.operands[len(reads) :]:
        if isinstance(operand, Constant) and not np.ndim(operand.value):
            reads.append(operand)
        elif isinstance(base := fused.view(operand).base, Value) and base in group.where:
            reads.append(base)
        else:
            reads.append(access_to(fused, layouts, operand, axes))
    return Step(equation, tuple(reads), named(axes), named(group.where[equation.output]), dynamic)


def _picked(
    view: View, equation: Equation, axes: Labels, layouts: Layouts
) -> tuple[Access, tuple[tuple[int, int], ...]]:
    """Where a view is read or written where all numbers are 0; and the strides of the axes along which they say."""
    offset, strides = view.strides(layouts[view.base])
    along = [(stride, axis) for stride, axis in zip(strides, equation.params["along"], strict=True)]
    kept = by_label((axes[axis], stride) for stride, axis in along if axis is not None)
    numbers = (stride for stride, axis in along if axis is None)
    return Access(view.base, offset, kept), tuple((stride, number) for number, stride in enumerate(numbers, 1))
