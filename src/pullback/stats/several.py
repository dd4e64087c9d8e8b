"""Distributions of vectors and matrices, which stand along the last axes; all others are batches.

Source of the formulas: K. Mardia, J. Kent & J. Bibby, *Multivariate Analysis* (1979); names and parameters are SciPy's.
"""

from __future__ import annotations

import math
from typing import Any, Final, final

import numpy as np

from pullback.core.errors import ShapeError
from pullback.functions.activations import log_softmax
from pullback.functions.creation import asarray
from pullback.functions.random import Rng, draw_
from pullback.linalg import cholesky, diagonal, solve_triangular
from pullback.special import digamma, entr, gammaln, multigammaln, xlog1py, xlogy
from pullback.stats.frozen import FrozenVectors
from pullback.stats.normal_vectors import size_of
from pullback.stats.positive import gamma
from pullback.stats.univariate import Size, constant, source_of

OFF: Final = 1e-3  # from 1, of a sum of shares that is more than rounding


def _on_diagonal(x: Any) -> Any:
    return np.eye(x.shape[-1], dtype=x.dtype) * x[..., None, :]


@final
class Dirichlet:
    """Π xᵢ^(αᵢ − 1) · Γ(Σα) / Π Γ(αᵢ), of shares that sum to 1."""

    name = "dirichlet"

    def __call__(self, alpha: Any) -> FrozenVectors:
        """The distribution with its parameters."""
        return FrozenVectors(self, alpha=asarray(alpha) * 1.0)

    @staticmethod
    def _checked(alpha: Any) -> Any:
        alpha = asarray(alpha) * 1.0
        return np.where(alpha > 0, alpha, alpha.dtype.type(np.nan))

    def logpdf(self, x: Any, alpha: Any) -> Any:
        """The logarithm of the density at shares (..., n); −∞ where they are none.

        Of n − 1 shares the last is what is missing to 1, as in SciPy; its (n, ...) is `x.T` here.
        """
        alpha, x = self._checked(alpha), asarray(x) * 1.0
        n = alpha.shape[-1]
        if x.ndim and x.shape[-1] == n - 1:
            x = np.concatenate([x, 1 - x.sum(axis=-1, keepdims=True)], axis=-1)
        if not x.ndim or x.shape[-1] != n:
            raise ShapeError("dirichlet: shares stand along the last axis", x=x.shape, alpha=alpha.shape, fix="x.T")
        possible = (x >= 0).all(axis=-1) & (np.abs(x.sum(axis=-1) - 1) < OFF)
        value = gammaln(alpha.sum(axis=-1)) - gammaln(alpha).sum(axis=-1)
        value = value + xlogy(alpha - 1, np.where(possible[..., None], x, 1 / n)).sum(axis=-1)
        return np.where(possible | np.isnan(x.sum(axis=-1) + value), value, -np.inf)

    def pdf(self, x: Any, alpha: Any) -> Any:
        """The density at shares (..., n)."""
        return np.exp(self.logpdf(x, alpha))

    def mean(self, alpha: Any) -> Any:
        """α / Σα."""
        alpha = self._checked(alpha)
        return alpha / alpha.sum(axis=-1, keepdims=True)

    def var(self, alpha: Any) -> Any:
        """The variance of each share."""
        mean = self.mean(alpha)
        return mean * (1 - mean) / (self._checked(alpha).sum(axis=-1, keepdims=True) + 1)

    def cov(self, alpha: Any) -> Any:
        """The covariances (..., n, n) of shares."""
        mean, total = self.mean(alpha), self._checked(alpha).sum(axis=-1)[..., None, None]
        return (_on_diagonal(mean) - mean[..., :, None] * mean[..., None, :]) / (total + 1)

    def entropy(self, alpha: Any) -> Any:
        """The differential entropy."""
        alpha = self._checked(alpha)
        total = alpha.sum(axis=-1)
        log_beta = gammaln(alpha).sum(axis=-1) - gammaln(total)
        return log_beta + (total - alpha.shape[-1]) * digamma(total) - ((alpha - 1) * digamma(alpha)).sum(axis=-1)

    def rvs(self, alpha: Any, size: Size = None, rng: Rng = None, random_state: Rng = None) -> Any:
        """Draws, with implicit derivatives: gammas by their sum; `size` is that of the batch."""
        alpha = asarray(alpha) * 1.0
        shape = (*size_of(size, alpha.shape[:-1]), alpha.shape[-1])
        parts = gamma.rvs(alpha, size=shape, rng=rng, random_state=random_state)
        return parts / parts.sum(axis=-1, keepdims=True)


