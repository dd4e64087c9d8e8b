"""`pullback runs` and `pullback diff`: runs beside each other, in a table, in curves, and bit by bit."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer

from pullback.core.errors import CheckpointError, OptionError, PullbackError
from pullback.interop.atomic import write_atomically
from pullback.training import checkpoint
from pullback.training.comparing import first_difference
from pullback.training.measurements import Measurement, read_measurements
from pullback.training.report_page import Shown, runs_page
from pullback.training.resuming import Told
from pullback.training.run_folder import DEFAULT_PARENT, RunFolder

_Places = Annotated[
    list[Path] | None,
    typer.Argument(help="Runs, or folders with runs in them.", metavar="[RUN...]", show_default=False),
]
_Curve = Annotated[
    str | None, typer.Option("--curve", help='Draw a curve of each run, of "test loss" for instance.', metavar="NAME")
]
_Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Draw the curves into a file: PNG, SVG or PDF.", metavar="FILE")
]
_Html = Annotated[
    Path | None, typer.Option("--html", help="Write a page with the curves of all runs.", metavar="FILE.html")
]
_One = Annotated[Path, typer.Argument(help="Folder of a run.", metavar="A", show_default=False)]
_Other = Annotated[Path, typer.Argument(help="Folder of another.", metavar="B", show_default=False)]
_Replay = Annotated[
    bool, typer.Option("--replay/--no-replay", help="Take the steps again to find the first one that differs.")
]

_BARS: Final = "▁▂▃▄▅▆▇█"
_WIDTH: Final = 60  # of a curve, in letters
_SPLITS: Final = ("train", "test")


class Run(NamedTuple):
    """A run, as the table has it."""

    folder: RunFolder
    name: str
    step: str
    rows: list[Measurement]

    def last(self, measured: str) -> float:
        """What was measured last under a name."""
        values = [row.value for row in self.rows if f"{row.split} {row.name}" == measured]
        return values[-1] if values else math.nan


def runs(places: _Places = None, curve: _Curve = None, output: _Output = None, html: _Html = None) -> None:
    """List runs, and compare them: how far they are, what they reached, and how they got there.

    Without a RUN it lists those in the folder runs.
    """
    found = list(_found(places or [DEFAULT_PARENT]))
    if not found:
        raise OptionError(
            "runs: there are none", folder=", ".join(map(str, places or [DEFAULT_PARENT])),
            fix="pullback train, or name a folder with runs",
        )  # fmt: skip
    for line in _table(found):
        print(line)
    if curve is not None:
        _check_measured(found, curve)
        print()
        for line in _curves(found, curve):
            print(line)
    if output is not None:
        print(_drawn(found, curve or "test loss", output))
    if html is not None:
        print(_page(found, html))


def diff(one: _One, other: _Other, replay: _Replay = True) -> None:
    """Name the first step and tensor whose bits differ between two runs.

    Both runs are made again from their settings and take their steps side by side, until a tensor differs: a weight, or
    what the optimizer remembers. The exit code is 0 where nothing differs, and 1 where something does.
    """
    found = first_difference(RunFolder.open(one), RunFolder.open(other), replay=replay)
    for line in found.lines:
        print(line)
    if found.differs:
        raise typer.Exit(1)


def _found(places: Sequence[Path]) -> Iterator[Run]:
    for place in places:
        folder = RunFolder(place)
        if folder.config.exists() or folder.checkpoint.exists() or folder.metrics.exists():
            yield _run(folder)
        elif place.is_dir():
            inside = [RunFolder(path) for path in sorted(place.iterdir()) if path.is_dir()]
            yield from (_run(each) for each in inside if each.config.exists() or each.checkpoint.exists())


def _run(folder: RunFolder) -> Run:
    """Read a run; what cannot be read of it is told in its line, and hides no other."""
    name, step = "?", "-"
    try:
        rows = list(read_measurements(folder.metrics)) if folder.metrics.exists() else []
    except OSError:
        rows = []
    try:
        if folder.checkpoint.exists():
            saved = checkpoint.load(folder.checkpoint)
            rest = saved.rest if isinstance(saved.rest, dict) else {}
            step = f"{rest.get('step', 0):,}"
            name = Told.of(saved).settings.name
    except CheckpointError as error:
        name = "a trainer" if error.facts.get("key") == "settings" else "damaged"
    return Run(folder, name, step, rows)


def _table(found: Sequence[Run]) -> Iterator[str]:
    names = dict.fromkeys(f"{row.split} {row.name}" for run in found for row in run.rows if row.split in _SPLITS)
    head = ["run", "trains", "step", "seconds", *names]
    lines = [head]
    for run in found:
        seconds = f"{run.rows[-1].time:.1f}" if run.rows else "-"
        values = [run.last(name) for name in names]
        shown = ["-" if math.isnan(value) else f"{value:.4f}" for value in values]
        lines.append([str(run.folder.path), run.name, run.step, seconds, *shown])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = zip(line, widths, strict=True)
        cells = [text.ljust(width) if place < 2 else text.rjust(width) for place, (text, width) in enumerate(padded)]
        yield "  ".join(cells).rstrip()


def _check_measured(found: Sequence[Run], curve: str) -> None:
    names = dict.fromkeys(f"{row.split} {row.name}" for run in found for row in run.rows)
    if curve not in names:
        raise OptionError("runs: this was not measured", got=curve, fix=f"one of {', '.join(names) or 'nothing'}")


def _page(found: Sequence[Run], path: Path) -> Path:
    """Write the page of all runs."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise OptionError("runs: a page of this kind is not written", got=path.name, fix="FILE.html")
    if not any(run.rows for run in found):
        raise OptionError(
            "runs: nothing was measured", runs=", ".join(str(run.folder.path) for run in found),
            fix="runs whose folders have metrics.jsonl",
        )  # fmt: skip
    return _written(path, runs_page([Shown(str(run.folder.path), run.step, run.rows) for run in found]).encode())


