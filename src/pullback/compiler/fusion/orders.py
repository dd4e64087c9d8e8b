"""Orders: in which order the axes of a value lie in memory, where that is not NumPy's.

Products of windows run lanes along many images, where there are many. So these lie side by side in what such a product
reads and makes, and in what is made of that; what is given, asked for, or the memory of another shape lies in order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import numpy as np

from pullback.compiler.facts import row_of
from pullback.compiler.facts.places import Shape, merges
from pullback.compiler.fusion.fused import Fused
from pullback.compiler.fusion.grouping import Grouping
from pullback.compiler.fusion.groups import Group, named
from pullback.compiler.fusion.views import View, lies_in_order, ordered, whole
from pullback.compiler.instructions.vectors import LANES
from pullback.programs.program import Constant, Equation, Operand, Value


def images_last(equation: Equation) -> bool:
    """Whether a product of windows runs lanes along the images, and not along the last axis of each."""
    x, other = equation.operands
    outputs = equation.output if row_of(equation.primitive).contraction == "windows" else other.spec
    count, width, step = x.spec.shape[0], outputs.shape[-1], equation.params["stride"][-1]
    lanes = LANES[str(equation.output.dtype)]
    return count > 1 and _filled(count, lanes) >= _filled(width, lanes) / min(step, 4)


def _filled(size: int, lanes: int) -> float:
    """The share of lanes that have something to do."""
    return size / (-(-size // lanes) * lanes)


def _behind(operand: Operand) -> tuple[int, ...]:
    """The axes with the first one behind the others."""
    return (*range(1, len(operand.spec.shape)), 0)


@final
class Orders:
    """What is known of orders while a program is put into groups."""

    def __init__(
        self, fused: Fused, grouping: Grouping, layouts: Mapping[Value, Shape], copied: Callable[[Operand], Value]
    ) -> None:  # fmt: skip
        self._fused = fused
        self._grouping = grouping
        self._layouts = layouts
        self._copied = copied
        self._copies: dict[tuple[View, bool], Operand] = {}
        self._kept: set[Operand] = set()  # what somebody counts on to lie in order

    def lies_in_order(self, base: Operand) -> bool:
        """Whether a base lies in order, as far as is known by now."""
        if base in self._fused.orders:
            return False
        if base in self._grouping.maker or base in self._fused.aliases:
            return True
        return isinstance(base, Value) and lies_in_order(base.shape, self._layouts[base])

    def unmerged(self, output: Operand) -> View:
        """How an output is read; where axes of what is made are taken apart, from the same memory in that shape."""
        view = self._fused.view(output)
        axes = view.apart() if view.axes() is None and view.base in self._grouping.maker else None
        if axes is None or not isinstance(output, Value) or not self.lies_in_order(view.base):
            return view
        alias = Value(tuple(view.shape[axis] for axis in axes), output.dtype)
        self._fused.aliases[alias] = view.base
        self._grouping.maker[alias] = self._grouping.maker[view.base]
        now = whole(alias, alias.shape).renamed(view.shape, dict(enumerate(axes)))
        self._fused.views[output] = now
        return now

    def in_order(self, operand: Operand) -> Operand:
        """An operand that is in memory, in order, and stays so; a copy of it where it is not."""
        view = self._fused.view(operand)
        axes = view.axes()
        there = axes is not None and named(axes) == {axis for axis, n in enumerate(view.shape) if n != 1}
        known = [axis for axis in axes or () if axis is not None]
        if not there or known != sorted(known) or not self.lies_in_order(view.base):
            operand = self._copied(operand)
        self._kept.add(self._fused.view(operand).base)
        return operand

    def alike(self, operands: Sequence[Operand]) -> Sequence[Operand]:
        """Operands of the steps of a loop, which all have the same strides: in order, where they do not lie alike."""
        alike = len({self._strides(self._fused.view(operand)) for operand in operands}) == 1
        return operands if alike else [self.in_order(operand) for operand in operands]

    def _strides(self, view: View) -> Any:
        """The strides of a view as far as is known by now; of a base that nobody knows yet, how it is read."""
        base, shape = view.base, view.whole.shape
        in_order = np.asarray(base.value).flags.c_contiguous if isinstance(base, Constant) else self.lies_in_order(base)
        layout = ordered(shape) if in_order else self._layouts.get(base)  # type: ignore[arg-type]  # a constant has none
        if layout is None:
            return base, *(place.terms for place in view.places)
        return tuple(step if n != 1 else 0 for step, n in zip(view.strides(layout)[1], view.shape, strict=True))

    def placed(self, equation: Equation) -> Equation:
        """A product of windows on operands that lie as it reads them."""
        last, (x, other) = images_last(equation), equation.operands
        weights = row_of(equation.primitive).contraction == "weights"
        if last and not weights:
            self._fused.orders[equation.output] = _behind(equation.output)
        return equation.on((self._images(x, last), self._images(other, last) if weights else self.in_order(other)))

    def _images(self, operand: Operand, last: bool) -> Operand:
        """Images that lie side by side, or in order; the same copy for all that read them so."""
        if last and self._ask(operand, _behind(operand)):
            return operand
        key = self._fused.view(operand), last
        if key not in self._copies:
            self._copies[key] = self._copied(operand) if last else self.in_order(operand)
            if last:
                self._ask(self._copies[key], _behind(operand))
        return self._copies[key]

    def _ask(self, operand: Operand, order: Sequence[int]) -> bool:
        """Let the base of an operand lie as this order of the operand's axes says; whether it does."""
        view = self._fused.view(operand)
        base = view.base
        if view.guards or not isinstance(base, Value):
            return False
        ranks = [min((order.index(axis) for axis, _ in place.terms), default=-1) for place in view.places]
        wanted = tuple(sorted(range(base.ndim), key=ranks.__getitem__))
        if view.places[wanted[-1]].terms != ((order[-1], 1),):
            return False
        if base not in self._fused.orders:
            self._lay(base, wanted)
        return self._fused.orders.get(base) == wanted

    def _lay(self, base: Value, order: tuple[int, ...]) -> None:
        """Let a base lie in an order, if it is made here, or is the memory of what is, and nobody counts on another."""
        root = self._fused.aliases.get(base, base)
        orders: dict[Operand, tuple[int, ...]] = {base: order}
        if root is not base:
            axes = merges(root.spec.shape, base.shape)
            if axes is None:
                return
            orders[root] = tuple(i for axis in order for i in axes[axis])
        group = self._grouping.maker.get(root)
        others = [alias for alias, other in self._fused.aliases.items() if other in orders and alias is not base]
        taken = {*self._fused.roots, *self._kept, *self._fused.orders} & orders.keys()
        if group is not None and group.kind in ("nest", "product") and not others and not taken:
            self._fused.orders |= orders

    def follow(self) -> None:
        """Let what groups store lie as what they read, or their product, lies."""
        alias_of = {root: alias for alias, root in self._fused.aliases.items() if isinstance(root, Value)}
        for group in self._fused.groups:
            labels = self._labels(group)
            for value, where in group.where.items() if labels else ():
                there = [label for label in where if label is not None]
                if value in self._fused.stored and value not in self._fused.views and {*there} <= {*labels}:
                    places = [-1 if label is None else labels.index(label) for label in where]
                    order = tuple(sorted(range(len(where)), key=places.__getitem__))
                    alias = alias_of.get(value)
                    merged = order if alias is None else self._merged(value, alias, order)
                    if merged is not None and value not in self._fused.conditions:
                        self._lay(value if alias is None else alias, merged)

    def _merged(self, root: Value, alias: Value, order: Sequence[int]) -> tuple[int, ...] | None:
        """The order of an alias whose root lies in another: None where its axes do not lie as wholes."""
        axes = merges(root.shape, alias.shape)
        if axes is None:
            return None
        found = tuple(sorted(range(alias.ndim), key=lambda axis: order.index(axes[axis][0]) if axes[axis] else -1))
        return found if [i for axis in found for i in axes[axis]] == [*order] else None

    def _labels(self, group: Group) -> list[int]:
        """The loops of a group from the slowest on, as its product lies or the largest it reads; none if in order."""
        orders, found = self._fused.orders, list[int]()
        read = [(view, ways[-1]) for view, ways in group.reads.items() if view.base in orders]
        if group.product is not None:
            made = group.product.output
            read = [(whole(made, made.shape), group.where[made])] if made in orders else []
        if read:
            view, labels = max(read, key=lambda pair: pair[0].base.spec.size)
            for axis in orders[view.base]:
                for term, _ in sorted(view.places[axis].terms, key=lambda pair: -abs(pair[1])):
                    label = labels[term]
                    if label is not None and label not in found:
                        found.append(label)
        return found
