"""Dead code: equations whose values nothing uses are left out, and what loops carry, read and give for nothing."""

from __future__ import annotations

from dataclasses import replace

from pullback.compiler.passes.lifting.trim import trimmed
from pullback.core.opaque import Opaque
from pullback.core.outputs import pick_
from pullback.programs.loop import loop_
from pullback.programs.program import Equation, Operand, Program, Value


def prune(program: Program) -> Program:
    """The same program without what does not matter; what draws random numbers stays, for the sake of later draws."""
    wanted = {output for output in program.outputs if isinstance(output, Value)}
    picks: dict[Operand, list[int]] = {}  # by what has several outputs: where those that pick one are among the kept
    kept: list[Equation] = []
    for equation in reversed(program.equations):
        if equation.output not in wanted and not isinstance(equation.primitive, Opaque):
            continue
        if equation.primitive is pick_:
            picks.setdefault(equation.operands[0], []).append(len(kept))
        elif equation.primitive is loop_:
            places = picks.get(equation.output, [])
            whole = equation
            equation, index = trimmed(whole, {kept[place].params["index"] for place in places})
            if equation is not whole:
                for place in places:
                    params = {"index": index[kept[place].params["index"]]}
                    kept[place] = replace(kept[place], operands=(equation.output,), params=params)
        kept.append(equation)
        wanted.update(equation.values)
    return program.with_equations(reversed(kept))
