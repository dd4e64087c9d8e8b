"""Where operands may lie, and how they may lie in memory."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

LAYOUTS: Final = ("plain", "fortran", "reversed", "strided", "read-only")


class Domain(NamedTuple):
    """Intervals that an operand is drawn from; whole numbers if `integers`, no two of them near if `apart`."""

    intervals: tuple[tuple[float, float], ...]
    dtype: type | None = None  # None: any floating-point dtype
    apart: bool = False

    def draw(self, rng, shape, dtype=float):
        """Draw an array."""
        size = int(np.prod(shape))
        if self.dtype is not None:
            low, high = self.intervals[0]
            return np.asarray(rng.integers(int(low), int(high), shape), self.dtype)
        if self.apart:
            low, high = self.intervals[0]
            grid = np.linspace(low, high, 2 * max(size, 20))
            return np.asarray(rng.permutation(grid)[:size].reshape(shape), dtype)
        widths = np.array([high - low for low, high in self.intervals])
        which = rng.choice(len(widths), shape, p=widths / widths.sum())
        lows = np.array([low for low, _ in self.intervals])
        return np.asarray(lows[which] + widths[which] * rng.random(shape), dtype)


REAL: Final = Domain(((-3.0, 3.0),))
SMALL: Final = Domain(((-1.2, 1.2),))
POSITIVE: Final = Domain(((0.2, 4.0),))
NONZERO: Final = Domain(((-3.0, -0.2), (0.2, 3.0)))
UNIT: Final = Domain(((-0.9, 0.9),))
PROBABILITY: Final = Domain(((0.05, 0.95),))
ABOVE_ONE: Final = Domain(((1.1, 4.0),))
ABOVE_MINUS_ONE: Final = Domain(((-0.8, 4.0),))
FRACTIONAL: Final = Domain(((-2.9, -2.1), (-0.9, -0.1), (0.1, 0.9), (1.1, 1.4), (1.6, 1.9)))
APART: Final = Domain(((-3.0, 3.0),), apart=True)
BOOLEAN: Final = Domain(((0, 2),), dtype=bool)
WHOLE: Final = Domain(((-5, 6),), dtype=int)
CLASSES: Final = Domain(((0, 4),), dtype=int)


def laid_out(array, layout):
    """The same numbers, elsewhere in memory."""
    if layout == "fortran":
        return array.T.copy().T
    if layout == "reversed":
        return np.flip(np.flip(array).copy())
    if layout == "strided" and array.ndim:
        padded = np.zeros(tuple(2 * n + 1 for n in array.shape), array.dtype)
        place = tuple(slice(1, 2 * n + 1, 2) for n in array.shape)
        padded[place] = array
        return padded[place]
    if layout == "read-only":
        array = array.copy()
        array.flags.writeable = False
    return array
