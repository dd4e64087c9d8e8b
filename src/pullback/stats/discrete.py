"""Distributions of whole numbers; what they differentiate in are their parameters.

Source of the formulas: N. Johnson, A. Kemp & S. Kotz, *Univariate Discrete Distributions* (2005); names and parameters
are SciPy's.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, final

import numpy as np

from pullback.functions.creation import asarray
from pullback.functions.deciding import deciding
from pullback.functions.random import draw_
from pullback.ops.discrete import BY_ELEMENT, answer
from pullback.special import betainc, entr, gammaincc, gammaln, xlog1py, xlogy
from pullback.stats.distribution import scipys_inverse
from pullback.stats.univariate import Size, Taken, Univariate, constant


def _partitions(n: int, k: int) -> int:
    """In how many ways n things are k heaps: Stirling's numbers of the second kind."""
    return sum((-1) ** (k - i) * math.comb(k, i) * i**n for i in range(k + 1)) // math.factorial(k)


def _whole(x: Any) -> Any:
    return np.asarray(x).astype(np.int64)


BY_ELEMENT.add(_whole)


class Counting(Univariate):
    """A distribution of whole numbers, from `loc` on."""

    places: ClassVar[dict[str, float]] = {"loc": 0.0}
    method: ClassVar[str]  # of NumPy's generator

    def last(self, *_: Any) -> Any:
        """The largest k that is possible."""
        return math.inf

    def _support(self, *shapes: Any) -> tuple[Any, Any]:
        return 0.0, self.last(*shapes)

    @abstractmethod
    def _logpmf(self, k: Any, *shapes: Any) -> Any:
        """The logarithm of P(X = k)."""

    @abstractmethod
    def _cdf(self, k: Any, *shapes: Any) -> Any:
        """P(X ≤ k), for a k that is not the last."""

    @abstractmethod
    def _sf(self, k: Any, *shapes: Any) -> Any:
        """P(X > k), likewise."""

    @abstractmethod
    def terms(self, *shapes: Any) -> int:
        """How many k have all that counts of the probability."""

    @abstractmethod
    def _factorial(self, n: int, *shapes: Any) -> Any:
        """E[X(X − 1) … (X − n + 1)]."""

    def _raw(self, n: int, *shapes: Any) -> Any:
        return sum(_partitions(n, k) * self._factorial(k, *shapes) for k in range(1, n + 1))

    def _counted(self, k: Any, args: Any, given: Any) -> tuple[Any, list[Any]]:
        """How far k is from `loc`, NaN where there is no distribution, and the shape parameters."""
        shapes, loc, good = self._taken(args, given)
        return (asarray(k) * 1.0 - loc) * constant(good), shapes

    def logpmf(self, k: Any, *args: Any, **given: Any) -> Any:
        """The logarithm of P(X = k); −∞ for a k that is not possible."""
        k, shapes = self._counted(k, args, given)
        inside = (k >= 0) & (k <= self.last(*shapes)) & (np.floor(k) == k) & np.isfinite(k)
        found = self._logpmf(np.where(inside, k, 0.0), *shapes)
        return np.where(inside, found, np.where(k == k, -np.inf, np.nan).astype(found.dtype))

    def pmf(self, k: Any, *args: Any, **given: Any) -> Any:
        """P(X = k)."""
        return np.exp(self.logpmf(k, *args, **given))

    def _share(self, how: Any, below: float, above: float, k: Any, args: Any, given: Any) -> Any:
        k, shapes = self._counted(k, args, given)
        k = np.floor(k)
        inside = (k >= 0) & (k < self.last(*shapes))
        found, number = how(np.where(inside, k, 0.0), *shapes), k.dtype.type
        beside = np.where(k < 0, number(below), np.where(k == k, number(above), number(np.nan)))
        return np.where(inside, found, beside)

    def cdf(self, k: Any, *args: Any, **given: Any) -> Any:
        """P(X ≤ k)."""
        return self._share(self._cdf, 0.0, 1.0, k, args, given)

    def sf(self, k: Any, *args: Any, **given: Any) -> Any:
        """P(X > k)."""
        return self._share(self._sf, 1.0, 0.0, k, args, given)

    def logcdf(self, k: Any, *args: Any, **given: Any) -> Any:
        """The logarithm of P(X ≤ k)."""
        return self._share(lambda k, *s: np.log(self._cdf(k, *s)), -np.inf, 0.0, k, args, given)

    def logsf(self, k: Any, *args: Any, **given: Any) -> Any:
        """The logarithm of P(X > k)."""
        return self._share(lambda k, *s: np.log(self._sf(k, *s)), 0.0, -np.inf, k, args, given)

    def ppf(self, q: Any, *args: Any, **given: Any) -> Any:
        """The least k with P(X ≤ k) ≥ q; it jumps, and has derivative 0 but by loc."""
        return self._jumping("ppf", q, args, given)

    def isf(self, q: Any, *args: Any, **given: Any) -> Any:
        """The least k with P(X > k) ≤ q; it jumps, and has derivative 0 but by loc."""
        return self._jumping("isf", q, args, given)

    def _jumping(self, tail: str, q: Any, args: Any, given: Any) -> Any:
        shapes, loc, _ = self._taken(args, given)
        found = answer(scipys_inverse, constant(q), *map(constant, shapes), name=self.name, tail=tail)
        return found + loc

    def entropy(self, *args: Any, **given: Any) -> Any:
        """−Σ p log p, summed over all k that count."""
        shapes, _, good = self._taken(args, given)
        k = np.arange(float(self.terms(*shapes)))
        each = [s[..., None] for s in shapes]
        inside = k <= self.last(*each)
        logs = np.where(inside, self._logpmf(np.where(inside, k, 0.0), *each), -np.inf)
        return entr(np.exp(logs)).sum(axis=-1) * constant(good)

    def _drawn_of(self, taken: Taken, size: Size, source: Any) -> Any:
        shapes, loc = taken.shapes, answer(_whole, constant(taken.loc))
        if size is None:
            size = np.broadcast_shapes(loc.shape, *(s.shape for s in shapes))
        return self._drawn([constant(s) for s in shapes], size, source) + loc

    def _drawn(self, shapes: Sequence[Any], size: Size, source: Any) -> Any:
        return draw_(*shapes, rng=source, method=self.method, args=(), dtype=np.int64, size=size)


