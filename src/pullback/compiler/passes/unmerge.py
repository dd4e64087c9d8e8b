"""Unmerging: what is computed of merged axes is computed of the axes themselves, and merged afterwards.

Merging axes of what was moved is no matter of indices, and takes a copy. Elementwise operations and reductions over
merged axes do as well without; most merges are undone in the end, as those of the windows of a pooling layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import final

import numpy as np

from pullback.compiler.facts import row_of
from pullback.compiler.facts.places import Shape, merges
from pullback.ops.movement import reshape_
from pullback.programs.program import Constant, Equation, Operand, Program, Value


def unmerge(program: Program) -> Program:
    """The same program with merges of moved axes as late as can be."""
    unmerging = _Unmerging()
    for equation in program.equations:
        unmerging.take(equation)
    return program.with_equations(unmerging.equations, program.outputs) if unmerging.found else program


@final
class _Unmerging:
    """The equations so far, and what is known as merged.

    Attributes
    ----------
    finer : dict
        By value that merges axes of what was moved: the value with these axes apart, and which of them are merged.
    found : bool
        Whether anything changed.
    """

    def __init__(self) -> None:
        self.equations: list[Equation] = []
        self.finer: dict[Operand, tuple[Value, list[tuple[int, ...]]]] = {}
        self.found = False
        self._moved: set[Operand] = set()

    def take(self, equation: Equation) -> None:
        """Take in one equation, or what does the same with axes apart."""
        row = row_of(equation.primitive)
        if row.places is not None and len(equation.operands) == 1 and equation.primitive is not reshape_:
            self._moved.add(equation.output)
        merged = [operand for operand in equation.operands if operand in self.finer]
        if equation.primitive is reshape_:
            self._merge(equation)
        elif merged and row.instructions is not None:
            self._elementwise(equation, merged)
        elif merged and row.accumulator is not None:
            self._reduction(equation)
        else:
            self.equations.append(equation)

    def _merge(self, equation: Equation) -> None:
        self.equations.append(equation)
        (x,) = equation.operands
        if isinstance(x, Value) and x in self._moved:
            axes = merges(x.shape, equation.output.shape)
            if axes is not None and any(len(some) > 1 for some in axes):
                self.finer[equation.output] = x, axes

    def _elementwise(self, equation: Equation, merged: list[Operand]) -> None:
        output = equation.output
        first = next((o for o in merged if o.spec.shape == output.shape), None)
        if first is None:
            self.equations.append(equation)
            return
        value, axes = self.finer[first]
        apart = [self._apart(operand, value.shape, axes) for operand in equation.operands]
        self._finish(equation, tuple(apart), {}, value.shape, axes)

    def _apart(self, operand: Operand, shape: Shape, axes: list[tuple[int, ...]]) -> Operand:
        """An operand with its axes apart, where they are not of one element."""
        known = self.finer.get(operand)
        if known is not None and known[0].shape == shape and known[1] == axes:
            return known[0]
        own = operand.spec.shape if isinstance(operand, Value) else np.shape(operand.value)
        if not own:
            return operand
        some = axes[len(axes) - len(own) :]
        split = tuple(shape[i] if n != 1 else 1 for n, axis in zip(own, some, strict=True) for i in axis)
        if isinstance(operand, Constant):
            return Constant(np.reshape(operand.value, split))
        made = Value(split, operand.dtype)
        self.equations.append(Equation(reshape_, (operand,), {"shape": split}, made))
        return made

    def _reduction(self, equation: Equation) -> None:
        value, axes = self.finer[equation.operands[0]]
        over = equation.params["axis"]
        if equation.params["keepdims"]:
            self.equations.append(equation)
            return
        gone = range(len(axes)) if over is None else [axis % len(axes) for axis in over]
        left = [some for i, some in enumerate(axes) if i not in gone]
        shape = tuple(value.shape[i] for some in left for i in some)
        starts = accumulate((len(some) for some in left), initial=0)
        kept = [tuple(range(start, start + len(some))) for start, some in zip(starts, left, strict=False)]
        params = {"axis": None if over is None else tuple(i for axis in gone for i in axes[axis])}
        self._finish(equation, (value,), params, shape, kept)

    def _finish(
        self, equation: Equation, operands: tuple[Operand, ...], params: Mapping[str, object], shape: Shape,
        axes: list[tuple[int, ...]],
    ) -> None:  # fmt: skip
        """Compute with axes apart, and merge them again."""
        self.found = True
        made = Value(shape, equation.output.dtype)
        self.equations.append(
            Equation(equation.primitive, operands, {**equation.params, **params}, made, equation.line)
        )  # fmt: skip
        self.equations.append(
            Equation(reshape_, (made,), {"shape": equation.output.shape}, equation.output, equation.line)
        )
        if any(len(some) > 1 for some in axes):
            self.finer[equation.output] = made, axes
