"""What all distributions of one variable share: a place and a scale, what lies outside, and what follows from what.

A distribution says how its standard form's log-density and distribution function are computed; the rest is derived.
Where the inverse of the distribution function F has no formula, SciPy finds it on numbers, and Newton's steps are
recorded,

    x ← x − (F(x, θ) − p) / f(x),   f a constant,

which change nothing but rounding, and give x the derivatives of the inverse, −∂F/∂θ / f of the first order, up to
`ORDERS`. A draw gets its derivative in the same way, with p what F is there (M. Figurnov, S. Mohamed & A. Mnih,
"Implicit reparameterization gradients", 2018).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from pullback.core.modes import no_grad
from pullback.functions.creation import asarray
from pullback.functions.random import draw_
from pullback.ops.discrete import BY_ELEMENT, answer
from pullback.stats.univariate import Size, Taken, Univariate, constant

ORDERS: Final = 3


def scipys_inverse(p: Any, *shapes: Any, name: str, tail: str = "ppf") -> Any:
    """The inverse of a distribution function or of its complement, of SciPy's distribution of that name; numbers."""
    from scipy import stats  # heavy: only who uses it loads it

    return np.asarray(getattr(getattr(stats, name), tail)(p, *shapes))


BY_ELEMENT.add(scipys_inverse)  # of many examples it gives many


