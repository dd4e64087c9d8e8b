"""Fusion: which equations run together, so that what lies between them never touches memory.

Each equation joins the latest group that makes one of its operands, if the loops agree and no circle arises; and
groups that meet in it become one. What is used in another group, or asked for, is stored; all else stays in registers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import numpy as np

from pullback.compiler.facts import row_of
from pullback.compiler.facts.places import Place, Shape
from pullback.compiler.fusion.equations import (
    is_assembled,
    is_elementwise,
    is_gather,
    is_matrices,
    is_product,
    is_reducible,
    is_reduction,
    is_running,
    is_scatter,
    only_reshapes,
)
from pullback.compiler.fusion.fused import Fused
from pullback.compiler.fusion.grouping import Grouping
from pullback.compiler.fusion.groups import Group, GroupKind, admits, in_order, kept_labels, named
from pullback.compiler.fusion.orders import Orders
from pullback.compiler.fusion.views import View, is_movement, moved, whole
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
        self._fused = Fused(program, together=together)
        self._grouping = Grouping(program, self._fused, together=together)
        self._orders = Orders(self._fused, self._grouping, layouts, self._copied)
        self._last_opaque: Group | None = None
        self._merged: dict[tuple[View, Shape], Value] = {}  # by what is merged, and the axes of more than one element

    # What becomes of an equation.

    def take(self, equation: Equation) -> None:
        """Put an equation where it belongs."""
        self._grouping.place[equation] = len(self._grouping.place)
        if 0 in equation.output.shape or any(0 in operand.shape for operand in equation.values):
            self._kernel(equation)
        elif equation.primitive is loop_:
            self._loop(equation)
        elif equation.primitive is pick_ and self._grouping.maker[equation.operands[0]].kind == "loop":
            self._pick(equation)
        elif is_reduction(equation) and only_reshapes(equation):
            self._move(self._cast(equation))
        elif is_movement(equation):
            self._move(equation)
        elif is_elementwise(equation):
            self._elementwise(equation, equation.operands)
        elif is_gather(equation):
            self._gather(equation)
        elif is_scatter(equation):
            self._scatter(equation)
        elif is_reduction(equation) and is_reducible(equation):
            self._reduce(equation)
        elif is_running(equation):
            self._run(equation)
        elif is_product(equation):
            self._product(equation)
        elif is_matrices(equation):
            self._kernel(self._read_whole(equation), "matrices")
        elif is_assembled(equation):
            self._assemble(equation)
        else:
            self._kernel(self._read_whole(equation))

    def output(self, output: Operand, wanted: Shape | None) -> None:
        """See to it that an output is in memory of its own, with the strides that are wanted."""
        view = self._orders.unmerged(output)
        order, root = view.axes(), self._fused.root(view.base)
        covered = order is not None and len(named(order)) == sum(n != 1 for n in view.shape)
        made = root in self._grouping.maker
        shared = root != view.base or root in self._fused.aliases.values()  # it lies in order, whatever is wanted
        shared = shared or (made and self._grouping.maker[root].kind == "loop")
        odd = wanted is not None and not view.lies(wanted)
        again = root in self._fused.roots or root in self._fused.orders
        if not covered or not made or (shared and odd) or again:
            output = self._copied(output)
        assert isinstance(output, Value)
        self._fused.outputs.append(output)

    def condition(self, condition: Operand) -> None:
        """See to it that a truth is in memory."""
        if isinstance(condition, Constant) and condition.value:
            return
        if not isinstance(condition, Value) or condition not in self._grouping.maker:
            copy = Equation(identity, (condition,), {}, Value((), np.dtype(bool)), "")
            self.take(copy)
            condition = copy.output
        self._fused.conditions.append(condition)

    def finished(self) -> Fused:
        """The groups in order."""
        self._fused.settle(in_order(self._grouping.groups), self._grouping.place)
        self._orders.follow()
        return self._fused

    # Movement.

    def _move(self, equation: Equation) -> None:
        (operand,) = equation.operands
        view = self._fused.view(operand)
        if is_reduction(equation):
            shape = equation.output.shape
            kept = [i for i, n in enumerate(view.shape) if n != 1], [i for i, n in enumerate(shape) if n != 1]
            there: View | None = view.renamed(shape, dict(zip(*kept, strict=True)))
        else:
            there = moved(equation, view)
        if there is not None:
            self._fused.views[equation.output] = there
        elif equation.primitive is reshape_:
            self._alias(equation, view)
        else:
            self._kernel(self._read_whole(equation))

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
        shape = equation.output.shape
        long = [axis for axis, n in enumerate(shape) if n != 1]
        key = view, tuple(shape[axis] for axis in long)
        if key not in self._merged:
            base = view.base
            if view != view.whole or not self._orders.lies_in_order(base):
                copy = Equation(
                    identity, equation.operands, {}, Value(view.shape, equation.output.dtype), equation.line
                )
                self.take(copy)
                base = copy.output
            alias = self._merged[key] = Value(key[1], equation.output.dtype)
            self._fused.aliases[alias] = base
            if base in self._grouping.maker:
                self._grouping.maker[alias] = self._grouping.maker[base]
        alias = self._merged[key]
        self._fused.views[equation.output] = whole(alias, key[1]).renamed(shape, dict(enumerate(long)))

    # Loops.

    def _elementwise(self, equation: Equation, operands: Sequence[Operand], stored: Sequence[Operand] = ()) -> None:
        """What is computed at each place from operands there, and from others that are in memory as wholes."""
        shape = equation.output.shape
        views = [self._fused.spread(o, shape) for o in operands if isinstance(o, Value) or np.ndim(o.value)]
        kept = [self._fused.view(o) for o in stored]
        for group in self._grouping.makers(views):
            labels = self._grouping.labels(group, views, shape)
            inside = any(self._grouping.maker.get(view.base) is group for view in kept)
            beside = self._grouping.is_better_apart(group, equation)
            if labels is None or inside or beside or self._grouping.circle(group, [*views, *kept]):
                continue
            used = [view.base for view in views if view.base in group.where]
            outer = admits(group, [l for l in labels if l is not None], used)
            if outer is not False:
                group.sizes |= {l: n for l, n in zip(labels, shape, strict=True) if l is not None}
                group.outer = outer
                break
        else:
            group = self._grouping.new("nest")
            labels = tuple(group.new_label(n) if n != 1 else None for n in shape)
        if kept:
            self._grouping.need(group, equation.on(tuple(stored)))
            group.whole |= {view.base for view in kept}
        self._grouping.join(group, equation, labels, labels, views)

    def _gather(self, equation: Equation) -> None:
        there = self._fused.picked(equation)
        if there is not None:
            self._fused.views[equation.output] = there
        else:
            equation = self._read_whole(equation)
            x, *numbers = equation.operands
            self._elementwise(equation, numbers, [x])

    def _scatter(self, equation: Equation) -> None:
        """The result is assembled: a copy of the first operand, and values that are written over it at their places."""
        x, values, *numbers = equation.operands
        target, along = equation.output, equation.params["along"]
        assembly = self._assembly(equation)
        self._part(assembly, x, whole(target, target.shape))
        written = Value(values.spec.shape, target.dtype)
        places = [Place() if a is None or written.shape[a] == 1 else Place(0, ((a, 1),)) for a in along]
        self._fused.views[written] = View(target, written.shape, tuple(places))
        self._fused.stored.add(written)
        group = self._grouping.new("nest")
        labels = tuple(group.new_label(n) if n != 1 else None for n in written.shape)
        step = Equation(equation.primitive, (values, *numbers), equation.params, written, equation.line)
        self._grouping.place[step] = len(self._grouping.place)
        self._grouping.enter(group, step, labels, labels, [self._fused.spread(o, written.shape) for o in step.operands])
        group.needs |= assembly.needs
        assembly.needs.add(group)

    def _assemble(self, equation: Equation) -> None:
        """The result is assembled: each operand is stored in its own place."""
        target, rule = equation.output, row_of(equation.primitive).parts
        assert rule is not None
        assembly = self._assembly(equation)
        self._fused.assembled.add(target)
        shapes = [operand.spec.shape for operand in equation.operands]
        for operand, shape, places in zip(
            equation.operands, shapes, rule(shapes, target.shape, equation.params), strict=True
        ):
            self._part(assembly, operand, View(target, shape, tuple(places)))

    def _read_whole(self, equation: Equation) -> Equation:
        """The equation on operands that are in memory as they are: nothing guards what is read."""
        operands = [self._copied(o) if self._fused.view(o).guards else o for o in equation.operands]
        now = equation.on(tuple(operands))
        self._grouping.place[now] = len(self._grouping.place)
        return now

    def _assembly(self, equation: Equation) -> Group:
        """Begin a value of which several groups make a part each."""
        assembly = self._grouping.new("assembly")
        self._grouping.enter(assembly, equation, (), (None,) * equation.output.ndim, [])
        return assembly

    def _part(self, assembly: Group, operand: Operand, view: View) -> None:
        """Let an operand be stored where a view of the assembled value is."""
        part = Equation(identity, (operand,), {}, Value(view.shape, view.base.dtype), "")  # type: ignore[union-attr]  # it is a value
        self.take(part)
        self._fused.views[part.output] = view
        self._fused.stored.add(part.output)
        assembly.needs.add(self._grouping.maker[part.output])

    def _reduce(self, equation: Equation) -> None:
        view = self._fused.view(equation.operands[0])
        axis, keepdims = equation.params["axis"], equation.params["keepdims"]
        for group in self._grouping.makers([view]):
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
            group = self._grouping.new("nest")
            labels = tuple(group.new_label(n) if n != 1 else None for n in view.shape)
            kept = kept_labels(labels, axis, keepdims)
        self._grouping.join(group, equation, labels, kept, [view])

    def _run(self, equation: Equation) -> None:
        """What combines along one axis has loops of its own, of which that axis is the innermost."""
        view = self._fused.view(equation.operands[0])
        if view.shape[equation.params["axis"]] == 1:
            self.take(equation.by(identity, equation.operands))
            return
        group = self._grouping.new("nest")
        labels = tuple(group.new_label(n) if n != 1 else None for n in view.shape)
        self._grouping.enter(group, equation, labels, labels, [view])
        group.outer, group.alone = group.full - {labels[equation.params["axis"]]}, True

    def _product(self, equation: Equation) -> None:
        plain = row_of(equation.primitive).contraction == "matrices"
        equation = self._read_whole(equation) if plain else self._orders.placed(equation)
        self._grouping.place.setdefault(equation, len(self._grouping.place))
        group = self._grouping.new("product")
        labels = tuple(group.new_label(n) if n != 1 else None for n in equation.output.shape)
        group.product = equation
        self._grouping.join(group, equation, labels, labels, [])
        self._grouping.need(group, equation)

    def _kernel(self, equation: Equation, kind: GroupKind = "kernel") -> None:
        group = self._grouping.new(kind)
        self._grouping.join(group, equation, (), (None,) * equation.output.ndim, [])
        self._grouping.need(group, equation)
        if isinstance(equation.primitive, Opaque):  # draws stay in order
            if self._last_opaque is not None:
                group.needs.add(self._last_opaque)
            self._last_opaque = group

    def _loop(self, equation: Equation) -> None:
        """A loop: what it carries begins in memory, in order."""
        equation = self._read_whole(equation)
        inits, reads = equation.params["loop"].parts(equation.operands)
        placed = equation.on((*map(self._orders.in_order, inits), *(o for r in reads for o in self._orders.alike(r))))
        self._grouping.place[placed] = len(self._grouping.place)
        self._kernel(placed, "loop")

    def _pick(self, equation: Equation) -> None:
        """One of the values that a loop gives."""
        group = self._grouping.maker[equation.operands[0]]
        self._grouping.join(group, equation, (), (None,) * equation.output.ndim, [])

    def _copied(self, operand: Operand) -> Value:
        shape = np.shape(operand.value) if isinstance(operand, Constant) else operand.shape
        dtype = np.result_type(operand.value) if isinstance(operand, Constant) else operand.dtype
        copy = Equation(identity, (operand,), {}, Value(shape, dtype), "")
        self.take(copy)
        return copy.output
