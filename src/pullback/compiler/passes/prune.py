"""Dead code: equations whose values nothing uses are left out."""

from __future__ import annotations

from pullback.core.opaque import Opaque
from pullback.programs.program import Equation, Program, Value


def prune(program: Program) -> Program:
    """The same program without what does not matter; what draws random numbers stays, for the sake of later draws."""
    wanted = {output for output in program.outputs if isinstance(output, Value)}
    kept: list[Equation] = []
    for equation in reversed(program.equations):
        if equation.output in wanted or isinstance(equation.primitive, Opaque):
            kept.append(equation)
            wanted.update(equation.values)
    return program.with_equations(reversed(kept))
