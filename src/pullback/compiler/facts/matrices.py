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
from pullback.compiler.instructions import matrices
from pullback.core.discrete import Discrete
from pullback.core.primitive import Primitive
from pullback.ops.linalg.cholesky import cholesky_
from pullback.ops.linalg.factorizations import cofactors_, det_
from pullback.ops.linalg.systems import inv_, solve_, triangular_

MOST: Final = 8  # rows and columns
HELD: Final = ("float32", "float64")
LAPACK: Final = "LAPACK computes it, in one call"


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


def _formula(small: Primitive, matrix: bool = True) -> Callable[..., Any]:
    """What is recorded in place of a kernel of LAPACK's."""

    def formula(*operands: Any, **params: Any) -> Any:
        dtypes = {str(x.dtype) for x in operands}
        sizes = [n for x in operands for n in x.shape[-2:]]
        if len(dtypes) != 1 or not dtypes <= {*HELD} or not all(1 <= n <= MOST for n in sizes):
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
    small_inverse_: Row(matrices=matrices.inverse),
    small_solve_: Row(matrices=matrices.solve),
    small_triangular_: Row(matrices=matrices.triangular),
    small_cholesky_: Row(matrices=matrices.cholesky),
    small_cofactors_: Row(matrices=matrices.cofactors),
    small_determinant_: Row(matrices=matrices.determinant),
}
