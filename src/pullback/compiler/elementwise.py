"""Elementwise equations as instructions: whether one becomes some, in which dtype it is computed, and writing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pullback.compiler.facts import row_of
from pullback.compiler.llvm import SCALARS, Function, Reg, Type
from pullback.compiler.program import Constant, Equation, Operand


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


def _wanted(equation: Equation) -> list[np.dtype[Any]]:
    """What each operand of an elementwise equation is converted to."""
    row = row_of(equation.primitive).instructions
    wanted = [computed_in(equation)] * len(equation.operands)
    if row is not None and row.takes == "choice":
        wanted[0] = np.dtype(bool)
    return wanted


def has_row(equation: Equation) -> bool:
    """Whether an equation becomes instructions: it has some, and its dtypes are among those that they know."""
    row = row_of(equation.primitive).instructions
    if row is None or not equation.operands:
        return False
    dtypes = [np.result_type(dtype_of(o)) for o in equation.operands]
    if any(str(dtype) not in SCALARS or not dtype.isnative for dtype in (*dtypes, equation.output.dtype)):
        return False
    if any(a.kind == "f" and b.kind in "iu" for a, b in zip(dtypes, _wanted(equation), strict=True)):
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


def register_type(dtype: np.dtype[Any], lanes: int) -> Type:
    """How numbers of a dtype are held in registers: booleans as masks."""
    return Type("i1" if dtype.kind == "b" else SCALARS[str(dtype)], lanes)


def converted(f: Function, x: Reg, source: np.dtype[Any], target: np.dtype[Any]) -> Reg:
    """A register of one dtype as another, as NumPy casts."""
    if source == target:
        return x
    kind = register_type(target, x.type.lanes)
    if target.kind == "b":
        return f.compare("une" if x.type.floating else "ne", x, 0)
    if source.kind == "b":
        return f.cast("uitofp" if kind.floating else "zext", x, kind)
    if x.type.floating and kind.floating:
        return f.cast("fpext" if kind.bits > x.type.bits else "fptrunc", x, kind)
    if kind.floating:
        return f.cast("sitofp" if source.kind == "i" else "uitofp", x, kind)
    if kind.bits == x.type.bits:
        return x
    return f.cast("trunc" if kind.bits < x.type.bits else "sext" if source.kind == "i" else "zext", x, kind)


def write(f: Function, equation: Equation, operands: Sequence[tuple[Reg, np.dtype[Any]]]) -> Reg:
    """Emit an equation on registers given with their dtypes; the result is of the dtype of its output."""
    row = row_of(equation.primitive).instructions
    assert row is not None
    given = [converted(f, x, source, target) for (x, source), target in zip(operands, _wanted(equation), strict=True)]
    return row.write(f, *given)
