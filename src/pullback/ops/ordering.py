"""Order: where the sorted, the greatest and the sought stand. Places carry no derivative, what is taken there does."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from pullback.batching.rules import as_it_is, axes_behind, in_front
from pullback.core.axes import ndim_of, normalize_axis, shape_of
from pullback.core.custom_kinds import CustomVJP
from pullback.core.errors import AxisError, OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.core.kinds import LinearMap
from pullback.ops.discrete import along, answer, answer_, find, in_operands, of_stacks
from pullback.ops.indexing import add_into_, take_along_axis
from pullback.ops.movement import ravel
from pullback.ops.places import ARRAY

LONG: Final = 2048  # elements of a row from which the quick order and a look at it take less than the stable one
FEW: Final = 16  # places for which a row is parted, and not sorted


def _fields(order: Any, name: str) -> None:
    if order is not None:
        raise OptionError(f"{name}: tensors have no fields to sort by", order=order, fix="leave order out")


@along
def descending_places(x: Any, axis: int) -> Any:
    """The places from the greatest to the least; equals stay in their order."""
    order = np.argsort(np.flip(x, axis), axis, kind="stable")
    return np.flip(x.shape[axis] - 1 - order, axis)


@along
def stable_places(x: Any, axis: int) -> Any:
    """The places from the least to the greatest; equals stay in their order.

    NumPy's quick way of long rows takes a third of the time of its stable one, and is as good where no two are equal.
    """
    if x.dtype.kind == "f" and x.shape[axis] >= LONG:
        order = np.argsort(x, axis)
        found = np.moveaxis(np.take_along_axis(x, order, axis), axis, -1)
        # Of NaN there may be one, the last.
        if not (found[..., 1:] == found[..., :-1]).any() and not np.isnan(found[..., -2]).any():
            return order
    return np.argsort(x, axis, kind="stable")


def argsort(
    x: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: bool | None = None,  # noqa: ARG001 (NumPy's)
    descending: bool = False,
) -> Any:  # fmt: skip
    """The places of the elements along an axis, from the least to the greatest; equals keep their order.

    >>> argsort(np.array([3.0, 1.0, 2.0]))
    Tensor([1, 2, 0])
    """
    _fields(order, "argsort")
    if kind not in (None, "quicksort", "heapsort", "stable", "mergesort"):
        raise OptionError("argsort: unknown kind", kind=kind, fix="leave it out: equals keep their order")
    if axis is None:
        x, axis = ravel(x), 0
    axis = normalize_axis(axis, ndim_of(x), "argsort")
    if descending:
        return answer(descending_places, x, axis=axis)
    return answer(stable_places, x, axis=axis)


def sort(
    x: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: bool | None = None,
    descending: bool = False,
) -> Any:  # fmt: skip
    """The elements along an axis, from the least to the greatest; the derivative goes back to where each came from.

    >>> sort(np.array([3.0, 1.0, 2.0]), descending=True)
    Tensor([3., 2., 1.])
    """
    if descending or stable or kind not in (None, "quicksort", "heapsort") or order is not None:
        return take_along_axis(x, argsort(x, axis, kind, order, descending=descending), axis)
    if axis is None:
        x, axis = ravel(x), 0
    return sort_(x, axis=normalize_axis(axis, ndim_of(x), "sort"))


def _put_back(cotangent: Any, places: Any, shape: Any, axis: int) -> Any:
    """Zeros with what was taken at places along an axis put back there."""
    grid: list[Any] = list(np.ogrid[tuple(slice(n) for n in shape_of(places))])
    grid[axis] = places
    return add_into_.bind(cotangent, *grid, index=(ARRAY,) * len(grid), shape=shape)


def _unsorted(cotangent: Any, primals: Any, _y: Any, axis: int) -> Any:
    (x,) = primals
    return (_put_back(cotangent, answer_.bind(x, function=stable_places, axis=axis), shape_of(x), axis),)


sort_ = CustomVJP(
    "sort", lambda x, axis: np.sort(x, axis), _unsorted, batching=in_front(axis=axes_behind),
    doc="From the least to the greatest; where each came from is asked only when a cotangent goes back there.",
)  # fmt: skip


def _ranked(x: Any, ranks: Any) -> Any:
    """Of each row the elements that are at some places once it is sorted."""
    few = np.unique(ranks)
    if len(few) > FEW:
        return np.take_along_axis(np.sort(x, -1), ranks, -1)
    found, start = x.copy(), 0
    for rank in few:  # one at a time, which NumPy does in a fifth of the time, and only behind the one before
        found[..., start:].partition(rank - start, -1)
        start = rank + 1
    return np.take_along_axis(found, ranks, -1)


@of_stacks
def _places_of_ranks(x: Any, y: Any, ranks: Any) -> Any:
    """Where each row has the elements y that are at `ranks` once it is sorted, equals in their order."""
    if x.dtype.kind == "c" or ranks.shape[-1] > FEW:
        return np.take_along_axis(np.argsort(x, -1, kind="stable"), ranks, -1)
    found, lost = [], np.isnan(x)
    for k in range(ranks.shape[-1]):
        value = y[..., k : k + 1]
        equal, before = x == value, np.count_nonzero(x < value, -1)
        if np.isnan(value).any():
            equal = np.where(np.isnan(value), lost, equal)
            before = np.where(np.isnan(value[..., 0]), x.shape[-1] - np.count_nonzero(lost, -1), before)
        place = equal.argmax(-1)
        nth = ranks[..., k] - before
        if nth.any():
            place = np.argmax(np.cumsum(equal, -1) > nth[..., None], -1)
        found.append(place)
    return np.stack(found, -1)


def _unranked(cotangent: Any, primals: Any, y: Any) -> Any:
    x, ranks = primals
    places = answer_.bind(x, y, ranks, function=_places_of_ranks)
    return _put_back(cotangent, places, shape_of(x), len(shape_of(x)) - 1), None


ranked_ = CustomVJP(
    "ranked", _ranked, _unranked, batching=in_front(),
    doc="Of each row the elements at some places once it is sorted, which takes no sorting.",
)  # fmt: skip


def lexsort(keys: Any, axis: int = -1) -> Any:
    """The places that sort by the last of several keys, and equals by the one before it.

    >>> lexsort([np.array([2, 1, 3]), np.array([0, 0, -1])])
    Tensor([2, 1, 0])
    """
    keys = list(keys)
    if keys and (ndim := ndim_of(keys[0])):
        axis = normalize_axis(axis, ndim, "lexsort")
    return answer(_lexsort, *keys, axis=axis)


@along
def _lexsort(*keys: Any, axis: int) -> Any:
    return np.lexsort(keys, axis)


def argpartition(x: Any, kth: Any, axis: int | None = -1, kind: Any = "introselect", order: Any = None) -> Any:
    """Places such that the kth element is where sorting puts it, lesser ones before it and greater ones behind.

    >>> argpartition(np.array([3.0, 1.0, 2.0]), 0)[0]
    Tensor(1)
    """
    _fields(order, "argpartition")
    if axis is None:
        x, axis = ravel(x), 0
    places = [operator.index(k) for k in kth] if isinstance(kth, (Sequence, np.ndarray)) else operator.index(kth)
    return answer(np.argpartition, x, kth=places, axis=normalize_axis(axis, ndim_of(x), "argpartition"), kind=kind)


def partition(x: Any, kth: Any, axis: int | None = -1, kind: Any = "introselect", order: Any = None) -> Any:
    """The elements with the kth where sorting puts it, lesser ones before it and greater ones behind.

    >>> partition(np.array([3.0, 1.0, 2.0]), 1)
    Tensor([1., 2., 3.])
    """
    return take_along_axis(x, argpartition(x, kth, axis, kind, order), axis)


def topk(x: Any, k: int, axis: int = -1, *, largest: bool = True) -> tuple[Any, Any]:
    """The k largest elements along an axis, or the smallest, in their order; and their places.

    >>> topk(np.array([3.0, 1.0, 2.0]), 2)
    (Tensor([3., 2.]), Tensor([0, 2]))
    """
    k = operator.index(k)
    axis = normalize_axis(axis, ndim_of(x), "topk")
    if not 0 <= k <= shape_of(x)[axis]:
        raise ShapeError("topk: there are not so many elements", k=k, shape=shape_of(x), axis=axis)
    places = argsort(x, axis, descending=largest)[(slice(None),) * axis + (slice(k),)]
    return take_along_axis(x, places, axis), places


def searchsorted(x: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """Where the numbers v belong in the sorted vector x; before equals, or behind them (side="right").

    >>> searchsorted(np.array([1.0, 2.0, 3.0]), 2.0)
    Tensor(1)
    """
    if ndim_of(x) != 1:
        raise ShapeError("searchsorted: the sorted numbers are a vector", shape=shape_of(x))
    if side not in ("left", "right"):
        raise OptionError("searchsorted: unknown side", side=side, fix="left or right")
    more = () if sorter is None else (sorter,)
    return answer(places_among, x, v, *more, side=side)


@in_operands(range(1, 2))
def places_among(x: Any, v: Any, sorter: Any = None, *, side: Any) -> Any:
    """Where numbers belong in a sorted vector, as NumPy finds it."""
    return np.searchsorted(x, v, side=side, sorter=sorter)


def nonzero(x: Any) -> tuple[Any, ...]:
    """The indices of the elements that are not 0, an array for each axis.

    >>> nonzero(np.array([0.0, 2.0, 3.0]))
    (Tensor([1, 2]),)
    """
    if ndim_of(x) == 0:
        raise AxisError("nonzero: a number has no indices", shape=(), fix="nonzero(atleast_1d(x))")
    return tuple(find(np.nonzero, x))


def count_nonzero(x: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """How many elements over `axis` are not 0.

    >>> count_nonzero(np.array([0.0, 2.0, 3.0]))
    Tensor(2)
    """
    axes = tuple(axis) if isinstance(axis, list) else axis
    return answer(np.count_nonzero, x, axis=axes, keepdims=keepdims)


explain_keywords(globals(), without=("descending_places", "stable_places", "places_among"))


def _ascending(t: Any, x: Any, name: str) -> Any:
    rising = np.diff(x, axis=-1) > 0
    if not rising.all():
        *batch, place = (int(i) for i in np.argwhere(~rising)[0])
        row = x[tuple(batch)]
        raise OptionError(
            f"{name}: the points ascend", got=f"x[{place}] = {row[place]}, x[{place + 1}] = {row[place + 1]}",
            batch=tuple(batch) or None, fix="order = np.argsort(x); x[order], y[order]; of equal points keep one",
        )  # fmt: skip
    return np.positive(t)


ascending_ = LinearMap(
    "ascending", _ascending, lambda ct, _t, _x, **_: ct, None, batching=as_it_is,
    doc="The first operand as it is, once it is found that the numbers of the other ascend along the last axis.",
)  # fmt: skip
