"""Products of windows as contractions: where the windows lie, and along what lanes run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from pullback.compiler.facts import row_of
from pullback.compiler.fusion.fused import Fused
from pullback.compiler.fusion.groups import Group
from pullback.compiler.fusion.orders import images_last
from pullback.compiler.fusion.views import View
from pullback.compiler.lowering.sides import COLUMN, INNER, ROW, Sides, label_in
from pullback.compiler.lowering.steps import Access, Layouts, by_label
from pullback.programs.program import Operand

Strides: TypeAlias = tuple[int, ...]


def windows(group: Group, fused: Fused, layouts: Layouts, sizes: dict[int, int]) -> Sides:
    """The sides of a product of windows with weights, or of the one that gives weights.

    Axes are those of images (N, G, C, *S), of outputs (N, G, O, *L) and of weights (G, O, C, *K).
    """
    first = group.product
    assert first is not None
    (x, from_x, of_x), (y, from_y, of_y) = (_placed(fused, layouts, operand) for operand in first.operands)
    step = [n * s for n, s in zip(first.params["stride"], of_x[3:], strict=True)]  # of windows
    hole = [n * s for n, s in zip(first.params["dilation"], of_x[3:], strict=True)]  # of what is in one
    channels = x.shape[2]
    where = group.where[first.output]
    if row_of(first.primitive).contraction == "weights":
        which, row, column = where
        row, column = label_in(sizes, row, ROW), label_in(sizes, column, COLUMN)
        lengths = (y.shape[0], *y.shape[3:])
        loops = _merged(zip(lengths, (of_y[0], *of_y[3:]), (of_x[0], *step), strict=True))
        sizes[INNER] = math.prod(lengths)
        a = Access(y.base, from_y, by_label([(which, of_y[1]), (row, of_y[2]), (INNER, 1)]))
        b = Access(x.base, from_x, by_label([(which, of_x[1])]))
        heads = _taps((channels, *first.params["kernel"]), (of_x[2], *hole))
        return Sides(row, column, () if which is None else (which,), a, b, heads=heads, loops=loops)
    image, which, row, *places = where
    row = label_in(sizes, row, ROW)
    kernel = y.shape[3:]
    sizes[INNER] = channels * math.prod(kernel)
    lines = _taps((channels, *kernel), (of_x[2], *hole))
    along = lines[1] if len(lines) > 1 else 0
    even = lines == tuple(along * i for i in range(len(lines)))
    moving = [(image, of_x[0]), *zip(places, step, strict=True)]
    column = label_in(sizes, image if images_last(first) else places[-1], COLUMN)
    a = Access(y.base, from_y, by_label([(which, of_y[0]), (row, of_y[1]), (INNER, 1)]))
    b = Access(x.base, from_x, by_label([(which, of_x[1]), *moving, *([(INNER, along)] if even else [])]))
    batches = tuple(label for label in (image, which, *places) if label not in (None, column))
    return Sides(row, column, batches, a, b, lines=() if even else lines)


def _placed(fused: Fused, layouts: Layouts, operand: Operand) -> tuple[View, int, Strides]:
    view = fused.view(operand)
    return view, *view.strides(layouts[view.base])


def _taps(sizes: Sequence[int], strides: Sequence[int]) -> tuple[int, ...]:
    """Where the elements of a box lie, in its order."""
    found = [0]
    for n, step in zip(sizes, strides, strict=True):
        found = [start + i * step for start in found for i in range(n)]
    return tuple(found)


def _merged(loops: Iterable[tuple[int, int, int]]) -> tuple[tuple[int, int, int], ...]:
    """Loops from the slowest to the fastest in the second operand, of which those that go on as one are one."""
    found: list[tuple[int, int, int]] = []
    for n, by, other in sorted((loop for loop in loops if loop[0] > 1), key=lambda loop: -abs(loop[1])):
        if found and found[-1][1:] == (by * n, other * n):
            n *= found.pop()[0]
        found.append((n, by, other))
    return tuple(found) or ((1, 1, 1),)
