"""How many threads work, in eager blocks and in compiled code alike."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from pullback.core.errors import OptionError

_chosen: Final[list[int | None]] = [None]
_watchers: Final[list[Callable[[], None]]] = []


def default_threads() -> int:
    """Cores that this process may use, or fewer if OMP_NUM_THREADS says so."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(cores, int(asked)) if asked.isdigit() and int(asked) > 0 else cores


def get_threads() -> int:
    """The number of threads that work at once, that of the caller included."""
    count = _chosen[0]
    if count is None:
        count = _chosen[0] = default_threads()
    return count


def set_threads(threads: int | None) -> None:
    """Let so many threads work at once, that of the caller included; None for one a core. Answers do not change.

    Eager operations on large arrays use them, and compiled code. How many BLAS uses is its own affair.

    Raises
    ------
    OptionError
        If it is less than 1.

    >>> set_threads(1)
    >>> get_threads()
    1
    >>> set_threads(None)
    """
    if threads is not None and threads < 1:
        raise OptionError("set_threads: at least one thread is needed", got=threads, fix="1 runs without workers")
    _chosen[0] = threads
    for watcher in _watchers:
        watcher()


def on_change(watcher: Callable[[], None]) -> None:
    """Call `watcher` whenever another number of threads is set."""
    _watchers.append(watcher)
