"""Views: what movement does to indices, so that reshaping, transposing, slicing and broadcasting cost nothing.

A view says of each axis of a *base* (a value that is really there) where it is read: base[… , offset + Σ cᵢ·indexᵢ, …].
Movement of a view is a view again, by substitution. Only merging axes is not affine; it needs its base to lie in memory
in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from operator import mul
from typing import Any, Final, NamedTuple, final

import numpy as np

from pullback.compiler.facts import row_of
from pullback.compiler.facts.places import Guard, Place, Within
from pullback.compiler.instructions.llvm import SCALARS
from pullback.ops.movement import reshape_
from pullback.programs.program import Constant, Equation, Operand, Program, Value

NATURALS: Final = Constant(np.arange(2))  # stands for all natural numbers: that at a place is the place


@final
class View(NamedTuple):
    """A value of a shape that is read from a base at `places`, one for each axis of the base.

    Where one of the `guards` does not hold, it is 0, and nothing is read.
    """

    base: Operand
    shape: tuple[int, ...]
    places: tuple[Place, ...]
    guards: tuple[Guard, ...] = ()

    @property
    def whole(self) -> View:
        """The base as it is."""
        return whole(self.base, np.shape(self.base.value) if isinstance(self.base, Constant) else self.base.shape)

    def strides(self, layout: Sequence[int]) -> tuple[int, tuple[int, ...]]:
        """The offset and the stride of each axis in memory, in elements, for a base with these strides."""
        offset, strides = 0, [0] * len(self.shape)
        for stride, place in zip(layout, self.places, strict=True):
            offset += stride * place.offset
            for axis, coefficient in place.terms:
                strides[axis] += stride * coefficient
        return offset, tuple(strides)

    def moved(self, shape: tuple[int, ...], places: Sequence[Place], guards: Sequence[Guard] = ()) -> View:
        """A movement of this view: `places` says where each of its axes is read, and `guards` where nothing is."""
        own = (guard._replace(place=guard.place.through(places)) for guard in self.guards)
        there = tuple(place.through(places) for place in self.places)
        return View(self.base, shape, there, tuple(dict.fromkeys((*own, *guards))))

    def renamed(self, shape: tuple[int, ...], axes: Mapping[int, int]) -> View:
        """The same with other axes of one element, so that the others have other numbers."""

        def now(place: Place) -> Place:
            return place._replace(terms=tuple((axes[axis], c) for axis, c in place.terms))

        guards = tuple(guard._replace(place=now(guard.place)) for guard in self.guards)
        return View(self.base, shape, tuple(map(now, self.places)), guards)

    def axes(self) -> tuple[int | None, ...] | None:
        """The axis that runs along each axis of the base, None of one element; None if the view is no permutation."""
        found: list[int | None] = []
        if self.guards:
            return None
        for place, size in zip(self.places, self.whole.shape, strict=True):
            if place.offset or len(place.terms) > 1 or any(c != 1 for _, c in place.terms):
                return None
            axis = place.terms[0][0] if place.terms else None
            if size != (1 if axis is None else self.shape[axis]):
                return None  # a part of the axis
            found.append(axis)
        named = [axis for axis in found if axis is not None]
        return tuple(found) if len(set(named)) == len(named) else None

    def lies(self, wanted: Sequence[int]) -> bool:
        """Whether it has these strides, in elements, where its base lies in order."""
        _, strides = self.strides(ordered(self.whole.shape))
        return all(n == 1 or given == step for n, given, step in zip(self.shape, strides, wanted, strict=True))

    def apart(self) -> tuple[int, ...] | None:
        """The axes that run along all of the base, the slowest first, several along one axis of it in order.

        None if they do not, or some run along two.
        """
        found: list[int] = []
        for place, size in zip(self.places, self.whole.shape, strict=True):
            inner = sorted(place.terms, key=lambda term: term[1])
            steps = [1, *accumulate((self.shape[axis] for axis, _ in inner), mul)]
            if place.offset or [c for _, c in inner] != steps[:-1] or steps[-1] != size:
                return None  # a part of the axis
            found += [axis for axis, _ in reversed(inner)]
        return tuple(found) if not self.guards and len(set(found)) == len(found) else None


def whole(base: Operand, shape: tuple[int, ...]) -> View:
    """A base as it is."""
    return View(base, shape, tuple(Place(0, ((axis, 1),)) if n != 1 else Place() for axis, n in enumerate(shape)))


def counted(array: Any) -> View | None:
    """An array of whole numbers as a view of the natural ones, if each number is an affine function of its place."""
    if array.dtype.kind not in "iu" or array.dtype == np.uint64 or not array.size:
        return None
    start, terms, told = int(array.flat[0]), list[tuple[int, int]](), np.array(array.flat[0], np.int64)
    for axis, n in enumerate(array.shape):
        if n > 1:
            step = int(array[tuple(int(a == axis) for a in range(array.ndim))]) - start
            told = told + (step * np.arange(n)).reshape((n, *(1,) * (array.ndim - axis - 1)))
            terms += [(axis, step)] if step else []
    return View(NATURALS, array.shape, (Place(start, tuple(terms)),)) if (told == array).all() else None


def is_movement(equation: Equation) -> bool:
    """Whether an equation only moves elements, by one operand and without numbers that come from elsewhere."""
    return row_of(equation.primitive).places is not None and len(equation.operands) == 1


def moved(equation: Equation, view: View) -> View | None:
    """The view that a movement of a view gives; None where it is not affine."""
    shape, result, rule = view.shape, equation.output.shape, row_of(equation.primitive).places
    if rule is None or 0 in shape or 0 in result:
        return None
    found = rule(shape, result, equation.params)
    if isinstance(found, Within):
        known = str(equation.output.dtype) in SCALARS  # loops must be able to write down what a guard lets through
        return view.moved(result, found.places, found.guards) if known else None
    return None if found is None else view.moved(result, found)


def ordered(shape: Sequence[int], order: Sequence[int] | None = None) -> tuple[int, ...]:
    """The strides, in elements, of an array that lies in order (NumPy's C order), or in another order of its axes."""
    strides, step = [0] * len(shape), 1
    for axis in reversed(range(len(shape)) if order is None else order):
        strides[axis] = step
        step *= max(shape[axis], 1)
    return tuple(strides)


def lies_in_order(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether an array with these strides, in elements, lies in order."""
    return all(n == 1 or given == step for n, given, step in zip(shape, strides, ordered(shape), strict=True))


def gives_only_views(program: Program) -> bool:
    """Whether a program computes nothing, and moves nothing either: what it gives is its inputs, seen otherwise."""
    made = {equation.output for equation in program.equations}
    return bool(made) and made >= set(program.outputs) and all(map(_only_looks, program.equations))


def _only_looks(equation: Equation) -> bool:
    """Whether NumPy gives a view of an operand: not if there is a border of zeros."""
    rule = row_of(equation.primitive).places
    if rule is None or len(equation.operands) != 1 or not isinstance(x := equation.operands[0], Value) or not x.size:
        return False
    found = rule(x.shape, equation.output.shape, equation.params)
    return equation.output.ndim > 0 and (isinstance(found, list) or equation.primitive is reshape_)
