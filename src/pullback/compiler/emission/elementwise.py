"""Writing elementwise equations: conversions between dtypes as NumPy casts, and the instructions of each primitive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pullback.compiler.facts import row_of
from pullback.compiler.facts.dtypes import computed_in, converted_to, out_of_range
from pullback.compiler.facts.row import Instructions
from pullback.compiler.instructions.llvm import SCALARS, Function, Reg, Type
from pullback.programs.program import Equation


def register_type(dtype: np.dtype[Any], lanes: int) -> Type:
    """How numbers of a dtype are held in registers: booleans as masks, those of half precision as float32."""
    scalar = "i1" if dtype.kind == "b" else SCALARS[str(dtype)]
    return Type("float" if scalar == "half" else scalar, lanes)


def rounded(f: Function, x: Reg, dtype: np.dtype[Any]) -> Reg:
    """A register as memory would give it back: of half precision, rounded to that."""
    return f.cast("fpext", f.cast("fptrunc", x, x.type.of("half")), x.type) if dtype == np.float16 else x


def converted(f: Function, x: Reg, source: np.dtype[Any], target: np.dtype[Any]) -> Reg:
    """A register of one dtype as another, as NumPy casts."""
    if source == target:
        return x
    if target == np.float16 and source.kind != "b":
        return rounded(f, converted(f, x, source, np.dtype(np.float32)), target)
    kind = register_type(target, x.type.lanes)
    if target.kind == "b":
        return f.compare("une" if x.type.floating else "ne", x, 0)
    if source.kind == "b":
        return f.cast("uitofp" if kind.floating else "zext", x, kind)
    if x.type.floating and kind.floating:
        return f.cast("fpext" if kind.bits > x.type.bits else "fptrunc", x, kind)
    if kind.floating:
        return f.cast("sitofp" if source.kind == "i" else "uitofp", x, kind)
    if x.type.floating:
        limit = f.const(2.0 ** (kind.bits - 1), x)
        inside = f.binary("and", f.compare("olt", x, limit), f.compare("oge", x, f.negative(limit)))
        return f.select(inside, f.cast("fptosi", x, kind), f.const(out_of_range(source, target), kind))
    if kind.bits == x.type.bits:
        return x
    return f.cast("trunc" if kind.bits < x.type.bits else "sext" if source.kind == "i" else "zext", x, kind)


def write(f: Function, equation: Equation, operands: Sequence[tuple[Reg, np.dtype[Any]]]) -> Reg:
    """Emit an equation on registers given with their dtypes; the result is of the dtype of its output."""
    row = row_of(equation.primitive).instructions
    assert row is not None
    if (
        row.takes == "operands"
        and computed_in(equation).kind == "f"
        and all(dtype.kind in "iu" for _, dtype in operands)
    ):
        return _compared(f, row, operands)
    given = [
        converted(f, x, source, target) for (x, source), target in zip(operands, converted_to(equation), strict=True)
    ]
    unsigned = computed_in(equation).kind == "u"
    if unsigned and row.unsigned is not None:
        return row.unsigned(f, *given)
    if not row.signed or not unsigned:
        made = row.write(f, *given)
        return made if row.takes == "choice" else rounded(f, made, equation.output.dtype)
    turned = row.write(f, *(_turned(f, x) for x in given))
    return _turned(f, turned) if equation.output.dtype.kind == "u" else turned


def _compared(f: Function, row: Instructions, operands: Sequence[tuple[Reg, np.dtype[Any]]]) -> Reg:
    """Whole numbers with a sign beside those without, compared exactly: as -1 and 0 are, where one is below 0."""
    signed = next(number for number, (_, dtype) in enumerate(operands) if dtype.kind == "i")
    wide = [converted(f, x, dtype, np.dtype(dtype.kind + "8")) for x, dtype in operands]
    far = [f.const(-int(number == signed), x) for number, x in enumerate(wide)]
    near = [_turned(f, x) for x in wide] if row.signed else wide
    return f.select(f.compare("slt", wide[signed], 0), row.write(f, *far), row.write(f, *near))


def _turned(f: Function, x: Reg) -> Reg:
    """A number without a sign as one with a sign, so that the order is the same; and back."""
    return f.binary("xor", x, -(2 ** (x.type.bits - 1)))
