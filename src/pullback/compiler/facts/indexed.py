"""Indexing by arrays, written out: the numbers are brought into range, and one primitive reads there, or one writes.

A number that is out of range makes a condition fail, so that the function itself is called, which raises as it always
does. Until then it stands for a place that exists: nothing outside of an array is ever read or written.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from pullback.compiler.facts.places import in_full
from pullback.core.kinds import LinearMap
from pullback.ops.indexing import add_into_, put_
from pullback.ops.movement import broadcast_to_, pad_
from pullback.ops.places import ARRAY
from pullback.ops.windows import taps

Along: TypeAlias = tuple[int | None, ...]  # for each axis of what is indexed, the axis of the result; None: a number

LOOPS: Final = "fiub"  # kinds of the dtypes that loops hold
TAPS: Final = 64  # places in a window up to which each is an operation


def _places(shape: tuple[int, ...], numbers: Sequence[Any], along: Along) -> tuple[Any, ...]:
    """An index of NumPy's, all of it arrays."""
    rest, rank = iter(numbers), max(np.ndim(number) for number in numbers)
    return tuple(
        next(rest) if axis is None else np.arange(n).reshape((n, *(1,) * (rank - axis - 1)))
        for n, axis in zip(shape, along, strict=True)
    )


def _gather(x: Any, *numbers: Any, along: Along) -> Any:
    return x[_places(x.shape, numbers, along)]


def _scatter(x: Any, values: Any, *numbers: Any, along: Along, adds: bool) -> Any:
    result, places = np.array(x), _places(x.shape, numbers, along)
    if adds:
        np.add.at(result, places, values)
    else:
        result[places] = values
    return result


gather_: Final = LinearMap("gather", _gather, None)
scatter_: Final = LinearMap("scatter", _scatter, None)


class _Index(NamedTuple):
    """An index by arrays, of an array from which slices are taken first.

    Attributes
    ----------
    static : tuple
        The slices, None if they take all.
    along, numbers :
        As `gather_` takes them. Each array of numbers has the axes of the result.
    shape : tuple
        That of the result.
    condition : Any
        Whether all numbers are in range; True if that is known.
    """

    static: tuple[slice, ...] | None
    along: Along
    numbers: list[Any]
    shape: tuple[int, ...]
    condition: Any

    def and_condition(self, result: Any) -> Any:
        """What a formula gives."""
        return result if self.condition is True else (result, self.condition)


def _parts(index: tuple[Any, ...], arrays: Sequence[Any]) -> Iterator[Any]:
    """The parts of an index; a mask that is known as the places where it is true."""
    rest = iter(arrays)
    for part in index:
        given = next(rest) if part is ARRAY else part
        if part is ARRAY and given.dtype.kind == "b":
            yield from np.nonzero(given)
        else:
            yield given


def _index(shape: tuple[int, ...], index: tuple[Any, ...], arrays: Sequence[Any]) -> _Index | None:
    """What an index means for an array of a shape; None if NumPy has to say."""
    masks = any(a.dtype.kind == "b" and (not isinstance(a, np.ndarray) or not a.ndim) for a in arrays)
    if masks or 0 in shape or any(a.dtype == np.uint64 for a in arrays):
        return None
    parts = list(_parts(index, arrays))
    picks = [i for i, part in enumerate(parts) if _is_number(part)]
    together = picks[-1] - picks[0] + 1 == len(picks)
    dots = next((i for i, part in enumerate(parts) if part is Ellipsis), len(parts))
    missing = len(shape) - sum(part is not None and part is not Ellipsis for part in parts)
    parts[dots : dots + 1] = [slice(None)] * missing
    kept = [part for part in parts if not _is_number(part)]
    before = sum(not _is_number(part) for part in parts[: next(i for i, p in enumerate(parts) if _is_number(p))])
    before = before if together else 0
    depth = max(np.ndim(part) for part in parts if _is_number(part))
    rank = depth + len(kept)
    sizes, static, along, numbers, conditions = [1] * rank, list[slice](), list[int | None](), list[Any](), list[Any]()
    seen = 0
    for part in parts:
        if _is_number(part):
            found = _in_range(part, shape[len(along)], conditions)
            if found is None:
                return None
            width = (1,) * (before + depth - np.ndim(found))
            numbers.append(found.reshape((*width, *found.shape, *(1,) * (rank - before - depth))))
            sizes = list(np.broadcast_shapes(tuple(sizes), numbers[-1].shape))
            static.append(slice(None))
            along.append(None)
            continue
        place = seen if seen < before else seen + depth
        seen += 1
        if part is not None:
            sizes[place] = len(range(*part.indices(shape[len(along)])))
            static.append(part)
            along.append(place)
    whole = all(part == slice(None) for part in static)
    condition = reduce(lambda a, b: a & b, conditions) if conditions else True
    return _Index(None if whole else tuple(static), tuple(along), numbers, tuple(sizes), condition)


