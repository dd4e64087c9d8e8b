"""Stacks of small matrices: what one call of LAPACK for each would do is done in registers, several matrices at once.

A formula gives NotImplemented for matrices that are not small, and for dtypes that registers do not hold. Its condition
is that all numbers are finite: those of a matrix of which LAPACK would complain are not (`instructions/matrices.py`),
and then the function itself is called, which raises as it always does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from pullback.compiler.facts.row import Definition, Row
from pullback.compiler.instructions import eigenvalues, matrices
from pullback.core.discrete import Discrete
from pullback.core.primitive import Primitive
from pullback.ops.linalg.cholesky import cholesky_
from pullback.ops.linalg.factorizations import cofactors_, det_, slogdet_
from pullback.ops.linalg.spectra import eigh_
from pullback.ops.linalg.systems import inv_, solve_, triangular_

MOST: Final = 8  # rows and columns
HELD: Final = ("float32", "float64")
LAPACK: Final = "LAPACK computes it, in one call"
VECTORS: Final = f"{LAPACK}: the signs of vectors are its own"


def _kernel(primitive: Primitive, matrix: bool = True) -> Callable[..., Any]:
    """What NumPy computes, and NaN where it complains."""

    def called(*operands: Any, **params: Any) -> Any:
        try:
            found = primitive.kernel(*operands, **params)
        except ValueError:
            batch = np.broadcast_shapes(*[x.shape[:-2] for x in operands])
            shape = (*batch, *operands[-1].shape[-2:]) if matrix else batch
            found = np.full(shape, math.nan, operands[0].dtype)
        return found if matrix else found[..., None, None]

    return called


def _small(name: str, primitive: Primitive, *, matrix: bool = True) -> Discrete:
    return Discrete(f"small_{name}", _kernel(primitive, matrix), doc="Of small matrices; NaN where there is no answer.")


small_inverse_: Final = _small("inv", inv_)
small_solve_: Final = _small("solve", solve_)
small_triangular_: Final = _small("solve_triangular", triangular_)
small_cholesky_: Final = _small("cholesky", cholesky_)
small_cofactors_: Final = _small("cofactors", cofactors_)
small_determinant_: Final = _small("det", det_, matrix=False)


def _pivots(a: Any) -> Any:
    """Gauss' pivots, the first with the sign that swaps of rows make, as rows."""
    rows, n = a.copy(), a.shape[-1]
    odd = np.zeros(a.shape[:-2], bool)
    for i in range(n):
        place = np.argmax(np.abs(rows[..., i:, i]), axis=-1)[..., None, None] + i
        chosen, here = np.take_along_axis(rows, place, -2), rows[..., i : i + 1, :].copy()
        np.put_along_axis(rows, place, here, -2)
        rows[..., i : i + 1, :], odd = chosen, odd ^ (place[..., 0, 0] != i)
        pivot = chosen[..., i : i + 1]
        rows[..., i + 1 :, :] -= rows[..., i + 1 :, i : i + 1] / np.where(pivot == 0, 1, pivot) * chosen
    found = np.diagonal(rows, 0, -2, -1)[..., None, :].copy()
    found[..., 0] *= np.where(odd, -1, 1)[..., None]
    return np.where(np.isfinite(a).all(axis=(-2, -1), keepdims=True), found, math.nan).astype(a.dtype)


small_pivots_: Final = Discrete("small_pivots", _pivots, doc="Numbers whose product is the determinant.")


def _eigenvalues(a: Any) -> Any:
    """Those of the lower half, ascending, as rows."""
    try:
        return eigh_.kernel(a)[0][..., None, :]
    except ValueError:
        return np.full((*a.shape[:-2], 1, a.shape[-1]), math.nan, a.dtype)


def _vectors_and_values(a: Any) -> Any:
    """The eigenvectors of the lower half, and the eigenvalues as one column more."""
    values, vectors = eigh_.kernel(a)
    return np.concatenate([vectors, values[..., None]], axis=-1)


def _eigenvectors(a: Any) -> Any:
    try:
        return _vectors_and_values(a)
    except ValueError:
        return np.full((*a.shape[:-1], a.shape[-1] + 1), math.nan, a.dtype)


