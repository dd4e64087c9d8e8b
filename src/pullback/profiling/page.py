"""The page of a profile: events in time, tables, memory and the roofline, in one file without network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pullback.profiling.machine import Machine
from pullback.profiling.tables import Table
from pullback.profiling.timeline import Event
from pullback.visualize.pages import PAGE, assembled

_HERE: Final = Path(__file__).parent / "page"
MOST: Final = 20_000  # events that are drawn
_POINTS: Final = 2_000  # of the memory's curve


def page_of(
    events: Sequence[Event], memory: Sequence[tuple[int, int]], begin: int, tables: Sequence[Table], machine: Machine
) -> str:
    """The text of the page; time 0 is `begin`."""
    names = {name: place for place, name in enumerate(dict.fromkeys(event.name for event in events))}
    kinds = [*dict.fromkeys(event.kind for event in events)]
    lines = {line: place for place, line in enumerate(dict.fromkeys(line for e in events for line, _ in e.lines))}
    threads = {thread: place for place, thread in enumerate(dict.fromkeys(event.thread for event in events))}
    every = max(1, -(-len(memory) // _POINTS))
    shown: list[list[int]] = []
    around: list[Event] = []
    for event in events[:MOST]:
        while around and (around[-1].thread != event.thread or around[-1].end <= event.begin):
            around.pop()
        place = lines[event.lines[0][0]] if event.lines else -1
        shown.append([
            names[event.name], kinds.index(event.kind), event.begin - begin, event.end - event.begin, len(around),
            threads[event.thread], place,
        ])  # fmt: skip
        around.append(event)
    data: dict[str, Any] = {
        "names": [*names], "kinds": kinds, "lines": [*lines], "events": shown, "left": max(len(events) - MOST, 0),
        "memory": [[time - begin, size] for time, size in memory[::every]],
        "tables": [_table(table) for table in tables],
        "points": [_point(row) for table in tables if table.by == "kernel" or table.by == "operation" for row in table
                   if row.flops and row.bytes and row.time],
        "roof": {"flops": machine.flops[4], "levels": machine.levels},
    }  # fmt: skip
    styles = [PAGE / "palette.css", _HERE / "profile.css"]
    return assembled(_HERE / "profile.html", styles, [PAGE / "elements.js", _HERE / "profile.js"], "Profile", data)


def _table(table: Table) -> dict[str, Any]:
    title, columns, rows, note = table.sheet
    shares = [row.time / table.total if table.total else 0.0 for row in table.rows[: len(rows)]]
    return {"title": title, "columns": columns, "rows": rows, "shares": shares, "note": note}


def _point(row: Any) -> list[Any]:
    return [row.name, row.flops / row.bytes, row.flops / row.time, row.time]
