"""Quantiles: elements, or points between two of them, at given shares of the sorted numbers."""

from __future__ import annotations

import math
import warnings
from functools import cache
from typing import Any

import numpy as np

from pullback.core.axes import kept_shape, normalize_axes
from pullback.core.errors import DTypeError, NoGradientError, OptionError
from pullback.core.habits import explain_keywords
from pullback.core.origin import user_line
from pullback.functions.creation import asarray
from pullback.ops import elementwise as ew
from pullback.ops.discrete import answer, of_stacks
from pullback.ops.indexing import take_along_axis
from pullback.ops.movement import astype, broadcast_to, moveaxis, reshape
from pullback.ops.ordering import argsort, ranked_
from pullback.tensors.tables import serve


def quantile(
    a: Any, q: Any, axis: Any = None, overwrite_input: bool = False, method: str = "linear", keepdims: bool = False, *,  # noqa: ARG001 (NumPy's)
    weights: Any = None,
) -> Any:  # fmt: skip
    """The numbers below which the shares q of all numbers over `axis` lie; the axes of q come first.

    The derivative goes to the elements at that place, or to the two between which it is.

    >>> quantile(np.array([1.0, 2.0, 4.0]), 0.75)
    Tensor(3.)
    """
    return _quantile("quantile", a, q, axis, method, keepdims, weights)


def percentile(
    a: Any, q: Any, axis: Any = None, overwrite_input: bool = False, method: str = "linear", keepdims: bool = False, *,  # noqa: ARG001 (NumPy's)
    weights: Any = None,
) -> Any:  # fmt: skip
    """The quantiles of q percent.

    >>> percentile(np.array([1.0, 2.0, 4.0]), 75)
    Tensor(3.)
    """
    return _quantile("percentile", a, q, axis, method, keepdims, weights)


