"""Refusals of ours, in whose place NumPy has put an error of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pullback.core.errors import PullbackError


@contextmanager
def told() -> Iterator[None]:
    """Raise what Pullback said where NumPy says "setting an array element with a sequence" of `array[i] = tensor`.

    >>> from pullback.core.errors import TraceError
    >>> with told():
    ...     raise ValueError("setting an array element with a sequence.") from TraceError("float(): no numbers")
    Traceback (most recent call last):
    pullback.core.errors.TraceError: float(): no numbers
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        if isinstance(error, PullbackError) or not isinstance(error.__cause__, PullbackError):
            raise
        raise error.__cause__ from None
