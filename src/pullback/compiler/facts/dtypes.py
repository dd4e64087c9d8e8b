"""In which dtype an elementwise equation is computed, and what its operands are converted to before it is."""

from __future__ import annotations

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
