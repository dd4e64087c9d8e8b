"""Distributions of one real variable, of either sign; those of a positive one stand in `positive.py`.

Source of the formulas: N. Johnson, S. Kotz & N. Balakrishnan, *Continuous Univariate Distributions* (1994, 1995); names
and parameters are SciPy's.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Final, final

import numpy as np

from pullback.ops.discrete import answer
from pullback.special import betainc, betaln, digamma, expit, log_expit, log_ndtr, logit, ndtr, ndtri
from pullback.special import i0e as i0e_
from pullback.special import i1e as i1e_
from pullback.special import ive as ive_
from pullback.stats.constants import EULER, riemann
from pullback.stats.distribution import Distribution
from pullback.stats.univariate import Size, constant

ROOT: Final = math.log(2 * math.pi) / 2


def _even(n: int, value: Any) -> Any:
    """A moment of what is symmetric about 0."""
    return 0.0 if n % 2 else value


class _Symmetric(Distribution):
    """About 0: the upper tail is the lower one, turned."""

    def _sf(self, x: Any, *shapes: Any) -> Any:
        return self._cdf(-x, *shapes)

    def _logsf(self, x: Any, *shapes: Any) -> Any:
        return self._logcdf(-x, *shapes)

    def _isf(self, p: Any, *shapes: Any) -> Any:
        return -self._ppf(p, *shapes)


@final
class Normal(_Symmetric):
    """exp(−x²/2) / √2π."""

    name: ClassVar[str] = "norm"

    def _logpdf(self, x: Any) -> Any:
        return -x * x / 2 - ROOT

    def _cdf(self, x: Any) -> Any:
        return ndtr(x)

    def _logcdf(self, x: Any) -> Any:
        return log_ndtr(x)

    def _ppf(self, p: Any) -> Any:
        return ndtri(p)

    def _raw(self, n: int) -> Any:
        return _even(n, float(math.prod(range(1, n, 2))))

    def _cumulants(self) -> tuple[Any, Any, Any, Any]:
        return 0.0, 1.0, 0.0, 0.0

    def _entropy(self) -> Any:
        return ROOT + 0.5

    def _draw(self, shapes: Any, size: Size, source: Any) -> Any:
        return self._drawn_plainly("standard_normal", size, source)

    def _drawn_plainly(self, method: str, size: Size, source: Any) -> Any:
        from pullback.functions.random import draw_

        return draw_(rng=source, method=method, args=(), dtype=float, size=size)


@final
class StudentT(_Symmetric):
    """Γ((ν+1)/2) / (√(πν) Γ(ν/2)) · (1 + x²/ν)^(−(ν+1)/2), ν = df."""

    name: ClassVar[str] = "t"
    shapes = ("df",)

    def _logpdf(self, x: Any, df: Any) -> Any:
        return -betaln(df / 2, 0.5) - np.log(df) / 2 - (df + 1) / 2 * np.log1p(x * x / df)

    def _cdf(self, x: Any, df: Any) -> Any:
        square = x * x
        near = square < df  # there 1 − df/(df + x²) would lose digits
        z, w = np.where(near, square / (df + square), 0.5), np.where(near, 0.5, df / (df + square))
        # In the middle by the share of x², in the tails by its complement.
        middle = (1 + np.sign(x) * betainc(0.5, df / 2, z)) / 2
        tail = betainc(df / 2, 0.5, w) / 2
        even = (1 + x * np.exp(self._logpdf(0.0 * x, df)) * 2) / 2  # at 0, where √ has no derivative
        middle = np.where(square == 0, even, middle)
        return np.where(near, middle, np.where(x < 0, tail, 1 - tail))

    def _raw(self, n: int, df: Any) -> Any:
        share = np.where(df > n, df, n + 1.0)
        size = math.prod(range(1, n, 2)) * math.prod(share / (share - k) for k in range(2, n + 1, 2))
        beyond = np.where(df > 1, np.inf, np.nan) if n == 2 else np.nan if n % 2 and n > 1 else np.inf
        return np.where(df > n, _even(n, size), beyond)  # SciPy has a mean of ∞ too, and no variance then

    def _cumulants(self, df: Any) -> tuple[Any, Any, Any, Any]:
        v, fourth = self._raw(2, df), 6 / np.where(df > 4, df - 4, 1.0)
        fourth = np.where(df > 4, fourth * v * v, np.where(df > 2, np.inf, np.nan))
        return self._raw(1, df), v, self._raw(3, df), fourth

    def _entropy(self, df: Any) -> Any:
        half = (df + 1) / 2
        return half * (digamma(half) - digamma(df / 2)) + np.log(df) / 2 + betaln(df / 2, 0.5)

    def _draw(self, shapes: Any, size: Size, source: Any) -> Any:
        return self._drawn("standard_t", shapes, size, source)


@final
class Laplace(_Symmetric):
    """exp(−|x|) / 2."""

    name: ClassVar[str] = "laplace"

    def _logpdf(self, x: Any) -> Any:
        return -np.abs(x) - math.log(2)

    def _cdf(self, x: Any) -> Any:
        tail = np.exp(-np.abs(x)) / 2
        return np.where(x < 0, tail, 1 - tail)

    def _logcdf(self, x: Any) -> Any:
        return np.where(x < 0, x - math.log(2), np.log1p(-np.exp(-np.abs(x)) / 2))

    def _ppf(self, p: Any) -> Any:
        return np.where(p < 0.5, np.log(2 * p), -np.log(2 * (1 - p)))

    def _raw(self, n: int) -> Any:
        return _even(n, float(math.factorial(n)))

    def _cumulants(self) -> tuple[Any, Any, Any, Any]:
        return 0.0, 2.0, 0.0, 12.0

    def _entropy(self) -> Any:
        return 1 + math.log(2)


@final
class Logistic(_Symmetric):
    """e⁻ˣ / (1 + e⁻ˣ)²."""

    name: ClassVar[str] = "logistic"

    def _logpdf(self, x: Any) -> Any:
        return log_expit(x) + log_expit(-x)

    def _cdf(self, x: Any) -> Any:
        return expit(x)

    def _logcdf(self, x: Any) -> Any:
        return log_expit(x)

    def _ppf(self, p: Any) -> Any:
        return logit(p)

    def _raw(self, n: int) -> Any:
        return _even(n, 2 * math.factorial(n) * (1 - 2.0 ** (1 - n)) * riemann(n))

    def _cumulants(self) -> tuple[Any, Any, Any, Any]:
        return 0.0, math.pi**2 / 3, 0.0, 2 * math.pi**4 / 15

    def _entropy(self) -> Any:
        return 2.0


@final
class Gumbel(Distribution):
    """exp(−x − e⁻ˣ): of the largest of many."""

    name: ClassVar[str] = "gumbel_r"

    def _logpdf(self, x: Any) -> Any:
        return -x - np.exp(-x)

    def _cdf(self, x: Any) -> Any:
        return np.exp(-np.exp(-x))

    def _sf(self, x: Any) -> Any:
        return -np.expm1(-np.exp(-x))

    def _logcdf(self, x: Any) -> Any:
        return -np.exp(-x)

    def _ppf(self, p: Any) -> Any:
        return -np.log(-np.log(p))

    def _isf(self, p: Any) -> Any:
        return -np.log(-np.log1p(-p))

    def _raw(self, n: int) -> Any:
        cumulants = [EULER, *(math.factorial(k - 1) * riemann(k) for k in range(2, n + 1))]
        moments = [1.0]
        for m in range(n):
            moments.append(sum(math.comb(m, k) * cumulants[k] * moments[m - k] for k in range(m + 1)))
        return moments[n]

    def _cumulants(self) -> tuple[Any, Any, Any, Any]:
        return EULER, math.pi**2 / 6, 2 * riemann(3), math.pi**4 / 15

    def _entropy(self) -> Any:
        return 1 + EULER


@final
class Cauchy(_Symmetric):
    """1 / (π(1 + x²))."""

    name: ClassVar[str] = "cauchy"

    def _logpdf(self, x: Any) -> Any:
        return -math.log(math.pi) - np.log1p(x * x)

    def _cdf(self, x: Any) -> Any:
        return np.arctan2(1.0, -x) / math.pi  # accurate in the lower tail

    def _ppf(self, p: Any) -> Any:
        low = p < 0.5
        tail = np.where(low, p, 1 - p)
        far = tail < 0.25  # in the middle the tangent of what is left is 0 where p is ½
        size = np.where(far, 1 / np.tan(math.pi * np.where(far, tail, 0.25)), np.tan(math.pi * (0.5 - tail)))
        return np.where(low, -size, size)

    def _raw(self, n: int) -> Any:
        return math.nan

    def _entropy(self) -> Any:
        return math.log(4 * math.pi)


@final
class TruncatedNormal(Distribution):
    """The normal distribution on [a, b], which count in standard deviations, as SciPy's."""

    name: ClassVar[str] = "truncnorm"
    shapes = ("a", "b")

    def _possible(self, a: Any, b: Any) -> Any:
        return a < b

    def _support(self, a: Any, b: Any) -> tuple[Any, Any]:
        return a, b

    def _typical(self, a: Any, b: Any) -> Any:
        low = np.where(np.isfinite(a), a, np.where(np.isfinite(b), b - 2, -1.0))
        return (low + np.where(np.isfinite(b), b, low + 2)) / 2

    @staticmethod
    def _mass(a: Any, b: Any) -> Any:
        """log(Φ(b) − Φ(a)), from the tail in which both lie."""
        turned = a > 0
        low, high = np.where(turned, -b, a), np.where(turned, -a, b)
        return log_ndtr(high) + np.log1p(-np.exp(log_ndtr(low) - log_ndtr(high)))

    def _logpdf(self, x: Any, a: Any, b: Any) -> Any:
        return -x * x / 2 - ROOT - self._mass(a, b)

    def _cdf(self, x: Any, a: Any, b: Any) -> Any:
        upper = a > 0
        far, near = np.where(upper, ndtr(-a), ndtr(x)), np.where(upper, ndtr(-x), ndtr(a))
        return (far - near) * np.exp(-self._mass(a, b))

    def _sf(self, x: Any, a: Any, b: Any) -> Any:
        upper = x > 0
        far, near = np.where(upper, ndtr(-x), ndtr(b)), np.where(upper, ndtr(-b), ndtr(x))
        return (far - near) * np.exp(-self._mass(a, b))

    @staticmethod
    def _beside(n: int, a: Any, b: Any, mass: Any) -> Any:
        """aⁿ φ(a) − bⁿ φ(b), by the mass between them."""

        def term(x: Any) -> Any:
            safe = np.where(np.isfinite(x), x, 0.0)
            return np.where(np.isfinite(x), safe**n * np.exp(-safe * safe / 2 - ROOT - mass), 0.0)

        return term(a) - term(b)

    def _raw(self, n: int, a: Any, b: Any) -> Any:
        mass, moments = self._mass(a, b), [1.0 + 0.0 * self._mass(a, b)]
        for k in range(1, n + 1):
            moments.append(self._beside(k - 1, a, b, mass) + ((k - 1) * moments[k - 2] if k > 1 else 0.0))
        return moments[n]

    def _entropy(self, a: Any, b: Any) -> Any:
        mass = self._mass(a, b)
        return ROOT + 0.5 + mass + self._beside(1, a, b, mass) / 2


