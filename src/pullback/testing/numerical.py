"""Derivatives from values alone: differences extrapolated to step 0, with their errors, and the complex step.

Sources: Ridders, *Accurate computation of F′(x) and F′(x)F″(x)* (1982); Squire & Trapp, *Using complex
variables to estimate derivatives of real functions* (1998).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, final

import numpy as np

Array = np.ndarray[Any, Any]
Phi = Callable[[Array], Array]

# Far enough from each other to change numbers of single precision, near enough for φ to be a cubic, and uneven,
# so that their distances are no multiples of the spacing of numbers.
_NEARBY: Final = 1e-6 * (np.arange(9) + np.arange(9) * 0.6180339887 % 1)
_CUBICS: Final = np.linalg.qr(np.vander(_NEARBY / _NEARBY[-1], 4))[0]
_ON_CUBICS: Final = _CUBICS @ _CUBICS.T  # projects values at those places on cubics
_FIRST_STEP: Final = 2.0**-4  # of the size of the number that is moved
_LEVELS: Final = 13  # each with half the step of the one before
_DEPTH: Final = 5  # powers of the step that extrapolation removes
_SETTLED: Final = 1e-11  # stop when no entry is off by more than this part of it
_TRUSTED: Final = 1e-3  # a value that is off by less than this part of itself is believed
_KINK: Final = 1e-4  # one-sided slopes that differ by less than this part of them are one slope
_RATIOS: Final = np.array([4.0, 2.0, 2.0])[:, None, None]  # the error's powers: central even, one-sided all
_EPS: Final = float(np.finfo(float).eps)


class Estimate(NamedTuple):
    """Derivatives along k directions of n values, each array of shape (k, n).

    Attributes
    ----------
    low, high : ndarray
        The smaller and the larger of the one-sided derivatives at a kink; one number everywhere else.
    error : ndarray
        How far they may be off; infinite where nothing finite was found.
    kink : ndarray of bool
        The one-sided derivatives disagree.
    """

    low: Array
    high: Array
    error: Array
    kink: Array

    @property
    def value(self) -> Array:
        """The middle of the range."""
        return self.low / 2 + self.high / 2

    @property
    def T(self) -> Estimate:
        """Derivatives of the same, with values and directions exchanged."""
        return Estimate(*(table.T for table in self))

    def combined(self, weights: Array) -> Estimate:
        """Derivatives of sums of the n values with `weights` of shape (l, n): (k, l)."""
        size = abs(weights).T
        with np.errstate(invalid="ignore"):  # of an infinite error
            middle, half = self.value @ weights.T, (self.high - self.low) / 2 @ size
            error = (self.error + _EPS * abs(self.value)) @ size
        return Estimate(middle - half, middle + half, error, np.zeros(middle.shape, bool))


@final
class _Extrapolation:
    """Neville's scheme on central, right and left quotients; it keeps the values of least error."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._row: list[Array] = []
        self._unknown = np.zeros((3, *shape)), np.full((3, *shape), np.inf)
        self._before = self.value, self.error = self._unknown

    def restart(self) -> None:
        """Begin a series of smaller steps, and keep what was found."""
        self._row = []
        self._before = self.value, self.error
        self.value, self.error = self._unknown

    def finish(self) -> None:
        """Take of each series what it knows better; where they disagree, what is nearer."""
        value, error = self._before
        disagree = abs(self.value - value) > 10 * (self.error + error)
        better = (self.error < error) | (disagree & (self.error <= _TRUSTED * abs(self.value)))
        self.value, self.error = np.where(better, self.value, value), np.where(better, self.error, error)

    def _add(self, quotients: Array, noise: Array) -> None:
        """Take in the quotients at half the step before; `noise` is what rounding does to them."""
        row = [quotients]
        weight: Any = 1.0
        for above in self._row[:_DEPTH]:
            weight = weight * _RATIOS
            better = row[-1] + (row[-1] - above) / (weight - 1)
            error = np.maximum(abs(better - row[-1]), abs(better - above)) + noise
            closer = error < self.error  # never where NaN
            self.value = np.where(closer, better, self.value)
            self.error = np.where(closer, error, self.error)
            row.append(better)
        self._row = row

    def kinks(self) -> Array:
        """Where the right and the left derivative both exist and differ."""
        _, right, left = self.value
        _, right_error, left_error = self.error
        doubt = 100 * (right_error + left_error) + _KINK * (abs(right) + abs(left))
        return np.isfinite(doubt) & (abs(right - left) > doubt)

    def follow(self, series: _Series) -> bool:
        """Take smaller and smaller steps, until they would tell nothing new; say whether that came to be."""
        for level in range(_LEVELS):
            quotients, noise, least = series.quotients(level)
            self._add(quotients, noise)
            accurate = self.error[0] <= _SETTLED * abs(self.value[0]) + 8 * least
            if level > 1 and (accurate & ~self.kinks()).all():
                return True
        return False

    def estimate(self) -> Estimate:
        """What was found."""
        central, right, left = self.value
        error, right_error, left_error = self.error
        kink = self.kinks()
        # At the edge of a domain only one side has values, and its derivative is the derivative.
        at_edge = np.isinf(error)
        right_only, left_only = at_edge & np.isinf(left_error), at_edge & np.isinf(right_error)
        central = np.where(right_only, right, np.where(left_only, left, central))
        error = np.where(right_only, right_error, np.where(left_only, left_error, error))
        return Estimate(
            np.where(kink, np.minimum(left, right), central),
            np.where(kink, np.maximum(left, right), central),
            np.where(kink, left_error + right_error, error),
            kink,
        )


