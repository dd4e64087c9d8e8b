"""Functions of elements that are composed of others: signs, remainders, powers of two, angles in degrees."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pullback.core.axes import dtype_of
from pullback.core.errors import DTypeError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.ops import elementwise as ew
from pullback.ops.discrete import answer, by_element
from pullback.ops.movement import astype
from pullback.ops.special import bessel_i_
from pullback.tensors.tables import serve


def _real(x: Any) -> Any:
    """Integers and truths as the floating-point numbers that NumPy makes of them; weak numbers stay so.

    These functions mean nothing of complex numbers: they are refused.
    """
    if isinstance(x, (int, float)):
        return float(x)
    x = asarray(x)
    if x.dtype.kind == "c":
        raise DTypeError("this function takes real numbers", got=x.dtype, fix="pb.real, pb.imag, pb.abs or pb.angle")
    return astype(x, np.result_type(x.dtype, np.float16)) if x.dtype.kind in "iub" else x


def _together(*operands: Any) -> list[Any]:
    """Operands as arrays of the floating-point numbers that NumPy makes of all; weak ones follow the others."""
    real = [_real(x) for x in operands]
    weak = all(isinstance(x, float) for x in real)
    dtype = np.result_type(np.float64 if weak else np.float16, *map(_typed, real))
    return [astype(asarray(x), dtype) for x in real]


def _whole(*operands: Any) -> bool:
    return all(dtype_of(x).kind in "iub" for x in operands)


def signbit(x: Any, /) -> Any:
    """Whether the sign is −, of zeros too.

    >>> signbit(np.array([-0.0, 1.0]))
    Tensor([ True, False])
    """
    return answer(np.signbit, x)


def copysign(x1: Any, x2: Any, /) -> Any:
    """|a| with the sign of b; the derivative at a = 0 is 0, as that of |a|.

    >>> copysign(np.array([1.0, -2.0]), -1.0)
    Tensor([-1., -2.])
    """
    a, b = _together(x1, x2)
    size = ew.absolute(a)
    return ew.where(signbit(b), ew.negative(size), size)


def _typed(x: Any) -> Any:
    return x if isinstance(x, (int, float)) else dtype_of(x)


def heaviside(x1: Any, x2: Any, /) -> Any:
    """0 before 0, 1 behind it, and b at 0, where b has the derivative.

    >>> heaviside(np.array([-1.0, 0.0, 2.0]), 0.5)
    Tensor([0. , 0.5, 1. ])
    """
    a, b = _together(x1, x2)
    return ew.where(ew.equal(a, 0), b, ew.multiply(ew.add(ew.sign(a), 1), 0.5))


def fmod(x1: Any, x2: Any, /) -> Any:
    """The remainder of a / b rounded towards 0, with the sign of a: a − b·trunc(a / b).

    >>> fmod(np.array([-3.0, 3.0]), 2.0)
    Tensor([-1.,  1.])
    """
    if _whole(x1, x2):
        return answer(np.fmod, x1, x2)
    a, b = _together(x1, x2)
    sign = astype(ew.where(signbit(a), -1.0, 1.0), a.dtype)
    return ew.multiply(ew.mod(ew.multiply(a, sign), ew.absolute(b)), sign)


def divmod(x1: Any, x2: Any, /) -> tuple[Any, Any]:
    """The whole number of times that b goes into a, rounded down, and what remains, which has the derivatives.

    >>> divmod(np.array([7.0, -7.0]), 2.0)
    (Tensor([ 3., -4.]), Tensor([1., 1.]))
    """
    return ew.floor_divide(x1, x2), ew.mod(x1, x2)


def modf(x: Any, /) -> tuple[Any, Any]:
    """The parts behind and before the point, both with the sign of x; the first has the derivative.

    >>> modf(np.array([-1.5]))
    (Tensor([-0.5]), Tensor([-1.]))
    """
    x = _real(x)
    endless = ew.isinf(x)
    part = fmod(ew.where(endless, ew.multiply(0.0, ew.sign(x)), x), 1.0)
    return part, ew.trunc(x)


def frexp(x: Any, /) -> tuple[Any, Any]:
    """M and e of x = m · 2ᵉ with ½ ≤ |m| < 1.

    >>> frexp(np.array([6.0]))
    (Tensor([0.75]), Tensor([3], dtype=int32))
    """
    x = _real(x)
    power = answer(exponent, x)
    return ldexp(x, ew.negative(power)), power


@by_element
def exponent(x: Any) -> Any:
    """E of x = m · 2ᵉ."""
    return np.frexp(x)[1]


def ldexp(x1: Any, x2: Any, /) -> Any:
    """A · 2ⁿ, exactly.

    >>> ldexp(np.array([0.75]), 3)
    Tensor([6.])
    """
    a = _real(x1)
    dtype = np.result_type(a if isinstance(a, float) else a.dtype, np.float16)
    dtype = np.dtype(np.float64 if isinstance(a, float) else dtype)
    for first in (True, False):
        a = ew.multiply(a, answer(power_of_two, x2, dtype=dtype, first=first))
    return a


@by_element
def power_of_two(n: Any, *, dtype: Any, first: bool) -> Any:
    """One of two factors of 2ⁿ, of which neither overflows where the product with a number does not."""
    if np.asarray(n).dtype.kind not in "iub":
        raise DTypeError(
            "ldexp: the exponent is an integer", got=np.asarray(n).dtype, fix="n.astype(int), or a * 2.0**n"
        )
    part = exponents(np.asarray(n, np.int64), np.finfo(dtype), first)
    return np.ldexp(np.ones((), dtype), part.astype(np.intc))


def exponents(n: Any, limits: Any, first: bool) -> Any:
    """The lower half of n, or the upper one, so that the power is neither 0 nor infinite."""
    half = n >> 1
    return np.clip(half if first else n - half, limits.minexp - limits.nmant, limits.maxexp - 1)


def nextafter(x1: Any, x2: Any, /) -> Any:
    """The next number from a towards b: a and a constant step, so its derivative in a is 1.

    >>> nextafter(np.array([1.0]), 2.0) > 1
    Tensor([ True])
    """
    a, b = _together(x1, x2)
    found = answer(np.nextafter, a, b)
    step = answer(steps, ew.stop_gradient(a), found)
    return ew.where(ew.equal(step, 0), found, ew.add(a, step))


@by_element
def steps(a: Any, found: Any) -> Any:
    """What is added to a for the next number; 0 where that is no number, or is not exact."""
    with np.errstate(all="ignore"):
        step = found - a
        return np.where(np.isfinite(step) & (a + step == found), step, 0)


def spacing(x: Any, /) -> Any:
    """The distance to the next number away from 0; a jump, without a derivative.

    >>> spacing(np.array([1.0])) == np.finfo(float).eps
    Tensor([ True])
    """
    return answer(np.spacing, x)


def float_power(x1: Any, x2: Any, /) -> Any:
    """Aᵇ in double precision at least.

    >>> float_power(np.array([2, 4]), -1)
    Tensor([0.5 , 0.25])
    """
    a, b = (asarray(x) for x in (x1, x2))
    dtype = np.result_type(a.dtype, b.dtype, np.float64)
    return ew.power(astype(a, dtype), astype(b, dtype))


def fmax(x1: Any, x2: Any, /) -> Any:
    """The larger of a and b, or the other where one is NaN; ties share the derivative.

    >>> fmax(np.array([np.nan, 2.0]), 1.0)
    Tensor([1., 2.])
    """
    return _unless_nan(ew.maximum, x1, x2)


def fmin(x1: Any, x2: Any, /) -> Any:
    """The smaller of a and b, or the other where one is NaN; ties share the derivative.

    >>> fmin(np.array([np.nan, 2.0]), 1.0)
    Tensor([1., 1.])
    """
    return _unless_nan(ew.minimum, x1, x2)


def _unless_nan(f: Any, a: Any, b: Any) -> Any:
    if _whole(a, b):
        return f(a, b)
    chosen = f(a, b)
    one = np.ones((), chosen.dtype)
    return ew.where(ew.isnan(a), ew.multiply(b, one), ew.where(ew.isnan(b), ew.multiply(a, one), chosen))


def logaddexp2(x1: Any, x2: Any, /) -> Any:
    """log₂(2ᵃ + 2ᵇ) without overflow.

    >>> logaddexp2(np.array([1.0]), 1.0)
    Tensor([2.])
    """
    two = math.log(2)
    return ew.divide(ew.logaddexp(*(ew.multiply(x, two) for x in _together(x1, x2))), two)


def deg2rad(x: Any, /) -> Any:
    """Degrees as radians: π/180 · x.

    >>> deg2rad(np.array([180.0]))
    Tensor([3.14159265])
    """
    return ew.multiply(_real(x), math.pi / 180)


def rad2deg(x: Any, /) -> Any:
    """Radians as degrees: 180/π · x.

    >>> rad2deg(np.array([np.pi]))
    Tensor([180.])
    """
    return ew.multiply(_real(x), 180 / math.pi)


radians, degrees = deg2rad, rad2deg


def fabs(x: Any, /) -> Any:
    """|x| as a floating-point number.

    >>> fabs(np.array([-2]))
    Tensor([2.])
    """
    return ew.absolute(_real(x))


def i0(x: Any, /) -> Any:
    """The modified Bessel function of the first kind, of order 0.

    >>> i0(np.array([0.0]))
    Tensor([1.])
    """
    x = asarray(x)
    return bessel_i_(astype(x, float) if x.dtype.kind in "iub" else _real(x), order=0)


def fix(x: Any) -> Any:
    """x rounded towards 0.

    >>> fix(np.array([-1.5]))
    Tensor([-1.])
    """
    return ew.trunc(x)


def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether |a − b| ≤ atol + rtol·|b|.

    >>> isclose(np.array([1.0, 2.0]), 1.0)
    Tensor([ True, False])
    """
    return answer(np.isclose, a, b, rtol, atol, equal_nan=equal_nan)


def isposinf(x: Any) -> Any:
    """Whether x is ∞.

    >>> isposinf(np.array([np.inf, 1.0]))
    Tensor([ True, False])
    """
    return ew.equal(_real(x), math.inf)


def isneginf(x: Any) -> Any:
    """Whether x is −∞.

    >>> isneginf(np.array([-np.inf, 1.0]))
    Tensor([ True, False])
    """
    return ew.equal(_real(x), -math.inf)


explain_keywords(globals(), without=("steps", "exponent", "exponents", "power_of_two"))
serve(globals())