def _completed(found: Any, whole: Any, a: Any) -> Any:
    """What was found, and of matrices of which nothing was, what LAPACK finds."""
    if whole:
        return np.array(found)
    missing = ~np.isfinite(found).all(axis=(-2, -1))
    if missing.all():
        return _vectors_and_values(a)
    made = np.array(found)
    made[missing] = _vectors_and_values(a[missing])
    return made


unsigned_eigh_: Final = Discrete("unsigned_eigh", eigh_.kernel, doc="`eigh`, of vectors whose signs nothing sees.")
small_eigenvectors_: Final = Discrete("small_eigh", _eigenvectors, doc="Of small matrices; NaN where there are none.")
completed_: Final = Discrete("completed_eigh", _completed, doc="Eigenvectors, where there is one that was not found.")
small_eigenvalues_: Final = Discrete("small_eigvalsh", _eigenvalues, doc="Of small matrices; NaN where there are none.")


def _is_small(*operands: Any) -> bool:
    dtypes = {str(x.dtype) for x in operands}
    return len(dtypes) == 1 and dtypes <= {*HELD} and all(1 <= n <= MOST for x in operands for n in x.shape[-2:])


def _sign_and_logarithm(a: Any) -> Any:
    if not _is_small(a):
        return NotImplemented
    found = small_pivots_(a)[..., 0, :]
    return (np.prod(np.sign(found), axis=-1), np.log(np.abs(found)).sum(axis=-1)), np.isfinite(found).all()


def _values_alone(a: Any) -> Any:
    if not _is_small(a):
        return NotImplemented
    found = small_eigenvalues_(a)[..., 0, :]
    return (found,), np.isfinite(found).all()


def _values_and_vectors(a: Any) -> Any:
    if not _is_small(a):
        return NotImplemented
    found = small_eigenvectors_(a)  # of equal eigenvalues there is none
    whole = completed_(found, np.isfinite(found).all(), a)
    return whole[..., -1], whole[..., :-1]


def _formula(small: Primitive, matrix: bool = True) -> Callable[..., Any]:
    """What is recorded in place of a kernel of LAPACK's."""

    def formula(*operands: Any, **params: Any) -> Any:
        if not _is_small(*operands):
            return NotImplemented
        made = small(*operands, **params)
        return made if matrix else made[..., 0, 0], np.isfinite(made).all()

    return formula


def _row(small: Primitive, matrix: bool = True) -> Row:
    return Row(definition=Definition(_formula(small, matrix), LAPACK), kernel=LAPACK, rounds=True)


ROWS: Final[dict[Primitive, Row]] = {
    inv_: _row(small_inverse_),
    solve_: _row(small_solve_),
    triangular_: _row(small_triangular_),
    cholesky_: _row(small_cholesky_),
    cofactors_: _row(small_cofactors_),
    det_: _row(small_determinant_, matrix=False),
    slogdet_: Row(definition=Definition(_sign_and_logarithm, LAPACK, outputs=2), kernel=LAPACK, rounds=True),
    eigh_: Row(definition=Definition(_values_alone, VECTORS, outputs=2, gives=1), kernel=VECTORS, rounds=True),
    unsigned_eigh_: Row(definition=Definition(_values_and_vectors, LAPACK, outputs=2), kernel=LAPACK, rounds=True),
    completed_: Row(kernel="it asks LAPACK for vectors of equal eigenvalues, if there are some"),
    small_eigenvectors_: Row(matrices=eigenvalues.eigenvectors),
    small_eigenvalues_: Row(matrices=eigenvalues.eigenvalues),
    small_pivots_: Row(matrices=matrices.pivots),
    small_inverse_: Row(matrices=matrices.inverse),
    small_solve_: Row(matrices=matrices.solve),
    small_triangular_: Row(matrices=matrices.triangular),
    small_cholesky_: Row(matrices=matrices.cholesky),
    small_cofactors_: Row(matrices=matrices.cofactors),
    small_determinant_: Row(matrices=matrices.determinant),
}
