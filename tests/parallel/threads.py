"""Ranks that are threads of one process: what of MPI's is asked for them to agree, and no more."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from pullback.core.errors import ParallelError
from pullback.parallel.exchange import World


class Comm:
    """A communicator of one of several threads; the n-th exchange of each is the same exchange."""

    def __init__(self, rank: int, size: int, sent: dict[int, dict[int, Any]], lock: threading.Lock) -> None:
        self.rank, self.size, self.sent, self.lock, self.count = rank, size, sent, lock, 0

    def Get_rank(self) -> int:
        return self.rank

    def Get_size(self) -> int:
        return self.size

    def Iallgather(self, mine: Any, found: Any) -> Comm.Request:
        with self.lock:
            parts = self.sent.setdefault(self.count, {})
            parts[self.rank] = mine.copy()
        self.count += 1
        return Comm.Request(parts, found, self.size)

    class Request:
        """An exchange that was begun."""

        def __init__(self, parts: dict[int, Any], found: Any, size: int) -> None:
            self.parts, self.found, self.size = parts, found, size

        def Test(self) -> bool:
            if len(self.parts) < self.size:
                return False
            self.found[...] = np.concatenate([self.parts[rank] for rank in range(self.size)])
            return True


def together(f: Any, size: int = 2) -> list[ParallelError | None]:
    """Let each rank, a thread, do `f(rank, world)`; what it was told, where it was told something."""
    sent: dict[int, dict[int, Any]] = {}
    lock = threading.Lock()

    def one(rank: int) -> ParallelError | None:
        try:
            f(rank, World(Comm(rank, size, sent, lock)))
        except ParallelError as error:
            return error
        return None

    with ThreadPoolExecutor(size) as pool:
        return [*pool.map(one, range(size))]
