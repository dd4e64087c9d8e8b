"""A program in numbers, so that what repeats itself is found by comparing arrays.

Each equation has a *signature*, the same for equations that do the same to operands of the same shapes and dtypes; the
*codes* of its operands; and the *numbers* of its index, which are no part of the signature, for they may move.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, final

import numpy as np

from pullback.compiler.passes.deduplicate import identity_of
from pullback.compiler.passes.rolling.periods import Ints as Ints
from pullback.ops.indexing import add_into_, get_, put_
from pullback.ops.places import ARRAY
from pullback.programs.identity import frozen
from pullback.programs.loop import Loop, operations_of
from pullback.programs.program import Equation, Operand, Program, Value

SMALL: Final = 64  # elements up to which constants are compared by their numbers


class Index(NamedTuple):
    """An index taken apart.

    Attributes
    ----------
    template : tuple
        What is the same wherever it moves to: of an integer "at", of a slice its step, else the part itself.
    numbers : list of int
        Those of integers, and where slices begin and end.
    axes : tuple of int
        The axis of each part; -1 of those that have none.
    """

    template: tuple[Any, ...]
    numbers: list[int]
    axes: tuple[int, ...]


def index_of(equation: Equation) -> Index | None:
    """The index of an equation, taken apart; None if it does not index."""
    if equation.primitive is get_:
        shape = equation.operands[0].spec.shape
    elif equation.primitive is put_:
        shape = equation.output.shape
    elif equation.primitive is add_into_:
        shape = equation.params["shape"]
    else:
        return None
    arrays = equation.operands[2 if equation.primitive is put_ else 1 :]
    return _taken_apart(equation.params["index"], shape, any(o.spec.dtype.kind == "b" for o in arrays))


def _taken_apart(index: tuple[Any, ...], shape: tuple[int, ...], masks: bool) -> Index:
    """An index of an array of a shape; with `masks`, boolean arrays are in it, and nothing is known of its axes."""
    given = sum(part is not None and part is not Ellipsis for part in index)
    template: list[Any] = []
    numbers: list[int] = []
    axes: list[int] = []
    axis = 0
    for part in index:
        if part is None or part is Ellipsis:
            template.append(part)
            axes.append(-1)
            axis += 0 if part is None else len(shape) - given
            continue
        axes.append(-1 if masks else axis)
        if masks or part is ARRAY:
            template.append(frozen(part))
        elif isinstance(part, slice):
            start, stop, step = part.indices(shape[axis])
            if step > 0:
                template.append(step)
                numbers += start, stop
            else:
                template.append(frozen(part))
        else:
            template.append("at")
            numbers.append(part % shape[axis])
        axis += 1
    return Index(tuple(template), numbers, tuple(axes))


@final
class Coded:
    """A program in numbers.

    Attributes
    ----------
    signatures : array
        One an equation.
    flat, starts : array
        The codes of all operands, and where those of each equation begin. The code of what an equation makes is its
        number; others come after.
    numbers, begins : array
        The numbers of all indices, likewise.
    operands : list of Operand
        By code.
    weights : array
        Of each equation: how many it stands for, with those of its body.
    family, place : array
        Of what is element `place` of another value, along a fixed axis: which value and axis, as a number; else -1.
    families : list of (code, Index or None, int)
        What these numbers mean: of what, which index, and the number of an equation that makes an element; or, without
        an index, values that an earlier loop makes.
    """

    def __init__(self, program: Program) -> None:
        self.equations = equations = program.equations
        self.operands: list[Operand] = [equation.output for equation in equations]
        codes: dict[Any, int] = {equation.output: i for i, equation in enumerate(equations)}
        specs: dict[Any, int] = {}
        kinds: list[int] = []  # by code, its shape and dtype, or its type
        known: dict[Any, int] = {}
        families: dict[Any, int] = {}
        self.families: list[tuple[int, Index | None, int]] = []
        signatures, flat, starts, numbers = list[int](), list[int](), [0], list[int]()
        begins, family, place, loops = [0], list[int](), list[int](), list[int]()

        def constant(operand: Any) -> int:
            value = operand.value
            small = not isinstance(value, np.ndarray) or value.size <= SMALL
            key = ("constant", identity_of(operand)) if small else id(value)
            found = codes[operand] = codes.setdefault(key, len(kinds))
            if found == len(kinds):
                self.operands.append(operand)
                array = isinstance(value, (np.ndarray, np.generic))
                kinds.append(specs.setdefault((value.shape, value.dtype) if array else type(value), len(specs)))
            return found

        for equation in equations:
            output = equation.output
            kinds.append(specs.setdefault((output.shape, output.dtype), len(specs)))
        for value in program.inputs:
            codes[value] = len(kinds)
            kinds.append(specs.setdefault((value.shape, value.dtype), len(specs)))
            self.operands.append(value)
        for number, equation in enumerate(equations):
            key: list[Any] = [id(equation.primitive), kinds[number]]
            for operand in equation.operands:
                code = codes.get(operand)
                if code is None:
                    code = constant(operand)
                flat.append(code)
                key.append(kinds[code])
            starts.append(len(flat))
            which, where = -1, -1
            if equation.params:
                index = index_of(equation)
                for name, param in equation.params.items():
                    if isinstance(param, Loop):
                        numbers += param.starts
                        key.append(param.key)
                        loops.append(number)
                        continue
                    if index is None or name != "index":
                        key.append((name, frozen(param)))
                        continue
                    numbers += index.numbers
                    key.append(index.template)
                    if equation.primitive is get_ and "at" in index.template and ARRAY not in param:
                        first = index.template.index("at")
                        at = sum(2 if isinstance(part, int) else part == "at" for part in index.template[:first])
                        rest = (*index.numbers[:at], *index.numbers[at + 1 :])
                        mark = flat[starts[-2]], index.template, rest
                        which = families.setdefault(mark, len(families))
                        if which == len(self.families):
                            self.families.append((mark[0], index, len(signatures)))
                        where = index.numbers[at]
            begins.append(len(numbers))
            family.append(which)
            place.append(where)
            signatures.append(known.setdefault(tuple(key), len(known)))
        self.signatures, self.flat, self.starts, self.numbers, self.begins, self.family, self.place = (
            np.array(x, np.int64) for x in (signatures, flat, starts, numbers, begins, family, place)
        )
        self.weights = np.ones(len(equations), np.int64)
        for number in loops:
            self.weights[number] += operations_of(equations[number].params["loop"].body)
        self.outputs = np.array([codes[o] for o in program.outputs if isinstance(o, Value)], np.int64)
