"""Distributions of vectors and matrices, which stand along the last axes; all others are batches.

Source of the formulas: K. Mardia, J. Kent & J. Bibby, *Multivariate Analysis* (1979); names and parameters are SciPy's.
"""

from __future__ import annotations

import math
from typing import Any, final

import numpy as np

from pullback.functions.activations import log_softmax
from pullback.functions.creation import asarray
from pullback.functions.random import Rng, draw_, generator
from pullback.linalg import cholesky, diagonal, solve_triangular
from pullback.special import digamma, gammaln, multigammaln, xlogy
from pullback.stats.positive import gamma
from pullback.stats.univariate import Size, constant


def _size(size: Size, *batches: tuple[int, ...]) -> tuple[int, ...]:
    if size is None:
        return np.broadcast_shapes(*batches)
    return (size,) if isinstance(size, int) else tuple(size)


@final
class MultivariateNormal:
    """exp(−(x − μ)ᵀ Σ⁻¹ (x − μ) / 2) / √det(2πΣ), by the factor of Cholesky; the lower half of `cov` is read."""

    def logpdf(self, x: Any, mean: Any = 0.0, cov: Any = 1.0) -> Any:
        """The logarithm of the density at vectors (..., n)."""
        x, mean = asarray(x) * 1.0, asarray(mean)
        n = x.shape[-1]
        half = cholesky(self._matrix(cov, n))
        flat = (x - mean)[..., None] if half.ndim > 2 else (x - mean).reshape((-1, n)).T
        z = solve_triangular(half, flat, lower=True)
        square = np.square(z).sum(axis=-2)
        square = square[..., 0] if half.ndim > 2 else square.reshape((x - mean).shape[:-1])
        return -square / 2 - np.log(diagonal(half)).sum(axis=-1) - n / 2 * math.log(2 * math.pi)

    @staticmethod
    def _matrix(cov: Any, n: int) -> Any:
        cov = asarray(cov) * 1.0
        if cov.ndim < 2:  # a variance, or one for each
            return np.eye(n) * cov
        return cov

    def pdf(self, x: Any, mean: Any = 0.0, cov: Any = 1.0) -> Any:
        """The density at vectors (..., n)."""
        return np.exp(self.logpdf(x, mean, cov))

    def entropy(self, mean: Any = 0.0, cov: Any = 1.0) -> Any:
        """Log det(2πeΣ) / 2."""
        cov = asarray(cov) * 1.0
        n = cov.shape[-1] if cov.ndim else (np.shape(mean) or (1,))[-1]
        return np.log(diagonal(cholesky(self._matrix(cov, n)))).sum(axis=-1) + n / 2 * (1 + math.log(2 * math.pi))

    def rvs(self, mean: Any, cov: Any = 1.0, size: Size = None, rng: Rng = None) -> Any:
        """Draws μ + L z, which differentiate in both parameters; `size` is that of the batch."""
        mean = asarray(mean) * 1.0
        half = cholesky(self._matrix(cov, mean.shape[-1]))
        batch = _size(size, mean.shape[:-1], half.shape[:-2])
        source = rng if isinstance(rng, (int, np.integer)) else generator(rng)
        z = draw_(rng=source, method="standard_normal", args=(), dtype=float, size=(*batch, mean.shape[-1]))
        return mean + (half @ z[..., None])[..., 0]


@final
class Dirichlet:
    """Π xᵢ^(αᵢ − 1) · Γ(Σα) / Π Γ(αᵢ), of shares that sum to 1."""

    def logpdf(self, x: Any, alpha: Any) -> Any:
        """The logarithm of the density at shares (..., n)."""
        alpha = asarray(alpha) * 1.0
        return gammaln(alpha.sum(axis=-1)) - gammaln(alpha).sum(axis=-1) + xlogy(alpha - 1, asarray(x)).sum(axis=-1)

    def pdf(self, x: Any, alpha: Any) -> Any:
        """The density at shares (..., n)."""
        return np.exp(self.logpdf(x, alpha))

    def entropy(self, alpha: Any) -> Any:
        """The differential entropy."""
        alpha = asarray(alpha) * 1.0
        total = alpha.sum(axis=-1)
        log_beta = gammaln(alpha).sum(axis=-1) - gammaln(total)
        return log_beta + (total - alpha.shape[-1]) * digamma(total) - ((alpha - 1) * digamma(alpha)).sum(axis=-1)

    def rvs(self, alpha: Any, size: Size = None, rng: Rng = None) -> Any:
        """Draws, with implicit derivatives: gammas by their sum; `size` is that of the batch."""
        alpha = asarray(alpha) * 1.0
        parts = gamma.rvs(alpha, size=(*_size(size, alpha.shape[:-1]), alpha.shape[-1]), rng=rng)
        return parts / parts.sum(axis=-1, keepdims=True)


