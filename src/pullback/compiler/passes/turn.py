"""Turning: what is elementwise of transposes, and is only given back, is the transpose of what is computed as they lie.

So reading and writing go along the memory, and what is given back lies as NumPy's would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pullback.compiler.facts import row_of
from pullback.ops.movement import copy_, permute_
from pullback.programs.program import Equation, Operand, Program, Value


def turn(program: Program) -> Program:
    """The same program with transposes behind what is elementwise of them, where nothing else reads that."""
    axes = _orders(program)
    turned = _turned(program, axes)
    if not turned:
        return program
    given = {output for output in program.outputs if isinstance(output, Value)}
    before: dict[Value, Operand] = {}  # by a transpose, of what it is one
    made: list[Equation] = []
    for equation in program.equations:
        output = equation.output
        if output not in turned:
            made.append(equation)
            if equation.primitive is permute_:
                before[output] = equation.operands[0]
            continue
        order = axes[output]
        shape = tuple(output.shape[order.index(axis)] for axis in range(output.ndim))
        plain = Value(shape, output.dtype)
        before[output] = plain
        operands = (before.get(o, o) if isinstance(o, Value) and o.shape else o for o in equation.operands)
        made.append(replace(equation, operands=tuple(operands), output=plain))
        if output in given:
            made.append(replace(equation, primitive=permute_, operands=(plain,), params={"axes": order}))
    return program.with_equations(made, program.outputs)


def _turned(program: Program, axes: Mapping[Value, tuple[int, ...]]) -> set[Value]:
    """What is elementwise of transposes, and read by what is turned too: all of it as far as that goes, both ways."""
    users: dict[Value, list[Value]] = {}
    for equation in program.equations:
        for value in equation.values:
            users.setdefault(value, []).append(equation.output)
    transposes = {equation.output for equation in program.equations if equation.primitive is permute_}
    turned = axes.keys() - transposes
    while True:
        kept = {
            equation.output
            for equation in program.equations
            if equation.output in turned
            and turned.issuperset(users.get(equation.output, ()))
            and all(not o.shape or o in turned or o in transposes for o in equation.values)
        }
        if len(kept) == len(turned):
            return kept
        turned = kept


def _orders(program: Program) -> dict[Value, tuple[int, ...]]:
    """Of transposes, and of what is elementwise of these and numbers alone, the axes of what they transpose."""
    found: dict[Value, tuple[int, ...]] = {}
    for equation in program.equations:
        if equation.primitive is permute_:
            found[equation.output] = equation.params["axes"]
        elif row_of(equation.primitive).instructions is not None and equation.primitive is not copy_:
            arrays = [operand for operand in equation.operands if operand.spec.shape]
            orders = {found.get(operand) if isinstance(operand, Value) else None for operand in arrays}
            order = orders.pop() if len(orders) == 1 else None
            if order is not None and len(order) == equation.output.ndim:
                found[equation.output] = order
    return found
