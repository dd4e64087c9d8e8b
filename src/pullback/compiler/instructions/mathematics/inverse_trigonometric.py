"""`arcsin`, `arccos`, `arctan`, `arctan2`: a multiple of π/4 or π/2, which is added as a pair, and a polynomial."""

from __future__ import annotations

import math

from pullback.compiler.instructions.mathematics.elementary import elementary
from pullback.compiler.instructions.mathematics.number import Number, at_least, at_most, fma, where, with_sign
from pullback.compiler.instructions.mathematics.pairs import add, constants, divide, evaluate, multiply_add


def right_angles(count: Number, factor: Number, size: Number) -> Number:
    """count·π/2 + factor·arcsin(|x|), where arcsin(|x|) = π/2 - 2 arcsin(√((1 - |x|)/2)) has been used above 1/2.

    `factor` is ±1 up to 1/2 and ±2 above.
    """
    above = size > 0.5
    square = where(above, fma(size, -0.5, 0.5), size * size)
    root = where(above, square.intrinsic("sqrt"), size)
    lost = fma(-root, root, square) / at_least(root + root, size.format.least)  # of the root
    lost = where(above, lost, 0.0)
    head, tail, _ = constants("pi / 2", size)
    part = fma(root * square, evaluate("arcsin", square), lost)
    whole = factor * root
    high, low = multiply_add(count, head, whole)
    return high + fma(factor, part, fma(count, tail, low))


@elementary(single=0.63, double=0.67)
def arcsin(x: Number) -> Number:
    """The angle in [-π/2, π/2] whose sine is x; NaN beyond ±1."""
    size = abs(x)
    above = size > 0.5
    return with_sign(right_angles(where(above, 1.0, 0.0), where(above, -2.0, 1.0), size), x)


@elementary(single=0.6, double=0.66)
def arccos(x: Number) -> Number:
    """The angle in [0, π] whose cosine is x; NaN beyond ±1."""
    size = abs(x)
    above = size > 0.5
    factor = where(above, 2.0, -1.0)
    return right_angles(where(above, where(x < 0.0, 2.0, 0.0), 1.0), where(x < 0.0, -factor, factor), size)


def eighths(lesser: Number, greater: Number, turned: Number, back: Number | None = None) -> Number:
    """arctan(lesser / greater), 0 ≤ lesser ≤ greater > 0; π/2 less that where turned, then π less that where back.

    arctan(t) = π/4 + arctan((t - 1) / (t + 1)) is used where t > 1/2.
    """
    near_one = lesser + lesser > greater
    below = add(greater, where(near_one, lesser, 0.0))
    above = where(near_one, lesser - greater, lesser)  # exact, as they are within a factor of two
    t = divide(above, below)
    square = t.high * t.high
    rest = fma(square * t.high, evaluate("arctan", square), fma(-square, t.low, t.low))
    count = where(near_one, 1.0, 0.0)
    count, flip = where(turned, 2.0 - count, count), turned
    if back is not None:
        count, flip = where(back, 4.0 - count, count), turned ^ back
    main, rest = where(flip, -t.high, t.high), where(flip, -rest, rest)
    head, tail, _ = constants("pi / 4", t.high)
    high, low = multiply_add(count, head, main)
    return high + fma(count, tail, low + rest)


@elementary(single=0.69, double=0.76)
def arctan(x: Number) -> Number:
    """The angle in [-π/2, π/2] whose tangent is x."""
    size = at_most(abs(x), 2.0 ** (x.format.digits + 5))  # beyond it is π/2
    steep = size > 1.0
    return with_sign(eighths(where(steep, 1.0, size), where(steep, size, 1.0), steep), x)


@elementary(single=0.8, double=0.8)
def arctan2(y: Number, x: Number) -> Number:
    """The angle in [-π, π] of the point (x, y); every case of signed zeros and infinities as C99 has it."""
    kind = y.format
    a, b = abs(y), abs(x)
    steep = a > b
    lesser, greater = where(steep, b, a), where(steep, a, b)
    infinite = greater.equals(math.inf)
    lesser = where(infinite, where(lesser.equals(math.inf), 1.0, 0.0), lesser)
    greater = where(infinite | greater.equals(0.0), 1.0, greater)
    enlarged = where(greater < 2.0 ** (kind.digits + 1), 2.0 ** (kind.bias - kind.digits - 3), 1.0)
    scale = where(greater > 2.0 ** (kind.bias - 3), 2.0**-4, enlarged)  # sums and quotients keep all their bits
    value = with_sign(eighths(lesser * scale, greater * scale, steep, x.negative), y)
    return where(a.compare("uno", b), a + b, value)
