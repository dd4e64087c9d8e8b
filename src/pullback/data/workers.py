"""Processes that make batches ahead: each takes tasks from a pipe, and gives arrays through shared memory.

Batch number i is made by worker i modulo their number, so that batches come in order and every worker has as much to
do. A worker holds at most `AHEAD` of them. What a batch draws from the generators of the process, NumPy's and
Pullback's, follows from the loader's seed, the epoch and the number of the batch alone: not from which worker makes
it, nor from how many there are.

A worker ends when it is told to, or when the process that started it is gone. What goes wrong in it comes back as it
was raised, with its traceback.
"""

from __future__ import annotations

import contextlib
import multiprocessing as mp
import os
import random
import signal
import traceback
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker, shared_memory
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from typing import Any, Final, NamedTuple, final

import numpy as np

from pullback.core.errors import DataError, OptionError
from pullback.core.tree import leaves, rebuild
from pullback.data.order import WORKER
from pullback.functions.random import seed

AHEAD: Final = 2  # batches that a worker makes before they are asked for
_PATIENCE: Final = 5.0  # seconds between two looks at whether the parent is there, and for a worker to end by itself
_ALIGNED: Final = 64  # bytes


@final
@dataclass(frozen=True)
class Place:
    """Where an array lies in a block of shared memory."""

    offset: int
    shape: tuple[int, ...]
    dtype: str


class Made(NamedTuple):
    """A batch in shared memory: its tree with a place for each array, and what the block is called."""

    tree: Any
    block: str | None


class Failed(NamedTuple):
    """What went wrong in a worker: the error, if it can be sent, and its traceback as text."""

    error: BaseException | None
    text: str


