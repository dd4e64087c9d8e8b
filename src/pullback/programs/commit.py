"""Doing several writes in one step that nothing of Python's can come between: no signal, and so no Ctrl-C.

Python looks for signals between instructions of its own, and never within a function that is written in C. So all
writes, each a call of such a function, go through one: after an interrupt all of them are done, or none is.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import starmap
from operator import call
from typing import Any


def commit(calls: Iterable[tuple[Any, ...]]) -> bool:
    """Make calls, each a function with what it is given, until one gives something that is true; tell whether one did.

    The functions, and what gives the calls one by one, are C's: `setattr` of a slot, `list.append`, `zip`, `chain`.

    >>> a, b = [], []
    >>> commit([(a.append, 1), (b.append, 2)])
    False
    >>> a, b
    ([1], [2])
    """
    return any(starmap(call, calls))
