"""Partial derivatives that take more than a line of a row: quotients at 0 and ∞, and who is selected."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from pullback.core.complex import is_complex
from pullback.core.kinds import strong_product

_HALF: Final = np.float16(0.5)  # exact in every float dtype, and promotes none of them


def safe_ratio(a: Any, b: Any) -> Any:
    """A / b for |a| ≤ b: 0 where b is 0, and the sign of a where both are infinite."""
    zero = b == 0
    if is_complex(a):
        return np.where(zero, 0, a / np.where(zero, 1, b))
    return np.where(zero, 0, np.where(np.isinf(a), np.sign(a), a / np.where(zero, 1, b)))


def inverse(b: Any) -> Any:
    """1 / b, ±inf also where b is Python's 0 or False, which would raise."""
    return math.copysign(math.inf, b) if isinstance(b, (int, float)) and b == 0 else 1 / b


def _direction(x: Any, a: Any, b: Any) -> tuple[Any, Any, Any]:
    """Of the point (a, b) the larger coordinate's size, and in its unit the coordinate x and the radius.

    In that unit no square overflows or vanishes; and infinities are of the same size.
    """
    size = np.maximum(np.abs(1 * a), np.abs(1 * b))  # a boolean has no size, 1 · it has
    return size, safe_ratio(1 * x, size), np.hypot(safe_ratio(1 * a, size), safe_ratio(1 * b, size))


def over_radius(x: Any, a: Any, b: Any) -> Any:
    """x / √(a² + b²), for x one of a and b."""
    _, x, radius = _direction(x, a, b)
    return safe_ratio(x, radius)


def over_square(x: Any, a: Any, b: Any) -> Any:
    """x / (a² + b²), for x one of a and b."""
    size, x, radius = _direction(x, a, b)
    return safe_ratio(safe_ratio(x, radius * radius), size)


def unit(x: Any) -> Any:
    """∂|x|/∂x: the sign of x; of a complex x the conjugate of x / |x|, and so |x + t| − |x| ≈ Re(∂·t)."""
    if not is_complex(x):
        return np.sign(x)
    a, b = np.real(x), np.imag(x)
    return over_radius(a, a, b) - 1j * over_radius(b, a, b)


def root_above(x: Any) -> Any:
    """√(1 + x²), without overflow where x is real."""
    return np.sqrt(1 + x * x) if is_complex(x) else np.hypot(x, 1)


def share(chosen: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    """What the first of two operands takes of the derivative: half of it where both are chosen."""
    dtypes = [x.dtype for x in (a, b) if hasattr(x, "dtype")]
    dtype = np.result_type(*dtypes) if dtypes else None
    half = _HALF if dtype is None or dtype.kind != "f" else dtype.type(0.5)  # no loop mixes precisions
    own = chosen(a, b)
    return np.where(own & chosen(b, a), half, own)


def above(a: Any, b: Any) -> Any:
    """Whether a is the larger of the two, or as large, or NaN, which NumPy takes for larger than all."""
    return (a >= b) | (a != a)


def below(a: Any, b: Any) -> Any:
    """Whether a is the smaller of the two, or as small, or NaN."""
    return (a <= b) | (a != a)


def within(a: Any, b: Any, c: Any) -> Any:
    """Whether clip gives a itself: it lies within its bounds [b, c], or is NaN."""
    chosen = np.logical_not((a < b) | (a > c))
    if all(isinstance(x, (int, float)) and x == x for x in (b, c)):
        return chosen  # only a can be NaN, and then it is
    return unless_nan(chosen, a, b, c)


def unless_nan(chosen: Any, own: Any, *others: Any) -> Any:
    """`chosen`; but where operands are NaN, these are chosen, and share."""
    count = sum(np.isnan(x) * 1.0 for x in (own, *others))
    return np.where(count == 0, chosen, np.isnan(own) / np.maximum(count, 1))


def power_base(a: Any, b: Any) -> Any:
    """∂aᵇ/∂a."""
    if isinstance(b, (int, float)):
        return 2 * a if b == 2 else b * a ** (b - 1) if b != 0 else 0
    return strong_product(b, a ** (b - 1))  # 0 for an exponent of 0, even at 0


def truth(condition: Any) -> Any:
    """Whether a condition holds, as `where` takes it."""
    dtype = getattr(condition, "dtype", None)
    if dtype is None:
        return bool(condition)
    return condition if dtype.kind == "b" else condition != 0
