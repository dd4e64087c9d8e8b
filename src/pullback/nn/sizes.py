"""Sizes and truths that layers are made with, checked where they are given."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

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


def truths(layer: str, **settings: Any) -> None:
    """Raise OptionError for a setting that is no truth: "False" would be taken for True.

    >>> truths("LSTM", bias=True, batch_first=False)
    """
    for name, value in settings.items():
        if not isinstance(value, (bool, np.bool)):
            raise OptionError(f"{layer}: {name} is a truth", got=repr(value), fix="True or False")
