"""Kernels of reductions and their weights ∂y/∂x, where they take more than a line of a row."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from pullback.core.axes import broadcast, dropped_shape, dtype_of, kept_shape, reduced_size, shape_of
from pullback.core.precision import single
from pullback.ops import elementwise as ew
from pullback.ops.movement import astype, broadcast_to

_NUMPYS: Final = (np.ndarray, np.generic)
_maximum: Final[Any] = np.maximum.reduce
_minimum: Final[Any] = np.minimum.reduce


def chosen(x: Any, where: Any, *, other: Any) -> Any:
    """x where it counts, and elsewhere a number that changes nothing."""
    return ew.where(broadcast_to(where, shape_of(x)), x, other)


def real_of(dtype: Any) -> Any:
    """The dtype of the absolute values."""
    return np.finfo(dtype).dtype if dtype.kind in "fc" else np.dtype(float)


def careful(x: Any, asked: Any, absolute: bool = False) -> tuple[Any, Any]:
    """X in which sums are taken, of halves in single precision; and the dtype of what is made of them."""
    dtype = dtype_of(x)
    made = real_of(dtype) if absolute or dtype.kind not in "fc" else dtype
    return astype(x, np.float32) if dtype.char == "e" else x, made if asked is None else asked


def spread(cotangent: Any, x: Any, axis: tuple[int, ...] | None, **_: Any) -> Any:
    """The transpose of a sum: the cotangent, repeated along the summed axes."""
    return broadcast(cotangent.reshape(kept_shape(x.shape, axis)), x.shape)


def mean(x: Any, axis: Any, keepdims: Any) -> Any:
    """Σ x / n, as NumPy rounds it."""
    if (
        x.dtype.char not in "fdFD"
    ):  # np.mean takes four times as long on small arrays; it is needed for the other dtypes
        if x.dtype.kind not in "iub":
            return np.mean(x, axis=axis, keepdims=keepdims)
        x = x.astype(np.float64)
    return np.add.reduce(x, axis=axis, keepdims=keepdims) / reduced_size(x.shape, axis)


def spread_mean(cotangent: Any, x: Any, axis: tuple[int, ...] | None, **_: Any) -> Any:
    """The transpose of a mean."""
    return spread(single(cotangent) / (reduced_size(x.shape, axis) or 1), x, axis)


def deviation(x: Any, axis: tuple[int, ...] | None) -> Any:
    """How far the elements are from their mean."""
    return x - np.add.reduce(x, axis=axis, keepdims=True) / reduced_size(x.shape, axis)


def ties(x: Any, y: Any, axis: tuple[int, ...] | None) -> Any:
    """Equal shares for all elements that equal the extremum; for all that are NaN, if there are any."""
    mask = ((x == y) | (x != x)).astype(x.dtype)
    return mask / np.add.reduce(mask, axis=axis, keepdims=True)


def prod_others(x: Any, axis: tuple[int, ...] | None) -> Any:
    """For each element the product of the others, by products alone: right at zeros, in any order."""
    if not x.size:
        return x
    axes = tuple(range(x.ndim)) if axis is None else axis
    rest = tuple(i for i in range(x.ndim) if i not in axes)
    moved = np.transpose(x, rest + axes)
    flat = moved.reshape((*(x.shape[i] for i in rest), reduced_size(x.shape, axes)))
    others = (prod_before(flat) * prod_before(flat[..., ::-1])[..., ::-1]).reshape(moved.shape)
    return np.transpose(others, tuple(int(i) for i in np.argsort(rest + axes)))


def prod_before(x: Any) -> Any:
    """The product of all earlier elements along the last axis, in log n steps (Hillis & Steele 1986)."""
    ones = np.ones_like(x, shape=(*x.shape[:-1], 1))
    scan = np.concatenate([ones, x[..., :-1]], axis=-1)
    step = 1
    while step < x.shape[-1]:
        shifted = np.concatenate([np.broadcast_to(ones, (*x.shape[:-1], step)), scan[..., :-step]], axis=-1)
        scan = scan * shifted
        step *= 2
    return scan


def greatest(x: Any, axis: tuple[int, ...] | int | None, keepdims: bool = False) -> Any:
    """The largest over axes; those of CuPy have a method for it, and no `np.maximum.reduce`."""
    if isinstance(x, _NUMPYS):
        return _maximum(x, axis=axis, keepdims=keepdims)
    return x.max(axis=axis, keepdims=keepdims)


def least(x: Any, axis: tuple[int, ...] | int | None, keepdims: bool = False) -> Any:
    """The smallest over axes."""
    if isinstance(x, _NUMPYS):
        return _minimum(x, axis=axis, keepdims=keepdims)
    return x.min(axis=axis, keepdims=keepdims)


def largest_of(x: Any, axis: tuple[int, ...] | None, of_nothing: float) -> Any:
    """The largest over axes, which are kept."""
    return greatest(x, axis, keepdims=True) if x.size else np.add.reduce(x, axis=axis, keepdims=True) + of_nothing


def bound(dtype: np.dtype[Any], lowest: bool) -> Any:
    """The number of a dtype that loses every comparison for the largest, or (not `lowest`) for the smallest."""
    if dtype.kind == "b":
        return np.bool_(not lowest)
    if dtype.kind in "iu":
        return dtype.type(np.iinfo(dtype).min if lowest else np.iinfo(dtype).max)
    return dtype.type(-math.inf if lowest else math.inf)


def logsumexp(x: Any, axis: tuple[int, ...] | None, keepdims: bool) -> Any:
    """log Σ eˣ, without overflow."""
    largest = largest_of(x, axis, -math.inf)
    with np.errstate(divide="ignore"):  # the sum of nothing has the logarithm -inf
        total = np.log(np.add.reduce(np.exp(ew.gap.bind(x, largest)), axis=axis, keepdims=True)) + largest
    return total if keepdims else total.reshape(dropped_shape(x.shape, axis))


def softmax(x: Any, y: Any, axis: tuple[int, ...] | None) -> Any:
    """The derivative of logsumexp; among infinities the largest share it, and y may be rounded."""
    e = np.exp(ew.gap.bind(x, y))
    return e / np.add.reduce(e, axis=axis, keepdims=True)


def norm(x: Any, axis: tuple[int, ...] | None, keepdims: bool) -> Any:
    """√Σ |x|², in the unit of the largest."""
    sizes = np.abs(x)
    largest = largest_of(sizes, axis, 0)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1)  # squares neither overflow nor vanish
    total = np.sqrt(np.add.reduce(np.square(sizes / scale), axis=axis, keepdims=True)) * scale
    return total if keepdims else total.reshape(dropped_shape(x.shape, axis))


def var(x: Any, axis: tuple[int, ...] | None, keepdims: Any, correction: float) -> Any:
    """Σ (x − mean)² / degrees of freedom."""
    if x.dtype.char not in "fd":
        if x.dtype.kind not in "iub":
            return np.var(x, axis=axis, keepdims=keepdims, ddof=correction)
        x = x.astype(np.float64)
    spread_out = deviation(x, axis)
    return np.add.reduce(spread_out * spread_out, axis=axis, keepdims=keepdims) / degrees(x, axis, correction)


def degrees(x: Any, axis: tuple[int, ...] | None, correction: float) -> float:
    """The degrees of freedom, 0 at least."""
    left = reduced_size(x.shape, axis) - correction
    return left * (left > 0)


def share_of(x: Any, axis: tuple[int, ...] | None, correction: float) -> float:
    """1 / degrees of freedom, NaN where there are none."""
    left = degrees(x, axis, correction)
    return 1 / left if left else math.nan


def std(x: Any, axis: tuple[int, ...] | None, keepdims: bool, correction: float) -> Any:
    """√var."""
    return np.sqrt(var(x, axis, keepdims, correction))
