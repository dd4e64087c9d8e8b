"""Groups: equations that run as one loop nest, as one product with what follows it, or as one NumPy kernel.

The loops of a group are its *labels*, each with a size. Every axis of a value that is made in the group runs along a
label, or has one element. So transposing and broadcasting inside a group are a matter of naming, and nothing is moved.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Final, Literal, TypeAlias, final

from pullback.compiler.fusion.equations import is_reduction
from pullback.compiler.fusion.views import View
from pullback.compiler.instructions.vectors import LANES
from pullback.programs.program import Equation, Operand, Value

Labels: TypeAlias = tuple[int | None, ...]
Outer: TypeAlias = frozenset[int] | Literal[False] | None  # False: it cannot be
GroupKind: TypeAlias = Literal["nest", "product", "matrices", "loop", "kernel", "assembly"]

SMALL: Final = 4096  # elements up to which a nest may wait for a sum of all of them


@final
class Group:
    """Equations that run together.

    Attributes
    ----------
    kind : "nest", "product", "matrices", "loop", "kernel" or "assembly"
        Of a product all other equations are the epilogue; of a loop they pick what it gives. An assembly runs nothing:
        the groups that it needs make parts of its value, each at its places.
    product : Equation or None
        The contraction of a product.
    equations, reductions : list of Equation
        In the order of the program; and those of them that reduce.
    last : int
        The place in the program of the latest of them.
    sizes : dict
        By label.
    axes : dict
        By equation: the labels of the axes that it runs over; of a reduction, those of its operand.
    where : dict
        By value made here: the labels of its axes.
    outer : set of labels, or None
        Where the results of reductions are used in the group: the labels of these results. All inner loops run to
        their end once for each index of the outer ones.
    alone : bool
        Nothing else may join it.
    needs : set of Group
        Whose values it reads.
    reads : dict
        By view of a value made elsewhere: the labels along which it is read, the latest last. They may be several, as
        those of x in `y = x * x.T; z = x * y.T`.
    depth : float
        How deep in the program its deepest equation is computed.
    whole : set of Value
        What is read at places that numbers say, so that all of it has to be there.
    """

    def __init__(self, kind: GroupKind) -> None:
        self.kind = kind
        self.product: Equation | None = None
        self.equations: list[Equation] = []
        self.reductions: list[Equation] = []
        self.last = -1
        self.sizes: dict[int, int] = {}
        self.axes: dict[Equation, Labels] = {}
        self.where: dict[Value, Labels] = {}
        self.outer: frozenset[int] | None = None
        self.alone = False
        self.depth = 0.0
        self.needs: set[Group] = set()
        self.reads: dict[View, list[Labels]] = {}
        self.whole: set[Operand] = set()

    def __repr__(self) -> str:
        return f"<{self.kind}: {', '.join(e.primitive.name for e in self.equations)}>"

    @property
    def shares(self) -> bool:
        """Whether other equations may run in its loops."""
        return self.kind in ("nest", "product") and not self.alone

    @property
    def narrow(self) -> bool:
        """Whether it is a product of which a row fills at most half a vector; of one column, lanes run along rows."""
        made = self.product and self.product.output
        return made is not None and 1 < made.shape[-1] <= LANES[str(made.dtype)] // 2

    @property
    def full(self) -> frozenset[int]:
        """All labels."""
        return frozenset(self.sizes)

    @property
    def size(self) -> int:
        """Iterations of all loops together."""
        return math.prod(self.sizes.values())

    def domain(self, value: Value) -> frozenset[int]:
        """The labels that a value made here runs along."""
        return named(self.where[value])

    def new_label(self, size: int) -> int:
        """One more loop."""
        label = max(self.sizes, default=-1) + 1
        self.sizes[label] = size
        return label

    def add(self, equation: Equation, axes: Labels, where: Labels) -> None:
        """Take in an equation that runs over `axes` and whose result lies along `where`."""
        self.equations.append(equation)
        if is_reduction(equation):
            self.reductions.append(equation)
        self.axes[equation] = axes
        self.where[equation.output] = where

    def read(self, view: View, axes: Labels) -> None:
        """Note that a view is read along labels."""
        ways = [way for way in self.reads.get(view, ()) if way != axes]
        self.reads[view] = [*ways, axes]

    def depends_on(self, other: Group) -> bool:
        """Whether it reads, directly or by way of others, what another makes."""
        seen: set[Group] = set()
        stack = list(self.needs)
        while stack:
            group = stack.pop()
            if group is other:
                return True
            if group not in seen:
                seen.add(group)
                stack += group.needs
        return False

    def depends_on_through_others(self, other: Group) -> bool:
        """Whether a third group stands between: one that this reads, and that reads the other."""
        return any(group is not other and group.depends_on(other) for group in self.needs)

    def take_over(self, other: Group, names: Mapping[int, int]) -> None:
        """Take in all that another group holds, its labels renamed."""

        def renamed(labels: Labels) -> Labels:
            return tuple(None if label is None else names[label] for label in labels)

        self.equations += other.equations
        self.reductions += other.reductions
        self.last = max(self.last, other.last)
        self.axes |= {equation: renamed(axes) for equation, axes in other.axes.items()}
        self.where |= {value: renamed(axes) for value, axes in other.where.items()}
        for view, ways in other.reads.items():
            for axes in ways:
                self.read(view, renamed(axes))
        self.reads = {view: ways for view, ways in self.reads.items() if view.base not in self.where}
        self.needs = (self.needs | other.needs) - {self, other}
        self.whole |= other.whole
        self.depth = max(self.depth, other.depth)

    def renaming(self, other: Group, view: View, labels: Labels) -> dict[int, int] | None:
        """Which of another's labels is which of its own, where `view` of a value of this one lies along `labels` there.

        Labels that the view does not have are those under which both read the same, or in order if the sizes agree.
        None where the loops do not agree.
        """
        order = view.axes()
        if order is None:
            return None
        pairs = [(l, labels[a]) for l, a in zip(self.where[view.base], order, strict=True) if a is not None]  # type: ignore[index]  # made here
        for seen, ways in self.reads.items():
            pairs += zip(ways[-1], other.reads.get(seen, [()])[-1], strict=False)
        names: dict[int, int] = {}
        for own, there in pairs:
            if own is not None and there is not None and own not in names and there not in names.values():
                names[own] = there
        left = [sorted(group.full - known) for group, known in ((self, set(names)), (other, set(names.values())))]
        if len(left[0]) == len(left[1]):
            names |= dict(zip(*left, strict=True))
        agree = self.full == names.keys() and all(self.sizes[a] == other.sizes.get(b) for a, b in names.items())
        return names if agree and self._reads_alike(other, names) else None

    def _reads_alike(self, other: Group, names: Mapping[int, int]) -> bool:
        """Whether what another reads of this one lies under the same loops."""
        for view, ways in other.reads.items():
            if isinstance(view.base, Value) and view.base in self.where:
                order = view.axes()
                if order is None:
                    return False
                for label, axis in zip(self.where[view.base], order, strict=True):
                    if axis is not None and label is not None and any(names[label] != way[axis] for way in ways):
                        return False
        return True

    def axes_along(self, view: View, labels: Sequence[int | None]) -> bool | Labels:
        """What a view of a value made here says of the labels of its axes, as far as `labels` leaves open.

        False if it contradicts, or is no permutation.
        """
        order = view.axes()
        if order is None:
            return False
        found = list(labels)
        for axis, label in zip(order, self.where[view.base], strict=True):  # type: ignore[index]  # made here
            if axis is not None and label is not None:
                if found[axis] not in (None, label):
                    return False
                found[axis] = label
        return tuple(found)


def named(labels: Iterable[int | None]) -> frozenset[int]:
    """The labels among some axes."""
    return frozenset(label for label in labels if label is not None)


def admits(group: Group, axes: Sequence[int], used: Sequence[Operand]) -> Outer:
    """What `outer` becomes if an elementwise equation over these labels, which uses these values, joins."""
    domain = frozenset(axes)
    if group.kind == "product":
        return None if domain == group.full else False
    outer = used_inside(group, group.outer, used)
    if outer is False or domain == group.full or domain == outer:
        return outer
    extends = domain > group.full and outer is None and not group.reductions and bool(group.full)
    leading = frozenset(list(axes)[: len(group.full)]) == group.full  # row by row, not column by column
    return group.full if extends and leading else False


def used_inside(group: Group, outer: frozenset[int] | None, used: Sequence[Operand]) -> Outer:
    """What `outer` becomes if a group uses these values that it makes: reductions have to be complete by then."""
    for equation in group.reductions:
        if equation.output in used:
            labels = group.domain(equation.output)
            if outer is None and (labels or group.size <= SMALL):
                outer = labels
            elif outer != labels:
                return False
    return outer


def joined(a: Group, b: Group, names: Mapping[int, int], used: Sequence[Operand]) -> Outer:
    """What `outer` becomes if all of `a`, its labels renamed, moves to `b`, where these values of it are used."""
    inside = used_inside(a, a.outer, used)
    if inside is False:
        return False
    full = frozenset(names[label] for label in a.full)
    outer = None if inside is None else frozenset(names[label] for label in inside)
    plain = outer is None and not a.reductions
    if b.kind == "product":
        return None if plain and full == b.full else False
    if plain and full == b.outer:
        return b.outer
    if full != b.full or (outer is not None and b.outer is not None and outer != b.outer):
        return False
    return b.outer if outer is None else outer


def in_order(groups: Sequence[Group]) -> Iterator[Group]:
    """The groups, each after what it needs, otherwise by the place of their last equation."""
    number = {group: i for i, group in enumerate(groups)}
    left = {group: len(group.needs & number.keys()) for group in groups}
    waiting: dict[Group, list[Group]] = {group: [] for group in groups}
    for group in groups:
        for other in group.needs & number.keys():
            waiting[other].append(group)
    ready = [(group.last, number[group]) for group in groups if not left[group]]
    heapify(ready)
    while ready:
        group = groups[heappop(ready)[1]]
        yield group
        for other in waiting[group]:
            left[other] -= 1
            if not left[other]:
                heappush(ready, (other.last, number[other]))


def kept_labels(labels: Labels, axis: tuple[int, ...] | None, keepdims: bool) -> Labels:
    """The labels of a reduction's result."""
    reduced = range(len(labels)) if axis is None else axis
    if keepdims:
        return tuple(None if i in reduced else label for i, label in enumerate(labels))
    return tuple(label for i, label in enumerate(labels) if i not in reduced)
