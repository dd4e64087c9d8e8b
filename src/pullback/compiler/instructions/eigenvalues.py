"""Eigenvalues of small symmetric matrices in registers: Jacobi's rotations of all pairs in turn, until all is diagonal.

Several matrices are side by side, so all of them are turned as often as the slowest needs; one that is diagonal already
is turned by 0. A matrix on which this is not sure to have all digits gets NaN, and NumPy decides.

Source: G. Golub & C. Van Loan, *Matrix Computations* (2013), section 8.5; H. Rutishauser, "The Jacobi method for real
symmetric matrices" (1966).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from itertools import combinations, pairwise
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from pullback.compiler.instructions.llvm import I1, I64, Function, Reg
from pullback.compiler.instructions.matrices import Matrix, where_good

SWEEPS: Final = 15  # at most; of 8 rows about 6 are needed
LOWEST: Final = {"double": 1e-290, "float": 1e-30}  # of smaller ones products would lose digits


def eigenvalues(f: Function, a: Matrix) -> Matrix:
    """The eigenvalues of a, ascending, as a row; the lower half is read."""
    found = _turned(f, a, vectors=False)
    values, _ = _ascending(f, found.values, [])
    return where_good(f, found.good, [values])


def eigenvectors(f: Function, a: Matrix) -> Matrix:
    """The eigenvectors of a as columns, of any sign, and behind them the eigenvalues, ascending.

    Where two values are so near that what belongs to each of them is not sure, all is NaN.
    """
    found = _turned(f, a, vectors=True)
    values, columns = _ascending(f, found.values, found.columns)
    apart = f.binary("fmul", found.total, math.sqrt(_epsilon(found.total)))
    good = found.good
    for x, y in pairwise(values):
        good = f.binary("and", good, f.compare("ogt", f.binary("fsub", y, x), apart))
    return where_good(f, good, [[*row, x] for row, x in zip(zip(*columns, strict=True), values, strict=True)])


class Turned(NamedTuple):
    """What is on the diagonal, the vector of each, the sum of all sizes, and whether all digits are there."""

    values: list[Reg]
    columns: list[list[Reg]]
    total: Reg
    good: Reg


def _turned(f: Function, a: Matrix, *, vectors: bool) -> Turned:
    n, pairs = len(a), [(i, j) for i in range(len(a)) for j in range(i + 1)]
    entries = [a[i][j] for i, j in pairs]
    total = reduce(lambda x, y: f.binary("fadd", x, y), [f.intrinsic("fabs", x) for x in entries])
    small = f.binary("fmul", total, _epsilon(total) / 4)
    places = [(i, j) for i in range(n) for j in range(n)] if vectors else []  # of the vectors, from the columns of 1
    held = [*entries, *(f.const(float(i == j), total) for i, j in places)]
    if n > 1:
        with f.loop(0, SWEEPS, carried=held) as (_, entering, turned):
            needed = f.cast("zext", _some(f, f.compare("ogt", _beside(f, pairs, entering), small)), I64)
            with f.loop(0, needed, carried=entering) as (_, inside, left):
                now = dict(zip(pairs, inside, strict=False))
                columns = dict(zip(places, inside[len(pairs) :], strict=True))
                _sweep(f, n, now, columns, f.binary("fmul", small, 2 / (n * (n - 1))))
                left += [*now.values(), *columns.values()]
            turned += left
        held = turned
    low = LOWEST[total.type.scalar]
    good = f.binary("and", f.compare("olt", total, math.inf), f.compare("ogt", total, low))
    good = f.binary("or", good, f.compare("oeq", total, 0.0))
    good = f.binary("and", good, f.compare("ole", _beside(f, pairs, held), small))
    values = [x for (i, j), x in zip(pairs, held, strict=False) if i == j]
    columns = dict(zip(places, held[len(pairs) :], strict=True))
    return Turned(values, [[columns[i, j] for i in range(n)] for j in range(n)] if vectors else [], total, good)


def _epsilon(like: Reg) -> float:
    return float(np.finfo("f8" if like.type.scalar == "double" else "f4").eps)


def _some(f: Function, truths: Reg) -> Reg:
    return f.intrinsic("vector.reduce.or", truths, kind=I1) if truths.type.lanes else truths


def _beside(f: Function, pairs: Sequence[tuple[int, int]], entries: Sequence[Reg]) -> Reg:
    """The sum of the sizes of what is not on the diagonal."""
    sizes = [f.intrinsic("fabs", x) for (i, j), x in zip(pairs, entries, strict=False) if i != j]
    return reduce(lambda x, y: f.binary("fadd", x, y), sizes) if sizes else f.const(0.0, entries[0])


Entries: TypeAlias = dict[tuple[int, int], Reg]


def _sweep(f: Function, n: int, a: Entries, columns: Entries, least: Reg) -> None:
    """Turn each pair of rows once, so that its entry becomes 0, and what the rotations make of the columns of 1.

    Entries up to `least` stay: between values that are the same but for rounding such an entry would turn by any angle,
    and what was 0 beside it would not stay so.
    """
    zero, one = (f.const(x, a[0, 0]) for x in (0.0, 1.0))
    for q, p in combinations(range(n), 2):
        beside = a[p, q]
        none = f.compare("ole", f.intrinsic("fabs", beside), least)
        half = f.binary("fmul", f.binary("fsub", a[p, p], a[q, q]), 0.5)
        ratio = f.binary("fdiv", half, f.select(none, one, beside))
        root = f.intrinsic("sqrt", f.intrinsic("fma", ratio, ratio, one))
        tangent = f.binary("fdiv", one, f.binary("fadd", ratio, f.intrinsic("copysign", root, ratio)))
        tangent = f.select(none, zero, tangent)
        cosine = f.binary("fdiv", one, f.intrinsic("sqrt", f.intrinsic("fma", tangent, tangent, one)))
        sine = f.binary("fmul", tangent, cosine)
        part = f.binary("fdiv", sine, f.binary("fadd", cosine, one))
        moved = f.binary("fmul", tangent, beside)
        a[q, q], a[p, p] = f.binary("fsub", a[q, q], moved), f.binary("fadd", a[p, p], moved)
        a[p, q] = f.select(none, beside, zero)
        for r in {*range(n)} - {p, q}:
            of_q, of_p = (max(r, q), min(r, q)), (max(r, p), min(r, p))
            a[of_q], a[of_p] = _rotated(f, a[of_q], a[of_p], sine, part)
        for r in range(n if columns else 0):
            columns[r, q], columns[r, p] = _rotated(f, columns[r, q], columns[r, p], sine, part)


def _rotated(f: Function, x: Reg, y: Reg, sine: Reg, part: Reg) -> tuple[Reg, Reg]:
    """Both after a rotation, of which `part` is the tangent of half the angle."""
    left = f.intrinsic("fma", f.negative(sine), f.intrinsic("fma", part, x, y), x)
    return left, f.intrinsic("fma", sine, f.intrinsic("fma", f.negative(part), y, x), y)


def _ascending(
    f: Function, values: Sequence[Reg], columns: Sequence[Sequence[Reg]]
) -> tuple[list[Reg], list[list[Reg]]]:
    """Numbers in order, by comparisons that are always the same, and the columns that belong to them."""
    rows = [[x, *column] for x, column in zip(values, columns or [()] * len(values), strict=True)]
    for last in reversed(range(len(rows))):
        for i in range(last):
            swapped = f.compare("ogt", rows[i][0], rows[i + 1][0])
            pairs = [*zip(rows[i], rows[i + 1], strict=True)]
            rows[i] = [f.select(swapped, y, x) for x, y in pairs]
            rows[i + 1] = [f.select(swapped, x, y) for x, y in pairs]
    return [row[0] for row in rows], [row[1:] for row in rows]
