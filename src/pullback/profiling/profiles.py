"""`pb.profile`: where the time goes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal, Self, TypeAlias, final

from pullback.compiler.showing.report import amount
from pullback.core.errors import GraphError, OptionError
from pullback.interop.atomic import write_atomically
from pullback.profiling.machine import Machine, machine
from pullback.profiling.page import page_of
from pullback.profiling.recorder import Recorder
from pullback.profiling.tables import OUTSIDE, Row, Table, added
from pullback.profiling.timeline import Event, timeline, unseen
from pullback.profiling.trace import trace_of

By: TypeAlias = Literal["operation", "line", "layer", "kernel"]
BY: Final[tuple[By, ...]] = ("operation", "line", "layer", "kernel")


@final
class Profile:
    """Where the time went, as a context manager: what ran inside, eager and compiled, of all threads.

    Afterwards it prints as tables, a notebook shows it as HTML, `table` has each as rows, and `save` writes a trace or
    a page. Times are the processor's wall time. An operation's own time is that without the operations inside of it, so
    the times of a table add up. A step of a walk back belongs to the line and the layer of the operation that it is
    the derivative of.

    Parameters
    ----------
    memory : bool
        Follow how much memory the results of operations take, of arrays of 16 kB and more.

    Attributes
    ----------
    seconds : float
        From the beginning to the end, without the time in which programs with stamps were built.
    events : list of Event
        All that was timed.
    memory : list of (int, int)
        Nanoseconds of `time.perf_counter_ns`, and the bytes of results from then on.

    Raises
    ------
    GraphError
        If a profile is running in this process, or this one has ended.
    """

    def __init__(self, *, memory: bool = True) -> None:
        self._recorder = Recorder(memory=memory)
        self._events: list[Event] | None = None

    def __enter__(self) -> Self:
        if self._recorder.end:
            raise GraphError("profile: it has ended", fix="a new one: with pb.profile() as p")
        self._recorder.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._recorder.stop()

    @property
    def seconds(self) -> float:
        """From the beginning to the end, without the time in which programs with stamps were built."""
        return self._ended().duration * 1e-9

    @property
    def looked(self) -> float:
        """The part of all time in which everything was timed; else it was only counted. 1 of a short profile."""
        recorder = self._ended()
        return min(recorder.looked / recorder.duration, 1.0) if recorder.duration else 1.0

    @property
    def events(self) -> list[Event]:
        """All that was timed, those of each thread in the order in which they began."""
        if self._events is None:
            self._events = [event for event in timeline(self._ended()) if event.kind != "profiler"]
        return self._events

    @property
    def memory(self) -> list[tuple[int, int]]:
        """Times in nanoseconds, and the bytes of results from then on."""
        followed = self._ended().memory
        return [] if followed is None else followed.changes

    @property
    def peak_memory(self) -> int:
        """The most bytes that results took at once."""
        return max((size for _, size in self.memory), default=0)

    def _ended(self) -> Recorder:
        if not self._recorder.end:
            raise GraphError("profile: it has not ended yet", fix="look at it behind the `with` block")
        return self._recorder

    def table(self, by: By = "operation", *, roof: bool = True) -> Table:
        """What took how long.

        Parameters
        ----------
        by : {"operation", "line", "layer", "kernel"}
            What a row is. The time of a compiled kernel is shared out among the lines of its operations, by their work.
        roof : bool
            Compare with what this machine can do at most, which is measured when it is first asked for.

        Raises
        ------
        OptionError
            If `by` is something else.
        """
        if by not in BY:
            raise OptionError("profile: there is no such table", got=by, fix=f"one of {', '.join(BY)}")
        limits = machine() if roof else None
        events, total = self.events, self.seconds
        if by == "kernel":
            rows = added((event for event in events if event.kind == "kernel"), _names, limits)
        elif by == "line":
            rows = added((event for event in events if event.lines), lambda event: event.lines, limits)
        elif by == "layer":
            rows = added(events, lambda event: [(event.module or "outside of layers", 1.0)], limits)
        else:
            rows = self._operations(events, limits)
        looked = f", looked at for {self.looked:.0%} of it" if self.looked < 1 else ""
        return Table(f"{_TITLES[by]}, of {total:.3g} s{looked}", by, rows.values(), total)

    def _operations(self, events: Iterable[Event], limits: Machine | None) -> dict[str, Row]:
        rows = added(events, lambda event: [(_BETWEEN if event.kind == "module" else event.name, 1.0)], limits)
        for name, count in unseen(self._recorder, self.events):
            rows.setdefault(name, Row(name)).calls += count
        if (left := self.seconds - sum(row.time for row in rows.values())) > 0:
            rows[OUTSIDE] = Row(OUTSIDE, left)
        return rows

    def show(self) -> None:
        """Print the tables, in colours where the standard output is a terminal."""
        for table in self._tables():
            table.show()

    def _tables(self) -> list[Table]:
        return [table for by in BY if len(table := self.table(by)) > (by == "layer")]

    def __str__(self) -> str:
        if not self._recorder.end:
            return "a profile that has not ended"
        peak = f"results took up to {amount(self.peak_memory)}" if self.peak_memory else ""
        return "\n\n".join([*map(str, self._tables()), *([peak] if peak else [])])

    def __repr__(self) -> str:
        ended = bool(self._recorder.end)
        return f"<Profile: {len(self.events):,} events in {self.seconds:.3g} s>" if ended else f"<Profile: {self}>"

    def _repr_html_(self) -> str | None:
        return "".join(table._repr_html_() or "" for table in self._tables()) if self._recorder.end else None

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write what was timed: as a trace for Perfetto or Chrome (`.json`), or as one page without network (`.html`).

        Raises
        ------
        OptionError
            If the name ends otherwise.
        OSError
            If it cannot be written.
        """
        ending = Path(path).suffix.lower()
        if ending == ".json":
            text = trace_of(self.events, self.memory, self._recorder.begin, self._recorder.names)
        elif ending == ".html":
            text = page_of(self.events, self.memory, self._recorder.begin, self._tables(), machine())
        else:
            raise OptionError("profile: what kind of file is this?", got=str(path), fix="trace.json or profile.html")
        return write_atomically(path, text.encode())


_TITLES: Final[dict[By, str]] = {
    "operation": "Operations", "line": "Lines", "layer": "Layers", "kernel": "Kernels of compiled code",
}  # fmt: skip


_BETWEEN: Final = "layers: Python between operations"


def _names(event: Event) -> list[tuple[str, float]]:
    return [(event.name, 1.0)]


def profile(*, memory: bool = True) -> Profile:
    """Where the time goes: `with pb.profile() as p: …`, then `print(p)`, `p.table("line")`, `p.save("trace.json")`.

    Time, calls, operations and bytes of eager and compiled code, by operation, line, layer and kernel; beside what this
    machine can do at most (the roofline). After a first look at everything it looks now and then, and counts all the
    time; where that is so, the titles of the tables say it, and times are estimates. Compiled code runs as a build of
    the same program that reads a clock between its kernels.

    Parameters
    ----------
    memory : bool
        Follow how much memory the results of operations take.

    Returns
    -------
    Profile

    Raises
    ------
    GraphError
        On entry, if a profile is running in this process.

    >>> import pullback as pb
    >>> x = pb.tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> with pb.profile() as p:
    ...     pb.exp(x).sum().backward()
    >>> sorted(row.name for row in p.table("operation", roof=False) if row.calls)
    ['backward: the walk', 'exp', 'exp backward', 'sum', 'sum backward']
    """
    return Profile(memory=memory)
