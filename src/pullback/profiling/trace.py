"""A profile in the Trace Event Format, which chrome://tracing and Perfetto (ui.perfetto.dev) open.

Source: "Trace Event Format", https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pullback.profiling.timeline import Event


def trace_of(
    events: Iterable[Event], memory: Sequence[tuple[int, int]], begin: int, names: Mapping[int | None, str]
) -> str:
    """The text of a trace whose time 0 is `begin`; `names` are those of threads."""
    process = os.getpid()
    numbers: dict[int, int] = {}
    written: list[dict[str, Any]] = []
    for event in events:
        number = numbers.setdefault(event.thread, len(numbers) + 1)
        told: dict[str, Any] = {"lines": [line for line, _ in event.lines], "layer": event.module}
        told |= {"flops": event.work.flops, "bytes": event.work.bytes}
        written.append({
            "name": event.name, "cat": event.kind, "ph": "X", "ts": (event.begin - begin) / 1000,
            "dur": (event.end - event.begin) / 1000, "pid": process, "tid": number,
            "args": {name: value for name, value in told.items() if value},
        })  # fmt: skip
    written += [
        {"name": "memory of results", "ph": "C", "ts": (time - begin) / 1000, "pid": process, "args": {"bytes": size}}
        for time, size in memory
    ]
    written += [
        {"name": "thread_name", "ph": "M", "pid": process, "tid": number,
         "args": {"name": names.get(thread, f"thread {number}")}}
        for thread, number in numbers.items()
    ]  # fmt: skip
    return json.dumps({"traceEvents": written, "displayTimeUnit": "ns"})
