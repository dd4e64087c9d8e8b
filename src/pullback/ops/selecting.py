"""Elements selected by numbers and by conditions, and elements of the flat array set."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.axes import dtype_of, ndim_of, normalize_axis, shape_of
from pullback.core.errors import OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.ops.discrete import answer, by_element
from pullback.ops.indexing import getitem, setitem, take
from pullback.ops.movement import astype, broadcast_to, ravel, reshape, stack
from pullback.ops.ordering import nonzero


def choose(a: Any, choices: Any, mode: str = "raise") -> Any:
    """At each place the element of that one of `choices` whose number stands there in `a`.

    >>> choose(np.array([1, 0]), [np.zeros(2), np.ones(2)])
    Tensor([1., 0.])
    """
    parts = list(choices)
    number = answer(_checked, a, count=len(parts), mode=mode)
    shape = np.broadcast_shapes(shape_of(a), *map(shape_of, parts))
    dtype = np.result_type(*map(dtype_of, parts))
    layers = stack([broadcast_to(astype(part, dtype), shape) for part in parts])
    return getitem(layers, (broadcast_to(number, shape), *np.ogrid[tuple(slice(n) for n in shape)]))


@by_element
def _checked(index: Any, *, count: int, mode: str) -> Any:
    if index.dtype.kind not in "iub":
        raise OptionError("choose: the numbers of the choices are integers", got=index.dtype, fix="a.astype(int)")
    return np.choose(index, np.arange(count), mode=mode)  # type: ignore[call-overload]  # the mode is checked there


def compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    """The elements, or slices along an axis, whose condition holds.

    >>> compress([True, False, True], np.array([1.0, 2.0, 3.0]))
    Tensor([1., 3.])
    """
    if ndim_of(condition) != 1:
        raise ShapeError("compress: the condition is a vector", shape=shape_of(condition))
    if axis is None:
        a, axis = ravel(a), 0
    return take(a, nonzero(condition)[0], normalize_axis(axis, ndim_of(a), "compress"))


def resized(a: Any, new_shape: Any) -> Any:
    """The elements of a in another shape, repeated from the first on where there are too few.

    >>> resized(np.array([1.0, 2.0]), 3)
    Tensor([1., 2., 1.])
    """
    x = ravel(a)
    shape: tuple[int, ...] = tuple(map(int, np.atleast_1d(new_shape)))
    if x.size == 0:
        return astype(broadcast_to(np.zeros(()), shape), x.dtype)
    return reshape(take(x, np.arange(int(np.prod(shape))) % x.size), shape)


def with_flat(a: Any, places: Any, values: Any) -> Any:
    """The array a with elements of the flat array set to values, repeated as often as is needed.

    >>> with_flat(np.zeros(3), [0, 2], 5.0)
    Tensor([5., 0., 5.])
    """
    count = shape_of(places)[0]
    if count == 0:
        return reshape(a, shape_of(a))
    return reshape(setitem(ravel(a), places, astype(resized(values, count), dtype_of(a))), shape_of(a))


def places_of(index: Any, size: int, mode: str = "raise") -> Any:
    """Places in the flat array, counted from the front; what is out of range is an error, wraps or is clipped.

    >>> places_of(np.array([-1, 4]), 3, "wrap")
    Tensor([2, 1])
    """
    return answer(_places, ravel(index), size=size, mode=mode)


@by_element
def _places(index: Any, *, size: int, mode: str) -> Any:
    return np.arange(size).take(index, mode=mode)  # type: ignore[call-overload]  # the mode is checked there


explain_keywords(globals(), without=("resized", "with_flat", "places_of"))
