"""What a stack of matrices must be before LAPACK has it, and what is said of one that is not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from pullback.core.errors import DTypeError, LinAlgError, ShapeError
from pullback.core.precision import is_half

SPLIT: Final = 64  # rows from which on a half is cleared in parts


def adjoint(x: Any) -> Any:
    """The conjugate transposes."""
    turned = np.swapaxes(x, -1, -2)
    return np.conj(turned) if x.dtype.kind == "c" else turned


def diagonal_of(x: Any) -> Any:
    """The matrix with everything beside its diagonal 0."""
    return x * np.eye(x.shape[-1], dtype=x.dtype)


def lower_half(x: Any, k: int = 0) -> Any:
    """`np.tril`, of one large matrix that nobody else holds in its place: a mask would be as large, and is not made."""
    if not isinstance(x, np.ndarray) or x.ndim != 2 or x.shape[0] != x.shape[1] or len(x) <= SPLIT:
        return np.tril(x, k)
    half = len(x) // 2
    x[:half, half:] = 0
    for part in (x[:half, :half], x[half:, half:]):
        part[:] = lower_half(part, k)
    return x


def of_lower_half(x: Any) -> Any:
    """The cotangent of the lower half of a symmetric matrix, all of which is read from it: an entry is two.

    Of a complex one the real part of the diagonal is read.
    """
    both = x + adjoint(x)
    return np.tril(both) - diagonal_of(both) / 2


def as_matrices(name: str, a: Any, square: bool = True) -> Any:
    """A stack of matrices of finite numbers, of a dtype that LAPACK knows; or an error that says what is wrong."""
    if a.ndim < 2:
        raise ShapeError(f"{name}: a matrix has two axes", got=a.shape, fix="a.reshape(n, n); further axes are batches")
    if square and a.shape[-1] != a.shape[-2]:
        raise ShapeError(f"{name}: the matrix is not square", got=a.shape, fix="rows and columns are the last two axes")
    return as_numbers(name, a)


def as_numbers(name: str, a: Any) -> Any:
    """Finite numbers, of a dtype that LAPACK knows."""
    if a.dtype.char not in "fdFD":
        if a.dtype.kind not in "fiub" or a.dtype.char == "g":
            raise DTypeError(f"{name}: LAPACK has no such numbers", got=a.dtype, fix="a.astype(float)")
        a = a.astype(np.float32 if is_half(a) else np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        total = abs(np.add.reduce(a, axis=None))  # a sum is finite only where each term is
    if not math.isfinite(total) and not (finite := np.isfinite(a)).all():
        place = tuple(map(int, np.argwhere(~finite)[0]))
        raise LinAlgError(
            f"{name}: the matrix has a number that is not finite", shape=a.shape, index=place, got=a[place],
            fix="pb.detect_anomaly() names the operation that made it",
        )  # fmt: skip
    return a


def check_rows_of(name: str, a: tuple[int, ...], b: Any) -> tuple[int, ...]:
    """The shape of the batch of a system, from that of its matrices; an error if the right-hand sides do not fit."""
    fix = "a (..., n, n) and b (n,) or (..., n, k); batches broadcast"
    if b.ndim < 2 or a[-2] != b.shape[-2]:
        raise ShapeError(f"{name}: the right-hand side does not fit the matrix", a=a, b=b.shape, fix=fix)
    try:
        return np.broadcast_shapes(a[:-2], b.shape[:-2])
    except ValueError:
        raise ShapeError(f"{name}: the batches do not broadcast", a=a, b=b.shape, fix=fix) from None


def rounded(y: Any, *operands: Any) -> Any:
    """A result in half precision, if all operands are."""
    return y.astype(np.float16) if all(map(is_half, operands)) else y


def first_where(bad: Any) -> tuple[int, ...]:
    """The index of the first True; () of a number."""
    return tuple(map(int, np.argwhere(bad)[0])) if np.ndim(bad) else ()


def refuse(name: str, why: str, a: Any, index: tuple[int, ...], fix: str) -> LinAlgError:
    """The error about one matrix of a stack: which it is, its shape and its condition."""
    matrix = a[index]
    with np.errstate(all="ignore"):
        condition = np.linalg.cond(matrix) if matrix.size else 1.0
    where = (index[0] if len(index) == 1 else index) if index else None
    return LinAlgError(f"{name}: {why}", shape=a.shape, batch=where, condition=f"{condition:.3g}", fix=fix)


def each_in_turn(kernel: Callable[[Any], Any], a: Any) -> tuple[int, ...]:
    """The index of the first matrix of a stack with which a kernel of LAPACK's fails; () if there is one matrix."""
    for index in np.ndindex(a.shape[:-2]):
        try:
            kernel(a[index])
        except np.linalg.LinAlgError:
            return index
    return ()
