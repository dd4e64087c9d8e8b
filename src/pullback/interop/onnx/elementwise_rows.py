"""How elementwise primitives are written in operators of ONNX: a row each."""

from __future__ import annotations

import math
from functools import partial
from typing import Final

import numpy as np

from pullback.core.kinds import strong_multiply
from pullback.core.primitive import Primitive
from pullback.interop.onnx.writer import Name, Rule, Site
from pullback.ops import elementwise as ew
from pullback.ops.special_functions import errors_and_normal
from pullback.programs.program import Constant


def same(site: Site) -> Name:
    """The operand itself."""
    return site.at(0, site.dtype)


def plain(kind: str, of_truths: str | None = None) -> Rule:
    """One operator on operands in the dtype of the result; another where that is truths."""

    def rule(site: Site) -> Name:
        operands = [site.at(i, site.dtype) for i in range(len(site.operands))]
        return site.op(of_truths if of_truths and site.dtype.kind == "b" else kind, *operands)

    return rule


def question(kind: str) -> Rule:
    """A comparison, of operands in the dtype that NumPy brings them to."""

    def rule(site: Site) -> Name:
        dtype = site.common
        if dtype.kind == "b" and kind != "Equal":
            dtype = np.dtype(np.int32)
        return site.op(kind, *(site.at(i, dtype) for i in range(len(site.operands))))

    return rule


def not_(rule: Rule) -> Rule:
    """The contrary."""
    return lambda site: site.op("Not", rule(site))


def logic(kind: str) -> Rule:
    """An operator on truths."""
    return lambda site: site.op(kind, *(site.at(i, np.dtype(bool)) for i in range(len(site.operands))))


def _of_float(site: Site) -> Name:
    return site.at(0, site.dtype_of(0) if site.dtype_of(0).kind == "f" else np.dtype(np.float32))


def _isfinite(site: Site) -> Name:
    x = _of_float(site)
    return site.op("Not", site.op("Or", site.op("IsNaN", x), site.op("IsInf", x)))


def _is(kind: str) -> Rule:
    return lambda site: site.op(kind, _of_float(site))


def _square(site: Site) -> Name:
    x = site.at(0, site.dtype)
    return site.op("Mul", x, x)


def _scaled(kind: str, scale: float) -> Rule:
    """A function, times a number."""
    return lambda site: site.op("Mul", site.op(kind, site.at(0, site.dtype)), site.const(scale))


def _exp2(site: Site) -> Name:
    return site.op("Pow", site.const(2), site.at(0, site.dtype))


def _near_zero(site: Site, x: Name, near: Name, far: Name) -> Name:
    small = site.op("Less", site.op("Abs", x), site.const(0.5))
    return site.op("Where", small, near, far)


def _expm1(site: Site) -> Name:
    """(u − 1)·x / log u for u = eˣ near 0, where the errors of u cancel (W. Kahan)."""
    x, one = site.at(0, site.dtype), site.const(1)
    u = site.op("Exp", x)
    less = site.op("Sub", u, one)
    still = site.op("Equal", u, one)
    log = site.op("Where", still, one, site.op("Log", u))
    near = site.op("Where", still, x, site.op("Div", site.op("Mul", less, x), log))
    return _near_zero(site, x, near, less)


def _log1p(site: Site) -> Name:
    return log1p(site, site.at(0, site.dtype))


def log1p(site: Site, x: Name) -> Name:
    """log(u)·x / (u − 1) for u = 1 + x near 0, likewise."""
    one = site.const(1)
    u = site.op("Add", x, one)
    log, less = site.op("Log", u), site.op("Sub", u, one)
    still = site.op("Equal", u, one)
    near = site.op("Where", still, x, site.op("Div", site.op("Mul", log, x), site.op("Where", still, one, less)))
    return _near_zero(site, x, near, log)


def _cbrt(site: Site) -> Name:
    x = site.at(0, site.dtype)
    return site.op("Mul", site.op("Sign", x), site.op("Pow", site.op("Abs", x), site.const(1 / 3)))


def _gap(site: Site) -> Name:
    a, b = site.at(0, site.dtype), site.at(1, site.dtype)
    return site.op("Where", site.op("Equal", a, b), site.const(0), site.op("Sub", a, b))


def _logaddexp(site: Site) -> Name:
    a, b = site.at(0, site.dtype), site.at(1, site.dtype)
    apart = site.op("Neg", site.op("Abs", _gap(site)))
    return site.op("Add", site.op("Max", a, b), log1p(site, site.op("Exp", apart)))


