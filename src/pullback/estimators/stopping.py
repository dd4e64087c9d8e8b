"""When a training is over."""

from __future__ import annotations

import math
from typing import final


@final
class Patience:
    """Counts the epochs in which a value did not become better by `tol`."""

    def __init__(self, tol: float, epochs: int) -> None:
        self.tol, self.epochs = tol, epochs
        self.best, self.waited = -math.inf, 0

    def better(self, value: float) -> bool:
        self.waited = 0 if value > self.best + self.tol else self.waited + 1
        is_better = bool(value > self.best)
        self.best = max(self.best, value)
        return is_better

    @property
    def over(self) -> bool:
        return self.waited >= self.epochs
