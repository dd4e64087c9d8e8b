"""Grouping: the groups so far, and who makes what; how an equation joins one, and how two become one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, final

from pullback.compiler.facts import row_of
from pullback.compiler.fusion.equations import is_elementwise, is_reduction
from pullback.compiler.fusion.fused import Fused
from pullback.compiler.fusion.groups import Group, GroupKind, Labels, joined, named
from pullback.compiler.fusion.views import View
from pullback.compiler.passes.depths import AFAR, Depths
from pullback.programs.program import Equation, Operand, Program

CHEAP: Final = 2  # instructions that are sooner done again than stored and read


@final
class Grouping:
    """The groups that equations were put into, one after the other.

    Attributes
    ----------
    groups : list of Group
        In the order in which they were begun.
    maker : dict
        By value, the group that makes it.
    place : dict
        By equation, its place in the program.
    """

    def __init__(self, program: Program, fused: Fused, *, together: bool) -> None:
        self.groups: list[Group] = []
        self.maker: dict[Operand, Group] = {}
        self.place: dict[Equation, int] = {}
        self._fused = fused
        self._together = together
        self._depths = Depths(program)
        self._readers = self._depths.uses

    def new(self, kind: GroupKind) -> Group:
        """Begin one more group."""
        group = Group(kind)
        self.groups.append(group)
        return group

    def need(self, group: Group, equation: Equation) -> None:
        """Note that a group reads the operands of an equation as wholes."""
        bases = (self._fused.view(value).base for value in equation.values)
        group.needs |= {self.maker[base] for base in bases if base in self.maker}

    def join(self, group: Group, equation: Equation, axes: Labels, where: Labels, views: Sequence[View]) -> None:
        """Enter an equation; then let other groups that make what it reads become one with its own, if they can."""
        self.enter(group, equation, axes, where, views)
        for view in views:
            here, there = self.maker[equation.output], self.maker.get(view.base)
            apart = there is None or there is here or view.base in self._fused.aliases
            if self._together and there is not None and not apart and not self.is_better_apart(there, equation):
                self._unite(there, here, view, here.axes[equation])

    def enter(self, group: Group, equation: Equation, axes: Labels, where: Labels, views: Sequence[View]) -> None:
        """Enter an equation that runs over `axes`, whose result lies along `where`, and which reads views."""
        group.add(equation, axes, where)
        group.last = max(group.last, self.place[equation])
        group.depth = max(group.depth, self._depths.when.get(equation.output, 0))
        self.maker[equation.output] = group
        for view in views:
            if view.base not in group.where:
                group.read(view, axes)
                if view.base in self.maker:
                    group.needs.add(self.maker[view.base])

    # How it fits.

    def makers(self, views: Sequence[View]) -> Iterator[Group]:
        """The groups that make what is read, the latest first; not those that have it in memory anyway."""
        made = (v.base for v in views if v.base in self.maker and v.base not in self._fused.aliases)
        found = dict.fromkeys(self.maker[base] for base in made)
        fusible = [group for group in found if group.shares and self._together]
        return iter(sorted(fusible, key=lambda group: -group.last))

    def labels(self, group: Group, views: Sequence[View], shape: tuple[int, ...]) -> Labels | None:
        """The labels of the axes of an elementwise equation that joins a group; new ones where nothing says."""
        labels: Labels = (None,) * len(shape)
        for view in views:
            if view.base in group.where:
                along = group.axes_along(view, labels)
                if isinstance(along, bool):
                    return None
                labels = along
            elif self.maker.get(view.base) is group:
                return None  # an alias: it is read from memory
        for view in views:  # what the group reads already has the labels that it is read with
            hints = group.reads.get(view, [()])[-1]
            if len(hints) == len(shape):
                taken = named(labels)
                labels = tuple(
                    hint if label is None and hint not in taken and group.sizes.get(hint or 0) == n else label
                    for label, hint, n in zip(labels, hints, shape, strict=True)
                )
        fresh = iter(range(max(group.sizes, default=-1) + 1, 1000))
        labels = tuple(
            next(fresh) if label is None and n != 1 else label for label, n in zip(labels, shape, strict=True)
        )
        return labels if len(named(labels)) == sum(label is not None for label in labels) else None

    def is_better_apart(self, group: Group, equation: Equation) -> bool:
        """Whether what could be made along with what it is made of had better be made where it is read.

        So it is where it can wait, and is read much later. Of what is made of a product alone, with little work, it is
        where only sums read it, for these are no part of a product; and where another group has the product in
        memory anyway, if all that reads it has loops. What is much work had better have loops of its own, with all
        their lanes, if rows of the product are narrow.
        """
        if (
            self._depths.when.get(equation.output, 0)
            >= max(group.depth, self._depths.made.get(equation.output, 0)) + AFAR
        ):
            return True
        row, readers = row_of(equation.primitive).instructions, self._readers.get(equation.output, [])
        if group.product is None or row is None:
            return False
        if row.weight > CHEAP or not readers:
            return group.narrow and row.weight > CHEAP
        made = group.product.output
        if any(self._fused.view(value).base is not made for value in equation.values):
            return False
        there = any(made in {view.base for view in other.reads} for other in self.groups if other is not group)
        return all(is_reduction(reader) or (there and is_elementwise(reader)) for reader in readers)

    def circle(self, group: Group, views: Sequence[View]) -> bool:
        """Whether something else that is read depends on the group."""
        makers = {self.maker[view.base] for view in views if view.base in self.maker} - {group}
        return any(maker.depends_on(group) for maker in makers)

    def _whole(self, group: Group) -> Iterator[Operand]:
        """What a group reads that has to be in memory as a whole before it: matrices, and values in another shape."""
        yield from group.whole
        yield from (view.base for view in group.reads if view.base in self._fused.aliases)
        if group.product is not None:
            yield from (self._fused.view(operand).base for operand in group.product.operands)

    def _unite(self, there: Group, here: Group, view: View, labels: Labels) -> None:
        """Make one group of two, of which `here` reads a view of what `there` makes along its `labels`."""
        if not (there.shares and here.shares) or here.depends_on_through_others(there):
            return
        names = there.renaming(here, view, labels)
        if names is None:
            return
        a, b = there, here
        if there.kind == "product":  # a product keeps its labels: the other moves to it
            a, b, names = here, there, {new: old for old, new in names.items()}
        if b.narrow and any(self.is_better_apart(b, equation) for equation in a.equations):
            return
        if a.kind != "nest" or names.keys() != a.full:
            return
        if any(self.maker.get(base) is there for base in self._whole(here)):
            return
        outer = joined(a, b, names, [view.base for view in here.reads if view.base in there.where])
        if outer is False:
            return
        b.outer = outer
        b.take_over(a, names)
        self.groups.remove(a)
        self.maker |= {base: b for base in (*a.where, *self._fused.aliases) if self.maker.get(base) is a}
        for group in self.groups:
            if a in group.needs:
                group.needs = (group.needs | {b}) - {a, group}
