"""Hoisting: what a loop does without what it carries is done before it.

What is the same at all steps is computed once. A product of a matrix that is always the same with what is read step by
step, as that of a weight and the inputs, is one product for all steps: what it is made of is batched as `vmap` does.

Source: loop-invariant code motion, as in Aho, Lam, Sethi & Ullman, *Compilers* (2006), section 9.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Literal, TypeAlias, final

import numpy as np

from pullback.compiler.facts import row_of
from pullback.compiler.passes.lifting.stacks import Around, Writing, bytes_of, loop_equation
from pullback.core.errors import PullbackError
from pullback.core.modes import ModeContext
from pullback.core.opaque import Opaque
from pullback.core.outputs import pick_
from pullback.programs.loop import Read, Window, loop_
from pullback.programs.program import Constant, Equation, Operand, Program, Value
from pullback.programs.tracer import Tracer
from pullback.transforms.batching import vmap

Kind: TypeAlias = Literal["same", "moves", "carried"]

MOST: Final = 1 << 28  # bytes that products of all steps may take


def hoist(program: Program) -> Program:
    """The same program with work before its loops."""
    made: list[Equation] = []
    together: dict[Operand, Value] = {}  # of loops that became others
    for equation in program.equations:
        if equation.primitive is loop_:
            written = _Hoisting(equation).written()
            made += written
            if written[-1] is not equation:
                together[equation.output] = written[-1].output
        elif equation.primitive is pick_ and equation.operands[0] in together:
            made.append(equation.on((together[equation.operands[0]],)))
        else:
            made.append(equation)
    return program.with_equations(made) if together else program


@final
class _Hoisting:
    """One loop: of which kind each value of its body is, and what is done before it."""

    def __init__(self, equation: Equation) -> None:
        self._around = around = Around(equation)
        self._outside: dict[Value, Operand] = {}  # what a value that is always the same is before the loop
        self._kinds: dict[Operand, Kind] = dict.fromkeys(around.body.inputs, "carried")
        for value, (_, sources) in around.reads.items():
            if around.is_same(value):
                self._kinds[value], self._outside[value] = "same", sources[0]
            elif around.window(value) is not None:
                self._kinds[value] = "moves"
        _, _, conditions = around.loop.outputs
        for made in around.body.equations:
            self._kinds[made.output] = self._kind(made, held=made.output in conditions)

    def _kind(self, equation: Equation, *, held: bool) -> Kind:
        kinds = {self._kinds[value] for value in equation.values}
        if held or not kinds or isinstance(equation.primitive, Opaque) or "carried" in kinds:
            return "carried"
        if kinds == {"same"}:
            return "same"
        return "carried" if equation.output.dtype == object else "moves"

    def written(self) -> list[Equation]:
        """What is done before the loop, and the loop, the last of them; the same equation where nothing is."""
        around = self._around
        same = [e for e in around.body.equations if self._kinds[e.output] == "same"]
        products = self._products()
        writing = Writing(around.equation.line)
        for equation in same:
            operands = tuple(self._outside[o] if isinstance(o, Value) else o for o in equation.operands)
            output = self._outside[equation.output] = Value(equation.output.shape, equation.output.dtype)
            writing.made.append(replace(equation, operands=operands, output=output))
        batched = self._batched(products, writing)
        if not same and not batched:
            return [around.equation]
        gone = {equation.output for equation in same}
        reads = dict(around.reads)
        kept = [e for e in around.body.equations if e.output not in gone]
        used = {*(v for e in kept for v in e.values), *around.body.outputs}
        reads |= {e.output: (Read(), [self._outside[e.output]]) for e in same if e.output in used}
        for value, stack in batched.items():
            reads[value] = Read((Window(0, 0, 1),)), [stack]
            gone.add(value)
        kept = [e for e in kept if e.output not in gone]
        inputs = (*around.body.inputs[: around.loop.carried], *reads)
        body = replace(around.body, inputs=inputs, equations=tuple(kept)).verify()
        made = loop_equation(around, body, around.inits, [*reads.values()], around.loop.stacked)
        return [*writing.made, made]

    # Products of all steps.

    def _products(self) -> list[Equation]:
        """The products of what moves and what is the same, as far as there is room for those of all steps."""
        found, room = list[Equation](), MOST
        for equation in self._around.body.equations:
            if row_of(equation.primitive).contraction == "matrices" and len(equation.operands) == 2:
                kinds = sorted("same" if isinstance(o, Constant) else self._kinds[o] for o in equation.operands)
                size = self._around.loop.length * bytes_of(equation.output)
                if kinds == ["moves", "same"] and size <= room:
                    found.append(equation)
                    room -= size
        return found

    def _batched(self, products: Sequence[Equation], writing: Writing) -> dict[Value, Operand]:
        """The values of some equations of the body at all steps, stacked; nothing where that cannot be."""
        if not products:
            return {}
        around, wanted, needed = self._around, {e.output for e in products}, list[Equation]()
        inputs: dict[Value, None] = {}
        for equation in reversed(around.body.equations):
            if equation.output in wanted and self._kinds[equation.output] == "moves":
                needed.append(equation)
                wanted |= {*equation.values}
        made = {equation.output for equation in needed}
        for equation in reversed(needed):
            inputs |= dict.fromkeys(value for value in equation.values if value not in made)
        moves = [self._kinds[value] == "moves" for value in inputs]
        outside = []
        for value, moving in zip(inputs, moves, strict=True):
            found = around.window(value)
            assert found is not None or not moving
            outside.append(writing.along(found[1], found[0], around.loop.length) if found and moving else None)
        given = [self._outside[v] if x is None else x for v, x in zip(inputs, outside, strict=True)]
        body = Program((*inputs,), tuple(reversed(needed)), tuple(e.output for e in products), "batched")
        recording = _recorded(body, given, moves)
        if recording is None:
            return {}
        now: dict[Operand, Operand] = dict(zip(recording.inputs, given, strict=True))
        for step in recording.equations:
            output = now[step.output] = Value(step.output.shape, step.output.dtype)
            operands = tuple(now.get(operand, operand) for operand in step.operands)
            writing.made.append(replace(step, operands=operands, output=output, line=writing.line))
        return {e.output: now[o] for e, o in zip(products, recording.outputs, strict=True)}


def _recorded(body: Program, given: Sequence[Operand], moves: Sequence[bool]) -> Program | None:
    """A program for all steps: of the inputs that move, the stacks are given."""
    tracer = Tracer()

    def run(*tensors: Any) -> tuple[Any, ...]:
        values: dict[Operand, Any] = dict(zip(body.inputs, tensors, strict=True))
        for equation in body.equations:
            operands = [o.value if isinstance(o, Constant) else values[o] for o in equation.operands]
            values[equation.output] = equation.primitive(*operands, **equation.params)
        return tuple(values[output] for output in body.outputs)

    with ModeContext(trace=tracer, recording=False), np.errstate(all="ignore"):
        tensors = [tracer.argument(np.ones(x.spec.shape, x.spec.dtype), "") for x in given]
        try:
            result = vmap(run, in_axes=tuple(0 if moving else None for moving in moves))(*tensors)
        except PullbackError:
            return None  # something in it cannot be done for all steps at once
    made = tracer.finish(result, body.name).program
    shapes = [(output.spec.shape[1:], output.spec.dtype) for output in made.outputs]
    return made if shapes == [(o.spec.shape, o.spec.dtype) for o in body.outputs] else None
