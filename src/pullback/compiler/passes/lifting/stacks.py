"""Stacks: what a value of a loop's body is at all steps, as one array with the steps along its first axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, final

import numpy as np

from pullback.core.primitive import Primitive
from pullback.ops.indexing import get_
from pullback.ops.movement import permute_, reshape_
from pullback.programs.loop import Loop, Read, Window, loop_
from pullback.programs.program import Equation, Operand, Value


@final
class Writing:
    """Equations that are being written, one after the other, all of one line of the user's."""

    def __init__(self, line: str) -> None:
        self.made: list[Equation] = []
        self.line = line

    def apply(
        self, primitive: Primitive, operands: Sequence[Operand], shape: tuple[int, ...], dtype: Any,
        params: dict[str, Any],
    ) -> Value:  # fmt: skip
        """One more equation; gives its output."""
        output = Value(shape, dtype)
        self.made.append(Equation(primitive, tuple(operands), params, output, self.line))
        return output

    def reshaped(self, x: Operand, shape: tuple[int, ...]) -> Operand:
        """The same numbers in another shape."""
        return x if x.spec.shape == shape else self.apply(reshape_, (x,), shape, x.spec.dtype, {"shape": shape})

    def permuted(self, x: Operand, axes: tuple[int, ...]) -> Operand:
        """The same numbers with axes in another order."""
        if axes == tuple(range(len(axes))):
            return x
        return self.apply(permute_, (x,), tuple(x.spec.shape[a] for a in axes), x.spec.dtype, {"axes": axes})

    def moved(self, x: Operand, source: int, target: int) -> Operand:
        """The same numbers with one axis elsewhere."""
        order = [a for a in range(len(x.spec.shape)) if a != source]
        order.insert(target, source)
        return self.permuted(x, tuple(order))

    def along(self, operand: Operand, window: Window, length: int) -> Operand:
        """The elements that a window meets, with the steps along the first axis."""
        part = progression(window.start, window.step, length)
        shape, index = list(operand.spec.shape), [slice(None)] * window.axis + [part]
        if part != slice(0, shape[window.axis], 1):
            shape[window.axis] = length
            operand = self.apply(get_, (operand,), tuple(shape), operand.spec.dtype, {"index": tuple(index)})
        return self.moved(operand, window.axis, 0)

    def blocks(self, operand: Operand, window: Window, length: int) -> Operand:
        """The blocks that a window meets which moves by its own size, with the steps along the first axis."""
        size, axis, shape = window.size or 1, window.axis, operand.spec.shape
        low = window.start + min(0, window.step * (length - 1))
        if (low, size * length) != (0, shape[axis]):
            index = (*[slice(None)] * axis, slice(low, low + size * length))
            shape = (*shape[:axis], size * length, *shape[axis + 1 :])
            operand = self.apply(get_, (operand,), shape, operand.spec.dtype, {"index": index})
        operand = self.moved(self.reshaped(operand, (*shape[:axis], length, size, *shape[axis + 1 :])), axis, 0)
        if window.step > 0:
            return operand
        return self.apply(get_, (operand,), operand.spec.shape, operand.spec.dtype, {"index": (slice(None, None, -1),)})


def progression(start: int, step: int, length: int) -> slice:
    """The slice of the numbers start, start + step, and so on."""
    stop = start + step * length
    return slice(start, stop if stop >= 0 else None, step)


def only_window(how: Read) -> Window | None:
    """The window of what is read along one axis; None of all else."""
    if how.each or len(how.windows) != 1:
        return None
    (window,) = how.windows
    return window if window.step else None


def bytes_of(value: Operand) -> int:
    """How large a value is."""
    return math.prod(value.spec.shape) * int(np.dtype(value.spec.dtype).itemsize)


@final
class Around:
    """A loop's equation, and what stands around it: what its body reads from where, and who picks what it gives.

    Attributes
    ----------
    loop : Loop
        Its loop.
    body : Program
        Its body.
    inits : list of Operand
        What is carried at first.
    reads : dict
        By input of the body that is read: how, and from which operands.
    made : dict
        By value of the body, the equation that makes it.
    uses : dict
        How often each value of the body is used.
    """

    def __init__(self, equation: Equation) -> None:
        self.equation = equation
        self.loop: Loop = equation.params["loop"]
        self.body = self.loop.body
        self.inits, sources = self.loop.parts(equation.operands)
        given = zip(self.body.inputs[self.loop.carried :], self.loop.reads, sources, strict=True)
        self.reads: dict[Value, tuple[Read, Sequence[Operand]]] = {value: (how, xs) for value, how, xs in given}
        self.made = {made.output: made for made in self.body.equations}
        self.uses = self.body.uses()

    def is_same(self, value: Operand) -> bool:
        """Whether a value is the same at all steps, given from outside."""
        if not isinstance(value, Value):
            return True
        how, _ = self.reads.get(value, (Read(each=True), ()))
        return not how.windows and not how.each

    def window(self, value: Operand) -> tuple[Window, Operand] | None:
        """How an input of the body that is one element a step moves, and along which array; None of all else."""
        if not isinstance(value, Value) or value not in self.reads:
            return None
        how, sources = self.reads[value]
        window = only_window(how)
        return None if window is None or window.size is not None else (window, sources[0])

    def is_laid(self, value: Operand) -> bool:
        """Whether an input of the body is, at all steps, a part of an array, no element of which is read twice."""
        how, _ = self.reads.get(value, (Read(), ())) if isinstance(value, Value) else (Read(), ())
        window = only_window(how)
        return window is not None and window.size in (None, abs(window.step))

    def laid(self, writing: Writing, value: Value) -> Operand:
        """Such an input at all steps."""
        how, sources = self.reads[value]
        window = only_window(how)
        assert window is not None
        lay = writing.along if window.size is None else writing.blocks
        return lay(sources[0], window, self.loop.length)


def loop_equation(
    around: Around, body: Any, inits: Sequence[Operand], reads: Sequence[tuple[Read, Sequence[Operand]]],
    stacked: Sequence[bool],
) -> Equation:  # fmt: skip
    """The equation of a loop in place of another: of another body, and what it is given."""
    loop = Loop(body, around.loop.length, len(inits), [how for how, _ in reads], stacked)
    operands = (*inits, *(x for _, xs in reads for x in xs))
    return Equation(loop_, operands, {"loop": loop}, Value((), np.dtype(object)), around.equation.line)
