"""Places: where movement reads the elements of its operand, as affine functions of the indices of its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

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


# By the shapes of operand and result, and the parameters: where each axis is read; None if that is not affine.
Movement: TypeAlias = Callable[[Shape, Shape, Params], list[Place] | None]


def _along(axis: int, size: int) -> Place:
    return Place(0, ((axis, 1),)) if size != 1 else Place()


def transpose(shape: Shape, _result: Shape, params: Params) -> list[Place]:
    """Axes in another order."""
    axes = params["axes"]
    return [_along(axes.index(axis), shape[axis]) for axis in range(len(shape))]


def broadcast(shape: Shape, result: Shape, _params: Params) -> list[Place]:
    """Axes of one element stretched, and new ones in front."""
    extra = len(result) - len(shape)
    return [_along(axis + extra, size) for axis, size in enumerate(shape)]


def flip(shape: Shape, _result: Shape, params: Params) -> list[Place]:
    """Axes backwards."""
    axis = params["axis"]
    flipped = {a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))} if shape else set()
    return [
        Place(size - 1, ((a, -1),)) if a in flipped and size != 1 else _along(a, size) for a, size in enumerate(shape)
    ]


def getitem(shape: Shape, result: Shape, params: Params) -> list[Place] | None:
    """Slices, integers, new axes and `...`; None for arrays."""
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


def windows(shape: Shape, result: Shape, params: Params) -> list[Place]:
    """Each window begins where its number says, and goes on from there."""
    places = [_along(axis, size) for axis, size in enumerate(shape)]
    for i, axis in enumerate(params["axes"]):
        terms = (axis, params["strides"][i]), (len(shape) + i, params["dilations"][i])
        places[axis] = Place(0, tuple(term for term in terms if result[term[0]] != 1))
    return places


def reshape(shape: Shape, result: Shape, _params: Params) -> list[Place] | None:
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
