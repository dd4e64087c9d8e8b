"""Numbers that write themselves down: arithmetic on them emits instructions.

`x * y + 1` on numbers emits a multiplication and an addition, of scalars or of vectors alike. So the functions of this
folder read as mathematics, and one text serves float and double, one number and sixteen.
"""

from __future__ import annotations

from typing import NamedTuple, final

import numpy as np

from pullback.compiler.instructions.llvm import Function, Reg, Type


class Format(NamedTuple):
    """What an algorithm has to know of a floating-point format (IEEE 754-2019, §3.4)."""

    scalar: str
    digits: int  # of the significand, in bits, with the leading one
    bias: int  # of the exponent, which is also the greatest exponent

    @property
    def least(self) -> float:
        """The least positive normal number."""
        return 2.0 ** (1 - self.bias)

    @property
    def anchor(self) -> float:
        """Added to a small number, it leaves the nearest integer in the last bits."""
        return 1.5 * 2.0 ** (self.digits - 1)

    def pattern(self, value: float) -> int:
        """The bits of a number, as an integer."""
        kinds = (np.float32, np.int32) if self.scalar == "float" else (np.float64, np.int64)
        return int(np.array(value, kinds[0]).view(kinds[1]))


FORMATS = {"float": Format("float", 24, 127), "double": Format("double", 53, 1023)}


@final
class Number:
    """A register with operators that emit into its function.

    It holds floats of `format`, or integers as wide (their bits, for example), or a mask. Comparisons are those of IEEE
    754: false of NaN. Shifts to the right keep the sign.
    """

    __slots__ = ("format", "into", "register")

    def __init__(self, into: Function, register: Reg, kind: Format | None = None) -> None:
        self.into = into
        self.register = register
        self.format = kind or FORMATS[register.type.scalar]

    def _new(self, register: Reg) -> Number:
        return Number(self.into, register, self.format)

    def like(self, value: Number | float) -> Number:
        """A number as a constant of this one's type."""
        return value if isinstance(value, Number) else self._new(self.into.const(value, self.register))

    def _binary(self, of_floats: str, of_integers: str, left: Number | float, right: Number | float) -> Number:
        op = of_floats if self.register.type.floating else of_integers
        return self._new(self.into.binary(op, self.like(left).register, self.like(right).register))

    def __add__(self, other: Number | float) -> Number:
        return self._binary("fadd", "add", self, other)

    def __radd__(self, other: float) -> Number:
        return self._binary("fadd", "add", other, self)

    def __sub__(self, other: Number | float) -> Number:
        return self._binary("fsub", "sub", self, other)

    def __rsub__(self, other: float) -> Number:
        return self._binary("fsub", "sub", other, self)

    def __mul__(self, other: Number | float) -> Number:
        return self._binary("fmul", "mul", self, other)

    def __rmul__(self, other: float) -> Number:
        return self._binary("fmul", "mul", other, self)

    def __truediv__(self, other: Number | float) -> Number:
        return self._binary("fdiv", "sdiv", self, other)

    def __rtruediv__(self, other: float) -> Number:
        return self._binary("fdiv", "sdiv", other, self)

    def __and__(self, other: Number | int) -> Number:
        return self._binary("", "and", self, other)

    def __or__(self, other: Number | int) -> Number:
        return self._binary("", "or", self, other)

    def __xor__(self, other: Number | int) -> Number:
        return self._binary("", "xor", self, other)

    def __lshift__(self, count: Number | int) -> Number:
        return self._binary("", "shl", self, count)

    def __rshift__(self, count: Number | int) -> Number:
        return self._binary("", "ashr", self, count)

    def __neg__(self) -> Number:
        kind = self.register.type
        return self._new(self.into.negative(self.register)) if kind.floating else 0 - self

    def __abs__(self) -> Number:
        return self.intrinsic("fabs")

    def intrinsic(self, name: str, *others: Number | float) -> Number:
        """What `llvm.name` makes of this number and others of its type."""
        return self._new(self.into.intrinsic(name, self.register, *(self.like(other).register for other in others)))

    def compare(self, predicate: str, other: Number | float) -> Number:
        """A mask: `oeq`, `ugt` … of floats, `eq`, `sgt` … of integers."""
        return self._new(self.into.compare(predicate, self.register, self.like(other).register))

    def __lt__(self, other: Number | float) -> Number:
        return self.compare("olt" if self.register.type.floating else "slt", other)

    def __gt__(self, other: Number | float) -> Number:
        return self.compare("ogt" if self.register.type.floating else "sgt", other)

    def equals(self, other: Number | float) -> Number:
        """A mask; `==` stays Python's."""
        return self.compare("oeq" if self.register.type.floating else "eq", other)

    def cast(self, op: str, kind: Type) -> Number:
        """`zext`, `trunc`, `fpext` … to another type."""
        return self._new(self.into.cast(op, self.register, kind))

    @property
    def bits(self) -> Number:
        """The bits of a float, as an integer."""
        return self.cast("bitcast", self.register.type.integer)

    @property
    def real(self) -> Number:
        """The float of which an integer is the bits."""
        return self.cast("bitcast", self.register.type.of(self.format.scalar))

    @property
    def negative(self) -> Number:
        """A mask: whether the sign is set, of -0 too."""
        return self.bits < 0


def fma(a: Number, b: Number | float, c: Number | float) -> Number:
    """a · b + c, rounded once."""
    return a.intrinsic("fma", b, c)


def where(condition: Number, a: Number | float, b: Number | float) -> Number:
    """`a` where the condition holds, else `b`; two constants are floats."""
    into, kind = condition.into, condition.format
    numbers = [value for value in (a, b) if isinstance(value, Number)]
    of = numbers[0].register.type if numbers else condition.register.type.of(kind.scalar)
    left, right = (value.register if isinstance(value, Number) else into.const(value, of) for value in (a, b))
    return Number(into, into.select(condition.register, left, right), kind)


def at_most(x: Number, limit: float) -> Number:
    """The lesser of both; NaN stays NaN."""
    return where(x > limit, limit, x)


def at_least(x: Number, limit: float) -> Number:
    """The greater of both; NaN stays NaN."""
    return where(x < limit, limit, x)


def with_sign(x: Number, of: Number) -> Number:
    """|x| with the sign of another number."""
    return x.intrinsic("copysign", of)


def nearest(x: Number) -> tuple[Number, Number]:
    """The nearest integer, as a float; and an integer that ends in its bits, to be shifted to the exponent's place."""
    anchored = x + x.format.anchor
    return anchored - x.format.anchor, anchored.bits


def power_of_two(exponent: Number) -> Number:
    """2ⁿ for an integer n within the exponents of normal numbers; only the last bits of n matter."""
    return ((exponent << (exponent.format.digits - 1)) + exponent.format.pattern(1.0)).real


def polynomial(x: Number, coefficients: tuple[float, ...]) -> Number:
    """c₀ + c₁ x + c₂ x² … by Horner's rule; far terms of a long one in pairs, which need not wait for each other."""
    short = len(coefficients) < 10
    near, far = (coefficients, ()) if short else (coefficients[:3], coefficients[3:])
    total = x.like(near[-1])
    if far:
        pairs = [fma(x, b, a) for a, b in zip(far[::2], far[1::2], strict=False)]
        rest = x.like(far[-1]) if len(far) % 2 else pairs.pop()
        square = x * x
        for pair in reversed(pairs):
            rest = fma(square, rest, pair)
        total = fma(x, rest, total)
    for coefficient in reversed(near[:-1]):
        total = fma(x, total, coefficient)
    return total
