"""Facts: what something was when a function was recorded, to be compared with what it is now."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from operator import is_
from types import BuiltinMethodType, MethodType, MethodWrapperType
from typing import Any, Final, NamedTuple

import numpy as np

from pullback.programs.identity import PLAIN, frozen

MISSING: Final = type("Missing", (), {"__repr__": lambda _: "missing", "__slots__": ()})()


class Fact(NamedTuple):
    """Something that was seen: `get(argument)` gave `value`.

    `get` never runs code of the user's. It raises AttributeError or ValueError where there is nothing any more, or
    gives MISSING or None.
    """

    get: Callable[[Any], Any]
    argument: Any
    value: Any
    label: str
    line: str | None = None
    """Where the function reads it."""

    @property
    def now(self) -> Any:
        """What `get` gives now."""
        try:
            return self.get(self.argument)
        except (AttributeError, LookupError, ValueError):
            return MISSING

    @property
    def holds(self) -> bool:
        """Whether the value is the same; for what cannot change by itself, equal suffices."""
        now = self.now
        return now is self.value or same(now, self.value)

    def quick(self) -> Callable[[], bool]:
        """The quickest function that tells whether the value is the same; where in doubt, that it is not."""
        argument, then = self.argument, self.value
        if type(then) is Numbers:
            take, is_as = argument.tobytes, then.is_as
            return lambda: is_as(take())
        if self.get is len:
            return lambda: len(argument) == then
        if type(argument) in (list, deque):
            count = len(then)
            return lambda: len(argument) == count and all(map(is_, argument, then))
        if type(argument) is dict:
            count = len(argument)
            keys, values = then[:count], then[count:]
            return lambda: (
                len(argument) == count and all(map(is_, argument, keys)) and all(map(is_, argument.values(), values))
            )
        return lambda: self.holds

    @property
    def number(self) -> bool:
        """Whether the value is one of many: a number, or the numbers of an array."""
        value = self.value
        return (isinstance(value, (int, float, complex, np.number)) and not isinstance(value, bool)) or (
            type(value) is Numbers
        )

    def __str__(self) -> str:
        if type(self.value) is Numbers:
            then = np.frombuffer(self.value.content, self.argument.dtype).reshape(self.argument.shape)
            return f"{self.label} was {_in_short(then)} and is {_in_short(self.argument)}"
        return f"{self.label} was {_shown(self.value)} and is {_shown(self.now)}"


class Numbers(NamedTuple):
    """What an array held, and which of its numbers, if any, were found not to matter."""

    content: bytes
    free: Any = None

    def is_as(self, now: bytes) -> bool:
        """Whether an array of this size holds the same numbers now, where they matter."""
        return now == self.content or (self.free is not None and not np.any(self.differ(now) & ~self.free))

    def differ(self, now: bytes) -> Any:
        """Which numbers are others now."""
        then = np.frombuffer(self.content, np.uint8).reshape(len(self.free), -1)
        return (np.frombuffer(now, np.uint8).reshape(then.shape) != then).any(axis=1)


def numbers(array: Any, free: Any = None) -> Numbers:
    """What an array holds."""
    return Numbers(array.tobytes(), free)


def same(now: Any, then: Any) -> bool:
    """Whether two values that are not identical are the same nevertheless; no comparison of the user's is run."""
    if type(now) is not type(then):
        return False
    if isinstance(then, Numbers):
        return len(now.content) == len(then.content) and then.is_as(now.content)
    if isinstance(then, tuple):
        return len(now) == len(then) and all(a is b or same(a, b) for a, b in zip(now, then, strict=True))
    if isinstance(then, _METHODS):  # made anew at each read
        return then.__self__ is now.__self__ and _function(then) is _function(now)
    return isinstance(then, PLAIN) and bool(frozen(now) == frozen(then))


_METHODS: Final = (MethodType, BuiltinMethodType, MethodWrapperType)


def _function(method: Any) -> Any:
    return getattr(method, "__func__", None) or method.__name__


def _in_short(array: Any) -> str:
    return " ".join(np.array2string(array, threshold=6, edgeitems=2).split())


def _shown(value: Any) -> str:
    if isinstance(value, PLAIN) or value is MISSING:
        return repr(value)
    return f"{len(value)} values" if type(value) is tuple else f"a {type(value).__name__}"
