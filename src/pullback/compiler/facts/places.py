"""Places: where movement reads the elements of its operand, as affine functions of the indices of its result."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from operator import mul
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


class Guard(NamedTuple):
    """What is read only where 0 <= place < size; elsewhere there is a 0."""

    place: Place
    size: int


class Within(NamedTuple):
    """Where each axis is read, and what guards that."""

    places: list[Place]
    guards: list[Guard]


# By the shapes of operand and result, and the parameters: where each axis is read; None if that is not affine.
Movement: TypeAlias = Callable[[Shape, Shape, Params], list[Place] | Within | None]
# By the shapes of the operands and of the result, and the parameters: where in the result each operand goes.
Assembly: TypeAlias = Callable[[Sequence[Shape], Shape, Params], list[list[Place]]]


def _along(axis: int, size: int) -> Place:
    return Place(0, ((axis, 1),)) if size != 1 else Place()


def pad(shape: Shape, result: Shape, params: Params) -> Within:
    """A border of zeros."""
    found = Within([], [])
    for axis, (n, (before, _)) in enumerate(zip(shape, params["width"], strict=True)):
        place = Place(-before, _along(axis, result[axis]).terms)
        found.places.append(place if n != 1 else Place())
        if n != result[axis]:
            found.guards.append(Guard(place, n))
    return found


def tril(shape: Shape, result: Shape, params: Params) -> Within:
    """Nothing above the k-th diagonal."""
    return _triangle(shape, result, params["k"], 1)


def triu(shape: Shape, result: Shape, params: Params) -> Within:
    """Nothing below the k-th diagonal."""
    return _triangle(shape, result, -params["k"], -1)


def _triangle(shape: Shape, result: Shape, start: int, sign: int) -> Within:
    """Where start + sign · (row − column) is not negative; each row of the matrix of a vector is the vector."""
    row, column = len(result) - 2, len(result) - 1
    terms = ((row, sign),) * (result[row] != 1) + ((column, -sign),) * (result[column] != 1)
    always = result[row] + result[column] + abs(start)  # more than it ever is
    there = [_along(len(result) - len(shape) + a, n) for a, n in enumerate(shape)]
    return Within(there, [Guard(Place(start, terms), always)])


def add_into(shape: Shape, result: Shape, params: Params) -> Within | None:
    """The transpose of slices and integers: zeros around; None for steps, and for arrays."""
    index = params["index"]
    if not _is_static(index):
        return None
    found, axis = Within([], []), 0
    for part in in_full(index, len(result)):
        if part is None:
            found.places.append(Place())
            continue
        n, terms = result[axis], _along(axis, result[axis]).terms
        axis += 1
        if not isinstance(part, slice):
            found.guards.extend([Guard(Place(-(part % n), terms), 1)] * (n != 1))
            continue
        size, (start, _, step) = shape[len(found.places)], part.indices(n)
        step = step if size != 1 else 1
        if abs(step) != 1:
            return None
        place = Place(-step * start, tuple((a, step) for a, _ in terms))
        found.places.append(place if size != 1 else Place())
        if size != n:
            found.guards.append(Guard(place, size))
    return found


def _is_static(index: tuple[Any, ...]) -> bool:
    return all(isinstance(part, (int, slice, type(None), type(Ellipsis))) for part in index)


def in_full(index: tuple[Any, ...], ndim: int) -> list[Any]:
    """A static index with a part for each axis."""
    parts = list(index if Ellipsis in index else (*index, Ellipsis))
    dots = parts.index(Ellipsis)
    given = sum(part is not None for part in parts) - 1
    parts[dots : dots + 1] = [slice(None)] * (ndim - given)
    return parts


def joined(shapes: Sequence[Shape], _result: Shape, params: Params) -> list[list[Place]]:
    """Where each operand goes that is joined to others along an axis."""
    found, start = [], 0
    for shape in shapes:
        there = [_along(axis, n) for axis, n in enumerate(shape)]
        there[params["axis"]] = there[params["axis"]]._replace(offset=start)
        start += shape[params["axis"]]
        found.append(there)
    return found


def stacked(shapes: Sequence[Shape], _result: Shape, params: Params) -> list[list[Place]]:
    """Where each operand goes that becomes one layer of the result."""
    found = []
    for number, shape in enumerate(shapes):
        there = [_along(axis, n) for axis, n in enumerate(shape)]
        there.insert(params["axis"], Place(number))
        found.append(there)
    return found


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
    if not _is_static(params["index"]):
        return None
    places: list[Place] = []
    out = 0
    for part in in_full(params["index"], len(shape)):
        if part is None:
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


def merges(shape: Shape, merged: Shape) -> list[tuple[int, ...]] | None:
    """For each merged axis the axes that it is made of; None where a reshape does something else.

    >>> merges((2, 3, 4), (6, 4)), merges((6, 4), (2, 3, 4))
    ([(0, 1), (2,)], None)
    """
    if 0 in shape or math.prod(shape) != math.prod(merged):
        return None
    ends = list(accumulate(shape, mul, initial=1))
    found, start = [], 0
    for end in accumulate(merged, mul):
        stop = max((i for i, n in enumerate(ends) if n == end), default=-1)
        if stop < start:
            return None
        found.append(tuple(range(start, stop)))
        start = stop
    return found
