"""Arrays put together, and elements put in or left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, final

import numpy as np

from pullback.core.axes import normalize_axis
from pullback.core.errors import DTypeError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.functions.arranging import atleast_1d, atleast_3d
from pullback.functions.creation import asarray
from pullback.ops.indexing import atleast_2d, take
from pullback.ops.movement import astype, broadcast_to, concatenate, moveaxis, ravel, reshape
from pullback.ops.selecting import resized
from pullback.tensors import Tensor
from pullback.tensors.tables import serve


def _cast(result: Any, dtype: Any) -> Any:
    return result if dtype is None else astype(result, dtype)


def _listed(arrays: Any) -> list[Any]:
    return [arrays] if isinstance(arrays, Tensor) and arrays.ndim == 0 else [asarray(a) for a in arrays]


def vstack(tup: Sequence[Any], *, dtype: Any = None) -> Any:
    """Arrays one below the other, vectors as rows.

    >>> vstack([np.ones(2), np.zeros(2)])
    Tensor([[1., 1.],
            [0., 0.]])
    """
    return _cast(concatenate([atleast_2d(a) for a in _listed(tup)], 0), dtype)


def hstack(tup: Sequence[Any], *, dtype: Any = None) -> Any:
    """Arrays side by side: joined along the second axis, vectors along the first.

    >>> hstack([np.ones(2), np.zeros(1)])
    Tensor([1., 1., 0.])
    """
    arrays = [atleast_1d(a) for a in _listed(tup)]
    return _cast(concatenate(arrays, 0 if arrays and arrays[0].ndim == 1 else 1), dtype)


def dstack(tup: Sequence[Any]) -> Any:
    """Arrays joined along a third axis.

    >>> dstack([np.ones(2), np.zeros(2)]).shape
    (1, 2, 2)
    """
    return concatenate([atleast_3d(a) for a in _listed(tup)], 2)


def column_stack(tup: Sequence[Any]) -> Any:
    """Vectors as the columns of a matrix; matrices as they are.

    >>> column_stack([np.ones(2), np.zeros(2)])
    Tensor([[1., 0.],
            [1., 0.]])
    """
    return concatenate([a if a.ndim > 1 else reshape(a, (-1, 1)) for a in _listed(tup)], 1)


def block(arrays: Any) -> Any:
    """Nested lists of blocks as one array: the innermost are joined along the last axis, those around them before it.

    >>> block([[np.ones((1, 2)), np.zeros((1, 1))], [np.full((1, 3), 2.0)]])
    Tensor([[1., 1., 0.],
            [2., 2., 2.]])
    """
    depth = _depth(arrays)
    leaves = list(_blocks(arrays))
    ndim = max([depth, *(leaf.ndim for leaf in leaves)])
    return _joined(arrays, depth, ndim)


def _depth(arrays: Any) -> int:
    if not isinstance(arrays, list):
        return 0
    depths = {_depth(part) for part in arrays}
    if len(depths) != 1:
        raise ShapeError("block: lists are nested equally deep", depths=sorted(depths))
    return depths.pop() + 1


def _blocks(arrays: Any) -> Any:
    if isinstance(arrays, list):
        for part in arrays:
            yield from _blocks(part)
    else:
        yield asarray(arrays)


def _joined(arrays: Any, depth: int, ndim: int) -> Any:
    if depth == 0:
        block_ = asarray(arrays)
        return reshape(block_, (1,) * (ndim - block_.ndim) + block_.shape)
    return concatenate([_joined(part, depth - 1, ndim) for part in arrays], -depth)


def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """`values` behind `arr`, along an axis or flat.

    >>> append(np.ones(2), 3.0)
    Tensor([1., 1., 3.])
    """
    return concatenate([asarray(arr), asarray(values)], axis)


def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """`values` put in before the places `obj`, along an axis or flat.

    >>> insert(np.array([1.0, 2.0]), 1, 9.0)
    Tensor([1., 9., 2.])
    """
    x, values = asarray(arr), asarray(values)
    if axis is None:
        x, axis = ravel(x), 0
    axis = normalize_axis(axis, x.ndim, "insert")
    places = np.arange(x.shape[axis])[obj] if isinstance(obj, slice) else _indices(obj)
    places = np.flatnonzero(places) if places.dtype.kind == "b" and places.ndim == 1 else places
    count = np.size(places)
    if np.ndim(places) == 0:
        values = moveaxis(_as_ndim(values, x.ndim), 0, axis)  # one place takes all values along the axis
        count = values.shape[axis]
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    inserted = broadcast_to(astype(values, x.dtype), shape)
    n = x.shape[axis]
    order = np.insert(np.arange(n), places, n + np.arange(count))
    return take(concatenate([x, inserted], axis), order, axis)


def _as_ndim(values: Any, ndim: int) -> Any:
    return reshape(values, (1,) * (ndim - values.ndim) + values.shape) if values.ndim < ndim else values


def delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    """`arr` without the elements at the places `obj`, along an axis or flat.

    >>> delete(np.array([1.0, 2.0, 3.0]), 1)
    Tensor([1., 3.])
    """
    x = asarray(arr)
    if axis is None:
        x, axis = ravel(x), 0
    axis = normalize_axis(axis, x.ndim, "delete")
    return take(x, np.delete(np.arange(x.shape[axis]), obj if isinstance(obj, slice) else _indices(obj)), axis)


def _indices(obj: Any) -> Any:
    """Places as an array; of none, integers."""
    found = np.asarray(obj)
    return found if found.size or isinstance(obj, np.ndarray) else found.astype(np.intp)


def resize(a: Any, new_shape: int | Sequence[int]) -> Any:
    """The elements of `a` in another shape, repeated from the first on where there are too few.

    >>> resize(np.array([1.0, 2.0]), 3)
    Tensor([1., 2., 1.])
    """
    return resized(asarray(a), new_shape)


@final
class Joiner:
    """What `r_` and `c_` are: indexed with arrays, numbers and slices, it joins them.

    >>> r_[1.0:3.0, np.zeros(2), 5.0]
    Tensor([1., 2., 0., 0., 5.])
    """

    def __init__(self, name: str, axis: int, ndmin: int, trans1d: int) -> None:
        self._name = name
        self._defaults = axis, ndmin, trans1d

    def __repr__(self) -> str:
        return f"pullback.{self._name}"

    def __getitem__(self, key: Any) -> Tensor:
        parts = list(key) if isinstance(key, tuple) else [key]
        axis, ndmin, trans1d = self._defaults
        if parts and isinstance(parts[0], str):
            axis, ndmin, trans1d = self._directive(parts.pop(0), ndmin, trans1d)
        made = [self._part(part, ndmin, trans1d) for part in parts]
        numbers = [a if isinstance(a, (int, float, complex)) else asarray(a).dtype for a in parts if not _is_slice(a)]
        joined: Tensor = concatenate(made, axis)
        return joined if len(numbers) < len(made) else astype(joined, np.result_type(*numbers))

    def _directive(self, text: str, ndmin: int, trans1d: int) -> tuple[int, int, int]:
        try:
            numbers = [int(part) for part in text.split(",")]
            axis, ndmin, trans1d = (*numbers, *(0, ndmin, trans1d)[len(numbers) :])
        except ValueError:
            raise DTypeError(
                f"{self._name}: a directive is up to three integers", got=repr(text), fix='r_["0,2", x, y]'
            ) from None
        return axis, ndmin, trans1d

    def _part(self, part: Any, ndmin: int, trans1d: int) -> Any:
        x = asarray(np.r_[part] if _is_slice(part) else part)
        missing = ndmin - x.ndim
        if missing <= 0 or x.ndim == 0:
            return reshape(x, (1,) * max(missing, 1)) if x.ndim == 0 else x
        first = missing + trans1d + 1 if trans1d < 0 else min(trans1d, missing)
        first = max(first, 0)
        return reshape(x, (1,) * first + x.shape + (1,) * (missing - first))


def _is_slice(part: Any) -> bool:
    return isinstance(part, slice)


r_: Final = Joiner("r_", 0, 1, -1)
c_: Final = Joiner("c_", -1, 2, 0)


explain_keywords(globals())
serve(globals())
