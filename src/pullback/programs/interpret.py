"""Running a program equation by equation on NumPy's kernels: all there is without llvmlite, and a check on the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from pullback.programs.program import Constant, Equation, Program, Value


def interpreter(program: Program) -> Callable[[Sequence[Any]], list[Any]]:
    """A function from the arrays of the inputs to those of the outputs; each array lives as long as it is needed."""
    places = {value: i for i, value in enumerate(program.inputs)}
    last: dict[Value, int] = {}
    for step, equation in enumerate(program.equations):
        places.setdefault(equation.output, len(places))
        for value in equation.values:
            last[value] = step
    for output in program.outputs:
        if isinstance(output, Value):
            last[output] = len(program.equations)
    steps = []
    for step, equation in enumerate(program.equations):
        operands = [(places[o], None) if isinstance(o, Value) else (-1, o.value) for o in equation.operands]
        done = [places[value] for value in {*equation.values, equation.output} if last.get(value, -1) <= step]
        steps.append((kernel_of(equation), operands, places[equation.output], done))
    outputs = [(-1, o.value) if isinstance(o, Constant) else (places[o], None) for o in program.outputs]
    count = len(places)

    def run(arrays: Sequence[Any]) -> list[Any]:
        values = [*arrays, *[None] * (count - len(arrays))]
        for kernel, operands, place, done in steps:
            values[place] = kernel(*[known if i < 0 else values[i] for i, known in operands])
            for i in done:
                values[i] = None
        return [known if i < 0 else values[i] for i, known in outputs]

    return run


def kernel_of(equation: Equation) -> Callable[..., Any]:
    """The function of arrays that computes an equation."""
    primitive = equation.primitive
    kernel = partial(primitive.kernel, **equation.params)
    return kernel if primitive.residual is None else lambda *operands: kernel(*operands)[0]
