"""NumPy's functions that write to their first argument: the tensor takes the new numbers, and the graph stays right."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.axes import normalize_axis
from pullback.core.errors import DTypeError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.ops import elementwise as ew
from pullback.ops.discrete import find
from pullback.ops.indexing import setitem
from pullback.ops.movement import astype, ravel, reshape
from pullback.ops.selecting import resized, with_flat
from pullback.tensors import Tensor
from pullback.tensors.tables import serve


def _target(a: Any, name: str) -> Tensor:
    if not isinstance(a, Tensor):
        raise DTypeError(f"{name}: writes to a tensor", got=type(a).__name__, fix=f"np.{name}, or pb.tensor(a) first")
    return a


def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    """Set the elements of the flat array at `ind` to `v`, repeated as often as is needed.

    >>> t = asarray([0.0, 0.0, 0.0]); put(t, [0, 2], 5.0); t
    Tensor([5., 0., 5.])
    """
    _target(a, "put").put(ind, v, mode)


def place(arr: Any, mask: Any, vals: Any) -> None:
    """Set the elements whose mask holds to the numbers of `vals`, one after the other, from the first on again.

    >>> t = asarray([0.0, 0.0, 0.0]); place(t, [True, False, True], [5.0, 6.0]); t
    Tensor([5., 0., 6.])
    """
    a = _target(arr, "place")
    chosen = asarray(mask)
    if chosen.size != a.size:
        raise ShapeError("place: the mask has as many elements as the array", arr=a.shape, mask=chosen.shape)
    places = find(np.flatnonzero, chosen)
    if places.size and not asarray(vals).size:
        raise ShapeError("place: there are no numbers to put")
    a.become(with_flat(a, places, vals))


def putmask(a: Any, mask: Any, values: Any) -> None:
    """Set the elements whose mask holds to those of `values` at the same places, repeated to the size of the array.

    >>> t = asarray([0.0, 0.0]); putmask(t, [True, False], [5.0, 6.0]); t
    Tensor([5., 0.])
    """
    a = _target(a, "putmask")
    a.become(ew.where(reshape(asarray(mask), a.shape), astype(resized(values, a.shape), a.dtype), a))


def copyto(dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    """Set `dst` to `src`, broadcast, `where` that holds.

    >>> t = asarray([0.0, 0.0]); copyto(t, 5.0, where=[True, False]); t
    Tensor([5., 0.])
    """
    a, source = _target(dst, "copyto"), asarray(src)
    if not (isinstance(src, (int, float)) or np.can_cast(source.dtype, a.dtype, casting)):
        raise DTypeError("copyto: the numbers do not become the dtype of the target", dst=a.dtype, src=source.dtype)
    found = ew.where(where, astype(source, a.dtype), a)
    if found.shape != a.shape:
        raise ShapeError("copyto: the source does not fit", dst=a.shape, src=source.shape)
    a.become(found)


def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """Set the diagonal to `val`, repeated as often as is needed.

    >>> t = asarray(np.zeros((2, 2))); fill_diagonal(t, 5.0); t
    Tensor([[5., 0.],
            [0., 5.]])
    """
    a = _target(a, "fill_diagonal")
    if a.ndim < 2:
        raise ShapeError("fill_diagonal: at least two axes", shape=a.shape)
    if a.ndim > 2 and len(set(a.shape)) > 1:
        raise ShapeError("fill_diagonal: of more than two axes all are of one length", shape=a.shape)
    if a.ndim == 2:
        step = a.shape[1] + 1
        end = None if wrap else a.shape[1] * a.shape[1]
    else:
        step, end = 1 + int(np.cumprod(a.shape[:-1]).sum()), None
    a.become(with_flat(a, np.arange(a.size)[:end:step], val))


def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> None:
    """Set the elements that `take_along_axis` reads.

    >>> t = asarray([[0.0, 0.0]]); put_along_axis(t, [[1]], 5.0, axis=1); t
    Tensor([[0., 5.]])
    """
    a, where = _target(arr, "put_along_axis"), asarray(indices)
    if axis is None:
        a.become(reshape(setitem(ravel(a), where, astype(values, a.dtype)), a.shape))
        return
    axis = normalize_axis(axis, a.ndim, "put_along_axis")
    if where.ndim != a.ndim:
        raise ShapeError("put_along_axis: the indices have the axes of the array", arr=a.shape, indices=where.shape)
    grid: list[Any] = list(np.ogrid[tuple(slice(n) for n in a.shape)])
    grid[axis] = where
    a.become(setitem(a, tuple(grid), astype(values, a.dtype)))


explain_keywords(globals())
serve(globals())
