"""Differences of neighbours, and areas under what is given at points."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from pullback.core.axes import kept_shape, normalize_axes, normalize_axis
from pullback.core.errors import DTypeError, OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.functions.arranging import expand_like
from pullback.functions.creation import asarray
from pullback.ops import elementwise as ew
from pullback.ops.discrete import along, answer
from pullback.ops.movement import astype, broadcast_to, concatenate, moveaxis, ravel
from pullback.ops.reductions import sum as sum_over
from pullback.tensors.tables import serve


def _part(x: Any, axis: int, start: int | None, stop: int | None) -> Any:
    return x[(slice(None),) * axis + (slice(start, stop),)]


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The differences of neighbours along an axis, n times over; of truths, whether they differ.

    >>> diff(np.array([1.0, 4.0, 9.0]))
    Tensor([3., 5.])
    """
    x, n = asarray(a), operator.index(n)
    axis = normalize_axis(axis, x.ndim, "diff")
    if n < 0:
        raise OptionError("diff: how often is a number from 0 on", n=n)
    parts = [x]
    for place, more in ((0, prepend), (len(parts) + 1, append)):
        if more is not None and n:
            more = asarray(more)
            parts.insert(place, broadcast_to(more, kept_shape(x.shape, (axis,))) if more.ndim == 0 else more)
    x = concatenate(parts, axis) if len(parts) > 1 else x
    subtract = ew.not_equal if x.dtype.kind == "b" else ew.subtract
    for _ in range(n):
        x = subtract(_part(x, axis, 1, None), _part(x, axis, None, -1))
    return x


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """The differences of neighbours of the flat array, with numbers put before and behind them.

    >>> ediff1d(np.array([1.0, 4.0]), to_end=7.0)
    Tensor([3., 7.])
    """
    x = ravel(asarray(ary))
    for end in (to_begin, to_end):
        if end is not None and not np.can_cast(asarray(end).dtype, x.dtype, "same_kind"):
            raise DTypeError("ediff1d: the ends do not become the array's dtype", ends=asarray(end).dtype, ary=x.dtype)
    middle = x[1:] - x[:-1]
    ends = [None if e is None else astype(ravel(asarray(e)), x.dtype) for e in (to_begin, to_end)]
    return concatenate([part for part in (ends[0], middle, ends[1]) if part is not None])


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Slopes at the points of a grid: of second order inside, of first or second order at its ends.

    `varargs` are distances, one for all axes or one for each, or vectors of coordinates, one for each. For one axis an
    array, for several a tuple of them, in the dtype of f. The derivative goes to the values and to the coordinates.

    >>> gradient(np.array([0.0, 1.0, 4.0]))
    Tensor([1., 2., 3.])
    """
    x = asarray(f)
    x = x if x.dtype.kind in "fc" else astype(x, float)
    axes = normalize_axes(axis, x.ndim, "gradient")
    axes = tuple(range(x.ndim)) if axes is None else axes
    if edge_order not in (1, 2):
        raise OptionError("gradient: the ends are of order 1 or 2", edge_order=edge_order)
    if len(varargs) not in (0, 1, len(axes)):
        raise ShapeError("gradient: one distance, or one for each axis", distances=len(varargs), axes=axes)
    if len(varargs) == 1 != len(axes) and np.ndim(varargs[0]):
        raise ShapeError("gradient: coordinates are a vector for each axis", vectors=1, axes=axes)
    given = varargs * len(axes) if len(varargs) == 1 != len(axes) else varargs or (1.0,) * len(axes)
    found = tuple(_slope(x, h, i, edge_order) for i, h in zip(axes, given, strict=True))
    return found[0] if len(found) == 1 else found


def _slope(x: Any, distance: Any, axis: int, edge_order: int) -> Any:
    n = x.shape[axis]
    if n < edge_order + 1:
        raise ShapeError("gradient: too few points along an axis", shape=x.shape, axis=axis, least=edge_order + 1)
    h: Any = distance if isinstance(distance, (int, float)) else asarray(distance)
    if getattr(h, "dtype", np.dtype(float)).kind in "iub":
        h = astype(h, float)  # differences of unsigned numbers would go round
    if np.ndim(h) == 0:
        steps = broadcast_to(ew.multiply(asarray(h), np.ones(n - 1, x.dtype)), (n - 1,))
    elif h.shape == (n,):
        steps = h[1:] - h[:-1]
    else:
        raise ShapeError("gradient: coordinates are a vector as long as the axis", shape=np.shape(h), length=n)
    dtype, x = x.dtype, moveaxis(x, axis, -1)
    slopes = (x[..., 1:] - x[..., :-1]) / steps
    before, after = steps[:-1], steps[1:]
    # Between two steps the slopes of both, each weighed with the other's length (Fornberg 1988).
    inside = (slopes[..., :-1] * after + slopes[..., 1:] * before) / (before + after)
    first, last = slopes[..., :1], slopes[..., -1:]
    if edge_order == 2:
        bend = (slopes[..., 1:] - slopes[..., :-1]) / (before + after)
        first, last = first - bend[..., :1] * steps[:1], last + bend[..., -1:] * steps[-1:]
    return astype(moveaxis(concatenate([first, inside, last], -1), -1, axis), dtype)


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The area under y along an axis, by the trapezoidal rule: Σ (yᵢ + yᵢ₊₁) / 2 · Δxᵢ.

    >>> trapezoid(np.array([0.0, 1.0, 2.0]))
    Tensor(2.)
    """
    y = asarray(y)
    axis = normalize_axis(axis, y.ndim, "trapezoid")
    if x is None:
        steps: Any = dx if isinstance(dx, (int, float)) else asarray(dx)
        if np.ndim(steps) == 1:
            steps = expand_like(steps, y.ndim, axis)
    else:
        points = asarray(x)
        steps = expand_like(diff(points), y.ndim, axis) if points.ndim == 1 else diff(points, axis=axis)
    return sum_over(steps * (_part(y, axis, 1, None) + _part(y, axis, None, -1)) / 2.0, axis)


def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: float = 2 * math.pi) -> Any:
    """Angles without jumps: multiples of the period are added where neighbours differ by more than half of it.

    A larger `discont`, one number or one for each pair of neighbours along the last axis, leaves smaller jumps.

    >>> unwrap(np.array([0.0, 6.0]))
    Tensor([ 0.        , -0.28318531])
    """
    x = asarray(p)
    axis = normalize_axis(axis, x.ndim, "unwrap")
    if discont is not None:  # a number, or one for each neighbour
        limits = np.asarray(discont, float)
        discont = limits.item() if limits.size == 1 else tuple(limits.tolist())
    moved = answer(turns, x, discont=discont, axis=axis, period=period if isinstance(period, int) else float(period))
    return x + moved


@along
def turns(x: Any, *, discont: Any, axis: int, period: float) -> Any:
    """By how much each angle is moved: whole periods."""
    moved = np.unwrap(x, discont, axis, period=period)
    return (np.rint((moved - x) / period) * period).astype(moved.dtype)


explain_keywords(globals(), without=("turns",))
serve(globals())
