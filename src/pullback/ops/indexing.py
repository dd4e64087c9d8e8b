"""Indexing by all that NumPy takes, and its transpose: adding into zeros at the same places.

An index is split into what is static (slices, integers, None, Ellipsis), kept as a parameter, and its arrays, which are
operands, so that a recorded program sees them change.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pullback.batching.rules import batched
from pullback.core.arrays import copied
from pullback.core.axes import ndim_of, normalize_axis, several, shape_of
from pullback.core.errors import AxisError, DTypeError, OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.core.kinds import LinearMap
from pullback.core.precision import in_single
from pullback.core.primitive import Primitive
from pullback.ops import elementwise as ew
from pullback.ops.movement import broadcast_to, expand_dims, moveaxis, ravel, reshape
from pullback.ops.places import ARRAY, filled

if TYPE_CHECKING:
    from pullback.tensors import Tensor


def _get(x: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    return x[filled(index, arrays)]


def _add_into(values: Any, *arrays: Any, index: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """Zeros of `shape`, with `values` added at `index`; where the index repeats, all are added."""
    target = np.zeros_like(values, shape=shape, order="C")
    place = filled(index, arrays)
    if any(a.dtype.kind != "b" for a in arrays):
        np.add.at(target, place, values)
    else:
        target[place] = values  # slices and masks name each element once
    return target


def _put(x: Any, values: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    result = copied(x)
    result[filled(index, arrays)] = values
    return result


def _put_x(cotangent: Any, _x: Any, _values: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    return put_.bind(cotangent, 0, *arrays, index=index)


def _put_values(cotangent: Any, x: Any, _values: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    taken = get_.bind(cotangent, *arrays, index=index)
    if any(a.dtype.kind != "b" for a in arrays):
        # Where the index repeats, the last value stays: only its writer takes the cotangent.
        order = np.arange(taken.size).reshape(taken.shape)
        writer = put_.bind(np.zeros(x.shape, np.intp), order, *arrays, index=index)
        taken = np.where(get_.bind(writer, *arrays, index=index) == order, taken, 0)
    return taken


get_: LinearMap = LinearMap(
    "getitem",
    _get,
    lambda ct, x, *arrays, index: add_into_.bind(ct, *arrays, index=index, shape=x.shape),
    None,
    batching=batched("get"),
)
add_into_: LinearMap = LinearMap(
    "add_into", in_single(_add_into),
    lambda ct, values, *arrays, index, shape: get_.bind(ct, *arrays, index=index), None,
    batching=batched("add_into"), doc="Zeros with values added at an index: the transpose of indexing.",
)  # fmt: skip
put_: LinearMap = LinearMap(
    "setitem",
    _put,
    _put_x,
    _put_values,
    None,
    batching=batched("put"),
    doc="A copy of x with the values assigned at an index.",
)


def _parts(index: Any) -> tuple[tuple[Any, ...], list[Any]]:
    """The static template of an index, and its arrays."""
    template: list[Any] = []
    arrays: list[Any] = []
    for part in index if isinstance(index, tuple) else (index,):
        if part is None or part is Ellipsis or isinstance(part, slice):
            template.append(_static_slice(part) if isinstance(part, slice) else part)
        elif isinstance(part, (int, np.integer)) and not isinstance(part, (bool, np.bool_)):
            template.append(int(part))
        else:
            array = part if isinstance(part, Primitive.tensor) else np.asarray(part)
            if array.dtype.kind == "f" and array.size == 0:
                array = array.astype(np.intp)  # an empty list is an empty index
            if array.dtype.kind not in "iub":
                raise DTypeError(
                    "getitem: an index must be integers or booleans", got=array.dtype, fix="x[index.astype(int)]"
                )
            template.append(ARRAY)
            arrays.append(array)
    return tuple(template), arrays


def _static_slice(part: slice) -> slice:
    def plain(n: Any) -> Any:
        return n if n is None else operator.index(n)

    return slice(plain(part.start), plain(part.stop), plain(part.step))


def getitem(x: Any, index: Any) -> Tensor:
    """x[index], by slices, integers, `...`, None, boolean masks and integer arrays, as NumPy.

    >>> import pullback as pb
    >>> pb.tensor([[1.0, 2.0], [3.0, 4.0]])[:, [0, 0]]
    Tensor([[1., 1.],
            [3., 3.]])
    """
    template, arrays = _parts(index)
    return get_(x, *arrays, index=template)


def setitem(x: Any, index: Any, values: Any) -> Tensor:
    """A copy of x with `values` assigned at `index`.

    >>> setitem(np.zeros(3), 1, 5.0)
    Tensor([0., 5., 0.])
    """
    template, arrays = _parts(index)
    return put_(x, values, *arrays, index=template)


def take(x: Any, indices: Any, axis: int | None = None, *, mode: str = "raise") -> Tensor:
    """Elements of x along an axis, or of the flat array, at integer indices.

    Indices beyond the axis are an error; `mode="wrap"` counts them from its beginning again, "clip" takes the ends.

    >>> take(np.array([1.0, 2.0, 3.0]), [0, 0, 2])
    Tensor([1., 1., 3.])
    """
    if axis is None:
        x, axis = ravel(x), 0
    axis = normalize_axis(axis, ndim_of(x), "take")
    last = shape_of(x)[axis] - 1
    if mode == "wrap":
        indices = ew.mod(indices, last + 1)
    elif mode == "clip":
        indices = ew.clip(indices, 0, last)
    elif mode != "raise":
        raise OptionError("take: an unknown mode", got=mode, fix="raise, wrap or clip")
    return getitem(x, (slice(None),) * axis + (indices,))


def take_along_axis(x: Any, indices: Any, axis: int | None = -1) -> Tensor:
    """Elements of x along an axis at indices that match it on the other axes (as `argmax(keepdims=True)` gives).

    >>> take_along_axis(np.array([[1.0, 5.0], [7.0, 2.0]]), np.array([[1], [0]]), axis=1)
    Tensor([[5.],
            [7.]])
    """
    if axis is None:
        x, axis = ravel(x), 0
    ndim = ndim_of(x)
    axis = normalize_axis(axis, ndim, "take_along_axis")
    if ndim_of(indices) != ndim:
        raise ShapeError(
            "take_along_axis: the indices must have the axes of x", x=shape_of(x), indices=shape_of(indices)
        )
    grid: list[Any] = list(np.ogrid[tuple(slice(n) for n in shape_of(x))])
    grid[axis] = indices
    return getitem(x, tuple(grid))


def split(x: Any, sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """x cut along an axis into equal parts, or at the given indices.

    >>> [part.shape for part in split(np.ones(6), 3)]
    [(2,), (2,), (2,)]
    """
    axis = normalize_axis(axis, ndim_of(x), "split")
    length = shape_of(x)[axis]
    given = several(sections)
    if isinstance(sections, Sequence) or np.ndim(sections):
        cuts = [0, *given, length]
    elif (count := given[0]) < 1 or length % count:
        raise ShapeError("split: the axis does not divide equally", length=length, sections=sections)
    else:
        cuts = list(range(0, length + 1, length // count)) if length else [0] * (count + 1)
    head = (slice(None),) * axis
    return [getitem(x, (*head, slice(a, b))) for a, b in pairwise(cuts)]


def repeat(x: Any, repeats: int | Sequence[int], axis: int | None = None) -> Tensor:
    """Each element of x repeated along an axis, or of the flat array.

    >>> repeat(np.array([1.0, 2.0]), 2)
    Tensor([1., 1., 2., 2.])
    """
    if axis is None:
        x, axis = ravel(x), 0
    axis = normalize_axis(axis, ndim_of(x), "repeat")
    try:
        index = np.repeat(np.arange(shape_of(x)[axis]), repeats)
    except ValueError as error:
        raise ShapeError(f"repeat: {error}", shape=shape_of(x), repeats=repeats, axis=axis) from None
    return getitem(x, (slice(None),) * axis + (index,))


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The elements x[i, i + offset] of two axes, as a new last axis.

    >>> diagonal(np.array([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([1., 4.])
    """
    if ndim_of(x) < 2:
        raise AxisError("diagonal: needs at least two axes", shape=shape_of(x))
    last = ndim_of(x) == 2 and type(axis1) is type(axis2) is int and (axis1, axis2) == (0, 1)
    moved = x if last else moveaxis(x, (axis1, axis2), (-2, -1))
    rows, columns = shape_of(moved)[-2:]
    down, right = max(-offset, 0), max(offset, 0)
    count = max(0, min(rows - down, columns - right))
    places = np.arange(down, down + count), np.arange(right, right + count)
    return get_(moved, *places, index=(ARRAY, ARRAY) if last else (Ellipsis, ARRAY, ARRAY))


