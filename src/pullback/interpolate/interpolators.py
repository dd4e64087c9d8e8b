"""Interpolation through points: straight, by splines, and by slopes that keep a shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.errors import OptionError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.interpolate.piecewise import Outside, Piecewise, columns, hermite, points
from pullback.linalg import solve


def interp1d(x: Any, y: Any, axis: int = -1, extrapolate: bool = False) -> Piecewise:
    """Straight lines through points (n,) and values with n along `axis`; NaN outside unless `extrapolate`.

    >>> interp1d(np.array([0.0, 1.0, 3.0]), np.array([1.0, 2.0, 0.0]))(np.array([0.5, 2.0]))
    Tensor([1.5, 1. ])
    """
    x, values = points("interp1d", x, y, axis)
    slopes = np.diff(values, axis=0) / columns(np.diff(x), values)
    nothing = 0.0 * slopes
    return Piecewise(x, (values[:-1], slopes, nothing, nothing), axis % asarray(y).ndim, extrapolate)


def CubicSpline(
    x: Any, y: Any, axis: int = 0, bc_type: Any = "not-a-knot", extrapolate: Outside | None = None
) -> Piecewise:  # fmt: skip
    """The cubic spline: the cubics through points that have two continuous derivatives.

    `bc_type` is "not-a-knot" (the third derivative is continuous next to the ends), "natural" (the second is 0 at the
    ends), "clamped" (the first is), "periodic", or a pair of (order, value) for the two ends, order 1 or 2. Outside of
    the points a periodic one begins again, and others go on, unless `extrapolate` says otherwise.

    Source: C. de Boor, *A Practical Guide to Splines* (1978), chapter 4.

    >>> import pullback as pb
    >>> spline = CubicSpline(np.arange(4.0), np.arange(4.0) ** 3)
    >>> spline(1.5), pb.grad(spline)(1.5)
    (Tensor(3.375), Tensor(6.75))
    """
    x, values = points("CubicSpline", x, y, axis)
    n = len(x)
    h = np.diff(x)
    m = np.diff(values, axis=0) / columns(h, values)
    wide = columns(h, values)
    matrix = [[0.0 * h[0]] * n for _ in range(n)]
    right: list[Any] = [None] * n
    for i in range(1, n - 1):
        matrix[i][i - 1 : i + 2] = [h[i], 2 * (h[i - 1] + h[i]), h[i - 1]]
        right[i] = 3 * (wide[i] * m[i - 1] + wide[i - 1] * m[i])
    periodic = isinstance(bc_type, str) and bc_type == "periodic"
    if periodic:
        matrix[0][0], matrix[0][-1] = 1.0 + matrix[0][0], matrix[0][-1] - 1.0
        right[0] = 0.0 * m[0]
        row = matrix[-1]
        row[0], row[1] = row[0] + 2 * h[-1], row[1] + h[-1]  # s₀ is sₙ₋₁
        row[-1], row[-2] = row[-1] + 2 * h[0], row[-2] + h[0]
        right[-1] = 3 * (wide[-1] * m[0] + wide[0] * m[-1])
    else:
        left, end = (bc_type, bc_type) if isinstance(bc_type, str) else bc_type
        parabola = isinstance(left, str) and left == "not-a-knot" == end
        _end(left, matrix[0], h, m, wide, right, first=True, parabola=parabola)
        _end(end, matrix[-1], h, m, wide, right, first=False, parabola=parabola)
    system = np.stack([np.stack([entry + 0.0 * h[0] for entry in row]) for row in matrix])
    flat = np.stack(right).reshape((n, -1))
    if extrapolate is None:
        extrapolate = "periodic" if periodic else True
    return hermite(x, values, solve(system, flat).reshape(values.shape), axis % asarray(y).ndim, extrapolate)


def _end(
    kind: Any, row: list[Any], h: Any, m: Any, wide: Any, right: list[Any], *, first: bool, parabola: bool
) -> None:
    """The equation at one end, for the slopes there."""
    near, next_, place = (0, 1, 0) if first else (-1, -2, -1)
    kinds = {"natural": (2, 0.0), "clamped": (1, 0.0)}
    order, value = kinds.get(kind, (0, 0.0)) if isinstance(kind, str) else kind
    if isinstance(kind, str) and kind not in kinds and kind != "not-a-knot":
        raise OptionError(
            "CubicSpline: unknown condition at the ends", got=kind,
            fix='"not-a-knot", "natural", "clamped", "periodic", or (order, value) for each end',
        )  # fmt: skip
    n = len(row)
    if order == 1:
        row[near] = row[near] + 1.0
        right[place] = asarray(value) + 0.0 * m[near]
    elif order == 2:
        row[near], row[next_] = row[near] + 2.0, row[next_] + 1.0
        right[place] = 3 * m[near] - (1 if first else -1) * wide[near] * asarray(value) / 2
    elif n == 2:  # a line
        row[near] = row[near] + 1.0
        right[place] = m[near]
    elif n == 3 and parabola:
        row[near], row[next_] = row[near] + 1.0, row[next_] + 1.0
        right[place] = 2 * m[near]
    else:
        total = h[near] + h[next_]
        row[near], row[next_] = row[near] + h[next_], row[next_] + total
        right[place] = ((wide[near] + 2 * total) * wide[next_] * m[near] + wide[near] ** 2 * m[next_]) / total


def PchipInterpolator(x: Any, y: Any, axis: int = 0, extrapolate: bool = True) -> Piecewise:
    """Cubics with slopes that keep what is monotone monotone, and one continuous derivative.

    Source: F. Fritsch & J. Butland (1984).

    >>> PchipInterpolator(np.arange(4.0), np.array([0.0, 0.0, 1.0, 1.0]))(np.array([0.5, 1.5, 2.5]))
    Tensor([0. , 0.5, 1. ])
    """
    x, values = points("PchipInterpolator", x, y, axis)
    h = columns(np.diff(x), values)
    m = np.diff(values, axis=0) / h
    if len(x) == 2:
        slopes = np.concatenate([m, m])
    else:
        before, after = m[:-1], m[1:]
        same = before * after > 0
        w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
        mean = (w1 + w2) / (w1 / np.where(same, before, 1.0) + w2 / np.where(same, after, 1.0))
        first = _pchip_end(h[:1], h[1:2], m[:1], m[1:2])
        last = _pchip_end(h[-1:], h[-2:-1], m[-1:], m[-2:-1])
        slopes = np.concatenate([first, np.where(same, mean, 0.0), last])
    return hermite(x, values, slopes, axis % asarray(y).ndim, extrapolate)


def _pchip_end(h0: Any, h1: Any, m0: Any, m1: Any) -> Any:
    """The slope at an end, from three points; not past where the shape would change."""
    d = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    turned = np.sign(d) != np.sign(m0)
    far = (np.sign(m0) != np.sign(m1)) & (np.abs(d) > 3 * np.abs(m0))
    return np.where(turned, 0.0, np.where(far, 3 * m0, d))


def Akima1DInterpolator(x: Any, y: Any, axis: int = 0, extrapolate: bool = False) -> Piecewise:
    """Cubics with slopes from the four nearest chords, which a far point does not disturb.

    Source: H. Akima (1970).

    >>> Akima1DInterpolator(np.arange(5.0), np.array([0.0, 1.0, 2.0, 3.0, 4.0]))(np.array([0.5, 3.25]))
    Tensor([0.5 , 3.25])
    """
    x, values = points("Akima1DInterpolator", x, y, axis)
    m = np.diff(values, axis=0) / columns(np.diff(x), values)
    if len(x) == 2:
        return hermite(x, values, np.concatenate([m, m]), axis % asarray(y).ndim, extrapolate)
    before = 2 * m[:1] - m[1:2]
    after = 2 * m[-1:] - m[-2:-1]
    m = np.concatenate([2 * before - m[:1], before, m, after, 2 * after - m[-1:]])
    change = np.abs(np.diff(m, axis=0))
    left, right = change[2:], change[:-2]
    total = left + right
    level = total <= 1e-9 * np.max(total)
    weighted = (left * m[1:-2] + right * m[2:-1]) / np.where(level, 1.0, total)
    slopes = np.where(level, (m[3:] + m[:-3]) / 2, weighted)
    return hermite(x, values, slopes, axis % asarray(y).ndim, extrapolate)


explain_keywords(globals())
