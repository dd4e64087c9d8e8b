"""Common subexpressions: equations that say the same become one.

So the program of `sin(x) ** sin(x)` has one sine. Source: Cocke, *Global common subexpression elimination* (1970); on
SSA, as here, it is one pass with a table.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.opaque import Opaque
from pullback.programs.identity import frozen
from pullback.programs.program import Equation, Operand, Program, Value


def deduplicate(program: Program) -> Program:
    """The same program, each value computed once."""
    first: dict[Any, Value] = {}
    same: dict[Value, Value] = {}
    kept: list[Equation] = []
    for equation in program.equations:
        operands = tuple(same.get(o, o) if isinstance(o, Value) else o for o in equation.operands)
        if isinstance(equation.primitive, Opaque):  # drawing twice is not drawing once
            kept.append(equation.on(operands))
            continue
        key = (equation.primitive, equation.output.dtype, tuple(map(identity_of, operands)), said(equation.params))
        earlier = first.setdefault(key, equation.output)
        if earlier is not equation.output:
            same[equation.output] = earlier
        else:
            kept.append(equation.on(operands))
    outputs = [same.get(o, o) if isinstance(o, Value) else o for o in program.outputs]
    return program.with_equations(kept, outputs)


def identity_of(operand: Operand) -> Any:
    """What makes two operands the same: being the same value, or a constant of the same bits and dtype."""
    if isinstance(operand, Value):
        return operand
    value = operand.value
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype, value.shape, np.asarray(value).tobytes()
    if type(value) is int or (type(value) is float and value == value and value):  # neither NaN nor a zero
        return type(value), value
    return type(value), repr(value)


def said(params: dict[str, Any]) -> Any:
    """Parameters as something to compare; arrays whole, for their text leaves out what is in the middle."""
    return tuple((name, frozen(value)) for name, value in sorted(params.items()))
