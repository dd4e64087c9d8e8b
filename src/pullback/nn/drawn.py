"""Parameters that layers begin with: numbers that are drawn, all alike."""

from __future__ import annotations

import math
from typing import Any, final

from pullback.functions import random
from pullback.nn.parameter import Parameter


@final
class Drawn:
    """Makes parameters uniform in ±1 / √fan_in, one after the other, as PyTorch's (LeCun et al. 1998).

    >>> Drawn(4, 0, float)(2, 3).shape
    (2, 3)
    """

    def __init__(self, fan_in: int, rng: random.Rng, dtype: Any) -> None:
        self.bound, self.rng, self.dtype = 1 / math.sqrt(fan_in), random.generator(rng), dtype

    def __call__(self, *shape: int) -> Parameter:
        return Parameter(random.uniform(-self.bound, self.bound, shape, rng=self.rng, dtype=self.dtype))
