"""Complex numbers as pairs of real ones: what each part of a result is, given the parts of the operands.

A formula is given a real and an imaginary part in place of each operand, and gives those of the result, or a real
number or truth alone; NotImplemented where NumPy had better do it. It says what NumPy does, infinities and all; the
elementary functions are Pullback's own.

Source of the division: R. L. Smith, "Algorithm 116: Complex division", Communications of the ACM 5 (1962).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from pullback.core import kinds
from pullback.core.kinds import LinearMap
from pullback.core.primitive import Primitive
from pullback.ops import complex_parts, elementwise, indexing, movement, reductions, windows
from pullback.ops.elementwise import hypot
from pullback.ops.products import matmul_

LARGE: Final = 1 << 18  # multiplications of complex numbers in a product
HIGHEST: Final = {"float32": 80.0, "float64": 700.0}  # of what a power of e is a number, and its inverse is none of 0


class Pair(NamedTuple):
    """The two parts of a complex number; of a real one, the imaginary part is 0."""

    real: Any
    imag: Any


Formula: TypeAlias = Callable[..., Any]


class Each(NamedTuple):
    """What is done to each part by itself: to that of so `many` operands, behind the `first` ones; None for all.

    The others say where or whether, and serve both parts.
    """

    first: int = 0
    many: int | None = 1


def _complex(real: Any, imag: Any) -> Any:
    z = np.empty(real.shape, np.result_type(real.dtype, np.complex64))
    z.real, z.imag = real, imag
    return z


complex_: Final = LinearMap("complex", _complex, None, doc="The complex number of two parts.")


def add(a: Pair, b: Pair) -> Pair:
    """a + b."""
    return Pair(a.real + b.real, a.imag + b.imag)


def subtract(a: Pair, b: Pair) -> Pair:
    """a − b."""
    return Pair(a.real - b.real, a.imag - b.imag)


def multiply(a: Pair, b: Pair) -> Pair:
    """a · b."""
    return Pair(a.real * b.real - a.imag * b.imag, a.real * b.imag + a.imag * b.real)


def strong_multiply(a: Pair, b: Pair) -> Pair:
    """a · b, where an exact 0 on either side wins over what is no number."""
    real, imag = multiply(a, b)
    gone = (np.isnan(real) | np.isnan(imag)) & (_is_zero(a) | _is_zero(b))
    return Pair(np.where(gone, 0, real), np.where(gone, 0, imag))


def _is_zero(z: Pair) -> Any:
    return (z.real == 0) & (z.imag == 0)


def divide(a: Pair, b: Pair) -> Pair:
    """a / b: the smaller part of b is taken by the larger one, so that no square overflows."""
    across = np.abs(b.real) >= np.abs(b.imag)
    large, small = np.where(across, b.real, b.imag), np.where(across, b.imag, b.real)
    first, second = np.where(across, a.real, a.imag), np.where(across, a.imag, a.real)
    ratio = small / large
    scale = 1 / (large + small * ratio)
    imag = np.where(across, second - first * ratio, first * ratio - second) * scale
    nothing, size = _is_zero(b), np.abs(b.real)
    return Pair(
        np.where(nothing, a.real / size, (first + second * ratio) * scale), np.where(nothing, a.imag / size, imag)
    )


def exp(z: Pair) -> Pair:
    """eˣ (cos y + i sin y), in two steps where eˣ alone would be too large."""
    highest = HIGHEST[str(z.real.dtype)]
    over, finite = z.real > highest, np.isfinite(z.imag)
    size, again = np.exp(z.real - np.where(over, highest, 0)), np.where(over, math.exp(highest), 1)
    real, imag = size * np.cos(z.imag) * again, size * np.sin(z.imag) * again
    low, high = ~finite & (z.real == -np.inf), ~finite & (z.real == np.inf)
    real = np.where(low, 0, np.where(high, np.inf, real))
    imag = np.where(low, 0, np.where(z.imag == 0, z.imag, imag))
    return Pair(np.where(z.imag == 0, size * again, real), imag)


def absolute(z: Pair) -> Any:
    """|z|."""
    return hypot(z.real, z.imag)


def real(z: Pair) -> Any:
    """The real part."""
    return z.real


def imag(z: Pair) -> Any:
    """The imaginary part."""
    return z.imag


def conj(z: Pair) -> Pair:
    """The conjugate."""
    return Pair(z.real, -z.imag)


def equal(a: Pair, b: Pair) -> Any:
    """Whether both parts are the same."""
    return (a.real == b.real) & (a.imag == b.imag)


def not_equal(a: Pair, b: Pair) -> Any:
    """Whether one of them is not."""
    return (a.real != b.real) | (a.imag != b.imag)


def isnan(z: Pair) -> Any:
    """Whether a part is no number."""
    return np.isnan(z.real) | np.isnan(z.imag)


def isinf(z: Pair) -> Any:
    """Whether a part is infinite."""
    return np.isinf(z.real) | np.isinf(z.imag)


def isfinite(z: Pair) -> Any:
    """Whether both parts are finite."""
    return np.isfinite(z.real) & np.isfinite(z.imag)


def logical_not(z: Pair) -> Any:
    """Whether both parts are 0."""
    return _is_zero(z)


def cast(z: Pair, dtype: Any) -> Any:
    """Each part in the precision of another dtype; of a real one the real part, of truths whether it is not 0."""
    if dtype.kind == "b":
        return ~_is_zero(z)
    if dtype.kind != "c":
        return z.real.astype(dtype)
    part = np.dtype(dtype.char.lower())
    return Pair(z.real.astype(part), z.imag.astype(part) if _is_pair(z) else np.zeros((), part))


def _is_pair(z: Pair) -> bool:
    return hasattr(z.imag, "dtype")


def matmul(a: Pair, b: Pair, ta: bool, tb: bool) -> Pair:
    """Products of the parts, two for an operand that is real; large ones of complex matrices are left to BLAS."""
    rows = math.prod(a.real.shape) // a.real.shape[-2 if ta else -1]
    if _is_pair(a) and _is_pair(b) and rows * math.prod(b.real.shape[-2:]) >= LARGE:
        return NotImplemented
    dtype = np.result_type(a.real, b.real)

    def product(x: Any, y: Any) -> Any:
        return matmul_(x.astype(dtype), y.astype(dtype), ta=ta, tb=tb)

    if not _is_pair(a):
        return Pair(product(a.real, b.real), product(a.real, b.imag))
    if not _is_pair(b):
        return Pair(product(a.real, b.real), product(a.imag, b.real))
    return Pair(product(a.real, b.real) - product(a.imag, b.imag), product(a.real, b.imag) + product(a.imag, b.real))


EACH: Final = Each()
PAIRS: Final[dict[Primitive, Formula | Each]] = {
    elementwise.add: add,
    elementwise.subtract: subtract,
    elementwise.multiply: multiply,
    kinds.strong_multiply: strong_multiply,
    elementwise.divide: divide,
    elementwise.exp: exp,
    elementwise.absolute: absolute,
    elementwise.equal: equal,
    elementwise.not_equal: not_equal,
    elementwise.isnan: isnan,
    elementwise.isinf: isinf,
    elementwise.isfinite: isfinite,
    elementwise.logical_not: logical_not,
    complex_parts.real_: real,
    complex_parts.imag_: imag,
    complex_parts.conj_: conj,
    movement.cast_: cast,
    matmul_: matmul,
    elementwise.select: Each(1, 2),
    indexing.put_: Each(0, 2),
    movement.concatenate_: Each(0, None),
    movement.stack_: Each(0, None),
    **dict.fromkeys(
        (
            elementwise.negative, elementwise.positive, elementwise.identity, elementwise.stop_gradient,
            reductions.sum_, reductions.cumsum_, movement.reshape_, movement.permute_, movement.broadcast_to_,
            movement.flip_, movement.copy_, movement.roll_, movement.pad_, movement.tril_, movement.triu_,
            indexing.get_, indexing.add_into_, windows.windows_,
        ),
        EACH,
    ),
}  # fmt: skip
