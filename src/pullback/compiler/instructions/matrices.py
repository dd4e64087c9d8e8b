"""Small matrices in registers: elimination, substitution and Cholesky's factors, written out entry by entry.

A matrix is a list of rows of registers, and a register holds one entry, or that of several matrices side by side.
Whoever reads the result asks whether it is finite: where LAPACK would complain, or might, because a matrix is nearly
singular or holds what is no number, every entry is NaN, and NumPy decides.

Source: G. Golub & C. Van Loan, *Matrix Computations* (2013), chapters 3 and 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from pullback.compiler.instructions.llvm import Function, Reg
from pullback.ops.linalg.factorizations import WELL

Matrix: TypeAlias = list[list[Reg]]
Writer: TypeAlias = Callable[..., Matrix]

ROUNDINGS: Final = 16  # for each row: pivots that are smaller, beside their column, may be 0 to LAPACK


def _epsilon(like: Reg) -> float:
    return float(np.finfo("f8" if like.type.scalar == "double" else "f4").eps)


def _size(f: Function, x: Reg) -> Reg:
    return f.intrinsic("fabs", x)


def _sum(f: Function, numbers: Sequence[Reg]) -> Reg:
    return reduce(lambda a, b: f.binary("fadd", a, b), numbers)


def _sizes(f: Function, numbers: Sequence[Reg]) -> Reg:
    return _sum(f, [_size(f, x) for x in numbers])


def _less_product(f: Function, x: Reg, a: Reg, b: Reg) -> Reg:
    """x − a·b, rounded once."""
    return f.intrinsic("fma", f.negative(a), b, x)


def _all(f: Function, truths: Sequence[Reg]) -> Reg:
    return reduce(lambda a, b: f.binary("and", a, b), truths)


def _finite(f: Function, *matrices: Matrix) -> Reg:
    """Whether all entries are finite, and their sum is."""
    return f.compare("olt", _sizes(f, [x for matrix in matrices for row in matrix for x in row]), math.inf)


def where_good(f: Function, good: Reg, matrix: Matrix) -> Matrix:
    """The matrix where it is good, else NaN."""
    nan = f.const(math.nan, matrix[0][0])
    return [[f.select(good, x, nan) for x in row] for row in matrix]


def _identity(f: Function, like: Matrix) -> Matrix:
    kind = like[0][0]
    return [[f.const(float(i == j), kind) for j in range(len(like))] for i in range(len(like))]


class Eliminated(NamedTuple):
    """An upper triangle and what the right-hand sides became, in one; 1 / pivots; whether rows were swapped oddly."""

    rows: Matrix
    inverses: list[Reg]
    odd: Reg | None
    sure: Reg


def _eliminated(f: Function, a: Matrix, b: Matrix | None, swaps: bool = False) -> Eliminated:
    """Gaussian elimination; the pivot of a column is its largest entry, as LAPACK's is."""
    n, one = len(a), f.const(1.0, a[0][0])
    rows = [[*x, *(b[i] if b else ())] for i, x in enumerate(a)]
    columns = [_sizes(f, [row[j] for row in a]) for j in range(n)]
    odd = f.const(0, a[0][0].type.mask) if swaps else None
    inverses, sure = list[Reg](), [_finite(f, a)]
    for i in range(n):
        largest = _size(f, rows[i][i])
        for r in range(i + 1, n):
            size = _size(f, rows[r][i])
            larger = f.compare("ogt", size, largest)
            largest = f.select(larger, size, largest)
            for c in range(i, len(rows[i])):
                x, y = rows[i][c], rows[r][c]
                rows[i][c], rows[r][c] = f.select(larger, y, x), f.select(larger, x, y)
            odd = odd and f.binary("xor", odd, larger)
        sure.append(f.compare("ogt", largest, f.binary("fmul", columns[i], n * ROUNDINGS * _epsilon(one))))
        pivot = rows[i][i]
        inverse = f.binary("fdiv", one, f.select(f.compare("oeq", pivot, 0.0), one, pivot))
        inverses.append(inverse)
        for r in range(i + 1, n):
            factor = f.binary("fmul", rows[r][i], inverse)
            for c in range(i + 1, len(rows[i])):
                rows[r][c] = _less_product(f, rows[r][c], factor, rows[i][c])
    return Eliminated(rows, inverses, odd, _all(f, sure))