def _hypot(site: Site) -> Name:
    """m·√((a/m)² + (b/m)²) for the larger m of |a| and |b|."""
    a, b = (site.op("Abs", site.at(i, site.dtype)) for i in (0, 1))
    m = site.op("Max", a, b)
    plain = site.op("Or", site.op("Equal", m, site.const(0)), site.op("IsInf", m))
    by = site.op("Where", plain, site.const(1), m)
    squares = [site.op("Mul", q, q) for q in (site.op("Div", x, by) for x in (a, b))]
    return site.op("Where", plain, m, site.op("Mul", m, site.op("Sqrt", site.op("Add", *squares))))


def _arctan2(site: Site) -> Name:
    y, x, zero = site.at(0, site.dtype), site.at(1, site.dtype), site.const(0)
    level = site.op("Equal", x, zero)
    slope = site.op("Atan", site.op("Div", y, site.op("Where", level, site.const(1), x)))
    half = site.op("Where", site.op("Less", y, zero), site.const(-math.pi), site.const(math.pi))
    turned = site.op("Where", site.op("Less", x, zero), site.op("Add", slope, half), slope)
    return site.op("Where", level, site.op("Mul", site.op("Sign", y), site.const(math.pi / 2)), turned)


def _mod(site: Site) -> Name:
    return _rest(site, site.at(0, site.dtype), site.at(1, site.dtype))


def _rest(site: Site, a: Name, b: Name) -> Name:
    """The rest that has the sign of b."""
    if site.dtype.kind != "f":
        return site.op("Mod", a, b)
    rest, zero = site.op("Mod", a, b, fmod=1), site.const(0)
    other = site.op("Xor", site.op("Less", rest, zero), site.op("Less", b, zero))
    wrong = site.op("And", other, site.op("Not", site.op("Equal", rest, zero)))
    return site.op("Where", wrong, site.op("Add", rest, b), rest)


def _floor_divide(site: Site) -> Name:
    a, b = site.at(0, site.dtype), site.at(1, site.dtype)
    quotient = site.op("Div", site.op("Sub", a, _rest(site, a, b)), b)
    return site.op("Round", quotient) if site.dtype.kind == "f" else quotient


def _trunc(site: Site) -> Name:
    x = site.at(0, site.dtype)
    return site.op("Mul", site.op("Sign", x), site.op("Floor", site.op("Abs", x)))


def _of_floats_alone(rule: Rule) -> Rule:
    """What does nothing to whole numbers."""
    return lambda site: rule(site) if site.dtype.kind == "f" else same(site)


def _strong(site: Site) -> Name:
    """The product, and 0 where it is NaN and a factor is 0; one that is a plain number, if finite, makes none."""
    a, b, zero = site.at(0, site.dtype), site.at(1, site.dtype), site.const(0)
    product = site.op("Mul", a, b)
    nothing = site.op("Or", site.op("Equal", a, zero), site.op("Equal", b, zero))
    return site.op("Where", site.op("And", site.op("IsNaN", product), nothing), zero, product)


def _clip(site: Site) -> Name:
    x, low, high = (site.at(i, site.dtype) for i in range(3))
    if all(isinstance(o, Constant) and not np.ndim(o.value) for o in site.operands[1:]):
        return site.op("Clip", x, low, high)
    return site.op("Min", site.op("Max", x, low), high)


def _select(site: Site) -> Name:
    return site.op("Where", site.at(0, np.dtype(bool)), site.at(1, site.dtype), site.at(2, site.dtype))


def _leaky_relu(site: Site) -> Name:
    x, zero = site.at(0, site.dtype), site.const(0)
    slope = site.operands[1]
    if isinstance(slope, Constant) and not np.ndim(slope.value) and site.dtype.kind == "f":
        return site.op("LeakyRelu", x, alpha=float(slope.value))
    scaled = site.op("Mul", x, site.at(1, site.dtype))
    return site.op("Where", site.op("Greater", x, zero), x, scaled)


def _relu(site: Site) -> Name:
    x = site.at(0, site.dtype)
    return site.op("Relu", x) if site.dtype.kind == "f" else site.op("Max", x, site.const(0))


def _softplus(site: Site) -> Name:
    x = site.at(0, site.dtype)
    down = site.op("Exp", site.op("Neg", site.op("Abs", x)))
    return site.op("Add", site.op("Max", x, site.const(0)), log1p(site, down))


def _over(site: Site, a: Name, b: Name) -> Name:
    return site.op("Div", site.op("Sub", a, _rest(site, a, b)), b)


def _shift(site: Site, *, right: bool) -> Name:
    """Whole numbers times or over a power of 2; by all their bits, or by less than none, their signs are left."""
    a, b, zero = site.at(0, site.dtype), site.at(1, site.dtype), site.const(0)
    signed = site.dtype.kind == "i"
    bits = 8 * site.dtype.itemsize - (signed and right)
    by = site.operands[1]
    held = site.writer.agreement.constant(by, site.line) if isinstance(by, Constant) else None
    if isinstance(held, (int, np.integer, np.ndarray)) and np.all((np.asarray(held) >= 0) & (np.asarray(held) < bits)):
        return _shifted(site, a, b, right=right)
    inside = site.op("And", site.op("GreaterOrEqual", b, zero), site.op("Less", b, site.const(bits)))
    found = _shifted(site, a, site.op("Where", inside, b, zero), right=right)
    rest = site.op("Where", site.op("Less", a, zero), site.const(-1), zero) if signed and right else zero
    return site.op("Where", inside, found, rest)


