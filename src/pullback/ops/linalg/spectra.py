"""Primitives of eigenvalues and singular values, with their vectors.

Eigenvectors are known up to their signs, and those of one eigenvalue up to a rotation. What does not depend on these
has a derivative, and gets it: where two eigenvalues are the same, the vectors' turning towards each other, which would
be divided by 0, is left out.

Sources of the derivatives: M. Giles (2008); J. Townsend, "Differentiating the singular value decomposition" (2016).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from pullback.batching.rules import as_it_is
from pullback.core.custom_kinds import CustomVJP
from pullback.core.outputs import pick_
from pullback.ops.linalg.matrices import (
    adjoint,
    as_matrices,
    check_symmetric,
    each_in_turn,
    of_lower_half,
    refuse,
    rounded,
)

ROUNDINGS: Final = 16  # of the largest, by which two values differ that are taken for the same


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


def _eigh(a: Any) -> tuple[Any, Any]:
    given = as_matrices("eigh", a)
    check_symmetric("eigh", given)
    try:
        values, vectors = np.linalg.eigh(given)
    except np.linalg.LinAlgError as error:
        raise refuse("eigh", str(error), given, each_in_turn(np.linalg.eigh, given), "scale the matrix") from None
    return rounded(values, a), rounded(vectors, a)


def _eigh_cotangent(cts: Any, _primals: Any, y: Any) -> tuple[Any]:
    (values, vectors), (ct_values, ct_vectors) = y, cts
    n = values.shape[-1]
    inner = 0 if ct_values is None else np.eye(n, dtype=vectors.dtype) * ct_values[..., None, :]
    if ct_vectors is not None and n:
        inner = inner + gaps(values) * (adjoint(vectors) @ ct_vectors)
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
    inner = 0 if ct_s is None else np.eye(n, dtype=s.dtype) * ct_s[..., None, :]
    if not n or (ct_u is None and ct_vh is None):
        return (u @ inner @ vh,)
    both = s[..., None, :] + s[..., :, None]
    turning = gaps(s) * np.where(both == 0, 0, 1 / np.where(both == 0, 1, both))
    small = s <= ROUNDINGS * np.finfo(s.dtype).eps * s[..., :1]
    inverse = np.where(small, 0, 1 / np.where(small, 1, s))
    beside: Any = 0
    if ct_u is not None:
        against = adjoint(u) @ ct_u
        inner = inner + turning * (against - adjoint(against)) * s[..., None, :]
        beside = ((ct_u - u @ against) * inverse[..., None, :]) @ vh
    if ct_vh is not None:
        against = vh @ adjoint(ct_vh)
        inner = inner + s[..., :, None] * (turning * (against - adjoint(against)))
        beside = beside + u @ (inverse[..., :, None] * (ct_vh - adjoint(against) @ vh))
    return (u @ inner @ vh + beside,)


svd_ = CustomVJP(
    "svd", _svd, _svd_cotangent, batching=as_it_is,
    doc="The thin decomposition u s vᵀ, with singular values descending.",
)  # fmt: skip
