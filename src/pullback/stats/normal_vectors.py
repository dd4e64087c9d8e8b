"""The normal distribution of vectors, which stand along the last axis; all others are batches."""

from __future__ import annotations

import math
from typing import Any, Final, final

import numpy as np

from pullback.core.errors import LinAlgError, NoGradientError, ShapeError
from pullback.core.modes import current_mode
from pullback.functions.creation import asarray
from pullback.functions.random import Rng, draw_
from pullback.linalg import cholesky, diagonal, solve_triangular
from pullback.ops.discrete import answer, of_stacks
from pullback.ops.linalg.matrices import as_matrices, first_where
from pullback.ops.special_functions.normal_vectors import share_below
from pullback.stats.frozen import FrozenVectors
from pullback.stats.univariate import Size, constant, source_of

SMALL: Final = {"f": 1e3, "d": 1e6}  # roundings of the largest eigenvalue that are 0 to SciPy


def size_of(size: Size, *batches: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a batch of draws: what is asked for, or that of the parameters."""
    if size is None:
        return np.broadcast_shapes(*batches)
    return (size,) if isinstance(size, int) else tuple(size)


@of_stacks
def _null_space(cov: Any, tracked: bool) -> Any:
    """What a singular covariance lacks: the projection onto what has no variance, times the largest variance."""
    cov = as_matrices("multivariate_normal", cov)
    s, u = np.linalg.eigh(cov)
    most = np.abs(s).max(axis=-1, keepdims=True, initial=0)
    small = SMALL.get(cov.dtype.char, 1e6) * np.finfo(cov.dtype).eps * most
    if (negative := (s < -small).any(axis=-1)).any():
        index = first_where(negative)
        raise LinAlgError(
            "multivariate_normal: the covariance is not positive semidefinite",
            index=index or None,
            least=s[index].min(),
        )
    lacking = s <= small
    if tracked and lacking.any():
        raise NoGradientError(
            "multivariate_normal: by a covariance that is singular there is no derivative", rank=int((~lacking).sum()),
            shape=cov.shape, fix="a density of the lower dimension, or cov + 1e-9 * np.eye(n)",
        )  # fmt: skip
    most = np.where(most > 0, most, 1.0)
    return (u * lacking[..., None, :]) @ np.swapaxes(u, -1, -2) * most[..., None]


@final
class MultivariateNormal:
    """exp(−(x − μ)ᵀ Σ⁻¹ (x − μ) / 2) / √det(2πΣ), by the factor of Cholesky; the lower half of `cov` is read.

    As in SciPy, `cov` may be one variance, or one for each entry, and x of one variable a number or a vector of them.
    """

    name = "multivariate_normal"

    def __call__(self, mean: Any = None, cov: Any = 1.0, allow_singular: bool = False, **options: Any) -> FrozenVectors:
        """The distribution with its parameters."""
        mean, cov = self._parameters(mean, cov)
        return FrozenVectors(self, mean=mean, cov=cov, allow_singular=allow_singular, **options)

    @staticmethod
    def _parameters(mean: Any, cov: Any) -> tuple[Any, Any]:
        """A mean (..., n) and a covariance (..., n, n)."""
        cov = asarray(1.0 if cov is None else cov) * 1.0
        mean = asarray(0.0 if mean is None else mean) * 1.0
        n = cov.shape[-1] if cov.ndim > 1 or cov.shape not in ((), (1,)) else mean.shape[-1] if mean.ndim else 1
        if mean.ndim and mean.shape[-1] not in (1, n):
            raise ShapeError("multivariate_normal: the mean has another size", mean=mean.shape, covariance=cov.shape)
        mean = mean if mean.ndim and mean.shape[-1] == n else mean + np.zeros(n, mean.dtype)
        return mean, np.eye(n, dtype=cov.dtype) * cov if cov.ndim < 2 else cov

    def _from_mean(self, x: Any, mean: Any, cov: Any) -> tuple[Any, Any]:
        """How far x is from the mean, vectors (..., n), and the covariance."""
        mean, cov = self._parameters(mean, cov)
        n, x = mean.shape[-1], asarray(x) * 1.0
        if n == 1 and (x.ndim < 2 or x.shape[-1] != 1):
            x = x[..., None]  # each number is a vector
        if not x.ndim or x.shape[-1] != n:
            raise ShapeError(
                "multivariate_normal: x holds vectors of another size", x=x.shape, size=n, fix="x (..., n)"
            )
        return x - mean, cov

    def logpdf(self, x: Any, mean: Any = None, cov: Any = 1.0, allow_singular: bool = False) -> Any:
        """The logarithm of the density at vectors (..., n).

        With `allow_singular` that of the space in which there is variance, and −∞ beside it; as it ends there, the
        covariance then has no derivative, and a tracked one raises NoGradientError. Else LinAlgError is raised.
        """
        away, cov = self._from_mean(x, mean, cov)
        n, logs = away.shape[-1], 0.0
        beside: Any = False
        if allow_singular:
            tracked = cov.node is not None and current_mode().recording
            null = answer(_null_space, constant(cov), tracked=tracked)
            most = np.trace(null, 0, -2, -1) / np.maximum(lost := self._rank(null), 1)
            shares = np.where(lost > 0, np.log(np.where(lost > 0, most, 1.0)), 0.0)
            logs = lost / 2 * (shares + math.log(2 * math.pi))  # what `null` adds below
            out = constant(away)[..., None, :] @ null
            small = 1e3 * SMALL.get(cov.dtype.char, 1e6) * np.finfo(cov.dtype).eps
            beside = np.sqrt(np.square(out).sum(axis=(-2, -1))) > small * most * most
            cov = cov + null
        half = cholesky(cov)
        flat = away[..., None] if half.ndim > 2 else away.reshape((-1, n)).T
        z = solve_triangular(half, flat, lower=True)
        square = np.square(z).sum(axis=-2)
        square = square[..., 0] if half.ndim > 2 else square.reshape(away.shape[:-1])
        found = -square / 2 - np.log(diagonal(half)).sum(axis=-1) - n / 2 * math.log(2 * math.pi) + logs
        return np.where(beside, -np.inf, found) if allow_singular else found

    @staticmethod
    def _rank(null: Any) -> Any:
        """How many directions a projection, or a multiple of one, is onto."""
        size = np.square(null).sum(axis=(-2, -1))
        return np.round(np.trace(null, 0, -2, -1) ** 2 / np.where(size > 0, size, 1.0))

    def pdf(self, x: Any, mean: Any = None, cov: Any = 1.0, allow_singular: bool = False) -> Any:
        """The density at vectors (..., n)."""
        return np.exp(self.logpdf(x, mean, cov, allow_singular))

    def cdf(
        self, x: Any, mean: Any = None, cov: Any = 1.0, allow_singular: bool = False, maxpts: int | None = None,
        abseps: float = 1e-5, releps: float = 1e-5, *, lower_limit: Any = None,
    ) -> Any:  # fmt: skip
        """P(X ≤ x), all entries at once; above `lower_limit`, if one is given.

        Exact to rounding in three dimensions and fewer, and in their derivatives; of n more, the values are as exact as
        `abseps` and `releps` ask, and the derivatives are made of such values for n − 1 and n − 2.
        """
        away, cov = self._from_mean(x, mean, cov)
        if allow_singular:
            answer(_null_space, constant(cov), tracked=False)
        else:
            cholesky(constant(cov))  # which complains
        how = {"abseps": abseps, "releps": releps, "maxpts": maxpts}
        spread = np.sqrt(diagonal(cov))
        bounds, correlations = away / spread, cov / (spread[..., None] * spread[..., None, :])
        if lower_limit is None:
            return self._below(bounds, correlations, how)
        under = self._from_mean(lower_limit, mean, cov)[0] / spread
        n, total = bounds.shape[-1], 0.0
        for corner in range(2**n):  # what lies below one corner, with the sign of its number of lower bounds
            low = np.array([bool(corner >> i & 1) for i in range(n)])
            total = total + (-1) ** int(low.sum()) * self._below(np.where(low, under, bounds), correlations, how)
        return total

    @staticmethod
    def _below(bounds: Any, correlations: Any, how: dict[str, Any]) -> Any:
        if correlations.ndim > 2 or bounds.ndim > 1:
            batch = np.broadcast_shapes(bounds.shape[:-1], correlations.shape[:-2])
            correlations = np.broadcast_to(correlations, (*batch, *correlations.shape[-2:]))
        bounds = np.clip(bounds, -40.0, 40.0)  # beyond, nothing changes
        return share_below(bounds[..., None], correlations, **how)

    def logcdf(self, x: Any, mean: Any = None, cov: Any = 1.0, allow_singular: bool = False, **how: Any) -> Any:
        """The logarithm of `cdf`, with its keywords."""
        return np.log(self.cdf(x, mean, cov, allow_singular, **how))

    def entropy(self, mean: Any = None, cov: Any = 1.0) -> Any:
        """Log det(2πeΣ) / 2."""
        mean, cov = self._parameters(mean, cov)
        n = cov.shape[-1]
        return np.log(diagonal(cholesky(cov))).sum(axis=-1) + n / 2 * (1 + math.log(2 * math.pi))

    def rvs(
        self, mean: Any = None, cov: Any = 1.0, size: Size = None, rng: Rng = None, random_state: Rng = None
    ) -> Any:
        """Draws μ + L z, which differentiate in both parameters; `size` is that of the batch."""
        mean, cov = self._parameters(mean, cov)
        half = cholesky(cov)
        batch = size_of(size, mean.shape[:-1], half.shape[:-2])
        source = source_of(rng, random_state)
        z = draw_(rng=source, method="standard_normal", args=(), dtype=float, size=(*batch, mean.shape[-1]))
        return mean + (half @ z[..., None])[..., 0]


multivariate_normal = MultivariateNormal()
