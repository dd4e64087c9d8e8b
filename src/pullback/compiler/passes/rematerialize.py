"""Rematerialization: what the way back needs of the way forward is computed again where little is read for it.

A derivative needs what lay between: of gelu(x) = x Φ(x), both x and Φ(x), of which the second follows from the first.
To keep both takes memory, and the time to write and to read it, long after it has left the cache. So an elementwise
value that is large, and is used again behind products of matrices, is computed again there, if all that it follows from
is there as well: what is kept anyway, inputs, and what is small beside it. Nothing else is kept longer for it.

Source: Briggs, Cooper & Torczon, *Rematerialization* (1992), for registers; Chen, Xu, Zhang & Guestrin, *Training deep
nets with sublinear memory cost* (2016), for derivatives, where a user says what is computed again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, final

from pullback.compiler.facts import row_of
from pullback.compiler.passes.depths import AFAR, EVER, LARGE, Depths
from pullback.programs.program import Equation, Operand, Program, Value

WEIGHT: Final = 60  # instructions for an element at most: an error function, and what stands around it


def rematerialize(program: Program) -> Program:
    """The same program, with values computed again where that is less than to keep them."""
    return _Again(program).program()


@final
class _Again:
    """A program, and what is computed again in it."""

    def __init__(self, program: Program) -> None:
        self._program, self._depths = program, Depths(program, again=True)
        self._given: dict[tuple[Equation, Operand], float] = {}  # by reader and operand: the depth at which it is anew
        self._anew: dict[tuple[Operand, float], Value] = {}
        self._equations: list[Equation] = []

    def program(self) -> Program:
        """The program that computes again what is less than to keep."""
        for equation in self._program.equations:
            self._choose(equation)
        if not self._given:
            return self._program
        for equation in self._program.equations:
            operands = tuple(
                self._again(o, self._given[equation, o]) if (equation, o) in self._given else o
                for o in equation.operands
            )
            self._equations.append(equation.on(operands))
        return self._program.with_equations(self._equations)

    def _choose(self, equation: Equation) -> None:
        """See whether what an equation makes is computed again for its late uses, all of them."""
        depths, made = self._depths, equation.output
        if made.nbytes < LARGE or depths.kept.get(made) == EVER:
            return
        when = {user: depths.when[user.output] for user in depths.uses.get(made, ())}
        late = {user: depth for user, depth in when.items() if depth >= depths.made[made] + AFAR}
        if not 0 < len(late) < len(when) or not all(_reads_each_once(user, made) for user in late):
            return
        weight = self._weight(made, max(late.values()))
        if weight is not None and weight <= WEIGHT:
            self._given |= {(user, made): depth for user, depth in late.items()}
            depths.kept[made] = max(depth for user, depth in when.items() if user not in late)

    def _weight(self, value: Operand, depth: float) -> int | None:
        """How many instructions compute a value anew at a depth; None where what it follows from is not there."""
        equation = self._depths.maker.get(value)
        instructions = None if equation is None else row_of(equation.primitive).instructions
        if equation is None or instructions is None:
            return None
        weight = instructions.weight
        for operand in equation.operands:
            if not self._depths.is_there(operand, equation.output, depth):
                more = self._weight(operand, depth) if operand.spec.shape == equation.output.shape else None
                if more is None:
                    return None
                weight += more
        return weight

    def _again(self, value: Operand, depth: float) -> Value:
        """A value computed again for uses at a depth, from what is there; the equations are added."""
        if (value, depth) not in self._anew:
            equation = self._depths.maker[value]
            operands = tuple(
                o if self._depths.is_there(o, equation.output, depth) else self._again(o, depth)
                for o in equation.operands
            )
            made = self._anew[value, depth] = Value(equation.output.shape, equation.output.dtype)
            self._equations.append(replace(equation, operands=operands, output=made))
        return self._anew[value, depth]


def _reads_each_once(user: Equation, value: Value) -> bool:
    """Whether loops read as many elements as a value has: no product, and nothing that broadcasts it."""
    row = row_of(user.primitive)
    plain = row.instructions is not None and user.output.size == value.size
    return plain or row.accumulator is not None