def diag(x: Any, k: int = 0) -> Tensor:
    """The k-th diagonal of a matrix; of a vector, the matrix that has it there.

    >>> diag(np.array([1.0, 2.0]))
    Tensor([[1., 0.],
            [0., 2.]])
    """
    shape = shape_of(x)
    if len(shape) == 2:
        return diagonal(x, k)
    if len(shape) != 1:
        raise ShapeError("diag: needs a vector or a matrix", shape=shape)
    n = shape[0] + abs(k)
    place = np.arange(shape[0])
    return add_into_(x, place + max(-k, 0), place + max(k, 0), index=(ARRAY, ARRAY), shape=(n, n))


def broadcast_arrays(*arrays: Any) -> tuple[Any, ...]:
    """Arrays stretched to their common shape.

    >>> [a.shape for a in broadcast_arrays(np.ones(3), np.ones((2, 1)))]
    [(2, 3), (2, 3)]
    """
    shape = np.broadcast_shapes(*map(shape_of, arrays))
    return tuple(broadcast_to(a, shape) for a in arrays)


def atleast_2d(*arys: Any) -> Any:
    """Arrays with at least two axes, new ones in front.

    >>> atleast_2d(np.ones(3)).shape
    (1, 3)
    """
    found = [expand_dims(x, tuple(range(2 - ndim_of(x)))) if ndim_of(x) < 2 else reshape(x, shape_of(x)) for x in arys]
    return found[0] if len(found) == 1 else tuple(found)


explain_keywords(globals(), without=("getitem", "setitem"))
