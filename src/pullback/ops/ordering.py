"""Order: where the sorted, the greatest and the sought stand. Places carry no derivative, what is taken there does."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from pullback.batching.rules import as_it_is
from pullback.core.axes import ndim_of, normalize_axis, shape_of
from pullback.core.errors import AxisError, OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.core.kinds import LinearMap
from pullback.ops.discrete import along, answer, find, in_operands
from pullback.ops.indexing import take_along_axis
from pullback.ops.movement import ravel


def _fields(order: Any, name: str) -> None:
    if order is not None:
        raise OptionError(f"{name}: tensors have no fields to sort by", order=order, fix="leave order out")


@along
def descending_places(x: Any, axis: int) -> Any:
    """The places from the greatest to the least; equals stay in their order."""
    order = np.argsort(np.flip(x, axis), axis, kind="stable")
    return np.flip(x.shape[axis] - 1 - order, axis)


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
    return answer(np.argsort, x, axis=axis, kind="stable")


def sort(
    x: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: bool | None = None,
    descending: bool = False,
) -> Any:  # fmt: skip
    """The elements along an axis, from the least to the greatest; the derivative goes back to where each came from.

    >>> sort(np.array([3.0, 1.0, 2.0]), descending=True)
    Tensor([3., 2., 1.])
    """
    places = argsort(x, axis, kind, order, stable=stable, descending=descending)
    return take_along_axis(x, places, axis)


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
    return answer(_searchsorted, x, v, *more, side=side)


@in_operands(range(1, 2))
def _searchsorted(x: Any, v: Any, sorter: Any = None, *, side: Any) -> Any:
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


explain_keywords(globals(), without=("descending_places",))


def _ascending(t: Any, x: Any, name: str) -> Any:
    rising = np.diff(x, axis=-1) > 0
    if not rising.all():
        *batch, place = (int(i) for i in np.argwhere(~rising)[0])
        row = x[tuple(batch)]
        raise OptionError(
            f"{name}: the points ascend", got=f"x[{place}] = {row[place]}, x[{place + 1}] = {row[place + 1]}",
            batch=tuple(batch) or None, fix="order = np.argsort(x); x[order], y[order]; of equal points keep one",
        )  # fmt: skip
    return np.array(t)


ascending_ = LinearMap(
    "ascending", _ascending, lambda ct, _t, _x, **_: ct, None, batching=as_it_is,
    doc="The first operand as it is, once it is found that the numbers of the other ascend along the last axis.",
)  # fmt: skip
