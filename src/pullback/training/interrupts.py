"""Ctrl-C, SIGTERM and SIGHUP as a wish to stop after the step, instead of an end in its middle."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Final, final

_SIGNALS: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_ONE_WISH: Final = 0.5  # seconds: a terminal that closes, or a parent that passes a signal on, sends it more than once


@final
class Interrupts:
    """Notes the first Ctrl-C, SIGTERM or SIGHUP; one that comes later ends the process at once. A context manager.

    A signal that the process was started to ignore, as `nohup` does with SIGHUP, stays ignored. Outside the main
    thread, where Python takes no signals, it notes none.

    Parameters
    ----------
    ranks : bool
        Whether the process is one of several ranks, which SIGUSR1 asks to stop: launchers pass it on to all.
    quiet : bool
        Say nothing.

    Attributes
    ----------
    signal : int or None
        The signal that came.
    """

    def __init__(self, *, ranks: bool = False, quiet: bool = False) -> None:
        self._signals = _SIGNALS + ((signal.SIGUSR1,) if ranks and hasattr(signal, "SIGUSR1") else ())
        self._quiet = quiet
        self.signal: int | None = None
        self._since = 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            heard = [number for number in self._signals if signal.getsignal(number) not in (signal.SIG_IGN, None)]
            self._before = {number: signal.signal(number, self._note) for number in heard}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is None:
            self.signal, self._since = number, time.monotonic()
            # Not print, which may have been interrupted in its own middle; and the terminal may be gone.
            with suppress(OSError):
                if not self._quiet:
                    os.write(2, b"\nSaving after this step; once more stops at once.\n")
        elif time.monotonic() - self._since > _ONE_WISH:
            # The handler stays until here: one that is taken away leaves a signal that came at the same moment, and
            # waits for its turn, to Python, which prints a traceback.
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)  # os.kill of Windows knows no signals but two
