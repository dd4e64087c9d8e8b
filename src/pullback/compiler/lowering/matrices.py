"""Matrices: a stack of small matrices as one loop over them, which holds several side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

from pullback.compiler.fusion.fused import Fused
from pullback.compiler.fusion.groups import Group
from pullback.compiler.instructions.vectors import LANES
from pullback.compiler.lowering.sides import COLUMN, ROW
from pullback.compiler.lowering.steps import Access, Layouts, Step, access_to
from pullback.programs.program import Value

PIECES: Final = 32  # at most
PIECE: Final = 1 << 14  # instructions, about, that are worth a piece of their own


@final
@dataclass(frozen=True, slots=True)
class Matrices:
    """A group that is one operation on a stack of small matrices.

    Attributes
    ----------
    steps, stores : dict
        As of a nest: the operation, and where its result is.
    reads : tuple of Access
        Where the operands are: by ROW and COLUMN, and by the labels of the stack.
    shapes : tuple of (int, int)
        Rows and columns of each operand, and at last of the result.
    sizes : dict
        The labels of the stack, from the slowest to the fastest.
    lanes : int
        Matrices of the fastest label that are held side by side; 0 for one.
    """

    steps: dict[Value, Step]
    stores: dict[Value, Access]
    reads: tuple[Access, ...]
    shapes: tuple[tuple[int, int], ...]
    sizes: dict[int, int]
    lanes: int

    @property
    def count(self) -> int:
        """How many matrices."""
        return math.prod(self.sizes.values())

    @property
    def fastest(self) -> int | None:
        """The label along which matrices are side by side."""
        return next(reversed(self.sizes), None)

    @property
    def blocks(self) -> int:
        """Of the fastest label: so many matrices are done at once. The last one may do some again."""
        return -(-self.sizes[self.fastest] // max(self.lanes, 1)) if self.fastest is not None else 1

    @property
    def items(self) -> int:
        """Blocks of all."""
        outer = [size for label, size in self.sizes.items() if label != self.fastest]
        return math.prod(outer) * self.blocks

    @property
    def instructions(self) -> int:
        """About how many instructions one block is."""
        n, width = self.shapes[0][0], sum(columns for _, columns in self.shapes)
        return n * n * width + 30

    @property
    def pieces(self) -> int:
        """Parts that threads may compute at once."""
        return max(1, min(PIECES, self.items, self.cost // PIECE))

    @property
    def cost(self) -> int:
        """About how many instructions it is."""
        return self.items * self.instructions

    @property
    def scratch_bytes(self) -> int:
        """What a thread needs besides registers."""
        return 0

    def accesses(self) -> list[Access]:
        """All that is read and written."""
        return [*self.reads, *self.stores.values()]


def lower_matrices(group: Group, fused: Fused, layouts: Layouts, *, plain: bool = False) -> Matrices:
    """Turn a group that is an operation on matrices into one loop."""
    (equation,) = group.equations
    made = equation.output
    sizes = {label: n for label, n in enumerate(made.shape[:-2]) if n != 1}
    batch = [label if label in sizes else None for label in range(made.ndim - 2)]
    arrays = [*equation.operands, made]
    shapes = [fused.view(array).shape for array in arrays]
    accesses = [
        access_to(fused, layouts, array, (*batch[len(batch) + 2 - len(shape) :], ROW, COLUMN))
        for array, shape in zip(arrays, shapes, strict=True)
    ]
    for slow, fast in [*zip(sizes, [*sizes][1:], strict=False)]:
        if all(access.merges(slow, fast, sizes[fast]) for access in accesses):
            sizes[fast] *= sizes.pop(slow)
            accesses = [access.without(slow) for access in accesses]
    *reads, store = accesses
    most = LANES[str(made.dtype)] // 2  # registers are many, and not wide
    side = next(reversed(sizes.values()), 1)
    lanes = 0 if plain or side < 2 else min(most, 1 << (side.bit_length() - 1))
    step = Step(equation, tuple(reads), frozenset(sizes), frozenset(sizes))
    matrices = tuple((m, n) for *_, m, n in shapes)
    return Matrices({made: step}, {made: store}, tuple(reads), matrices, sizes, lanes)
