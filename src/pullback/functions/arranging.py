"""Arrays cut apart, turned and given axes: views of the elements in other places."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from pullback.core.axes import normalize_axis, several
from pullback.core.errors import AxisError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.ops.indexing import diag, split
from pullback.ops.movement import broadcast_to, expand_dims, flip, moveaxis, ravel, reshape, swapaxes
from pullback.tensors.tables import serve


def _each(arrays: tuple[Any, ...], f: Any) -> Any:
    made = tuple(f(asarray(a)) for a in arrays)
    return made[0] if len(made) == 1 else made


def atleast_1d(*arys: Any) -> Any:
    """Arrays with at least one axis.

    >>> atleast_1d(2.0)
    Tensor([2.])
    """
    return _each(arys, lambda x: x if x.ndim else reshape(x, (1,)))


def atleast_3d(*arys: Any) -> Any:
    """Arrays with at least three axes; of a vector the middle one, of a matrix the first two.

    >>> atleast_3d(np.ones(2)).shape
    (1, 2, 1)
    """
    return _each(arys, lambda x: x if x.ndim > 2 else reshape(x, _THREE[x.ndim](*x.shape)))


_THREE: Final = (lambda: (1, 1, 1), lambda n: (1, n, 1), lambda n, m: (n, m, 1))


def array_split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """x cut along an axis into parts that are as equal as can be, or at the given indices.

    >>> [part.shape for part in array_split(np.ones(5), 2)]
    [(3,), (2,)]
    """
    x = asarray(x)
    axis = normalize_axis(axis, x.ndim, "array_split")
    cuts = several(indices_or_sections)
    if not isinstance(indices_or_sections, Sequence) and not np.ndim(indices_or_sections):
        sections = operator.index(indices_or_sections)
        if sections < 1:
            raise ShapeError("array_split: at least one part", sections=sections)
        each, extra = divmod(x.shape[axis], sections)
        cuts = tuple(np.cumsum([each + 1] * extra + [each] * (sections - extra))[:-1].tolist())
    return split(x, [operator.index(i) for i in cuts], axis)


def hsplit(x: Any, indices_or_sections: int | Sequence[int]) -> list[Any]:
    """x cut along its second axis, a vector along its only one.

    >>> [part.shape for part in hsplit(np.ones((2, 4)), 2)]
    [(2, 2), (2, 2)]
    """
    x = _with_axes(x, 1, "hsplit")
    return split(x, indices_or_sections, 1 if x.ndim > 1 else 0)


def vsplit(x: Any, indices_or_sections: int | Sequence[int]) -> list[Any]:
    """x cut along its first axis.

    >>> [part.shape for part in vsplit(np.ones((2, 4)), 2)]
    [(1, 4), (1, 4)]
    """
    return split(_with_axes(x, 2, "vsplit"), indices_or_sections, 0)


def dsplit(x: Any, indices_or_sections: int | Sequence[int]) -> list[Any]:
    """x cut along its third axis.

    >>> [part.shape for part in dsplit(np.ones((2, 1, 4)), 2)]
    [(2, 1, 2), (2, 1, 2)]
    """
    return split(_with_axes(x, 3, "dsplit"), indices_or_sections, 2)


def _with_axes(x: Any, least: int, name: str) -> Any:
    x = asarray(x)
    if x.ndim < least:
        raise AxisError(f"{name}: the array has too few axes", shape=x.shape, least=least)
    return x


def fliplr(x: Any) -> Any:
    """x with the order of its columns reversed.

    >>> fliplr(np.array([[1.0, 2.0]]))
    Tensor([[2., 1.]])
    """
    return flip(_with_axes(x, 2, "fliplr"), 1)


def flipud(x: Any) -> Any:
    """x with the order of its rows reversed.

    >>> flipud(np.array([1.0, 2.0]))
    Tensor([2., 1.])
    """
    return flip(_with_axes(x, 1, "flipud"), 0)


def rot90(x: Any, k: int = 1, axes: Sequence[int] = (0, 1)) -> Any:
    """x turned by k quarters in the plane of two axes, from the first towards the second.

    >>> rot90(np.array([[1.0, 2.0]]))
    Tensor([[2.],
            [1.]])
    """
    x = _with_axes(x, 2, "rot90")
    first, second = (normalize_axis(a, x.ndim, "rot90") for a in axes)
    if first == second:
        raise ShapeError("rot90: a plane has two axes", axes=axes)
    quarters = operator.index(k) % 4
    if quarters == 0:
        return x
    if quarters == 2:
        return flip(x, (first, second))
    if quarters == 1:
        return swapaxes(flip(x, second), first, second)
    return flip(swapaxes(x, first, second), second)


def rollaxis(x: Any, axis: int, start: int = 0) -> Any:
    """x with an axis moved before the axis `start`; `moveaxis` is easier to read.

    >>> rollaxis(np.ones((2, 3, 4)), 2).shape
    (4, 2, 3)
    """
    x = asarray(x)
    axis = normalize_axis(axis, x.ndim, "rollaxis")
    start = x.ndim if operator.index(start) == x.ndim else normalize_axis(start, x.ndim, "rollaxis")
    return moveaxis(x, axis, start - 1 if axis < start else start)


def diagflat(v: Any, k: int = 0) -> Any:
    """The matrix with the elements of v, flat, on its k-th diagonal.

    >>> diagflat([1.0, 2.0])
    Tensor([[1., 0.],
            [0., 2.]])
    """
    return diag(ravel(asarray(v)), k)


def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Any, ...]:  # noqa: ARG001 (NumPy's)
    """Vectors of coordinates as arrays over their grid; the first two axes are exchanged for "xy".

    >>> [a.shape for a in meshgrid(np.ones(2), np.ones(3))]
    [(3, 2), (3, 2)]
    """
    if indexing not in ("xy", "ij"):
        raise ShapeError("meshgrid: unknown indexing", indexing=indexing, fix='"xy" or "ij"')
    count = len(xi)
    order = [1, 0, *range(2, count)] if indexing == "xy" and count > 1 else list(range(count))
    grids = []
    for place, x in zip(order, xi, strict=True):
        x = ravel(asarray(x))
        grids.append(reshape(x, (1,) * place + x.shape + (1,) * (count - place - 1)))
    if sparse:
        return tuple(grids)
    shape = np.broadcast_shapes(*(g.shape for g in grids)) if grids else ()
    return tuple(broadcast_to(g, shape) for g in grids)


def expand_like(x: Any, ndim: int, axis: int) -> Any:
    """A vector as an array of `ndim` axes that has it along one of them."""
    return expand_dims(x, tuple(i for i in range(ndim) if i != axis))


explain_keywords(globals(), without=("expand_like",))
serve(globals())