def _written(path: Path, content: bytes) -> Path:
    try:
        return write_atomically(path, content)
    except OSError as error:
        raise PullbackError("runs: the file cannot be written", file=path, got=error.strerror) from error


def _points(run: Run, curve: str) -> list[tuple[int, float]]:
    return [
        (row.step, row.value) for row in run.rows if f"{row.split} {row.name}" == curve and math.isfinite(row.value)
    ]


def bars(values: Sequence[float], width: int) -> str:
    """Values in order, as letters of different heights; the means of neighbours where they are too many."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    groups = [values[len(values) * i // width : len(values) * (i + 1) // width] for i in range(width)]
    shown = [math.fsum(group) / len(group) for group in (groups if len(values) > width else [[v] for v in values])]
    return "".join(_letter(value, low, high) if math.isfinite(value) else "×" for value in shown)


def _letter(value: float, low: float, high: float) -> str:
    share = (value - low) / (high - low) if high > low else 0.0
    return _BARS[min(len(_BARS) - 1, int(share * len(_BARS)))]


def _curves(found: Sequence[Run], curve: str) -> Iterator[str]:
    """Each run's curve in letters, all of them to one scale."""
    points = {run.folder.path: _points(run, curve) for run in found}
    values = [value for some in points.values() for _, value in some]
    steps = max((step for some in points.values() for step, _ in some), default=1)
    low, high = min(values, default=0.0), max(values, default=1.0)
    yield f"{curve}, from {low:.4f} ▁ to {high:.4f} █, steps 0 to {steps:,}"
    width = max(len(str(path)) for path in points)
    for path, some in points.items():
        letters = [" "] * _WIDTH
        for step, value in some:
            place = min(_WIDTH - 1, step * _WIDTH // (steps + 1))
            letters[place] = _letter(value, low, high)
        yield f"{str(path).ljust(width)}  {''.join(letters).rstrip()}"


def _drawn(found: Sequence[Run], curve: str, path: Path) -> Path:
    """Draw the curves of all runs into a file."""
    _check_measured(found, curve)
    kind = path.suffix.lower().lstrip(".")
    if kind not in ("png", "svg", "pdf"):
        raise OptionError("runs: a picture of this kind is not drawn", got=path.name, fix="FILE.png, .svg or .pdf")
    try:
        from matplotlib.figure import Figure  # an extra, and heavy
    except ImportError:
        raise OptionError("runs: matplotlib is not installed", fix="pip install 'pullback[viz]'") from None
    figure: Any = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for run in found:
        points = _points(run, curve)
        if points:
            axes.plot(*zip(*points, strict=True), label=str(run.folder.path), linewidth=1.2)
    axes.set_xlabel("step")
    axes.set_ylabel(curve)
    axes.grid(color="#e5e8ec")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=144)
    return _written(path, buffer.getvalue())
