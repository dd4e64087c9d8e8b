"""The gamma function and its relatives; incomplete gamma and beta functions in every argument.

In the parameters, a derivative of an integral is the integral of the derivative: of gammainc, with the logarithm
centred so that no digits cancel,

    gₖ(a, x) = ∫₀ˣ log(t/a)ᵏ tᵃ⁻¹ e⁻ᵗ dt / Γ(a),   ∂gₖ/∂a = gₖ₊₁ + (log a − ψ(a)) gₖ − k/a gₖ₋₁

by tanh-sinh quadrature (H. Takahasi & M. Mori 1974), which does not mind the singular end at 0. Source of the rest:
NIST *Digital Library of Mathematical Functions*, chapters 5 and 8.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

import numpy as np

from pullback.core.errors import NoGradientError
from pullback.core.kinds import Elementwise, strong_product
from pullback.core.origin import user_line
from pullback.core.precision import of_reals
from pullback.ops.special_functions.scipys import row

SPREADS: Final = 14.0  # standard deviations beyond which nothing of a density is left
STEP: Final = 1 / 32  # of the quadrature


@cache
def tanh_sinh() -> tuple[Any, Any, Any]:
    """Nodes in (0, 1), their distances from 1, and weights."""
    u = np.arange(-6 / STEP, 6 / STEP + 1) * STEP
    bent = math.pi / 2 * np.sinh(u)
    left = 1 / (1 + np.exp(-2 * bent))
    weights = math.pi / 2 * np.cosh(u) / (2 * np.cosh(bent) ** 2) * STEP
    return left, 1 / (1 + np.exp(2 * bent)), weights


def _rgamma_slope(x: Any, y: Any) -> Any:
    """−y·ψ(x); where x is below ½ by reflection, for y is 0 and ψ infinite at the poles of Γ."""
    low = x < 0.5
    above, below = np.where(low, 1.0, x), 1 - np.where(low, x, 0.0)
    turned = np.cos(math.pi * x) - digamma.bind(below) * np.sin(math.pi * x) / math.pi
    return np.where(low, gamma.bind(np.where(low, below, 1.0)) * turned, -y * digamma.bind(above))


gamma: Elementwise = row("gamma", lambda x, y: y * digamma.bind(x), doc="The gamma function Γ(x).")
gammaln: Elementwise = row("gammaln", lambda x: digamma.bind(x), doc="log |Γ(x)|.")
gammasgn = row("gammasgn", 0, doc="The sign of Γ(x); derivative 0.")
rgamma = row("rgamma", _rgamma_slope, doc="1 / Γ(x), 0 at the poles of Γ.")
digamma: Elementwise = row("digamma", lambda x: polygamma.bind(1, x), doc="ψ(x), the derivative of log Γ(x).")


def _polygamma(n: Any, x: Any) -> Any:
    from scipy import special  # heavy: only who uses it loads it

    return np.asarray(special.polygamma(n, x), getattr(x, "dtype", None))


def _of_whole_order(a: Any) -> Any:
    raise NoGradientError(
        "polygamma: the order is a whole number, and has no derivative", order=a, line=user_line(),
        fix="differentiate by the argument alone",
    )  # fmt: skip


polygamma: Elementwise = Elementwise(
    "polygamma", of_reals(_polygamma), _of_whole_order, lambda a, b: polygamma.bind(a + 1, b),
    doc="The a-th derivative of ψ at b; a is a whole number.",
)  # fmt: skip
beta: Elementwise = row(
    "beta", lambda a, b, y: y * (digamma.bind(a) - digamma.bind(a + b)),
    lambda a, b, y: y * (digamma.bind(b) - digamma.bind(a + b)), doc="Γ(a)Γ(b) / Γ(a + b).",
)  # fmt: skip
betaln: Elementwise = row(
    "betaln", lambda a, b: digamma.bind(a) - digamma.bind(a + b), lambda a, b: digamma.bind(b) - digamma.bind(a + b),
    doc="log |beta(a, b)|.",
)  # fmt: skip


def _gamma_density(a: Any, b: Any) -> Any:
    return np.exp(xlogs(a - 1, b) - b - gammaln.bind(a))


def xlogs(a: Any, x: Any) -> Any:
    """a·log x, and 0 where a is 0."""
    return strong_product(a, np.log(x))


@of_reals
@np.errstate(all="ignore")
def _gamma_moment(a: Any, x: Any, k: Any) -> Any:
    """gₖ(a, x) of the page's head."""
    from scipy.special import gammaln as scipys  # heavy: only who uses it loads it

    left, _, weights = tanh_sinh()
    a, x = np.broadcast_arrays(np.asarray(a, float), np.asarray(x, float))
    wide = SPREADS * np.sqrt(a) + 2 * SPREADS**2 / 10
    low, high = np.maximum(a - wide, 0), np.minimum(x, a + wide + 20)
    span = np.maximum(high - low, 0)[..., None]
    t = low[..., None] + span * left
    terms = np.exp((a[..., None] - 1) * np.log(t) - t - scipys(a)[..., None]) * np.log(t / a[..., None]) ** k
    return np.asarray((np.where(np.isfinite(terms), terms, 0) * weights * span).sum(axis=-1))


