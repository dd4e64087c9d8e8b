"""How far a run is: a bar on a terminal, a line now and then in a log, nothing where quiet is asked for."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, TextIO, final

GLANCE: Final = 0.1  # seconds between two looks at the clock's hands: a bar is drawn ten times a second at most
_LINE_EVERY: Final = 10.0  # seconds between two lines of a log


@final
class Progress:
    """Shows how far a run is, on the standard error; a context manager.

    Parameters
    ----------
    step, last : int
        Where the run stands, and where it ends, if that is known.
    quiet : bool
        Show nothing.
    stream : text file, optional
        Where to, else the standard error. A terminal gets a bar, anything else a line every ten seconds.
    """

    def __init__(self, step: int, last: int | None, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._last = last
        self._bar: Any = None
        self._next_line = float("inf") if quiet else time.perf_counter() + _LINE_EVERY
        if not quiet and self._stream.isatty():
            from tqdm import tqdm  # half of its time to load is spent in looking for versions

            self._bar = tqdm(
                total=last, initial=step, unit="step", file=self._stream, mininterval=GLANCE / 2,
                dynamic_ncols=True, bar_format=_FORMAT,
            )  # fmt: skip

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            with suppress(OSError):
                self._bar.close()

    def show(self, step: int, what: str, numbers: str) -> None:
        """Show the step, what is being done, and some numbers; called at most every `GLANCE` seconds.

        Where nothing can be shown any more, because the terminal is closed or the disk of a log full, the run goes on.
        """
        try:
            self._show(step, what, numbers)
        except OSError:
            self._bar, self._next_line = None, float("inf")

    def _show(self, step: int, what: str, numbers: str) -> None:
        if self._bar is not None:
            self._bar.set_description_str(what, refresh=False)
            self._bar.set_postfix_str(numbers, refresh=False)
            self._bar.update(step - self._bar.n)
        elif (now := time.perf_counter()) >= self._next_line:
            self._next_line = now + _LINE_EVERY
            of = "" if self._last is None else f" of {self._last:,}"
            print(f"{what}, step {step:,}{of}: {numbers}", file=self._stream, flush=True)


_FORMAT: Final = "{desc} {bar} {percentage:3.0f} % [{elapsed}<{remaining}, {rate_fmt}{postfix}]"
