"""Hypergeometric functions, elliptic integrals, the zeta function and Lambert's W.

The zeta function is summed by Euler and Maclaurin, and so is its derivative by the exponent; derivatives by the
parameters of hypergeometric functions are sums of series (`series`).
Source of the rest: NIST *Digital Library of Mathematical Functions*, chapters 13, 15, 19 and 25.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from pullback.core.kinds import Elementwise
from pullback.core.precision import of_reals
from pullback.ops.special_functions.scipys import row
from pullback.ops.special_functions.series import BASE, confluent, gauss

SUMMED: Final = 12  # terms of zeta that are added one by one
# Bernoulli numbers B₂ₖ / (2k)!, k = 1, 2, …
BERNOULLI: Final = tuple(
    b / math.factorial(2 * k)
    for k, b in enumerate((1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798), 1)
)


@of_reals
@np.errstate(all="ignore")
def _zeta_order(s: Any, q: Any, k: Any) -> Any:
    """The k-th derivative by s of Σ (n + q)⁻ˢ, by Euler and Maclaurin: all factors are series in a step ε of s."""
    s, q = np.broadcast_arrays(np.asarray(s, float), np.asarray(q, float))
    k = int(k)
    total = sum((-np.log(q + n)) ** k * (q + n) ** -s for n in range(SUMMED))
    far = q + SUMMED
    logs = [(-np.log(far)) ** i / math.factorial(i) * far**-s for i in range(k + 1)]
    pole = [(-1.0) ** i / (s - 1) ** (i + 1) for i in range(k + 1)]
    series = _times(logs, [far * p for p in pole])
    series = [x + y / 2 for x, y in zip(series, logs, strict=True)]
    rising = [s, np.ones_like(s), *[np.zeros_like(s)] * max(k - 1, 0)][: k + 1]
    for j, bernoulli in enumerate(BERNOULLI):
        series = [x + bernoulli * far ** (-2 * j - 1) * y for x, y in zip(series, _times(logs, rising), strict=True)]
        for step in (2 * j + 1, 2 * j + 2):
            rising = _times(rising, [s + step, np.ones_like(s), *[np.zeros_like(s)] * max(k - 1, 0)][: k + 1])
    return np.asarray(total + math.factorial(k) * series[k])


def _times(a: list[Any], b: list[Any]) -> list[Any]:
    """The product of two truncated series."""
    return [sum(a[i] * b[n - i] for i in range(n + 1)) for n in range(len(a))]


zeta_order: Elementwise = Elementwise(
    "zeta_order", _zeta_order, lambda a, b, c: zeta_order.bind(a, b, c + 1),
    lambda a, b, c: -a * zeta_order.bind(a + 1, b, c) - (c * zeta_order.bind(a + 1, b, c - 1) if c else 0), None,
    doc="The c-th derivative of zeta(a, b) by a, for a whole number c.",
)  # fmt: skip
zeta: Elementwise = row(
    "zeta", lambda a, b: zeta_order.bind(a, b, 1), lambda a, b: -a * zeta.bind(a + 1, b),
    doc="The zeta function of Hurwitz, Σ (n + b)⁻ᵃ.",
)  # fmt: skip


hyp1f1: Elementwise = row(
    "hyp1f1", lambda a, b, c: confluent.bind(a, b, c, 1), lambda a, b, c: confluent.bind(a, b, c, BASE),
    lambda a, b, c: a / b * hyp1f1.bind(a + 1, b + 1, c), doc="Kummer's function ₁F₁(a; b; c).",
)  # fmt: skip
hyp2f1: Elementwise = row(
    "hyp2f1", lambda a, b, c, d: gauss.bind(a, b, c, d, 1), lambda a, b, c, d: gauss.bind(a, b, c, d, BASE),
    lambda a, b, c, d: gauss.bind(a, b, c, d, BASE**2),
    lambda a, b, c, d: a * b / c * hyp2f1.bind(a + 1, b + 1, c + 1, d), doc="Gauss's function ₂F₁(a, b; c; d).",
)  # fmt: skip
ellipk = row("ellipk", lambda x: math.pi / 8 * hyp2f1.bind(1.5, 1.5, 2.0, x), doc="∫₀^(π/2) (1 − x sin²t)^(−½) dt.")
ellipe = row("ellipe", lambda x: -math.pi / 8 * hyp2f1.bind(0.5, 1.5, 2.0, x), doc="∫₀^(π/2) (1 − x sin²t)^½ dt.")


def _lambertw(x: Any) -> Any:
    from scipy.special import lambertw as scipys  # heavy: only who uses it loads it

    found = scipys(x)
    return np.where(found.imag == 0, found.real, np.nan).astype(x.dtype)[()]


lambertw: Elementwise = Elementwise(
    "lambertw", of_reals(_lambertw), lambda y: np.exp(-y) / (1 + y),
    doc="The real y of y·eʸ = x, its principal branch; NaN below −1/e, where it is complex.",
)  # fmt: skip
