"""A count of the changes that are part of a program and no input of it: a module's flags, what requires a gradient.

Whoever changes such a thing counts it. Whoever holds a program compares one number, and looks closer where it differs.
"""

from __future__ import annotations

from itertools import count
from typing import Any, Final

_next: Final = count(1).__next__
CHANGES: Final = [0]  # another number after each change, and never one that was there before


def changed() -> None:
    """Note that something has changed.

    >>> before = CHANGES[0]
    >>> changed()
    >>> CHANGES[0] == before
    False
    """
    CHANGES[0] = _next()


class Noticed:
    """Half of modules and optimizers: objects of which each new value of an attribute counts as a change."""

    def __setattr__(self, name: str, value: Any) -> None:
        same = vars(self).get(name, self) is value
        object.__setattr__(self, name, value)
        if not same:
            changed()

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        changed()
