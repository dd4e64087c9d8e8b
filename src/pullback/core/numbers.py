"""Numbers that a setting has to be: within limits, never NaN, and checked in a tensor as they are alone."""

from __future__ import annotations

import math
import operator
from typing import Any

from pullback.core.errors import GraphError, OptionError


def checked_number(
    owner: str, name: str, value: Any, low: float = -math.inf, high: float = math.inf, *, below: bool = False
) -> float:
    """`value` as a float from `low` to `high`, or `below` it; of an array or a tensor, its one number.

    Raises OptionError where it is none, GraphError where it is tracked: a setting carries no derivative.

    >>> checked_number("Dropout", "p", 0.5, 0, 1)
    0.5
    """
    if getattr(value, "requires_grad", False):
        raise GraphError(f"{owner}: {name} carries no derivative", fix=f"{name}.detach()")
    try:
        number = math.nan if isinstance(value, (bool, str)) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not low <= number <= high or (below and number == high):
        closed = "(" if low == -math.inf else "["
        fix = f"a number in {closed}{low:g}, {high:g}{')' if below or high == math.inf else ']'}"
        raise OptionError(f"{owner}: {name} is not possible", got=repr(value), fix=fix)
    return number


def checked_count(owner: str, name: str, value: Any, least: int = 0) -> int:
    """`value` as a whole number of at least `least`, or OptionError.

    >>> checked_count("TopK", "k", 5, least=1)
    5
    """
    try:
        number = least - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise OptionError(f"{owner}: {name} is not possible", got=repr(value), fix=f"a whole number of {least} or more")
    return number
