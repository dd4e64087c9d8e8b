"""Distributions of whole numbers; what they differentiate in are their parameters.

Source of the formulas: N. Johnson, A. Kemp & S. Kotz, *Univariate Discrete Distributions* (2005); names and parameters
are SciPy's.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, final

import numpy as np

from pullback.core.errors import DTypeError
from pullback.functions.creation import asarray
from pullback.functions.random import Rng, draw_, generator
from pullback.ops.discrete import answer
from pullback.special import betainc, entr, gammaincc, gammaln, xlog1py, xlogy
from pullback.stats.distribution import Size, constant, scipys_inverse


class Counting(ABC):
    """A distribution of whole numbers k ≥ 0, named as in SciPy."""

    name: ClassVar[str]
    shapes: ClassVar[tuple[str, ...]]
    method: ClassVar[str]  # of NumPy's generator

    def last(self, *_: Any) -> Any:
        """The largest k that is possible."""
        return math.inf

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

    def _taken(self, args: tuple[Any, ...], given: dict[str, Any]) -> list[Any]:
        values = dict(zip(self.shapes, args, strict=False)) | given
        if len(args) > len(self.shapes) or set(values) != set(self.shapes):
            raise DTypeError(f"{self.name}: other parameters", got=len(args) + len(given), fix=", ".join(self.shapes))
        return [asarray(values[name]) * 1.0 for name in self.shapes]

    def logpmf(self, k: Any, *args: Any, **given: Any) -> Any:
        """The logarithm of P(X = k); −∞ for a k that is not possible."""
        shapes, k = self._taken(args, given), asarray(k) * 1.0
        inside = (k >= 0) & (k <= self.last(*shapes)) & (np.floor(k) == k) & np.isfinite(k)
        found = self._logpmf(np.where(inside, k, 0.0), *shapes)
        return np.where(inside, found, np.where(k == k, -np.inf, np.nan).astype(found.dtype))

    def pmf(self, k: Any, *args: Any, **given: Any) -> Any:
        """P(X = k)."""
        return np.exp(self.logpmf(k, *args, **given))

    def _share(self, how: Any, below: float, above: float, k: Any, args: Any, given: Any) -> Any:
        shapes, k = self._taken(args, given), np.floor(asarray(k) * 1.0)
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
        """The least k with P(X ≤ k) ≥ q; it jumps, and has derivative 0."""
        return answer(scipys_inverse, constant(q), *map(constant, self._taken(args, given)), name=self.name)

    def entropy(self, *args: Any, **given: Any) -> Any:
        """−Σ p log p, summed over all k that count."""
        shapes = self._taken(args, given)
        k = np.arange(float(self.terms(*shapes)))
        each = [s[..., None] for s in shapes]
        inside = k <= self.last(*each)
        logs = np.where(inside, self._logpmf(np.where(inside, k, 0.0), *each), -np.inf)
        return entr(np.exp(logs)).sum(axis=-1)

    def rvs(self, *args: Any, size: Size = None, rng: Rng = None, **given: Any) -> Any:
        """Draws, which have no derivative: see `pb.stats.surrogate`."""
        shapes = self._taken(args, given)
        source = rng if isinstance(rng, (int, np.integer)) else generator(rng)
        if size is None:
            size = np.broadcast_shapes(*(s.shape for s in shapes))
        return self._drawn([constant(s) for s in shapes], size, source)

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

    def terms(self, *_: Any) -> int:
        """How many k there are."""
        return 2

    def _drawn(self, shapes: Sequence[Any], size: Size, source: Any) -> Any:
        return super()._drawn([np.int64(1), *shapes], size, source)


poisson, binom, nbinom, bernoulli = Poisson(), Binomial(), NegativeBinomial(), Bernoulli()
