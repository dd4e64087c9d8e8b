"""Primitives of eigenvalues and singular values, with their vectors.

Vectors are known up to their signs, complex ones up to numbers of size 1, and those of one value up to a rotation. What
does not depend on these has a derivative, and gets it: where two values are the same, the vectors' turning towards each
other, which would be divided by 0, is left out. The second derivative of a function of the values has a term there that
the derivatives of single values do not tell (A. Lewis & H. Sendov, "Twice differentiable spectral functions", 2001), so
it is refused: what a rule reads of values and vectors goes through `settled_`, whose derivative asks.

Sources of the derivatives: M. Giles (2008); J. Townsend, "Differentiating the singular value decomposition" (2016).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.batching.rules import as_it_is
from pullback.core.custom_kinds import CustomJVP, CustomVJP
from pullback.core.errors import LinAlgError
from pullback.core.kinds import LinearMap
from pullback.core.outputs import pick_
from pullback.ops.linalg.equal_values import ROUNDINGS, told_
from pullback.ops.linalg.matrices import adjoint, as_matrices, each_in_turn, first_where, of_lower_half, refuse, rounded


def all_of(result: Any) -> tuple[Any, ...]:
    """The outputs of a primitive that was bound: arrays, or tensors that may hold lanes."""
    if isinstance(result, tuple):
        return result
    return tuple(pick_(result, index=i) for i in range(len(result.array)))


def gaps(values: Any) -> Any:
    """1 / (λⱼ − λᵢ) for each pair, and 0 where both are the same but for rounding."""
    apart = values[..., None, :] - values[..., :, None]
    largest = np.max(np.abs(values), axis=-1)[..., None, None]
    same = np.abs(apart) <= ROUNDINGS * np.finfo(values.dtype).eps * largest
    return np.where(same, 0, 1 / np.where(same, 1, apart))


def _asked(t: Any, values: Any, name: str, zero: bool) -> Any:
    """A tangent or cotangent as it is, once it is found that all values are apart."""
    largest = np.max(np.abs(values), axis=-1, initial=0)[..., None]
    limit = ROUNDINGS * np.finfo(values.dtype).eps * largest
    close = (np.abs(np.diff(np.sort(values, axis=-1), axis=-1)) <= limit).any(axis=-1)
    if zero:
        close = close | (np.abs(values) <= limit).any(axis=-1)
    if np.any(close):
        index = first_where(close)
        order = "third" if name == "det" else "second"
        what = f"equal {'eigenvalues' if name == 'eigh' else 'singular values'}{', or one that is 0,' if zero else ''}"
        raise LinAlgError(
            f"{name}: the {order} derivative at {what} is not told by the first derivatives of single values",
            values=values[index], batch=index or None,
            fix="shift the matrix a little, or write the function with det, slogdet, trace, inv, expm or norm",
        )  # fmt: skip
    return np.array(t)


asked_: LinearMap = LinearMap(
    "values_apart", _asked, lambda ct, t, values, **facts: asked_.bind(ct, values, **facts), None, batching=as_it_is,
    doc="The first operand as it is, once it is found that all values are apart.",
)  # fmt: skip


def _settled_tangent(primals: Any, tangents: Any, _y: Any, name: str, zero: bool) -> Any:
    return asked_.bind(tangents[0], primals[1], name=name, zero=zero)


settled_: CustomJVP = CustomJVP(
    "settled", lambda x, values, name, zero: np.array(x), _settled_tangent, batching=as_it_is,
    doc="The first operand as it is; a derivative of it asks whether all values are apart.",
)  # fmt: skip


def settled(parts: Any, values: Any, name: str, zero: bool = False) -> tuple[Any, ...]:
    """What a rule reads, so that a derivative of the rule asks; where none is recorded, as it is."""
    if type(values) is np.ndarray:
        return tuple(parts)
    fixed = values.detach()
    return tuple([settled_.bind(x, fixed, name=name, zero=zero) for x in parts])


def is_constant(ct: Any) -> bool:
    """Whether a cotangent is the same whatever the matrix is."""
    return getattr(ct, "node", None) is None


def _eigh(a: Any) -> tuple[Any, Any]:
    given = as_matrices("eigh", a)
    try:
        values, vectors = np.linalg.eigh(given)
    except np.linalg.LinAlgError as error:
        raise refuse("eigh", str(error), given, each_in_turn(np.linalg.eigh, given), "scale the matrix") from None
    return rounded(values, a), rounded(vectors, a)


def _eigh_cotangent(cts: Any, _primals: Any, y: Any) -> tuple[Any]:
    (values, vectors), (ct_values, ct_vectors) = y, cts
    n = values.shape[-1]
    if ct_vectors is not None or not is_constant(ct_values):
        values, vectors = settled((values, vectors), values, "eigh")
    inner = 0 if ct_values is None else np.eye(n, dtype=vectors.dtype) * ct_values[..., None, :]
    if ct_vectors is not None and n:
        against = adjoint(vectors) @ ct_vectors
        told = np.zeros(values.shape, values.dtype) if ct_values is None else ct_values
        against = told_.bind(against, values, told, name="eigh", both=ct_values is not None, thin=False)
        inner = inner + gaps(values) * against
    whole = vectors @ inner @ adjoint(vectors)
    return (of_lower_half(whole),)


eigh_ = CustomVJP(
    "eigh", _eigh, _eigh_cotangent, batching=as_it_is,
    doc="Eigenvalues, ascending, and eigenvectors of a symmetric matrix, of which the lower half is read.",
)  # fmt: skip


def _svd(a: Any) -> tuple[Any, Any, Any]:
    given = as_matrices("svd", a, square=False)
    try:
        found = np.linalg.svd(given, full_matrices=False)
    except np.linalg.LinAlgError as error:
        raise refuse("svd", str(error), given, each_in_turn(np.linalg.svd, given), "scale the matrix") from None
    u, s, vh = found
    return rounded(u, a), rounded(s, a), rounded(vh, a)


def _svd_cotangent(cts: Any, _primals: Any, y: Any) -> tuple[Any]:
    (u, s, vh), (ct_u, ct_s, ct_vh) = y, cts
    n = s.shape[-1]
    if ct_u is not None or ct_vh is not None or not is_constant(ct_s):
        u, s, vh = settled((u, s, vh), s, "svd", zero=u.shape[-2] != vh.shape[-1] or u.dtype.kind == "c")
    inner = 0 if ct_s is None else np.eye(n, dtype=s.dtype) * ct_s[..., None, :]
    if not n or (ct_u is None and ct_vh is None):
        return (u @ inner @ vh,)
    inverse = _inverse(s, s[..., :1])
    beside: Any = 0
    left = right = 0
    if ct_u is not None:
        against = adjoint(u) @ ct_u
        left = against - adjoint(against)
        beside = ((ct_u - u @ against) * inverse[..., None, :]) @ vh
    if ct_vh is not None:
        against = vh @ adjoint(ct_vh)
        right = against - adjoint(against)
        beside = beside + u @ (inverse[..., :, None] * (ct_vh - adjoint(against) @ vh))
    # Both turn together, which equal values leave free, and against each other, which they do not.
    sums = _inverse(s[..., None, :] + s[..., :, None], s[..., :1, None])
    whole = (0 if ct_u is None else adjoint(u) @ ct_u) + (0 if ct_vh is None else ct_vh @ adjoint(vh))
    turned = (left + right) / 2 + np.where(sums == 0, left - right, 0)
    told, thin = np.zeros(s.shape, s.dtype) if ct_s is None else ct_s, u.shape[-2] != vh.shape[-1]
    asked = told_.bind((whole + adjoint(whole)) / 2 + turned, s, told, name="svd", both=ct_s is not None, thin=thin)
    inner = inner + 0 * asked
    inner = inner + gaps(s) * (left + right) / 2 + sums * (left - right) / 2
    return (u @ inner @ vh + beside,)


def _inverse(x: Any, largest: Any) -> Any:
    """1 / x, and 0 where x is 0 but for rounding."""
    small = x <= ROUNDINGS * np.finfo(x.dtype).eps * largest
    return np.where(small, 0, 1 / np.where(small, 1, x))


svd_ = CustomVJP(
    "svd", _svd, _svd_cotangent, batching=as_it_is,
    doc="The thin decomposition u s vᵀ, with singular values descending.",
)  # fmt: skip
