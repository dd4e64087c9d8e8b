"""`power`, `cbrt` and `hypot`."""

from __future__ import annotations

import math

from pullback.compiler.instructions.mathematics.elementary import elementary
from pullback.compiler.instructions.mathematics.exponentials import Reduced, exponential, scaled, times_log2
from pullback.compiler.instructions.mathematics.logarithms import split_any
from pullback.compiler.instructions.mathematics.number import Number, at_least, at_most, fma, nearest, where, with_sign
from pullback.compiler.instructions.mathematics.pairs import Pair, add, constants, divide, evaluate, multiply


def product(a: Pair, b: Pair) -> Pair:
    """a · b, without the product of both low parts."""
    high, low = multiply(a.high, b.high)
    return Pair(high, fma(a.high, b.low, fma(a.low, b.high, low)))


def precise_log2(x: Number) -> Pair:
    """The logarithm to base 2 of x > 0, as a pair: with s = (m - 1) / (m + 1), s·(c₀ + s²·(c₁ + s⁴ …)).

    Source: the series of artanh; P. T. P. Tang, "Table-driven implementation of the logarithm function" (1990).
    """
    k, _, m = split_any(x)
    f = m - 1.0
    s = divide(f, add(1.0, m))
    high, low = multiply(s.high, s.high)
    square = Pair(high, fma(s.high + s.high, s.low, low))
    head, tail, _ = constants("2/3 / log 2", x)
    nearly = square.high + square.low
    high, low = add(head, nearly * evaluate("log2", nearly))
    series = product(square, Pair(high, low + tail))
    head, tail, _ = constants("2 / log 2", x)
    high, low = add(head, series.high)
    fraction = product(s, Pair(high, low + (series.low + tail)))
    high, low = add(k, fraction.high)
    return Pair(high, low + fraction.low)


@elementary(single=0.9, double=0.9)
def power(x: Number, y: Number) -> Number:
    """xʸ; every special case as C99 has it."""
    kind, size, infinity = x.format, abs(x), math.inf
    logarithm = precise_log2(size)
    log_high = where(size.equals(0.0), -infinity, where(size.equals(infinity), infinity, logarithm.high))
    high, low = multiply(y, log_high)
    low = fma(y, logarithm.low, low)
    limit = kind.bias + kind.digits + 1.0  # 2ⁿ is 0 or infinite beyond
    low = where(abs(high) < limit, low, 0.0)
    high = where(size.equals(1.0), 0.0, at_least(at_most(high, limit), -limit))
    n, bits = nearest(high)
    parts = exponential(Reduced(bits, *times_log2(*add(high - n, low))))
    value = scaled(parts.high + parts.low, bits)

    half = 0.5 * y
    whole = y.intrinsic("trunc").equals(y)
    odd = whole & half.intrinsic("trunc").compare("une", half)
    value = where(x.negative & odd, -value, value)
    impossible = (x < 0.0) & (x > -infinity) & (whole ^ whole.like(1))
    value = where(impossible, math.nan, value)
    value = where(x.compare("uno", y), x + y, value)
    return where(x.equals(1.0) | y.equals(0.0), 1.0, value)


@elementary(single=0.51, double=0.51)
def cbrt(x: Number) -> Number:
    """The real cube root: 1/∛m from a polynomial, a step of Halley's, and one of Newton's for ∛m itself."""
    kind, size = x.format, abs(x)
    place, thirds = kind.digits - 1, kind.digits // 3 + 1  # of digits, and of doublings for a subnormal
    small = size < kind.least
    bits = where(small, size * 8.0**thirds, size).bits
    exponent = ((bits >> place) + kind.pattern(kind.anchor)).real - (kind.anchor + kind.bias + 1)  # less one
    anchored = fma(exponent, 1.0 / 3.0, kind.anchor)
    rest = fma(anchored - kind.anchor, -3.0, exponent)  # -1, 0 or 1
    third = anchored.bits << place
    m = (bits - (third + third + third)).real  # in [1, 8)
    mantissa = ((bits & ((1 << place) - 1)) | kind.pattern(1.0)).real
    factor = where(rest < 0.0, 1.0, where(rest > 0.0, 4.0 ** (-1 / 3), 2.0 ** (-1 / 3)))
    root = evaluate("1 / cbrt", mantissa) * factor
    error = fma(-m * root, root * root, 1.0)
    root = fma(root * error, fma(error, 2.0 / 9.0, 1.0 / 3.0), root)
    square = root * root
    value = m * square
    high, low = multiply(value, value)
    value = fma(fma(-high, value, m) - low * value, square * (1.0 / 3.0), value)
    value = (value.bits + (third - where(small, third.like(thirds << place), 0))).real
    return where((x + x).compare("ueq", x), x, with_sign(value, x))  # 0, infinities and NaN are their own roots


@elementary(single=0.76, double=0.76)
def hypot(x: Number, y: Number) -> Number:
    """√(x² + y²), corrected by what its square misses (C. F. Borges, "An improved algorithm for hypot(a, b)", 2019)."""
    kind, infinity = x.format, math.inf
    a, b = abs(x), abs(y)
    steep = b > a
    less, more = where(steep, a, b), where(steep, b, a)
    down, up = 2.0 ** (kind.bias // 2 + 8), 2.0 ** (kind.bias * 3 // 4)
    great, small = more > 2.0 ** (kind.bias // 2 - 3), more < 2.0 ** -(kind.bias // 3)
    scale = where(great, 1.0 / down, where(small, up, 1.0))
    back = where(great, down, where(small, 1.0 / up, 1.0))
    less, more = less * scale, more * scale
    root = fma(more, more, less * less).intrinsic("sqrt")
    squared, of_more = multiply(root, root), multiply(more, more)
    excess = fma(-less, less, squared.high - of_more.high) + (squared.low - of_more.low)
    root = root - excess / at_least(root + root, kind.least)
    value = where(a.compare("uno", b), a + b, root * back)
    return where(a.equals(infinity) | b.equals(infinity), infinity, value)
