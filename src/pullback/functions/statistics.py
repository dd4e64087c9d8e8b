"""Averages with weights, covariances, and what lies between given points."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.axes import normalize_axes
from pullback.core.complex import conjugate
from pullback.core.errors import OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.ops import elementwise as ew
from pullback.ops.complex_parts import imag, real
from pullback.ops.contractions import matmul
from pullback.ops.discrete import answer, in_operands
from pullback.ops.indexing import atleast_2d, diag, take
from pullback.ops.movement import astype, broadcast_to, concatenate, reshape
from pullback.ops.reductions import max as largest
from pullback.ops.reductions import mean
from pullback.ops.reductions import min as smallest
from pullback.ops.reductions import sum as sum_over
from pullback.tensors.tables import serve


def ptp(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """From the smallest to the largest: max − min over `axis`.

    >>> ptp(np.array([1.0, 4.0]))
    Tensor(3.)
    """
    return largest(a, axis, keepdims) - smallest(a, axis, keepdims)


def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    """Σ w·a / Σ w over `axis`; with `returned`, the sum of the weights too.

    >>> average(np.array([1.0, 4.0]), weights=[2.0, 1.0])
    Tensor(2.)
    """
    x = asarray(a)
    axes = normalize_axes(axis, x.ndim, "average")
    if weights is None:
        found = mean(x, axis, keepdims)
        total: Any = broadcast_to(np.asarray(x.size / (found.size or 1), found.dtype), found.shape)
        return (found, total) if returned else found
    w = asarray(weights)
    if w.shape != x.shape:
        if axes is None or w.shape != tuple(x.shape[i] for i in axes):
            raise ShapeError("average: weights have the shape of the array, or of its axes", a=x.shape, weights=w.shape)
        order = sorted(range(len(axes)), key=axes.__getitem__)
        w = reshape(w.transpose(order), tuple(n if i in axes else 1 for i, n in enumerate(x.shape)))
        w = broadcast_to(w, x.shape)
    if x.dtype.kind in "iub" and w.dtype.kind in "iub":
        x = astype(x, float)
    total = sum_over(w, axis, keepdims)
    found = sum_over(x * w, axis, keepdims) / total
    return (found, astype(total, found.dtype, copy=False)) if returned else found


def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: float | None = None, fweights: Any = None,
    aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    """The covariances Σ x·ȳ / n of variables, each a row of m, or a column without `rowvar`.

    >>> cov(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 0.0]]))
    Tensor([[ 1. , -0.5],
            [-0.5,  1. ]])
    """
    x = _variables(m, rowvar)
    if y is not None:
        x = concatenate([x, _variables(y, rowvar)], 0)
    if dtype is not None or x.dtype.kind in "iub":
        x = astype(x, float if dtype is None else dtype)
    ddof = (0 if bias else 1) if ddof is None else ddof
    counts = None if fweights is None else asarray(fweights)
    if counts is not None and counts.dtype.kind not in "iu":
        raise OptionError("cov: fweights are how often each observation was made", got=counts.dtype, fix="aweights=")
    for weights in (counts, None if aweights is None else asarray(aweights)):
        if weights is not None and weights.shape != x.shape[1:]:
            raise ShapeError("cov: a weight for each observation", expected=x.shape[1:], got=weights.shape)
    w: Any = counts if aweights is None else asarray(aweights) if counts is None else counts * asarray(aweights)
    if w is None:
        total: Any = float(x.shape[1])
        degrees: Any = total - ddof
        centre = mean(x, 1, keepdims=True)
        scaled = x - centre
    else:
        total = sum_over(w)
        by_reliability = ddof * sum_over(w * asarray(aweights)) / total if aweights is not None else ddof
        degrees = total - by_reliability
        centre = reshape(sum_over(x * w, 1) / total, (-1, 1))
        scaled = (x - centre) * w
    found = matmul(scaled, conjugate((x - centre).T)) / ew.maximum(degrees, 0.0)
    found = found if dtype is None else astype(found, dtype)
    return reshape(found, ()) if found.size == 1 else found


def _variables(m: Any, rowvar: bool) -> Any:
    x = asarray(m)
    if x.ndim > 2:
        raise ShapeError("cov: observations are a vector or a matrix", shape=x.shape)
    rows = atleast_2d(x)
    return rows if rowvar or x.ndim < 2 else rows.T


def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """The correlations of variables: covariances over the products of both deviations.

    >>> corrcoef(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 0.0]]))
    Tensor([[ 1. , -0.5],
            [-0.5,  1. ]])
    """
    c = cov(x, y, rowvar, dtype=dtype)
    if c.ndim == 0:
        return c / c
    deviation = ew.sqrt(real(diag(c)))
    found = c / deviation[:, None] / deviation[None, :]
    if found.dtype.kind == "c":
        return ew.clip(real(found), -1.0, 1.0) + 1j * ew.clip(imag(found), -1.0, 1.0)
    return ew.clip(found, -1.0, 1.0)


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: float | None = None) -> Any:
    """The polyline through the points (xp, fp), whose xp rise, at x; outside, `left` and `right`, or the end points.

    The derivative goes to x, xp, fp, left and right; at a point of the polyline it is that of the piece behind it.

    >>> interp(np.array([0.5, 3.0]), [0.0, 1.0], [10.0, 20.0])
    Tensor([15., 20.])
    """
    x, xs, ys = (_float(asarray(v)) for v in (x, xp, fp))
    if xs.ndim != 1 or xs.shape != ys.shape or not xs.size:
        raise ShapeError("interp: the points are two vectors of one length", xp=xs.shape, fp=ys.shape)
    if period is not None:
        if not period:
            raise OptionError("interp: a period is not 0", period=period)
        period = abs(period)
        x, xs = ew.mod(x, period), ew.mod(xs, period)
        order = answer(np.argsort, xs, kind="stable")
        xs, ys = take(xs, order), take(ys, order)
        xs = concatenate([xs[-1:] - period, xs, xs[:1] + period])
        ys = concatenate([ys[-1:], ys, ys[:1]])
        left = right = None
    lowest, highest = (ys[0] if left is None else left), (ys[-1] if right is None else right)
    if xs.size == 1:
        between: Any = broadcast_to(ys[0], x.shape)
    else:
        number = answer(piece, xs, x)
        x0, x1, y0, y1 = take(xs, number), take(xs, number + 1), take(ys, number), take(ys, number + 1)
        slope = (y1 - y0) / (x1 - x0)
        between = slope * (x - x0) + y0
        # Beside infinite points: what is at a point is that point's, and else the piece is followed from its other end.
        other = ew.where(ew.logical_or(x == x0, y0 == y1), y0, slope * (x - x1) + y1)
        between = ew.where(x == x1, y1, ew.where(ew.isnan(between), other, between))
    return ew.where(x < xs[0], lowest, ew.where(x > xs[-1], highest, between))


def _float(x: Any) -> Any:
    return x if x.dtype.kind in "fc" else astype(x, float)


@in_operands(range(1, 2))
def piece(xs: Any, x: Any) -> Any:
    """The number of the piece of a polyline in which x lies."""
    return np.clip(np.searchsorted(xs, x, side="right") - 1, 0, len(xs) - 2)


explain_keywords(globals(), without=("piece",))
serve(globals())
