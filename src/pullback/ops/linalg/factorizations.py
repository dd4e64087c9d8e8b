"""Primitives that factor a matrix into triangles and an orthogonal part: QR and LU; and determinants.

Sources of the derivatives: S. Walter & L. Lehmann, "Algorithmic differentiation of linear algebra functions" (2010);
of determinants of singular matrices, the adjugate's.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from pullback.batching.rules import as_it_is
from pullback.core.complex import conjugate
from pullback.core.custom_kinds import CustomVJP
from pullback.ops.discrete import BY_ELEMENT, answer_
from pullback.ops.linalg.matrices import adjoint, as_matrices, diagonal_of, refuse, rounded
from pullback.ops.linalg.spectra import all_of, settled, svd_
from pullback.ops.linalg.systems import inv_, triangular_

WELL: Final = 1e4  # the condition below which det(a) a⁻ᵀ has its digits


def _qr(a: Any) -> tuple[Any, Any]:
    q, r = np.linalg.qr(as_matrices("qr", a, square=False), mode="reduced")
    return rounded(q, a), rounded(r, a)


def _qr_cotangent(cts: Any, _primals: Any, y: Any) -> tuple[Any]:
    (q, r), (ct_q, ct_r) = y, cts
    inner = 0 if ct_r is None else r @ adjoint(ct_r)
    if ct_q is not None:
        inner = inner - adjoint(ct_q) @ q
    lower = np.tril(inner, -1)
    diagonal = diagonal_of(inner + adjoint(inner)) / 2  # that of r is real
    shared = q @ (lower + adjoint(lower) + diagonal)
    whole = shared if ct_q is None else ct_q + shared
    return (adjoint(triangular_.bind(r, adjoint(whole), lower=False, unit=False)),)


qr_ = CustomVJP(
    "qr", _qr, _qr_cotangent, batching=as_it_is,
    doc="q with orthonormal columns and the upper triangle r of q r = a, which has at least as many rows as columns.",
)  # fmt: skip


def _lu(a: Any) -> tuple[Any, Any]:
    from scipy.linalg import lapack  # heavy: only who uses it loads it

    given = as_matrices("lu_factor", a)
    (factor,) = lapack.get_lapack_funcs(("getrf",), (given,))
    factors, order = np.empty_like(given), np.empty(given.shape[:-1], np.int64)
    for index in np.ndindex(given.shape[:-2]):
        if not given.shape[-1]:
            continue
        factors[index], swaps, failed = factor(given[index])
        if failed > 0:
            raise refuse("lu_factor", f"the matrix is singular: pivot {failed - 1} is 0", given, index, "pb.linalg.qr")
        order[index] = swaps
    return rounded(factors, a), order


def order_of(swaps: Any) -> Any:
    """The order of rows that successive swaps make."""
    order = np.broadcast_to(np.arange(swaps.shape[-1]), swaps.shape).copy()
    for index in np.ndindex(swaps.shape[:-1]):
        for i, j in enumerate(swaps[index]):
            order[index][[i, j]] = order[index][[j, i]]
    return order


BY_ELEMENT.add(order_of)  # of a stack it gives a stack


def _lu_cotangent(cts: Any, _primals: Any, y: Any) -> tuple[Any]:
    (factors, swaps), (ct, _) = y, cts
    n = factors.shape[-1]
    lower, upper = np.tril(factors, -1) + np.eye(n, dtype=factors.dtype), np.triu(factors)
    inner = np.tril(adjoint(lower) @ np.tril(ct, -1), -1) + np.triu(np.triu(ct) @ adjoint(upper))
    left = triangular_.bind(adjoint(lower), inner, lower=False, unit=True)
    whole = adjoint(triangular_.bind(upper, adjoint(left), lower=False, unit=False))
    back = np.argsort(answer_.bind(swaps, function=order_of), axis=-1)
    return (np.take_along_axis(whole, back[..., None], axis=-2),)


lu_ = CustomVJP(
    "lu_factor", _lu, _lu_cotangent, batching=as_it_is,
    doc="The triangles of l u = p a in one matrix, and the rows that p swaps; the swaps have no derivative.",
)  # fmt: skip


def _slogdet(a: Any) -> tuple[Any, Any]:
    sign, logarithm = np.linalg.slogdet(as_matrices("slogdet", a))
    return rounded(np.asarray(sign), a), rounded(np.asarray(logarithm), a)


def _slogdet_cotangent(cts: Any, primals: Any, y: Any) -> tuple[Any]:
    """That of log det a = log |det a| + iφ, where the sign is exp(iφ)."""
    turned, ct = cts
    if primals[0].dtype.kind == "c" and turned is not None:
        along = turned * np.conj(y[0])
        ct = (0 if ct is None else ct) + (along - np.conj(along)) / 2
    if ct is None:
        return (None,)
    return (ct[..., None, None] * adjoint(inv_.bind(primals[0])),)


slogdet_ = CustomVJP(
    "slogdet", _slogdet, _slogdet_cotangent, batching=as_it_is,
    doc="The sign and log |det a|, whose derivative is a⁻ᵀ; the sign of a complex one turns.",
)  # fmt: skip


def _det(a: Any) -> Any:
    return rounded(np.asarray(np.linalg.det(as_matrices("det", a))), a)


def _det_cotangent(ct: Any, primals: Any, _y: Any) -> tuple[Any]:
    return (ct[..., None, None] * conjugate(cofactors_.bind(primals[0])),)


det_ = CustomVJP(
    "det", _det, _det_cotangent, batching=as_it_is, doc="The determinant; its derivative is the cofactors."
)


def _cofactors(a: Any) -> Any:
    given = as_matrices("det", a)
    with np.errstate(over="ignore", invalid="ignore"):
        determinant, inverse = np.linalg.det(given)[..., None, None], _well_inverted(given)
        if inverse is not None:
            found = determinant * np.swapaxes(inverse, -1, -2)
        else:
            u, s, vh = np.linalg.svd(given, full_matrices=False)
            sign = np.asarray(np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
            found = sign * np.conj((u * products_without(s, 1)[..., None, :]) @ vh)
        if not np.isfinite(np.add.reduce(found, axis=None)):
            found = np.where(
                np.isfinite(found).all(axis=(-2, -1), keepdims=True), found, _far_cofactors(given, inverse)
            )
    return rounded(found, a)


@np.errstate(over="ignore", divide="ignore")
def _far_cofactors(a: Any, inverse: Any) -> Any:
    """The same by logarithms, where a product on the way is too large: each entry is itself, or infinite."""
    if inverse is not None:
        sign, size = np.linalg.slogdet(a)
        small = np.swapaxes(inverse, -1, -2)
    else:
        u, s, vh = np.linalg.svd(a, full_matrices=False)
        logs = np.where(np.eye(s.shape[-1], dtype=bool), 0, np.log(s.astype(float))[..., None, :]).sum(axis=-1)
        size = logs.max(axis=-1)
        small = np.conj((u * np.exp(logs - size[..., None])[..., None, :]) @ vh)
        sign = np.linalg.det(u) * np.linalg.det(vh)
    absolute = np.abs(small)
    phase = sign[..., None, None] * small / np.where(absolute == 0, 1, absolute)
    grown = np.exp(size.astype(float)[..., None, None] + np.log(absolute.astype(float)))
    parts = [np.where(part == 0, 0, grown * part) for part in (np.real(phase), np.imag(phase))]
    return (parts[0] if a.dtype.kind != "c" else parts[0] + 1j * parts[1]).astype(a.dtype)


def _well_inverted(a: Any) -> Any:
    """The inverses, where all of a stack are far from singular; None otherwise."""
    try:
        inverse = np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return None
    sizes = np.abs(a).sum(axis=-1).max(axis=-1, initial=0) * np.abs(inverse).sum(axis=-1).max(axis=-1, initial=0)
    return inverse if np.all(sizes < WELL) else None


def products_without(s: Any, count: int) -> Any:
    """Along the last axis, the product of all numbers but one; or for each pair, of all but these two, 0 for itself."""
    n = s.shape[-1]
    if count == 1:
        kept = np.eye(n, dtype=bool)
        return np.prod(np.where(kept, 1, s[..., None, :]), axis=-1)
    first, second, third = np.ogrid[:n, :n, :n]
    kept = (third == first) | (third == second)
    pairs = np.prod(np.where(kept, 1, s[..., None, None, :]), axis=-1)
    return np.where(np.eye(n, dtype=bool), 0, pairs)


def _cofactors_cotangent(ct: Any, primals: Any, _y: Any) -> tuple[Any]:
    """In the basis of the singular vectors the matrix is diagonal, and the cofactors of a small change are sums."""
    u, s, vh = all_of(svd_.bind(primals[0]))
    u, s, vh = settled((u, s, vh), s, "det")
    sign = det_.bind(u) * det_.bind(vh)
    inner = conjugate(sign)[..., None, None] * (np.swapaxes(u, -1, -2) @ ct @ np.swapaxes(vh, -1, -2))
    pairs = products_without(s, 2)
    along = pairs @ np.diagonal(inner, 0, -2, -1)[..., None]
    n = s.shape[-1]
    changed = along * np.eye(n, dtype=s.dtype) - pairs * np.swapaxes(inner, -1, -2)
    return (u @ changed @ vh,)


cofactors_: CustomVJP = CustomVJP(
    "cofactors", _cofactors, _cofactors_cotangent, batching=as_it_is,
    doc="The cofactors of a matrix, det(a) a⁻ᵀ where there is an inverse; of a singular one too.",
)  # fmt: skip
