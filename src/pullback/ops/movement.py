"""Movement: the same elements in another arrangement. All are linear, and each row's fact is its transpose."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from pullback.batching.rules import axes_behind, batched, in_front, order_behind, width_behind
from pullback.core.arrays import copied
from pullback.core.axes import Axes, dtype_of, ndim_of, normalize_axes, normalize_axis, several, shape_of
from pullback.core.conformity import sum_to
from pullback.core.errors import DTypeError, OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.core.kinds import LinearMap
from pullback.core.primitive import Primitive
from pullback.core.tree import leaves
from pullback.ops.orders import as_in_memory, by_columns

if TYPE_CHECKING:
    from pullback.tensors import Tensor

Shape = int | Sequence[int]


def _slices(cotangent: Any, operands: Sequence[Any], wanted: Sequence[int], axis: int) -> list[Any]:
    """The slices of the cotangent that came from the joined operands."""
    head = (slice(None),) * axis
    stops = [0, *accumulate(x.shape[axis] for x in operands)]
    return [cotangent[(*head, slice(stops[i], stops[i + 1]))] for i in wanted]


def _layers(cotangent: Any, _operands: Sequence[Any], wanted: Sequence[int], axis: int) -> list[Any]:
    """The layers of the cotangent that came from the stacked operands."""
    head = (slice(None),) * axis
    return [cotangent[(*head, i)] for i in wanted]


def _unpad(cotangent: Any, x: Any, width: Sequence[tuple[int, int]], **_: Any) -> Any:
    return cotangent[tuple(slice(before, before + n) for n, (before, _after) in zip(x.shape, width, strict=True))]


reshape_ = LinearMap(
    "reshape", lambda x, shape: x.reshape(shape), lambda ct, x, shape: ct.reshape(x.shape),
    batching=batched("reshape"),
)  # fmt: skip
permute_ = LinearMap(
    "transpose", lambda x, axes: x.transpose(axes),
    lambda ct, x, axes: ct.transpose(tuple(sorted(range(len(axes)), key=axes.__getitem__))),
    batching=in_front(axes=order_behind),
)  # fmt: skip
broadcast_to_ = LinearMap(
    "broadcast_to",
    lambda x, shape: np.broadcast_to(x, shape),
    lambda ct, x, shape: sum_to(ct, x.shape, "broadcast_to"),
    batching=batched("broadcast_to"),
)
concatenate_ = LinearMap(
    "concatenate", lambda *arrays, axis: np.concatenate(arrays, axis=axis), _slices, variadic=True,
    batching=in_front(axis=axes_behind),
)  # fmt: skip
stack_ = LinearMap(
    "stack", lambda *arrays, axis: np.stack(arrays, axis=axis), _layers, variadic=True,
    batching=in_front(axis=axes_behind),
)  # fmt: skip
flip_ = LinearMap(
    "flip", lambda x, axis: np.flip(x, axis), lambda ct, x, axis: np.flip(ct, axis), batching=in_front(axis=axes_behind)
)
roll_ = LinearMap(
    "roll", lambda x, shift, axis: np.roll(x, shift, axis),
    lambda ct, x, shift, axis: np.roll(ct, tuple(-s for s in shift), axis),
    batching=in_front(axis=axes_behind),
)  # fmt: skip
pad_ = LinearMap("pad", lambda x, width, **_: np.pad(x, width), _unpad, batching=in_front(width=width_behind))
tril_ = LinearMap("tril", lambda x, k: np.tril(x, k), lambda ct, x, k: np.tril(ct, k), batching=batched("triangle"))
triu_ = LinearMap("triu", lambda x, k: np.triu(x, k), lambda ct, x, k: np.triu(ct, k), batching=batched("triangle"))
cast_ = LinearMap("astype", lambda x, dtype: x.astype(dtype), lambda ct, x, dtype: ct, batching=in_front())
copy_ = LinearMap("copy", copied, lambda ct, x: ct, batching=in_front())


def reshape(x: Any, shape: Shape, order: str = "C", *, copy: bool | None = None) -> Tensor:
    """The elements of x, in order, in another shape; one length may be -1.

    The order is by rows, "C", or by columns, "F". Whether there is a copy of the numbers does not matter, for nobody
    writes to them.

    >>> reshape(np.arange(6.0), (2, -1))
    Tensor([[0., 1., 2.],
            [3., 4., 5.]])
    """
    lengths = (
        tuple(map(operator.index, shape)) if isinstance(shape, (Sequence, np.ndarray)) else (operator.index(shape),)
    )
    if order == "K":
        raise OptionError("reshape: the order of memory is for ravel", order=order, fix='"C", "F" or "A"')
    if by_columns(order, x):
        return permute_dims(reshape_(permute_dims(x), shape=lengths[::-1]))
    return copy_(reshape_(x, shape=lengths)) if copy else reshape_(x, shape=lengths)


def ravel(x: Any, order: str = "C") -> Tensor:
    """All elements of x in one axis, by rows or, with order="F", by columns.

    With "A" it is by columns where they lie so in memory; with "K" as the elements lie there.

    >>> ravel(np.ones((2, 2))).shape
    (4,)
    """
    if by_columns(order, x):
        x = permute_dims(x)
    return reshape_(permute_dims(x, as_in_memory(x)) if order == "K" else x, shape=(-1,))


def permute_dims(x: Any, axes: Sequence[int] | None = None) -> Tensor:
    """The axes of x in another order, reversed if none is given.

    >>> permute_dims(np.ones((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    ndim = ndim_of(x)
    order = tuple(reversed(range(ndim))) if axes is None else normalize_axes(axes, ndim, "transpose")
    if order is None or len(order) != ndim:
        raise ShapeError("transpose: each axis must be named once", axes=axes, shape=shape_of(x))
    return permute_(x, axes=order)


def transpose(x: Any, axes: Sequence[int] | None = None) -> Tensor:
    """NumPy's name of `permute_dims`.

    >>> transpose(np.ones((2, 3))).shape
    (3, 2)
    """
    return permute_dims(x, axes)


def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """x with two axes exchanged.

    >>> swapaxes(np.ones((2, 3, 4)), 0, -1).shape
    (4, 3, 2)
    """
    order = list(range(ndim_of(x)))
    i, j = (normalize_axis(a, len(order), "swapaxes") for a in (axis1, axis2))
    order[i], order[j] = j, i
    return permute_(x, axes=tuple(order))


def matrix_transpose(x: Any) -> Tensor:
    """x with its last two axes exchanged.

    >>> matrix_transpose(np.ones((5, 2, 3))).shape
    (5, 3, 2)
    """
    if ndim_of(x) < 2:
        raise ShapeError("matrix_transpose: needs at least two axes", shape=shape_of(x))
    return swapaxes(x, -1, -2)


def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """x with axes moved to new places; the others keep their order.

    >>> moveaxis(np.ones((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    ndim = ndim_of(x)
    sources = normalize_axes(source, ndim, "moveaxis") or ()
    destinations = normalize_axes(destination, ndim, "moveaxis") or ()
    if len(sources) != len(destinations):
        raise ShapeError("moveaxis: as many destinations as sources", source=source, destination=destination)
    order = [axis for axis in range(ndim) if axis not in sources]
    for place, axis in sorted(zip(destinations, sources, strict=True)):
        order.insert(place, axis)
    return permute_(x, axes=tuple(order))


def expand_dims(x: Any, axis: int | Sequence[int] = 0) -> Tensor:
    """x with new axes of length 1 at the places `axis` of the result.

    >>> expand_dims(np.ones(3), (0, -1)).shape
    (1, 3, 1)
    """
    shape = list(shape_of(x))
    places = several(axis)
    for place in sorted(normalize_axes(places, len(shape) + len(places), "expand_dims") or ()):
        shape.insert(place, 1)
    return reshape_(x, shape=tuple(shape))


def squeeze(x: Any, axis: Axes = None) -> Tensor:
    """x without its axes of length 1, or without those named.

    >>> squeeze(np.ones((1, 3, 1))).shape
    (3,)
    """
    shape = shape_of(x)
    axes = normalize_axes(axis, len(shape), "squeeze")
    if axes is None:
        axes = tuple(i for i, n in enumerate(shape) if n == 1)
    if any(shape[i] != 1 for i in axes):
        raise ShapeError("squeeze: an axis to drop is longer than 1", shape=shape, axis=axis)
    return reshape_(x, shape=tuple(n for i, n in enumerate(shape) if i not in axes))


def broadcast_to(x: Any, shape: Shape) -> Tensor:
    """x stretched to `shape` by NumPy's broadcasting.

    >>> broadcast_to(np.array([1.0, 2.0]), (2, 2))
    Tensor([[1., 2.],
            [1., 2.]])
    """
    return broadcast_to_(x, shape=tuple(map(int, several(shape))))


def concatenate(arrays: Sequence[Any], axis: int | None = 0, *, dtype: Any = None) -> Tensor:
    """Arrays joined along an axis that they have, as a dtype if one is given; None joins them flat.

    >>> concatenate([np.ones(2), np.zeros(1)])
    Tensor([1., 1., 0.])
    """
    if not len(arrays):
        raise ShapeError("concatenate: needs at least one array")
    if dtype is not None:
        arrays = [astype(array, dtype) for array in arrays]
    if axis is None:
        return concatenate_(*map(ravel, arrays), axis=0)
    return concatenate_(*arrays, axis=normalize_axis(axis, ndim_of(arrays[0]), "concatenate"))


def concat(arrays: Sequence[Any], axis: int | None = 0, *, dtype: Any = None) -> Tensor:
    """The Array API's name of `concatenate`.

    >>> concat([np.ones(2), np.zeros(1)])
    Tensor([1., 1., 0.])
    """
    return concatenate(arrays, axis, dtype=dtype)


def stack(arrays: Sequence[Any], axis: int = 0, *, dtype: Any = None) -> Tensor:
    """Arrays of one shape joined along a new axis, as a dtype if one is given.

    >>> stack([np.ones(2), np.zeros(2)])
    Tensor([[1., 1.],
            [0., 0.]])
    """
    if not len(arrays):
        raise ShapeError("stack: needs at least one array")
    if dtype is not None:
        arrays = [astype(array, dtype) for array in arrays]
    return stack_(*arrays, axis=normalize_axis(axis, ndim_of(arrays[0]) + 1, "stack"))


def tile(x: Any, repetitions: Shape) -> Tensor:
    """x repeated whole along each axis.

    >>> tile(np.array([1.0, 2.0]), 2)
    Tensor([1., 2., 1., 2.])
    """
    counts = several(repetitions)
    shape = shape_of(x)
    ndim = max(len(shape), len(counts))
    shape = (1,) * (ndim - len(shape)) + shape
    counts = (1,) * (ndim - len(counts)) + counts
    pairs = tuple(zip(counts, shape, strict=True))
    spread = broadcast_to_(
        reshape_(x, shape=tuple(n for _, size in pairs for n in (1, size))),
        shape=tuple(n for pair in pairs for n in pair),
    )
    return reshape_(spread, shape=tuple(count * size for count, size in pairs))


def flip(x: Any, axis: Axes = None) -> Tensor:
    """x reversed along the axes, all if None.

    >>> flip(np.array([1.0, 2.0]))
    Tensor([2., 1.])
    """
    ndim = ndim_of(x)
    axes = normalize_axes(axis, ndim, "flip")
    return flip_(x, axis=tuple(range(ndim)) if axes is None else axes)


def roll(x: Any, shift: Shape, axis: Axes = None) -> Tensor:
    """x with elements shifted cyclically along axes; the flat array if None.

    >>> roll(np.array([1.0, 2.0, 3.0]), 1)
    Tensor([3., 1., 2.])
    """
    if axis is None:
        return reshape_(roll(ravel(x), shift, 0), shape=shape_of(x))
    axes = normalize_axes(axis, ndim_of(x), "roll") or ()
    shifts = tuple(map(operator.index, several(shift)))
    shifts = shifts * len(axes) if len(shifts) == 1 else shifts
    return roll_(x, shift=shifts, axis=axes)


def tril(x: Any, k: int = 0) -> Tensor:
    """The lower triangle of the last two axes, zeros above the k-th diagonal.

    >>> tril(np.ones((2, 2)))
    Tensor([[1., 0.],
            [1., 1.]])
    """
    return tril_(x, k=operator.index(k))


def triu(x: Any, k: int = 0) -> Tensor:
    """The upper triangle of the last two axes, zeros below the k-th diagonal.

    >>> triu(np.ones((2, 2)))
    Tensor([[1., 1.],
            [0., 1.]])
    """
    return triu_(x, k=operator.index(k))


def astype(
    x: Any, dtype: Any, order: str = "K", casting: Any = "unsafe", *, copy: bool = True, device: str | None = None
) -> Tensor:  # fmt: skip
    """x in another dtype; a cast to integers or booleans ends the derivative.

    >>> astype(np.array([1.5]), "float32").dtype
    dtype('float32')
    """
    target = np.dtype(dtype)
    if casting != "unsafe" and not np.can_cast(dtype_of(x), target, casting):
        raise DTypeError("astype: this casting does not allow it", x=dtype_of(x), dtype=target, casting=casting)
    by_columns(order, x)
    if device not in (None, "cpu"):
        raise OptionError("astype: unknown device", device=device, fix='device="cpu"')
    if not copy and isinstance(x, Primitive.tensor) and x.dtype == target:
        return x
    return cast_(x, dtype=target)


def gathered(x: Any) -> Any:
    """Nested lists that hold tensors as one tensor, stacked; anything else as it is.

    >>> gathered([1.0, 2.0])
    [1.0, 2.0]
    """
    if not isinstance(x, (list, tuple)) or not any(isinstance(leaf, Primitive.tensor) for leaf in leaves(x)):
        return x
    return stack([gathered(part) for part in x])


explain_keywords(globals(), without=("gathered",))
Primitive.gathered = staticmethod(gathered)
