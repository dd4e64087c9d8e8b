"""`sigmoid`, `softplus`, `logaddexp` and `erf`."""

from __future__ import annotations

import math

from pullback.compiler.instructions.mathematics.elementary import elementary
from pullback.compiler.instructions.mathematics.exponentials import LOG2, Reduced, exponential, reduced, scaled
from pullback.compiler.instructions.mathematics.logarithms import combined
from pullback.compiler.instructions.mathematics.number import (
    Number,
    at_least,
    at_most,
    fma,
    power_of_two,
    where,
    with_sign,
)
from pullback.compiler.instructions.mathematics.pairs import Pair, add, add_any, add_product, constants, evaluate, ratio


def exponential_of_negative(x: Number, low: Number | None = None) -> tuple[Pair, Number]:
    """The significand of exp(x + low) as a pair, and its exponent, for x ≤ 0."""
    n, r, rest = reduced(at_least(x, -(x.format.bias + x.format.digits) * LOG2))
    if low is not None:
        r, rest = add(r, rest + low)
    return add(*exponential(Reduced(n, r, rest))), n


@elementary(single=0.78, double=0.82)
def sigmoid(x: Number) -> Number:
    """1 / (1 + e⁻ˣ); for negative x, eˣ / (1 + eˣ)."""
    power, n = exponential_of_negative(-abs(x))
    scale = ((n << (x.format.digits - 1)) + x.format.pattern(1.0)).intrinsic("smax", 0).real  # 0 where it is subnormal
    high, low = add_product(1.0, scale, power.high)
    low = fma(scale, power.low, low)
    negative = x < 0.0
    above = Pair(where(negative, power.high, 1.0), where(negative, power.low, 0.0))
    return scaled(ratio(above, Pair(high, low)), where(negative, n, 0))


def log_one_plus_exponential(x: Number, low: Number | None = None) -> Pair:
    """log(1 + exp(x + low)) for x ≤ 0, as `logarithms` has it; here 1 + eˣ needs no taking apart."""
    power, n = exponential_of_negative(x, low)
    t, lost = scaled(power.high, n), scaled(power.low, n)
    halved = t > math.sqrt(2.0) - 1
    less, rest = add(-1.0, t)
    k = where(halved, 1.0, 0.0)
    f = where(halved, 0.5 * less, t)
    low = where(halved, 0.5 * (rest + lost), lost)
    return combined(k, f, low)


@elementary(single=0.81, double=0.86)
def softplus(x: Number) -> Number:
    """log(1 + eˣ), written as max(x, 0) + log(1 + e⁻ˡˣˡ)."""
    logarithm = log_one_plus_exponential(-abs(x))
    high, low = add_any(at_least(x, 0.0), logarithm.high)
    return where(x > x.format.digits * LOG2 + 1, x, high + (low + logarithm.low))


@elementary(single=0.93, double=0.93)
def logaddexp(a: Number, b: Number) -> Number:
    """log(eᵃ + eᵇ), written as max(a, b) + log(1 + e⁻ˡᵃ⁻ᵇˡ)."""
    ordered = a > b
    larger, smaller = where(ordered, a, b), where(ordered, b, a)
    gap, lost = add_any(smaller, -larger)
    lost = where(gap > -(a.format.digits + a.format.bias), lost, 0.0)  # as wide a gap counts for nothing
    gap = where(a.equals(b), 0.0, gap)  # of equal infinities too
    logarithm = log_one_plus_exponential(gap, lost)
    high, low = add_any(larger, logarithm.high)
    value = where(abs(larger).equals(math.inf), larger, high + (low + logarithm.low))
    return where(a.compare("uno", b), a + b, value)


@elementary(single=0.82, double=0.88)
def erf(x: Number) -> Number:
    """2/√π·∫₀ˣ e⁻ᵗ² dt: x + x·P(x²) up to 7/8; above, with t = x - 7/8, 1 - erfc(7/8)·exp(t·Q(t))."""
    size = abs(x)
    near = fma(size, evaluate("erf near", size * size), size)
    t = at_most(size, 4.0 if x.format.scalar == "float" else 6.0) - 0.875  # beyond, it is 1
    parts = reduced(t * evaluate("erf far", t))
    high, low = exponential(parts)
    head, tail, _ = constants("1 - erf 7/8", x)
    factor = power_of_two(parts.n) * -head
    far = add_product(1.0, factor, high)
    value = where(size < 0.875, near, far.high + fma(factor, fma(high, tail / head, low), far.low))
    return with_sign(value, x)
