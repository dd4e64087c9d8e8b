"""Views: what movement does to indices, so that reshaping, transposing, slicing and broadcasting cost nothing.

A view says of each axis of a *base* (a value that is really there) where it is read: base[… , offset + Σ cᵢ·indexᵢ, …].
Movement of a view is a view again, by substitution. Only merging axes is not affine; it needs its base to lie in memory
in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, final

import numpy as np

from pullback.compiler.facts import row_of
from pullback.compiler.facts.places import Place
from pullback.programs.program import Constant, Equation, Operand


@final
class View(NamedTuple):
    """A value of a shape that is read from a base at `places`, one for each axis of the base."""

    base: Operand
    shape: tuple[int, ...]
    places: tuple[Place, ...]

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

    def moved(self, shape: tuple[int, ...], places: Sequence[Place]) -> View:
        """A movement of this view: `places` says where each of its axes is read."""
        return View(self.base, shape, tuple(place.through(places) for place in self.places))

    def axes(self) -> tuple[int | None, ...] | None:
        """The axis that runs along each axis of the base, None of one element; None if the view is no permutation."""
        found: list[int | None] = []
        for place, size in zip(self.places, self.whole.shape, strict=True):
            if place.offset or len(place.terms) > 1 or any(c != 1 for _, c in place.terms):
                return None
            axis = place.terms[0][0] if place.terms else None
            if size != (1 if axis is None else self.shape[axis]):
                return None  # a part of the axis
            found.append(axis)
        named = [axis for axis in found if axis is not None]
        return tuple(found) if len(set(named)) == len(named) else None


def whole(base: Operand, shape: tuple[int, ...]) -> View:
    """A base as it is."""
    return View(base, shape, tuple(Place(0, ((axis, 1),)) if n != 1 else Place() for axis, n in enumerate(shape)))


def is_movement(equation: Equation) -> bool:
    """Whether an equation only moves elements, by one operand and without numbers that come from elsewhere."""
    return row_of(equation.primitive).places is not None and len(equation.operands) == 1


def moved(equation: Equation, view: View) -> View | None:
    """The view that a movement of a view gives; None where it is not affine."""
    shape, result, rule = view.shape, equation.output.shape, row_of(equation.primitive).places
    if rule is None or 0 in shape or 0 in result:
        return None
    places = rule(shape, result, equation.params)
    return None if places is None else view.moved(result, places)


def ordered(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides, in elements, of an array that lies in order (NumPy's C order)."""
    strides, step = [0] * len(shape), 1
    for axis in reversed(range(len(shape))):
        strides[axis] = step
        step *= max(shape[axis], 1)
    return tuple(strides)


def lies_in_order(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether an array with these strides, in elements, lies in order."""
    return all(n == 1 or given == step for n, given, step in zip(shape, strides, ordered(shape), strict=True))


def strides_of(array: Any) -> tuple[int, ...]:
    """The strides of an array in elements; 0 along axes of one element, where they mean nothing."""
    size = array.dtype.itemsize
    return tuple(s // size if n > 1 else 0 for s, n in zip(array.strides, array.shape, strict=True))
