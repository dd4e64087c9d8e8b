"""Pairs: a number and what its rounding lost, so that the sum of both is twice as precise.

Sources: T. J. Dekker, "A floating-point technique for extending the available precision" (1971); M. Joldes,
J.-M. Muller and V. Popescu, "Tight and rigorous error bounds for basic building blocks of double-word arithmetic"
(2017).
"""

from __future__ import annotations

from typing import NamedTuple

from pullback.compiler.instructions.mathematics.approximations import CONSTANTS, POLYNOMIALS
from pullback.compiler.instructions.mathematics.number import Number, fma, polynomial


class Pair(NamedTuple):
    """The unevaluated sum of a number and a much smaller one."""

    high: Number
    low: Number


def constants(name: str, like: Number) -> tuple[float, ...]:
    """A constant as a sum of three numbers of a format, each much smaller than the one before."""
    return CONSTANTS[name][like.format.scalar]


def evaluate(name: str, x: Number, start: int = 0) -> Number:
    """A polynomial of `approximations`; or what is left of it without its first terms, divided by a power of x."""
    return polynomial(x, POLYNOMIALS[name][x.format.scalar][start:])


def add(larger: Number | float, smaller: Number) -> Pair:
    """a + b, exactly, where a is 0 or not smaller than b (Dekker 1971)."""
    high = larger + smaller
    return Pair(high, (larger - high) + smaller)


def add_any(a: Number, b: Number) -> Pair:
    """a + b, exactly (D. E. Knuth, The Art of Computer Programming 2, §4.2.2)."""
    high = a + b
    of_b = high - a
    return Pair(high, (a - (high - of_b)) + (b - of_b))


def multiply_add(a: Number, b: Number | float, c: Number) -> Pair:
    """a · b + c: exactly, where b is the head of a constant, a an integer and c smaller than a · b or a = 0.

    Otherwise the low part misses some of its own last bits.
    """
    high = fma(a, b, c)
    return Pair(high, fma(a, b, -high) + c)


def add_product(larger: Number | float, a: Number, b: Number | float) -> Pair:
    """c + a · b, exactly where c = 0 or not smaller than a · b, but for the last bits of the low part."""
    high = fma(a, b, larger)
    return Pair(high, fma(a, b, larger - high))


def multiply(a: Number, b: Number | float) -> Pair:
    """a · b, exactly (unless it is subnormal)."""
    high = a * b
    return Pair(high, fma(a, b, -high))


def divide(a: Number, b: Pair) -> Pair:
    """a / b, correct but for a few units of the last place of the low part."""
    reciprocal = 1.0 / b.high
    high = a * reciprocal
    return Pair(high, fma(-high, b.low, fma(-high, b.high, a)) * reciprocal)


def ratio(a: Pair, b: Pair) -> Number:
    """a / b, as one number."""
    reciprocal = 1.0 / b.high
    nearly = a.high * reciprocal
    rest = fma(-nearly, b.low, fma(-nearly, b.high, a.high)) + a.low
    return fma(rest, reciprocal, nearly)
