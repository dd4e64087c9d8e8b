"""What came out of a training: how it ended, and what was measured on the way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

from pullback.training.measurements import Measurement


@final
@dataclass
class History:
    """What was measured, and how the run ended.

    Attributes
    ----------
    rows : list of Measurement
        All that was measured since the trainer was told to learn, in order.
    finished : bool
        Whether the run came to its end: its last step, or where a callback stopped it.
    reason : str
        Why it ended.
    """

    rows: list[Measurement] = field(default_factory=list)
    finished: bool = False
    reason: str = ""

    def curve(self, split: str, name: str) -> tuple[Sequence[int], Sequence[float]]:
        """The steps and values of one measurement."""
        found = [row for row in self.rows if (row.split, row.name) == (split, name)]
        return [row.step for row in found], [row.value for row in found]

    def last(self, split: str, name: str) -> float:
        """The value that was measured last; NaN if none was."""
        _, values = self.curve(split, name)
        return values[-1] if values else math.nan
