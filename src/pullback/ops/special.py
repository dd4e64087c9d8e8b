"""Special functions: elementwise primitives with removable singularities, right at them in every order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pullback.batching.rules import as_it_is
from pullback.core.custom_kinds import CustomJVP
from pullback.core.kinds import Elementwise
from pullback.core.precision import single


def _sinc(x: Any) -> Any:
    z = math.pi * x
    zero, far = z == 0, np.isinf(z)
    return np.where(zero, 1, np.where(far, 0, np.sin(np.where(far, 0, z)) / np.where(zero, 1, z)))


def _sinc_derivative(x: Any, n: int) -> Any:
    """πⁿ·gₙ(πx), where gₙ(z) = ∫₀¹ tⁿ cos(zt + nπ/2) dt and so z·gₖ + k·gₖ₋₁ = sin(z + kπ/2).

    Upwards from g₀ that loses nothing where |z| ≥ n; downwards from gₖ ≈ 0 for a large k, where |z| < n (W. Gautschi,
    "Computational aspects of three-term recurrence relations", 1967).
    """
    z = math.pi * single(x)
    far = np.isinf(z)
    z = np.where(far, n, z)
    sine, cosine = np.sin(z), np.cos(z)
    turned = sine, cosine, -sine, -cosine  # by k quarters: sin(z + kπ/2)
    near = np.abs(z) < n
    small, large = np.where(near, z, 0), np.where(near, n, z)
    up = sine / large
    for k in range(1, n + 1):
        up = (turned[k % 4] - k * up) / large
    down = 0 * small
    for k in range(3 * n + 20, n, -1):
        down = (turned[k % 4] - small * down) * (1 / k)
    return (math.pi**n * np.where(far, 0, np.where(near, down, up))).astype(x.dtype)


sinc: Elementwise = Elementwise(
    "sinc",
    _sinc,
    lambda x: sinc_derivative.bind(x, 1),
    doc="sin(πx) / (πx), and 1 at 0; every derivative is right at 0.",
)
sinc_derivative: Elementwise = Elementwise(
    "sinc_derivative", _sinc_derivative, lambda a, b: sinc_derivative.bind(a, b + 1), None,
    doc="The b-th derivative of sinc at a; b is a Python int above 0.",
)  # fmt: skip


def _bessel_i(x: Any, order: int) -> Any:
    from scipy.special import iv  # heavy: only who uses it loads it

    found = iv(order, x)
    return found.astype(x.dtype) if found.dtype != x.dtype else found


def _bessel_i_tangent(primals: Any, tangents: Any, _y: Any, order: int) -> Any:
    (x,) = primals
    return tangents[0] * (bessel_i_.bind(x, order=abs(order - 1)) + bessel_i_.bind(x, order=order + 1)) / 2


bessel_i_: CustomJVP = CustomJVP(
    "bessel_i",
    _bessel_i,
    _bessel_i_tangent,
    batching=as_it_is,
    doc="The modified Bessel function of the first kind, of a whole order.",
)