@final
class Multinomial:
    """n! Π pᵢ^(xᵢ) / xᵢ!, of counts that sum to n."""

    name = "multinomial"

    def __call__(self, n: Any, p: Any) -> FrozenVectors:
        """The distribution with its parameters."""
        return FrozenVectors(self, n=n, p=asarray(p) * 1.0)

    @staticmethod
    def _checked(p: Any) -> Any:
        p = asarray(p) * 1.0
        good = (p >= 0).all(axis=-1) & (np.abs(p.sum(axis=-1) - 1) < OFF)
        return np.where(good[..., None], p, p.dtype.type(np.nan))

    def logpmf(self, x: Any, n: Any, p: Any) -> Any:
        """The logarithm of the probability of counts (..., k); −∞ where they are none that sum to n.

        NaN where `p` does not sum to 1.
        """
        x, n = asarray(x) * 1.0, asarray(n) * 1.0
        possible = ((x >= 0) & (np.floor(x) == x)).all(axis=-1) & (x.sum(axis=-1) == n)
        safe = np.where(possible[..., None], x, 0.0)
        value = gammaln(n + 1) + (xlogy(safe, self._checked(p)) - gammaln(safe + 1)).sum(axis=-1)
        return np.where(possible | np.isnan(x.sum(axis=-1) + value), value + 0.0 * x.sum(axis=-1), -np.inf)

    def pmf(self, x: Any, n: Any, p: Any) -> Any:
        """The probability of counts (..., k)."""
        return np.exp(self.logpmf(x, n, p))

    def mean(self, n: Any, p: Any) -> Any:
        """The counts n p that are expected."""
        return asarray(n)[..., None] * self._checked(p)

    def cov(self, n: Any, p: Any) -> Any:
        """The covariances (..., k, k) of counts."""
        p = self._checked(p)
        return asarray(n)[..., None, None] * (_on_diagonal(p) - p[..., :, None] * p[..., None, :])

    def entropy(self, n: int, p: Any) -> Any:
        """−Σ P log P, over all counts that sum to a number n."""
        if np.ndim(n):
            raise ShapeError("multinomial.entropy: of one number of trials", got=np.shape(n), fix="a call for each")
        p, x = self._checked(p), np.arange(int(n) + 1.0)
        logs = gammaln(x + 1)
        each = np.exp(logs[-1] - logs - logs[::-1] + xlogy(x, p[..., None]) + xlog1py(n - x, -p[..., None]))
        return -logs[-1] + int(n) * entr(p).sum(axis=-1) + (each * logs).sum(axis=(-2, -1))

    def rvs(self, n: int, p: Any, size: Size = None, rng: Rng = None, random_state: Rng = None) -> Any:
        """Draws, which have no derivative."""
        source = source_of(rng, random_state)
        return draw_(np.int64(n), constant(p), rng=source, method="multinomial", args=(), dtype=np.int64, size=size)


@final
class Categorical:
    """One of k classes, with probabilities or with logits (..., k)."""

    name = "categorical"

    def __call__(self, p: Any = None, *, logits: Any = None) -> FrozenVectors:
        """The distribution with its parameters."""
        return FrozenVectors(self, p=p, logits=logits)

    def logpmf(self, k: Any, p: Any = None, *, logits: Any = None) -> Any:
        """The logarithm of the probability of classes k, numbers from 0."""
        logs = self._logs(p, logits)
        k = asarray(k)
        batch = np.broadcast_shapes(k.shape, logs.shape[:-1])
        logs, k = np.broadcast_to(logs, (*batch, logs.shape[-1])), np.broadcast_to(k, batch)
        return np.take_along_axis(logs, k[..., None], axis=-1)[..., 0]

    @staticmethod
    def _logs(p: Any, logits: Any) -> Any:
        return np.log(asarray(p) * 1.0) if logits is None else log_softmax(asarray(logits) * 1.0, axis=-1)

    def pmf(self, k: Any, p: Any = None, *, logits: Any = None) -> Any:
        """The probability of classes k."""
        return np.exp(self.logpmf(k, p, logits=logits))

    def cdf(self, k: Any, p: Any = None, *, logits: Any = None) -> Any:
        """P(X ≤ k)."""
        return self._share(k, self._logs(p, logits), np.less_equal)

    def sf(self, k: Any, p: Any = None, *, logits: Any = None) -> Any:
        """P(X > k)."""
        return self._share(k, self._logs(p, logits), np.greater)

    @staticmethod
    def _share(k: Any, logs: Any, chosen: Any) -> Any:
        kept = chosen(np.arange(logs.shape[-1]), asarray(k)[..., None])
        return np.where(kept, np.exp(logs), 0.0).sum(axis=-1)

    def logcdf(self, k: Any, p: Any = None, *, logits: Any = None) -> Any:
        """The logarithm of P(X ≤ k)."""
        return np.log(self.cdf(k, p, logits=logits))

    def logsf(self, k: Any, p: Any = None, *, logits: Any = None) -> Any:
        """The logarithm of P(X > k)."""
        return np.log(self.sf(k, p, logits=logits))

    def ppf(self, q: Any, p: Any = None, *, logits: Any = None) -> Any:
        """The least k with P(X ≤ k) ≥ q; it jumps, and has no derivative."""
        below = np.cumsum(constant(np.exp(self._logs(p, logits))), axis=-1)[..., :-1]
        return (below < constant(q)[..., None]).sum(axis=-1)

    def entropy(self, p: Any = None, *, logits: Any = None) -> Any:
        """−Σ p log p."""
        logs = self._logs(p, logits)
        return -(np.exp(logs) * np.where(np.isfinite(logs), logs, 0.0)).sum(axis=-1)

    def rvs(
        self, p: Any = None, *, logits: Any = None, size: Size = None, rng: Rng = None, random_state: Rng = None
    ) -> Any:
        """Draws of classes, which have no derivative: the largest of logits with Gumbel's noise."""
        logs = constant(self._logs(p, logits))
        source = source_of(rng, random_state)
        shape = (*size_of(size, logs.shape[:-1]), logs.shape[-1])
        noise = draw_(rng=source, method="gumbel", args=(0.0, 1.0), dtype=float, size=shape)
        return np.argmax(logs + noise, axis=-1)


