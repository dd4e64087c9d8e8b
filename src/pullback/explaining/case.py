"""One operation that is looked at: what went in, and where a cotangent came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, final

import numpy as np

from pullback.core.anomaly import ranges
from pullback.core.kinds import Elementwise
from pullback.core.origin import is_library
from pullback.explaining.diagnosis import Finding
from pullback.explaining.watch import Made, Step
from pullback.transforms.authored import Authored

Reason: TypeAlias = tuple[str, str]  # the cause, and what to do
Rule: TypeAlias = Callable[["Case"], "Reason | None"]

_UNKNOWN: Final = "not kept: call explain with a function, which is then run once"


class Numbers(NamedTuple):
    """How numbers are: whether all are 0, and whether one is NaN or infinite."""

    zero: bool
    nan: bool = False
    infinite: bool = False

    @property
    def finite(self) -> bool:
        """Whether there is neither NaN nor infinity."""
        return not (self.nan or self.infinite)


def numbers_of(value: Any) -> Numbers:
    """How the numbers of an array are; of several arrays, how they are together. None stands for 0."""
    parts = [] if value is None else value if isinstance(value, tuple) else [value]
    arrays = [np.asarray(part) for part in parts if part is not None and known(part)]
    floats = [array for array in arrays if array.dtype.kind in "fc"]
    return Numbers(
        zero=not any(array.any() for array in arrays), nan=any(np.isnan(array).any() for array in floats),
        infinite=any(np.isinf(array).any() for array in floats),
    )  # fmt: skip


def known(value: Any) -> bool:
    """Whether the numbers themselves are there."""
    return isinstance(value, (int, float, complex, np.ndarray, np.generic))


@final
class Case:
    """An operation, and one of its operands whose derivative is in question.

    Attributes
    ----------
    made : Made
        The operation.
    step : Step or None
        What came back to it, and what it gave.
    place : int
        Which operand.
    """

    def __init__(self, made: Made, step: Step | None = None, place: int = 0) -> None:
        self.made, self.step, self.place = made, step, place

    @property
    def x(self) -> Any:
        """The operand that is in question, where a cotangent came in, as far as that can be said."""
        return self.at(self.made.operands[self.place])

    @property
    def others(self) -> list[Any]:
        """The other operands."""
        return [x for i, x in enumerate(self.made.operands) if i != self.place]

    @property
    def y(self) -> Any:
        """The result, where a cotangent came in."""
        return self.at(self.made.result)

    def at(self, value: Any) -> Any:
        """The elements of an array beside which the cotangent is not 0; all, where the shapes differ."""
        cotangent = None if self.step is None else self.step.cotangent
        if not known(value) or cotangent is None or isinstance(cotangent, tuple):
            return value
        array, mask = np.asarray(value), np.asarray(cotangent) != 0
        try:
            array = np.broadcast_to(array, mask.shape)
        except ValueError:
            return value
        return array[mask] if mask.any() else array

    def holds(self, value: Any, test: Callable[[Any], Any]) -> bool:
        """Whether something is true of all elements that count; False where they are not known."""
        if not known(value) or np.size(value) == 0:
            return False
        with np.errstate(all="ignore"):
            return bool(np.all(test(np.asarray(value))))

    def some(self, value: Any, test: Callable[[Any], Any]) -> bool:
        """Whether something is true of an element; False where they are not known."""
        if not known(value):
            return False
        with np.errstate(all="ignore"):
            return bool(np.any(test(np.asarray(value))))

    @property
    def slope(self) -> Any:
        """The partial derivative of an elementwise operation, where a cotangent came in; else None."""
        primitive = self.made.primitive
        if not isinstance(primitive, Elementwise) or self.step is None or not self.step.saved:
            return None
        rule = primitive.rules[self.place]
        if rule is None:
            return 0.0
        with np.errstate(all="ignore"):
            found = rule.number if rule.number is not None else rule.at(self.step.saved)
        return self.at(np.asarray(getattr(found, "array", found)))

    @property
    def own(self) -> bool:
        """Whether its derivative is a rule of the user's."""
        rule = getattr(self.made.primitive, "rule", None)
        return isinstance(self.made.primitive, Authored) or not is_library(rule)

    def finding(self, reason: Reason) -> Finding:
        """What is found of it."""
        made = self.made
        operands = ranges(made.operands) if any(map(known, made.operands)) else _UNKNOWN
        return Finding(made.op, reason[0], reason[1], operands, made.line, made.layer)


def first_of(rules: Sequence[Rule], case: Case, otherwise: Reason) -> Reason:
    """The first reason that holds."""
    return next((reason for rule in rules if (reason := rule(case)) is not None), otherwise)
