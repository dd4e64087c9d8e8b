"""`exp`, `exp2` and `expm1`: x = n·log 2 + r, and a polynomial in r.

n·log 2 is taken away in two steps, each a fused multiplication and addition, the first of them exact (W. J. Cody and
W. Waite, Software Manual for the Elementary Functions, 1980; J.-M. Muller, Elementary Functions, 3rd ed. 2016, §11.1).
"""

from __future__ import annotations

from typing import NamedTuple

from pullback.compiler.instructions.mathematics.elementary import elementary
from pullback.compiler.instructions.mathematics.number import (
    Number,
    at_least,
    at_most,
    fma,
    nearest,
    power_of_two,
    where,
)
from pullback.compiler.instructions.mathematics.pairs import Pair, add, add_product, constants, evaluate, multiply

LOG2: float = 0.6931471805599453  # for bounds only


class Reduced(NamedTuple):
    """exp(x) = 2ⁿ·exp(r + low), |r| ≤ log(2)/2."""

    n: Number  # as an integer that ends in its bits
    r: Number
    low: Number


def reduced(x: Number) -> Reduced:
    """Take multiples of log 2 away from x, |x| < 2·bias."""
    head, tail, _ = constants("log 2", x)
    anchored = fma(x, constants("1 / log 2", x)[0], x.format.anchor)
    n = anchored - x.format.anchor
    first = fma(n, -head, x)
    r = fma(n, -tail, first)
    return Reduced(anchored.bits, r, fma(n, -tail, first - r))


def exponential(x: Reduced) -> Pair:
    """exp(r + low), in [0.7, 1.42)."""
    high, low = add(1.0, x.r)
    return Pair(high, fma(x.r * x.r, evaluate("exp", x.r), low + x.low))


def scaled(x: Number, n: Number) -> Number:
    """x·2ⁿ for any |n| < 2·bias, rounded once: half of it at a time."""
    place = n.format.digits - 1
    half = (n >> 1) << place
    one = n.format.pattern(1.0)
    return x * (half + one).real * (((n << place) - half) + one).real


@elementary(single=0.78, double=0.82)
def exp(x: Number) -> Number:
    """eˣ."""
    limits = x.format.bias + x.format.digits, x.format.bias + 1.5  # 2ⁿ is 0 or infinite beyond
    parts = reduced(at_least(at_most(x, limits[1] * LOG2), -limits[0] * LOG2))
    value = exponential(parts)
    return scaled(value.high + value.low, parts.n)


@elementary(single=0.8, double=0.84)
def exp2(x: Number) -> Number:
    """2ˣ."""
    x = at_least(at_most(x, x.format.bias + 1.5), -(x.format.bias + x.format.digits))
    n, bits = nearest(x)
    value = exponential(Reduced(bits, *times_log2(x - n)))
    return scaled(value.high + value.low, bits)


def times_log2(x: Number, low: Number | None = None) -> Pair:
    """(x + low)·log 2."""
    head, tail, _ = constants("log 2", x)
    high, rest = multiply(x, head)
    return Pair(high, fma(x, tail, rest if low is None else fma(low, head, rest)))


@elementary(single=0.83, double=0.87)
def expm1(x: Number) -> Number:
    """eˣ - 1."""
    n, r, low = reduced(at_most(x, (x.format.bias + 1.5) * LOG2))
    scale = power_of_two(n - 1)  # everything is halved: 2ⁿ is too large before eˣ is
    head = scale - 0.5
    lost = (scale - head) - 0.5
    high, less = add_product(head, scale, r)
    high, least = add_product(high, r, scale * (0.5 * r))
    cubes = fma(r * r * r, evaluate("exp", r, 1), low)
    value = high + fma(scale, cubes, lost + (less + least))
    value = where(x < -(x.format.digits + 0.5) * LOG2, -1.0, value + value)
    return where(abs(x) < 2.0**-x.format.digits, x, value)  # keeps -0; and subnormals cannot be halved
