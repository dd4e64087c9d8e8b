"""Who takes part: this process, its rank, and how many there are; it is alone where nothing started it with others.

MPI is loaded only where a launcher started the process, since loading it takes a second.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import import_module
from types import TracebackType
from typing import Final

from pullback.core.errors import OptionError, ParallelError
from pullback.core.numbers import checked_number
from pullback.parallel.exchange import World

TIMEOUT: Final = 300.0  # seconds that one rank may be later than another
RANKS: Final = "PULLBACK_RANKS"  # how many there are to be, as `pullback train --ranks` tells those that it starts
INSTALL: Final = "pip install 'pullback[mpi]'"
_LAUNCHED: Final = (RANKS, "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK")  # what launchers tell those they start
_PAUSE: Final = 0.0002
_LAST: Final = 0.5


_rehearsing: Final[ContextVar[bool]] = ContextVar("nothing is exchanged", default=False)


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
