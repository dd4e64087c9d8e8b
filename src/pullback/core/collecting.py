"""Python's garbage collector, paused while much is made that stays: it would look at all of it again and again."""

from __future__ import annotations

import gc
from contextlib import ContextDecorator
from threading import Lock
from typing import final


@final
class _Uncollected(ContextDecorator):
    """A pause of the collector; it goes on when the last thread that paused it is done, if it ran before.

    >>> with uncollected:
    ...     gc.isenabled()
    False
    """

    def __init__(self) -> None:
        self._lock, self._depth, self._ran = Lock(), 0, False

    def __enter__(self) -> None:
        with self._lock:
            if not self._depth:
                self._ran = gc.isenabled()
                gc.disable()
            self._depth += 1

    def __exit__(self, *_exception: object) -> None:
        with self._lock:
            self._depth -= 1
            if not self._depth and self._ran:
                gc.enable()


uncollected = _Uncollected()
