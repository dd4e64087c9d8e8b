"""Scatter and segment operations: values put together by where they belong.

Sums and means are adding at places, the transpose of indexing. The largest and the smallest share the derivative where
they tie, as `max` does.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core.axes import normalize_axis
from pullback.core.errors import DTypeError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.ops import elementwise as ew
from pullback.ops.discrete import answer, by_element, of_stacks
from pullback.ops.indexing import add_into_, take
from pullback.ops.movement import astype, broadcast_to, concatenate, moveaxis, ravel, reshape
from pullback.ops.places import ARRAY
from pullback.ops.weights import bound


def _sum(values: Any, places: Any, size: int) -> Any:
    return add_into_(values, places, index=(ARRAY,), shape=(size, *values.shape[1:]))


def _counts(places: Any, size: int) -> Any:
    return answer(occurrences, places, size=size)


@of_stacks
def occurrences(places: Any, *, size: int) -> Any:
    """How often each number below `size` comes in a vector, or in each row of a stack of them."""
    if places.ndim == 1 or places.min(initial=0) < 0:  # which is complained of
        return np.bincount(places.ravel(), minlength=size)
    rows, length = math.prod(stack := places.shape[:-1]), max(size, int(places.max(initial=-1)) + 1)
    own = places.reshape(rows, places.shape[-1]) + np.arange(rows)[:, None] * length
    return np.bincount(own.ravel(), minlength=rows * length).reshape(*stack, length)


def _column(numbers: Any, values: Any) -> Any:
    return reshape(numbers, numbers.shape + (1,) * (values.ndim - 1))


def _mean(values: Any, places: Any, size: int) -> Any:
    values = values if values.dtype.kind in "fc" else astype(values, float)
    counts = ew.maximum(_counts(places, size), 1)
    return _sum(values, places, size) / astype(_column(counts, values), values.dtype)


def _extremum(ufunc: np.ufunc, lowest: bool) -> Callable[[Any, Any, int], Any]:
    def of(values: Any, places: Any, size: int) -> Any:
        numbers = ew.stop_gradient(values)
        found = answer(_of_all, numbers, places, ufunc=ufunc, lowest=lowest, size=size)
        if values.dtype.kind != "f":
            return found
        at = take(found, places, 0)
        chosen = ew.logical_or(ew.equal(numbers, at), ew.isnan(numbers))
        share = astype(chosen, values.dtype)
        ties = take(_sum(share, places, size), places, 0)
        # What is taken differs by nothing from the largest; so only its derivative adds to it.
        rest = ew.where(chosen, ew.gap(values, numbers) / ew.maximum(ties, 1), 0)
        return found + _sum(ew.where(ew.isnan(rest), 0 * share, rest), places, size)

    return of


@of_stacks
def _of_all(values: Any, places: Any, *, ufunc: np.ufunc, lowest: bool, size: int) -> Any:
    stack = places.shape[:-1]
    found = np.full((*stack, size, *values.shape[places.ndim :]), bound(values.dtype, lowest), values.dtype)
    own = (np.arange(n).reshape(n, *(1,) * (places.ndim - 1 - axis)) for axis, n in enumerate(stack))
    ufunc.at(found, (*own, places), values)
    return found


_largest = _extremum(np.maximum, lowest=True)
_smallest = _extremum(np.minimum, lowest=False)


def _segmented(of: Callable[..., Any], name: str, data: Any, segment_ids: Any, num_segments: int | None) -> Any:
    values, places = asarray(data), asarray(segment_ids)
    if places.ndim != 1 or not values.ndim or len(places) != len(values):
        raise ShapeError(f"{name}: the number of its segment for each row", data=values.shape, segments=places.shape)
    if places.dtype.kind not in "iu" and places.size:
        raise DTypeError(f"{name}: segments are numbered by integers", got=places.dtype)
    if num_segments is None:
        num_segments = int(np.asarray(places).max(initial=-1)) + 1
    return of(values, astype(places, np.intp), operator.index(num_segments))


def segment_sum(data: Any, segment_ids: Any, num_segments: int | None = None) -> Any:
    """The sums of the rows of each segment.

    >>> segment_sum(np.array([1.0, 2.0, 3.0]), [0, 0, 1])
    Tensor([3., 3.])
    """
    return _segmented(_sum, "segment_sum", data, segment_ids, num_segments)


def segment_mean(data: Any, segment_ids: Any, num_segments: int | None = None) -> Any:
    """The means of the rows of each segment; 0 of none.

    >>> segment_mean(np.array([1.0, 2.0, 3.0]), [0, 0, 1])
    Tensor([1.5, 3. ])
    """
    return _segmented(_mean, "segment_mean", data, segment_ids, num_segments)


def segment_max(data: Any, segment_ids: Any, num_segments: int | None = None) -> Any:
    """The largest of each segment, at each place of its rows; −∞ of none.

    >>> segment_max(np.array([1.0, 2.0, 3.0]), [0, 0, 1])
    Tensor([2., 3.])
    """
    return _segmented(_largest, "segment_max", data, segment_ids, num_segments)


def segment_min(data: Any, segment_ids: Any, num_segments: int | None = None) -> Any:
    """The smallest of each segment, at each place of its rows; ∞ of none.

    >>> segment_min(np.array([1.0, 2.0, 3.0]), [0, 0, 1])
    Tensor([1., 3.])
    """
    return _segmented(_smallest, "segment_min", data, segment_ids, num_segments)


def _scattered(of: Callable[..., Any], name: str, x: Any, indices: Any, values: Any, axis: int) -> Any:
    """All numbers that meet at a place of x, with that of x itself, put together."""
    x, where, values = asarray(x), asarray(indices), asarray(values)
    axis = normalize_axis(axis, x.ndim, name)
    if where.ndim != x.ndim:
        raise ShapeError(f"{name}: the indices have the axes of x", x=x.shape, indices=where.shape)
    places = answer(_flat_places, where, shape=x.shape, axis=axis)
    values = astype(broadcast_to(values, places.shape), x.dtype)
    together = concatenate([ravel(x), ravel(values)])
    own = np.arange(x.size)
    return reshape(of(together, concatenate([own, ravel(places)]), x.size), x.shape)


@by_element
def _flat_places(where: Any, *, shape: tuple[int, ...], axis: int) -> Any:
    """The places in the flat array that `take_along_axis` reads."""
    grid = np.arange(math.prod(shape)).reshape(shape)
    stack = where.ndim - len(shape)
    sizes: list[Any] = [None] * stack + [slice(n) for n in where.shape[stack:]]
    sizes[stack + axis] = slice(None)
    return np.take_along_axis(grid[tuple(sizes)], where, stack + axis)


def scatter_add(x: Any, indices: Any, values: Any, axis: int = 0) -> Any:
    """x with values added at the places that `take_along_axis` reads; where they meet, all are added.

    >>> scatter_add(np.zeros(3), [0, 2, 2], np.array([1.0, 2.0, 3.0]))
    Tensor([1., 0., 5.])
    """
    return _scattered(_sum, "scatter_add", x, indices, values, axis)


def scatter_mean(x: Any, indices: Any, values: Any, axis: int = 0) -> Any:
    """x with, at each place, the mean of its number and of the values that belong there.

    >>> scatter_mean(np.zeros(3), [0, 2, 2], np.array([1.0, 2.0, 4.0]))
    Tensor([0.5, 0. , 2. ])
    """
    return _scattered(_mean, "scatter_mean", x, indices, values, axis)


def scatter_max(x: Any, indices: Any, values: Any, axis: int = 0) -> Any:
    """x with, at each place, the largest of its number and of the values that belong there.

    >>> scatter_max(np.zeros(3), [0, 2, 2], np.array([1.0, 2.0, 4.0]))
    Tensor([1., 0., 4.])
    """
    return _scattered(_largest, "scatter_max", x, indices, values, axis)


def scatter_min(x: Any, indices: Any, values: Any, axis: int = 0) -> Any:
    """x with, at each place, the smallest of its number and of the values that belong there.

    >>> scatter_min(np.zeros(3), [0, 2, 2], np.array([-1.0, 2.0, -4.0]))
    Tensor([-1.,  0., -4.])
    """
    return _scattered(_smallest, "scatter_min", x, indices, values, axis)


def index_add(x: Any, indices: Any, values: Any, axis: int = 0) -> Any:
    """x with slices of values added to those of its slices along an axis that a vector of indices names.

    >>> index_add(np.zeros((3, 2)), [0, 2, 2], np.ones((3, 2)))
    Tensor([[1., 1.],
            [0., 0.],
            [2., 2.]])
    """
    x, where, values = asarray(x), asarray(indices), asarray(values)
    axis = normalize_axis(axis, x.ndim, "index_add")
    if where.ndim != 1 or values.ndim != x.ndim or values.shape[axis] != len(where):
        raise ShapeError(
            "index_add: a slice of values for each index", x=x.shape, indices=where.shape, values=values.shape
        )
    added = _sum(moveaxis(astype(values, x.dtype), axis, 0), where, x.shape[axis])
    return x + moveaxis(added, 0, axis)


explain_keywords(globals(), without=("occurrences",))
