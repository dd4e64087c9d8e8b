"""Quantiles: elements, or points between two of them, at given shares of the sorted numbers."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from pullback.core.axes import kept_shape, normalize_axes
from pullback.core.errors import DTypeError, NoGradientError, OptionError
from pullback.core.habits import explain_keywords
from pullback.core.origin import user_line
from pullback.functions.creation import asarray
from pullback.ops import elementwise as ew
from pullback.ops.discrete import answer, by_element, of_stacks
from pullback.ops.indexing import take_along_axis
from pullback.ops.movement import astype, broadcast_to, moveaxis, reshape
from pullback.ops.ordering import argsort
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
    return _quantile("quantile", a, _hundredth(q, "percentile"), axis, method, keepdims, weights)


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
    return _quantile("nanquantile", a, _hundredth(q, "nanpercentile"), axis, method, keepdims, weights)


def nanmedian(a: Any, axis: Any = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:  # noqa: ARG001 (NumPy's)
    """The median of what is not NaN.

    >>> nanmedian(np.array([1.0, np.nan, 3.0]))
    Tensor(2.)
    """
    return _quantile("nanquantile", a, 0.5, axis, "midpoint", keepdims, None)


def _hundredth(q: Any, name: str) -> Any:
    return np.true_divide(_share(q, name), 100)


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
    if x.dtype.kind not in "fc":
        x = astype(x, float)
    if not isinstance(q, (int, float)):
        x = astype(x, np.result_type(x.dtype, share.dtype))
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
    order = argsort(lanes)
    more: tuple[Any, ...] = ()
    if weights is not None:
        more = (take_along_axis(_lanes_of(weights, x, axes, rest, lengths), order, -1),)
    ordered = take_along_axis(lanes, order, -1)
    # Where they are among the sorted numbers NumPy says, of their places; what is there is taken from the numbers.
    place = answer(_places, ordered, *more, q=share, method=method, name=name)
    low, part = answer(_low, place), answer(_part, place)
    below = _taken(ordered, low)
    between = below + ew.gap(_taken(ordered, answer(_high, place)), below) * astype(part, np.finfo(x.dtype).dtype)
    found = ew.where(part == 0, below, between)
    found = ew.where(answer(np.isnan, place), _taken(ordered, answer(_last, place, length=count)), found)
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
def _places(ordered: Any, weights: Any = None, *, q: Any, method: str, name: str) -> Any:
    """Where the quantiles are among sorted numbers, as places that may lie between two; NaN where there are none.

    The axes of q come last.
    """
    if not ordered.size:
        return np.full((*ordered.shape[:-1], *q.shape), np.nan)
    lost = np.isnan(ordered)
    places = np.where(lost, np.nan, np.broadcast_to(np.arange(ordered.shape[-1], dtype=float), ordered.shape))
    more = {} if weights is None else {"weights": weights}
    found = np.asarray(getattr(np, name)(places, q, axis=-1, method=method, **more))
    return np.moveaxis(found, tuple(range(q.ndim)), tuple(range(-q.ndim, 0))) if q.ndim else found


@by_element
def _low(place: Any) -> Any:
    return np.floor(np.nan_to_num(place)).astype(np.intp)


@by_element
def _high(place: Any) -> Any:
    return np.ceil(np.nan_to_num(place)).astype(np.intp)


@by_element
def _part(place: Any) -> Any:
    return np.nan_to_num(place) % 1


@by_element
def _last(place: Any, *, length: int) -> Any:
    return np.full(place.shape, length - 1)


def _taken(ordered: Any, place: Any) -> Any:
    """The elements at places, which may have axes of their own behind."""
    more = math.prod(place.shape[ordered.ndim - 1 :])
    return reshape(take_along_axis(ordered, reshape(place, (*ordered.shape[:-1], more)), -1), place.shape)


explain_keywords(globals())
serve(globals())
