"""What is known of arrays, for as long as each lives: by its id, which may be another's as soon as it is gone."""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any, final

import numpy as np

from pullback.programs.program import Operand


@final
class Living:
    """By the id of an array, the value that it is. It keeps no array: what nobody else holds is freed, and forgotten.

    >>> from pullback.programs.program import Value
    >>> known, array = Living(), np.zeros(2)
    >>> known.note(array, Value(array.shape, array.dtype))
    >>> id(array) in known
    True
    >>> del array
    >>> len(known)
    0
    """

    __slots__ = ("__weakref__", "_kept", "_values", "get")

    def __init__(self) -> None:
        self._values: dict[int, Operand] = {}
        self._kept: dict[int, Any] = {}  # what forgets an array; of numbers nobody hears that they go, so they stay
        self.get = self._values.get

    def __contains__(self, key: int) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    def note(self, array: Any, operand: Operand) -> None:
        """Know an array as a value."""
        key = id(array)
        self._values[key] = operand
        if type(array) is np.ndarray:
            # Not a function of Python's, which could be interrupted: a new array at that place would be taken for this
            # one. It is called with the reference, which is the default of `pop`.
            self._kept[key] = weakref.ref(array, partial(self._values.pop, key))
        else:
            self._kept[key] = array
