"""The layer between images and vectors."""

from __future__ import annotations

import math
from typing import Any, final

from pullback.core.axes import shape_of
from pullback.nn.module import Module
from pullback.ops.movement import reshape


@final
class Flatten(Module):
    """The axes from `start_axis` on as one: (N, C, H, W) to (N, C·H·W).

    >>> import numpy as np
    >>> Flatten()(np.ones((5, 8, 8))).shape
    (5, 64)
    """

    def __init__(self, start_axis: int = 1) -> None:
        self.start_axis = start_axis

    def forward(self, x: Any) -> Any:
        shape = shape_of(x)
        # The product, not −1, which an empty batch cannot resolve.
        return reshape(x, (*shape[: self.start_axis], math.prod(shape[self.start_axis :])))

    def extra_repr(self) -> str:
        return "" if self.start_axis == 1 else f"start_axis={self.start_axis}"
