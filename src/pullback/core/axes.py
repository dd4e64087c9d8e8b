"""Axes: counted from the front, checked, and what reducing over them leaves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from pullback.core.arrays import as_operand
from pullback.core.errors import AxisError, DTypeError, ShapeError

Axes: TypeAlias = int | Sequence[int] | None


def normalize_axis(axis: int, ndim: int, name: str) -> int:
    """The axis counted from the front."""
    try:
        index = axis.__index__()
    except AttributeError:
        raise DTypeError(f"{name}: axis must be an integer", got=repr(axis)) from None
    if not -ndim <= index < ndim:
        raise AxisError(
            f"{name}: axis {axis} is out of range", ndim=ndim,
            fix="a 0-d array has no axes" if ndim == 0 else f"give an axis from {-ndim} to {ndim - 1}",
        )  # fmt: skip
    return index % ndim


def normalize_axes(axis: Axes, ndim: int, name: str) -> tuple[int, ...] | None:
    """The axes counted from the front, as a tuple without repeats; None for all."""
    if axis is None:
        return None
    axes = tuple(normalize_axis(a, ndim, name) for a in ((axis,) if isinstance(axis, int) else several(axis)))
    if len(set(axes)) != len(axes):
        raise ShapeError(f"{name}: an axis is given twice", axis=axis)
    return axes


def several(value: Any) -> tuple[Any, ...]:
    """One number, or a sequence or an array of numbers, as a tuple.

    >>> several(2), several([2, 3]), several(np.array([2, 3])), several(np.int64(2))
    ((2,), (2, 3), (2, 3), (2,))
    """
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    return tuple(value) if isinstance(value, Sequence) or getattr(value, "ndim", 0) > 0 else (value,)


def ndim_of(x: Any) -> int:
    """Number of axes of anything array-like."""
    try:
        ndim: int = x.ndim
    except AttributeError:
        return len(shape_of(x))
    return ndim


def shape_of(x: Any) -> tuple[int, ...]:
    """Shape of anything array-like; DTypeError of what is not."""
    shape: tuple[int, ...] | None = getattr(x, "shape", None)
    if shape is None and _has_tensors(x):
        return (len(x), *shape_of(x[0]))
    return as_operand(x, "input").shape if shape is None else shape


def dtype_of(x: Any) -> np.dtype[Any]:
    """The dtype of anything array-like; DTypeError of what is not."""
    dtype: np.dtype[Any] | None = getattr(x, "dtype", None)
    if dtype is None and _has_tensors(x):
        return np.result_type(*map(dtype_of, x))
    return as_operand(x, "input").dtype if dtype is None else dtype


def _has_tensors(x: Any) -> bool:
    """Whether a list holds tensors or arrays, at any depth: NumPy would take the tensors for arrays."""
    return isinstance(x, (list, tuple)) and any(
        _has_tensors(part) if isinstance(part, (list, tuple)) else hasattr(part, "shape") for part in x
    )


def reduced_size(shape: tuple[int, ...], axis: tuple[int, ...] | None) -> int:
    """How many elements each result of a reduction is made of."""
    return math.prod(shape if axis is None else (shape[i] for i in axis))


def kept_shape(shape: tuple[int, ...], axis: tuple[int, ...] | None) -> tuple[int, ...]:
    """The shape after a reduction over `axis` with keepdims."""
    if axis is None:
        return (1,) * len(shape)
    return tuple([1 if i in axis else n for i, n in enumerate(shape)])


def dropped_shape(shape: tuple[int, ...], axis: tuple[int, ...] | None) -> tuple[int, ...]:
    """The shape after a reduction without keepdims."""
    return () if axis is None else tuple(n for i, n in enumerate(shape) if i not in axis)


def broadcast(value: Any, shape: tuple[int, ...]) -> Any:
    """Stretch `value` to `shape`."""
    if value.shape == shape:
        return value
    if isinstance(value, (np.ndarray, np.generic)) and math.prod(shape) < 4096:
        stretched = np.empty(shape, value.dtype)  # where it is small, filling is four times as fast as a view
        stretched[...] = value
        return stretched
    return np.broadcast_to(value, shape)
