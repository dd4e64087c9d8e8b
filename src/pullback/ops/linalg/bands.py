"""The primitive that solves a system whose matrix is a band: entries near the diagonal, stored by diagonals.

As in SciPy `ab[u + i - j, j]` is `a[i, j]`, for a band of l diagonals below the main one and u above it. What lies in
the corners of `ab`, outside of the matrix, is not read.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.batching.rules import as_it_is
from pullback.core.custom_kinds import CustomVJP
from pullback.core.errors import ShapeError
from pullback.ops.linalg.matrices import as_matrices, as_numbers, check_rows_of, refuse, rounded


def _solve_banded(ab: Any, b: Any, lower: int, upper: int) -> Any:
    from scipy.linalg import solve_banded  # heavy: only who uses it loads it

    band, right = as_matrices("solve_banded", ab, square=False), as_numbers("solve_banded", b)
    n = band.shape[-1]
    if band.shape[-2] != lower + upper + 1:
        raise ShapeError(
            "solve_banded: as many rows as diagonals", ab=ab.shape, diagonals=lower + upper + 1, fix="ab (l + u + 1, n)"
        )
    batch = check_rows_of("solve_banded", (*band.shape[:-2], n, n), right)
    band = np.broadcast_to(band, (*batch, *band.shape[-2:]))
    right = np.broadcast_to(right, (*batch, *right.shape[-2:]))
    found = np.empty(right.shape, np.result_type(band, right))
    for index in np.ndindex(batch):
        try:
            found[index] = solve_banded((lower, upper), band[index], right[index], check_finite=False)
        except np.linalg.LinAlgError:
            whole = np.zeros((n, n))
            for row in range(lower + upper + 1):
                i = np.arange(n) + row - upper
                inside = (i >= 0) & (i < n)
                whole[i[inside], np.arange(n)[inside]] = band[index][row][inside]
            where = refuse("solve_banded", "the matrix is singular", whole, (), "pb.linalg.lstsq of the whole matrix")
            raise where from None
    return rounded(found, ab, b)


def shifted(x: Any, by: int) -> Any:
    """What stands `by` places further along the last axis, and 0 beyond its end."""
    n = x.shape[-1]
    kept = x[..., by:] if by >= 0 else x[..., :by]
    gone = x[..., :1] * 0
    fill = [gone] * min(abs(by), n)
    return np.concatenate([kept, *fill] if by >= 0 else [*fill, kept], axis=-1)[..., :n]


def turned(ab: Any, lower: int, upper: int) -> Any:
    """The band of the transpose: with `upper` diagonals below the main one and `lower` above it."""
    return np.stack(
        [shifted(ab[..., lower + upper - row, :], row - lower) for row in range(lower + upper + 1)], axis=-2
    )


def _solve_banded_cotangents(ct: Any, primals: Any, y: Any, lower: int, upper: int) -> tuple[Any, Any]:
    back = solve_banded_.bind(turned(np.conj(primals[0]), lower, upper), ct, lower=upper, upper=lower)
    rows = [
        -(_rows_shifted(back, row - upper) * np.conj(y)).sum(axis=-1)  # a[j + row − upper, j] is ab[row, j]
        for row in range(lower + upper + 1)
    ]
    return np.stack(rows, axis=-2), back


def _rows_shifted(x: Any, by: int) -> Any:
    return np.swapaxes(shifted(np.swapaxes(x, -1, -2), by), -1, -2)


solve_banded_: CustomVJP = CustomVJP(
    "solve_banded", _solve_banded, _solve_banded_cotangents, batching=as_it_is,
    doc="The x of a x = b, where a is a band, given by its diagonals.",
)  # fmt: skip
