"""Depths: how late each value of a program is made and needed, and what is still in memory by then.

The *depth* of a value is the number of products, or of other things that loops do not fuse with, on the longest way to
it. So what is used much deeper than it was made is used by other loops, as the way back uses what the way forward made.
"""

from __future__ import annotations

from typing import Final, final

from pullback.compiler.facts import row_of
from pullback.core.outputs import pick_
from pullback.programs.program import Constant, Equation, Operand, Program, Value

AFAR: Final = 2  # products in between: behind the first it may be an operand of the next
LARGE: Final = 1 << 16  # bytes from which on it matters: what is smaller stays in the nearest caches
SMALL: Final = 8  # what is so many times smaller may be kept for what is computed from it
EVER: Final = float("inf")


@final
class Depths:
    """The depths of a program.

    Parameters
    ----------
    program : Program
        Whose values they are.
    again : bool
        What is needed early and late may be computed twice.

    Attributes
    ----------
    made : dict
        By value, its depth.
    kept : dict
        By value, the depth of its last use; EVER of inputs and outputs.
    maker, uses : dict
        By value, the equation that makes it, and those that read it.
    when : dict
        By value: the depth at which it is computed, if that is put off where no more has to be kept for it.
    """

    def __init__(self, program: Program, *, again: bool = False) -> None:
        self._again = again
        self.made: dict[Operand, int] = dict.fromkeys(program.inputs, 0)
        self.kept: dict[Operand, float] = {o: EVER for o in (*program.inputs, *program.outputs) if isinstance(o, Value)}
        self.maker: dict[Operand, Equation] = {}
        self.uses: dict[Operand, list[Equation]] = {}
        self.when: dict[Operand, float] = {}
        for equation in program.equations:
            depth = max((self.made[value] for value in equation.values), default=0) + _stands_between(equation)
            self.made[equation.output], self.maker[equation.output] = depth, equation
            for value in equation.values:
                self.uses.setdefault(value, []).append(equation)
        for equation in reversed(program.equations):
            self._keep(equation, self.made[equation.output])
        for equation in reversed(program.equations):
            output = equation.output
            self.when[output] = self._needed(output) if self._can_wait(equation) else self.made[output]
            self._keep(equation, self.when[output])

    def is_there(self, operand: Operand, made: Value, depth: float) -> bool:
        """Whether an operand can be read at a depth, for what is `made` of it, without being kept for that alone."""
        if isinstance(operand, Constant) or operand.size * SMALL <= made.size:
            return True
        return self.kept.get(operand, 0) >= depth

    def _keep(self, equation: Equation, depth: float) -> None:
        """Keep what an equation reads until it is computed; of what it only moves, until the result is read."""
        through = self.kept.get(equation.output, 0) if row_of(equation.primitive).places is not None else 0
        for value in equation.values:
            self.kept[value] = max(self.kept.get(value, 0), depth, through)

    def _needed(self, value: Value) -> float:
        """The depth of the first use."""
        return min((self.when[user.output] for user in self.uses.get(value, ())), default=EVER)

    def _can_wait(self, equation: Equation) -> bool:
        """Whether an equation may be computed much later than it could be: no more is kept for it than without it."""
        output = equation.output
        if row_of(equation.primitive).instructions is None or output.nbytes < LARGE or self.kept.get(output) == EVER:
            return False
        depth = self._needed(output)
        if not self.made[output] + AFAR <= depth < EVER:
            return False
        return sum(value.nbytes for value in self._missing(equation, depth)) <= output.nbytes

    def _missing(self, equation: Equation, depth: float) -> set[Value]:
        """What has to be kept until a depth for an equation alone, if what it reads can be computed then, too."""
        found = set[Value]()
        for operand in equation.operands:
            if isinstance(operand, Constant) or self.is_there(operand, equation.output, depth):
                continue
            maker = self.maker[operand]
            others = (user for user in self.uses[operand] if user is not equation)
            sooner = not self._again and any(self.when.get(user.output, 0) < depth for user in others)
            if row_of(maker.primitive).instructions is None or sooner:
                found.add(operand)
                continue
            behind = self._missing(maker, depth)
            found |= behind if sum(value.nbytes for value in behind) < operand.nbytes else {operand}
        return found


def _stands_between(equation: Equation) -> bool:
    """Whether loops before an equation and behind it are not the same."""
    row = row_of(equation.primitive)
    part = row.instructions, row.accumulator, row.places, row.parts, row.indexed
    return all(fact is None for fact in part) and equation.primitive is not pick_
