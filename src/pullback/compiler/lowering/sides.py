"""Sides: the operands of a contraction, and which loops are its rows, its columns and the batches around it."""

from __future__ import annotations

from typing import Final, NamedTuple, final

from pullback.compiler.lowering.steps import Access

INNER: Final = -1  # the label of the summed axis
ROW: Final = -2  # those of axes of one element
COLUMN: Final = -3


@final
class Sides(NamedTuple):
    """Two operands, and the loops over them.

    Attributes
    ----------
    flat : bool
        Whether batches may become rows.
    lines, heads, loops : tuple
        Of windows, as in `Contraction`.
    """

    row: int
    column: int
    batches: tuple[int, ...]
    a: Access
    b: Access
    flat: bool = False
    lines: tuple[int, ...] = ()
    heads: tuple[int, ...] = ()
    loops: tuple[tuple[int, int, int], ...] = ()


def label_in(sizes: dict[int, int], label: int | None, new: int) -> int:
    """A label, or a new one for an axis of one element."""
    if label is None:
        sizes[new] = 1
        return new
    return label