def median(a: Any, axis: Any = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:  # noqa: ARG001 (NumPy's)
    """The middle of the sorted numbers over `axis`, or the mean of the two in the middle, which share the derivative.

    >>> median(np.array([3.0, 1.0, 2.0, 9.0]))
    Tensor(2.5)
    """
    return _quantile("quantile", a, 0.5, axis, "midpoint", keepdims, None)


def nanquantile(
    a: Any, q: Any, axis: Any = None, overwrite_input: bool = False, method: str = "linear", keepdims: bool = False, *,  # noqa: ARG001 (NumPy's)
    weights: Any = None,
) -> Any:  # fmt: skip
    """The quantiles of what is not NaN.

    >>> nanquantile(np.array([1.0, np.nan, 3.0]), 0.5)
    Tensor(2.)
    """
    return _quantile("nanquantile", a, q, axis, method, keepdims, weights)


def nanpercentile(
    a: Any, q: Any, axis: Any = None, overwrite_input: bool = False, method: str = "linear", keepdims: bool = False, *,  # noqa: ARG001 (NumPy's)
    weights: Any = None,
) -> Any:  # fmt: skip
    """The percentiles of what is not NaN.

    >>> nanpercentile(np.array([1.0, np.nan, 3.0]), 50)
    Tensor(2.)
    """
    return _quantile("nanpercentile", a, q, axis, method, keepdims, weights)


def nanmedian(a: Any, axis: Any = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:  # noqa: ARG001 (NumPy's)
    """The median of what is not NaN.

    >>> nanmedian(np.array([1.0, np.nan, 3.0]))
    Tensor(2.)
    """
    return _quantile("nanquantile", a, 0.5, axis, "midpoint", keepdims, None)


@cache
def _made(name: str, dtype: np.dtype[Any], kind: Any, method: str, weighted: bool) -> np.dtype[Any]:
    """The dtype of quantiles: NumPy says it, of shares of that kind."""
    if dtype.kind == "c":
        return dtype
    q = np.zeros(*kind) if isinstance(kind, tuple) else kind(0)
    more = {"weights": np.ones(2)} if weighted else {}
    numbers = np.zeros(2, float if dtype.kind == "b" and q.__class__ is not bool else dtype)
    made: np.dtype[Any] = getattr(np, name)(numbers, q, axis=0, method=method, **more).dtype
    return made


def _share(q: Any, name: str) -> Any:
    """The numbers of q, in which there is no derivative."""
    if getattr(q, "node", None) is not None:
        raise NoGradientError(
            f"{name}: which share is asked for has no derivative", line=user_line(), fix="q.detach(), or numbers"
        )
    return np.asarray(q)


def _quantile(name: str, a: Any, q: Any, axis: Any, method: str, keepdims: bool, weights: Any) -> Any:
    x = asarray(a)
    share = _share(q, name)
    if x.dtype.kind == "c" and method != "midpoint":
        raise DTypeError(f"{name}: complex numbers have a median, and no shares", got=x.dtype, fix="pb.real, pb.imag")
    kind: Any = type(q) if isinstance(q, (int, float)) else ((1,) * share.ndim, share.dtype)
    made = _made(name, x.dtype, kind, method, weights is not None)
    x = astype(x, made)
    axes = normalize_axes(axis, x.ndim, name)
    axes = tuple(range(x.ndim)) if axes is None else axes
    rest = tuple(i for i in range(x.ndim) if i not in axes)
    lengths = tuple(x.shape[i] for i in rest)
    count = math.prod(x.shape[i] for i in axes)
    if not count and 0 not in lengths:
        warnings.warn(f"{name}: of no numbers it is NaN", RuntimeWarning, stacklevel=3)
        shape = (*share.shape, *(kept_shape(x.shape, axes) if keepdims else lengths))
        return asarray(np.full(shape, np.nan, x.dtype))
    lanes = reshape(moveaxis(x, rest, tuple(range(len(rest)))), (*lengths, count))
    # Where they are among the sorted numbers NumPy says, of their places; what is there is taken from the numbers.
    if weights is None:
        ranks, part = answer(_places, lanes, q=share, method=method, name=name)
        taken = ranked_(lanes, ranks)
    else:
        order = argsort(lanes)
        ordered = take_along_axis(lanes, order, -1)
        heavy = take_along_axis(_lanes_of(weights, x, axes, rest, lengths), order, -1)
        ranks, part = answer(_places, ordered, heavy, q=share, method=method, name=name)
        taken = take_along_axis(ordered, ranks, -1)
    each = ranks.shape[-1] // 2
    below, above = (reshape(taken[..., i : i + each], part.shape) for i in (0, each))
    found = below
    if made.kind in "fc":  # else all places are those of numbers
        found = ew.where(part == 0, below, below + ew.gap(above, below) * astype(part, np.finfo(made).dtype))
    if share.ndim:  # its axes come first
        found = moveaxis(found, tuple(range(-share.ndim, 0)), tuple(range(share.ndim)))
    if keepdims:
        found = reshape(found, (*share.shape, *kept_shape(x.shape, axes)))
    return found


def _lanes_of(weights: Any, x: Any, axes: Any, rest: Any, lengths: Any) -> Any:
    w = asarray(weights)
    if getattr(w, "node", None) is not None:
        raise NoGradientError("quantile: weights that only select have no derivative", fix="weights.detach()")
    if w.shape != x.shape:
        if w.ndim != 1 or len(axes) != 1 or len(w) != x.shape[axes[0]]:
            raise OptionError("quantile: weights have the shape of the numbers, or of one axis", weights=w.shape)
        w = broadcast_to(reshape(w, tuple(len(w) if i == axes[0] else 1 for i in range(x.ndim))), x.shape)
    return reshape(moveaxis(w, rest, tuple(range(len(rest)))), (*lengths, math.prod(x.shape[i] for i in axes)))


@of_stacks
def _places(lanes: Any, weights: Any = None, *, q: Any, method: str, name: str) -> Any:
    """Between which places of the sorted numbers the quantiles are, in one axis, and which part of the way.

    The axes of q come last. With weights, the numbers are sorted. Where the answer is NaN, it is the last number.
    """
    length = lanes.shape[-1]
    place = _place(lanes, weights, q, method, name)
    lost = np.isnan(place)
    place = np.where(lost, length - 1, place)
    flat = place.reshape((*lanes.shape[:-1], q.size))
    ranks = np.concatenate([np.floor(flat), np.ceil(flat)], -1).astype(np.intp)
    return ranks, place % 1


def _place(lanes: Any, weights: Any, q: Any, method: str, name: str) -> Any:
    """Where the quantiles are among sorted numbers, as places that may lie between two; NaN where there are none."""
    if not lanes.size:
        return np.full((*lanes.shape[:-1], *q.shape), np.nan)
    length, lost = lanes.shape[-1], np.count_nonzero(np.isnan(lanes), -1)[..., None]
    places = np.arange(length, dtype=float)
    more = {} if weights is None else {"weights": weights}
    if lost.any():
        places = np.where(places < length - lost, places, np.nan)  # NaN is sorted to the end
    elif weights is None:  # the same of all rows
        return np.broadcast_to(getattr(np, name)(places, q, method=method), (*lanes.shape[:-1], *q.shape))
    places = np.broadcast_to(places, lanes.shape)
    found = np.asarray(getattr(np, name)(places, q, axis=-1, method=method, **more))
    return np.moveaxis(found, tuple(range(q.ndim)), tuple(range(-q.ndim, 0))) if q.ndim else found


explain_keywords(globals())
serve(globals())