def differentiate(phi: Phi, point: Array, directions: Array) -> Estimate:
    """∂φ/∂d at a point, for each of `directions`: differences at shrinking steps, extrapolated to 0.

    Parameters
    ----------
    phi : callable
        Takes a float64 vector of m numbers, gives one of n.
    point : (m,)
        Where.
    directions : (k, m)
        Along what; rows of the identity give the columns of the Jacobian.

    Returns
    -------
    Estimate
        Values with an error each. Central differences at steps that halve are extrapolated by Neville's
        scheme, and of all the values in it the one is kept that differs least from its neighbours; that
        difference, plus what rounding of φ can do, is its error. One-sided differences find kinks.

    >>> found = differentiate(np.sin, np.zeros(1), np.eye(1))
    >>> round(float(found.value[0, 0]), 9), bool(found.error[0, 0] < 1e-10)
    (1.0, True)
    """
    with np.errstate(all="ignore"):  # steps may leave the domain: those are passed over
        middle = phi(point)
        scheme = _Extrapolation((len(directions), len(middle)))
        for scale in _scales(point, directions):
            scheme.restart()
            if scheme.follow(_Series(phi, point, directions, middle, scale)):
                break
        scheme.finish()
        return scheme.estimate()


def _scales(point: Array, directions: Array) -> list[Array]:
    """How far directions may be followed: the size of the numbers that they move or 1, first the larger."""
    sizes = np.where((directions != 0) & (point != 0), abs(point / directions), np.inf).min(axis=1, initial=np.inf)
    sizes = np.exp2(np.floor(np.log2(np.where(np.isfinite(sizes), sizes, 1.0))))  # steps without rounding
    large, small = np.maximum(sizes, 1.0), np.minimum(sizes, 1.0)
    return [large, np.where(large == 1, small, 1.0)] if (sizes != 1).any() else [large]


@final
class _Series:
    """Differences of φ about a point, at steps along `directions` that begin at a part of `scale` and halve."""

    def __init__(self, phi: Phi, point: Array, directions: Array, middle: Array, scale: Array) -> None:
        self._phi, self._point, self._directions, self._middle, self._scale = phi, point, directions, middle, scale
        self._still = np.ones((len(directions), len(middle)), bool)
        self._scatter = 4 * np.nan_to_num(np.fmax(self._scattered(1), self._scattered(-1)))

    def _scattered(self, side: int) -> Array:
        """How far rounding inside φ scatters each of its values: what a cubic through values nearby leaves over."""
        away = side * (self._scale[:, None] * self._directions).sum(axis=0)  # where the largest steps lead
        values = np.array([self._phi(self._point + (_FIRST_STEP + place) * away) for place in _NEARBY])
        left_over = values - values[0] - _ON_CUBICS @ (values - values[0])
        return np.sqrt((left_over**2).sum(axis=0) / (len(_NEARBY) - 4))

    def quotients(self, level: int) -> tuple[Array, Array, Array]:
        """Central, right and left quotients at one step, their error by rounding, and the least that it can be."""
        point, directions, middle = self._point, self._directions, self._middle
        step = self._scale[:, None] * (_FIRST_STEP * 0.5**level)
        above, below = point + step * directions, point - step * directions
        right = np.array([self._phi(row) for row in above]).reshape(len(directions), len(middle))
        left = np.array([self._phi(row) for row in below]).reshape(len(directions), len(middle))
        length = (directions * directions).sum(axis=1, keepdims=True)
        up = ((above - point) * directions).sum(axis=1, keepdims=True) / length  # the steps, as rounding left them
        down = ((point - below) * directions).sum(axis=1, keepdims=True) / length
        quotients = np.array([(right - left) / (up + down), (right - middle) / up, (middle - left) / down])
        uneven = abs((above - below) - (up + down) * directions).max(axis=1, initial=0, keepdims=True) / (up + down)
        least = 2 * _EPS * np.fmax(np.fmax(abs(right), abs(left)), abs(middle)) / step
        self._still &= (right == middle) & (left == middle)  # what has not moved by any step is not rounded
        noise = np.where(self._still, least, np.maximum(least, self._scatter / step))
        return quotients, np.array([noise, 2 * noise, 2 * noise]) + abs(quotients) * uneven, least


def complex_step(f: Callable[..., Any], point: Any, direction: Any = 1.0, step: float = 1e-30) -> Array:
    """Im f(x + i·h·d) / h: the derivative along d to the last digits, where f is analytic and real.

    Nothing is subtracted, so nothing cancels, however small the step. The function must compute with complex
    numbers and must not take absolute values, maxima or conjugates.

    Parameters
    ----------
    f : callable
        Takes and gives an array or tensor.
    point, direction : array-like
        Where, and along what.
    step : float
        How far; squares of it must vanish beside 1.

    Returns
    -------
    ndarray
        In the shape of the value of f.

    >>> float(complex_step(np.exp, 0.0))
    1.0
    """
    value = f(np.asarray(point, float) + 1j * step * np.asarray(direction, float))
    return np.imag(np.asarray(getattr(value, "array", value))) / step