@final
class Wishart:
    """|x|^((ν − n − 1)/2) exp(−tr(S⁻¹x)/2) / (2^(νn/2) |S|^(ν/2) Γₙ(ν/2)), of symmetric matrices; ν = df."""

    name = "wishart"

    def __call__(self, df: Any, scale: Any) -> FrozenVectors:
        """The distribution with its parameters."""
        return FrozenVectors(self, df=asarray(df) * 1.0, scale=_matrices(scale))

    def logpdf(self, x: Any, df: Any, scale: Any) -> Any:
        """The logarithm of the density at positive definite matrices (..., n, n)."""
        x, df, scale = asarray(x) * 1.0, asarray(df) * 1.0, _matrices(scale)
        n = scale.shape[-1]
        half, whole = cholesky(scale), cholesky(x)
        trace = np.square(solve_triangular(half, whole, lower=True)).sum(axis=(-2, -1))
        log_scale, log_x = (2 * np.log(diagonal(m)).sum(axis=-1) for m in (half, whole))
        constant_ = df * n / 2 * math.log(2) + df / 2 * log_scale + multigammaln(df / 2, n)
        return (df - n - 1) / 2 * log_x - trace / 2 - constant_

    def pdf(self, x: Any, df: Any, scale: Any) -> Any:
        """The density at positive definite matrices (..., n, n)."""
        return np.exp(self.logpdf(x, df, scale))

    def entropy(self, df: Any, scale: Any) -> Any:
        """The differential entropy."""
        df, scale = asarray(df) * 1.0, _matrices(scale)
        n = scale.shape[-1]
        log_scale = 2 * np.log(diagonal(cholesky(scale))).sum(axis=-1)
        spread = sum(digamma((df - i) / 2) for i in range(n))
        main = (n + 1) / 2 * log_scale + n * (n + 1) / 2 * math.log(2) + multigammaln(df / 2, n)
        return main - (df - n - 1) / 2 * spread + n * df / 2

    def mean(self, df: Any, scale: Any) -> Any:
        """ν S."""
        return asarray(df)[..., None, None] * _matrices(scale)

    def mode(self, df: Any, scale: Any) -> Any:
        """(ν − n − 1) S, the most likely matrix; NaN where ν < n + 1, and there is none."""
        df, scale = asarray(df) * 1.0, _matrices(scale)
        n = scale.shape[-1]
        return np.where(df >= n + 1, df - n - 1, np.nan)[..., None, None] * scale

    def var(self, df: Any, scale: Any) -> Any:
        """The variance of each entry."""
        df, scale = asarray(df) * 1.0, _matrices(scale)
        on = diagonal(scale)
        return df[..., None, None] * (scale * scale + on[..., :, None] * on[..., None, :])

    def rvs(self, df: Any, scale: Any, size: Size = None, rng: Rng = None, random_state: Rng = None) -> Any:
        """Draws L A Aᵀ Lᵀ (M. Bartlett 1933), which differentiate in both parameters; `size` is that of the batch."""
        df, half = asarray(df) * 1.0, cholesky(scale)
        n = half.shape[-1]
        source: Any = source_of(rng, random_state)
        of_squares = of_rest = source
        if not isinstance(source, np.random.Generator):  # a seed, of which each draw has a part
            of_squares, of_rest = (int(part) for part in np.random.SeedSequence(int(source)).generate_state(2))
        batch = size_of(size, df.shape, half.shape[:-2])
        squares = gamma.rvs((df[..., None] - np.arange(n)) / 2, size=(*batch, n), rng=of_squares) * 2
        below = draw_(rng=of_rest, method="standard_normal", args=(), dtype=float, size=(*batch, n, n))
        drawn = half @ (np.tril(below, -1) + _on_diagonal(np.sqrt(squares)))
        return drawn @ np.swapaxes(drawn, -1, -2)


def _matrices(scale: Any) -> Any:
    """The scale as matrices; ShapeError if it is none."""
    scale = asarray(scale) * 1.0
    if scale.ndim < 2 or scale.shape[-1] != scale.shape[-2]:
        raise ShapeError("wishart: the scale is a matrix (..., n, n)", got=scale.shape, fix="[[s]], of a number s")
    return scale


dirichlet, multinomial = Dirichlet(), Multinomial()
categorical, wishart = Categorical(), Wishart()
