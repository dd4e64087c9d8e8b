"""Any loader as what the loop asks of it: the batches of an epoch, from a number on, and which of them is the last."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import Any, Final, final

from pullback.core.errors import DataError

_FIX: Final = "a pb.data.DataLoader, a list of batches, or a function that takes the epoch and gives its batches"


@final
class Feed:
    """The batches of a loader, epoch by epoch.

    Parameters
    ----------
    loader : DataLoader, function or iterable
        What has `batches(epoch, start)`, as `DataLoader` does; a function of the epoch that gives its batches; or what
        can be iterated over again and again, such as a list or a loader of another library. Of the last two, batches
        before the one to begin with are made and left out; and to go on bit for bit they have to give the same batches
        each time.

    Raises
    ------
    DataError
        If it is none of these, or an iterator, which can be gone through once; or if it has no batches.
    """

    def __init__(self, loader: Any) -> None:
        self.loader = loader
        self._seeded = hasattr(loader, "batches")
        if not (self._seeded or callable(loader) or hasattr(loader, "__iter__")):
            raise DataError("train: this is no loader", got=type(loader).__name__, fix=_FIX)
        if hasattr(loader, "__next__"):
            raise DataError("train: an iterator can be gone through once only", got=type(loader).__name__, fix=_FIX)
        self.length: int | None = len(loader) if hasattr(loader, "__len__") else None
        if self.length == 0:
            raise DataError("train: the loader has no batches", fix="a smaller batch size, or more data")

    def epoch(self, number: int, start: int) -> Iterator[tuple[Any, bool]]:
        """The batches of an epoch from number `start` on, each with whether it is the last one."""
        batches = self._batches(number, start)
        if self.length is None:
            yield from _with_ends(batches, number, start)
            return
        place = start
        for place, batch in enumerate(islice(batches, self.length - start), start + 1):
            yield batch, place == self.length
        if place < self.length:
            raise DataError(
                "train: the loader has fewer batches than it said", said=self.length, gave=place, epoch=number,
                fix="give its __len__ the number of batches, not of samples",
            )  # fmt: skip

    def _batches(self, number: int, start: int) -> Iterator[Any]:
        if self._seeded:
            return iter(self.loader.batches(number, start))
        batches = iter(self.loader(number) if callable(self.loader) else self.loader)
        return islice(batches, start, None)


@final
class Deferred:
    """A loader that is made when it is first asked for anything: a model can be used without its data.

    >>> loader = Deferred(lambda: [1, 2, 3])
    >>> len(loader), list(loader.batches(epoch=0, start=1))
    (3, [2, 3])
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    @cached_property
    def _feed(self) -> Feed:
        return Feed(self._make())

    def __len__(self) -> int:
        length = self._feed.length
        if length is None:
            raise DataError("train: the loader does not say how many batches it has", fix="give it a __len__")
        return length

    def batches(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """The batches of an epoch from number `start` on."""
        return (batch for batch, _ in self._feed.epoch(epoch, start))


def named(test: Any) -> dict[str, Any]:
    """What a model is evaluated on, by name: one loader alone is called "test"."""
    if test is None:
        return {}
    return dict(test) if isinstance(test, Mapping) else {"test": test}


def _with_ends(batches: Iterator[Any], number: int, start: int) -> Iterator[tuple[Any, bool]]:
    """Of a loader of unknown length: one batch is asked for ahead."""
    nothing = object()
    batch = next(batches, nothing)
    if batch is nothing and start == 0:
        raise DataError("train: the loader has no batches", epoch=number, fix=_FIX)
    while batch is not nothing:
        following = next(batches, nothing)
        yield batch, following is nothing
        batch = following
