"""The batch stays in the cache: a chain of equations over many rows becomes a loop over blocks of rows.

Products with weights, what is computed at each row, and sums over all rows, forward and backward, are done for one
block of rows after the other. What lies in between is as large as a block and stays in the cache; each row is read from
memory once. The loop is cut into *strands*, which threads may run at once: how many there are follows from the sizes
alone, and so does the order of additions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, final

import numpy as np

from pullback.compiler.facts import row_of
from pullback.compiler.passes.rows import Rows, shape_of
from pullback.core.outputs import pick_
from pullback.ops.elementwise import identity
from pullback.ops.movement import concatenate_, permute_, reshape_
from pullback.programs.loop import Loop, Read, Window, loop_
from pullback.programs.program import Constant, Equation, Operand, Program, Value

MANY: Final = 512  # rows at least
MADE: Final = 1 << 18  # bytes of the matrices of a chain that are worth it: more than the first cache holds
KEPT: Final = 1 << 18  # bytes of what all blocks share at most: it stays in the second cache
BLOCK: Final = 3 << 15  # bytes of the matrices of a block, about
MOST: Final = 3 << 17  # the same, where less would be too few rows
FEW: Final = {False: 64, True: 16}  # rows of a product that are worth it; of many products at once
STRANDS: Final = (16, 8, 4, 2, 1)
STEPS: Final = 4  # of a strand at least


def block(program: Program) -> Program:
    """The same program with chains of equations over many rows as loops over blocks of them."""
    sizes = {value.shape[0] for value in program.inputs if value.ndim > 1 and value.shape[0] >= MANY}
    chains = (Rows.of(program, n) for n in sorted(sizes, reverse=True))
    fitting = ((rows, size) for rows in chains if (size := _size(rows)) is not None)
    return next((_Blocks(program, rows, size).program() for rows, size in fitting), program)


def _size(rows: Rows) -> int | None:
    """How many rows a block has; None where a chain is not worth it, or its rows cannot be cut evenly."""
    products = [e for e in rows.chain if row_of(e.primitive).contraction == "matrices"]
    cut = {o for e in products for o, axis in zip(e.operands, rows.used[e], strict=True) if axis is not None}
    cut |= {e.output for e in products if e.output not in rows.totals}
    kept, made = (sum(map(_bytes, operands)) for operands in (rows.shared, cut))
    if len(products) < 2 or not rows.totals or made < MADE or kept > KEPT:
        return None
    each, least = made // rows.n, FEW[all(e.output.ndim > 2 for e in products)]
    most = max(BLOCK // each, least)
    if most * each > MOST:
        return None
    sizes = [size for size in range(min(most, rows.n // STEPS), most // 4, -1) if rows.n % size == 0]
    return max(sizes, key=lambda size: (min(_strands(rows.n // size), 4), size), default=None)


def _strands(blocks: int) -> int:
    """How many strands so many blocks are cut into."""
    return next(s for s in STRANDS if s == 1 or (blocks % s == 0 and blocks // s >= STEPS))


def _bytes(operand: Operand) -> int:
    """Of an array."""
    dtype = np.result_type(operand.value) if isinstance(operand, Constant) else operand.dtype
    return math.prod(shape_of(operand)) * dtype.itemsize


@final
class _Blocks:
    """A program being written whose chain is a loop over blocks of so many rows."""

    def __init__(self, program: Program, rows: Rows, size: int) -> None:
        self._program, self._rows, self._size = program, rows, size
        count = rows.n // size
        self._strands = _strands(count)
        self._length = count // self._strands
        self._now: dict[tuple[Operand, int | None], Value] = {}  # in the body, by the axis along which it is cut
        self._reads: list[tuple[Operand, int | None]] = []
        self._firsts = [_first(e) for e in rows.chain if e.output in rows.totals]

    def program(self) -> Program:
        """All of it: what comes before the chain, its strands, and what comes after."""
        rows, body = self._rows, self._body()
        strands = [self._strand(number, body) for number in range(self._strands)]
        targets = [*rows.totals, *rows.wanted]
        loops = [equation for made, _ in strands for equation in made]
        given = zip(targets, *(made for _, made in strands), strict=True)
        after = [equation for target, *parts in given for equation in self._together(target, parts)]
        return self._program.with_equations((*rows.before, *self._firsts, *loops, *after, *rows.after))

    # One block.

    def _cut(self, operand: Operand, axis: int | None) -> tuple[int, ...]:
        """The shape of an operand's part in a block."""
        shape = shape_of(operand)
        return shape if axis is None else (*shape[:axis], self._size, *shape[axis + 1 :])

    def _operand(self, operand: Operand, axis: int | None) -> Operand:
        if isinstance(operand, Constant) and axis is None:
            return operand
        key = operand, axis
        if key not in self._now:
            self._now[key] = Value(self._cut(operand, axis), operand.spec.dtype)
            self._reads.append(key)
        return self._now[key]

    def _body(self) -> Program:
        """What is done with one block: the totals so far are carried."""
        rows, equations = self._rows, list[Equation]()
        carried = {e.output: Value(e.output.shape, e.output.dtype) for e in rows.chain if e.output in rows.totals}
        nexts: dict[Value, Value] = {}
        for equation in rows.chain:
            operands = tuple(self._operand(o, a) for o, a in zip(equation.operands, rows.used[equation], strict=True))
            total = rows.totals.get(equation.output)
            axis = None if total is not None else rows.axis_of(equation.output)
            made = Value(self._cut(equation.output, axis), equation.output.dtype)
            params = equation.params
            if axis is not None and "shape" in params:
                params = params | {"shape": made.shape}
            equations.append(replace(equation, operands=operands, params=params, output=made))
            if total is None:
                self._now[equation.output, axis] = made
            else:
                nexts[equation.output] = Value(made.shape, made.dtype)
                pair = carried[equation.output], made
                equations.append(Equation(total, pair, {}, nexts[equation.output], equation.line))
        others = [self._now[value, rows.axis_of(value)] for value in rows.wanted]
        inputs = (*carried.values(), *(self._now[key] for key in self._reads))
        return Program(inputs, tuple(equations), (*nexts.values(), *others), "block")

    # Strands.

    def _strand(self, number: int, body: Program) -> tuple[list[Equation], list[Value]]:
        """The loop over the blocks of one strand, and what it gives: totals, then rows."""
        rows, start = self._rows, number * self._length * self._size
        totals = [e for e in rows.chain if e.output in rows.totals]
        reads = [
            Read() if axis is None else Read((Window(axis, start, self._size, self._size),)) for _, axis in self._reads
        ]
        loop = Loop(body, self._length, len(totals), reads, [True] * len(rows.wanted), strand=True)
        line, together = rows.chain[0].line, Value((), np.dtype(object))
        operands = (*(e.output for e in self._firsts), *(operand for operand, _ in self._reads))
        equations, made = [Equation(loop_, operands, {"loop": loop}, together, line)], list[Value]()
        for index, output in enumerate(body.outputs):
            stacked = index >= len(totals)
            shape = (self._length, *output.spec.shape) if stacked else output.spec.shape
            made.append(Value(shape, np.dtype(output.spec.dtype)))
            equations.append(Equation(pick_, (together,), {"index": index}, made[-1], line))
        return equations, made

    def _together(self, target: Value, parts: Sequence[Value]) -> Iterator[Equation]:
        """What the strands gave as one."""
        rows = self._rows
        if target in rows.totals:
            yield from _combined(rows.totals[target], parts, target)
            return
        axis = rows.axis_of(target)
        whole = list[Value]()
        for part in parts:
            order = (*range(1, axis + 1), 0, *range(axis + 1, part.ndim))
            moved = Value(tuple(part.shape[a] for a in order), part.dtype)
            yield Equation(permute_, (part,), {"axes": order}, moved)
            shape = (*target.shape[:axis], self._length * self._size, *target.shape[axis + 1 :])
            whole.append(target if len(parts) == 1 else Value(shape, part.dtype))
            yield Equation(reshape_, (moved,), {"shape": shape}, whole[-1])
        if len(parts) > 1:
            yield Equation(concatenate_, tuple(whole), {"axis": axis}, target)


def _first(equation: Equation) -> Equation:
    """What a total begins with."""
    accumulator, output = row_of(equation.primitive).accumulator, equation.output
    nothing = 0 if accumulator is None else accumulator.start(output.dtype)
    whole = Constant(np.full(output.shape, nothing, output.dtype))
    return Equation(identity, (whole,), {}, Value(output.shape, output.dtype), equation.line)


def _combined(by: Any, parts: Sequence[Value], target: Value) -> Iterator[Equation]:
    """Several totals as one, the first with the second, then with the third, and so on."""
    total = parts[0]
    if len(parts) == 1:
        yield Equation(reshape_, (total,), {"shape": target.shape}, target)
    for number, part in enumerate(parts[1:], start=2):
        made = target if number == len(parts) else Value(target.shape, target.dtype)
        yield Equation(by, (total, part), {}, made)
        total = made
