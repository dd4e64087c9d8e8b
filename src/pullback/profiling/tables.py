"""Tables of a profile: what took how long, by operation, line, layer or kernel."""

from __future__ import annotations

import linecache
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from pullback.compiler.showing.report import amount
from pullback.core.views import Sheet, html_of
from pullback.profiling.machine import Machine
from pullback.profiling.timeline import Event

OUTSIDE: Final = "outside of Pullback"
MOST: Final = 20  # rows that are shown
_WIDE: Final = 60  # characters of a name


@final
@dataclass(slots=True)
class Row:
    """What is alike, added up.

    Attributes
    ----------
    name : str
        Of the operation, line, layer or kernel.
    time : float
        Seconds, without what happened inside of it.
    backward : float
        How much of that the walks back took.
    calls : int
        How often. Operations, layers, steps and calls are counted; of lines it is an estimate where a profile looked
        only now and then.
    flops, bytes : float
        Of all calls; `flops` are those of calls whose number is known.
    roof : float
        Seconds that this machine would need at least for that, of what is known.
    """

    name: str
    time: float = 0.0
    backward: float = 0.0
    calls: int = 0
    flops: float = 0.0
    bytes: float = 0.0
    roof: float = 0.0


@final
class Table:
    """Rows, the longest first; it prints as text, in colours where a terminal is (`show`), and in a notebook as HTML.

    Attributes
    ----------
    title, by : str
        What it is of, and what its rows are.
    rows : list of Row
        All of them.
    total : float
        Seconds of the whole profile.
    """

    def __init__(self, title: str, by: str, rows: Iterable[Row], total: float) -> None:
        self.title, self.by, self.total = title, by, total
        self.rows = sorted(rows, key=lambda row: -row.time)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> Row:
        """The row of a name."""
        return next(row for row in self.rows if row.name == name)

    @property
    def sheet(self) -> Sheet:
        """The first rows as words."""
        columns = [name for name, _ in self._columns]
        rows = [[write(row) for _, write in self._columns] for row in self.rows[:MOST]]
        hidden = self.rows[MOST:]
        rest = f"{len(hidden)} more took {_seconds(sum(row.time for row in hidden))}" if hidden else ""
        return Sheet(self.title, columns, rows, rest)

    @property
    def _columns(self) -> list[tuple[str, Callable[[Row], str]]]:
        columns: list[tuple[str, Callable[[Row], str]]] = [
            (self.by, lambda row: self._named(row.name)),
            ("time", lambda row: _seconds(row.time)),
            ("share", lambda row: f"{row.time / self.total:.1%}" if self.total else ""),
        ]
        if self.by == "line" or self.by == "layer":
            columns.append(("backward", lambda row: _seconds(row.backward) if row.backward else ""))
        columns += [
            ("calls", lambda row: f"{row.calls:,}" if row.calls else ""),
            ("each", lambda row: _seconds(row.time / row.calls) if row.calls else ""),
            ("Gflop/s", lambda row: f"{row.flops / row.time / 1e9:.3g}" if row.flops and row.time else ""),
            ("memory/s", lambda row: f"{amount(row.bytes / row.time)}" if row.bytes and row.time else ""),
            ("of the roof", lambda row: f"{row.roof / row.time:.0%}" if row.roof and row.time else ""),
        ]
        if self.by == "line":
            columns.append(("code", lambda row: source(row.name)))
        return columns

    def _named(self, name: str) -> str:
        found = _LINE.match(name)
        if self.by == "line" and found:
            name = f"{Path(found[1]).name}:{found[2]} in {found[3]}"
        return name if len(name) <= _WIDE else f"{name[: _WIDE - 1]}…"

    def __str__(self) -> str:
        title, columns, rows, note = self.sheet
        widths = [max(len(cell) for cell in column) for column in zip(columns, *rows, strict=True)]
        lines = [title, *(_aligned(cells, widths) for cells in (columns, *rows))]
        return "\n".join([*lines, *([note] if note else [])])

    __repr__ = __str__

    def _repr_html_(self) -> str | None:
        return html_of(self.sheet)

    def show(self) -> None:
        """Print it, in colours where the standard output is a terminal."""
        import sys

        if not sys.stdout.isatty():
            sys.stdout.write(f"{self}\n")
            return
        from rich.console import Console
        from rich.table import Table as Rich
        from rich.text import Text

        title, columns, rows, note = self.sheet
        made = Rich(title=title, caption=note or None, title_justify="left")
        for place, column in enumerate(columns):
            left = not place or column == "code"
            made.add_column(column, justify="left" if left else "right", style="bold" if column == "time" else "")
        for row in rows:
            made.add_row(*map(Text, row))
        Console().print(made)


_LINE: Final = re.compile(r"(.*):(\d+) in (.*)")


def source(line: str) -> str:
    """The text of a line of code, where it can be read."""
    found = _LINE.match(line)
    text = linecache.getline(found[1], int(found[2])).strip() if found else ""
    return text if len(text) <= _WIDE else f"{text[: _WIDE - 1]}…"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    rest = [f"{cell:>{width}}" if width < _WIDE // 2 else f"{cell:<{width}}" for cell, width in others]
    return "  ".join([f"{first[0]:<{first[1]}}", *rest]).rstrip()


def _seconds(time: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if time >= size:
            return f"{time / size:.3g} {unit}"
    return f"{time * 1e9:.0f} ns"


def added(
    events: Iterable[Event], keys: Callable[[Event], Iterable[tuple[str, float]]], machine: Machine | None
) -> dict[str, Row]:
    """Rows of events by key; of what belongs to several keys, each gets its part."""
    rows: dict[str, Row] = {}
    calls: dict[str, float] = {}
    for event in events:
        for name, part in keys(event):
            row = rows.setdefault(name, Row(name))
            time = event.own * 1e-9 * part * event.weight
            row.time += time
            row.backward += time if event.kind == "backward" else 0.0
            calls[name] = calls.get(name, 0.0) + event.calls
            row.flops += (event.work.flops or 0.0) * part * event.weight
            row.bytes += event.work.bytes * part * event.weight
            if machine is not None and event.work.bytes:
                row.roof += (
                    part * event.weight * machine.least(event.work.flops or 0.0, event.work.bytes, event.work.width)
                )
    for name, count in calls.items():
        rows[name].calls = round(count)
    return rows
