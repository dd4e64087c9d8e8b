"""Hypergeometric series in their parameters: derivatives of ₁F₁ and ₂F₁ of any order, by all operands.

Each factor of a term is a truncated power series in small steps of the parameters, so one sum over

    Σₙ (a)ₙ (b)ₙ / (c)ₙ · zⁿ / n!

gives all derivatives. Below 0 the sum would cancel: there Kummer's transformation, eᶻ ₁F₁(b − a; b; −z), and Pfaff's,
(1 − z)⁻ᵃ ₂F₁(a, c − b; c; z/(z − 1)), go before it (NIST *Digital Library of Mathematical Functions*, 13.2.39, 15.8.1).

The orders of a derivative are one whole number: its digits to base 8, the last of which is that of the first operand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from pullback.core.kinds import Elementwise
from pullback.core.precision import of_reals

BASE: Final = 8  # of the digits that are orders
TERMS: Final = 20_000  # at most; beyond, the answer is NaN
SETTLED: Final = 3  # terms one after the other that change nothing


class _Steps:
    """Truncated power series in steps of parameters, an axis each, of numbers that broadcast."""

    def __init__(self, orders: Sequence[int], like: Any) -> None:
        self.terms = np.zeros((*(n + 1 for n in orders), *like.shape))
        self.terms[(0,) * len(orders)] = 1.0

    def times(self, value: Any, steps: Sequence[Any]) -> None:
        """Multiply by value + Σ steps · ε."""
        made = self.terms * value
        for axis, step in enumerate(steps):
            if self.terms.shape[axis] > 1 and np.any(step):
                up, down = (self._part(axis, part) for part in (slice(1, None), slice(None, -1)))
                made[up] += step * self.terms[down]
        self.terms = made

    def over(self, value: Any, axis: int) -> None:
        """Divide by value + ε, the step of one parameter."""
        for n in range(self.terms.shape[axis]):
            here = self.terms[self._part(axis, n)]
            if n:
                here -= self.terms[self._part(axis, n - 1)]
            here /= value

    @staticmethod
    def _part(axis: int, index: Any) -> tuple[Any, ...]:
        return (*(slice(None),) * axis, index)


def _orders(number: Any, count: int) -> list[int]:
    return [int(number) // BASE**i % BASE for i in range(count)]


def _summed(term: _Steps, tops: Sequence[tuple[Any, Sequence[Any]]], bottom: tuple[Any, int], z: Any) -> Any:
    """The sum of a series that begins with a term; NaN where it takes too many."""
    total, quiet = term.terms.copy(), 0
    for n in range(TERMS):
        for value, steps in tops:
            term.times(value + n, steps)
        term.over(bottom[0] + n, bottom[1])
        term.terms *= z / (n + 1)
        total += term.terms
        moving = np.abs(term.terms) > np.finfo(float).eps / 8 * np.abs(total)
        quiet = 0 if moving.any() else quiet + 1
        if quiet == SETTLED:
            return total
    return np.where(moving.any(axis=tuple(range(moving.ndim - z.ndim))), math.nan, total)


@of_reals
@np.errstate(all="ignore")
def _confluent(a: Any, b: Any, z: Any, order: Any) -> Any:
    a, b, z = np.broadcast_arrays(*(np.asarray(x, float) for x in (a, b, z)))
    *orders, k = _orders(order, 3)
    term, low = _Steps(orders, z), z < 0
    for n in range(k):
        term.times(a + n, (1, 0))
        term.over(b + n, 1)
    top = np.where(low, b - a, a + k), (np.where(low, -1, 1), np.where(low, 1, 0))
    found = _summed(term, [top], (b + k, 1), np.abs(z))[tuple(orders)]
    return math.prod(map(math.factorial, orders)) * found * np.where(low, np.exp(z), 1)


@of_reals
@np.errstate(all="ignore")
def _gauss(a: Any, b: Any, c: Any, z: Any, order: Any) -> Any:
    a, b, c, z = np.broadcast_arrays(*(np.asarray(x, float) for x in (a, b, c, z)))
    *orders, k = _orders(order, 4)
    inside = z < 1
    given, z = z, np.where(inside, z, 0)
    term, low = _Steps(orders, z), z < 0
    for n in range(k):
        term.times(a + n, (1, 0, 0))
        term.times(b + n, (0, 1, 0))
        term.over(c + n, 2)
    second = np.where(low, c - b, b + k), (0, np.where(low, -1, 1), np.where(low, 1, 0))
    total = _summed(term, [(a + k, (1, 0, 0)), second], (c + k, 2), np.where(low, z / (z - 1), z))
    turn = np.where(low, -np.log1p(-z), 0)  # of (1 − z)⁻ᵃ, in steps of a
    i, *rest = orders
    found = sum(turn**m / math.factorial(m) * total[(i - m, *rest)] for m in range(i + 1))
    scale = math.prod(map(math.factorial, orders)) * np.where(low, (1 - z) ** -(a + k), 1)
    return np.where(inside & (given == given), scale * found, math.nan)


confluent: Elementwise = Elementwise(
    "confluent", _confluent,
    lambda a, b, c, d: confluent.bind(a, b, c, d + 1), lambda a, b, c, d: confluent.bind(a, b, c, d + BASE),
    lambda a, b, c, d: confluent.bind(a, b, c, d + BASE**2), None,
    doc="The derivative of ₁F₁(a; b; c) of the orders d.",
)  # fmt: skip
gauss: Elementwise = Elementwise(
    "gauss", _gauss,
    lambda a, b, c, d, e: gauss.bind(a, b, c, d, e + 1), lambda a, b, c, d, e: gauss.bind(a, b, c, d, e + BASE),
    lambda a, b, c, d, e: gauss.bind(a, b, c, d, e + BASE**2),
    lambda a, b, c, d, e: gauss.bind(a, b, c, d, e + BASE**3), None,
    doc="The derivative of ₂F₁(a, b; c; d) of the orders e.",
)  # fmt: skip
