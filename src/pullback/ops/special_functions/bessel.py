"""Bessel functions, modified and not, in their argument and in their order.

In the order, a derivative is that of Schläfli's integrals under the integral sign, to any order k (NIST *Digital
Library of Mathematical Functions*, 10.9.6, 10.9.7, 10.32.4 and 10.32.9), with Gauss-Legendre nodes on [0, π] and the
double-exponential rule on [0, ∞); in the argument, from the neighbouring orders (10.6.1, 10.29.1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np

from pullback.core.kinds import Elementwise
from pullback.core.precision import of_reals
from pullback.ops.special_functions.scipys import row

NODES: Final = 160  # of Gauss and Legendre; enough while order and argument are below 100


@cache
def _circle() -> tuple[Any, Any]:
    """Nodes and weights on [0, π], of the weights 1/π."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return math.pi / 2 * (nodes + 1), weights / 2


@cache
def _ray() -> tuple[Any, Any]:
    """Nodes and weights on [0, ∞): t = exp(u − e⁻ᵘ), which is as good as 0 at one end and large at the other."""
    u = np.arange(-4, 4.5, 1 / 24)
    t = np.exp(u - np.exp(-u))
    return t, t * (1 + np.exp(-u)) / 24


def _of_order(integral: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel that integrates: order, argument and how many derivatives are numbers or arrays that broadcast."""

    @np.errstate(all="ignore")
    def order_derivative(v: Any, x: Any, k: Any) -> Any:
        v, x = np.broadcast_arrays(np.asarray(v, float), np.asarray(x, float))
        return np.asarray(np.where(x > 0, integral(v[..., None], x[..., None], int(k)), np.nan))

    return of_reals(order_derivative)


def _powers(t: Any, v: Any, k: int) -> Any:
    """The k-th derivative by v of exp(v(iπ − t))."""
    return (1j * math.pi - t) ** k * np.exp(v * (1j * math.pi - t))


def _cosine(angle: Any, k: int) -> Any:
    return np.cos(angle + k * math.pi / 2)


def _kept(terms: Any) -> Any:
    return np.where(np.isfinite(terms), terms, 0)


def _j_integral(v: Any, x: Any, k: int) -> Any:
    (a, wa), (t, wt) = _circle(), _ray()
    around = (a**k * _cosine(v * a - x * np.sin(a), k) * wa).sum(axis=-1)
    along = _kept(np.exp(-x * np.sinh(t)) * _powers(t, v, k).imag) * wt
    return around - along.sum(axis=-1) / math.pi


def _y_integral(v: Any, x: Any, k: int) -> Any:
    (a, wa), (t, wt) = _circle(), _ray()
    around = -(a**k * _cosine(v * a - x * np.sin(a) - math.pi / 2, k) * wa).sum(axis=-1)
    fading = np.exp(-x * np.sinh(t))
    along = _kept(fading * (t**k * np.exp(v * t) + _powers(t, v, k).real)) * wt
    return around - along.sum(axis=-1) / math.pi


def _i_integral(v: Any, x: Any, k: int) -> Any:
    (a, wa), (t, wt) = _circle(), _ray()
    around = (a**k * np.exp(x * np.cos(a)) * _cosine(v * a, k) * wa).sum(axis=-1)
    along = _kept(np.exp(-x * np.cosh(t)) * _powers(t, v, k).imag) * wt
    return around - along.sum(axis=-1) / math.pi


def _k_integral(v: Any, x: Any, k: int) -> Any:
    t, wt = _ray()
    up, down = np.exp(v * t - x * np.cosh(t)), np.exp(-v * t - x * np.cosh(t))
    return (_kept(t**k * (up + (-1) ** k * down) / 2) * wt).sum(axis=-1)


def _family(name: str, integral: Any, below: float, above: float, doc: str) -> tuple[Elementwise, Elementwise]:
    """A function of order and argument, with f' = below·f(v − 1) + above·f(v + 1); and its derivatives by the order."""

    def by_argument(f: Callable[[Any], Any], v: Any) -> Any:
        return below * f(v - 1) + above * f(v + 1)

    of_order: Elementwise = Elementwise(
        f"{name}_order", _of_order(integral),
        lambda a, b, c: of_order.bind(a, b, c + 1),
        lambda a, b, c: by_argument(lambda v: of_order.bind(v, b, c), a), None,
        doc=f"The c-th derivative of {name}(a, b) by the order a, for b > 0 and a whole number c.",
    )  # fmt: skip
    function: Elementwise = row(
        name, lambda a, b: of_order.bind(a, b, 1), lambda a, b: by_argument(lambda v: function.bind(v, b), a), doc=doc
    )
    return function, of_order


jv, jv_order = _family("jv", _j_integral, 0.5, -0.5, "The Bessel function of the first kind, of order a, at b.")
yv, yv_order = _family("yv", _y_integral, 0.5, -0.5, "The Bessel function of the second kind, of order a, at b.")
iv, iv_order = _family("iv", _i_integral, 0.5, 0.5, "The modified Bessel function of the first kind, of order a, at b.")
kv, kv_order = _family(
    "kv", _k_integral, -0.5, -0.5, "The modified Bessel function of the second kind, of order a, at b."
)

ive: Elementwise = row(
    "ive", lambda a, b: iv_order.bind(a, b, 1) * np.exp(-np.abs(b)),
    lambda a, b, y: (ive.bind(a - 1, b) + ive.bind(a + 1, b)) / 2 - np.sign(b) * y, doc="exp(−|b|)·iv(a, b).",
)  # fmt: skip
i0: Elementwise = row("i0", lambda x: i1.bind(x), doc="iv(0, x).")
i1: Elementwise = row("i1", lambda x: (i0.bind(x) + iv.bind(2.0, x)) / 2, doc="iv(1, x).")
i0e: Elementwise = row("i0e", lambda x, y: i1e.bind(x) - np.sign(x) * y, doc="exp(−|x|)·iv(0, x).")
i1e: Elementwise = row(
    "i1e", lambda x, y: (i0e.bind(x) + ive.bind(2.0, x)) / 2 - np.sign(x) * y, doc="exp(−|x|)·iv(1, x)."
)
j0: Elementwise = row("j0", lambda x: -j1.bind(x), doc="jv(0, x).")
j1: Elementwise = row("j1", lambda x: (j0.bind(x) - jv.bind(2.0, x)) / 2, doc="jv(1, x).")
y0: Elementwise = row("y0", lambda x: -y1.bind(x), doc="yv(0, x).")
y1: Elementwise = row("y1", lambda x: (y0.bind(x) - yv.bind(2.0, x)) / 2, doc="yv(1, x).")
k0: Elementwise = row("k0", lambda x: -k1.bind(x), doc="kv(0, x).")
k1: Elementwise = row("k1", lambda x: -(k0.bind(x) + kv.bind(2.0, x)) / 2, doc="kv(1, x).")
