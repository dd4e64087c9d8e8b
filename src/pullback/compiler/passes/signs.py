"""Eigenvectors whose signs nothing sees: what reads them multiplies each with itself, as in V f(λ) Vᵀ.

LAPACK's signs follow from its steps, and a loop that finds eigenvectors in another way has others. Where a result does
not depend on them, `eigh` may become such a loop: each value is followed from the vectors on, with how it changes if
the sign of a vector does. A value X has the sign s of the vectors along its rows, its columns, both or neither if
changed signs make it sᵢ Xᵢⱼ, Xᵢⱼ sⱼ, sᵢ Xᵢⱼ sⱼ or X; a diagonal matrix is both X and sᵢ Xᵢⱼ sⱼ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from pullback.compiler.facts.matrices import unsigned_eigh_
from pullback.core.kinds import strong_multiply
from pullback.core.outputs import pick_
from pullback.core.primitive import Primitive
from pullback.ops.elementwise import add, divide, multiply, negative, subtract
from pullback.ops.linalg.spectra import eigh_
from pullback.ops.movement import permute_
from pullback.ops.products import matmul_
from pullback.programs.program import Constant, Equation, Operand, Program, Value


class Signs(NamedTuple):
    """Whether a value has the vectors' signs along its rows, and along its columns."""

    rows: bool
    columns: bool


Ways: TypeAlias = frozenset[Signs]  # in which a value may be seen; none if it is not known
NONE: Final = frozenset({Signs(rows=False, columns=False)})
VECTORS: Final = frozenset({Signs(rows=False, columns=True)})
DIAGONAL: Final = frozenset({Signs(rows=False, columns=False), Signs(rows=True, columns=True)})


def signs(program: Program) -> Program:
    """The same program, where `eigh` says whether the signs of its vectors are seen."""
    return program.with_equations(
        replace(e, primitive=unsigned_eigh_) if e.primitive is eigh_ and _is_hidden(program, e.output) else e
        for e in program.equations
    )


def _is_hidden(program: Program, whole: Value) -> bool:
    """Whether the vectors of an `eigh` are used, and their signs are not seen."""
    used = {o for e in program.equations for o in e.operands}.union(program.outputs)
    picks = [e for e in program.equations if e.primitive is pick_ and e.operands[0] == whole and e.output in used]
    return any(e.params["index"] == 1 for e in picks) and not _seen(program, whole)


def _seen(program: Program, whole: Value) -> bool:
    """Whether a result depends on the signs of the vectors of an `eigh`."""
    known: dict[Operand, Ways] = {}
    for equation in program.equations:
        if equation.primitive is pick_ and equation.operands[0] == whole:
            if equation.params["index"] == 1:
                known[equation.output] = VECTORS
        elif whole in equation.operands:
            return True
        elif any(o in known for o in equation.operands) or equation.primitive is multiply:
            ways = _ways(equation, known)
            if not ways:
                return True
            if ways != NONE:
                known[equation.output] = ways
    return whole in program.outputs or any(known.get(o, NONE) & NONE != NONE for o in program.outputs)


def _ways(equation: Equation, known: Mapping[Operand, Ways]) -> Ways:
    given = [known.get(o, NONE) for o in equation.operands]
    rule = RULES.get(equation.primitive)
    if rule is None:
        return NONE if all(ways >= NONE for ways in given) else frozenset()
    found = rule(equation, given)
    return found | DIAGONAL if found >= NONE and _is_diagonal(equation) else found


def _is_diagonal(equation: Equation) -> bool:
    """Whether a factor of a product is a matrix of the program's with nothing beside its diagonal."""
    held = [np.asarray(o.value) for o in equation.operands if isinstance(o, Constant)]
    square = [x for x in held if x.ndim >= 2 and x.shape[-1] == x.shape[-2]]
    return equation.primitive is multiply and any(not np.any(x * (1 - np.eye(x.shape[-1]))) for x in square)


def _product(_: Equation, given: Sequence[Ways]) -> Ways:
    return frozenset(Signs(x.rows ^ y.rows, x.columns ^ y.columns) for x, y in product(*given))


def _sum(_: Equation, given: Sequence[Ways]) -> Ways:
    return given[0] & given[1]


def _turned(ways: Ways) -> Ways:
    return frozenset(Signs(x.columns, x.rows) for x in ways)


def _transposed(equation: Equation, given: Sequence[Ways]) -> Ways:
    axes = equation.params["axes"]
    n = len(axes)
    if n > 1 and tuple(axes) == (*range(n - 2), n - 1, n - 2):
        return _turned(given[0])
    return given[0] & NONE


def _contracted(equation: Equation, given: Sequence[Ways]) -> Ways:
    left, right = (
        _turned(ways) if equation.params[turn] else ways for ways, turn in zip(given[:2], ("ta", "tb"), strict=True)
    )
    if any(o.ndim < 2 for o in equation.operands[:2] if isinstance(o, Value)):
        return NONE if all(ways >= NONE for ways in given) else frozenset()
    found = frozenset(Signs(x.rows, y.columns) for x, y in product(left, right) if x.columns == y.rows)
    return found if len(given) == 2 else found & given[2]


Rule: TypeAlias = Callable[[Equation, Sequence[Ways]], Ways]
RULES: Final[dict[Primitive, Rule]] = {
    multiply: _product, strong_multiply: _product, divide: _product, add: _sum, subtract: _sum,
    negative: lambda _, given: given[0], permute_: _transposed, matmul_: _contracted,
}  # fmt: skip
