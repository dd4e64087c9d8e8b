"""Rows: which equations of a program can be done for some rows of a batch at a time, and along which axis these lie."""

from __future__ import annotations

import math
from typing import Final, TypeAlias, final

import numpy as np

from pullback.compiler.facts import row_of
from pullback.compiler.facts.places import Movement, Params, Shape
from pullback.core.primitive import Primitive
from pullback.ops import elementwise, reductions
from pullback.ops.movement import broadcast_to_, reshape_
from pullback.programs.program import Constant, Equation, Operand, Program, Value

Cut: TypeAlias = tuple[int | None, list[int | None]]  # the axis of a result, None of a total, and those of operands
TOTALS: Final = {
    reductions.sum_: elementwise.add,
    reductions.prod_: elementwise.multiply,
    reductions.max_: elementwise.maximum,
    reductions.min_: elementwise.minimum,
    reductions.any_: elementwise.logical_or,
    reductions.all_: elementwise.logical_and,
}  # what combines the totals of two parts


def shape_of(operand: Operand) -> tuple[int, ...]:
    """The shape of an operand."""
    return np.shape(operand.value) if isinstance(operand, Constant) else operand.shape


@final
class Rows:
    """A chain of equations over n rows.

    Attributes
    ----------
    n : int
        How many rows there are.
    chain : list of Equation
        Those that can be done for some rows at a time, in order.
    before, after : list of Equation
        Those that the chain may need, and those that may need it.
    axes : dict
        By operand and axis: what is cut along that axis.
    used : dict
        By equation of the chain: the axis along which each operand is cut, None of what is needed as it is.
    totals : dict
        By value that is added up over the rows: what combines two totals.
    wanted : list of Value
        What the chain makes for each row and others need.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self.chain: list[Equation] = []
        self.before: list[Equation] = []
        self.after: list[Equation] = []
        self.axes: dict[tuple[Operand, int], None] = {}
        self.used: dict[Equation, list[int | None]] = {}
        self.totals: dict[Value, Primitive] = {}
        self.wanted: list[Value] = []
        self._made: dict[Value, int] = {}  # by the chain
        self._late: set[Value] = set()

    @classmethod
    def of(cls, program: Program, n: int) -> Rows:
        """Find the chain of a program that begins with its inputs of n rows."""
        rows = cls(n)
        given = {value: 0 for value in program.inputs if value.ndim > 1 and value.shape[0] == n}
        for equation in program.equations:
            rows._take(equation, given)
        needed = {value for equation in rows.after for value in equation.values}
        needed |= {output for output in program.outputs if isinstance(output, Value)}
        rows.wanted = [value for value in rows._made if value in needed]
        return rows

    @property
    def shared(self) -> list[Operand]:
        """What all rows need as it is."""
        pairs = (pair for e in self.chain for pair in zip(e.operands, self.used[e], strict=True))
        return list(dict.fromkeys(operand for operand, axis in pairs if axis is None))

    def axis_of(self, value: Value) -> int:
        """Along which axis of a value of the chain the rows lie."""
        return self._made[value]

    def _take(self, equation: Equation, given: dict[Value, int]) -> None:
        if any(value in self._late for value in equation.values):
            self.after.append(equation)
            self._late.add(equation.output)
            return
        axes = [self._made.get(o, given.get(o)) if isinstance(o, Value) else None for o in equation.operands]
        if all(axis is None for axis in axes) and equation.primitive is not broadcast_to_:
            self.before.append(equation)
            return
        found = self._found(equation, axes)
        if found is None:
            part = any(value in self._made for value in equation.values)
            (self.after if part else self.before).append(equation)
            self._late |= {equation.output} if part else set()
            return
        axis, used = found
        self.chain.append(equation)
        self.used[equation] = used
        self.axes |= {(o, a): None for o, a in zip(equation.operands, used, strict=True) if a is not None}
        if axis is None:
            self.totals[equation.output] = TOTALS.get(equation.primitive, elementwise.add)
            self._late.add(equation.output)
        else:
            self._made[equation.output] = axis
            self.axes[equation.output, axis] = None

    # How an equation is done for some rows.

    def _found(self, equation: Equation, axes: list[int | None]) -> Cut | None:
        row = row_of(equation.primitive)
        if 0 in equation.output.shape or not equation.operands:
            return None
        if row.instructions is not None:
            return self._elementwise(equation, axes)
        if row.accumulator is not None:
            return self._reduced(equation, axes[0])
        if row.contraction == "matrices" and len(equation.operands) == 2:
            return self._product(equation, axes)
        if row.places is not None and len(equation.operands) == 1:
            return self._moved(equation, axes[0])
        return None

    def _elementwise(self, equation: Equation, axes: list[int | None]) -> Cut | None:
        ndim = equation.output.ndim
        along = {a + ndim - len(shape_of(o)) for o, a in zip(equation.operands, axes, strict=True) if a is not None}
        if len(along) != 1 or equation.output.shape[axis := along.pop()] != self.n:
            return None
        used: list[int | None] = []
        for operand in equation.operands:
            shape = shape_of(operand)
            own = axis - (ndim - len(shape))
            used.append(own if own >= 0 and shape[own] == self.n else None)
        return (axis, used) if self._agree(equation, axes, used) else None

    def _agree(self, equation: Equation, axes: list[int | None], used: list[int | None]) -> bool:
        """Whether what the chain makes is cut as it is made."""
        made = [isinstance(o, Value) and o in self._made for o in equation.operands]
        return all(a == u for a, u, inside in zip(axes, used, made, strict=True) if inside)

    def _reduced(self, equation: Equation, axis: int | None) -> Cut | None:
        reduced, kept = equation.params["axis"], equation.params["keepdims"]
        if axis is None or (kept and reduced is not None and axis in reduced) or (kept and reduced is None):
            return None
        if reduced is None or axis in reduced:
            return (None, [axis]) if equation.primitive in TOTALS else None
        return (axis if kept else axis - sum(a < axis for a in reduced)), [axis]

    def _product(self, equation: Equation, axes: list[int | None]) -> Cut | None:
        (a, b), ndim = (shape_of(o) for o in equation.operands), equation.output.ndim
        ta, tb = equation.params["ta"], equation.params["tb"]
        if len(a) < 2 or len(b) < 2:
            return None
        row, inner = (len(a) - 1, len(a) - 2) if ta else (len(a) - 2, len(a) - 1)
        other, column = (len(b) - 1, len(b) - 2) if tb else (len(b) - 2, len(b) - 1)
        ways: tuple[Cut, ...] = ((None, [inner, other]), (ndim - 2, [row, None]), (ndim - 1, [None, column]))
        for axis, used in ways:
            sized = all(u is None or s[u] == self.n for s, u in zip((a, b), used, strict=True))
            told = all(x is None or x == u for x, u in zip(axes, used, strict=True))
            if sized and told and self._agree(equation, axes, used):
                return axis, used
        return self._products(equation, axes, a, b)

    def _products(
        self, equation: Equation, axes: list[int | None], a: tuple[int, ...], b: tuple[int, ...]
    ) -> Cut | None:
        """Many products, one or several for each row."""
        ndim = equation.output.ndim
        along = {x + ndim - len(s) for x, s in zip(axes, (a, b), strict=True) if x is not None}
        if len(along) != 1 or (axis := along.pop()) >= ndim - 2 or equation.output.shape[axis] != self.n:
            return None
        own = [axis - (ndim - len(s)) for s in (a, b)]
        used = [x if x >= 0 and s[x] == self.n else None for x, s in zip(own, (a, b), strict=True)]
        return (axis, used) if self._agree(equation, axes, used) else None

    def _moved(self, equation: Equation, axis: int | None) -> Cut | None:
        shape, result = shape_of(equation.operands[0]), equation.output.shape
        if axis is None:
            return self._spread(shape, result)
        if equation.primitive is reshape_:
            before = math.prod(shape[:axis])
            kept = [i for i, n in enumerate(result) if n == self.n and math.prod(result[:i]) == before]
            return (kept[-1], [axis]) if kept else None
        rule = row_of(equation.primitive).places
        found = rule and rule(shape, result, equation.params)
        if rule is None or not isinstance(found, list) or len(found[axis].terms) != 1 or found[axis].offset:
            return None
        ((there, step),) = found[axis].terms
        alone = all(at != there for i, place in enumerate(found) if i != axis for at, _ in place.terms)
        few, fewer = (tuple(2 if n == self.n else n for n in sizes) for sizes in (shape, result))
        params = equation.params | ({"shape": fewer} if equation.primitive is broadcast_to_ else {})
        cuts = step == 1 and alone and result[there] == self.n and _places(rule, few, fewer, params) == found
        return (there, [axis]) if cuts else None

    def _spread(self, shape: tuple[int, ...], result: tuple[int, ...]) -> Cut | None:
        """What is broadcast to all rows."""
        there = [i for i, n in enumerate(result) if n == self.n]
        if len(there) != 1:
            return None
        own = there[0] - (len(result) - len(shape))
        return (there[0], [None]) if own < 0 or shape[own] == 1 else None


def _places(rule: Movement, shape: Shape, result: Shape, params: Params) -> object:
    """Where a movement reads for fewer rows; None where its parameters tell how many there are."""
    try:
        return rule(shape, result, params)
    except (ValueError, IndexError, TypeError):
        return None
