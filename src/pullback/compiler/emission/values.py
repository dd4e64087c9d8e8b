"""Values: what an equation's operands are at a point of the loops, and what comes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, final

import numpy as np

from pullback.compiler.emission.elementwise import register_type, write
from pullback.compiler.emission.indexed import gathered
from pullback.compiler.emission.point import Buffers, Point, load
from pullback.compiler.facts.dtypes import computed_in, dtype_of
from pullback.compiler.instructions.llvm import Function, Reg
from pullback.compiler.instructions.vectors import element
from pullback.compiler.lowering.steps import Access, Step
from pullback.programs.program import Constant, Value

Recall: TypeAlias = Callable[[Value, Point, int], Reg | None]


@final
class Values:
    """Computes values on demand, each once at a point.

    Parameters
    ----------
    f : Function
        What is being written.
    buffers : Buffers
        Where memory is.
    steps : mapping
        By value, the step that computes it.
    recall : callable, optional
        Reads a value of an earlier stage back, where it is kept.
    """

    def __init__(
        self, f: Function, buffers: Buffers, steps: Mapping[Value, Step], recall: Recall = lambda *_: None
    ) -> None:  # fmt: skip
        self._f = f
        self._buffers = buffers
        self._steps = steps
        self._recall = recall

    def value(self, value: Value, point: Point, stage: int = 0) -> Reg:
        """A value at a point: known, read back, or computed."""
        found = point.find(value)
        if found is None:
            found = self._recall(value, point, stage)
        if found is None:
            step = self._steps[value]
            operands = [
                (self.operand(step, i, point, stage), dtype_at(step, i)) for i in range(step.gathers, len(step.reads))
            ]
            if step.gathers:
                found = gathered(self._buffers, step, self.numbers(step, operands, point), point)
            else:
                found = write(self._f, step.equation, operands)
        point.known[value] = found
        return found

    def numbers(self, step: Step, operands: Sequence[tuple[Reg, Any]], point: Point) -> list[Reg]:
        """The numbers that say where a step reads or writes: one for all lanes, where it is the same for all."""
        return [
            number if self._varies(read, point.vector) or not number.type.lanes else element(self._f, number, 0)
            for read, (number, _) in zip(step.reads[1:], operands, strict=True)
        ]

    def _varies(self, read: Access | Value | Constant, label: int | None) -> bool:
        """Whether what is read differs along a loop."""
        if isinstance(read, Value):
            return label in self._steps[read].result
        return isinstance(read, Access) and label in read.labels

    def operand(self, step: Step, number: int, point: Point, stage: int = 0) -> Reg:
        """An operand of a step."""
        read = step.reads[number]
        if isinstance(read, Access):
            return load(self._buffers, read, dtype_at(step, number), point)
        if isinstance(read, Constant):
            dtype = dtype_at(step, number)
            value = np.float16(read.value) if dtype == np.float16 else read.value
            return self._f.const(value, register_type(dtype, point.lanes))
        return self.value(read, point, stage)

    def read_ahead(self, point: Point, labels: frozenset[int]) -> None:
        """Read at a point what moves with none but these loops, so that loops inside need not."""
        for step in self._steps.values():
            for number, read in enumerate(step.reads):
                if isinstance(read, Access) and read.labels <= labels and not (step.gathers and number == 0):
                    load(self._buffers, read, dtype_at(step, number), point)


def dtype_at(step: Step, number: int) -> np.dtype[np.generic]:
    """The dtype of an operand; Python's numbers take that which the step computes with."""
    dtype = dtype_of(step.equation.operands[number])
    return dtype if isinstance(dtype, np.dtype) else computed_in(step.equation)
