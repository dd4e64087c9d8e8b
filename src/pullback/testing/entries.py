"""Derivatives against numbers, entry by entry: what agrees, what does not, and which is worst."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, final

import numpy as np

from pullback.core.errors import GradientCheckError
from pullback.testing.numerical import Estimate

Array = np.ndarray[Any, Any]

_SAFETY: Final = 10.0  # an error that is estimated may be off by this factor
_DECISIVE: Final = 1e-2  # numbers that may be off by more than this part of themselves decide nothing
_NEGLIGIBLE: Final = 1e-6  # unless they are off by less than this
_SHOWN: Final = 5


class Entry(NamedTuple):
    """One entry of a Jacobian: the derivative of one output along one argument, or along one direction."""

    argument: str
    output: str
    analytic: float
    low: float
    high: float
    difference: float
    tolerance: float
    remark: str

    def cells(self) -> list[str]:
        """The entry as a row of a table."""
        numeric = f"{self.low:.10g}" if self.low == self.high else f"{self.low:.10g} to {self.high:.10g}"
        numbers = [f"{self.analytic:.10g}", numeric, f"{self.difference:.2g}", f"{self.tolerance:.2g}"]
        return [self.argument, self.output, *numbers, self.remark]


_HEADER: Final = ["argument", "output", "analytic", "numeric", "difference", "tolerance", ""]
_RANGE: Final = "a kink: outside of its one-sided slopes"
_VAGUE: Final = "a jump or a singular point: differences do not settle"
_FORBIDDEN: Final = "a kink: the one-sided slopes differ"


@final
class Tally:
    """What comparing block after block of a Jacobian has found.

    Parameters
    ----------
    name : Callable
        Gives the names of the argument and the output of the entry (direction, output).
    rtol : float
        Relative error that is forgiven on top of the estimated one.
    forbid_kinks : bool
        A kink is a failure, even if the derivative lies between its one-sided ones.
    """

    def __init__(self, name: Callable[[int, int], tuple[str, str]], rtol: float, forbid_kinks: bool) -> None:
        self._name, self._rtol, self._forbid = name, rtol, forbid_kinks
        self.entries = self.wrong = self.unchecked = 0
        self.kinks: list[str] = []
        self.largest = 0.0
        self._worst: list[tuple[float, Entry]] = []

    def compare(
        self, analytic: Array, numeric: Estimate, first: int, *, rounding: Array | float = 0.0, decide: bool = True
    ) -> None:  # fmt: skip
        """Compare derivatives of shape (directions, outputs) with numbers, from direction `first` on.

        `rounding` is what rounding may do to them besides.
        """
        with np.errstate(all="ignore"):  # what is not finite fails
            low, high = numeric.low, numeric.high
            difference = np.maximum(np.maximum(low - analytic, analytic - high), 0)
            finite = np.where(np.isfinite(analytic), abs(analytic), 0)  # an infinity forgives nothing
            size = np.maximum(finite, np.maximum(abs(low), abs(high)))
            doubt = _SAFETY * numeric.error
            tolerance = doubt + self._rtol * size + rounding
            vague = ~((doubt <= _DECISIVE * size) | (doubt <= _NEGLIGIBLE)) & decide
            wrong = ~(difference <= tolerance)
            severity = np.where(wrong & ~vague, np.nan_to_num(difference / tolerance, nan=np.inf), 0)
            unchecked = vague | (numeric.kink & self._forbid)
        self.entries += analytic.size
        self.wrong += int((wrong & ~vague).sum())
        self.unchecked += int((unchecked & ~wrong).sum()) + int((wrong & vague).sum())
        self.kinks += [" of ".join(reversed(self._name(int(k) + first, int(i)))) for k, i in np.argwhere(numeric.kink)]
        self.largest = max(self.largest, float(np.max(difference, initial=0, where=np.isfinite(difference))))
        bad = wrong | unchecked
        found = np.argwhere(bad)
        order = np.argsort(-severity[bad], kind="stable")[:_SHOWN]
        for k, i in found[order]:
            remark = _VAGUE if vague[k, i] else ""
            if numeric.kink[k, i]:
                remark = _FORBIDDEN if difference[k, i] <= tolerance[k, i] else _RANGE
            argument, output = self._name(int(k) + first, int(i))
            a, b, c = float(analytic[k, i]), float(low[k, i]), float(high[k, i])
            entry = Entry(argument, output, a, b, c, float(difference[k, i]), float(tolerance[k, i]), remark)
            self._worst.append((float(severity[k, i]), entry))
        self._worst = sorted(self._worst, key=lambda pair: -pair[0])[:_SHOWN]

    def verdict(self, mode: str, **facts: object) -> None:
        """Raise GradientCheckError, with the worst entries, if one was wrong or cannot be checked."""
        lines = "\n".join(table([_HEADER, *(entry.cells() for _, entry in self._worst)]))
        if self.wrong:
            raise GradientCheckError(
                f"check_grads: {mode} mode gives a wrong derivative", **facts,
                wrong=f"{self.wrong:,} of {self.entries:,} entries, the worst first:", entries=lines,
                fix="correct the derivative of the operation that these entries go through",
            )  # fmt: skip
        if self.unchecked:
            raise GradientCheckError(
                f"check_grads: {mode} mode cannot be checked at this point", **facts,
                unchecked=f"{self.unchecked:,} of {self.entries:,} entries, among them:", entries=lines,
                fix="move the point away from the kink, the jump or the singular point",
            )  # fmt: skip


def table(rows: list[list[str]]) -> Iterator[str]:
    """Rows of cells as lines of aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
