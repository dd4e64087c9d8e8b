"""Views: what movement does to indices, so that reshaping, transposing, slicing and broadcasting cost nothing.

A view says of each axis of a *base* (a value that is really there) where it is read: base[… , offset + Σ cᵢ·indexᵢ, …].
Movement of a view is a view again, by substitution. Only merging axes is not affine; it needs its base to lie in memory
in order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, final

from pullback.compiler.program import Equation, Operand

Shape: TypeAlias = tuple[int, ...]
Params: TypeAlias = Mapping[str, Any]


class Place(NamedTuple):
    """Where one axis of a base is read: offset + Σ coefficient · index of an axis, given as (axis, coefficient)."""

    offset: int = 0
    terms: tuple[tuple[int, int], ...] = ()

    def through(self, places: Sequence[Place]) -> Place:
        """The same in terms of other indices, given where each index of these is."""
        offset, terms = self.offset, dict[int, int]()
        for axis, coefficient in self.terms:
            offset += coefficient * places[axis].offset
            for other, inner in places[axis].terms:
                terms[other] = terms.get(other, 0) + coefficient * inner
        return Place(offset, tuple(sorted(terms.items())))


@final
class View(NamedTuple):
    """A value of a shape that is read from a base at `places`, one for each axis of the base."""

    base: Operand
    shape: tuple[int, ...]
    places: tuple[Place, ...]

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
        for place in self.places:
            if place.offset or len(place.terms) > 1 or any(c != 1 for _, c in place.terms):
                return None
            found.append(place.terms[0][0] if place.terms else None)
        named = [axis for axis in found if axis is not None]
        return tuple(found) if len(set(named)) == len(named) else None


def whole(base: Operand, shape: tuple[int, ...]) -> View:
    """A base as it is."""
    return View(base, shape, tuple(Place(0, ((axis, 1),)) if n != 1 else Place() for axis, n in enumerate(shape)))


def _along(axis: int, size: int) -> Place:
    return Place(0, ((axis, 1),)) if size != 1 else Place()


def _transpose(shape: Shape, _result: Shape, params: Params) -> list[Place]:
    axes = params["axes"]
    return [_along(axes.index(axis), shape[axis]) for axis in range(len(shape))]


def _broadcast(shape: Shape, result: Shape, _params: Params) -> list[Place]:
    extra = len(result) - len(shape)
    return [_along(axis + extra, size) for axis, size in enumerate(shape)]


def _flip(shape: Shape, _result: Shape, params: Params) -> list[Place]:
    axis = params["axis"]
    flipped = {a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))} if shape else set()
    return [
        Place(size - 1, ((a, -1),)) if a in flipped and size != 1 else _along(a, size) for a, size in enumerate(shape)
    ]


def _getitem(shape: Shape, result: Shape, params: Params) -> list[Place] | None:
    index = params["index"]
    if any(not isinstance(part, (int, slice, type(None), type(Ellipsis))) for part in index):
        return None
    given = sum(part is not None and part is not Ellipsis for part in index)
    places: list[Place] = []
    out = 0
    for part in index if Ellipsis in index else (*index, Ellipsis):
        if part is None:
            out += 1
        elif part is Ellipsis:
            for _ in range(len(shape) - given):
                places.append(_along(out, shape[len(places)]))
                out += 1
        elif isinstance(part, slice):
            start, _, step = part.indices(shape[len(places)])
            places.append(Place(start, ((out, step),)) if result[out] != 1 else Place(start))
            out += 1
        else:
            places.append(Place(part % shape[len(places)]))
    return places


def _reshape(shape: Shape, result: Shape, _params: Params) -> list[Place] | None:
    """Match each axis with the axes that it is split into; None where axes are merged."""
    places: list[Place] = []
    out = 0
    for size in shape:
        terms: list[tuple[int, int]] = []
        left = size
        while left > 1:
            if out == len(result) or left % result[out]:
                return None
            left //= result[out]
            if result[out] != 1:
                terms.append((out, left))
            out += 1
        places.append(Place(0, tuple(terms)))
    return places


MOVEMENTS: Final[dict[str, Callable[..., list[Place] | None]]] = {
    "reshape": _reshape, "transpose": _transpose, "broadcast_to": _broadcast, "flip": _flip, "getitem": _getitem,
}  # fmt: skip


def is_movement(equation: Equation) -> bool:
    """Whether an equation only moves elements, by one operand and without numbers that come from elsewhere."""
    return equation.primitive.name in MOVEMENTS and len(equation.operands) == 1


def moved(equation: Equation, view: View) -> View | None:
    """The view that a movement of a view gives; None where it is not affine."""
    shape, result = view.shape, equation.output.shape
    if 0 in shape or 0 in result:
        return None
    places = MOVEMENTS[equation.primitive.name](shape, result, equation.params)
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
