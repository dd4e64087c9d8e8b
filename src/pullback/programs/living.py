"""What is known of arrays, for as long as each lives: by its id, which may be another's as soon as it is gone."""

from __future__ import annotations

import weakref
from typing import Any, final

import numpy as np

from pullback.programs.program import Operand


@final
class Living(dict[int, Operand]):
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

    __slots__ = ("__weakref__", "_forget", "_kept")

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[int, Any] = {}  # what forgets an array; of numbers nobody hears that they go, so they stay
        own = weakref.ref(self)  # else the tables and what empties them would hold each other

        def forget(reference: weakref.KeyedRef[int, Any]) -> None:
            if (known := own()) is not None:
                known.pop(reference.key, None)
                known._kept.pop(reference.key, None)

        self._forget = forget

    def note(self, array: Any, operand: Operand) -> None:
        """Know an array as a value."""
        key = id(array)
        self[key] = operand
        self._kept[key] = weakref.KeyedRef(array, self._forget, key) if type(array) is np.ndarray else array
