"""Fusion: which equations run together, so that what lies between them never touches memory.

Each equation joins the latest group that makes one of its operands, if the loops agree and no circle arises; and
groups that meet in it become one. What is used in another group, or asked for, is stored; all else stays in registers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import final

import numpy as np

from pullback.compiler.facts.places import Shape
from pullback.compiler.fusion.equations import is_elementwise, is_product, is_reducible, is_reduction, only_reshapes
from pullback.compiler.fusion.fused import Fused
from pullback.compiler.fusion.groups import Group, GroupKind, Labels, admits, in_order, joined, kept_labels, named
from pullback.compiler.fusion.views import View, is_movement, lies_in_order, moved
from pullback.core.opaque import Opaque
from pullback.core.outputs import pick_
from pullback.ops.elementwise import identity
from pullback.ops.movement import cast_, reshape_
from pullback.programs.loop import loop_
from pullback.programs.program import Constant, Equation, Operand, Program, Value


def fuse(
    program: Program, layouts: Mapping[Value, Shape], wanted: Sequence[Shape | None] = (), *, together: bool = True
) -> Fused:
    """Put the equations of a program into groups.

    Parameters
    ----------
    program : Program
        What to compute.
    layouts : mapping
        The strides of the inputs, in elements.
    wanted : sequence
        The strides that outputs must have, None where they may have any.
    together : bool
        Let equations share loops; else each has its own, which is good for finding mistakes.
    """
    fuser = _Fuser(program, layouts, together=together)
    for equation in program.equations:
        fuser.take(equation)
    count = len(program.outputs) - program.conditions
    for number, output in enumerate(program.outputs[:count]):
        fuser.output(output, wanted[number] if wanted else None)
    for condition in program.outputs[count:]:
        fuser.condition(condition)
    return fuser.finished()


@final
class _Fuser:
    """What is known while equations are taken in, one after the other."""

    def __init__(self, program: Program, layouts: Mapping[Value, Shape], *, together: bool) -> None:
        self._fused = Fused(program)
        self._layouts = layouts
        self._together = together
        self._maker: dict[Operand, Group] = {}
        self._groups: list[Group] = []
        self._place: dict[Equation, int] = {}
        self._last_opaque: Group | None = None

    # What becomes of an equation.

    def take(self, equation: Equation) -> None:
        """Put an equation where it belongs."""
        self._place[equation] = len(self._place)
        if 0 in equation.output.shape or any(0 in operand.shape for operand in equation.values):
            self._kernel(equation)
        elif equation.primitive is loop_:
            self._loop(equation)
        elif equation.primitive is pick_ and self._maker[equation.operands[0]].kind == "loop":
            self._pick(equation)
        elif is_reduction(equation) and only_reshapes(equation):
            self._move(self._cast(equation))
        elif is_movement(equation):
            self._move(equation)
        elif is_elementwise(equation):
            self._elementwise(equation)
        elif is_reduction(equation) and is_reducible(equation):
            self._reduce(equation)
        elif is_product(equation):
            self._product(equation)
        else:
            self._kernel(equation)

    def output(self, output: Operand, wanted: Shape | None) -> None:
        """See to it that an output is in memory of its own, with the strides that are wanted."""
        view = self._fused.view(output)
        order, root = view.axes(), self._fused.root(view.base)
        covered = order is not None and len(named(order)) == sum(n != 1 for n in view.shape)
        made = root in self._maker
        shared = root != view.base or root in self._fused.aliases.values()  # it lies in order, whatever is wanted
        shared = shared or (made and self._maker[root].kind == "loop")
        odd = wanted is not None and not lies_in_order(view.shape, wanted)
        again = root in self._fused.roots
        if not covered or not made or (shared and odd) or again:
            output = self._copied(output)
        assert isinstance(output, Value)
        self._fused.outputs.append(output)

    def condition(self, condition: Operand) -> None:
        """See to it that a truth is in memory."""
        if isinstance(condition, Constant) and condition.value:
            return
        if not isinstance(condition, Value) or condition not in self._maker:
            copy = Equation(identity, (condition,), {}, Value((), np.dtype(bool)), "")
            self.take(copy)
            condition = copy.output
        self._fused.conditions.append(condition)

    def finished(self) -> Fused:
        """The groups in order."""
        self._fused.settle(in_order(self._groups, self._place), self._place)
        return self._fused

    # Movement.

    def _move(self, equation: Equation) -> None:
        (operand,) = equation.operands
        view = self._fused.view(operand)
        if is_reduction(equation):
            shape = equation.output.shape
            kept = [i for i, n in enumerate(view.shape) if n != 1], [i for i, n in enumerate(shape) if n != 1]
            names = dict(zip(*kept, strict=True))
            there: View | None = View(
                view.base, shape, tuple(p._replace(terms=tuple((names[a], c) for a, c in p.terms)) for p in view.places)
            )
        else:
            there = moved(equation, view)
        if there is not None:
            self._fused.views[equation.output] = there
        elif equation.primitive is reshape_:
            self._alias(equation, view)
        else:
            self._kernel(equation)

    def _cast(self, equation: Equation) -> Equation:
        """A reduction over axes of one element, of an operand that has the dtype of the result."""
        (operand,) = equation.operands
        if not isinstance(operand, Value) or operand.dtype == equation.output.dtype:
            return equation
        cast = Value(operand.shape, equation.output.dtype)
        self.take(Equation(cast_, (operand,), {"dtype": cast.dtype}, cast, equation.line))
        return equation.on((cast,))

    def _alias(self, equation: Equation, view: View) -> None:
        """Axes are merged: the operand has to lie in order in memory, where the result is the same memory."""
        base = view.base
        plain = view == view.whole and self._lies_in_order(base)
        if not plain:
            copy = Equation(identity, equation.operands, {}, Value(view.shape, equation.output.dtype), equation.line)
            self.take(copy)
            base = copy.output
        self._fused.aliases[equation.output] = base
        if base in self._maker:
            self._maker[equation.output] = self._maker[base]

    def _lies_in_order(self, base: Operand) -> bool:
        if base in self._maker or base in self._fused.aliases:
            return True
        return isinstance(base, Value) and lies_in_order(base.shape, self._layouts[base])

    # Loops.

    def _elementwise(self, equation: Equation) -> None:
        shape = equation.output.shape
        views = [self._fused.spread(o, shape) for o in equation.operands if isinstance(o, Value) or np.ndim(o.value)]
        for group in self._makers(views):
            labels = self._labels(group, views, shape)
            if labels is None or self._circle(group, views):
                continue
            used = [view.base for view in views if view.base in group.where]
            outer = admits(group, [l for l in labels if l is not None], used)
            if outer is not False:
                group.sizes |= {l: n for l, n in zip(labels, shape, strict=True) if l is not None}
                group.outer = outer
                break
        else:
            group = self._new("nest")
            labels = tuple(group.new_label(n) if n != 1 else None for n in shape)
        self._join(group, equation, labels, labels, views)

    def _reduce(self, equation: Equation) -> None:
        view = self._fused.view(equation.operands[0])
        axis, keepdims = equation.params["axis"], equation.params["keepdims"]
        for group in self._makers([view]):
            found = group.axes_along(view, (None,) * len(view.shape))
            known = isinstance(found, tuple) and all(
                label is not None or n == 1 for label, n in zip(found, view.shape, strict=True)
            )
            if (
                group.kind == "nest"
                and isinstance(found, tuple)
                and known
                and named(found) in (group.full, group.outer)
            ):
                labels, kept = found, kept_labels(found, axis, keepdims)
                outer = group.outer if named(found) == group.full else None
                if outer is None or named(kept) == outer or not named(kept) & outer:
                    break
        else:
            group = self._new("nest")
            labels = tuple(group.new_label(n) if n != 1 else None for n in view.shape)
            kept = kept_labels(labels, axis, keepdims)
        self._join(group, equation, labels, kept, [view])

    def _product(self, equation: Equation) -> None:
        group = self._new("product")
        labels = tuple(group.new_label(n) if n != 1 else None for n in equation.output.shape)
        group.product = equation
        self._join(group, equation, labels, labels, [])
        self._need(group, equation)

    def _kernel(self, equation: Equation, kind: GroupKind = "kernel") -> None:
        group = self._new(kind)
        self._join(group, equation, (), (None,) * equation.output.ndim, [])
        self._need(group, equation)
        if isinstance(equation.primitive, Opaque):  # draws stay in order
            if self._last_opaque is not None:
                group.needs.add(self._last_opaque)
            self._last_opaque = group

    def _loop(self, equation: Equation) -> None:
        """A loop: what it carries begins in memory, in order."""
        count = equation.params["loop"].carried
        placed = equation.on((*map(self._in_order, equation.operands[:count]), *equation.operands[count:]))
        self._place[placed] = len(self._place)
        self._kernel(placed, "loop")

    def _pick(self, equation: Equation) -> None:
        """One of the values that a loop gives."""
        group = self._maker[equation.operands[0]]
        self._join(group, equation, (), (None,) * equation.output.ndim, [])

    def _in_order(self, operand: Operand) -> Operand:
        """An operand that is in memory, in order; a copy of it where it is not."""
        view = self._fused.view(operand)
        here = isinstance(view.base, Value) and view == view.whole and self._lies_in_order(view.base)
        return operand if here else self._copied(operand)

    def _copied(self, operand: Operand) -> Value:
        shape = np.shape(operand.value) if isinstance(operand, Constant) else operand.shape
        dtype = np.result_type(operand.value) if isinstance(operand, Constant) else operand.dtype
        copy = Equation(identity, (operand,), {}, Value(shape, dtype), "")
        self.take(copy)
        return copy.output

    def _new(self, kind: GroupKind) -> Group:
        group = Group(kind)
        self._groups.append(group)
        return group

    def _need(self, group: Group, equation: Equation) -> None:
        bases = (self._fused.view(value).base for value in equation.values)
        group.needs |= {self._maker[base] for base in bases if base in self._maker}

    def _join(self, group: Group, equation: Equation, axes: Labels, where: Labels, views: Sequence[View]) -> None:
        """Enter an equation; then let other groups that make what it reads become one with its own, if they can."""
        group.add(equation, axes, where)
        self._maker[equation.output] = group
        for view in views:
            if view.base not in group.where:
                group.read(view, axes)
                if view.base in self._maker:
                    group.needs.add(self._maker[view.base])
        for view in views:
            here, there = self._maker[equation.output], self._maker.get(view.base)
            if self._together and there is not None and there is not here and view.base not in self._fused.aliases:
                self._unite(there, here, view, here.axes[equation])

    # How it fits.

    def _makers(self, views: Sequence[View]) -> Iterator[Group]:
        """The groups that make what is read, the latest first; not those that have it in memory anyway."""
        made = (v.base for v in views if v.base in self._maker and v.base not in self._fused.aliases)
        found = dict.fromkeys(self._maker[base] for base in made)
        fusible = [group for group in found if group.shares and self._together]
        return iter(sorted(fusible, key=lambda group: -max(self._place[e] for e in group.equations)))

    def _labels(self, group: Group, views: Sequence[View], shape: tuple[int, ...]) -> Labels | None:
        """The labels of the axes of an elementwise equation that joins a group; new ones where nothing says."""
        labels: Labels = (None,) * len(shape)
        for view in views:
            if view.base in group.where:
                along = group.axes_along(view, labels)
                if isinstance(along, bool):
                    return None
                labels = along
            elif self._maker.get(view.base) is group:
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

    def _circle(self, group: Group, views: Sequence[View]) -> bool:
        """Whether something else that is read depends on the group."""
        makers = {self._maker[view.base] for view in views if view.base in self._maker} - {group}
        return any(maker.depends_on(group) for maker in makers)

    def _whole(self, group: Group) -> Iterator[Operand]:
        """What a group reads that has to be in memory as a whole before it: matrices, and values in another shape."""
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
        if a.kind != "nest" or names.keys() != a.full:
            return
        if any(self._maker.get(base) is there for base in self._whole(here)):
            return
        outer = joined(a, b, names, [view.base for view in here.reads if view.base in there.where])
        if outer is False:
            return
        b.outer = outer
        b.take_over(a, names)
        self._groups.remove(a)
        self._maker |= {base: b for base, maker in self._maker.items() if maker is a}
        for group in self._groups:
            if a in group.needs:
                group.needs = (group.needs | {b}) - {a, group}
