"""What a recorded call changes outside of tensors: what it can see that changes by itself, before it and after.

A program would not do it again, so such a call is refused, and what it changed is put back.
"""

from __future__ import annotations

import random
import sys
import warnings
from array import array as PackedArray
from collections import deque
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from itertools import count, repeat
from types import GeneratorType
from typing import Any, Final, NamedTuple, final
from zlib import crc32

import numpy as np

from pullback.programs.dependencies import same

SMALL: Final = 1 << 16  # bytes up to which what an array holds is kept, and compared at each call


class Changing(NamedTuple):
    """How an object that changes by itself is read, and put back."""

    take: Callable[[Any], Any]
    put: Callable[[Any, Any], None] | None = None
    holds_others: bool = False
    """Whether it holds objects of the user's, which are compared by identity."""

    def is_as(self, value: Any, then: Any) -> bool:
        """Whether an object is as it was."""
        now = self.take(value)
        return now is then or (same(now, then) if self.holds_others else bool(_flat(now) == _flat(then)))


def _numbers(array: Any) -> Any:
    if array.nbytes <= SMALL:
        return array.tobytes()
    return crc32(np.ascontiguousarray(array).view(np.uint8).reshape(-1).data)


def _put_numbers(array: Any, numbers: Any) -> None:
    if isinstance(numbers, bytes) and array.flags.writeable:
        array[...] = np.frombuffer(numbers, array.dtype).reshape(array.shape)


def _flat(state: Any) -> Any:
    """The state of a generator of random numbers, as what can be compared."""
    if isinstance(state, dict):
        return tuple((name, _flat(part)) for name, part in state.items())
    return state.tobytes() if isinstance(state, np.ndarray) else state


def _put_contents(container: Any, contents: Any) -> None:
    container.clear()
    container.extend(contents)


def _put_pairs(mapping: Any, contents: Any) -> None:
    half = len(contents) // 2
    dict.clear(mapping)
    dict.update(mapping, zip(contents[:half], contents[half:], strict=True))


def _put_members(members: Any, contents: Any) -> None:
    members.clear()
    members.update(contents)


def contents(container: Any) -> tuple[Any, ...]:
    """What a container holds, in a row."""
    return (*container, *container.values()) if isinstance(container, dict) else tuple(container)


def _unseen(iterator: Any) -> Any:
    """Of what goes on in secret, nobody can say that it stands where it stood; unless it has come to its end."""
    return None if isinstance(iterator, GeneratorType) and iterator.gi_frame is None else object()


def _iterator(iterator: Any) -> Any:
    """Where an iterator of Python's stands, as it would be pickled."""
    if isinstance(iterator, (count, repeat)):
        return repr(iterator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parts = iterator.__reduce__()
        except (TypeError, AttributeError):
            return _unseen(iterator)
    return tuple(_inside(part) for part in parts[1:])


def _inside(part: Any) -> Any:
    if isinstance(part, tuple):
        return tuple(map(_inside, part))
    if isinstance(part, GeneratorType):
        return _unseen(part)
    return _iterator(part) if hasattr(type(part), "__next__") else part


_ROWS: Final[tuple[tuple[tuple[type, ...], Changing], ...]] = (
    ((np.ndarray,), Changing(_numbers, _put_numbers)),
    ((dict,), Changing(contents, _put_pairs, holds_others=True)),
    ((list, deque), Changing(contents, _put_contents, holds_others=True)),
    ((set,), Changing(contents, _put_members, holds_others=True)),
    ((bytearray,), Changing(bytes, lambda value, then: value.__setitem__(slice(None), then))),
    ((PackedArray,), Changing(lambda value: value.tobytes())),
    ((random.Random,), Changing(lambda value: value.getstate(), lambda value, then: value.setstate(then))),
    ((GeneratorType,), Changing(_unseen, holds_others=True)),
)  # fmt: skip


def changing(value: Any) -> Changing | None:
    """How to read an object that changes by itself; None if it does not."""
    if isinstance(value, np.ndarray) and (value.dtype.hasobject or type(value) is not np.ndarray):
        return None
    for kinds, row in _ROWS:
        if isinstance(value, kinds):
            return row
    if "numpy.random" in sys.modules and isinstance(_source(value), np.random.BitGenerator):
        return Changing(lambda value: value.state, lambda value, then: setattr(value, "state", then))
    if hasattr(type(value), "__next__") and type(value).__module__ in ("builtins", "itertools"):
        return Changing(_iterator, holds_others=True)
    return None


class _Taken(NamedTuple):
    value: Any
    how: Changing
    then: Any
    label: str
    line: str | None


class Change(NamedTuple):
    """Something that a call changed."""

    label: str
    line: str | None

    def __str__(self) -> str:
        return self.label


@final
class Effects:
    """What a function can see that changes by itself, as it was before a call."""

    def __init__(self, seen: Iterator[tuple[Any, str, str | None]]) -> None:
        self._taken: dict[int, _Taken] = {}
        self._first: Change | None = None
        self._undone: list[_Taken] = []
        for value, label, line in (*seen, *_everybodys()):
            if (how := changing(value)) is not None and id(_source(value)) not in self._taken:
                self._taken[id(_source(value))] = _Taken(_source(value), how, how.take(_source(value)), label, line)
        self._undone = list(self._taken.values())

    def change(self, besides: Container[int] = ()) -> Change | None:
        """The first of them that the call has changed so far, other than in operations that a program does again.

        Objects of the ids `besides` may have changed.
        """
        if self._first is None:
            for key, taken in self._taken.items():
                if key not in besides and not taken.how.is_as(taken.value, taken.then):
                    self._first = Change(f"{taken.label} is changed by the function", taken.line)
                    break
        return self._first

    @contextmanager
    def again(self) -> Iterator[list[Change]]:
        """What is changed in here, a program changes at each call; it is told in the list that is given."""
        inside: list[Change] = []
        before = self.change()
        yield inside
        if before is None and (change := self.change()) is not None:
            inside.append(change)
            self._first = None
        self._taken = {key: taken._replace(then=taken.how.take(taken.value)) for key, taken in self._taken.items()}

    def undo(self) -> None:
        """Put back what can be put back."""
        for value, how, then, _, _ in self._undone:
            if how.put is not None and not how.is_as(value, then):
                how.put(value, then)


def _source(value: Any) -> Any:
    """What holds the state: of generators of random numbers, what several may share."""
    if "numpy.random" in sys.modules:
        if isinstance(value, np.random.Generator):
            return value.bit_generator
        if isinstance(value, np.random.RandomState):
            return value._bit_generator
    return value


def _everybodys() -> Iterator[tuple[Any, str, str | None]]:
    """The generators that anybody may draw from without a name."""
    yield getattr(random, "_inst"), "Python's random generator", None  # noqa: B009 (it is private)
    if "numpy.random" in sys.modules:
        yield np.random.mtrand._rand, "np.random", None
