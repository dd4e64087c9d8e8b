"""Distributions of one positive variable, or of one above a bound.

Source of the formulas: N. Johnson, S. Kotz & N. Balakrishnan, *Continuous Univariate Distributions* (1994, 1995); names
and parameters are SciPy's.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Final, final

import numpy as np

from pullback.special import (
    betainc,
    betaln,
    digamma,
    gammainc,
    gammaincc,
    gammaln,
    log_ndtr,
    ndtr,
    ndtri,
    xlog1py,
    xlogy,
)
from pullback.special import gamma as gamma_function
from pullback.stats.constants import EULER
from pullback.stats.distribution import Distribution
from pullback.stats.univariate import Size

ROOT: Final = math.log(2 * math.pi) / 2


def _rising(a: Any, n: int) -> Any:
    """a(a + 1) … (a + n − 1)."""
    return math.prod(a + k for k in range(n))


class Positive(Distribution):
    """Of numbers above 0."""

    def _support(self, *_: Any) -> tuple[Any, Any]:
        return 0.0, math.inf


@final
class Gamma(Positive):
    """xᵃ⁻¹ e⁻ˣ / Γ(a)."""

    name: ClassVar[str] = "gamma"
    shapes = ("a",)

    def _logpdf(self, x: Any, a: Any) -> Any:
        return xlogy(a - 1, x) - x - gammaln(a)

    def _cdf(self, x: Any, a: Any) -> Any:
        return gammainc(a, x)

    def _sf(self, x: Any, a: Any) -> Any:
        return gammaincc(a, x)

    def _raw(self, n: int, a: Any) -> Any:
        return _rising(a, n)

    def _cumulants(self, a: Any) -> tuple[Any, Any, Any, Any]:
        return a, a, 2 * a, 6 * a

    def _entropy(self, a: Any) -> Any:
        return a + gammaln(a) + (1 - a) * digamma(a)

    def _draw(self, shapes: Any, size: Size, source: Any) -> Any:
        return self._drawn("standard_gamma", shapes, size, source)


@final
class Chi2(Positive):
    """The sum of df squares of standard normals: twice a gamma of df/2."""

    name: ClassVar[str] = "chi2"
    shapes = ("df",)

    def _logpdf(self, x: Any, df: Any) -> Any:
        return xlogy(df / 2 - 1, x) - x / 2 - gammaln(df / 2) - df / 2 * math.log(2)

    def _cdf(self, x: Any, df: Any) -> Any:
        return gammainc(df / 2, x / 2)

    def _sf(self, x: Any, df: Any) -> Any:
        return gammaincc(df / 2, x / 2)

    def _raw(self, n: int, df: Any) -> Any:
        return 2**n * _rising(df / 2, n)

    def _cumulants(self, df: Any) -> tuple[Any, Any, Any, Any]:
        return df, 2 * df, 8 * df, 48 * df

    def _entropy(self, df: Any) -> Any:
        return df / 2 + math.log(2) + gammaln(df / 2) + (1 - df / 2) * digamma(df / 2)

    def _draw(self, shapes: Any, size: Size, source: Any) -> Any:
        return self._drawn("chisquare", shapes, size, source)


@final
class Beta(Positive):
    """xᵃ⁻¹ (1 − x)ᵇ⁻¹ / B(a, b) on [0, 1]."""

    name: ClassVar[str] = "beta"
    shapes = ("a", "b")

    def _support(self, *_: Any) -> tuple[Any, Any]:
        return 0.0, 1.0

    def _logpdf(self, x: Any, a: Any, b: Any) -> Any:
        return xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b)

    def _cdf(self, x: Any, a: Any, b: Any) -> Any:
        return betainc(a, b, x)

    def _sf(self, x: Any, a: Any, b: Any) -> Any:
        return betainc(b, a, 1 - x)

    def _raw(self, n: int, a: Any, b: Any) -> Any:
        return math.prod((a + k) / (a + b + k) for k in range(n))

    def _cumulants(self, a: Any, b: Any) -> tuple[Any, Any, Any, Any]:
        total = a + b
        v = a * b / (total * total * (total + 1))
        third = v * 2 * (b - a) / (total * (total + 2))
        shape = 6 * ((a - b) ** 2 * (total + 1) - a * b * (total + 2)) / (a * b * (total + 2) * (total + 3))
        return a / total, v, third, shape * v * v

    def _entropy(self, a: Any, b: Any) -> Any:
        return betaln(a, b) - (a - 1) * digamma(a) - (b - 1) * digamma(b) + (a + b - 2) * digamma(a + b)

    def _draw(self, shapes: Any, size: Size, source: Any) -> Any:
        return self._drawn("beta", shapes, size, source)


@final
class Exponential(Positive):
    """e⁻ˣ."""

    name: ClassVar[str] = "expon"

    def _logpdf(self, x: Any) -> Any:
        return -x

    def _cdf(self, x: Any) -> Any:
        return -np.expm1(-x)

    def _sf(self, x: Any) -> Any:
        return np.exp(-x)

    def _logsf(self, x: Any) -> Any:
        return -x

    def _ppf(self, p: Any) -> Any:
        return -np.log1p(-p)

    def _isf(self, p: Any) -> Any:
        return -np.log(p)

    def _raw(self, n: int) -> Any:
        return float(math.factorial(n))

    def _cumulants(self) -> tuple[Any, Any, Any, Any]:
        return 1.0, 1.0, 2.0, 6.0

    def _entropy(self) -> Any:
        return 1.0


@final
class Weibull(Positive):
    """c xᶜ⁻¹ exp(−xᶜ)."""

    name: ClassVar[str] = "weibull_min"
    shapes = ("c",)

    def _logpdf(self, x: Any, c: Any) -> Any:
        return np.log(c) + xlogy(c - 1, x) - x**c

    def _cdf(self, x: Any, c: Any) -> Any:
        return -np.expm1(-(x**c))

    def _sf(self, x: Any, c: Any) -> Any:
        return np.exp(-(x**c))

    def _logsf(self, x: Any, c: Any) -> Any:
        return -(x**c)

    def _ppf(self, p: Any, c: Any) -> Any:
        return (-np.log1p(-p)) ** (1 / c)

    def _isf(self, p: Any, c: Any) -> Any:
        return (-np.log(p)) ** (1 / c)

    def _raw(self, n: int, c: Any) -> Any:
        return gamma_function(1 + n / c)

    def _entropy(self, c: Any) -> Any:
        return EULER * (1 - 1 / c) - np.log(c) + 1


@final
class Pareto(Distribution):
    """b / xᵇ⁺¹ for x ≥ 1."""

    name: ClassVar[str] = "pareto"
    shapes = ("b",)

    def _support(self, *_: Any) -> tuple[Any, Any]:
        return 1.0, math.inf

    def _typical(self, *_: Any) -> Any:
        return 2.0

    def _logpdf(self, x: Any, b: Any) -> Any:
        return np.log(b) - (b + 1) * np.log(x)

    def _cdf(self, x: Any, b: Any) -> Any:
        return -np.expm1(-b * np.log(x))

    def _sf(self, x: Any, b: Any) -> Any:
        return x**-b

    def _logsf(self, x: Any, b: Any) -> Any:
        return -b * np.log(x)

    def _ppf(self, p: Any, b: Any) -> Any:
        return np.exp(-np.log1p(-p) / b)

    def _isf(self, p: Any, b: Any) -> Any:
        return np.exp(-np.log(p) / b)

    def _raw(self, n: int, b: Any) -> Any:
        return np.where(b > n, b / np.where(b > n, b - n, 1.0), np.inf)

    def _cumulants(self, b: Any) -> tuple[Any, Any, Any, Any]:
        safe = np.where(b > 4, b, 5.0)
        c = np.where(b > 2, b, 3.0)
        v = c / ((c - 1) ** 2 * (c - 2))
        third = v**1.5 * 2 * (1 + np.where(b > 3, b, 4.0)) * np.sqrt((c - 2) / c) / (np.where(b > 3, b, 4.0) - 3)
        excess = 6 * (safe**3 + safe**2 - 6 * safe - 2) / (safe * (safe - 3) * (safe - 4))
        return (
            self._raw(1, b), np.where(b > 2, v, np.inf), np.where(b > 3, third, np.nan),
            np.where(b > 4, excess * v * v, np.nan),
        )  # fmt: skip

    def _entropy(self, b: Any) -> Any:
        return 1 + 1 / b - np.log(b)


@final
class HalfNormal(Positive):
    """√(2/π) exp(−x²/2), for x ≥ 0."""

    name: ClassVar[str] = "halfnorm"

    def _logpdf(self, x: Any) -> Any:
        return math.log(2) - ROOT - x * x / 2

    def _cdf(self, x: Any) -> Any:
        return 2 * ndtr(x) - 1

    def _sf(self, x: Any) -> Any:
        return 2 * ndtr(-x)

    def _logsf(self, x: Any) -> Any:
        return math.log(2) + log_ndtr(-x)

    def _ppf(self, p: Any) -> Any:
        return -ndtri((1 - p) / 2)

    def _isf(self, p: Any) -> Any:
        return -ndtri(p / 2)

    def _raw(self, n: int) -> Any:
        return 2 ** (n / 2) * math.gamma((n + 1) / 2) / math.sqrt(math.pi)

    def _entropy(self) -> Any:
        return 0.5 * math.log(math.pi / 2) + 0.5


gamma, chi2, beta, expon = Gamma(), Chi2(), Beta(), Exponential()
weibull_min, pareto, halfnorm = Weibull(), Pareto(), HalfNormal()
