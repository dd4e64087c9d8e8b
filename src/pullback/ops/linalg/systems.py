"""Primitives that solve linear equations: inverses, systems with a matrix, a triangle, a band, and least squares.

Source of the derivatives: M. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008); of the pseudo-inverse, G. Golub & V. Pereyra (1973).
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from pullback.batching.rules import as_it_is
from pullback.core.custom_kinds import CustomJVP, CustomVJP
from pullback.core.errors import ShapeError
from pullback.ops.linalg.matrices import (
    adjoint,
    as_matrices,
    as_numbers,
    check_rows_of,
    each_in_turn,
    first_where,
    lower_half,
    refuse,
    rounded,
)

SUBSTITUTED: Final = 32  # rows up to which a stack of triangles is solved row by row, all at once
NEAREST: Final = "pb.linalg.lstsq or pb.linalg.pinv answer where no inverse is; a + 1e-6 * pb.eye(n) has one"


def _inv(a: Any) -> Any:
    given = as_matrices("inv", a)
    try:
        return rounded(np.linalg.inv(given), a)
    except np.linalg.LinAlgError:
        index = each_in_turn(np.linalg.inv, given)
        raise refuse("inv", "the matrix is singular", given, index, NEAREST) from None


def _inv_tangent(_primals: Any, tangents: Any, y: Any) -> Any:
    return -(y @ tangents[0] @ y)


inv_ = CustomJVP("inv", _inv, _inv_tangent, batching=as_it_is, doc="The inverse a⁻¹; its tangent is −a⁻¹ t a⁻¹.")


def _solve(a: Any, b: Any) -> Any:
    matrix, right = as_matrices("solve", a), as_numbers("solve", b)
    check_rows_of("solve", matrix.shape, right)
    try:
        if matrix.ndim == 2 and right.ndim > 2:  # one matrix and many right-hand sides: it is factored once
            columns = np.moveaxis(right, -2, 0)
            found = np.linalg.solve(matrix, columns.reshape(len(columns), -1)).reshape(columns.shape)
            return rounded(np.moveaxis(found, 0, -2), a, b)
        return rounded(np.linalg.solve(matrix, right), a, b)
    except np.linalg.LinAlgError:
        index = each_in_turn(np.linalg.inv, matrix)
        raise refuse("solve", "the matrix is singular", matrix, index, NEAREST) from None


def _less_products(x: Any, y: Any) -> Any:
    """−x yᴴ, column by column of both."""
    return -x * adjoint(y) if y.shape[-1] == 1 else -x @ adjoint(y)


def _solve_cotangents(ct: Any, primals: Any, y: Any) -> tuple[Any, Any]:
    back = solve_.bind(adjoint(primals[0]), ct)
    return _less_products(back, y), back


solve_: CustomVJP = CustomVJP(
    "solve", _solve, _solve_cotangents, batching=as_it_is,
    doc="The x of a x = b; with the cotangent c of it g = a⁻ᵀ c is that of b, and −g xᵀ that of a.",
)  # fmt: skip


def _solve_triangular(a: Any, b: Any, lower: bool, unit: bool) -> Any:
    matrix, right = as_matrices("solve_triangular", a), as_numbers("solve_triangular", b)
    batch = check_rows_of("solve_triangular", matrix.shape, right)
    if not unit and not np.diagonal(matrix, 0, -2, -1).all():
        index = first_where((np.diagonal(matrix, 0, -2, -1) == 0).any(axis=-1))
        raise refuse("solve_triangular", "there is a 0 on the diagonal", matrix, index, NEAREST)
    kind = np.result_type(matrix, right)
    shape = (*batch, *right.shape[-2:])
    if math.prod(shape[:-2]) > 1 and matrix.ndim > 2 and matrix.shape[-1] <= SUBSTITUTED:
        return rounded(_substituted(matrix, np.broadcast_to(right, shape).astype(kind), lower, unit), a, b)
    if not math.prod(shape):
        return rounded(np.zeros(shape, kind), a, b)
    if matrix.ndim == 2:
        columns = np.moveaxis(right, -2, 0)
        found = _trsm(matrix, columns.reshape(len(columns), -1), lower, unit, kind).reshape(columns.shape)
        return rounded(np.moveaxis(found, 0, -2), a, b)
    matrix = np.broadcast_to(matrix, (*shape[:-2], *matrix.shape[-2:]))
    right = np.broadcast_to(right, shape)
    found = np.empty(shape, kind)
    for index in np.ndindex(shape[:-2]):
        found[index] = _trsm(matrix[index], right[index], lower, unit, kind)
    return rounded(found, a, b)


def _trsm(a: Any, b: Any, lower: bool, unit: bool, kind: Any) -> Any:
    """One triangle, by BLAS: as xᵀ aᵀ = bᵀ, for the transpose of an array by rows is one by columns."""
    from scipy.linalg import blas  # heavy: only who uses it loads it

    letter = np.dtype(kind).char.replace("f", "s").replace("F", "c").replace("D", "z")
    by_columns = a.flags.f_contiguous and not a.flags.c_contiguous
    if not by_columns:
        a, lower = a.T, not lower
    if b.shape[-1] == 1:  # the triangle is read once, and not copied
        return getattr(blas, f"{letter}trsv")(a, b[:, 0], lower=lower, trans=not by_columns, diag=unit)[:, None]
    return getattr(blas, f"{letter}trsm")(1.0, a, b.T, side=1, lower=lower, trans_a=by_columns, diag=unit).T


def _substituted(a: Any, x: Any, lower: bool, unit: bool) -> Any:
    """Row by row, the whole stack at once."""
    n = a.shape[-1]
    for i in range(n) if lower else reversed(range(n)):
        known = slice(0, i) if lower else slice(i + 1, n)
        row = a[..., i : i + 1, known] @ x[..., known, :]
        x[..., i : i + 1, :] -= row
        if not unit:
            x[..., i : i + 1, :] /= a[..., i : i + 1, i : i + 1]
    return x


def _triangular_cotangents(ct: Any, primals: Any, y: Any, lower: bool, unit: bool) -> tuple[Any, Any]:
    back = triangular_.bind(adjoint(primals[0]), ct, lower=not lower, unit=unit)
    whole = _less_products(back, y)
    return lower_half(whole, -unit) if lower else np.triu(whole, int(unit)), back


triangular_: CustomVJP = CustomVJP(
    "solve_triangular", _solve_triangular, _triangular_cotangents, batching=as_it_is,
    doc="The x of a x = b, where a is a triangle: what lies on its other side is not read, and has derivative 0.",
)  # fmt: skip


def _pinv(a: Any, rtol: Any, hermitian: bool) -> Any:
    given = as_matrices("pinv", a, square=hermitian)
    return rounded(np.linalg.pinv(given, rtol=rtol, hermitian=hermitian), a)


def _pinv_tangent(primals: Any, tangents: Any, y: Any, **_: Any) -> Any:
    (a,), (t,), back = primals, tangents, adjoint(y)
    turned = adjoint(t)
    across = y @ back @ turned  # within the columns of a, and then what these leave out
    along = turned @ back @ y
    return -(y @ t @ y) + across - across @ a @ y + along - y @ a @ along


pinv_ = CustomJVP(
    "pinv", _pinv, _pinv_tangent, batching=as_it_is,
    doc="The pseudo-inverse of Moore and Penrose; it has a derivative in directions that do not change the rank.",
)  # fmt: skip


def _lstsq(a: Any, b: Any, rcond: float | None) -> Any:
    matrix, right = as_matrices("lstsq", a, square=False), as_numbers("lstsq", b)
    batch = check_rows_of("lstsq", matrix.shape, right)
    if matrix.ndim == right.ndim == 2:
        return rounded(np.linalg.lstsq(matrix, right, rcond=rcond)[0], a, b)
    found = np.empty((*batch, matrix.shape[-1], right.shape[-1]), np.result_type(matrix, right))
    matrix = np.broadcast_to(matrix, (*batch, *matrix.shape[-2:]))
    right = np.broadcast_to(right, (*batch, *right.shape[-2:]))
    for index in np.ndindex(batch):
        found[index] = np.linalg.lstsq(matrix[index], right[index], rcond=rcond)[0]
    return rounded(found, a, b)


def _lstsq_tangent(primals: Any, tangents: Any, y: Any, rcond: float | None) -> Any:
    (a, b), (ta, tb) = primals, tangents
    inverse = pinv_.bind(a, rtol=_share(rcond, a), hermitian=False)
    turned = adjoint(ta)
    outside = inverse @ (adjoint(inverse) @ (turned @ (b - a @ y)))
    free = turned @ (adjoint(inverse) @ y)
    return inverse @ (tb - ta @ y) + outside + free - inverse @ (a @ free)


def _share(rcond: float | None, a: Any) -> float:
    """What `lstsq` takes for 0, as `pinv` is told it."""
    eps = float(np.finfo(a.dtype).eps)
    return max(a.shape[-2:]) * eps if rcond is None else rcond if rcond >= 0 else eps


lstsq_ = CustomJVP(
    "lstsq", _lstsq, _lstsq_tangent, batching=as_it_is,
    doc="The x of least |a x − b|, and of these the shortest.",
)  # fmt: skip


def _sylvester(a: Any, b: Any, q: Any) -> Any:
    from scipy.linalg import lapack, schur  # heavy: only who uses it loads it

    left, right = as_matrices("solve_sylvester", a), as_matrices("solve_sylvester", b)
    given = as_matrices("solve_sylvester", q, square=False)
    if given.shape[-2:] != (left.shape[-1], right.shape[-1]):
        raise ShapeError(
            "solve_sylvester: the shapes do not fit",
            a=a.shape,
            b=b.shape,
            q=q.shape,
            fix="a (m, m), b (n, n), q (m, n)",
        )
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2], given.shape[:-2])
    kind = np.result_type(left, right, given)
    left, right, given = (np.broadcast_to(x, (*batch, *x.shape[-2:])).astype(kind) for x in (left, right, given))
    found = np.empty(given.shape, kind)
    if not found.size:
        return rounded(found, a, b, q)
    (solve,) = lapack.get_lapack_funcs(("trsyl",), (left, right))
    form = "complex" if kind.kind == "c" else "real"
    for index in np.ndindex(batch):
        r, u = schur(left[index], output=form)
        s, v = schur(np.conj(right[index]).T, output=form)
        y, scale, failed = solve(r, s, u.conj().T @ given[index] @ v, tranb="C")
        if failed or not np.isfinite(y).all():
            raise refuse(
                "solve_sylvester", "a and −b have an eigenvalue in common, or nearly", left, index,
                "no x solves it for every q; shift one of them",
            )  # fmt: skip
        found[index] = u @ (scale * y) @ v.conj().T
    return rounded(found, a, b, q)


def _sylvester_cotangents(ct: Any, primals: Any, y: Any) -> tuple[Any, Any, Any]:
    a, b, _ = primals
    back = sylvester_.bind(adjoint(a), adjoint(b), ct)
    return -(back @ adjoint(y)), -(adjoint(y) @ back), back


sylvester_: CustomVJP = CustomVJP(
    "solve_sylvester", _sylvester, _sylvester_cotangents, batching=as_it_is,
    doc="The x of a x + x b = q (R. Bartels & G. Stewart 1972).",
)  # fmt: skip
