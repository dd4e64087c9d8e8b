"""`log`, `log2`, `log10` and `log1p`: x = 2ᵏ·(1 + f) with √½ ≤ 1 + f < √2, and a polynomial in f.

The exponent's part, which is exact, and f are added as a pair; so near 1, where k = 0, the result is f with a small
correction (J.-M. Muller, Elementary Functions, 3rd ed. 2016, §11.2).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from pullback.compiler.instructions.mathematics.elementary import elementary
from pullback.compiler.instructions.mathematics.number import Number, fma, where, with_sign
from pullback.compiler.instructions.mathematics.pairs import (
    Pair,
    add,
    add_product,
    constants,
    evaluate,
    multiply,
    multiply_add,
)


class Split(NamedTuple):
    """x = 2ᵏ·m, √½ ≤ m < √2."""

    k: Number  # a float
    place: Number  # k as an integer, at the exponent's place
    m: Number


def split(x: Number) -> Split:
    """Take a positive normal number apart."""
    kind, bits = x.format, x.bits
    place = kind.digits - 1
    k = (bits - kind.pattern(math.sqrt(0.5))) >> place
    shifted = k << place
    return Split((k + kind.pattern(kind.anchor)).real - kind.anchor, shifted, (bits - shifted).real)


def split_any(x: Number) -> Split:
    """Take any positive number apart: subnormal ones are enlarged first."""
    shift = x.format.digits - 1
    small = x < x.format.least
    k, place, m = split(where(small, x * 2.0**shift, x))
    return Split(where(small, k - shift, k), place, m)


def checked(value: Number, x: Number, zero: float) -> Number:
    """The special values of a logarithm whose zero of the argument is at `zero`."""
    value = where(x > zero, value, where(x.equals(zero), -math.inf, math.nan))
    return where(x.equals(math.inf), x, value)


def joined(k: Number, f: Number, low: Number | None = None) -> Number:
    """k·log 2 + log(1 + f + low), as `combined`, in fewer steps: as one number, to nine tenths of its last place."""
    head, tail, _ = constants("log 2", f)
    high, rest = multiply_add(k, head, f)
    rest = fma(k, tail, rest if low is None else rest + fma(low, -f, low))
    return high + fma(f * f, evaluate("log", f), rest)


@elementary(single=0.85, double=0.88)
def log(x: Number) -> Number:
    """The natural logarithm."""
    k, _, m = split_any(x)
    return checked(joined(k, m - 1.0), x, 0.0)


def in_base(x: Number, of_two: tuple[float, ...], of_e: tuple[float, ...]) -> Number:
    """k·log_b 2 + log(m)·log_b e, given both logarithms."""
    k, _, m = split_any(x)
    f = m - 1.0
    high, less = add_product(f, f, -0.5 * f)
    less = fma(f * f * f, evaluate("log", f, 1), less)
    head, tail, _ = of_e
    part = multiply(high, head)
    small = fma(less, head, fma(high, tail, part.low))
    head, tail, _ = of_two
    high, low = multiply_add(k, head, part.high)
    return checked(high + fma(k, tail, low + small), x, 0.0)


@elementary(single=0.7, double=0.75)
def log2(x: Number) -> Number:
    """The logarithm to base 2, exact at its powers."""
    return in_base(x, (1.0, 0.0, 0.0), constants("1 / log 2", x))


@elementary(single=0.64, double=0.68)
def log10(x: Number) -> Number:
    """The logarithm to base 10."""
    return in_base(x, constants("log10 2", x), constants("1 / log 10", x))


def combined(k: Number, f: Number, low: Number) -> Pair:
    """k·log 2 + log(1 + f + low), k = 0 or -1/3 < f < 1/2; f²/2 is taken away exactly."""
    head, tail, _ = constants("log 2", f)
    high, rest = multiply_add(k, head, f)
    high, less = add_product(high, f, -0.5 * f)
    cubes = fma(f * f * f, evaluate("log", f, 1), fma(k, tail, fma(low, -f, low)))
    return Pair(high, cubes + (rest + less))


def split_one_plus(x: Number, low: Number | None = None) -> tuple[Number, Number, Number]:
    """1 + x + low = 2ᵏ·(1 + f + f_low), for -1 < x < ∞."""
    one = 1.0 + x
    lost = x - (one - 1.0)
    k, place, m = split(one)
    scale = (x.format.pattern(1.0) - place).intrinsic("smax", 0).real  # 2⁻ᵏ; 0 where what was lost is nothing
    f, f_low = add(m - 1.0, lost * scale)
    if low is not None:
        f_low = fma(low, scale, f_low)
    return k, f, f_low


def log_one_plus(x: Number, low: Number, doublings: Number | None = None) -> Pair:
    """log(1 + x + low) + doublings·log 2, for -1 < x < ∞, as a sum."""
    k, f, f_low = split_one_plus(x, low)
    return combined(k if doublings is None else k + doublings, f, f_low)


@elementary(single=0.85, double=0.88)
def log1p(x: Number) -> Number:
    """log(1 + x)."""
    return checked(with_sign(joined(*split_one_plus(x)), x), x, -1.0)
