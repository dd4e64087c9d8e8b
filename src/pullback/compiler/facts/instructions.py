"""Instructions of elementwise primitives: functions that emit LLVM IR for registers, of one number or of many."""

from __future__ import annotations

import math
from collections.abc import Callable

from pullback.compiler.instructions.llvm import Function, Reg, Type
from pullback.compiler.instructions.vectors import element, parts_of, shuffle


def operation(of_floats: str, of_integers: str) -> Callable[..., Reg]:
    """An operation of LLVM on two operands, by their kind."""
    return lambda f, a, b: f.binary(of_floats if a.type.floating else of_integers, a, b)


def join(f: Function, real: Reg, imag: Reg) -> Reg:
    """The complex number of two parts, as its bits."""
    kind = Type("i64" if real.type.scalar == "float" else "i128", real.type.lanes)
    if kind.lanes:
        both = shuffle(f, real, imag, [n for lane in range(kind.lanes) for n in (lane, kind.lanes + lane)])
    else:
        pair = parts_of(kind)
        both = f.emit(f"insertelement {pair} poison, {real.typed}, i64 0", pair)
        both = f.emit(f"insertelement {both.typed}, {imag.typed}, i64 1", pair)
    return f.cast("bitcast", both, kind)


def part(number: int) -> Callable[[Function, Reg], Reg]:
    """The real part of a complex number, or the imaginary one."""

    def write(f: Function, z: Reg) -> Reg:
        both = f.cast("bitcast", z, parts_of(z.type))
        return shuffle(f, both, both, range(number, both.type.lanes, 2)) if z.type.lanes else element(f, both, number)

    return write


def either(f: Function, a: Reg, b: Reg) -> Reg:
    """A sum; of truths whether one holds."""
    return f.binary("fadd" if a.type.floating else "or" if a.type.scalar == "i1" else "add", a, b)


def both(f: Function, a: Reg, b: Reg) -> Reg:
    """A product; of truths whether both hold."""
    return f.binary("fmul" if a.type.floating else "and" if a.type.scalar == "i1" else "mul", a, b)


def whole(name: str) -> Callable[..., Reg]:
    """A function of LLVM's own that rounds; whole numbers stay."""
    return lambda f, x: f.intrinsic(name, x) if x.type.floating else x


def compare(of_floats: str, of_integers: str) -> Callable[..., Reg]:
    """A comparison, by the kind of what is compared."""
    return lambda f, a, b: f.compare(of_floats if a.type.floating else of_integers, a, b)


def intrinsic(name: str) -> Callable[..., Reg]:
    """A function of LLVM's own."""
    return lambda f, x: f.intrinsic(name, x)


def same(_f: Function, x: Reg) -> Reg:
    """Nothing: the operand."""
    return x


def negative(f: Function, x: Reg) -> Reg:
    """−x."""
    return f.negative(x) if x.type.floating else f.binary("sub", f.const(0, x), x)


def maximum(f: Function, a: Reg, b: Reg) -> Reg:
    """The larger; NaN where either is."""
    if a.type.scalar == "i1":
        return f.binary("or", a, b)
    if not a.type.floating:
        return f.select(f.compare("sgt", a, b), a, b)
    return f.select(f.compare("uno", a, a), a, f.select(f.compare("ogt", a, b), a, b))


def minimum(f: Function, a: Reg, b: Reg) -> Reg:
    """The smaller; NaN where either is."""
    if a.type.scalar == "i1":
        return f.binary("and", a, b)
    if not a.type.floating:
        return f.select(f.compare("slt", a, b), a, b)
    return f.select(f.compare("uno", a, a), a, f.select(f.compare("olt", a, b), a, b))


def relu(f: Function, x: Reg) -> Reg:
    """x where it is above 0 or NaN, else 0."""
    return f.select(f.compare("ugt" if x.type.floating else "sgt", x, 0), x, f.const(0, x))


def absolute(f: Function, x: Reg) -> Reg:
    """|x|."""
    if x.type.scalar == "i1":
        return x
    return f.intrinsic("fabs", x) if x.type.floating else f.select(f.compare("slt", x, 0), negative(f, x), x)


def sign(f: Function, x: Reg) -> Reg:
    """−1, 0 or 1; of NaN itself."""
    above, below = (f.compare("ogt", x, 0), f.compare("olt", x, 0)) if x.type.floating else (
        f.compare("sgt", x, 0), f.compare("slt", x, 0)
    )  # fmt: skip
    rest = f.select(f.compare("uno", x, x), x, f.const(0, x)) if x.type.floating else f.const(0, x)
    return f.select(above, f.const(1, x), f.select(below, f.const(-1, x), rest))


def natural_sign(f: Function, x: Reg) -> Reg:
    """1, and 0 of 0, of whole numbers without a sign."""
    return f.select(f.compare("ne", x, 0), f.const(1, x), f.const(0, x))


def where(f: Function, condition: Reg, a: Reg, b: Reg) -> Reg:
    """One or the other."""
    return f.select(condition, a, b)


def clip(f: Function, x: Reg, low: Reg, high: Reg) -> Reg:
    """x, at least `low`, at most `high`."""
    return minimum(f, maximum(f, x, low), high)


def gap(f: Function, a: Reg, b: Reg) -> Reg:
    """A − b, and 0 where both are the same, infinite too."""
    return f.select(f.compare("oeq", a, b), f.const(0, a), f.binary("fsub", a, b))


def strong_multiply(f: Function, a: Reg, b: Reg) -> Reg:
    """a·b, and 0 where a factor is 0: with masks one instruction, after two comparisons."""
    both = f.binary("and", f.compare("une", a, 0), f.compare("une", b, 0))
    return f.select(both, f.binary("fmul", a, b), f.const(0, a))