def _substituted(f: Function, a: Matrix, b: Matrix, inverses: Sequence[Reg] | None, *, lower: bool) -> Matrix:
    """The x of a x = b where a is a triangle, whose diagonal is 1 where no inverses of it are given."""
    n, x = len(a), [list(row) for row in b]
    for i in range(n) if lower else reversed(range(n)):
        for c in range(len(x[i])):
            for j in range(i) if lower else range(i + 1, n):
                x[i][c] = _less_product(f, x[i][c], a[i][j], x[j][c])
            if inverses is not None:
                x[i][c] = f.binary("fmul", x[i][c], inverses[i])
    return x


def solve(f: Function, a: Matrix, b: Matrix) -> Matrix:
    """The x of a x = b."""
    n, done = len(a), _eliminated(f, a, b)
    x = _substituted(f, done.rows, [row[n:] for row in done.rows], done.inverses, lower=False)
    return where_good(f, f.binary("and", done.sure, _finite(f, b)), x)


def inverse(f: Function, a: Matrix) -> Matrix:
    """a⁻¹."""
    return solve(f, a, _identity(f, a))


def pivots(f: Function, a: Matrix) -> Matrix:
    """Numbers whose product is det a, as a row; a column without a pivot has a 0."""
    done = _eliminated(f, a, None, swaps=True)
    first, *others = (done.rows[i][i] for i in range(len(a)))
    assert done.odd is not None
    return where_good(f, _finite(f, a), [[f.select(done.odd, f.negative(first), first), *others]])


def determinant(f: Function, a: Matrix) -> Matrix:
    """det a, as a matrix of one entry."""
    (numbers,) = pivots(f, a)
    return [[reduce(lambda x, y: f.binary("fmul", x, y), numbers)]]


def cofactors(f: Function, a: Matrix) -> Matrix:
    """det(a) a⁻ᵀ of a matrix that is far from singular."""
    (((product,),), found) = determinant(f, a), inverse(f, a)
    sizes = [[_sizes(f, row) for row in matrix] for matrix in (a, found)]
    most = [reduce(lambda x, y: f.select(f.compare("olt", x, y), y, x), rows) for rows in sizes]
    well = f.compare("olt", f.binary("fmul", *most), WELL)
    return where_good(f, well, [[f.binary("fmul", product, x) for x in column] for column in zip(*found, strict=True)])


def triangular(f: Function, a: Matrix, b: Matrix, lower: bool, unit: bool) -> Matrix:
    """The x of a x = b where a is a triangle."""
    one, sure = f.const(1.0, a[0][0]), [_finite(f, a, b)]
    diagonal = [row[i] for i, row in enumerate(a)]
    sure += [] if unit else [f.compare("une", x, 0.0) for x in diagonal]
    inverses = None if unit else [f.binary("fdiv", one, x) for x in diagonal]
    return where_good(f, _all(f, sure), _substituted(f, a, b, inverses, lower=lower))


def cholesky(f: Function, a: Matrix) -> Matrix:
    """The lower triangle l of l lᵀ = a, of which the lower half is read."""
    n, one = len(a), f.const(1.0, a[0][0])
    zero, found = f.const(0.0, one), [[f.const(0.0, one)] * len(a) for _ in a]
    sure = [_finite(f, a)]
    for j in range(n):
        rest = a[j][j]
        for k in range(j):
            rest = _less_product(f, rest, found[j][k], found[j][k])
        sure.append(f.compare("ogt", rest, f.binary("fmul", _size(f, a[j][j]), n * ROUNDINGS * _epsilon(one))))
        found[j][j] = f.intrinsic("sqrt", f.select(f.compare("ogt", rest, 0.0), rest, one))
        inverse = f.binary("fdiv", one, found[j][j])
        for i in range(j + 1, n):
            rest = a[i][j]
            for k in range(j):
                rest = _less_product(f, rest, found[i][k], found[j][k])
            found[i][j] = f.binary("fmul", rest, inverse)
    return [[*row[: i + 1], *[zero] * (n - i - 1)] for i, row in enumerate(where_good(f, _all(f, sure), found))]