@final
class Multinomial:
    """n! Π pᵢ^(xᵢ) / xᵢ!, of counts that sum to n."""

    def logpmf(self, x: Any, n: Any, p: Any) -> Any:
        """The logarithm of the probability of counts (..., k); −∞ where they are none that sum to n."""
        x, n = asarray(x) * 1.0, asarray(n) * 1.0
        value = gammaln(n + 1) + (xlogy(x, asarray(p)) - gammaln(x + 1)).sum(axis=-1)
        whole = ((x >= 0) & (np.floor(x) == x)).all(axis=-1)
        return np.where(
            (x.sum(axis=-1) == n) & whole, value, np.where(x.sum(axis=-1) == x.sum(axis=-1), -np.inf, np.nan)
        )

    def pmf(self, x: Any, n: Any, p: Any) -> Any:
        """The probability of counts (..., k)."""
        return np.exp(self.logpmf(x, n, p))

    def rvs(self, n: int, p: Any, size: Size = None, rng: Rng = None) -> Any:
        """Draws, which have no derivative."""
        p = constant(p)
        source = rng if isinstance(rng, (int, np.integer)) else generator(rng)
        return draw_(np.int64(n), p, rng=source, method="multinomial", args=(), dtype=np.int64, size=size)


@final
class Categorical:
    """One of k classes, with probabilities or with logits (..., k)."""

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

    def entropy(self, p: Any = None, *, logits: Any = None) -> Any:
        """−Σ p log p."""
        logs = self._logs(p, logits)
        return -(np.exp(logs) * np.where(np.isfinite(logs), logs, 0.0)).sum(axis=-1)

    def rvs(self, p: Any = None, *, logits: Any = None, size: Size = None, rng: Rng = None) -> Any:
        """Draws of classes, which have no derivative: the largest of logits with Gumbel's noise."""
        logs = constant(self._logs(p, logits))
        source = rng if isinstance(rng, (int, np.integer)) else generator(rng)
        shape = (*_size(size, logs.shape[:-1]), logs.shape[-1])
        noise = draw_(rng=source, method="gumbel", args=(0.0, 1.0), dtype=float, size=shape)
        return np.argmax(logs + noise, axis=-1)


@final
class Wishart:
    """|x|^((ν − n − 1)/2) exp(−tr(S⁻¹x)/2) / (2^(νn/2) |S|^(ν/2) Γₙ(ν/2)), of symmetric matrices; ν = df."""

    def logpdf(self, x: Any, df: Any, scale: Any) -> Any:
        """The logarithm of the density at positive definite matrices (..., n, n)."""
        x, df, scale = asarray(x) * 1.0, asarray(df) * 1.0, asarray(scale) * 1.0
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
        df, scale = asarray(df) * 1.0, asarray(scale) * 1.0
        n = scale.shape[-1]
        log_scale = 2 * np.log(diagonal(cholesky(scale))).sum(axis=-1)
        spread = sum(digamma((df - i) / 2) for i in range(n))
        main = (n + 1) / 2 * log_scale + n * (n + 1) / 2 * math.log(2) + multigammaln(df / 2, n)
        return main - (df - n - 1) / 2 * spread + n * df / 2

    def rvs(self, df: Any, scale: Any, rng: Rng = None) -> Any:
        """One draw L A Aᵀ Lᵀ (M. Bartlett 1933), which differentiates in both parameters."""
        df, half = asarray(df) * 1.0, cholesky(scale)
        n = half.shape[-1]
        source = generator(rng)
        squares = gamma.rvs((df - np.arange(n)) / 2, rng=source) * 2
        below = draw_(rng=source, method="standard_normal", args=(), dtype=float, size=(n, n))
        drawn = half @ (np.tril(below, -1) + np.eye(n) * np.sqrt(squares))
        return drawn @ np.swapaxes(drawn, -1, -2)


multivariate_normal, dirichlet, multinomial = MultivariateNormal(), Dirichlet(), Multinomial()
categorical, wishart = Categorical(), Wishart()
