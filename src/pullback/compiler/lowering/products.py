"""Products: contractions of strided matrices, with loops over batches around them and an epilogue at their end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

from pullback.compiler.contraction import Contraction, Tiling, plan, scratch_bytes
from pullback.compiler.contraction.blas import Choice, choose
from pullback.compiler.facts import row_of
from pullback.compiler.fusion.fused import Fused
from pullback.compiler.fusion.groups import Group
from pullback.compiler.lowering.sides import COLUMN, INNER, ROW, Sides, label_in
from pullback.compiler.lowering.steps import Access, Layouts, Step, access_to, needed, step_of
from pullback.compiler.lowering.windows import windows
from pullback.programs.program import Value

SHARES: Final = 64  # at most


@final
@dataclass(frozen=True, slots=True)
class Product:
    """A group that begins with a contraction.

    Attributes
    ----------
    made : Value
        What the contraction gives; it need not be stored.
    a, b : Access
        Its operands.
    steps, stores, sizes : dict
        As of a nest: the epilogue, what is stored, and the loops, INNER among them.
    rows, columns : int
        The labels of C.
    batches : tuple of labels
        The loops around it.
    plan : Tiling
        How it is computed, where it is emitted.
    choice : Choice
        Whether it is emitted or left to BLAS, and why.
    plain : bool
        It is loops over rows, columns and what is summed, and nothing else.
    parts : tuple of (label, int)
        Loops that the rows are one after the other, the fastest first, and their sizes, where the epilogue reads or
        writes what lies along these in other ways.
    """

    made: Value
    a: Access
    b: Access
    steps: dict[Value, Step]
    stores: dict[Value, Access]
    sizes: dict[int, int]
    rows: int
    columns: int
    batches: tuple[int, ...]
    plan: Tiling
    choice: Choice
    plain: bool = False
    parts: tuple[tuple[int, int], ...] = ()

    @property
    def repeats(self) -> int:
        """How often it is done."""
        return math.prod(self.sizes[label] for label in self.batches)

    @property
    def shares(self) -> int:
        """Shares of the repeats, each done in one go."""
        return min(self.repeats, SHARES)

    @property
    def pieces(self) -> int:
        """Those that threads may compute at once."""
        return 1 if self.plain else self.own_pieces * self.shares

    @property
    def own_pieces(self) -> int:
        """Those of each."""
        return 1 if self.choice.way == "blas" else self.plan.pieces

    @property
    def cost(self) -> int:
        """About how many instructions it is."""
        what = self.plan.what
        epilogue = sum(step.weight + len(step.reads) for step in self.steps.values()) * what.m * what.n
        return self.repeats * (what.flops // 2 + epilogue) // what.vector.lanes + 50

    @property
    def scratch_bytes(self) -> int:
        """What a thread needs for panels."""
        return 0 if self.plain else scratch_bytes(self.plan)

    def accesses(self) -> list[Access]:
        """All that is read and written."""
        return [self.a, self.b, *_others(self.steps, self.stores)]


def _others(steps: dict[Value, Step], stores: dict[Value, Access]) -> list[Access]:
    read = dict.fromkeys(r for step in steps.values() for r in step.reads if isinstance(r, Access))
    return [*read, *stores.values()]


def lower_product(group: Group, fused: Fused, layouts: Layouts, *, plain: bool = False) -> Product:
    """Turn a group that begins with a contraction into matrices and an epilogue."""
    first = group.product
    assert first is not None
    rest = [equation for equation in group.equations if equation is not first]
    made, sizes = first.output, dict(group.sizes)
    sides = (windows if row_of(first.primitive).contraction != "matrices" else _matrices)(group, fused, layouts, sizes)
    row, column, batches, a, b = sides.row, sides.column, [*sides.batches], sides.a, sides.b
    steps = {equation.output: step_of(group, equation, fused, layouts) for equation in rest}
    needed(steps, fused)
    stores = {v: access_to(fused, layouts, v, group.where[v]) for v in (made, *steps) if v in fused.stored}
    parts: list[tuple[int, int]] = []
    while batches and sides.flat and not b.along(batches[-1]) and a.merges(batches[-1], row, sizes[row]):
        if not parts and not all(x.merges(batches[-1], row, sizes[row]) for x in _others(steps, stores)):
            if plain or next(iter(stores.values())).along(column) != 1:
                break
            parts.append((row, sizes[row]))
        flat = batches.pop()
        sizes[row] *= sizes[flat]
        a = a.without(flat)
        if parts:
            parts.append((flat, sizes.pop(flat)))
            continue
        del sizes[flat]
        stores = {value: access.without(flat) for value, access in stores.items()}
        for step in steps.values():
            step.drop(flat)
    main = stores.get(made) or next(iter(stores.values()))
    what = Contraction(
        sizes[row], sizes[column], sizes[INNER], (a.along(row), a.along(INNER)), (b.along(INNER), b.along(column)),
        (main.along(row), main.along(column)), dtype=str(made.dtype), lines=sides.lines, heads=sides.heads,
        loops=sides.loops,
    )  # fmt: skip
    way = (
        choose(what)
        if not plain and not rest and not what.windows
        else Choice("emitted", "what follows is computed with it")
    )
    tiling = plan(what, turn=not parts)  # no vector lies across the end of a part
    return Product(made, a, b, steps, stores, sizes, row, column, tuple(batches), tiling, way, plain, tuple(parts))


def _matrices(group: Group, fused: Fused, layouts: Layouts, sizes: dict[int, int]) -> Sides:
    first = group.product
    assert first is not None
    *batch, row, column = group.where[first.output]
    row, column = (label_in(sizes, label, new) for label, new in ((row, ROW), (column, COLUMN)))
    views = [fused.view(operand) for operand in first.operands]
    sizes[INNER] = views[0].shape[-2 if first.params["ta"] else -1]
    ends = (
        (INNER, row) if first.params["ta"] else (row, INNER),
        (column, INNER) if first.params["tb"] else (INNER, column),
    )
    a, b = (
        access_to(fused, layouts, o, (*batch[len(batch) + 2 - len(v.shape) :], *end))
        for o, v, end in zip(first.operands, views, ends, strict=True)
    )
    return Sides(row, column, tuple(label for label in batch if label is not None), a, b, flat=True)
