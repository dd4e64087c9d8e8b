"""Recordings of one function for several lengths of its open axes, compared: one program, and what differs in it.

Equations, operands and their order must be the same in all of them. What differs then are numbers and shapes, of which
`sizes` finds how they depend on the open lengths; anything else is an error with the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, final

import numpy as np

from pullback.core.errors import TraceError
from pullback.interop.onnx.sizes import Lengths, Size, array_of_all, found, number_of_all, shape_of_all
from pullback.programs.loop import Loop, Read, Window
from pullback.programs.program import Constant, Equation, Operand, Program, Value


@final
class Agreement:
    """What several programs have in common, and how they differ; the first of them stands for all.

    Parameters
    ----------
    programs : sequence of Program
        Recordings of one function.
    lengths : sequence of mappings
        For each, the lengths of its open axes.

    Raises
    ------
    TraceError
        If they do not do the same; with the line.
    """

    def __init__(self, programs: Sequence[Program], lengths: Sequence[Lengths]) -> None:
        self.program = programs[0]
        self._lengths = lengths
        self._values: dict[Value, Sequence[Value]] = {}
        self._equations: dict[Equation, Sequence[Equation]] = {}
        self._constants: dict[int, tuple[Constant, Sequence[Constant]]] = {}  # by the id of the first
        self._walk(programs)

    def shape(self, operand: Operand) -> tuple[Any, ...]:
        """The shape of an operand, with sizes where it is open."""
        if isinstance(operand, Constant):
            return tuple(np.shape(operand.value)) if operand not in self else self._held_shape(operand)
        return tuple(found(n, self._lengths) for n in zip(*(v.shape for v in self._values[operand]), strict=True))

    def __contains__(self, constant: Constant) -> bool:
        return id(constant) in self._constants

    def _held_shape(self, constant: Constant) -> tuple[Any, ...]:
        shapes = [np.shape(c.value) for c in self._constants[id(constant)][1]]
        return shape_of_all(shapes, self._lengths) or ()

    def params(self, equation: Equation) -> dict[str, Any]:
        """The parameters of an equation, with sizes where they differ."""
        many = self._equations[equation]
        return {name: self._merged([e.params[name] for e in many], equation.line) for name in equation.params}

    def constant(self, constant: Constant, line: str) -> Any:
        """The number or array that a constant is, or how it depends on open lengths."""
        values = [c.value for c in self._constants.get(id(constant), (constant, (constant,)))[1]]
        return self._merged(values, line)

    def _walk(self, programs: Sequence[Program]) -> None:
        first = programs[0]
        for program in programs[1:]:
            if len(program.inputs) != len(first.inputs) or len(program.outputs) != len(first.outputs):
                self._refuse("", "inputs and results", "others")
        for values in zip(*(p.inputs for p in programs), strict=True):
            self._values[values[0]] = values
        steps = [p.equations for p in programs]
        for equations in zip(*steps, strict=False):
            self._step(equations)
        if len({len(listed) for listed in steps}) > 1:
            longest = max(steps, key=len)
            line = longest[min(map(len, steps))].line
            self._refuse(line, *(f"{len(listed)} operations" for listed in (steps[0], longest)))
        for outputs in zip(*(p.outputs for p in programs), strict=True):
            self._same(outputs, "")

    def _step(self, equations: Sequence[Equation]) -> None:
        first = equations[0]
        for other in equations[1:]:
            if other.primitive is not first.primitive or len(other.operands) != len(first.operands):
                self._refuse(first.line, first.primitive.name, other.primitive.name)
        for operands in zip(*(e.operands for e in equations), strict=True):
            self._same(operands, first.line)
        values = [e.output for e in equations]
        if len({(v.ndim, v.dtype) for v in values}) > 1:
            self._refuse(first.line, values[0].spec, values[-1].spec)
        self._values[first.output] = values
        self._equations[first] = equations
        loops = [p for p in first.params.values() if isinstance(p, Loop)]
        if loops:
            self._walk([e.params["loop"].body for e in equations])

    def _same(self, operands: Sequence[Operand], line: str) -> None:
        first = operands[0]
        for position, other in enumerate(operands):
            if isinstance(first, Constant) and isinstance(other, Constant):
                continue
            known = self._values.get(first) if isinstance(first, Value) else None
            if known is None or known[position] is not other:
                self._refuse(line, first, other)
        if isinstance(first, Constant):
            self._constants[id(first)] = first, [o for o in operands if isinstance(o, Constant)]

    def _merged(self, values: Sequence[Any], line: str) -> Any:
        first = values[0]
        if all(value is first for value in values):
            return first
        if isinstance(first, Loop):
            return self._loop(values, line)
        if len({type(value) for value in values}) > 1:
            self._refuse(line, first, values[-1])
        if isinstance(first, Window):
            return Window(*(self._merged(parts, line) for parts in zip(*values, strict=True)))
        if isinstance(first, Read):
            return Read(self._merged([v.windows for v in values], line), first.each)
        if isinstance(first, tuple):
            if len({len(value) for value in values}) > 1:
                self._refuse(line, first, values[-1])
            return tuple(self._merged(parts, line) for parts in zip(*values, strict=True))
        if isinstance(first, slice):
            return slice(
                *(self._merged([getattr(v, part) for v in values], line) for part in ("start", "stop", "step"))
            )
        if isinstance(first, np.ndarray) and first.ndim:
            made = array_of_all(values, self._lengths)
        elif isinstance(first, (bool, np.bool_)):
            made = first if len(set(map(bool, values))) == 1 else None
        elif isinstance(first, (int, np.integer)):
            made = found([int(v) for v in values], self._lengths) if type(first) is int else None
            made = number_of_all([int(v) for v in values], self._lengths) if made is None else made
        elif isinstance(first, (float, np.floating)) or (isinstance(first, np.ndarray) and first.dtype.kind in "iuf"):
            made = number_of_all([float(v) for v in values], self._lengths)
            made = first if made is not None and isinstance(made, float) else made
        else:
            made = first if all(value == first for value in values) else None
        if made is None:
            self._refuse(line, first, values[-1])
        return made

    def _loop(self, loops: Sequence[Loop], line: str) -> Loop:
        """The first of several loops; how many steps they do, and where they read, with sizes where these differ."""
        first = loops[0]
        for other in loops[1:]:
            if (other.carried, other.stacked, len(other.reads)) != (first.carried, first.stacked, len(first.reads)):
                self._refuse(line, first, other)
        length: Any = self._merged([loop.length for loop in loops], line)
        reads = [self._merged([loop.reads[i] for loop in loops], line) for i in range(len(first.reads))]
        return Loop(first.body, length, first.carried, reads, first.stacked)

    def _refuse(self, line: str, one: Any, other: Any) -> NoReturn:
        raise TraceError(
            "to_onnx: the function was recorded several times, and did not do the same", line=line or None,
            once=_short(one), again=_short(other), lengths=" and ".join(
                ", ".join(f"{name} = {n}" for name, n in at.items()) for at in (self._lengths[0], self._lengths[-1])
            ) or None,
            fix="what changes from call to call belongs into an argument"
            if not self._lengths[0] else "compute it from the argument's shape, or export one length: dynamic=None",
        )  # fmt: skip


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.ndim:
        return f"{value.dtype} array {value.shape}"
    text = repr(value)
    return text if len(text) < 80 else f"{text[:77]}..."


def is_open(numbers: Any) -> bool:
    """Whether a size, or one of some numbers, depends on open lengths."""
    return isinstance(numbers, Size) or (isinstance(numbers, tuple) and any(map(is_open, numbers)))