def _largest(x: Any) -> float:
    return float(np.max(np.asarray(constant(x).numpy()), initial=0))


@final
class Poisson(Counting):
    """μᵏ e^(−μ) / k!."""

    name, shapes, method = "poisson", ("mu",), "poisson"

    def _logpmf(self, k: Any, mu: Any) -> Any:
        return xlogy(k, mu) - mu - gammaln(k + 1)

    def _cdf(self, k: Any, mu: Any) -> Any:
        return gammaincc(k + 1, mu)

    def _sf(self, k: Any, mu: Any) -> Any:
        from pullback.special import gammainc

        return gammainc(k + 1, mu)

    def _possible(self, mu: Any) -> Any:
        return mu >= 0

    def _factorial(self, n: int, mu: Any) -> Any:
        return mu**n

    def _cumulants(self, mu: Any) -> tuple[Any, Any, Any, Any]:
        return mu, mu, mu, mu

    @partial(deciding, name="entropy")
    def terms(self, mu: Any) -> int:
        """How many k count."""
        return int(_largest(mu) + 12 * math.sqrt(_largest(mu)) + 40)


@final
class Binomial(Counting):
    """C(n, k) pᵏ (1 − p)ⁿ⁻ᵏ."""

    name, shapes, method = "binom", ("n", "p"), "binomial"

    def last(self, n: Any, p: Any) -> Any:
        """The largest k."""
        return n

    def _logpmf(self, k: Any, n: Any, p: Any) -> Any:
        count = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
        return count + xlogy(k, p) + xlog1py(n - k, -p)

    def _cdf(self, k: Any, n: Any, p: Any) -> Any:
        rest = n - k
        return betainc(np.where(rest > 0, rest, 1.0), k + 1, 1 - p)

    def _sf(self, k: Any, n: Any, p: Any) -> Any:
        rest = n - k
        return betainc(k + 1, np.where(rest > 0, rest, 1.0), p)

    def _possible(self, n: Any, p: Any) -> Any:
        return (n >= 0) & (np.floor(n) == n) & (p >= 0) & (p <= 1)

    def _factorial(self, n: int, *shapes: Any) -> Any:
        count, p = shapes
        return math.prod(count - k for k in range(n)) * p**n

    def _cumulants(self, n: Any, p: Any) -> tuple[Any, Any, Any, Any]:
        v = n * p * (1 - p)
        return n * p, v, v * (1 - 2 * p), v * (1 - 6 * p * (1 - p))

    @partial(deciding, name="entropy")
    def terms(self, n: Any, p: Any) -> int:
        """How many k count."""
        return int(_largest(n)) + 1

    def _drawn(self, shapes: Sequence[Any], size: Size, source: Any) -> Any:
        n, p = shapes
        return super()._drawn([np.asarray(n.numpy()).astype(np.int64), p], size, source)