def _is_number(part: Any) -> bool:
    return not (part is None or part is Ellipsis or isinstance(part, slice))


def _in_range(numbers: Any, size: int, conditions: list[Any]) -> Any:
    """Numbers that count from the start, all of places that there are; None if some known one is not."""
    if isinstance(numbers, (int, np.ndarray, np.generic)):
        known = np.asarray(numbers).astype(np.int64)
        fits = not known.size or (known.min() >= -size and known.max() < size)
        return np.where(known < 0, known + size, known) if fits else None
    numbers = numbers.astype(np.int64)
    conditions.append(((numbers >= -size) & (numbers < size)).all())
    return np.clip(np.where(numbers < 0, numbers + size, numbers), 0, size - 1)


def getitem(x: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    """x[index]."""
    how = _index(x.shape, index, arrays) if arrays and x.dtype.kind in LOOPS else None
    if how is None or 0 in how.shape:
        return NotImplemented
    x = x if how.static is None else x[how.static]
    return how.and_condition(gather_(x, *how.numbers, along=how.along))


def add_into(values: Any, *arrays: Any, index: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """Zeros with values added at an index."""
    if not arrays:
        return _apart(values, index, shape)
    how = _index(shape, index, arrays) if values.dtype.kind in "fiu" else None
    if how is None or 0 in how.shape or how.shape != values.shape:
        return NotImplemented
    inner = shape if how.static is None else _sliced(shape, how.static)
    zeros = broadcast_to_(np.zeros((), values.dtype), shape=inner)
    result = scatter_(zeros, values, *how.numbers, along=how.along, adds=True)
    if how.static is not None:
        result = add_into_(result, index=how.static, shape=shape)
    return how.and_condition(result)


def put(x: Any, values: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    """A copy of x with values assigned at an index."""
    values = np.asarray(values) if isinstance(values, (bool, int, float, np.generic)) else values
    if not arrays:
        return _put_static(x, values, index)
    how = _index(x.shape, index, arrays) if x.dtype.kind in LOOPS else None
    if how is None or 0 in how.shape or values.dtype.kind not in LOOPS:
        return NotImplemented
    values = _stretched(values.astype(x.dtype), how.shape)
    inner = x if how.static is None else x[how.static]
    result = scatter_(inner, values, *how.numbers, along=how.along, adds=False)
    return how.and_condition(result if how.static is None else put_(x, result, index=how.static))


def _sliced(shape: tuple[int, ...], static: tuple[slice, ...]) -> tuple[int, ...]:
    return tuple(len(range(*part.indices(n))) for part, n in zip(static, shape, strict=True))


def _stretched(values: Any, shape: tuple[int, ...]) -> Any:
    """Values in the shape of what they are assigned to; NumPy lets axes of one element in front go."""
    if values.ndim > len(shape):
        values = values.reshape(values.shape[values.ndim - len(shape) :])
    return np.broadcast_to(values, shape)


def _put_static(x: Any, values: Any, index: tuple[Any, ...]) -> Any:
    """x, and values where an index of slices and integers names a place."""
    there = np.zeros(x.shape, bool)[index].shape
    if x.dtype.kind not in LOOPS or values.dtype.kind not in LOOPS or 0 in there:
        return NotImplemented
    named: Any = True
    for axis, (n, part) in enumerate(zip(x.shape, (p for p in in_full(index, x.ndim) if p is not None), strict=True)):
        places = np.zeros(n, bool)
        places[part] = True
        if not places.all():
            named = named & places.reshape((n, *(1,) * (x.ndim - axis - 1)))
    values = add_into_(_stretched(values.astype(x.dtype), there), index=index, shape=x.shape)
    return values if named is True else np.where(named, values, x)


def _apart(values: Any, index: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """Zeros, with values that lie some elements apart: zeros are put in between, which makes slices without steps."""
    if values.dtype.kind not in LOOPS or not values.size:
        return NotImplemented
    parts, axis, whole = in_full(index, len(shape)), 0, list[Any]()
    if None in parts:  # a new axis, of one element, comes to nothing
        kept = (p for p in parts if p is None or isinstance(p, slice))
        values = values.reshape(tuple(n for p, n in zip(kept, values.shape, strict=True) if p is not None))
    for n, part in zip(shape, (p for p in parts if p is not None), strict=True):
        if not isinstance(part, slice):
            whole.append(part)
            continue
        start, stop, step = part.indices(n)
        size = len(range(start, stop, step))
        if step < 0:
            values, start = np.flip(values, axis), start + (size - 1) * step
        if (gap := abs(step)) > 1 and size > 1:
            wide = values.reshape((*values.shape[: axis + 1], 1, *values.shape[axis + 1 :]))
            wide = pad_(wide, width=tuple((0, (gap - 1) * (a == axis + 1)) for a in range(wide.ndim)))
            wide = wide.reshape((*values.shape[:axis], size * gap, *values.shape[axis + 1 :]))
            size = size * gap - gap + 1
            values = wide[(*(slice(None),) * axis, slice(0, size))]
        whole.append(slice(start, start + size))
        axis += 1
    return add_into_(values, index=tuple(whole), shape=shape)


def rows(table: Any, numbers: Any) -> Any:
    """Rows of a table, by numbers none of which counts from the end."""
    if not numbers.size or 0 in table.shape:
        return NotImplemented
    found = getitem(table, numbers, index=(ARRAY,))
    return found if found is NotImplemented else _none_below(found, numbers)


def add_rows(values: Any, numbers: Any, shape: tuple[int, ...]) -> Any:
    """Zeros with values added to rows."""
    found = add_into(values, numbers, index=(ARRAY,), shape=shape)
    return found if found is NotImplemented else _none_below(found, numbers)


def _none_below(found: Any, numbers: Any) -> Any:
    result, *others = found if isinstance(found, tuple) else (found,)
    return result, reduce(lambda a, b: a & b, others, (numbers >= 0).all())


def add_windows(windows: Any, axes: Any, sizes: Any, strides: Any, dilations: Any, shape: tuple[int, ...]) -> Any:
    """Zeros with windows added where they lie: all of one place in a window at once, or side by side if none meet."""
    if 0 in windows.shape:
        return NotImplemented
    if max(dilations) == 1 and all(size <= stride for size, stride in zip(sizes, strides, strict=True)):
        return _side_by_side(windows, axes, sizes, strides, shape)
    if math.prod(sizes) > TAPS:
        return NotImplemented
    counts = tuple(windows.shape[axis] for axis in axes)
    found: Any = None
    for place, index in taps(len(shape), axes, sizes, strides, dilations, counts):
        part = add_into_(windows[(..., *place)], index=index, shape=shape)
        found = part if found is None else found + part
    return found


def _side_by_side(windows: Any, axes: Any, sizes: Any, strides: Any, shape: tuple[int, ...]) -> Any:
    """Windows that do not meet, each followed by zeros up to the next one; the last is cut off, or followed by more."""
    rank = len(shape)
    rest = tuple((0, step - n) for n, step in zip(sizes, strides, strict=True))
    apart = pad_(windows, width=((0, 0),) * rank + rest) if any(map(any, rest)) else windows
    order = [i for axis in range(rank) for i in (axis, *(rank + axes.index(axis) for _ in range(axis in axes)))]
    merged = tuple(n * strides[axes.index(axis)] if axis in axes else n for axis, n in enumerate(windows.shape[:rank]))
    whole = apart.transpose(tuple(order)).reshape(merged)
    if any(n < m for n, m in zip(shape, merged, strict=True)):
        whole = whole[tuple(slice(0, n) for n in shape)]
    ends = tuple((0, n - m) for n, m in zip(shape, whole.shape, strict=True))
    return pad_(whole, width=ends) if any(map(any, ends)) else whole
