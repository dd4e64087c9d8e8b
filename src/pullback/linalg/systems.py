"""Linear equations: inverses, systems with matrices of all kinds, least squares."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pullback.core.errors import OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.linalg.factorizations import svdvals
from pullback.ops.discrete import answer
from pullback.ops.linalg.bands import solve_banded_
from pullback.ops.linalg.factorizations import order_of
from pullback.ops.linalg.matrices import adjoint
from pullback.ops.linalg.systems import inv_, lstsq_, pinv_, solve_, sylvester_, triangular_
from pullback.ops.movement import astype
from pullback.tensors import Tensor
from pullback.tensors.protocols import numbers_of


class LstsqResult(NamedTuple):
    """A solution of least squares, the sums of squares that remain, the rank, and the singular values."""

    x: Any
    residuals: Any
    rank: Any
    s: Any


def inv(a: Any) -> Tensor:
    """The inverses of matrices (..., n, n). To solve a system, `solve` is quicker, and more accurate.

    Raises LinAlgError for a singular matrix, with its index in the batch; ShapeError for one that is not square.

    >>> inv(np.array([[2.0, 0.0], [0.0, 4.0]]))
    Tensor([[0.5 , 0.  ],
            [0.  , 0.25]])
    """
    return inv_(asarray(a))


def solve(a: Any, b: Any) -> Tensor:
    """The x of a x = b, for a (..., n, n) and b (n,) or (..., n, k); batches broadcast.

    Raises LinAlgError for a singular matrix, with its index in the batch and its condition; ShapeError for shapes that
    do not fit.

    >>> solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([1.0, 2.0]))
    Tensor([0.5, 0.5])
    """
    return _by_columns(lambda b: solve_(asarray(a), b), b)


def _by_columns(solved: Any, b: Any) -> Tensor:
    """A vector as a matrix of one column, and back."""
    b = asarray(b)
    return solved(b[:, None])[..., 0] if b.ndim == 1 else solved(b)


def solve_triangular(a: Any, b: Any, trans: int | str = 0, lower: bool = False, unit_diagonal: bool = False) -> Tensor:
    """The x of a x = b (of `trans="T"` aᵀ x = b) where a is a triangle, the upper one unless `lower`; as SciPy's.

    The other half is not read, and has derivative 0; with `unit_diagonal` nor is the diagonal.

    >>> solve_triangular(np.array([[2.0, 0.0], [1.0, 4.0]]), np.array([2.0, 5.0]), lower=True)
    Tensor([1., 1.])
    """
    a, lower = asarray(a), bool(lower)
    turned = _turns("solve_triangular", trans)
    if turned:
        a = adjoint(a) if turned == 2 else np.swapaxes(a, -1, -2)
        lower = not lower
    return _by_columns(lambda b: triangular_(a, b, lower=lower, unit=bool(unit_diagonal)), b)


def _turns(name: str, trans: int | str) -> int:
    known = {0: 0, 1: 1, 2: 2, "N": 0, "T": 1, "C": 2}
    if trans not in known:
        raise OptionError(f"{name}: unknown trans", got=trans, fix='0, 1, 2 or "N", "T", "C"')
    return known[trans]


def cho_solve(c_and_lower: tuple[Any, bool], b: Any) -> Tensor:
    """The x of a x = b from what `cho_factor` gave.

    >>> cho_solve((np.array([[2.0, 0.0], [1.0, 2.0]]), True), np.array([6.0, 7.0]))
    Tensor([1., 1.])
    """
    c, lower = c_and_lower
    first = solve_triangular(c, b, trans=0 if lower else 2, lower=lower)
    return solve_triangular(c, first, trans=2 if lower else 0, lower=lower)


def lu_solve(lu_and_piv: tuple[Any, Any], b: Any, trans: int | str = 0) -> Tensor:
    """The x of a x = b, or of aᵀ x = b, from what `lu_factor` gave.

    >>> from pullback.linalg import lu_factor
    >>> lu_solve(lu_factor(np.array([[1.0, 2.0], [2.0, 2.0]])), np.array([3.0, 4.0]))
    Tensor([1., 1.])
    """
    factors, swaps, b = *map(asarray, lu_and_piv), asarray(b)
    order = answer(order_of, swaps)
    turned = _turns("lu_solve", trans)
    rows = b.shape[-2 if b.ndim > 1 else -1 :][:1]
    if rows != factors.shape[-1:]:
        raise ShapeError("lu_solve: the right-hand side does not fit the matrix", a=factors.shape, b=b.shape)

    def moved(b: Any, order: Any) -> Any:
        batch = np.broadcast_shapes(order.shape[:-1], b.shape[:-2])
        rows = np.broadcast_to(order, (*batch, order.shape[-1]))
        return np.take_along_axis(np.broadcast_to(b, (*batch, *b.shape[-2:])), rows[..., None], axis=-2)

    def solved(b: Any) -> Any:
        if not turned:
            return solve_triangular(
                factors, solve_triangular(factors, moved(b, order), 0, lower=True, unit_diagonal=True)
            )
        found = solve_triangular(factors, solve_triangular(factors, b, turned), turned, lower=True, unit_diagonal=True)
        return moved(found, np.argsort(order, axis=-1))

    return _by_columns(solved, b)


def solve_sylvester(a: Any, b: Any, q: Any) -> Tensor:
    """The x of a x + x b = q, for a (..., m, m), b (..., n, n) and q (..., m, n).

    Raises LinAlgError if a and −b have an eigenvalue in common, for then no x solves it for every q.

    >>> solve_sylvester(np.eye(2), np.eye(2), np.ones((2, 2)))
    Tensor([[0.5, 0.5],
            [0.5, 0.5]])
    """
    return sylvester_(asarray(a), asarray(b), asarray(q))


def solve_banded(l_and_u: tuple[int, int], ab: Any, b: Any) -> Tensor:
    """The x of a x = b for a band of l diagonals below the main one and u above: `ab[u + i - j, j]` is a[i, j].

    The corners of `ab`, outside of the matrix, are not read, and have derivative 0.

    >>> solve_banded((0, 1), np.array([[0.0, 1.0], [2.0, 4.0]]), np.array([3.0, 4.0]))
    Tensor([1., 1.])
    """
    lower, upper = map(operator.index, l_and_u)
    return _by_columns(lambda b: solve_banded_(asarray(ab), b, lower=lower, upper=upper), b)


def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Tensor:
    """The pseudo-inverse of Moore and Penrose of matrices (..., m, n), as (..., n, m).

    Singular values up to `rtol` of the largest (max(m, n)·ε, or `rcond`) count as 0; it is one number, or one for each
    matrix. The derivative is that with the rank kept; where the rank changes there is none.

    >>> pinv(np.array([[2.0], [0.0]]))
    Tensor([[0.5, 0. ]])
    """
    a = asarray(a)
    share = rcond if rtol is None else rtol
    if share is None and a.ndim > 1:
        share = max(1e-15, max(a.shape[-2:]) * float(np.finfo(a.dtype if a.dtype.kind in "fc" else float).eps))
    share = share if share is None else float(share) if np.ndim(share) == 0 else numbers_of(asarray(share))
    return pinv_(a, rtol=share, hermitian=bool(hermitian))


def lstsq(a: Any, b: Any, rcond: float | None = None) -> LstsqResult:
    """The x of least |a x − b|, of these the shortest, for a (..., m, n) and b (m,) or (..., m, k); as NumPy's.

    `residuals` are the sums of squares that remain, where m > n (of a matrix of less than full rank too, for which
    NumPy gives none), else empty. The derivative is that with the rank kept.

    >>> lstsq(np.array([[1.0], [1.0]]), np.array([1.0, 3.0])).x
    Tensor([2.])
    """
    a, b = (v if v.dtype.kind in "fc" else astype(v, float) for v in (asarray(a), asarray(b)))
    x = _by_columns(lambda b: lstsq_(a, b, rcond=rcond), b)
    rows, columns = a.shape[-2:]
    rest = b - a @ x
    vector = b.ndim == 1
    residuals = np.square(np.abs(rest)).sum(axis=-1 if vector else -2, keepdims=vector)
    residuals = residuals if rows > columns else residuals[..., :0]
    s = svdvals(a)
    eps = float(np.finfo(s.dtype).eps)
    share = max(rows, columns) * eps if rcond is None else rcond if rcond >= 0 else eps
    rank = np.count_nonzero(s > share * s[..., :1], axis=-1).astype(np.int32)  # as LAPACK's
    return LstsqResult(x, residuals, rank, s)


def tensorinv(a: Any, ind: int = 2) -> Tensor:
    """The inverse of `tensordot(a, x, ind)` as a map: the first `ind` axes of a against the others.

    >>> tensorinv(np.eye(4).reshape(2, 2, 2, 2)).shape
    (2, 2, 2, 2)
    """
    a, ind = asarray(a), operator.index(ind)
    if ind <= 0:
        raise OptionError("tensorinv: ind is above 0", got=ind)
    first, rest = a.shape[:ind], a.shape[ind:]
    if math.prod(first) != math.prod(rest):
        raise ShapeError("tensorinv: the map is not square", got=a.shape, ind=ind)
    return inv(a.reshape((math.prod(first), -1))).reshape((*rest, *first))


def tensorsolve(a: Any, b: Any, axes: Sequence[int] | None = None) -> Tensor:
    """The x of tensordot(a, x, x.ndim) = b; `axes` of a are moved to its end before.

    >>> tensorsolve(2 * np.eye(4).reshape(2, 2, 2, 2), np.ones((2, 2)))
    Tensor([[0.5, 0.5],
            [0.5, 0.5]])
    """
    a, b = asarray(a), asarray(b)
    for axis in axes or ():
        a = np.moveaxis(a, axis, a.ndim - 1)
    shape = a.shape[b.ndim :]
    if math.prod(shape) != b.size or a.size != b.size**2:
        raise ShapeError("tensorsolve: the map is not square", a=a.shape, b=b.shape)
    return solve(a.reshape((b.size, b.size)), b.reshape((b.size,))).reshape(shape)


explain_keywords(globals())
