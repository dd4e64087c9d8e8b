"""Elementwise primitives: a kernel and its partial derivatives, one row each.

A partial's argument names say what it needs (`y` is the output; `x`, or `a, b`, or `a, b, c`, the operands) and nothing
else is kept. `strong=False` marks rows whose partials are never infinite or NaN, which spares them a check.

Source of the derivatives: Abramowitz & Stegun, *Handbook of Mathematical Functions* (1964), chapters 3 and 4; the
conventions at kinks stand in docs/kinks.md and are tested to the letter.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from pullback.core.axes import dtype_of
from pullback.core.errors import OptionError
from pullback.core.habits import explain_keywords
from pullback.core.kinds import Elementwise, strong_product
from pullback.core.lints import check_broadcast
from pullback.core.spec import spec_of
from pullback.ops import kernels, partials

if TYPE_CHECKING:
    from pullback.tensors import Tensor


def _explain_power(error: Exception, arrays: Any) -> OptionError | None:
    if "negative integer powers" not in str(error):
        return None
    a, b = (f"{spec.dtype} {spec.shape}" for spec in map(spec_of, arrays))
    return OptionError(
        "power: integers have no negative powers", base=a, exponent=b,
        fix="a floating-point base: t.astype(float) ** -1, or 1 / t",
    )  # fmt: skip


# Arithmetic. Operators, not ufuncs: on NumPy's scalars they are ten times faster, on arrays the same.
add = Elementwise("add", operator.add, 1, 1, doc="a + b.")
subtract = Elementwise("subtract", operator.sub, 1, -1, lint=check_broadcast, doc="a − b.")
gap = Elementwise("gap", kernels.gap, 1, -1, doc="a − b, and 0 where both are the same infinity.")
multiply = Elementwise("multiply", operator.mul, lambda b: b, lambda a: a, doc="a · b.")
divide = Elementwise(
    "divide",
    operator.truediv,
    lambda b: partials.inverse(b),
    lambda b, y: -y / b,
    doc="a / b; ±inf or NaN where b is 0.",
)
floor_divide = Elementwise("floor_divide", operator.floordiv, 0, 0, doc="⌊a / b⌋; its derivative is 0.")
mod = Elementwise("mod", operator.mod, 1, lambda a, b: -np.floor_divide(a, b), doc="a − b·⌊a / b⌋, with the sign of b.")
negative = Elementwise("negative", operator.neg, -1, doc="−x.")
positive = Elementwise("positive", operator.pos, 1, doc="x.")
power = Elementwise(
    "power", operator.pow, partials.power_base, lambda a, y: strong_product(y, np.log(a)),
    explain=_explain_power,
    doc="aᵇ. The derivative in the exponent is NaN where the base is negative, and 0 where 0ᵇ = 0.",
)  # fmt: skip
reciprocal = Elementwise("reciprocal", np.reciprocal, lambda y: -y * y, doc="1 / x.")
square = Elementwise("square", np.square, lambda x: 2 * x, doc="x².")
identity = Elementwise("identity", lambda x: x, 1, doc="x, as a value of its own in the graph.")
stop_gradient = Elementwise(
    "stop_gradient", lambda x: x, None, doc="x, as a constant: no derivative passes. Within tracing a barrier."
)

# Exponentials, logarithms, roots.
exp = Elementwise("exp", np.exp, lambda y: y, doc="eˣ.")
exp2 = Elementwise("exp2", np.exp2, lambda y: y * math.log(2), doc="2ˣ.")
expm1 = Elementwise("expm1", np.expm1, lambda y: y + 1, doc="eˣ − 1, accurate near 0.")
log = Elementwise("log", np.log, lambda x: 1 / x, doc="The natural logarithm of x; NaN for x < 0.")
log1p = Elementwise("log1p", np.log1p, lambda x: 1 / (1 + x), doc="log(1 + x), accurate near 0.")
log2 = Elementwise("log2", np.log2, lambda x: 1 / math.log(2) / x, doc="The logarithm of x to base 2.")
log10 = Elementwise("log10", np.log10, lambda x: 1 / math.log(10) / x, doc="The logarithm of x to base 10.")
sqrt = Elementwise("sqrt", np.sqrt, lambda y: 0.5 / y, doc="√x; NaN for x < 0, derivative ∞ at 0.")
cbrt = Elementwise("cbrt", np.cbrt, lambda y: 1 / (3 * y * y), doc="The real cube root of x.")
logaddexp = Elementwise(
    "logaddexp", np.logaddexp, lambda a, b: sigmoid.bind(gap.bind(a, b)), lambda a, b: sigmoid.bind(gap.bind(b, a)),
    doc="log(eᵃ + eᵇ) without overflow.",
)  # fmt: skip
hypot = Elementwise(
    "hypot",
    np.hypot,
    lambda a, b: partials.over_radius(a, a, b),
    lambda a, b: partials.over_radius(b, a, b),
    doc="√(a² + b²); derivative 0 at (0, 0).",
)

# Trigonometric and hyperbolic functions and their inverses.
sin = Elementwise("sin", np.sin, lambda x: np.cos(x), doc="The sine of x radians.")
cos = Elementwise("cos", np.cos, lambda x: -np.sin(x), doc="The cosine of x radians.")
tan = Elementwise("tan", np.tan, lambda y: 1 + y * y, doc="The tangent of x radians.")
arcsin = Elementwise("arcsin", np.arcsin, lambda x: 1 / np.sqrt(1 - x * x), doc="Inverse sine, radians.")
arccos = Elementwise("arccos", np.arccos, lambda x: -1 / np.sqrt(1 - x * x), doc="Inverse cosine, radians.")
arctan = Elementwise("arctan", np.arctan, lambda x: 1 / (1 + x * x), doc="Inverse tangent, radians.")
arctan2 = Elementwise(
    "arctan2", np.arctan2, lambda a, b: partials.over_square(b, a, b), lambda a, b: -partials.over_square(a, a, b),
    doc="The angle of the point (b, a), radians; derivative 0 at the origin.",
)  # fmt: skip
sinh = Elementwise("sinh", np.sinh, lambda x: np.cosh(x), doc="Hyperbolic sine.")
cosh = Elementwise("cosh", np.cosh, lambda x: np.sinh(x), doc="Hyperbolic cosine.")
tanh = Elementwise("tanh", np.tanh, lambda y: 1 - y * y, doc="Hyperbolic tangent.")
arcsinh = Elementwise("arcsinh", np.arcsinh, lambda x: 1 / partials.root_above(x), doc="Inverse hyperbolic sine.")
arccosh = Elementwise(
    "arccosh", np.arccosh, lambda x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)), doc="Inverse hyperbolic cosine."
)
arctanh = Elementwise("arctanh", np.arctanh, lambda x: 1 / ((1 - x) * (1 + x)), doc="Inverse hyperbolic tangent.")

# Pieces: kinks follow docs/kinks.md.
absolute = Elementwise("abs", operator.abs, lambda x: partials.unit(x), doc="|x|; derivative 0 at 0.")
abs = absolute
sign_ = Elementwise("sign", np.sign, 0, doc="−1, 0 or 1; derivative 0.")
floor = Elementwise("floor", np.floor, 0, doc="⌊x⌋; derivative 0.")
ceil = Elementwise("ceil", np.ceil, 0, doc="⌈x⌉; derivative 0.")
trunc = Elementwise("trunc", np.trunc, 0, doc="x rounded towards 0; derivative 0.")
rint = Elementwise("rint", np.rint, 0, doc="x rounded to the nearest integer, halves to even; derivative 0.")
maximum = Elementwise(
    "maximum", np.maximum,
    lambda a, b: partials.share(partials.above, a, b),
    lambda a, b: partials.share(partials.above, b, a),
    doc="The larger of a and b, or NaN; ties share the derivative.",
)  # fmt: skip
minimum = Elementwise(
    "minimum", np.minimum,
    lambda a, b: partials.share(partials.below, a, b),
    lambda a, b: partials.share(partials.below, b, a),
    doc="The smaller of a and b, or NaN; ties share the derivative.",
)  # fmt: skip
clip_ = Elementwise(
    "clip", np.clip, lambda a, b, c: partials.within(a, b, c),
    lambda a, b, c: partials.unless_nan((a < b) & (b <= c), b, a, c),
    lambda a, b, c: partials.unless_nan(np.maximum(a, b) > c, c, a, b),
    doc="x limited to [b, c]; derivative 1 inside and at a bound.",
)  # fmt: skip
select = Elementwise(
    "where", np.where, None, lambda a: partials.truth(a), lambda a: np.logical_not(a), strong=False,
    doc="b where the condition a holds, else c; what is not taken has derivative 0 even where it is infinite or NaN.",
)  # fmt: skip

# Activations that deserve a stable kernel.
relu = Elementwise(
    "relu", lambda x: np.maximum(x, 0), lambda y: y != 0, strong=False, doc="max(x, 0); derivative 0 at 0."
)
leaky_relu_ = Elementwise(
    "leaky_relu", lambda x, slope: np.where(x > 0, x, slope * x), lambda a, b: np.where(a > 0, 1, b),
    lambda a: np.where(a > 0, 0, a), doc="x where x > 0, else slope · x; derivative the slope at 0.",
)  # fmt: skip
sigmoid: Elementwise = Elementwise(
    "sigmoid", kernels.sigmoid, lambda y: y * (1 - y), doc="1 / (1 + e⁻ˣ) without overflow."
)
softplus = Elementwise("softplus", kernels.softplus, lambda x: sigmoid.bind(x), doc="log(1 + eˣ) without overflow.")
softsign = Elementwise(
    "softsign", kernels.softsign, lambda x: (1 + np.abs(x)) ** -2, doc="x / (1 + |x|), of an infinite x its sign."
)  # fmt: skip
erf = Elementwise("erf", kernels.erf, lambda x: 2 / math.sqrt(math.pi) * np.exp(-x * x), doc="The error function.")

binary_cross_entropy = Elementwise(
    "binary_cross_entropy", kernels.binary_cross_entropy,
    lambda a, b: (a - b) / np.maximum(a * (1 - a), 1e-12),
    lambda a: np.maximum(np.log1p(-a), -100) - np.maximum(np.log(a), -100),
    doc="−(t·log p + (1 − t)·log(1 − p)) with both logarithms ≥ −100.",
)  # fmt: skip

logits_cross_entropy = Elementwise(
    "logits_cross_entropy", kernels.logits_cross_entropy, lambda a, b: sigmoid.bind(a) - b, lambda a: -1.0 * a,
    doc="max(a, 0) − a·b + log(1 + e^−|a|): the binary cross-entropy of sigmoid(a) and b.",
)  # fmt: skip

# Comparisons and logic: booleans carry no derivative.
equal = Elementwise("equal", operator.eq, None, None, doc="a = b.")
not_equal = Elementwise("not_equal", operator.ne, None, None, doc="a ≠ b.")
less = Elementwise("less", operator.lt, None, None, doc="a < b.")
less_equal = Elementwise("less_equal", operator.le, None, None, doc="a ≤ b.")
greater = Elementwise("greater", operator.gt, None, None, doc="a > b.")
greater_equal = Elementwise("greater_equal", operator.ge, None, None, doc="a ≥ b.")
logical_and = Elementwise("logical_and", np.logical_and, None, None, doc="a and b.")
logical_or = Elementwise("logical_or", np.logical_or, None, None, doc="a or b.")
logical_xor = Elementwise("logical_xor", np.logical_xor, None, None, doc="Either a or b.")
logical_not = Elementwise("logical_not", np.logical_not, None, doc="Not x.")
bitwise_and = Elementwise("bitwise_and", operator.and_, None, None, doc="a & b, of integers or booleans.")
bitwise_or = Elementwise("bitwise_or", operator.or_, None, None, doc="a | b, of integers or booleans.")
bitwise_xor = Elementwise("bitwise_xor", operator.xor, None, None, doc="a ^ b, of integers or booleans.")
invert = Elementwise("invert", operator.invert, None, doc="~x, of integers or booleans.")
left_shift = Elementwise("left_shift", np.left_shift, None, None, doc="a · 2ᵇ of integers, by moving bits.")
right_shift = Elementwise("right_shift", np.right_shift, None, None, doc="⌊a / 2ᵇ⌋ of integers, by moving bits.")
isnan = Elementwise("isnan", np.isnan, None, doc="Whether x is NaN.")
isinf = Elementwise("isinf", np.isinf, None, doc="Whether x is infinite.")
isfinite = Elementwise("isfinite", np.isfinite, None, doc="Whether x is neither NaN nor infinite.")


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """`a` where the condition holds, else `b`, broadcasting.

    What is not taken has derivative 0, even where it is infinite or NaN: no second `where` is needed inside.

    >>> import pullback as pb
    >>> pb.grad(lambda x: pb.where(x > 0, pb.sqrt(x), x))(-1.0)
    Tensor(1.)
    """
    return select(condition, a, b)


def clip(x: Any, min: Any = None, max: Any = None) -> Tensor:
    """x limited to [min, max]; a bound that is None does not limit.

    The derivative is 1 inside and at a bound, 0 outside; a bound takes the derivative of what it limits.

    >>> clip(np.array([-2.0, 0.5, 3.0]), 0.0, 1.0)
    Tensor([0. , 0.5, 1. ])
    """
    dtype = dtype_of(x)
    lowest: Any = -math.inf
    highest: Any = math.inf
    if dtype.kind in "iub":
        limits = (False, True) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        lowest, highest = limits
    return clip_(x, lowest if min is None else min, highest if max is None else max)


def leaky_relu(x: Any, slope: Any = 0.01) -> Tensor:
    """x where x > 0, else slope · x (Maas, Hannun & Ng 2013); the derivative at 0 is the slope.

    >>> leaky_relu(np.array([-2.0, 3.0]), 0.1)
    Tensor([-0.2,  3. ])
    """
    return leaky_relu_(x, slope)


def sign(x: Any) -> Tensor:
    """−1, 0 or 1, whose derivative is 0; of a complex number x / |x|, and 0 at 0.

    >>> sign(np.array([-2.0, 0.0])), sign(3 - 4j)
    (Tensor([-1.,  0.]), Tensor(0.6-0.8j, dtype=complex128))
    """
    return np.conjugate(partials.unit(positive(x))) + 0 if dtype_of(x).kind == "c" else sign_(x)


def round(x: Any, decimals: int = 0) -> Tensor:
    """x rounded to `decimals` places, halves to even, integers kept as they are; the derivative is 0.

    >>> round(np.array([1.25, 2.5]), 1)
    Tensor([1.2, 2.5])
    """
    decimals = operator.index(decimals)
    if dtype_of(x).kind in "iu" and decimals >= 0:
        return positive(x)
    if decimals == 0:
        return rint(x)
    scale = 10.0**decimals
    found = rint(multiply(x, scale)) / scale
    return found.astype(dtype_of(x)) if dtype_of(x).kind in "iu" else found


explain_keywords(globals(), without=("safe_ratio",))
