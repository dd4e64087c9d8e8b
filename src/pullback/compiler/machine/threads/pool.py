"""A pool of native threads that wait inside native code: a parallel region costs microseconds, and no Python.

Workers start when they are first asked for, take no part in Python and hold no lock of it, spin for a fifth of a
millisecond after a region and then sleep. They are sent home before a fork, and begin anew on both sides when they are
asked for again; and at the end of the process.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import threading
import time
from typing import Final, final

from pullback.compiler.emission.names import PARALLEL
from pullback.compiler.machine.jit import Library
from pullback.compiler.machine.threads.region import CLOSE, OPEN, PAUSES, RESET, WORKER, region_module
from pullback.core.threads import get_threads, on_change

_THREADED: Final = hasattr(os, "fork")  # pthreads; elsewhere regions run on the thread that enters them
_PATIENCE: Final = 200e-6  # seconds for which a worker spins before it sleeps: longer than a step of Python takes


@final
class Pool:
    """The threads of this process.

    Every method may be called from any thread. What a region computes does not depend on how many threads there are:
    pieces are cut by whoever enters it.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._library: Library | None = None
        self._workers: list[ctypes.c_void_p] = []
        self._running = False
        self._ended = False

    @property
    def size(self) -> int:
        """Threads that regions use, that of the caller included."""
        return get_threads() if _THREADED else 1

    def resized(self) -> None:
        """Begin anew where there are to be more threads or fewer."""
        with self._lock:
            self._stop()

    def ensure(self) -> None:
        """See that the workers run: call this before native code that enters regions; it costs nothing when they do."""
        if self._running or self._ended:
            return
        with self._lock:
            if not self._running and not self._ended:
                self._start()

    @property
    def address(self) -> int:
        """Where `pullback_parallel` is."""
        return self._compiled().address(PARALLEL)

    def _compiled(self) -> Library:
        with self._lock:
            if self._library is None:
                exported = (PARALLEL, OPEN, CLOSE, RESET, WORKER, PAUSES) if _THREADED else (PARALLEL,)
                text = region_module(threaded=_THREADED)
                self._library = Library(text, exported, name="threads", key=text)
                if _THREADED:
                    self._library.function(RESET)()
                    os.register_at_fork(
                        before=self._before_fork, after_in_parent=self._lock.release, after_in_child=self._in_child
                    )
                    atexit.register(self._end)
            return self._library

    def _start(self) -> None:
        library = self._compiled()
        if self.size > 1:
            pauses, begin = library.function(PAUSES, ctypes.c_int64), time.perf_counter()
            pauses(1000)
            patience = int(1000 * _PATIENCE / max(time.perf_counter() - begin, 1e-6))
            library.function(OPEN, ctypes.c_int64, ctypes.c_int64)(self.size - 1, patience)
            # Signals are for threads that Python knows: workers inherit that all are blocked.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            try:
                self._begin(ctypes.c_void_p(library.address(WORKER)))
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._running = True

    def _begin(self, worker: ctypes.c_void_p) -> None:
        process = ctypes.CDLL(None)
        for number in range(1, self.size):
            thread = ctypes.c_void_p()
            if process.pthread_create(ctypes.byref(thread), None, worker, ctypes.c_void_p(number)) != 0:
                break  # the system gives no more threads: those that came, or the caller alone, do all the work
            self._workers.append(thread)

    def _stop(self) -> None:
        if self._workers:
            self._compiled().function(CLOSE)()
            process = ctypes.CDLL(None)
            for thread in self._workers:
                process.pthread_join(thread, None)
            self._workers = []
        self._running = False

    def _before_fork(self) -> None:
        """Stop: a child has only the thread that forked, and would wait for the others for ever."""
        self._lock.acquire()
        self._stop()

    def _in_child(self) -> None:
        self._compiled().function(RESET)()
        self._lock.release()

    def _end(self) -> None:
        """Stop for good: code that workers run is about to be unloaded."""
        with self._lock:
            self._stop()
            self._ended = True


pool: Final = Pool()
on_change(pool.resized)


def symbols() -> dict[str, int]:
    """What `Library` has to know of to link code that enters regions."""
    return {PARALLEL: pool.address}