class Distribution(Univariate):
    """A continuous distribution of one variable."""

    @abstractmethod
    def _logpdf(self, x: Any, *shapes: Any) -> Any:
        """The log-density of the standard form, where x is possible."""

    @abstractmethod
    def _cdf(self, x: Any, *shapes: Any) -> Any:
        """P(X ≤ x)."""

    def _sf(self, x: Any, *shapes: Any) -> Any:
        """P(X > x); a distribution whose tail has a formula overrides it."""
        return 1 - self._cdf(x, *shapes)

    def _logcdf(self, x: Any, *shapes: Any) -> Any:
        return self._logarithm(self._cdf, self._sf, x, shapes)

    def _logsf(self, x: Any, *shapes: Any) -> Any:
        return self._logarithm(self._sf, self._cdf, x, shapes)

    def _logarithm(self, tail: Any, other: Any, x: Any, shapes: Any) -> Any:
        """The logarithm of a tail; of one that is nearly all, by what is left, where that has a formula of its own."""
        share = tail(x, *shapes)
        if type(self)._sf is Distribution._sf:
            return np.log(share)
        most = share > 0.5
        rest = np.where(most, other(x, *shapes), 0.5)
        return np.where(most, np.log1p(-rest), np.log(np.where(most, 1.0, share)))

    def _ppf(self, p: Any, *shapes: Any) -> Any:
        x = answer(scipys_inverse, constant(p), *map(constant, shapes), name=self.name)
        return self._implied(x, p, *shapes)

    def _isf(self, p: Any, *shapes: Any) -> Any:
        x = answer(scipys_inverse, constant(p), *map(constant, shapes), name=self.name, tail="isf")
        return self._implied(x, p, *shapes, upper=True)

    def _implied(self, x: Any, p: Any, *shapes: Any, upper: bool = False) -> Any:
        """The numbers x, at which F, or its complement, is p, with the derivative of the inverse."""
        typical = constant(self._typical(*shapes))
        finite = np.isfinite(x)
        slope = constant(np.exp(self._logpdf(np.where(finite, x, typical), *map(constant, shapes))))
        good, sheer = finite & np.isfinite(slope) & (slope > 0), np.isinf(slope)
        safe, slope = np.where(good, x, typical), np.where(good, slope, 1.0)
        share, slope = (self._sf, -slope) if upper else (self._cdf, slope)
        for _ in range(ORDERS):
            safe = safe - (share(safe, *shapes) - p) / slope
        # At an end of what is possible a density of 0 has an inverse of infinite slope, as that of a root at 0.
        more = constant(p) - p if upper else p - constant(p)
        end = np.where(sheer, x, x + np.sqrt(np.maximum(more, 0.0)))
        return np.where(good, safe, end)

    @abstractmethod
    def _entropy(self, *shapes: Any) -> Any:
        """The differential entropy of the standard form."""

    def _draw(self, shapes: Sequence[Any], size: Size, source: Any) -> Any:
        """Draws of the standard form: the inverse at uniform numbers."""
        return self._ppf(draw_(rng=source, method="uniform", args=(0.0, 1.0), dtype=float, size=size), *shapes)

    def _within(self, x: Any, args: Any, given: Any) -> tuple[Any, list[Any], Any, Any, Any, Any]:
        x = asarray(x)
        shapes, loc, scale = self._taken(args, given, x)
        z = (x - loc) / scale
        low, high = self._support(*shapes)
        inside = (z >= low) & (z <= high) & np.isfinite(z)
        return np.where(inside, z, constant(self._typical(*shapes)).astype(z.dtype)), shapes, scale, inside, z, low

    def _typical(self, *_: Any) -> Any:
        """A possible value, in whose place impossible ones are computed, and not taken."""
        return 0.5

    def logpdf(self, x: Any, *args: Any, **given: Any) -> Any:
        """The logarithm of the density at x; −∞ where x is not possible."""
        z, shapes, scale, inside, raw, _ = self._within(x, args, given)
        density = self._logpdf(z, *shapes) - np.log(scale)
        return np.where(inside, density, np.where(raw == raw, -np.inf, np.nan).astype(density.dtype))

    def pdf(self, x: Any, *args: Any, **given: Any) -> Any:
        """The density at x."""
        return np.exp(self.logpdf(x, *args, **given))

    def _share(self, how: Any, below: float, above: float, x: Any, args: Any, given: Any) -> Any:
        z, shapes, _, inside, raw, low = self._within(x, args, given)
        found, number = how(z, *shapes), raw.dtype.type
        beside = np.where(raw <= low, number(below), np.where(raw == raw, number(above), number(np.nan)))
        return np.where(inside, found, beside)

    def cdf(self, x: Any, *args: Any, **given: Any) -> Any:
        """P(X ≤ x)."""
        return self._share(self._cdf, 0.0, 1.0, x, args, given)

    def sf(self, x: Any, *args: Any, **given: Any) -> Any:
        """P(X > x)."""
        return self._share(self._sf, 1.0, 0.0, x, args, given)

    def logcdf(self, x: Any, *args: Any, **given: Any) -> Any:
        """The logarithm of P(X ≤ x)."""
        return self._share(self._logcdf, -np.inf, 0.0, x, args, given)

    def logsf(self, x: Any, *args: Any, **given: Any) -> Any:
        """The logarithm of P(X > x)."""
        return self._share(self._logsf, 0.0, -np.inf, x, args, given)

    def ppf(self, q: Any, *args: Any, **given: Any) -> Any:
        """The x with P(X ≤ x) = q; NaN unless 0 ≤ q ≤ 1."""
        return self._inverted(self._ppf, q, args, given)

    def isf(self, q: Any, *args: Any, **given: Any) -> Any:
        """The x with P(X > x) = q, accurate where q is small; NaN unless 0 ≤ q ≤ 1."""
        return self._inverted(self._isf, q, args, given)

    def _inverted(self, how: Any, q: Any, args: Any, given: Any) -> Any:
        q = asarray(q) * 1.0
        q = np.where((q >= 0) & (q <= 1), q, q.dtype.type(np.nan))
        shapes, loc, scale = self._taken(args, given, q)
        with np.errstate(divide="ignore"):  # the ends are where they are
            return loc + scale * how(q, *shapes)

    def entropy(self, *args: Any, **given: Any) -> Any:
        """The differential entropy −∫ f log f."""
        shapes, loc, scale = self._taken(args, given)
        return self._entropy(*shapes) + np.log(scale) + 0.0 * loc

    def _drawn_of(self, taken: Taken, size: Size, source: Any) -> Any:
        shapes, loc, scale = taken
        if size is None:
            size = np.broadcast_shapes(loc.shape, scale.shape, *(s.shape for s in shapes))
        return loc + scale * self._draw(shapes, size, source)

    def _drawn(self, method: str, shapes: Sequence[Any], size: Size, source: Any) -> Any:
        """Draws of a method of NumPy's generator, with an implicit derivative in the shapes."""
        x = draw_(*map(constant, shapes), rng=source, method=method, args=(), dtype=float, size=size)
        with no_grad():
            p = constant(self._cdf(x, *map(constant, shapes)))
        return self._implied(x, p, *shapes)