def _moment_by_a(a: Any, b: Any, c: Any) -> Any:
    up = gamma_moment.bind(a, b, c + 1) + (np.log(a) - digamma.bind(a)) * gamma_moment.bind(a, b, c)
    return up - c / a * gamma_moment.bind(a, b, c - 1) if c else up


gamma_moment: Elementwise = Elementwise(
    "gamma_moment", _gamma_moment, _moment_by_a, lambda a, b, c: np.log(b / a) ** c * _gamma_density(a, b), None,
    doc="∫₀ᵇ log(t/a)ᶜ tᵃ⁻¹ e⁻ᵗ dt / Γ(a), for a whole number c.",
)  # fmt: skip


def _gammainc_by_a(a: Any, b: Any, y: Any) -> Any:
    return gamma_moment.bind(a, b, 1) + (np.log(a) - digamma.bind(a)) * y


gammainc: Elementwise = row(
    "gammainc", _gammainc_by_a, _gamma_density, doc="The lower incomplete gamma function, by Γ(a): P(X < b)."
)
gammaincc: Elementwise = row(
    "gammaincc", lambda a, b: -_gammainc_by_a(a, b, gammainc.bind(a, b)), lambda a, b: -_gamma_density(a, b),
    doc="1 − gammainc(a, b), accurate where it is small.",
)  # fmt: skip


def _beta_density(a: Any, b: Any, x: Any) -> Any:
    return np.exp(xlogs(a - 1, x) + strong_product(b - 1, np.log1p(-x)) - betaln.bind(a, b))


@of_reals
@np.errstate(all="ignore")
def _beta_moment(a: Any, b: Any, x: Any, j: Any, k: Any) -> Any:
    from scipy.special import betaln as scipys  # heavy: only who uses it loads it

    left, right, weights = tanh_sinh()
    a, b, x = np.broadcast_arrays(*(np.asarray(v, float) for v in (a, b, x)))
    mean = a / (a + b)
    wide = SPREADS * np.sqrt(mean * (1 - mean) / (a + b + 1))
    low = np.where(wide < mean, np.maximum(mean - wide - 20 / (a + b), 0), 0)
    low = np.minimum(low, x)
    span = (x - low)[..., None]
    t, rest = low[..., None] + span * left, (1 - x)[..., None] + span * right
    p, q = np.log(t), np.log(rest)
    density = np.exp((a[..., None] - 1) * p + (b[..., None] - 1) * q - scipys(a, b)[..., None])
    terms = density * p**j * q**k
    return np.asarray((np.where(np.isfinite(terms), terms, 0) * weights * span).sum(axis=-1))


def _moment_of(j: int, k: int, a: Any, b: Any, x: Any) -> Any:
    return beta_moment.bind(a, b, x, j, k)


beta_moment: Elementwise = Elementwise(
    "beta_moment", _beta_moment,
    lambda a, b, c, d, e: _moment_of(d + 1, e, a, b, c)
    - (digamma.bind(a) - digamma.bind(a + b)) * _moment_of(d, e, a, b, c),
    lambda a, b, c, d, e: _moment_of(d, e + 1, a, b, c)
    - (digamma.bind(b) - digamma.bind(a + b)) * _moment_of(d, e, a, b, c),
    lambda a, b, c, d, e: np.log(c) ** d * np.log1p(-c) ** e * _beta_density(a, b, c), None, None,
    doc="∫₀ᶜ log(t)ᵈ log(1 − t)ᵉ tᵃ⁻¹ (1 − t)ᵇ⁻¹ dt / beta(a, b), for whole numbers d and e.",
)  # fmt: skip
betainc: Elementwise = row(
    "betainc",
    lambda a, b, c, y: _moment_of(1, 0, a, b, c) - (digamma.bind(a) - digamma.bind(a + b)) * y,
    lambda a, b, c, y: _moment_of(0, 1, a, b, c) - (digamma.bind(b) - digamma.bind(a + b)) * y,
    lambda a, b, c: _beta_density(a, b, c),
    doc="The incomplete beta function, by beta(a, b): P(X < c).",
)  # fmt: skip
