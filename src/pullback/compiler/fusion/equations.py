"""Which equations become loops: those with instructions, those with an accumulator, and products of matrices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from pullback.compiler.facts import row_of
from pullback.compiler.facts.dtypes import computed_in, converted_to, dtype_of, out_of_range
from pullback.compiler.instructions.llvm import SCALARS
from pullback.compiler.instructions.processor import machine
from pullback.programs.program import Constant, Equation, Value


def is_elementwise(equation: Equation) -> bool:
    """Whether an equation becomes instructions: it has some, and its dtypes are among those that they know."""
    row = row_of(equation.primitive).instructions
    if row is None or not equation.operands:
        return False
    dtypes = [np.result_type(dtype_of(o)) for o in equation.operands]
    if not _in_loops((*dtypes, equation.output.dtype)):
        return False
    kinds = {dtype.kind for dtype in (*dtypes, equation.output.dtype)}
    if row.takes == "result" and "c" in kinds and len({*dtypes, equation.output.dtype}) > 1:
        return False  # what is no more than moved
    pairs = zip(dtypes, converted_to(equation), strict=True)
    if any(a.kind == "f" and b.kind in "iu" and out_of_range(a, b) is None for a, b in pairs):
        return False  # what is out of range is NumPy's to decide
    if np.float16 in converted_to(equation) and np.float64 in [v.dtype for v in equation.values]:
        return False  # by way of float32 it would be rounded twice
    if row.takes == "operands" and not _comparable(equation):
        return False
    return row.takes == "truth" or computed_in(equation).kind in row.kinds


def _in_loops(dtypes: Iterable[np.dtype[Any]]) -> bool:
    """Whether loops know all of these dtypes."""
    return all(str(t) in SCALARS and t.isnative and (t != np.float16 or machine().halves) for t in dtypes)


def _comparable(equation: Equation) -> bool:
    """Whether loops compare all operands: arrays, and numbers of Python's that fit; NumPy compares others, too."""
    dtype = computed_in(equation)
    if dtype.kind not in "iu":
        whole = [o for o in equation.operands if np.result_type(dtype_of(o)).kind in "iu"]
        return (
            dtype.kind == "b" or len(whole) < len(equation.operands) or all(hasattr(dtype_of(o), "kind") for o in whole)
        )
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
    known = isinstance(x, Value) and x.dtype.itemsize in (1, 2, 4, 8) and x.dtype != np.float16
    return known and x.spec.dtype.kind in accumulator.kinds


def is_product(equation: Equation) -> bool:
    """Whether an equation is a contraction that is emitted, or left to BLAS."""
    arrays = [o for o in equation.operands if isinstance(o, Value) or np.ndim(o.value)]
    dtypes = {str(array.spec.dtype) for array in (*arrays, equation.output)}
    plain = row_of(equation.primitive).contraction is not None and len(equation.operands) == len(arrays) == 2
    return plain and dtypes in ({"float32"}, {"float64"})


def is_matrices(equation: Equation) -> bool:
    """Whether an equation is an operation on small matrices that is written out in registers."""
    return row_of(equation.primitive).matrices is not None


def is_gather(equation: Equation) -> bool:
    """Whether an equation reads at places that numbers say."""
    return row_of(equation.primitive).indexed == "reads"


def is_scatter(equation: Equation) -> bool:
    """Whether an equation writes at places that numbers say; float16 is added up in float32, which loops do not."""
    return row_of(equation.primitive).indexed == "writes" and equation.output.dtype != np.float16


def is_assembled(equation: Equation) -> bool:
    """Whether an equation puts operands together, all of dtypes that loops know."""
    known = _in_loops(value.dtype for value in (*equation.values, equation.output))
    return row_of(equation.primitive).parts is not None and known


def is_running(equation: Equation) -> bool:
    """Whether an equation combines along an axis, of dtypes that loops know, and gives all that came in between."""
    if row_of(equation.primitive).running is None:
        return False
    dtypes = [value.dtype for value in (*equation.values, equation.output)]
    return _in_loops(dtypes) and dtypes[-1].itemsize in (4, 8) and dtypes[-1].kind != "c"
