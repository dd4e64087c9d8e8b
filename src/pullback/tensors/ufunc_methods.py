"""The methods of NumPy's ufuncs (`np.add.reduce`, `np.multiply.outer`) on tensors, each made of calls of the operation.

Where there is a reduction of our own it serves; all others go from element to element, as NumPy's do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce as fold
from itertools import accumulate as running
from typing import Any, Final

import numpy as np

from pullback.core.axes import dropped_shape, kept_shape, ndim_of, normalize_axes, normalize_axis, shape_of
from pullback.core.errors import OptionError, ShapeError
from pullback.core.primitive import Primitive
from pullback.ops import cumulative, reductions
from pullback.ops import elementwise as ew
from pullback.ops.indexing import getitem, setitem
from pullback.ops.movement import astype, broadcast_to, concatenate, expand_dims, moveaxis, ravel, reshape, stack

Operation = Callable[..., Any]

_REDUCES: Final[dict[np.ufunc, Operation]] = {
    np.add: reductions.sum, np.multiply: reductions.prod, np.maximum: reductions.max, np.minimum: reductions.min,
    np.logical_and: reductions.all, np.logical_or: reductions.any, np.logaddexp: reductions.logsumexp,
}  # fmt: skip
_ACCUMULATES: Final[dict[np.ufunc, Operation]] = {np.add: reductions.cumsum, np.multiply: cumulative.cumprod}


def reduce(
    ufunc: np.ufunc, op: Operation, x: Any, axis: Any = 0, *, dtype: Any = None, keepdims: bool = False,
    initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    """The operation between all elements over `axis`, one after the other."""
    own = _REDUCES.get(ufunc)
    options = {"initial": initial} if initial is not None else {}
    options |= {"where": where} if where is not True else {}
    options |= {"dtype": dtype} if dtype is not None and own in (reductions.sum, reductions.prod) else {}
    if own in (reductions.all, reductions.any, reductions.logsumexp) and initial is not None and where is True:
        return op(own(x, axis, keepdims), initial)
    if own is not None and not (options and own is reductions.logsumexp):
        if dtype is not None and "dtype" not in options:
            x = astype(x, dtype)
        return own(x, axis, keepdims, **options)
    x = x if dtype is None else astype(x, dtype)
    axes = normalize_axes(axis, ndim_of(x), ufunc.__name__)
    axes = tuple(range(ndim_of(x))) if axes is None else axes
    start = initial
    if start is None and (where is not True or 0 in [shape_of(x)[i] for i in axes]):
        start = ufunc.identity
        if start is None:
            raise OptionError(f"{ufunc.__name__}.reduce: of nothing it needs an initial number", fix="initial=")
    rows = _rows(x, axes)
    if where is not True:
        pairs = zip(rows, _rows(broadcast_to(where, shape_of(x)), axes), strict=True)
        found = fold(lambda total, pair: ew.where(pair[1], op(total, pair[0]), total), pairs, start)
    else:
        found = fold(op, rows) if start is None else fold(op, rows, start)
    found = broadcast_to(found, dropped_shape(shape_of(x), axes))
    return reshape(found, kept_shape(shape_of(x), axes)) if keepdims else found


def _rows(x: Any, axes: tuple[int, ...]) -> list[Any]:
    """The parts of an array that a reduction puts together."""
    moved = moveaxis(x, axes, tuple(range(len(axes))))
    flat = reshape(moved, (int(np.prod(shape_of(moved)[: len(axes)])), *shape_of(moved)[len(axes) :]))
    return [getitem(flat, i) for i in range(shape_of(flat)[0])]


def accumulate(ufunc: np.ufunc, op: Operation, x: Any, axis: int = 0, *, dtype: Any = None) -> Any:
    """What the operation has given after each element along an axis."""
    x = x if dtype is None else astype(x, dtype)
    axis = normalize_axis(axis, ndim_of(x), ufunc.__name__)
    if ufunc in _ACCUMULATES:
        return _ACCUMULATES[ufunc](x, axis)
    rows = [getitem(x, (slice(None),) * axis + (i,)) for i in range(shape_of(x)[axis])]
    return stack(list(running(rows, op)), axis) if rows else op(x, x)


def outer(_ufunc: np.ufunc, op: Operation, a: Any, b: Any, *, dtype: Any = None) -> Any:
    """The operation between each element of a and each of b."""
    ndim = ndim_of(b)
    a = expand_dims(a, tuple(range(ndim_of(a), ndim_of(a) + ndim))) if ndim else a
    found = op(a, b)
    return found if dtype is None else astype(found, dtype)


def reduceat(ufunc: np.ufunc, op: Operation, x: Any, indices: Any, axis: int = 0, *, dtype: Any = None) -> Any:
    """The reductions of x from each index to the next, the last to the end; or the element alone."""
    x = x if dtype is None else astype(x, dtype)
    axis = normalize_axis(axis, ndim_of(x), ufunc.__name__)
    places = [int(i) for i in np.asarray(indices)]
    n = shape_of(x)[axis]
    if any(not 0 <= i < n for i in places):
        raise ShapeError(f"{ufunc.__name__}.reduceat: an index is out of range", indices=places, length=n)
    head = (slice(None),) * axis
    parts = []
    for start, stop in zip(places, [*places[1:], n], strict=True):
        piece = getitem(x, (*head, slice(start, max(stop, start + 1))))
        parts.append(reduce(ufunc, op, piece, axis, keepdims=True))
    return concatenate(parts, axis)


def at(_ufunc: np.ufunc, op: Operation, x: Any, index: Any, *operand: Any) -> Any:
    """x with the operation applied at an index; where the index repeats, once for each time."""
    places = np.arange(int(np.prod(shape_of(x)))).reshape(shape_of(x))[_plain(index)]
    flat = ravel(x)
    values = [ravel(broadcast_to(v, places.shape)) for v in operand]
    for turn in _turns(places.ravel()):
        where = places.ravel()[turn]
        found = op(getitem(flat, where), *(getitem(v, turn) for v in values))
        flat = setitem(flat, where, astype(found, x.dtype))
    return reshape(flat, shape_of(x))


def _plain(index: Any) -> Any:
    parts = index if isinstance(index, tuple) else (index,)
    found = tuple(np.asarray(p) if isinstance(p, Primitive.tensor) else p for p in parts)
    return found if isinstance(index, tuple) else found[0]


def _turns(places: Any) -> list[Any]:
    """The numbers of the places, in turns in which none comes twice."""
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    first = np.searchsorted(ordered, ordered)
    turn = np.empty(len(places), int)
    turn[order] = np.arange(len(places)) - first
    return [np.flatnonzero(turn == i) for i in range(turn.max(initial=-1) + 1)]


METHODS: Final[dict[str, Operation]] = {
    "reduce": reduce, "accumulate": accumulate, "outer": outer, "reduceat": reduceat,
}  # fmt: skip