def _shifted(site: Site, a: Name, b: Name, *, right: bool) -> Name:
    power = site.op("Pow", site.const(2), b)
    return _over(site, a, power) if right else site.op("Mul", a, power)


def _erfc(site: Site) -> Name:
    return site.op("Sub", site.const(1), site.op("Erf", site.at(0, site.dtype)))


def _logit(site: Site) -> Name:
    x = site.at(0, site.dtype)
    return site.op("Log", site.op("Div", x, site.op("Sub", site.const(1), x)))


def _xlogy(site: Site) -> Name:
    a, b, zero = site.at(0, site.dtype), site.at(1, site.dtype), site.const(0)
    nothing = site.op("And", site.op("Equal", a, zero), site.op("Not", site.op("IsNaN", b)))
    return site.op("Where", nothing, zero, site.op("Mul", a, site.op("Log", b)))


ROWS: Final[dict[Primitive, Rule]] = {
    ew.add: plain("Add", "Or"),
    ew.subtract: plain("Sub"),
    ew.gap: _gap,
    ew.multiply: plain("Mul", "And"),
    ew.divide: plain("Div"),
    ew.floor_divide: _floor_divide,
    ew.mod: _mod,
    ew.negative: plain("Neg"),
    ew.positive: same,
    ew.power: plain("Pow"),
    ew.reciprocal: plain("Reciprocal"),
    ew.square: _square,
    ew.identity: same,
    ew.stop_gradient: same,
    strong_multiply: _strong,
    ew.exp: plain("Exp"),
    ew.exp2: _exp2,
    ew.expm1: _expm1,
    ew.log: plain("Log"),
    ew.log1p: _log1p,
    ew.log2: _scaled("Log", 1 / math.log(2)),
    ew.log10: _scaled("Log", 1 / math.log(10)),
    ew.sqrt: plain("Sqrt"),
    ew.cbrt: _cbrt,
    ew.logaddexp: _logaddexp,
    ew.hypot: _hypot,
    ew.sin: plain("Sin"),
    ew.cos: plain("Cos"),
    ew.tan: plain("Tan"),
    ew.arcsin: plain("Asin"),
    ew.arccos: plain("Acos"),
    ew.arctan: plain("Atan"),
    ew.arctan2: _arctan2,
    ew.sinh: plain("Sinh"),
    ew.cosh: plain("Cosh"),
    ew.tanh: plain("Tanh"),
    ew.arcsinh: plain("Asinh"),
    ew.arccosh: plain("Acosh"),
    ew.arctanh: plain("Atanh"),
    ew.absolute: plain("Abs"),
    ew.sign_: plain("Sign"),
    ew.floor: _of_floats_alone(plain("Floor")),
    ew.ceil: _of_floats_alone(plain("Ceil")),
    ew.trunc: _of_floats_alone(_trunc),
    ew.rint: _of_floats_alone(plain("Round")),
    ew.maximum: plain("Max", "Or"),
    ew.minimum: plain("Min", "And"),
    ew.clip_: _clip,
    ew.select: _select,
    ew.relu: _relu,
    ew.leaky_relu_: _leaky_relu,
    ew.sigmoid: plain("Sigmoid"),
    ew.softplus: _softplus,
    ew.softsign: plain("Softsign"),
    ew.erf: plain("Erf"),
    ew.equal: question("Equal"),
    ew.not_equal: not_(question("Equal")),
    ew.less: question("Less"),
    ew.less_equal: question("LessOrEqual"),
    ew.greater: question("Greater"),
    ew.greater_equal: question("GreaterOrEqual"),
    ew.logical_and: logic("And"),
    ew.logical_or: logic("Or"),
    ew.logical_xor: logic("Xor"),
    ew.logical_not: logic("Not"),
    ew.bitwise_and: plain("BitwiseAnd", "And"),
    ew.bitwise_or: plain("BitwiseOr", "Or"),
    ew.bitwise_xor: plain("BitwiseXor", "Xor"),
    ew.invert: plain("BitwiseNot", "Not"),
    ew.left_shift: partial(_shift, right=False),
    ew.right_shift: partial(_shift, right=True),
    ew.isnan: _is("IsNaN"),
    ew.isinf: _is("IsInf"),
    ew.isfinite: _isfinite,
    errors_and_normal.erfc: _erfc,
    errors_and_normal.logit: _logit,
    errors_and_normal.xlogy: _xlogy,
}
