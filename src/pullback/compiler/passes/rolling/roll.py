"""Rolling up: runs of equations that recur become loops, as if they had been written as such.

The steps of a Python loop are recorded one after the other. Here they are found again, forward and backward, and each
run becomes one equation whose body is one step. First and last steps that differ stay outside; loops within loops are
rolled up first.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any, Final, final

import numpy as np

from pullback.compiler.passes.prune import prune
from pullback.compiler.passes.rolling.bodies import Body, Family, Unfit
from pullback.compiler.passes.rolling.codes import Coded
from pullback.compiler.passes.rolling.columns import Along, Carried, Listed, Same, Segment, segments
from pullback.compiler.passes.rolling.joining import Slice, joined, pieces
from pullback.compiler.passes.rolling.periods import SAVED, runs
from pullback.core.opaque import Opaque
from pullback.core.outputs import pick_
from pullback.ops.indexing import get_
from pullback.programs.loop import Loop, loop_
from pullback.programs.program import Constant, Equation, Operand, Program, Value

ROUNDS: Final = 8  # loops within loops


def roll(program: Program) -> Program:
    """The same program with loops in place of what recurs."""
    if len(program.equations) <= SAVED:
        return program
    program = prune(program)
    for _ in range(ROUNDS):
        rolled = _once(program)
        if rolled is program:
            break
        program = prune(rolled)
    return program


def _once(program: Program) -> Program:
    """Roll up all that recurs, but nothing within what is rolled up."""
    coded, bodies = Coded(program), list[Body]()
    opaque = np.array([isinstance(e.primitive, Opaque) for e in program.equations])
    for run in runs(coded.signatures, coded.weights):
        if opaque[run.start : run.stop].any():
            continue  # draws stay in order
        for segment in filter(lambda segment: segment.sequential, segments(coded, run)):
            try:
                bodies.append(Body(coded, segment))
            except Unfit:
                continue
            _name_families(coded, segment)
    return _Rewriting(program, coded, bodies).program() if bodies else program


def _name_families(coded: Coded, segment: Segment) -> None:
    """Note that what a loop makes will be elements of its stacks; elements of what is outside stay what they are."""
    start, stop, period = segment.start, segment.stop, segment.period
    family = coded.family[start:stop]
    outside = _outside(coded, family, start)
    first = len(coded.families)
    coded.families += [(start + number, None, start + number) for number in range(period)]
    row, number = np.divmod(np.arange(stop - start), period)
    coded.family[start:stop] = np.where(outside, family, first + number)
    coded.place[start:stop] = np.where(outside, coded.place[start:stop], row)


def _outside(coded: Coded, family: Any, start: int) -> Any:
    """Which elements are of something that was there before."""
    owners = np.array([owner if index is not None else -1 for owner, index, _ in coded.families] or [-1])
    owner = np.where(family >= 0, owners[family], -1)
    return (owner >= 0) & ((owner < start) | (owner >= len(coded.equations)))


@final
class _Rewriting:
    """A program being written anew, with loops."""

    def __init__(self, program: Program, coded: Coded, bodies: list[Body]) -> None:
        self._program, self._coded, self._bodies = program, coded, bodies
        self._owner = np.full(len(coded.equations), -1)  # of each equation: the loop that it became part of
        for number, body in enumerate(bodies):
            self._owner[body.segment.start : body.segment.stop] = number
        self._whole: list[set[int]] = [set() for _ in bodies]  # what is stacked, by number of the equation in a row
        self._last: list[set[int]] = [set() for _ in bodies]
        found = ((i, pieces(coded, i)) for i in np.flatnonzero(self._owner < 0).tolist())
        self._joined = {number: parts for number, parts in found if parts is not None}
        self._made: dict[int, Operand] = {}
        self._stacks: dict[tuple[int, int], Value] = {}
        self._equations: list[Equation] = []

    def program(self) -> Program:
        """All of it."""
        self._ask()
        starts = {body.segment.start: number for number, body in enumerate(self._bodies)}
        count = len(self._coded.equations)
        at = 0
        while at < count:
            if at in starts:
                self._loop(starts[at])
                at = self._bodies[starts[at]].segment.stop
                continue
            equation = self._coded.equations[at]
            if at in self._joined:
                parts = [(self._part(piece), piece if isinstance(piece, Slice) else None) for piece in self._joined[at]]
                joined(equation, parts, self._equations)
            else:
                self._equations.append(equation.on(tuple(map(self._now, self._codes(at)))))
            at += 1
        codes = iter(self._coded.outputs.tolist())
        outputs = [self._now(next(codes)) if isinstance(o, Value) else o for o in self._program.outputs]
        return self._program.with_equations(self._equations, outputs).verify()

    # What is asked of the loops.

    def _ask(self) -> None:
        """Find out what is used outside of the loop that makes it."""
        coded = self._coded
        readers = np.repeat(self._owner, np.diff(coded.starts))
        joins = np.repeat(np.isin(np.arange(len(self._owner)), [*self._joined]), np.diff(coded.starts))
        asked = [coded.flat[(readers < 0) & ~joins], coded.outputs]
        for piece in chain.from_iterable(self._joined.values()):
            asked += self._ask_family(piece.family) if isinstance(piece, Slice) else [np.array([piece])]
        for body in self._bodies:
            for column in body.segment.columns:
                if isinstance(column, Carried):
                    asked.append(np.array(column.first))
                elif isinstance(column, Listed) and not column.constants:
                    asked.append(np.array(column.codes))
                elif isinstance(column, Same):
                    asked.append(np.array([column.code]))
                elif isinstance(column, Along):
                    asked += self._ask_family(column.family)
        codes = np.unique(np.concatenate(asked))
        codes = codes[codes < len(self._owner)]
        for code in codes[self._owner[codes] >= 0].tolist():
            self._ask_for(code)
        for last, whole in zip(self._last, self._whole, strict=True):
            last -= whole

    def _ask_family(self, family: int) -> list[Any]:
        """Ask for all of a family: for the stack of a loop, or the code of what its elements are of."""
        owner, index, _ = self._coded.families[family]
        if index is not None:
            return [np.array([owner])]
        which = self._owner[owner]
        self._whole[which].add(owner - self._bodies[which].segment.start)
        return []

    def _ask_for(self, code: int) -> None:
        """Note that a value is used outside of its loop."""
        if code >= len(self._owner) or self._owner[code] < 0:
            return
        if (owner := self._element(code)) is not None:
            self._ask_for(owner)
            return
        which, row, number = self._place(code)
        (self._last if row == self._bodies[which].segment.times - 1 else self._whole)[which].add(number)

    def _place(self, code: int) -> tuple[int, int, int]:
        """Where a value is made: in which loop, at which of its steps, and by which equation of a row."""
        which = int(self._owner[code])
        segment = self._bodies[which].segment
        return which, *divmod(code - segment.start, segment.period)

    def _element(self, code: int) -> int | None:
        """Of what outside of its loop a value is an element, if it is one."""
        owner, index, _ = self._coded.families[self._coded.family[code]]
        return None if index is None else owner

    # Writing.

    def _codes(self, number: int) -> list[int]:
        found: list[int] = self._coded.flat[self._coded.starts[number] : self._coded.starts[number + 1]].tolist()
        return found

    def _now(self, code: int) -> Operand:
        """An operand in the new program."""
        if code >= len(self._owner) or self._owner[code] < 0:
            return self._coded.operands[code]
        if code not in self._made:
            equation = self._coded.equations[code]
            if self._element(code) is not None:
                equation = equation.on(tuple(map(self._now, self._codes(code))))
            else:
                which, row, number = self._place(code)
                stack = self._stacks[which, number]
                equation = Equation(get_, (stack,), {"index": (row,)}, equation.output, equation.line)
            self._equations.append(equation)
            self._made[code] = equation.output
        return self._made[code]

    def _loop(self, which: int) -> None:
        """The equation of a loop, and those that pick its outputs."""
        body, coded = self._bodies[which], self._coded
        segment = body.segment
        finals = {number: body.final(number) for number in self._last[which]}
        lasts = sorted(number for number, at in finals.items() if at is None)
        stacks = sorted(self._whole[which])
        program = body.program([*stacks, *lasts])
        reads = [read for _, read, _ in body.read]
        loop = Loop(program, segment.times, len(body.carried), reads, [True] * len(stacks) + [False] * len(lasts))
        operands = [self._now(code) for _, code in body.carried]
        for _, _, source in body.read:
            operands += self._sources(source)
        line = coded.equations[segment.start].line
        together = Value((), np.dtype(object))
        self._equations.append(Equation(loop_, tuple(operands), {"loop": loop}, together, line))

        def picked(index: int, output: Value) -> Value:
            self._equations.append(Equation(pick_, (together,), {"index": index}, output, line))
            return output

        start = segment.stop - segment.period
        for number, at in finals.items():
            index = at if at is not None else len(body.carried) + len(stacks) + lasts.index(number)
            output = coded.equations[start + number].output
            self._made[start + number] = picked(index, output)
        for i, number in enumerate(stacks):
            like = coded.equations[start + number].output
            stack = Value((segment.times, *like.shape), like.dtype)
            self._stacks[which, number] = picked(len(body.carried) + i, stack)

    def _part(self, piece: Slice | int) -> Operand:
        return self._all_of(piece.family) if isinstance(piece, Slice) else self._now(piece)

    def _all_of(self, family: int) -> Operand:
        """What the elements of a family are of."""
        owner, index, _ = self._coded.families[family]
        if index is not None:
            return self._now(owner)
        which = int(self._owner[owner])
        return self._stacks[which, owner - self._bodies[which].segment.start]

    def _sources(self, source: Any) -> Iterable[Operand]:
        """The operands that a body reads one of its inputs from."""
        if isinstance(source, Family):
            return [self._all_of(source.number)]
        if isinstance(source, Constant):
            return [source]
        return map(self._now, source if isinstance(source, tuple) else (source,))
