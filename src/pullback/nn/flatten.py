"""The layers between images and vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, final

from pullback.core.axes import ndim_of, normalize_axis, shape_of
from pullback.core.errors import OptionError, ShapeError
from pullback.nn.module import Module
from pullback.nn.outline import unusual
from pullback.ops.movement import reshape


@final
class Flatten(Module):
    """The axes from `start_axis` to `end_axis` as one: (N, C, H, W) to (N, C·H·W).

    >>> import numpy as np
    >>> Flatten()(np.ones((5, 8, 8))).shape
    (5, 64)
    """

    def __init__(self, start_axis: int = 1, end_axis: int = -1) -> None:
        self.start_axis = start_axis
        self.end_axis = end_axis

    def forward(self, x: Any) -> Any:
        shape = shape_of(x)
        end = self.end_axis if self.end_axis == -1 else normalize_axis(self.end_axis, len(shape), "Flatten")
        rest = () if end == -1 else shape[end + 1 :]
        inside = shape[self.start_axis : None if end == -1 else end + 1]
        # The product, not −1, which an empty batch cannot resolve.
        return reshape(x, (*shape[: self.start_axis], math.prod(inside), *rest))

    def extra_repr(self) -> str:
        return ", ".join(unusual(self, {"start_axis": 1, "end_axis": -1}))


@final
class Unflatten(Module):
    """One axis as several: (N, C·H·W) to (N, C, H, W). One length may be −1.

    Raises ShapeError when called, if the axis has another number of elements.

    >>> import numpy as np
    >>> Unflatten(1, (2, 4, 4))(np.ones((5, 32))).shape
    (5, 2, 4, 4)
    """

    def __init__(self, axis: int, unflattened_size: Sequence[int]) -> None:
        self.axis = axis
        self.unflattened_size = tuple(unflattened_size)
        if self.unflattened_size.count(-1) > 1:
            raise OptionError("Unflatten: at most one length is -1", got=self.unflattened_size)

    def forward(self, x: Any) -> Any:
        shape = shape_of(x)
        axis = normalize_axis(self.axis, ndim_of(x), "Unflatten")
        known = math.prod(n for n in self.unflattened_size if n != -1)
        lengths = tuple(shape[axis] // known if n == -1 and known else n for n in self.unflattened_size)
        if math.prod(lengths) != shape[axis]:
            raise ShapeError("Unflatten: the axis has another length", expected=f"{self.unflattened_size}", got=shape)
        return reshape(x, (*shape[:axis], *lengths, *shape[axis + 1 :]))

    def extra_repr(self) -> str:
        return f"{self.axis}, {self.unflattened_size}"
