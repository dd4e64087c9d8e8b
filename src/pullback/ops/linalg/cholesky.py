"""Cholesky's factor, and its cotangent.

Of a large matrix, what is a triangle or symmetric is not computed twice: products and solutions of which a half is
needed are done in halves, each half again.

Source: I. Murray, "Differentiation of the Cholesky decomposition" (2016).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from pullback.batching.rules import as_it_is
from pullback.core.custom_kinds import CustomVJP
from pullback.ops.linalg.matrices import (
    adjoint,
    as_matrices,
    check_symmetric,
    diagonal_of,
    each_in_turn,
    lower_half,
    refuse,
    rounded,
)
from pullback.ops.linalg.systems import triangular_

LARGE: Final = 32  # rows from which on one matrix is worth calls of its own
BLOCK: Final = 64  # rows of triangles that are multiplied whole


def _cholesky(a: Any) -> Any:
    given = as_matrices("cholesky", a)
    check_symmetric("cholesky", given)
    try:
        return rounded(np.linalg.cholesky(given), a)
    except np.linalg.LinAlgError:
        index = each_in_turn(np.linalg.cholesky, given)
        lowest = float(np.linalg.eigvalsh(given[index])[0])
        raise refuse(
            "cholesky", f"the matrix is not positive definite: its least eigenvalue is {lowest:.3g}", given, index,
            "a + 1e-6 * pb.eye(n), where rounding is to blame",
        ) from None  # fmt: skip


def _half(x: Any) -> Any:
    """The lower half, of the diagonal a half."""
    return np.tril(x) - diagonal_of(x) / 2


def _cholesky_cotangent(ct: Any, _primals: Any, y: Any) -> tuple[Any]:
    if y.ndim == 2 and y.shape[-1] >= LARGE and y.dtype.char in "fd" and ct.dtype == y.dtype:
        return (cholesky_cotangent_.bind(y, ct),)
    turned = adjoint(y)
    inner = _half(turned @ ct)
    inner = inner + adjoint(inner)
    half = triangular_.bind(turned, inner, lower=False, unit=False)
    whole = adjoint(triangular_.bind(turned, adjoint(half), lower=False, unit=False))
    return (_half(whole),)  # an entry of the half that is read is two of them


cholesky_: CustomVJP = CustomVJP(
    "cholesky", _cholesky, _cholesky_cotangent, batching=as_it_is,
    doc="The lower triangle l of l lᵀ = a; the upper half of a is not read, and has derivative 0.",
)  # fmt: skip


def _product(l: Any, c: Any, out: Any) -> None:
    """The lower half of lᵀ c, of two lower triangles."""
    n = len(l)
    if n <= BLOCK:
        out[:] = np.tril(l.T @ np.tril(c))
        return
    k = n // 2
    _product(l[:k, :k], c[:k, :k], out[:k, :k])
    out[:k, :k] += lower_half(l[k:, :k].T @ c[k:, :k])
    np.matmul(l[k:, k:].T, c[k:, :k], out=out[k:, :k])
    _product(l[k:, k:], c[k:, k:], out[k:, k:])


def _solved(solve: Any, u: Any, b: Any, out: Any) -> None:
    """The lower half of u⁻¹ b, for an upper triangle u; b is lost."""
    n = len(u)
    if n <= BLOCK:
        out[:] = np.tril(solve(1.0, u, b))
        return
    k = n // 2
    out[k:, :k] = solve(1.0, u[k:, k:], b[k:, :k])
    _solved(solve, u[k:, k:], b[k:, k:], out[k:, k:])
    b[:k, :k] -= u[:k, k:] @ out[k:, :k]
    _solved(solve, u[:k, :k], b[:k, :k], out[:k, :k])


def _pulled(l: Any, c: Any) -> Any:
    batch = np.broadcast_shapes(l.shape[:-2], c.shape[:-2])
    if not batch:
        return _pulled_alone(l, c)
    found = np.empty((*batch, *l.shape[-2:]), l.dtype)
    l, c = (np.broadcast_to(x, found.shape) for x in (l, c))
    for index in np.ndindex(batch):
        found[index] = _pulled_alone(l[index], c[index])
    return found


def _pulled_alone(l: Any, c: Any) -> Any:
    from scipy.linalg import blas  # heavy: only who uses it loads it

    (solve,) = blas.get_blas_funcs(("trsm",), (l,))
    inner, half = np.zeros_like(l), np.zeros_like(l)
    _product(l, c, inner)
    both = inner + inner.T
    np.einsum("ii->i", both)[:] /= 2
    from_left = solve(1.0, l.T, both.T, overwrite_b=True)  # symmetric: it lies as BLAS wants it
    _solved(solve, l.T, from_left.T, half)
    np.einsum("ii->i", half)[:] /= 2
    return half


def _pulled_cotangents(ct: Any, primals: Any, y: Any) -> tuple[Any, Any]:
    """Of y = half(s), s = l⁻ᵀ p l⁻¹, p = half(lᵀ c) + its transpose."""
    (l, c), given = primals, _half(ct)

    def from_right(x: Any) -> Any:  # x l⁻ᵀ
        return adjoint(triangular_.bind(l, adjoint(x), lower=True, unit=False))

    of_p = from_right(triangular_.bind(l, given, lower=True, unit=False))
    of_product = _half(of_p + adjoint(of_p))
    by_factor = np.tril(c) @ adjoint(of_product) - from_right((y + adjoint(y)) @ (given + adjoint(given)))
    return np.tril(by_factor), np.tril(l @ of_product)


cholesky_cotangent_: CustomVJP = CustomVJP(
    "cholesky_cotangent", _pulled, _pulled_cotangents, batching=as_it_is,
    doc="The cotangent of a from that of its factor l: the lower half of l⁻ᵀ half(lᵀ c) l⁻¹, made symmetric.",
)  # fmt: skip
