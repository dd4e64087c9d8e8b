"""Simplification: what does nothing goes, what is constant is computed, views of views become one.

What an equation becomes is a fact of its primitive, from `facts/algebra.py`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from pullback.compiler.facts import row_of
from pullback.compiler.facts.algebra import Maker
from pullback.core.opaque import Opaque
from pullback.programs.program import Constant, Equation, Operand, Program, Value

FOLDED_SIZE: Final = 4096  # constants up to this many elements, or the size of what they are made of, are computed once


def simplify(program: Program) -> Program:
    """The same program with less to do."""
    becomes: dict[Value, Operand] = {}
    made: Maker = {}
    kept: list[Equation] = []
    for equation in program.equations:
        now: Operand | Equation = equation.on(
            tuple(becomes.get(o, o) if isinstance(o, Value) else o for o in equation.operands)
        )
        while isinstance(now, Equation):
            rule = row_of(now.primitive).algebra
            outcome = _folded(now) or (rule(now, made) if rule is not None else None)
            if outcome is None:
                break
            if isinstance(outcome, tuple):
                first, outcome = outcome
                kept.append(first)
                made[first.output] = first
            now = outcome
        if isinstance(now, Equation):
            kept.append(now)
            made[now.output] = now
        else:
            becomes[equation.output] = now
    return program.with_equations(kept, [becomes.get(o, o) if isinstance(o, Value) else o for o in program.outputs])


def _folded(equation: Equation) -> Constant | None:
    """The value of an equation of constants."""
    primitive = equation.primitive
    given = (np.size(operand.value) for operand in equation.operands if isinstance(operand, Constant))
    small = equation.output.size <= max((FOLDED_SIZE, *given)) and equation.output.dtype != object
    if isinstance(primitive, Opaque) or not equation.operands or not small:
        return None
    if not all(isinstance(operand, Constant) for operand in equation.operands):
        return None
    with np.errstate(all="ignore"):
        value = primitive.bind(*(o.value for o in equation.operands if isinstance(o, Constant)), **equation.params)
    return Constant(value)
