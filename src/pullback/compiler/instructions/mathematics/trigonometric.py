"""`sin`, `cos` and `tan`: polynomials in an angle of at most an eighth of a turn, which is given as a pair."""

from __future__ import annotations

from typing import NamedTuple

from pullback.compiler.instructions.mathematics.elementary import elementary
from pullback.compiler.instructions.mathematics.number import Number, fma, where
from pullback.compiler.instructions.mathematics.pairs import Pair, add, evaluate, ratio
from pullback.compiler.instructions.mathematics.reduction import angle


class Waves(NamedTuple):
    """The quadrant, and sine and cosine within it, as pairs."""

    quadrant: Number
    sine: Pair
    cosine: Pair


def waves(x: Number) -> Waves:
    """sin(r + l) = r + r³ S(r²) + l·cos(r), cos(r + l) = 1 - r²/2 + r⁴ C(r²) - l·r."""
    quadrant, r, low = angle(x)
    square = r * r
    cosine = add(1.0, -0.5 * square)
    error = fma(r, r, -square)  # of the square: it is halved, and the cosine is as small as 0.7
    rest = fma(square * square, evaluate("cos", square), fma(r, -low, fma(error, -0.5, cosine.low)))
    sine = fma(square * r, evaluate("sin", square), low * cosine.high)
    return Waves(quadrant, Pair(r, sine), Pair(cosine.high, rest))


def odd(quadrant: Number) -> Number:
    """A mask: whether sine and cosine change places."""
    return (quadrant & 1).compare("ne", 0)


def turned(value: Number, quadrant: Number) -> Number:
    """The value with its sign changed where bit 1 of the quadrant is set."""
    sign_place = value.register.type.bits - 1
    return (value.bits ^ ((quadrant >> 1) << sign_place)).real


@elementary(single=0.77, double=0.78)
def sin(x: Number) -> Number:
    """The sine of x radians."""
    quadrant, sine, cosine = waves(x)
    other = odd(quadrant)
    value = where(other, cosine.high, sine.high) + where(other, cosine.low, sine.low)
    return where(x.equals(0.0), x, turned(value, quadrant))  # keeps -0


@elementary(single=0.77, double=0.78)
def cos(x: Number) -> Number:
    """The cosine of x radians."""
    quadrant, sine, cosine = waves(x)
    other = odd(quadrant)
    value = where(other, sine.high, cosine.high) + where(other, sine.low, cosine.low)
    return turned(value, quadrant + 1)  # cos x = sin(x + π/2)


@elementary(single=0.92, double=0.92)
def tan(x: Number) -> Number:
    """The tangent of x radians."""
    quadrant, sine, cosine = waves(x)
    other = odd(quadrant)
    below = add(where(other, sine.high, cosine.high), where(other, sine.low, cosine.low))
    above = add(where(other, -cosine.high, sine.high), where(other, -cosine.low, sine.low))
    return where(x.equals(0.0), x, ratio(above, below))  # keeps -0
