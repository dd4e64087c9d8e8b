"""Angles: x = q·π/2 + r with |r| ≤ π/4 (a little more where q was in doubt), and r as a pair.

Moderate angles lose q·π/2 in three steps (W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980).
Huge ones are multiplied with the bits of 2/π that matter to them (M. Payne and R. Hanek, "Radian reduction for
trigonometric functions", 1983), in functions of their own, which are called only where some lane is huge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from pullback.compiler.instructions.llvm import I1, I64, PTR, Function, Reg, Type
from pullback.compiler.instructions.mathematics.approximations import TWO_OVER_PI, TWO_OVER_PI_BITS
from pullback.compiler.instructions.mathematics.number import Number, fma, power_of_two, where
from pullback.compiler.instructions.mathematics.pairs import add, constants, multiply

MODERATE: Final = {"float": 2.0**16, "double": 2.0**28}  # up to here three steps are enough
DOUBLE: Final = Type("double")
WIDE: Final = Type("i128")
APART: Final = "noinline optnone cold"  # rarely called: quick to compile matters more than quick to run


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
    part = multiply(n, second)
    r, low = add(fma(n, -first, x), -part.high)  # the first step is exact, and a multiple of the last bit of the second
    near = Angle(anchored.bits, r, fma(n, -third, low - part.low))

    into, limit = x.into, MODERATE[x.format.scalar]
    huge = (abs(x) > limit) & (abs(x) < math.inf)
    some = into.intrinsic("vector.reduce.or", huge.register, kind=I1) if huge.register.type.lanes else huge.register
    before, far, done = into.block, into.label("far"), into.label("near")
    into.branch_if(some, far, done)
    into.begin(far)
    anew = far_angles(where(huge, x, limit))
    chosen = [where(huge, new, old) for new, old in zip(anew, near, strict=True)]
    into.branch(done)
    into.begin(done)
    return Angle(*(either(old, before, new, far) for old, new in zip(near, chosen, strict=True)))


def either(one: Number, block: str, other: Number, another: str) -> Number:
    """Whichever of two numbers was made by the block one comes from."""
    kind = one.register.type
    text = f"phi {kind} [ {one.register}, %{block} ], [ {other.register}, %{another} ]"
    return Number(one.into, one.into.emit(text, kind), one.format)


def structure(kinds: Sequence[Type]) -> Type:
    """What a function with several results gives."""
    return Type("{ " + ", ".join(map(str, kinds)) + " }")


def give(into: Function, parts: Sequence[Reg]) -> None:
    """Return several results, and finish the function."""
    kind = structure([part.type for part in parts])
    whole = Reg("poison", kind)
    for k, part in enumerate(parts):
        whole = into.emit(f"insertvalue {whole.typed}, {part.typed}, {k}", kind)
    into.ret(whole)
    into.finish()


def call(name: str, x: Number, kinds: Sequence[Type]) -> Angle:
    """Call a function with several results."""
    whole = x.into.call(name, x.register, kind=structure(kinds))
    parts = [x.into.emit(f"extractvalue {whole.typed}, {k}", kind) for k, kind in enumerate(kinds)]
    return Angle(*(Number(x.into, part, x.format) for part in parts))


def far_angles(x: Number) -> Angle:
    """The angles of huge numbers, in a function that calls another for one after the other."""
    kind = x.register.type
    kinds = kind.integer, kind, kind
    name = f"pullback.angle.{kind.suffix}s"
    if name not in x.into.module:
        f = Function(x.into.module, name, [(kind, "x")], structure(kinds), APART, exported=False)
        source, *places = [f.emit(f"alloca {k}", PTR) for k in (kind, *kinds)]
        f.store(f.arguments[0], source)
        one = Type(kind.scalar)
        with f.loop(0, kind.lanes or 1) as (lane, _, _):
            wide = f.cast("fpext", f.load(f.address(source, lane, one), one), DOUBLE)
            quadrant, high, low = far_angle(Number(f, wide))
            r = high.cast("fptrunc", one)
            rest = ((high - r.cast("fpext", DOUBLE)) + low).cast("fptrunc", one)
            for place, part in zip(places, (quadrant.cast("trunc", one.integer), r, rest), strict=True):
                f.store(part.register, f.address(place, lane, part.register.type))
        give(f, [f.load(place, k) for place, k in zip(places, kinds, strict=True)])
    return call(name, x, kinds)


def far_angle(x: Number) -> Angle:
    """The angle of one finite double, at least 2¹⁶, in a function that all others share."""
    name, kinds = "pullback.angle", (I64, DOUBLE, DOUBLE)
    module = x.into.module
    if name not in module:
        module.define(f"{name}.table", f"@{name}.table = internal constant i1216 {TWO_OVER_PI}")
        f = Function(module, name, [(DOUBLE, "x")], structure(kinds), APART, exported=False)
        give(f, [part.register for part in payne_hanek(Number(f, f.arguments[0]), Reg(f"@{name}.table", PTR))])
    return call(name, x, kinds)


def payne_hanek(x: Number, table: Reg) -> Angle:
    """x = M·2ᵏ, and the table holds T, the first bits of 2/π: three words of T give 190 bits of x·2/π after the point.

    What of T makes multiples of four quadrants is left out, and what is too small to matter.
    """
    f = x.into
    skip = (TWO_OVER_PI_BITS - 190 + 1075) - ((x.bits >> 52) & 0x7FF)  # bits of T below those that matter
    byte = (skip + 7) >> 3
    significand = ((x.bits & (2**52 - 1)) | 2**52) << ((byte << 3) - skip)
    start = f.address(table, byte.register, Type("i8"))
    places = [f.address(start, k, I64) for k in range(3)]
    words = [Number(f, f.emit(f"load i64, ptr {place}, align 1", I64), x.format) for place in places]

    wide = significand.cast("zext", WIDE)
    middle = wide * words[1].cast("zext", WIDE) + (wide * words[0].cast("zext", WIDE) >> 64)
    upper = significand * words[2] + (middle >> 64).cast("trunc", I64)
    turns = (upper.cast("zext", WIDE) << 64) | middle.cast("trunc", I64).cast("zext", WIDE)
    beyond = turns << 2  # in quarter turns, from -1/2 to 1/2
    sign = beyond >> 127
    quadrant = ((turns >> 126) - sign).cast("trunc", I64)

    size = (beyond ^ sign) - sign
    f.module.declare("i128 @llvm.ctlz.i128(i128, i1)")
    zeros = Number(f, f.emit(f"call i128 @llvm.ctlz.i128({size.register.typed}, i1 true)", WIDE), x.format)
    size = size << zeros
    digits = [(size >> place).cast("trunc", I64) & (2**53 - 1) for place in (75, 22)]
    head, tail = (part.cast("uitofp", DOUBLE) for part in digits)
    first, second, _ = constants("pi / 2", x)
    high, low = multiply(head, first)
    high, low = add(high, fma(head, second, fma(tail * 2.0**-53, first, low)))
    unit = power_of_two(-53 - zeros.cast("trunc", I64))
    unit = where((sign.cast("trunc", I64) < 0) ^ x.negative, -unit, unit)
    return Angle(where(x.negative, -quadrant, quadrant), high * unit, low * unit)
