"""What was measured while training: one line of JSON each, in a file that a crash cannot spoil."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, TextIO, final

from pullback.interop.atomic import write_atomically


class Metric(NamedTuple):
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
class MetricsLog:
    """The file of metrics, open for more; a context manager.

    What was logged after step `step` is dropped, so that a run that goes on from a checkpoint of that step
    writes nothing twice.
    """

    def __init__(self, path: Path, step: int) -> None:
        kept = [metric for metric in read_metrics(path) if metric.step <= step] if path.exists() else []
        write_atomically(path, "".join(metric.line() for metric in kept).encode())
        self._file: TextIO = path.open("a", encoding="utf-8")

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, metric: Metric) -> None:
        """Log a number, so that others can read it at once."""
        self._file.write(metric.line())
        self._file.flush()

    def sync(self) -> None:
        """Bring all that was logged onto the disk: before each checkpoint, which then has all up to it."""
        self._file.flush()
        os.fsync(self._file.fileno())


def read_metrics(path: Path) -> Iterator[Metric]:
    """Read metrics up to the first line that is not one, which only a crash in its middle leaves."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                row = Metric(**json.loads(line))
            except (ValueError, TypeError):
                return
            yield row._replace(value=math.nan) if row.value is None else row
