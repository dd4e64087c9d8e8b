"""Loops: an equation that does a body, itself a program, so many times.

The first inputs of the body are *carried*: given at first from outside, then each what the body made of it in the step
before. All others are read: an operand as it is, a window of one that moves by a fixed step, or one operand a step.
What the body gives besides what it carries is stacked along a new first axis, or the last of it is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple, final

import numpy as np

from pullback.core.errors import GraphError
from pullback.core.graph import Node
from pullback.core.primitive import Primitive
from pullback.programs.identity import frozen
from pullback.programs.interpret import interpreter
from pullback.programs.program import Operand, Program, Value


class Window(NamedTuple):
    """What is read along an axis: `size` elements from `start + step · t` on; of size None one, and the axis goes."""

    axis: int
    start: int
    step: int
    size: int | None = None

    def at(self, t: int) -> Any:
        """The index at step t."""
        first = self.start + self.step * t
        return first if self.size is None else slice(first, first + self.size)


class Read(NamedTuple):
    """How an input of the body is had: an operand as it is, windows of it that move, or `each` step its own operand."""

    windows: tuple[Window, ...] = ()
    each: bool = False

    def at(self, operands: Sequence[Any], t: int) -> Any:
        """The array at step t."""
        if self.each:
            return operands[t]
        (array,) = operands
        if not self.windows:
            return array
        index: list[Any] = [slice(None)] * np.ndim(array)
        for window in self.windows:
            index[window.axis] = window.at(t)
        return np.asarray(array)[tuple(index)]

    def __repr__(self) -> str:
        if self.each:
            return "one a step"
        moves = (
            f"axis {w.axis} from {w.start} by {w.step}" + ("" if w.size is None else f", {w.size} wide")
            for w in self.windows
        )
        return " and ".join(moves) or "as it is"


@final
class Loop:
    """What a loop does.

    Parameters
    ----------
    body : Program
        Its inputs: what is carried, then what is read. Its outputs: what is carried on, then what is given; at last
        its conditions.
    length : int
        How many steps.
    carried : int
        How many values are carried.
    reads : sequence of Read
        For each other input of the body.
    stacked : sequence of bool
        For each other output: whether all of them are given, stacked, or the last.
    strand : bool
        It is one of several loops that threads run at once, so that its body is not shared among threads.
    """

    def __init__(
        self, body: Program, length: int, carried: int, reads: Sequence[Read], stacked: Sequence[bool],
        *, strand: bool = False,
    ) -> None:  # fmt: skip
        self.body = body
        self.length = length
        self.carried = carried
        self.reads = tuple(reads)
        self.stacked = tuple(stacked)
        self.strand = strand

    def __repr__(self) -> str:
        reads = "; ".join(
            f"{value!r} {read!r}" for value, read in zip(self.body.inputs[self.carried :], self.reads, strict=True)
        )
        given = ", ".join("all" if all_ else "last" for all_ in self.stacked)
        body = "\n".join(f"      {line}" for line in str(self.body).splitlines())
        return f"{self.length} steps, {self.carried} carried; {reads}; gives {given or 'nothing else'}\n{body}\n  "

    def parts(self, operands: Sequence[Any]) -> tuple[list[Any], list[Sequence[Any]]]:
        """The operands that are carried, and for each read those that it is of."""
        at, read = self.carried, []
        for how in self.reads:
            count = self.length if how.each else 1
            read.append(operands[at : at + count])
            at += count
        return list(operands[: self.carried]), read

    @property
    def outputs(self) -> tuple[Sequence[Operand], Sequence[Operand], Sequence[Operand]]:
        """What the body carries on, what else it gives, and its conditions."""
        outputs, end = self.body.outputs, len(self.body.outputs) - self.body.conditions
        return outputs[: self.carried], outputs[self.carried : end], outputs[end:]

    @property
    def starts(self) -> list[int]:
        """Where windows begin, one after the other."""
        return [window.start for read in self.reads for window in read.windows]

    def with_body(self, body: Program) -> Loop:
        """The same with another body."""
        return Loop(body, self.length, self.carried, self.reads, self.stacked, strand=self.strand)

    @cached_property
    def key(self) -> Any:
        """What is the same of loops that do the same, wherever windows begin."""
        names: dict[Operand, int] = {value: i for i, value in enumerate(self.body.inputs)}
        lines = []
        for equation in self.body.equations:
            operands = tuple(
                names[o] if isinstance(o, Value) else ("constant", frozen(o.value)) for o in equation.operands
            )
            params = tuple((n, x.key if isinstance(x, Loop) else frozen(x)) for n, x in equation.params.items())
            lines.append((id(equation.primitive), operands, params, equation.output.shape, equation.output.dtype))
            names[equation.output] = len(names)
        specs = tuple((value.shape, value.dtype) for value in self.body.inputs)
        given = tuple(names[o] if isinstance(o, Value) else frozen(o.value) for o in self.body.outputs)
        reads = tuple((read.each, *(window._replace(start=0) for window in read.windows)) for read in self.reads)
        return self.length, self.carried, reads, self.stacked, specs, tuple(lines), given

    @cached_property
    def _step(self) -> Any:
        return interpreter(self.body)

    def run(self, *operands: Any) -> tuple[Any, ...]:
        """Do it on NumPy: the last of what is carried, then what else is given."""
        carried, read = self.parts(operands)
        _, given, _ = self.outputs
        made: list[Any] = [
            np.empty((self.length, *o.spec.shape), o.spec.dtype) if all_ else None
            for o, all_ in zip(given, self.stacked, strict=True)
        ]
        for t in range(self.length):
            outputs = self._step([*carried, *(how.at(x, t) for how, x in zip(self.reads, read, strict=True))])
            carried = outputs[: self.carried]
            rest = outputs[self.carried :]
            if not all(rest[len(given) :]):
                raise ValueError("a condition of a loop's body does not hold")
            for i, all_ in enumerate(self.stacked):
                if all_:
                    made[i][t] = rest[i]
                else:
                    made[i] = rest[i]
        return (*carried, *made)


@final
class _LoopPrimitive(Primitive):
    """Programs alone have loops; a tape records their steps."""

    differentiable = False

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        raise GraphError("loop: a program is not differentiated", fix="differentiate the function, then compile it")

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        raise GraphError("loop: a program is not differentiated", fix="differentiate the function, then compile it")


loop_ = _LoopPrimitive("loop", lambda *operands, loop: loop.run(*operands), doc="A body, done so many times.")


def loops_in(program: Program) -> Iterator[Loop]:
    """The loops of a program, those in bodies too."""
    for equation in program.equations:
        if equation.primitive is loop_:
            yield equation.params["loop"]
            yield from loops_in(equation.params["loop"].body)


def operations_of(program: Program) -> int:
    """How many operations a program has, those in bodies counted once."""
    return len(program.equations) + sum(len(loop.body.equations) for loop in loops_in(program))
