"""What was measured while training: one line of JSON each, in a file of which damage costs only the lines it is in."""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, final

from pullback.core.errors import PullbackWarning, message
from pullback.core.files import opened
from pullback.interop.atomic import write_atomically

_LONGEST: Final = 4_096  # bytes of a line
_SHOWN: Final = 10  # lines that a warning names


class Measurement(NamedTuple):
    """A number: after which step, of which part of the data, what, how much, after how many seconds."""

    step: int
    split: str
    name: str
    value: float
    time: float

    def line(self) -> str:
        """Write the number as JSON, which has no NaN: null stands for it."""
        row = self._asdict()
        if not math.isfinite(self.value):
            row["value"] = None
        return json.dumps(row) + "\n"


@final
class MeasurementLog:
    """The file of metrics, open for more; a context manager.

    What was logged after step `step` is dropped, so that a run that goes on from a checkpoint of that step
    writes nothing twice; so are damaged lines.

    Attributes
    ----------
    seconds : float
        When the last of what was kept was measured.
    """

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        self.seconds = 0.0
        kept = []
        for line, metric in _told(path) if path.exists() else ():
            if metric.step <= step:
                kept.append(line)
                self.seconds = metric.time
        write_atomically(path, b"".join(kept))
        self._unwritten = b""
        self._file = FileIO(path, "a+")  # unbuffered: what cannot be written does not wait to fail once more

    def __enter__(self) -> MeasurementLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go; all that was logged is in it."""
        self._file.close()

    def add(self, metric: Measurement) -> None:
        """Log a number, so that others can read it at once; whole, or not at all.

        Raises OSError if it cannot be written.
        """
        end = os.fstat(self._file.fileno()).st_size
        line = metric.line().encode()
        left = memoryview(line)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            self._file.truncate(end)
            self._unwritten += line
            raise OSError(error.errno, error.strerror, str(self.path)) from error

    def sync(self) -> None:
        """Bring all that was logged onto the disk: before each checkpoint, which then has all up to it.

        Raises OSError if it cannot be, or if the file is no longer there.
        """
        os.fsync(self._file.fileno())
        self.path.stat()

    def text(self) -> bytes:
        """All that was logged, even where the name of the file is gone, and what could not be written."""
        self._file.seek(0)
        return self._file.readall() + self._unwritten


def read_measurements(path: Path) -> Iterator[Measurement]:
    """Read metrics; lines that are damaged are left out, with a warning.

    An unfinished line at the end is one that is being written, or was when the power went: no warning.
    """
    return (metric for _, metric in _told(path))


def _told(path: Path) -> Iterator[tuple[bytes, Measurement]]:
    """The lines that tell a number, and the numbers."""
    damaged, first = 0, []
    with opened(path) as file:
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST), b""), start=1):
            metric = _read(line)
            if metric is not None:
                yield line if line.endswith(b"\n") else line + b"\n", metric
            elif line.endswith(b"\n") or len(line) == _LONGEST:
                damaged += 1
                first += [str(number)] * (damaged <= _SHOWN)
    if damaged:
        more = f" and {damaged - _SHOWN:,} more" if damaged > _SHOWN else ""
        facts: dict[str, object] = {"file": path, "lines": ", ".join(first) + more}
        warnings.warn(message("metrics: damaged lines are left out", facts), PullbackWarning, stacklevel=3)


def _read(line: bytes) -> Measurement | None:
    """The number that a line tells, or None."""
    try:
        row: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or row.keys() != set(Measurement._fields):
        return None
    step, split, name, value, time = (row[field] for field in Measurement._fields)
    whole = type(step) is int and 0 <= step < 2**63 and isinstance(split, str) and isinstance(name, str)
    if not whole or not _real(time) or not (value is None or _real(value)):
        return None
    return Measurement(step, split, name, math.nan if value is None else value, time)


def _real(value: Any) -> bool:
    return (type(value) is float and math.isfinite(value)) or (type(value) is int and abs(value) < 2**1_000)