@final
class VonMises(_Symmetric):
    """exp(κ cos x) / (2π I₀(κ)), of an angle; κ = kappa below 200 or so. Quantiles and draws lie in [−π, π]."""

    name: ClassVar[str] = "vonmises"
    shapes = ("kappa",)
    TERMS: ClassVar[int] = 60  # of the series of the distribution function

    def _logpdf(self, x: Any, kappa: Any) -> Any:
        return kappa * (np.cos(x) - 1) - math.log(2 * math.pi) - np.log(i0e_(kappa))

    def _cdf(self, x: Any, kappa: Any) -> Any:
        """By the Fourier series of the density; each whole turn counts 1, as SciPy has it."""
        orders = np.arange(1.0, self.TERMS + 1)
        ratios = ive_(orders, kappa[..., None]) / i0e_(kappa)[..., None]
        waves = np.sin(orders * x[..., None]) / orders
        return 0.5 + x / (2 * math.pi) + (ratios * waves).sum(axis=-1) / math.pi

    def _logcdf(self, x: Any, kappa: Any) -> Any:
        return np.log(self._cdf(x, kappa))

    def _possible(self, kappa: Any) -> Any:
        return kappa >= 0

    def _raw(self, n: int, kappa: Any) -> Any:
        """Of an angle in [−π, π], by the Fourier series of the density."""
        if n % 2:
            return 0.0 * kappa
        j = np.arange(1.0, self.TERMS + 1)
        waves, signs = np.zeros(self.TERMS), np.where(j % 2, -1.0, 1.0)  # ∫ xᵏ cos(jx) dx, by parts
        for k in range(2, n + 1, 2):
            waves = (2 * k * math.pi ** (k - 1) * signs - k * (k - 1) * waves) / (j * j)
        ratios = ive_(j, kappa[..., None]) / i0e_(kappa)[..., None]
        return math.pi**n / (n + 1) + (ratios * waves).sum(axis=-1) / math.pi

    def _entropy(self, kappa: Any) -> Any:
        ratio = i1e_(kappa) / i0e_(kappa)
        return math.log(2 * math.pi) + np.log(i0e_(kappa)) + kappa * (1 - ratio)

    def _draw(self, shapes: Any, size: Size, source: Any) -> Any:
        from pullback.functions.random import draw_

        (kappa,) = shapes
        zero = answer(np.zeros_like, constant(kappa))
        x = draw_(zero, constant(kappa), rng=source, method="vonmises", args=(), dtype=float, size=size)
        return self._implied(x, constant(self._cdf(x, constant(kappa))), kappa)


norm, t, laplace, logistic, gumbel_r = Normal(), StudentT(), Laplace(), Logistic(), Gumbel()
cauchy, truncnorm, vonmises = Cauchy(), TruncatedNormal(), VonMises()