def is_finite(f: Function, x: Reg) -> Reg:
    """Whether |x| is below infinity: of NaN it is not."""
    if not x.type.floating:
        return f.compare("eq", x, x)
    return f.compare("olt", f.intrinsic("fabs", x), f.const(math.inf, x))


def inverted(f: Function, x: Reg) -> Reg:
    """All bits turned."""
    return f.binary("xor", x, f.const(True if x.type.scalar == "i1" else -1, x))


def floor_divide(f: Function, a: Reg, b: Reg) -> Reg:
    """⌊a / b⌋ as NumPy has it: the quotient of a less its remainder, rounded to the nearest whole number."""
    if not a.type.floating:
        quotient, _ = _whole_quotient(f, a, b)
        return quotient
    rest, moved = _remainder(f, a, b)
    quotient = f.binary("fdiv", f.binary("fsub", a, rest), b)
    quotient = f.select(moved, f.binary("fsub", quotient, 1), quotient)
    floored = f.intrinsic("floor", quotient)
    near = f.compare("ogt", f.binary("fsub", quotient, floored), 0.5)
    whole = f.select(near, f.binary("fadd", floored, 1), floored)
    zero = f.intrinsic("copysign", f.const(0, a), f.binary("fdiv", a, b))
    whole = f.select(f.compare("oeq", quotient, 0), zero, whole)
    return f.select(f.compare("oeq", b, 0), f.binary("fdiv", a, b), whole)


def _remainder(f: Function, a: Reg, b: Reg) -> tuple[Reg, Reg]:
    """The remainder with the sign of a, and whether that is not the sign of b."""
    rest = f.binary("frem", a, b)
    other = f.binary("xor", f.compare("olt", rest, 0), f.compare("olt", b, 0))
    return rest, f.binary("and", other, f.compare("une", rest, 0))


def _whole_quotient(f: Function, a: Reg, b: Reg) -> tuple[Reg, Reg]:
    """⌊a / b⌋ of whole numbers, and what is left: 0 where b is 0, as NumPy has it. No machine divides by 0."""
    zero, none, less = f.const(0, a), f.compare("eq", b, 0), f.compare("eq", b, -1)
    safe = f.select(f.binary("or", none, less), f.const(1, b), b)
    quotient = f.binary("sdiv", a, safe)
    rest = f.binary("sub", a, f.binary("mul", quotient, safe))
    other = f.binary("xor", f.compare("slt", rest, 0), f.compare("slt", b, 0))
    moved = f.binary("and", other, f.compare("ne", rest, 0))
    quotient = f.select(moved, f.binary("sub", quotient, f.const(1, a)), quotient)
    quotient = f.select(none, zero, f.select(less, f.binary("sub", zero, a), quotient))
    return quotient, f.select(moved, f.binary("add", rest, b), rest)


def mod(f: Function, a: Reg, b: Reg) -> Reg:
    """The remainder with the sign of b."""
    if not a.type.floating:
        _, rest = _whole_quotient(f, a, b)
        return rest
    rest, moved = _remainder(f, a, b)
    rest = f.select(moved, f.binary("fadd", rest, b), rest)
    return f.select(f.compare("oeq", rest, 0), f.intrinsic("copysign", f.const(0, rest), b), rest)


def is_nan(f: Function, x: Reg) -> Reg:
    """Whether x is not equal to itself."""
    return f.compare("uno" if x.type.floating else "ne", x, x)


def is_infinite(f: Function, x: Reg) -> Reg:
    """Whether |x| is infinity."""
    if not x.type.floating:
        return f.compare("ne", x, x)
    return f.compare("oeq", f.intrinsic("fabs", x), f.const(math.inf, x))


def natural_quotient(f: Function, a: Reg, b: Reg) -> Reg:
    """⌊a / b⌋ of whole numbers without a sign: 0 where b is 0."""
    none = f.compare("eq", b, 0)
    return f.select(none, f.const(0, a), f.binary("udiv", a, f.select(none, f.const(1, b), b)))


def natural_rest(f: Function, a: Reg, b: Reg) -> Reg:
    """What that leaves."""
    none = f.compare("eq", b, 0)
    return f.select(none, f.const(0, a), f.binary("urem", a, f.select(none, f.const(1, b), b)))


def unsigned(order: str) -> Callable[..., Reg]:
    """The one of two whole numbers without a sign that comes first in an order."""
    return lambda f, a, b: f.select(f.compare(order, a, b), a, b)


def _shifted(f: Function, how: str, a: Reg, b: Reg) -> Reg:
    """Bits moved; 0 where they are moved by more than there are, or by less than none."""
    fits, zero = f.compare("ult", b, a.type.bits), f.const(0, a)
    return f.select(fits, f.binary(how, a, f.select(fits, b, zero)), zero)


def left_shift(f: Function, a: Reg, b: Reg) -> Reg:
    """A · 2ᵇ."""
    return _shifted(f, "shl", a, b)


def natural_right_shift(f: Function, a: Reg, b: Reg) -> Reg:
    """⌊a / 2ᵇ⌋ of whole numbers without a sign."""
    return _shifted(f, "lshr", a, b)


def right_shift(f: Function, a: Reg, b: Reg) -> Reg:
    """⌊a / 2ᵇ⌋: moved by too many bits, it is the sign."""
    last = f.const(a.type.bits - 1, a)
    return f.binary("ashr", a, f.select(f.compare("ult", b, a.type.bits), b, last))