@final
class NegativeBinomial(Counting):
    """C(k + n − 1, k) pⁿ (1 − p)ᵏ: failures before the n-th success."""

    name, shapes, method = "nbinom", ("n", "p"), "negative_binomial"

    def _logpmf(self, k: Any, n: Any, p: Any) -> Any:
        return gammaln(k + n) - gammaln(k + 1) - gammaln(n) + n * np.log(p) + xlog1py(k, -p)

    def _cdf(self, k: Any, n: Any, p: Any) -> Any:
        return betainc(n, k + 1, p)

    def _sf(self, k: Any, n: Any, p: Any) -> Any:
        return betainc(k + 1, n, 1 - p)

    def _possible(self, n: Any, p: Any) -> Any:
        return (n > 0) & (p > 0) & (p <= 1)

    def _factorial(self, n: int, *shapes: Any) -> Any:
        count, p = shapes
        return math.prod(count + k for k in range(n)) * ((1 - p) / p) ** n

    def _cumulants(self, n: Any, p: Any) -> tuple[Any, Any, Any, Any]:
        mean = n * (1 - p) / p
        v = mean / p
        return mean, v, v * (2 - p) / p, v * (6 * (1 - p) + p * p) / (p * p)

    @partial(deciding, name="entropy")
    def terms(self, n: Any, p: Any) -> int:
        """How many k count."""
        n, p = _largest(n), 1 - _largest(1 - p)
        return int(n / p + 40 * math.sqrt(n + 1) / p + 40)


@final
class Bernoulli(Counting):
    """P(X = 1) = p, P(X = 0) = 1 − p."""

    name, shapes, method = "bernoulli", ("p",), "binomial"

    def last(self, *_: Any) -> Any:
        """The largest k."""
        return 1.0

    def _logpmf(self, k: Any, p: Any) -> Any:
        return xlogy(k, p) + xlog1py(1 - k, -p)

    def _cdf(self, k: Any, p: Any) -> Any:
        return 1 - p + 0.0 * k

    def _sf(self, k: Any, p: Any) -> Any:
        return p + 0.0 * k

    def _possible(self, p: Any) -> Any:
        return (p >= 0) & (p <= 1)

    def _factorial(self, n: int, *shapes: Any) -> Any:
        return shapes[0] if n == 1 else 0.0 * shapes[0]

    def _cumulants(self, p: Any) -> tuple[Any, Any, Any, Any]:
        v = p * (1 - p)
        return p, v, v * (1 - 2 * p), v * (1 - 6 * v)

    def terms(self, *_: Any) -> int:
        """How many k there are."""
        return 2

    def _drawn(self, shapes: Sequence[Any], size: Size, source: Any) -> Any:
        return super()._drawn([np.int64(1), *shapes], size, source)


poisson, binom, nbinom, bernoulli = Poisson(), Binomial(), NegativeBinomial(), Bernoulli()
