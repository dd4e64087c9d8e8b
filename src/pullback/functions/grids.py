"""Evenly spaced numbers, and the indices of arrays."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from pullback.core.axes import normalize_axis, several
from pullback.core.errors import OptionError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray, linspace
from pullback.ops import elementwise as ew
from pullback.ops.discrete import answer, by_element
from pullback.ops.movement import astype, concatenate, expand_dims, moveaxis
from pullback.tensors.tables import serve


def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Any:
    """Powers of `base`, whose exponents are evenly spaced from `start` to `stop`.

    >>> logspace(0.0, 2.0, 3)
    Tensor([  1.,  10., 100.])
    """
    if np.ndim(base):  # each base has powers of its own
        ndim = max(np.ndim(start), np.ndim(stop), np.ndim(base))
        start, stop, base = (asarray(v)[(None,) * (ndim - np.ndim(v))] for v in (start, stop, base))
        base = expand_dims(base, axis)
    found = ew.power(base, linspace(start, stop, num, endpoint=endpoint, axis=axis))
    return found if dtype is None else astype(found, dtype)


def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:  # fmt: skip
    """Numbers from `start` to `stop`, each the same multiple of the one before it; real ones are both of one sign.

    Raises OptionError if one of them is 0.

    >>> geomspace(1.0, 100.0, 3)
    Tensor([  1.,  10., 100.])
    """
    num, axis = operator.index(num), operator.index(axis)
    first, last = (asarray(v) for v in (start, stop))
    dtypes = [v.dtype if v.dtype.kind in "fc" else np.dtype(float) for v in (first, last)]
    first, last = (astype(v, np.result_type(*dtypes)) for v in (first, last))
    if any(isinstance(v.array, (np.ndarray, np.generic)) and not v.array.all() for v in (first, last)):
        raise OptionError("geomspace: no multiple of 0 leads anywhere", start=start, stop=stop)
    ratio = ew.log10(last / first)
    places = linspace(0.0 * ratio, ratio, num, endpoint=endpoint)
    found = first * ew.power(10.0, places)
    if num > 1 and endpoint:  # the ends as they are given
        found = concatenate([found[:-1], (last + 0 * found[-1])[None]])
    found = moveaxis(found, 0, normalize_axis(axis, found.ndim, "geomspace")) if axis else found
    return found if dtype is None else astype(found, dtype)


def indices(dimensions: Sequence[int], dtype: Any = int, sparse: bool = False) -> Any:
    """The indices of an array of a shape, an array for each axis.

    >>> indices((2, 2))[0]
    Tensor([[0, 0],
            [1, 1]])
    """
    make: Any = np.indices
    found = make(tuple(map(operator.index, dimensions)), dtype, sparse)
    return tuple(map(asarray, found)) if sparse else asarray(found)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = float) -> Any:
    """Ones on and below the k-th diagonal, zeros above.

    >>> tri(2)
    Tensor([[1., 0.],
            [1., 1.]])
    """
    return asarray(np.tri(operator.index(N), None if M is None else operator.index(M), operator.index(k), dtype))


def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Any:
    """Indices, an array for each axis, as places in the flat array.

    >>> ravel_multi_index(([0, 1], [1, 1]), (2, 3))
    Tensor([1, 4])
    """
    return answer(
        _flat, *(asarray(i) for i in multi_index), dims=tuple(map(operator.index, dims)), mode=mode, order=order
    )


@by_element
def _flat(*index: Any, dims: Any, mode: Any, order: str) -> Any:
    return np.ravel_multi_index(index, dims, mode, order)  # type: ignore[call-overload]  # the order is checked there


def unravel_index(indices: Any, shape: Any, order: str = "C") -> tuple[Any, ...]:
    """Places in the flat array as indices, an array for each axis.

    >>> unravel_index([1, 4], (2, 3))
    (Tensor([0, 1]), Tensor([1, 1]))
    """
    dims = tuple(map(operator.index, several(shape)))
    return tuple(answer(np.unravel_index, asarray(indices), shape=dims, order=order))


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape to which arrays of these shapes broadcast.

    >>> broadcast_shapes((2, 1), (3,))
    (2, 3)
    """
    return np.broadcast_shapes(*shapes)


explain_keywords(globals())
serve(globals())
