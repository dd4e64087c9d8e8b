"""`sinh`, `cosh`, `tanh` from sinh and cosh of what remains of x beside n·log 2; their inverses from logarithms.

With x = n·log 2 + r, 2 sinh(x) = (2ⁿ - 2⁻ⁿ) cosh(r) + (2ⁿ + 2⁻ⁿ) sinh(r), and 2 cosh(x) likewise, with the two
changed: no small difference of great numbers appears, and one text serves every x.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from pullback.compiler.instructions.mathematics.elementary import elementary
from pullback.compiler.instructions.mathematics.exponentials import LOG2, reduced
from pullback.compiler.instructions.mathematics.logarithms import log_one_plus
from pullback.compiler.instructions.mathematics.number import (
    Number,
    at_least,
    at_most,
    fma,
    power_of_two,
    where,
    with_sign,
)
from pullback.compiler.instructions.mathematics.pairs import Pair, add, add_product, divide, evaluate, multiply


class Halves(NamedTuple):
    """sinh(r) = r + sine, cosh(r) = 1 + cosine, 2ⁿ⁻² and 2⁻ⁿ⁻² (2ⁿ itself may be too large)."""

    r: Number
    sine: Number
    cosine: Number
    great: Number
    small: Number

    def sinh(self) -> Pair:
        """sinh(x) / 2."""
        return self._combined(-self.small)

    def cosh(self) -> Pair:
        """cosh(x) / 2."""
        return self._combined(self.small)

    def _combined(self, small: Number) -> Pair:
        a, a_low = add(self.great, small)
        b, b_low = add(self.great, -small)
        high, low = add_product(a, b, self.r)
        low = low + fma(b_low, self.r, a_low)
        return Pair(high, fma(a, self.cosine, fma(b, self.sine, low)))


def halves(x: Number) -> Halves:
    """Half of sinh(|x|) and cosh(x), in parts."""
    n, r, low = reduced(at_most(abs(x), (x.format.bias + 2.5) * LOG2))
    square = r * r
    sine = fma(square * r, evaluate("sinh", square), low)
    cosine = fma(r, low, square * evaluate("cosh", square))
    place = x.format.digits - 1
    least = ((x.format.bias - 2) << place) - (n << place)  # negative for great n, where 2⁻ⁿ does not count
    return Halves(r, sine, cosine, power_of_two(n - 2), least.intrinsic("smax", 0).real)


@elementary(single=0.76, double=0.86)
def sinh(x: Number) -> Number:
    """(eˣ - e⁻ˣ) / 2."""
    high, low = halves(x).sinh()
    value = high + low
    return where(abs(x) < 2.0**-x.format.digits, x, with_sign(value + value, x))  # subnormals cannot be halved


@elementary(single=0.68, double=0.75)
def cosh(x: Number) -> Number:
    """(eˣ + e⁻ˣ) / 2."""
    high, low = halves(x).cosh()
    value = high + low
    return value + value


@elementary(single=0.9, double=0.95)
def tanh(x: Number) -> Number:
    """(e - 1) / (e + 1), where e = exp(2|x|), with the sign of x."""
    half = at_most(abs(x), (x.format.digits + 4) * LOG2 / 2)
    n, r, low = reduced(half + half)
    scale = power_of_two(n)
    high, less = add_product(scale - 1.0, scale, r)
    high, low = add(high, fma(scale, fma(r * r, evaluate("exp", r), low), less))
    reciprocal = 1.0 / (high + 2.0)
    nearly = high * reciprocal
    rest = fma(-nearly, at_least(high, 2.0), high)  # the larger part of e + 1 first: of that nothing is lost
    rest = fma(-nearly, low, fma(-nearly, at_most(high, 2.0), rest)) + low
    return with_sign(fma(rest, reciprocal, nearly), x)


@elementary(single=0.68, double=0.75)
def arcsinh(x: Number) -> Number:
    """log(|x| + √(x² + 1)) with the sign of x, written as log1p(|x| + (√(x² + 1) - 1))."""
    size = abs(x)
    huge = size > 2.0 ** (x.format.digits + 6)
    part = where(huge, 1.0, size)
    square = multiply(part, part)
    one = 1.0 + square.high
    root = one.intrinsic("sqrt")
    lost = fma(-root, root, one) + ((square.high - (one - 1.0)) + square.low)
    high, low = add(size, where(huge, 0.0, root - 1.0))
    high, low = add(high, low + where(huge, 0.0, lost / (root + root)))
    logarithm = log_one_plus(high, low, where(huge, 1.0, 0.0))
    value = logarithm.high + logarithm.low
    value = where(size.equals(math.inf) | (size < 2.0 ** (-x.format.digits / 2 - 0.5)), size, value)
    return with_sign(value, x)


@elementary(single=0.67, double=0.74)
def arccosh(x: Number) -> Number:
    """log(x + √(x² - 1)), written as log1p(t + √(t (t + 2))) with t = x - 1; NaN below 1."""
    huge = x > 2.0 ** (x.format.digits + 6)
    t = where(huge, 1.0, x) - 1.0
    above = t + 2.0
    product = multiply(t, above)
    root = product.high.intrinsic("sqrt")
    lost = fma(-root, root, product.high) + fma(t, t - (above - 2.0), product.low)
    high, low = add(root, t)
    high, low = add(high, low + lost / at_least(root + root, x.format.least))
    high, low = where(huge, x, high), where(huge, 0.0, low)
    logarithm = log_one_plus(high, low, where(huge, 1.0, 0.0))
    value = where(x.equals(math.inf), x, logarithm.high + logarithm.low)
    return where(x < 1.0, math.nan, value)


@elementary(single=0.68, double=0.74)
def arctanh(x: Number) -> Number:
    """log1p(2|x| / (1 - |x|)) / 2 with the sign of x; infinite at ±1, NaN beyond."""
    size = abs(x)
    below = add(1.0, -size)
    quotient = divide(size + size, below)
    high, low = add(*quotient)
    logarithm = log_one_plus(high, low)
    value = 0.5 * (logarithm.high + logarithm.low)
    value = where(size < 1.0, value, where(size.equals(1.0), math.inf, math.nan))
    return with_sign(value, x)
