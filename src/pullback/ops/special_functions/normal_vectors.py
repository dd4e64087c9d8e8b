"""The distribution function of normal vectors, in their bounds and their correlations.

Its derivative by a bound is a density times the distribution function of the others, given that one; that by a
correlation is a density of two times that of the others, given both (R. Plackett, "A reduction formula for normal
multivariate integrals", 1954). So the derivatives of n variables are had from n − 1 and n − 2, to every order.

Of two variables, and of three, the values are integrals over the first,

    Φ₂(a, b; ρ) = ∫₋∞ᵃ φ(z) Φ((b − ρz) / √(1 − ρ²)) dz,

whose terms are all positive, so that small values keep their digits; of more they are SciPy's (A. Genz & F. Bretz,
*Computation of Multivariate Normal and t Probabilities*, 2009), which are as exact as they are asked to be.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import combinations
from typing import Any, Final

import numpy as np

from pullback.batching.rules import as_it_is
from pullback.core.custom_kinds import CustomJVP
from pullback.core.kinds import Elementwise
from pullback.core.precision import of_reals
from pullback.ops.special_functions.errors_and_normal import ndtr
from pullback.ops.special_functions.gamma import tanh_sinh

FAR: Final = 38.0  # standard deviations: beyond, there is nothing
BLOCK: Final = 1024  # points at once
SEED: Final = 0  # of SciPy's points, which are the same each time


@cache
def _nodes() -> tuple[Any, Any]:
    """Nodes in (0, 1) and weights, without those that weigh nothing."""
    left, _, weights = tanh_sinh()
    heavy = weights > np.finfo(float).eps / 100
    return left[heavy], weights[heavy]


def _over_first(f: Any, high: Any, cuts: Any) -> Any:
    """∫ φ(z) f(z) dz up to `high`, cut where f turns or is largest: there the nodes are dense."""
    left, weights = _nodes()
    inner = np.clip(np.stack([0 * high, *cuts], axis=-1), -FAR, high[..., None])
    edges = np.sort(np.concatenate([np.full_like(high[..., None], -FAR), inner, high[..., None]], axis=-1), axis=-1)
    spans = np.diff(edges)[..., None]
    z = edges[..., :-1, None] + spans * left
    terms = np.exp(-z * z / 2) / math.sqrt(2 * math.pi) * f(z) * weights * spans
    return terms.sum(axis=(-2, -1))


def _turn(b: Any, r: Any) -> tuple[Any, Any]:
    """Where b − r·z changes its sign, and where φ(z) φ(b − r·z) is largest."""
    return b / np.where(r == 0, np.inf, r), r * b


@of_reals
@np.errstate(all="ignore")
def _two(a: Any, b: Any, c: Any) -> Any:
    from scipy.special import ndtr as scipys  # heavy: only who uses it loads it

    a, b, c = np.broadcast_arrays(*(np.asarray(x, float) for x in (a, b, c)))
    found = np.empty(a.shape)
    for start in range(0, a.size, BLOCK):
        x, y, r = (v.reshape(-1)[start : start + BLOCK] for v in (a, b, c))
        x, y = np.clip(x, -FAR, FAR), np.clip(y, -FAR, FAR)
        spread = np.maximum(np.sqrt((1 - r) * (1 + r)), 1e-300)[:, None, None]
        high, rest, slope = y[:, None, None], x, r[:, None, None]
        value = _over_first(lambda z, h=high, s=slope, w=spread: scipys((h - s * z) / w), rest, _turn(y, r))
        found.reshape(-1)[start : start + BLOCK] = np.minimum(value, np.minimum(scipys(x), scipys(y)))
    return found


def _density(x: Any) -> Any:
    return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _spread(r: Any) -> Any:
    return np.sqrt((1 - r) * (1 + r))


def _given(a: Any, b: Any, c: Any) -> Any:
    return _density(a) * ndtr.bind((b - c * a) / _spread(c))


def _density_of_two(a: Any, b: Any, c: Any) -> Any:
    share = (1 - c) * (1 + c)
    return np.exp(-(a * a - 2 * c * a * b + b * b) / (2 * share)) / (2 * math.pi * np.sqrt(share))


normal_pair: Elementwise = Elementwise(
    "normal_pair", _two, _given, lambda a, b, c: _given(b, a, c), _density_of_two,
    doc="P(X ≤ a, Y ≤ b) of two standard normals with correlation c.",
)  # fmt: skip


def share_below(b: Any, r: Any, **how: Any) -> Any:
    """P(Z ≤ b) of standard normals, by bounds (..., n, 1) and correlations (..., n, n), whose lower half is read.

    `how` says how exact the values of four and more are: `abseps`, `releps` and `maxpts` of SciPy's.
    """
    n = b.shape[-2]
    if n == 1:
        return ndtr.bind(b[..., 0, 0])
    if n == 2:
        return normal_pair.bind(b[..., 0, 0], b[..., 1, 0], r[..., 1, 0])
    return normal_vector_.bind(b, r, **how)


@of_reals
@np.errstate(all="ignore")
def _many(b: Any, r: Any, abseps: float, releps: float, maxpts: int | None) -> Any:
    b, r = np.asarray(b, float)[..., 0], np.asarray(r, float)
    r = np.tril(r, -1) + np.swapaxes(np.tril(r, -1), -1, -2) + np.eye(r.shape[-1])
    batch = np.broadcast_shapes(b.shape[:-1], r.shape[:-2])
    b, r = np.broadcast_to(b, (*batch, *b.shape[-1:])), np.broadcast_to(r, (*batch, *r.shape[-2:]))
    found = np.empty(batch)
    for index in np.ndindex(batch):
        if np.isnan(b[index]).any() or np.isnan(r[index]).any():
            found[index] = math.nan
        elif b.shape[-1] == 3:
            found[index] = _three(np.clip(b[index], -FAR, FAR), r[index])
        else:
            found[index] = _scipys(b[index], r[index], abseps, releps, maxpts)
    return found


def _three(b: Any, r: Any) -> Any:
    """By an integral over the first of the distribution function of the others."""
    lean = r[0, 1:]
    spread = np.maximum(_spread(lean), 1e-300)
    rest = np.clip((r[1, 2] - lean[0] * lean[1]) / (spread[0] * spread[1]), -1, 1)
    cuts = [np.asarray(x) for bound, s in zip(b[1:], lean, strict=True) for x in _turn(bound, s)]
    return _over_first(
        lambda z: _two((b[1] - lean[0] * z) / spread[0], (b[2] - lean[1] * z) / spread[1], rest), b[0], cuts
    )


def _scipys(b: Any, r: Any, abseps: float, releps: float, maxpts: int | None) -> Any:
    from scipy.stats import multivariate_normal  # heavy: only who uses it loads it

    return multivariate_normal.cdf(
        b, cov=r, allow_singular=True, abseps=abseps, releps=releps, maxpts=maxpts, rng=np.random.default_rng(SEED)
    )


def _without(x: Any, places: tuple[int, ...], axis: int) -> Any:
    return np.take(x, [k for k in range(x.shape[axis]) if k not in places], axis=axis)


def _change(primals: Any, tangents: Any, _y: Any, **how: Any) -> Any:
    (b, r), (by_b, by_r) = primals, tangents
    n, total = b.shape[-2], 0.0
    r = np.tril(r, -1) + np.swapaxes(np.tril(r, -1), -1, -2) + np.eye(n, dtype=r.dtype)
    for i in range(n):
        lean = _without(r[..., i : i + 1], (i,), -2)
        spread = _spread(lean)
        bounds = (_without(b, (i,), -2) - lean * b[..., i : i + 1, :]) / spread
        rest = _without(_without(r, (i,), -1), (i,), -2) - lean * np.swapaxes(lean, -1, -2)
        given = share_below(bounds, rest / (spread * np.swapaxes(spread, -1, -2)), **how)
        total = total + by_b[..., i, 0] * _density(b[..., i, 0]) * given
    for i, j in combinations(range(n), 2):
        x, y, c = b[..., i, 0], b[..., j, 0], r[..., j, i]
        first, second = (_without(r[..., k : k + 1], (i, j), -2) for k in (i, j))
        share, wide = ((1 - c) * (1 + c))[..., None, None], c[..., None, None]
        by_first, by_second = (first - wide * second) / share, (second - wide * first) / share
        bounds = _without(b, (i, j), -2) - by_first * x[..., None, None] - by_second * y[..., None, None]
        rest = _without(_without(r, (i, j), -1), (i, j), -2)
        rest = rest - by_first * np.swapaxes(first, -1, -2) - by_second * np.swapaxes(second, -1, -2)
        spread = np.sqrt(np.diagonal(rest, 0, -2, -1))[..., None]
        given = share_below(bounds / spread, rest / (spread * np.swapaxes(spread, -1, -2)), **how)
        total = total + by_r[..., j, i] * _density_of_two(x, y, c) * given
    return total


normal_vector_: CustomJVP = CustomJVP(
    "normal_vector", _many, _change, batching=as_it_is,
    doc="P(Z ≤ b) of three standard normals or more, by their correlations.",
)  # fmt: skip
