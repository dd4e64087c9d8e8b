"""In which dtype an elementwise equation is computed, and what its operands are converted to before it is."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from pullback.compiler.facts import row_of
from pullback.programs.program import Constant, Equation, Operand


def dtype_of(operand: Operand) -> Any:
    """The dtype of an operand, or Python's number itself, which has none of its own."""
    if not isinstance(operand, Constant):
        return operand.dtype
    value = operand.value
    return value.dtype if hasattr(value, "dtype") else value


def computed_in(equation: Equation) -> np.dtype[Any]:
    """The dtype that an elementwise equation is computed with."""
    row = row_of(equation.primitive).instructions
    assert row is not None
    if row.takes == "truth":
        return np.dtype(bool)
    if row.takes == "operands":
        return np.result_type(*map(dtype_of, equation.operands))
    return equation.output.dtype


def converted_to(equation: Equation) -> list[np.dtype[Any]]:
    """What each operand of an elementwise equation is converted to."""
    row = row_of(equation.primitive).instructions
    wanted = [computed_in(equation)] * len(equation.operands)
    if row is not None and row.takes == "choice":
        wanted[0] = np.dtype(bool)
    return wanted


@cache
def out_of_range(source: np.dtype[Any], target: np.dtype[Any]) -> int | None:
    """The whole number that NumPy makes of NaN and of all that is too large here; None if there are several."""
    if target.kind != "i" or target.itemsize < 4:
        return None
    limit = 2.0 ** (8 * target.itemsize - 1)
    with np.errstate(invalid="ignore", over="ignore"):
        found = np.array([np.nan, np.inf, -np.inf, limit, -2 * limit] * 16, source).astype(target)
    return int(found[0]) if (found == found[0]).all() else None
