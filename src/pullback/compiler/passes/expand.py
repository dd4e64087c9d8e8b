"""Composite primitives, written out in the primitives that loops are made of.

A composite is what its kernel does: the kernel is recorded once for operands of these shapes and dtypes, and its
equations take the place of the one. What has no definition, and no loop of its own, runs as its NumPy kernel.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np

from pullback.compiler.facts import row_of
from pullback.compiler.facts.row import Definition
from pullback.compiler.passes.deduplicate import said
from pullback.core.modes import ModeContext
from pullback.core.outputs import pick_
from pullback.ops.elementwise import add
from pullback.ops.movement import reshape_
from pullback.programs.program import Constant, Equation, Operand, Program, Value
from pullback.programs.tracer import Tracer

KEPT: Final = 512  # recordings

_recordings: Final[dict[Hashable, Program | None]] = {}


def expand(program: Program) -> Program:
    """The same program with composites written out."""
    equations: list[Equation] = []
    conditions: list[Operand] = []
    renamed: dict[Value, Operand] = {}
    parts: dict[Operand, Sequence[Operand]] = {}  # of equations with several outputs
    whole = {o for e in program.equations if e.primitive is not pick_ for o in e.operands}.union(program.outputs)
    last: dict[Operand, int] = {}  # of these, the last that is used
    used = {o for e in program.equations for o in e.operands}.union(program.outputs)
    for e in program.equations:
        if e.primitive is pick_ and e.output in used:
            last[e.operands[0]] = max(last.get(e.operands[0], 0), e.params["index"])

    def now(operands: Sequence[Operand]) -> tuple[Operand, ...]:
        return tuple(renamed.get(o, o) if isinstance(o, Value) else o for o in operands)

    for given in program.equations:
        equation = given.on(now(given.operands))
        row, composite = row_of(equation.primitive), row_of(equation.primitive).definition
        output = equation.output
        if _is_view(equation) or (
            composite is not None
            and composite.outputs > 1
            and (output in whole or last.get(output, 0) >= composite.given)
        ):
            composite = None
        written = None if composite is None else written_out(equation, composite)
        if composite is not None and written is not None:
            equations += written.equations
            conditions += written.outputs[composite.given :]
            if composite.outputs > 1:
                parts[output] = written.outputs[: composite.given]
            else:
                renamed[output] = written.outputs[0]
        elif equation.primitive is pick_ and equation.operands[0] in parts:
            found, index = parts[equation.operands[0]], equation.params["index"]
            if index < len(found):  # else nothing uses it
                renamed[output] = found[index]
        elif row.contraction and len(equation.operands) == 3:
            equations += _without_sum(equation)
        elif row.accumulator is not None and equation.params["keepdims"]:
            equations += _without_kept_axes(equation)
        else:
            equations.append(equation)
    outputs = (*now(program.outputs), *conditions)
    return replace(program.with_equations(equations, outputs), conditions=program.conditions + len(conditions))


def _is_view(equation: Equation) -> bool:
    """Whether an equation moves elements, to places that are affine functions of where they were."""
    rule, (first, *others) = row_of(equation.primitive).places, equation.operands or (None,)
    if rule is None or others or not isinstance(first, Value):
        return False
    shape, result = first.shape, equation.output.shape
    return 0 in (*shape, *result) or rule(shape, result, equation.params) is not None


def _without_sum(equation: Equation) -> tuple[Equation, Equation]:
    """A product to which something is added, as two equations."""
    a, b, c = equation.operands
    product = Value(equation.output.shape, equation.output.dtype)
    first = Equation(equation.primitive, (a, b), equation.params, product, equation.line)
    return first, equation.by(add, (product, c))


def _without_kept_axes(equation: Equation) -> tuple[Equation, Equation]:
    """A reduction that keeps its axes as one that does not, and a reshape: so both are found to be the same."""
    axis, kept = equation.params["axis"], equation.output.shape
    reduced = Value(tuple(n for i, n in enumerate(kept) if axis is not None and i not in axis), equation.output.dtype)
    params = equation.params | {"keepdims": False}
    first = Equation(equation.primitive, equation.operands, params, reduced, equation.line)
    return first, Equation(reshape_, (reduced,), {"shape": kept}, equation.output, equation.line)


class Written(NamedTuple):
    """A composite as equations, and what they give: the value, or all values, then conditions."""

    equations: list[Equation]
    outputs: list[Operand]


def written_out(equation: Equation, definition: Definition) -> Written | None:
    """A composite on the operands of an equation; None where its kernel is left to NumPy."""
    values = [operand for operand in equation.operands if isinstance(operand, Value)]
    if not values or any(not v.size or v.dtype == np.float16 for v in values):
        return None  # of numbers, of nothing, and what is rounded in between: NumPy knows best
    given = [o if isinstance(o, Value) else o.value for o in equation.operands]  # Python's numbers, too, which are weak
    known = [(x.shape, x.dtype) if hasattr(x, "dtype") else (type(x), repr(x)) for x in given]
    key = equation.primitive, tuple(known), said(equation.params)
    held = {o for o in equation.operands if definition.exact and isinstance(o, Constant) and np.ndim(o.value)}
    if held:
        key = (*key, *(said({"": o.value}) for o in equation.operands if o in held))
    if key not in _recordings:
        if len(_recordings) >= KEPT:
            _recordings.clear()
        _recordings[key] = _recorded(equation, definition, given, [o in held for o in equation.operands])
    recording = _recordings[key]
    if recording is None:
        return None
    arrays = (o for o, x in zip(equation.operands, given, strict=True) if hasattr(x, "dtype") and o not in held)
    return inlined(recording, arrays, equation.line)


def inlined(recording: Program, arrays: Iterable[Operand], line: str) -> Written:
    """A recording on other arrays, as equations with values of their own."""
    now: dict[Operand, Operand] = dict(zip(recording.inputs, arrays, strict=True))
    made = []
    for step in recording.equations:
        now[step.output] = output = Value(step.output.shape, step.output.dtype)
        operands = tuple(now.get(operand, operand) for operand in step.operands)
        made.append(Equation(step.primitive, operands, step.params, output, line))
    return Written(made, [now.get(output, output) for output in recording.outputs])


def _recorded(equation: Equation, definition: Definition, given: Sequence[Any], held: Sequence[bool]) -> Program | None:
    """What the kernel of a composite does, or the formula in its place, on operands like those of an equation."""
    primitive, tracer = equation.primitive, Tracer()
    with ModeContext(trace=tracer, recording=False), np.errstate(all="ignore"):
        operands = [
            tracer.argument(np.ones(x.shape, x.dtype), "") if hasattr(x, "dtype") and not known else x
            for x, known in zip(given, held, strict=True)
        ]
        result = (definition.formula or primitive.kernel)(*operands, **equation.params)
    if result is NotImplemented:
        return None
    inner = tracer.finish(result, primitive.name).program
    values = inner.outputs[: definition.given]
    several = definition.outputs > 1  # whose shapes and dtypes the formula answers for
    same = all(isinstance(v, Value) and (several or v.spec == equation.output.spec) for v in values)
    again = any(s.primitive is primitive and said(s.params) == said(equation.params) for s in inner.equations)
    if not same or again or any(step.output.dtype == np.float16 for step in inner.equations):
        return None  # NumPy has its own idea of the dtype, its own function for it, or rounds it in between
    return expand(inner)
