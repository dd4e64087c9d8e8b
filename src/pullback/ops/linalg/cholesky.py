"""Cholesky's factor, and its cotangent.

Of a large matrix the cotangent is had as the factor is, block after block and backwards, in products and solutions of
which about twice as much is computed as for the factor.

Source: I. Murray, "Differentiation of the Cholesky decomposition" (2016), whose blocked algorithm is here a recursion.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from pullback.batching.rules import as_it_is
from pullback.core.custom_kinds import CustomVJP
from pullback.ops.linalg.matrices import adjoint, as_matrices, diagonal_of, each_in_turn, refuse, rounded
from pullback.ops.linalg.systems import triangular_

LARGE: Final = 32  # rows from which on one matrix is worth calls of its own
BLOCK: Final = 64  # rows of a triangle that is not split again
LOWER: Final = np.tri(BLOCK, dtype=bool)


def _cholesky(a: Any) -> Any:
    given = as_matrices("cholesky", a)
    factor = _factored if given.shape[-1] >= LARGE and given.size else np.linalg.cholesky
    try:
        return rounded(factor(given), a)
    except np.linalg.LinAlgError:
        index = each_in_turn(np.linalg.cholesky, given)
        lowest = float(np.linalg.eigvalsh(given[index])[0])
        raise refuse(
            "cholesky", f"the matrix is not positive definite: its least eigenvalue is {lowest:.3g}", given, index,
            "a + 1e-6 * pb.eye(n), where rounding is to blame",
        ) from None  # fmt: skip


def _factored(a: Any) -> Any:
    """The factors of large matrices, by LAPACK without NumPy's copies: its upper half by columns is ours by rows."""
    from scipy.linalg import lapack  # heavy: only who uses it loads it

    (factor,) = lapack.get_lapack_funcs(("potrf",), (a,))
    if a.ndim == 2:
        upper, failed = factor(a.T, lower=False, clean=True)
        if failed:
            raise np.linalg.LinAlgError
        return upper.T
    found = np.empty_like(a)
    for index in np.ndindex(a.shape[:-2]):
        found[index] = _factored(a[index])
    return found


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
    """SciPy's BLAS alone does it: threads of NumPy's, which wait for more, would keep a core from it."""
    from scipy.linalg import blas, lapack  # heavy: only who uses it loads it

    found = np.array(c, order="C")
    multiply, solve = blas.get_blas_funcs(("gemm", "trsm"), (l,))
    (invert,) = lapack.get_lapack_funcs(("trtri",), (l,))
    _pull_in_place(multiply, solve, invert, l, found)
    return found


def _pull_in_place(multiply: Any, solve: Any, invert: Any, l: Any, c: Any) -> None:
    """The lower half of the cotangent of a, in place of that of its factor l, whose upper half is not read."""
    n = len(l)
    if n <= BLOCK:  # products of so few rows wake no threads; solutions would
        lower = LOWER[:n, :n]
        inner, inverse = l.T @ np.where(lower, c, 0), invert(l.T)[0]
        c[:] = np.where(lower, inverse @ np.where(lower, inner, inner.T) @ inverse.T, 0)
        np.einsum("ii->i", c)[:] /= 2
        return
    k = n // 2
    above, beside = l[:k, :k], np.ascontiguousarray(l[k:, :k])
    own, along, last = c[:k, :k], c[k:, :k], c[k:, k:]
    _pull_in_place(multiply, solve, invert, l[k:, k:], last)
    rest = multiply(-1.0, beside.T, last + last.T, 1.0, along.T)  # beside · besideᵀ was taken from the last block
    by_columns = solve(1.0, above.T, rest, overwrite_b=1)
    along[:] = by_columns.T
    _subtract_lower_half(multiply, by_columns, beside, own)
    _pull_in_place(multiply, solve, invert, above, own)
    c[:k, k:] = 0


def _subtract_lower_half(multiply: Any, a: Any, b: Any, out: Any) -> None:
    """Take the lower half of a b from `out`, and some of the upper one."""
    n = len(out)
    if n <= 2 * BLOCK:
        out -= multiply(1.0, b.T, a.T).T
        return
    k = n // 2
    _subtract_lower_half(multiply, a[:k], b[:, :k], out[:k, :k])
    out[k:, :k] -= multiply(1.0, b[:, :k].T, a[k:].T).T
    _subtract_lower_half(multiply, a[k:], b[:, k:], out[k:, k:])


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
