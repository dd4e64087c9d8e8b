"""Which equations become loops: those with instructions, those with an accumulator, and products of matrices."""

from __future__ import annotations

import numpy as np

from pullback.compiler.facts import row_of
from pullback.compiler.facts.dtypes import computed_in, converted_to, dtype_of
from pullback.compiler.instructions.llvm import SCALARS
from pullback.programs.program import Constant, Equation, Value


def is_elementwise(equation: Equation) -> bool:
    """Whether an equation becomes instructions: it has some, and its dtypes are among those that they know."""
    row = row_of(equation.primitive).instructions
    if row is None or not equation.operands:
        return False
    dtypes = [np.result_type(dtype_of(o)) for o in equation.operands]
    if any(str(dtype) not in SCALARS or not dtype.isnative for dtype in (*dtypes, equation.output.dtype)):
        return False
    if any(a.kind == "f" and b.kind in "iu" for a, b in zip(dtypes, converted_to(equation), strict=True)):
        return False  # what is out of range is NumPy's to decide
    if row.takes == "operands" and not _comparable(equation):
        return False
    return row.takes == "truth" or computed_in(equation).kind in row.kinds


def _comparable(equation: Equation) -> bool:
    """Whether all operands are numbers of their common dtype; NumPy compares integers that are not, too."""
    dtype = computed_in(equation)
    if dtype.kind not in "iu":
        return dtype.kind == "b" or any(np.result_type(dtype_of(o)).kind not in "iu" for o in equation.operands)
    limits, numbers = np.iinfo(dtype), (o.value for o in equation.operands if isinstance(o, Constant))
    return all(limits.min <= number <= limits.max for number in numbers if type(number) is int)


def is_reduction(equation: Equation) -> bool:
    """Whether an equation reduces, with an accumulator."""
    return row_of(equation.primitive).accumulator is not None


def only_reshapes(equation: Equation) -> bool:
    """Whether a reduction is one over axes of one element."""
    (x,) = equation.operands
    return isinstance(x, Value) and x.size == equation.output.size


def is_reducible(equation: Equation) -> bool:
    """Whether a reduction is over numbers that its accumulator adds up."""
    (x,), accumulator = equation.operands, row_of(equation.primitive).accumulator
    assert accumulator is not None
    return isinstance(x, Value) and x.dtype.kind in accumulator.kinds and x.dtype.itemsize in (1, 4, 8)


def is_product(equation: Equation) -> bool:
    """Whether an equation is a contraction that is emitted, or left to BLAS."""
    values = list(equation.values)
    dtypes = {str(value.dtype) for value in (*values, equation.output)}
    plain = row_of(equation.primitive).contraction and len(equation.operands) == len(values) == 2
    return plain and dtypes in ({"float32"}, {"float64"})
