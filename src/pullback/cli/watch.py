"""`pullback watch`: a run while it learns, in the terminal or on a page that looks again by itself."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from pullback.cli.evaluate import Run
from pullback.cli.runs import bars
from pullback.core.errors import OptionError
from pullback.interop.atomic import write_atomically
from pullback.training.looking import read_samples
from pullback.training.measurements import Measurement, read_measurements
from pullback.training.report_page import run_page
from pullback.training.run_folder import RunFolder

PAGE: Final = "watch.html"
_SPLITS: Final = ("train", "test", "rate", "dead")  # what is watched; spreads are for the report
_WIDTH: Final = 48  # letters of a curve


def watch(
    run: Run,
    html: Annotated[bool, typer.Option("--html", help=f"Write {PAGE} into the run's folder, again and again.")] = False,
    every: Annotated[float, typer.Option("--every", help="Seconds between two looks.", metavar="X", min=0.1)] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Look once.")] = False,
) -> None:
    """Show what a run measures while it learns: each number, where it stands, and how it got there.

    Ctrl-C ends the watching, and not the run.
    """
    folder = RunFolder.open(run)
    if once and not measured(folder):
        raise OptionError(
            "watch: nothing was measured yet", run=folder.path, missing=folder.metrics.name, fix="watch without --once"
        )
    try:
        if html:
            _write_pages(folder, every, once=once)
        else:
            _show(folder, every, once=once)
    except KeyboardInterrupt:
        print()


def measured(folder: RunFolder) -> list[Measurement]:
    """What a run has measured so far."""
    return list(read_measurements(folder.metrics)) if folder.metrics.exists() else []


def frame(folder: RunFolder, rows: Sequence[Measurement]) -> Any:
    """What the terminal shows: a table, a measurement a line."""
    from rich.console import Group  # typer's own, and slow to load
    from rich.table import Table
    from rich.text import Text

    when = f"step {rows[-1].step:,} after {rows[-1].time:.1f} s" if rows else "nothing was measured yet"
    table = Table(box=None, pad_edge=False, show_header=bool(rows))
    for name, side in (("measured", "left"), ("last", "right"), ("least", "right"), ("most", "right"), ("", "left")):
        table.add_column(name, justify=side)  # type: ignore[arg-type]  # rich lists the words, which these are
    for name in dict.fromkeys(f"{row.split} {row.name}" for row in rows if row.split in _SPLITS):
        values = [row.value for row in rows if f"{row.split} {row.name}" == name]
        numbers = [f"{number:.5g}" for number in (values[-1], min(values), max(values))]
        table.add_row(Text(name), *numbers, bars(values, _WIDTH))
    return Group(Text(f"{folder.path}: {when}"), table)


def _show(folder: RunFolder, every: float, *, once: bool) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console(file=sys.stdout)
    if once or not console.is_terminal:
        console.print(frame(folder, measured(folder)))
        return
    with Live(frame(folder, measured(folder)), console=console, auto_refresh=False, screen=False) as live:
        while True:
            time.sleep(every)
            live.update(frame(folder, measured(folder)), refresh=True)


def _write_pages(folder: RunFolder, every: float, *, once: bool) -> None:
    """Write the page until Ctrl-C comes; the last one no longer looks again."""
    path = folder.path / PAGE
    print(f"{path.resolve().as_uri()}" + ("" if once else "  (Ctrl-C ends)"))
    try:
        while True:
            _write(folder, path, None if once else every)
            if once:
                return
            time.sleep(every)
    except KeyboardInterrupt:
        _write(folder, path, None)
        raise


def _write(folder: RunFolder, path: Path, refresh: float | None) -> None:
    page = run_page(folder.path.name, measured(folder), samples=read_samples(folder.samples), refresh=refresh)
    write_atomically(path, page.encode())
