"""Who takes part: this process, its rank, and how many there are; it is alone where nothing started it with others.

MPI is loaded only where a launcher started the process, since loading it takes a second. Every exchange is begun
without waiting, and then waited for with an end, so that a rank that never comes is an error and not a hang.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from hashlib import blake2b
from importlib import import_module
from threading import RLock
from types import TracebackType
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from pullback.core.errors import OptionError, ParallelError
from pullback.core.numbers import checked_number

TIMEOUT: Final = 300.0  # seconds that one rank may be later than another
RANKS: Final = "PULLBACK_RANKS"  # how many there are to be, as `pullback train --ranks` tells those that it starts
INSTALL: Final = "pip install 'pullback[mpi]'"
_LAUNCHED: Final = (RANKS, "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK")  # what launchers tell those they start
_BUSY: Final = 0.1  # seconds of asking again and again; then the processor is left to others in between
_PAUSE: Final = 0.0002
_LAST: Final = 0.5
_BLOCK: Final = 1 << 28  # bytes of one exchange: MPI counts them in 32 bits

Array = npt.NDArray[Any]

_rehearsing: Final[ContextVar[bool]] = ContextVar("nothing is exchanged", default=False)


@final
class World:
    """The processes that compute together, seen from one of them.

    Attributes
    ----------
    rank, size : int
        The number of this process, from 0, and how many there are.
    """

    def __init__(self, comm: Any = None) -> None:
        self.rank, self.size = (0, 1) if comm is None else (int(comm.Get_rank()), int(comm.Get_size()))
        self._comm = comm
        self._calls = 0
        self._broken = ""
        self._kept: list[Any] = []  # what an exchange that was left may still write to
        self._lock = RLock()

    # What ranks do together. All of them call the same, in the same order.

    def agree(self, what: str, facts: Mapping[str, object], timeout: float) -> None:
        """Go on once all ranks do the same: `what`, with the same facts; else ParallelError names who differs."""
        with self._together(what):
            self._calls += 1
            told = [f"call\t{what}, number {self._calls}", *(f"{name}\t{fact}" for name, fact in facts.items())]
            text = "\n".join(told).encode()
            mine = np.frombuffer(blake2b(text, digest_size=16).digest(), np.uint8)
            if not (self._gathered(mine, what, timeout) == mine).all():
                raise _disagreement(what, self._texts(text, what, timeout))

    def combined(self, flat: Array, ufunc: np.ufunc, what: str, timeout: float) -> Array:
        """The arrays of all ranks, combined number by number in the order of the ranks: the same bits everywhere.

        Each rank combines one part of the whole, and gives it to all.
        """
        result = np.empty_like(flat)
        step = max(1, _BLOCK // flat.itemsize)
        with self._together(what):
            for first in range(0, flat.size, step):
                block = flat[first : first + step]
                each = -(-block.size // self.size)
                sent = np.zeros(each * self.size, flat.dtype)
                sent[: block.size] = block
                parts = np.empty((self.size, each), flat.dtype)
                self._wait(self._comm.Ialltoall, sent, parts, what, timeout)
                own = parts[0]
                for other in parts[1:]:
                    ufunc(own, other, out=own)
                result[first : first + step] = self._gathered(own, what, timeout).reshape(-1)[: block.size]
        return result

    def spread(self, flat: Array, root: int, what: str, timeout: float) -> Array:
        """The array of the rank `root`."""
        result = flat.copy()
        step = max(1, _BLOCK // flat.itemsize)
        with self._together(what):
            for first in range(0, flat.size, step):
                self._wait(self._comm.Ibcast, result[first : first + step], None, what, timeout, root=root)
        return result

    def _gathered(self, mine: Array, what: str, timeout: float) -> Array:
        found = np.empty((self.size, *mine.shape), mine.dtype)
        self._wait(self._comm.Iallgather, mine, found, what, timeout)
        return found

    def _texts(self, text: bytes, what: str, timeout: float) -> list[str]:
        """What each rank says."""
        longest = int(self._gathered(np.array([len(text)]), what, timeout).max())
        padded = np.zeros(longest, np.uint8)
        padded[: len(text)] = np.frombuffer(text, np.uint8)
        return [row.tobytes().rstrip(b"\0").decode() for row in self._gathered(padded, what, timeout)]

    def _wait(
        self, begin: Callable[..., Any], sent: Array, received: Array | None, what: str, timeout: float, **more: Any
    ) -> None:
        """Exchange bytes, of whatever dtype, within the time that is given."""
        buffers = [array.reshape(-1).view(np.uint8) for array in (sent, received) if array is not None]
        request = begin(*buffers, **more)
        began = time.monotonic()
        try:
            while not request.Test():
                waited = time.monotonic() - began
                if waited > timeout:
                    raise ParallelError(
                        f"{what}: not all ranks came in time", rank=f"{self.rank} of {self.size}",
                        waited=f"{timeout:g} s",
                        fix="let all ranks make the same calls; where one is only slow, a larger timeout=",
                    )  # fmt: skip
                if waited > _BUSY:
                    time.sleep(_PAUSE)
        except BaseException:
            self._kept.append((request, buffers))
            raise

    @contextmanager
    def _together(self, what: str) -> Iterator[None]:
        """Let nothing more be exchanged once an exchange was left in its middle: the ranks have lost each other."""
        with self._lock:
            if self._broken:
                raise ParallelError(
                    f"{what}: the ranks no longer stand at the same place", left=self._broken, fix="start again"
                )
            try:
                yield
            except ParallelError as error:
                self._broken = error.what
                raise
            except BaseException as error:
                self._broken = f"{what}: {type(error).__name__}"
                if type(error).__module__.partition(".")[0] == "mpi4py":  # of a class that is known only once loaded
                    raise ParallelError(f"{what}: MPI could not do it", got=error, fix="start again") from error
                raise

    def end_all(self) -> None:
        """End all ranks, where this one left an exchange in its middle: MPI could not be closed."""
        if self._kept:
            self._comm.Abort(1)


@contextmanager
def rehearsal() -> Iterator[None]:
    """Exchange nothing: what is done in here is undone, and other ranks may have done it before."""
    token = _rehearsing.set(True)
    try:
        yield
    finally:
        _rehearsing.reset(token)


def rehearsing() -> bool:
    """Whether nothing is to be exchanged now."""
    return _rehearsing.get()


def timeout_of(owner: str, timeout: float) -> float:
    """A time to wait, in seconds, once it is known to be one."""
    return checked_number(owner, "timeout", timeout, 0)


def launched() -> bool:
    """Whether a launcher of MPI started this process."""
    return any(name in os.environ for name in _LAUNCHED)


@cache
def world() -> World:
    """The processes that were started together; loads MPI where a launcher started this one.

    Raises
    ------
    OptionError
        If there should be several, and MPI is missing, or another one than that of the launcher.
    """
    if not launched() and "mpi4py.MPI" not in sys.modules:
        return World()
    wanted = int(os.environ.get(RANKS) or os.environ.get("OMPI_COMM_WORLD_SIZE") or os.environ.get("PMI_SIZE") or 1)
    try:
        mpi = import_module("mpi4py.MPI")
    except (ImportError, RuntimeError) as error:  # the second where there is no MPI library
        if wanted == 1:
            return World()
        raise OptionError(
            "parallel: several ranks need MPI", ranks=wanted, got=" ".join(str(error).split()), fix=INSTALL
        ) from error
    size = mpi.COMM_WORLD.Get_size()
    if size != wanted and RANKS in os.environ:
        raise OptionError(
            "parallel: the launcher is of another MPI than mpi4py", wanted=f"{wanted} ranks", got=size,
            mpi4py=mpi.Get_library_version().splitlines()[0], fix=f"the launcher of that MPI; or {INSTALL}",
        )  # fmt: skip
    if size == 1:
        return World()
    comm, request = mpi.COMM_WORLD.Idup()  # so that messages of others cannot be taken for ours
    found = World(mpi.COMM_WORLD)
    began = time.monotonic()
    while not request.Test():
        if time.monotonic() - began > TIMEOUT:
            raise ParallelError("parallel: not all ranks came in time", rank=f"{found.rank} of {size}")
        time.sleep(_PAUSE)
    found = World(comm)
    _end_together(found)
    return found


def say_last() -> None:
    """Let what was printed pass the launcher, which drops what it has not read when a rank ends all."""
    sys.stdout.flush()
    sys.stderr.flush()
    time.sleep(_LAST)


def _end_together(found: World) -> None:
    """An error that ends one rank ends all; else the others would wait for it."""
    process, shown = os.getpid(), sys.excepthook

    def ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        shown(kind, error, trace)
        if os.getpid() == process:  # and not one that was forked from it
            say_last()
            found._comm.Abort(1)

    def at_exit() -> None:
        if os.getpid() == process:
            found.end_all()

    sys.excepthook = ended
    atexit.register(at_exit)


def _disagreement(what: str, texts: list[str]) -> ParallelError:
    """What the first rank that differs from rank 0 says otherwise."""
    told = [dict(line.split("\t", 1) for line in text.splitlines()) for text in texts]
    rank = next(rank for rank, facts in enumerate(told) if facts != told[0])
    names = [name for name in {**told[0], **told[rank]} if told[0].get(name) != told[rank].get(name)]
    many = f" and {len(names) - 5} more" if len(names) > 5 else ""
    others = [str(number) for number, facts in enumerate(told) if facts != told[0]]
    return ParallelError(
        f"{what}: the ranks do not do the same",
        differs=", ".join(names[:5]) + many,
        **{
            f"rank {number}": "\n".join(f"{name}: {told[number].get(name, 'nothing')}" for name in names[:5])
            for number in (0, rank)
        },
        ranks=f"{', '.join(others)} differ from rank 0" if len(others) > 1 else None,
        fix="let all ranks make the same calls, on values of the same shapes and dtypes",
    )
