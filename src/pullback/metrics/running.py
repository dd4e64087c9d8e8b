"""What metrics keep between batches, none of which grows an error: counts, exact sums, and samples.

Each of them adds what a batch brings, merges with that of another process, and goes into a checkpoint as a tree. In
whatever order and in however many pieces the same numbers come, it ends the same, to the last bit.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from fractions import Fraction
from typing import Any, Final, Self, TypeAlias, final

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

_LEAST: Final = 1_127  # 2**-1127 divides every float64 once its 53 digits are taken as an integer
_HALF: Final = 27  # bits: halves of 53-bit integers, of which 2**36 can be added in 64 bits


class Running(ABC):
    """Something that is added up."""

    @abstractmethod
    def clear(self) -> None:
        """Begin anew."""

    @abstractmethod
    def merge(self, other: Self) -> None:
        """Add what another one of the same kind has."""

    @abstractmethod
    def state(self) -> Any:
        """All of it, as a tree that a checkpoint takes."""

    @abstractmethod
    def restore(self, state: Any) -> None:
        """Go on from a state."""


@final
class Counts(Running):
    """Whole numbers, in an array of one shape.

    >>> counts = Counts(2)
    >>> counts.add([3, 0])
    >>> counts.add([1, 1])
    >>> counts.numbers
    array([4, 1])
    """

    def __init__(self, shape: int | tuple[int, ...] = ()) -> None:
        self.numbers: Array = np.zeros(shape, np.int64)

    def add(self, numbers: Any) -> None:
        """Add integers of the same shape."""
        self.numbers += np.asarray(numbers, np.int64)

    def clear(self) -> None:
        self.numbers[...] = 0

    def merge(self, other: Self) -> None:
        self.numbers += other.numbers

    def state(self) -> Any:
        return self.numbers.copy()

    def restore(self, state: Any) -> None:
        self.numbers[...] = state

    def __int__(self) -> int:
        return int(self.numbers)


@final
class ExactSum(Running):
    """The sum of floating-point numbers without any rounding: an integer times a fixed power of two.

    References
    ----------
    U. Kulisch, Very fast and exact accumulation of products, Computing 91, 2011: a register as wide as the format.

    >>> total = ExactSum()
    >>> for number in (1e100, 1.0, -1e100):
    ...     total.add(number)
    >>> float(total)
    1.0
    """

    def __init__(self) -> None:
        self.clear()

    def add(self, numbers: Any) -> None:
        """Add each of some real numbers."""
        values = np.asarray(numbers, np.float64).ravel()
        finite = np.isfinite(values)
        if not finite.all():
            with np.errstate(invalid="ignore"):
                self._astray += float(values[~finite].sum())
            values = values[finite]
        mantissas, exponents = np.frexp(values)
        whole = np.ldexp(mantissas, 53).astype(np.int64)
        high, low = whole >> _HALF, whole & ((1 << _HALF) - 1)
        for exponent in np.unique(exponents):
            chosen = exponents == exponent
            total = (int(high[chosen].sum()) << _HALF) + int(low[chosen].sum())
            self._register += total << (int(exponent) - 53 + _LEAST)

    def add_products(self, a: Any, b: Any) -> None:
        """Add a·b for each pair, exactly: each product is the sum of two numbers of float64.

        References
        ----------
        T. J. Dekker, A floating-point technique for extending the available precision, 1971.
        """
        x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            product = x * y
            (x1, x2), (y1, y2) = _halves(x), _halves(y)
            rest = x2 * y2 - (((product - x1 * y1) - x2 * y1) - x1 * y2)
        self.add(product)
        self.add(np.where(np.isfinite(rest), rest, 0.0))

    @property
    def exact(self) -> Fraction:
        """The sum as a fraction; of numbers that all are finite."""
        return Fraction(self._register, 1 << _LEAST)

    def __float__(self) -> float:
        """Round once; an infinity or a NaN among the numbers stays."""
        try:
            return self._astray or float(self.exact)
        except OverflowError:
            return math.inf if self._register > 0 else -math.inf

    def clear(self) -> None:
        self._register = 0
        self._astray = 0.0  # the sum of those that are not finite

    def merge(self, other: Self) -> None:
        self._register += other._register
        self._astray += other._astray

    def state(self) -> Any:
        return {"register": hex(self._register), "astray": str(self._astray)}

    def restore(self, state: Any) -> None:
        self._register, self._astray = int(state["register"], 16), float(state["astray"])


def _halves(x: Array) -> tuple[Array, Array]:
    """Split numbers into two of 26 bits."""
    spread = x * (2.0**_HALF + 1)
    high = spread - (spread - x)
    return high, x - high


@final
class Samples(Running):
    """Arrays whose rows are kept: for what depends on all samples at once, as a ranking does."""

    def __init__(self) -> None:
        self._pieces: list[Array] = []

    def add(self, rows: Any) -> None:
        """Keep further rows."""
        self._pieces.append(np.array(rows))

    @property
    def rows(self) -> Array:
        """All rows, one after the other."""
        if len(self._pieces) > 1:
            self._pieces = [np.concatenate(self._pieces)]
        return self._pieces[0] if self._pieces else np.empty(0)

    def clear(self) -> None:
        self._pieces = []

    def merge(self, other: Self) -> None:
        self._pieces += other._pieces

    def state(self) -> Any:
        return [self.rows] if self._pieces else []

    def restore(self, state: Any) -> None:
        self._pieces = list(state)
