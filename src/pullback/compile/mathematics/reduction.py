"""Angles: x = q·π/2 + r with |r| ≤ π/4 (a little more where q was doubtful), r as a pair.

Moderate angles lose q·π/2 in three steps (W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980).
Huge ones are multiplied with as many bits of 2/π as they reach (M. Payne and R. Hanek, "Radian reduction for trigonometric
functions", 1983), in a function of its own, which is called only where a lane needs it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pullback.compile.llvm import I1, I64, PTR, Function, Reg, Type
from pullback.compile.mathematics.approximations import TWO_OVER_PI
from pullback.compile.mathematics.number import Number, fma, power_of_two, where
from pullback.compile.mathematics.pairs import add, constants, multiply

MODERATE: Final = {"float": 2.0**16, "double": 2.0**28}  # up to here three steps are enough
DOUBLE: Final = Type("double")
WINDOW: Final = Type("i256")  # bits of 2/π that matter: 2 of the quadrant, 62 that may cancel, 3 · 53, and some to spare
BITS: Final = 1232  # of 2/π that the greatest double reaches


class Angle(NamedTuple):
    """q·π/2 + r + low."""

    quadrant: Number  # an integer, of which the last two bits matter
    r: Number
    low: Number


def angle(x: Number) -> Angle:
    """Take quarter turns away from x."""
    first, second, third = constants("pi / 2", x)
    anchored = fma(x, constants("2 / pi", x)[0], x.format.anchor)
    n = anchored - x.format.anchor
    exact = fma(n, -first, x)
    part = multiply(n, second)
    r, low = add(exact, -part.high)
    near = Angle(anchored.bits, r, fma(n, -third, low - part.low))

    huge = (abs(x) > MODERATE[x.format.scalar]) & (abs(x) < float("inf"))
    into = x.into
    some = into.intrinsic("vector.reduce.or", huge.register, kind=I1) if huge.register.type.lanes else huge.register
    before, far, done = into.block, into.label("far"), into.label("near")
    into.branch_if(some, far, done)
    into.begin(far)
    anew = [where(huge, new, old) for new, old in zip(reduced(x), near, strict=True)]
    into.branch(done)
    into.begin(done)
    return Angle(*(joined(old, before, new, far) for old, new in zip(near, anew, strict=True)))


def joined(one: Number, block: str, other: Number, another: str) -> Number:
    """Whichever of two numbers was made by the block one comes from."""
    kind = one.register.type
    text = f"phi {kind} [ {one.register}, %{block} ], [ {other.register}, %{another} ]"
    return Number(one.into, one.into.emit(text, kind), one.format)


def reduced(x: Number) -> Angle:
    """The angles of all lanes, each from a call of its own in a loop: rare, and therefore small rather than fast."""
    kind = x.register.type
    kinds = kind.integer, kind, kind
    struct = Type("{ " + ", ".join(map(str, kinds)) + " }")
    name = f"pullback.angle.{kind.suffix}"
    if name not in x.into.module:
        f = Function(x.into.module, name, [(kind, "x")], struct, "noinline cold", exported=False)
        places = [f.emit(f"alloca {k}", PTR) for k in (kind, *kinds)]
        f.store(f.arguments[0], places[0])
        one = Type(kind.scalar)
        with f.loop(0, kind.lanes or 1) as (lane, _, _):
            wide = Number(f, f.cast("fpext", f.load(f.address(places[0], lane, one), one), DOUBLE))
            quadrant, high, low = of_double(wide)
            r = high.cast("fptrunc", one)
            rest = ((high - r.cast("fpext", DOUBLE)) + low).cast("fptrunc", one)
            for place, part in zip(places[1:], (quadrant.cast("trunc", one.integer), r, rest), strict=True):
                f.store(part.register, f.address(place, lane, part.register.type))
        result = Reg("poison", struct)
        for k, place in zip(kinds, places[1:], strict=True):
            result = f.emit(f"insertvalue {result.typed}, {f.load(place, k).typed}, {places.index(place) - 1}", struct)
        f.ret(result)
        f.finish()
    return Angle(*apart(x, x.into.call(name, x.register, kind=struct), kinds))


def apart(x: Number, struct: Reg, kinds: tuple[Type, Type, Type]) -> list[Number]:
    """The members of a structure."""
    values = [x.into.emit(f"extractvalue {struct.typed}, {k}", kind) for k, kind in enumerate(kinds)]
    return [Number(x.into, value, x.format) for value in values]


def of_double(x: Number) -> Angle:
    """The angle of one finite double, at least 2¹⁶, in a function that all share."""
    name, kinds = "pullback.angle", (I64, DOUBLE, DOUBLE)
    struct = Type("{ i64, double, double }")
    module = x.into.module
    if name not in module:
        module.define(f"{name}.table", f"@{name}.table = internal constant i1280 {TWO_OVER_PI}")
        f = Function(module, name, [(DOUBLE, "x")], struct, "noinline cold", exported=False)
        result = Reg("poison", struct)
        for k, part in enumerate(payne_hanek(Number(f, f.arguments[0]), Reg(f"@{name}.table", PTR))):
            result = f.emit(f"insertvalue {result.typed}, {part.register.typed}, {k}", struct)
        f.ret(result)
        f.finish()
    return Angle(*apart(x, x.into.call(name, x.register, kind=struct), kinds))


def payne_hanek(x: Number, table: Reg) -> Angle:
    """X = M·2ᵏ, and the table holds T = 2/π·2^BITS: 256 bits of M·T hold the quadrant and what is beyond it.

    Bits of T that make multiples of four quadrants are left out, and those too small to matter.
    """
    f = x.into
    exponent = (x.bits >> 52) & 0x7FF
    significand = (x.bits & (2**52 - 1)) | 2**52
    skip = (BITS - 254 + 1075) - exponent  # bits of T below those that matter
    byte = (skip + 7) >> 3
    window = f.emit(f"load {WINDOW}, ptr {f.address(table, byte.register, Type('i8'))}, align 1", WINDOW)
    significand = significand << ((byte << 3) - skip)
    turns = significand.cast("zext", WINDOW) * Number(f, window, x.format)  # of a whole turn, in units of 2⁻²⁵⁶
    beyond = turns << 2  # of a quarter turn, and signed: from -1/2 to 1/2
    sign = beyond >> 255
    quadrant = ((turns >> 254) - sign).cast("trunc", I64)
    size = (beyond ^ sign) - sign
    zeros = Number(f, f.emit(f"call {WINDOW} @llvm.ctlz.i256({size.register.typed}, i1 true)", WINDOW), x.format)
    f.module.declare("i256 @llvm.ctlz.i256(i256, i1)")
    size = size << zeros
    mask = 2**53 - 1
    upper, lower = (
        Number(f, f.cast("uitofp", (size >> place).cast("trunc", I64).__and__(mask).register, DOUBLE)) for place in (203, 150)
    )
    first, second, _ = constants("pi / 2", x)
    unit = power_of_two(-53 - zeros.cast("trunc", I64))
    high, low = multiply(upper, first)
    high, low = add(high, fma(upper, second, fma(lower * 2.0**-53, first, low)))
    negative = (sign.cast("trunc", I64) < 0) ^ x.negative
    return Angle(
        where(x.negative, -quadrant, quadrant),
        where(negative, -high, high) * unit,
        where(negative, -low, low) * unit,
    )
