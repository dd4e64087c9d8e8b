"""Ctrl-C and SIGTERM as a wish to stop after the step, instead of an exception in its middle."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Final, final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@final
class Interrupts:
    """Notes the first Ctrl-C or SIGTERM; the second one ends the process at once. A context manager.

    Outside the main thread, where Python takes no signals, it notes none.

    Attributes
    ----------
    signal : int or None
        The signal that came.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        # Not print, which may have been interrupted in its own middle.
        os.write(2, b"\nSaving after this step; once more stops at once.\n")
