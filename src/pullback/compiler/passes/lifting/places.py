"""Places that move: an index one of whose parts is another number, or other numbers, at each step of a loop."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pullback.compiler.passes.lifting.stacks import Writing, progression
from pullback.ops.places import ARRAY
from pullback.programs.loop import Window
from pullback.programs.program import Constant, Operand, Value


class Place(NamedTuple):
    """An index that moves: its parts, and its array at all steps."""

    parts: tuple[Any, ...]
    rows: Any

    @property
    def part(self) -> Any:
        """The array at all steps; a slice where it is one number a step that moves by the same each time."""
        rows = self.rows
        steps = np.diff(rows, axis=0)
        if rows.ndim > 1 or len(rows) < 2 or not steps[0] or (steps != steps[0]).any():
            return rows
        return progression(int(rows[0]), int(steps[0]), len(rows))

    @property
    def alone(self) -> bool:
        """Whether all other axes are taken whole, and none is new."""
        return all(part is ARRAY or part == slice(None) for part in self.parts)

    @property
    def window(self) -> Any:
        """The window that it is, where it is a slice and all else is taken whole."""
        return Window(self.parts.index(ARRAY), self.part.start, self.part.step)

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of one place of an array of a shape."""
        first = tuple(self.rows[0] if part is ARRAY else part for part in self.parts)
        return np.broadcast_to(np.empty((), bool), shape)[first].shape

    def written(
        self, writing: Writing, primitive: Any, before: tuple[Operand, ...], values: Operand, like: Value,
        params: dict[str, Any],
    ) -> Operand:  # fmt: skip
        """One equation that writes the values of all steps, stacked along their first axis, to all places."""
        part = self.part
        moves = isinstance(part, slice)
        if moves and part.indices(self._size(like.shape)) == (0, self._size(like.shape), 1):
            part = slice(None)
        index = tuple(part if moves and p is ARRAY else p for p in self.parts)
        if isinstance(values, Value):
            values = writing.moved(values, 0, self._axis(len(like.shape), split=not moves))
        arrays = () if moves else (Constant(part),)
        return writing.apply(primitive, (*before, values, *arrays), like.shape, like.dtype, {"index": index, **params})

    def _size(self, shape: tuple[int, ...]) -> int:
        """How long the axis is along which it moves."""
        at = self.parts.index(ARRAY)
        ahead = [part for part in self.parts[:at] if part is not None]
        behind = [part for part in self.parts[at:] if part is not None]
        return shape[-len(behind)] if Ellipsis in ahead else shape[len(ahead)]

    def _axis(self, ndim: int, *, split: bool) -> int:
        """Where the axis of the steps stands among those of what is written."""
        numbers = [i for i, part in enumerate(self.parts) if part is ARRAY or isinstance(part, int)]
        if split and numbers[-1] - numbers[0] >= len(numbers):
            return 0  # something stands between: NumPy puts the axes of arrays first
        ahead = self.parts[: numbers[0] if split else self.parts.index(ARRAY)]
        given = sum(part is not None and part is not Ellipsis for part in self.parts)
        return sum(ndim - given if part is Ellipsis else not isinstance(part, int) for part in ahead)
