"""Functions composed at random of all operations, to be differentiated: values feed values, in the tables' own domains.

An operation of a table is applied near the operands that its row draws: what was computed before moves these a little,
so that each stays inside of its domain and away from kinks, and every derivative is that of the whole composition.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from tests.linalg.cases import CASES as LINALG
from tests.ops.cases import CASES
from tests.ops.domains import REAL
from tests.special.cases import CASES as SPECIAL

import pullback as pb
from pullback import special
from pullback.core.tree import leaves

SHAPES: Final = ((2, 3), (3,))  # of the arguments
NEAR: Final = 0.03  # how far operands move; the gaps around kinks are wider
FAR: Final = 0.4  # where all numbers will do


class Operation(NamedTuple):
    """A name, the operands that values move, by how much, and the function; `analytic` if it takes complex numbers."""

    name: str
    about: Sequence[Any]
    moves: Sequence[float]  # 0 of what carries no derivative
    f: Callable[..., Any]
    analytic: bool = False


def _of_cases() -> list[Operation]:
    found = []
    for case in CASES:
        if not case.differentiable or "numbers" in case.skips:
            continue
        for sample in case.samples:
            about = case.draw(sample, seed=3)
            domains = case.operands * (len(about) if len(case.operands) == 1 else 1)
            moves = [
                0 if x.dtype.kind != "f" else FAR if d is REAL else NEAR for x, d in zip(about, domains, strict=True)
            ]
            if any(moves) and all(x.size for x in about):
                f = lambda *xs, c=case, p=sample.params: c.f(*xs, **p)  # noqa: E731  # of this row
                found.append(Operation(f"{case} {sample}", about, moves, f, case.analytic))
    return found


def _of_linalg() -> list[Operation]:
    return [
        Operation(f"linalg.{case!r}", [x[0] if x.ndim > 2 and case.batched else x for x in case.args],
                  [NEAR] * len(case.args), case.f)
        for case in LINALG if case.order == 2 and not re.search("rank|singular|half", case.note)  # which moving ruins
    ]  # fmt: skip


def _of_special() -> list[Operation]:
    found = []
    for case in SPECIAL:
        point = case.points[len(case.points) // 2]
        f = lambda *xs, c=case: getattr(special, c.name)(*xs, *c.fixed)  # noqa: E731  # of this row
        about = [np.array([x, x]) for x in point]
        about = [x.astype(float) if i in case.by else x for i, x in enumerate(about)]
        found.append(
            Operation(f"special.{case.name}", about, [NEAR / 6 * (i in case.by) for i in range(len(point))], f)
        )
    return found


OPERATIONS: Final = (*_of_cases(), *_of_linalg(), *_of_special())
ANALYTIC: Final = tuple(operation for operation in OPERATIONS if operation.analytic)


class Line(NamedTuple):
    """One operation of a composition: its number in the table, and which values move its operands."""

    operation: int
    values: tuple[int, ...]


def moved(about: Any, value: Any, by: float, *, analytic: bool) -> Any:
    """An operand near where its row draws it, moved by a value of any shape."""
    if not by:
        return about
    taken = np.arange(about.size) % value.size
    turn = pb.sin(0.5 * value) if analytic else pb.sin(4 * pb.arctan(value))
    return about + by * pb.take(pb.ravel(turn), taken).reshape(about.shape)


def composed(lines: Sequence[Line], table: Sequence[Operation] = OPERATIONS) -> Callable[..., Any]:
    """The function that the lines say, of two arrays, which gives one number that all of its values go into."""
    analytic = table is ANALYTIC

    def f(*arguments: Any) -> Any:
        values = [pb.asarray(x) for x in arguments]
        for line in lines:
            operation = table[line.operation % len(table)]
            operands = []
            for place, (about, by) in enumerate(zip(operation.about, operation.moves, strict=True)):
                chosen = values[-1 - line.values[place % len(line.values)] % len(values)]
                about = about if about.dtype.kind != "f" else about.astype(values[0].real.dtype)
                operands.append(moved(about, chosen, by, analytic=analytic))
            found = [y for y in leaves(operation.f(*operands)) if y.dtype.kind in "fc" and y.size]
            values += found[:2]
        return sum((y * np.cos(np.arange(y.size, dtype=y.real.dtype)).reshape(y.shape)).sum() for y in values[2:])

    f.__name__ = "; ".join(table[line.operation % len(table)].name for line in lines)
    return f


def arguments(dtype: Any = float, seed: int = 0) -> list[Any]:
    """What a composition is tried at."""
    rng = np.random.default_rng(seed)
    return [rng.uniform(-1, 1, shape).astype(dtype) for shape in SHAPES]