@final
class WorkerError(Exception):
    """The traceback of a worker, as the cause of the error that it ends in."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"\n{self.text}"


@final
class Workers:
    """Some processes that make batches.

    Parameters
    ----------
    make : callable
        Takes an epoch and positions of samples, and gives a tree of arrays. Started by "spawn", it is pickled.
    number : int
        How many processes.
    method : {"fork", "spawn", "forkserver"}
        How they are started.
    seed : int
        Of what batches draw from the generators of their process.
    """

    def __init__(self, make: Callable[[int, Any], Any], number: int, method: str, seed: int) -> None:
        resource_tracker.ensure_running()  # before any worker is there: one for all of them
        context = mp.get_context(method)
        forked = os.getpid() if method == "fork" else None
        self._pipes: list[Connection] = []
        self._processes: list[Any] = []
        self.close = weakref.finalize(self, _end, os.getpid(), self._pipes, self._processes)
        for place in range(number):
            mine, theirs = context.Pipe()
            # What a fork inherits of its elder sisters would keep their pipes open when this process is gone.
            inherited = (mine, *self._pipes) if method == "fork" else ()
            process = context.Process(  # type: ignore[attr-defined]  # each context has one
                target=_work, args=(theirs, make, seed, forked, inherited), name=f"pullback-loader-{place}",
                daemon=True,
            )  # fmt: skip
            with warnings.catch_warnings():
                # Of forking beside threads: a worker gathers rows, and asks nothing of what other threads may hold.
                warnings.simplefilter("ignore", DeprecationWarning)
                try:
                    process.start()
                except OSError:  # there is no room for another process
                    raise
                except Exception as error:
                    raise OptionError(
                        "DataLoader: the data set cannot be sent to a worker", got=f"{type(error).__name__}: {error}",
                        fix='classes and functions at the top of a module, or start_method="fork"',
                    ) from error  # fmt: skip
            theirs.close()
            self._pipes.append(mine)
            self._processes.append(process)

    def batches(self, epoch: int, orders: Sequence[Any], first: int) -> Iterator[Any]:
        """The batches of some orders, made ahead; the first one has number `first` in the epoch."""
        number = len(self._pipes)
        sent = 0
        for place in range(len(orders)):
            while sent < len(orders) and sent < place + AHEAD * number:
                self._send(sent % number, (epoch, first + sent, orders[sent]))
                sent += 1
            yield self._received(place % number)

    def _send(self, worker: int, task: Any) -> None:
        try:
            self._pipes[worker].send(task)
        except OSError as error:
            raise self._died(worker) from error

    def _received(self, worker: int) -> Any:
        pipe, process = self._pipes[worker], self._processes[worker]
        while not pipe.poll():
            wait([pipe, process.sentinel])
            if not pipe.poll() and not process.is_alive():
                raise self._died(worker)
        try:
            made = pipe.recv()
        except (EOFError, OSError) as error:
            raise self._died(worker) from error
        if isinstance(made, Failed):
            _raise(made, worker)
        return _taken(made)

    def _died(self, worker: int) -> DataError:
        process = self._processes[worker]
        process.join(_PATIENCE)
        code = process.exitcode
        how = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
        return DataError(
            "DataLoader: a worker died", worker=worker, got=how,
            fix="more memory or fewer workers; num_workers=0 shows what goes wrong in this process",
        )  # fmt: skip


def _raise(failed: Failed, worker: int) -> None:
    cause = WorkerError(f"in worker {worker}:\n{failed.text}")
    if failed.error is None:
        last = failed.text.strip().splitlines()[-1]
        raise DataError("DataLoader: a worker failed", worker=worker, got=last) from cause
    raise failed.error from cause


def _end(owner: int, pipes: list[Connection], processes: list[Any]) -> None:
    """Let the workers end, and make those end that do not."""
    if os.getpid() != owner:  # a fork has the object, and not the processes
        return
    for pipe in pipes:
        with contextlib.suppress(OSError):
            pipe.send(None)
    for pipe, process in zip(pipes, processes, strict=False):
        _drained(pipe, process)
        process.join(_PATIENCE)
        if process.is_alive():
            process.kill()
            process.join()
        pipe.close()


def _drained(pipe: Connection, process: Any) -> None:
    """Free the batches that nobody takes any more, until the worker is gone."""
    with contextlib.suppress(EOFError, OSError):
        while wait([pipe, process.sentinel], _PATIENCE) and pipe.poll():
            made = pipe.recv()
            if isinstance(made, Made):
                _free(made.block)


def _taken(made: Made) -> Any:
    """The batch, in arrays of this process; the block is free."""
    if made.block is None:
        return rebuild(made.tree, [np.empty(place.shape, place.dtype) for place in leaves(made.tree)])
    block = shared_memory.SharedMemory(made.block)
    try:
        views = [np.ndarray(place.shape, place.dtype, block.buf, place.offset) for place in leaves(made.tree)]
        arrays = [view.copy() for view in views]
        del views
    finally:
        block.close()
        block.unlink()
    return rebuild(made.tree, arrays)


def _free(name: str | None) -> None:
    if name is not None:
        with contextlib.suppress(FileNotFoundError):
            block = shared_memory.SharedMemory(name)
            block.close()
            block.unlink()


# In a worker.


def _work(
    pipe: Connection, make: Callable[[int, Any], Any], base: int, forked: int | None, inherited: Sequence[Connection]
) -> None:
    """Make batches until told to end, or until nobody is there who could."""
    for other in inherited:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            while not pipe.poll(_PATIENCE):
                if not _parent_is_there(forked):
                    return
            task = pipe.recv()
            if task is None:
                return
            pipe.send(_made(make, base, *task))


def _parent_is_there(forked: int | None) -> bool:
    """Whether the process that asks for batches is alive; a fork knows it by its number."""
    if forked is not None:
        return os.getppid() == forked
    parent = mp.parent_process()
    return parent is None or parent.is_alive()


def _made(make: Callable[[int, Any], Any], base: int, epoch: int, number: int, order: Any) -> Made | Failed:
    try:
        _seed(base, epoch, number)
        return _given(make(epoch, order))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is raised again in the parent
        text = "".join(traceback.format_exception(error))
        try:
            ForkingPickler.loads(ForkingPickler.dumps(error))
        except Exception:  # noqa: BLE001 - an error that cannot be sent is told as text
            return Failed(None, text)
        return Failed(error, text)


def _seed(base: int, epoch: int, number: int) -> None:
    """Let the generators of the process begin where this batch begins."""
    words = np.random.SeedSequence(base, spawn_key=(WORKER, epoch, number)).generate_state(6)
    np.random.seed(words[:4])  # noqa: NPY002 - a data set of one's own may draw from it
    random.seed(int(words[4]))
    seed(int(words[5]))


def _given(tree: Any) -> Made:
    """Put the arrays of a batch into one block of shared memory."""
    arrays = [np.asarray(leaf) for leaf in leaves(tree)]
    places, size = [], 0
    for array in arrays:
        places.append(Place(size, array.shape, array.dtype.str))
        size += -(-array.nbytes // _ALIGNED) * _ALIGNED
    if not size:
        return Made(rebuild(tree, places), None)
    block = shared_memory.SharedMemory(create=True, size=size)
    for array, place in zip(arrays, places, strict=True):
        np.ndarray(place.shape, place.dtype, block.buf, place.offset)[...] = array
    name = block.name
    block.close()
    return Made(rebuild(tree, places), name)
