"""Sizes that layers are made with: whole numbers, checked where they are given."""

from __future__ import annotations

import operator
from typing import Any

from pullback.core.errors import OptionError


def positive(layer: str, name: str, number: Any) -> int:
    """A number of features, channels or the like, 1 or more.

    >>> positive("Linear", "in_features", 3)
    3
    """
    try:
        size = -1 if isinstance(number, bool) else operator.index(number)
    except TypeError:
        size = 0
    if size < 1:
        raise OptionError(f"{layer}: {name} is no size", got=repr(number), fix="an integer, 1 or more")
    return size
