"""From what was noted to events that lie within each other: operations, steps of walks, layers, kernels, and calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType
from typing import Any, Final, NamedTuple, final

from pullback.core.primitive import Primitive
from pullback.profiling.kernels import told
from pullback.profiling.recorder import APPLIED, KERNELS, SPAN, WALKED, Place, Recorder
from pullback.profiling.work import NOTHING, Spec, Work, walked_work, work_of

BEFORE: Final = "before the profile began"

# What lasts longer than an operation: what to call it.
TITLES: Final[dict[str, Callable[[Any], str]]] = {
    "module": lambda module: f"{module._path}: {type(module).__name__}".lstrip(": "),
    "walk": lambda _: "backward: the walk",
    "step": lambda optimizer: f"{type(optimizer).__name__}.step",
    "call": lambda function: f"{function.__name__}: its call",
    "recording": lambda _: "compile: record a call",
    "passes": lambda _: "compile: passes",
    "code": lambda _: "compile: code",
    "data": lambda _: "the next batch",
    "profiler": lambda _: "profile: a program with stamps",
}


@final
@dataclass(slots=True)
class Event:
    """Something that took time.

    Attributes
    ----------
    kind : str
        "operation", "backward", "forward" (a step of a walk with tangents), "kernel", or what stands in TITLES.
    name : str
        What it is called.
    begin, end : int
        Nanoseconds of `time.perf_counter_ns`.
    thread : int
        Which thread.
    lines : list of (str, float)
        The user's lines that it belongs to, and in which parts.
    module : str
        The layer.
    work : Work
        Its operations and bytes.
    own : int
        Nanoseconds without those of the events in it.
    """

    kind: str
    name: str
    begin: int
    end: int
    thread: int
    lines: list[tuple[str, float]] = field(default_factory=list)
    module: str = ""
    work: Work = NOTHING
    own: int = 0
    serial: int | None = None


def timeline(recorder: Recorder) -> list[Event]:
    """The events of a recorder, those of each thread in the order in which they began."""
    events = [*_applied(recorder), *_spans(recorder), *_kernels(recorder)]
    walked = [*_walked(recorder)]
    events += [event for event, _ in walked]
    events.sort(key=lambda event: (event.thread, event.begin, -event.end))
    events = [*_without_own(events)]
    _nest(events)
    modules = {event.serial: event.module for event in events if event.kind == "operation"}
    for event, serial in walked:
        event.module = modules.get(serial, event.module)
    return events


def _without_own(events: list[Event]) -> Iterator[Event]:
    """All but what was done to build programs with stamps, of which some were on disk and had no plan yet."""
    thread, until = -1, 0
    for event in events:
        if event.thread == thread and event.end <= until:
            continue
        if event.kind == "profiler":
            thread, until = event.thread, event.end
        yield event


def _nest(events: list[Event]) -> None:
    """Find what each took by itself, and within which layer it was."""
    around: list[Event] = []
    for event in events:
        while around and (around[-1].thread != event.thread or around[-1].end <= event.begin):
            around.pop()
        event.own = event.end - event.begin
        if around:
            around[-1].own -= event.own
            event.module = event.module or around[-1].module
        if event.kind == "module":
            event.module = event.name
        around.append(event)


class _Applied(NamedTuple):
    """What was noted of an operation."""

    primitive: Primitive
    begin: int
    end: int
    thread: int
    place: Place
    serial: int | None
    params: dict[str, Any] | None
    specs: list[Spec]


def _noted(recorder: Recorder) -> Iterator[_Applied]:
    flat, start = recorder.applied, 0
    while start < len(flat):
        count, primitive, begin, end, thread, place, serial, params = flat[start : start + APPLIED]
        behind = start + APPLIED + 2 * (count + 1)
        specs = [
            None if shape is None else (shape, dtype) for shape, dtype in batched(flat[start + APPLIED : behind], 2)
        ]
        yield _Applied(primitive, begin, end, thread, place, serial, params, specs)
        start = behind


def _applied(recorder: Recorder) -> Iterator[Event]:
    for applied in _noted(recorder):
        primitive, begin, end, thread, place, serial, params, specs = applied
        work = work_of(primitive, specs, params)
        yield Event("operation", primitive.name, begin, end, thread, [(_line(place), 1.0)], work=work, serial=serial)


def _walked(recorder: Recorder) -> Iterator[tuple[Event, int]]:
    known = {applied.serial: applied for applied in _noted(recorder) if applied.serial is not None}
    for direction, primitive, begin, end, thread, serial, wanted in batched(recorder.walked, WALKED):
        line, work = BEFORE, Work(None, 0)
        if (applied := known.get(serial)) is not None:
            line, specs = _line(applied.place), applied.specs
            work = work_of(primitive, specs, applied.params)
            work = walked_work(primitive, work, specs, 1 if wanted is None else len(wanted))
        yield Event(direction, f"{primitive.name} {direction}", begin, end, thread, [(line, 1.0)], work=work), serial


def _line(place: Place) -> str:
    return place if isinstance(place, str) else _line_of(*place)


@lru_cache(maxsize=4096)
def _line_of(code: CodeType, instruction: int) -> str:
    """An instruction's line, as `file:line in function`."""
    lines = (line for begin, end, line in code.co_lines() if begin <= instruction < end and line is not None)
    return f"{code.co_filename}:{next(lines, code.co_firstlineno)} in {code.co_name}"


def batched(flat: list[Any], size: int) -> Iterator[tuple[Any, ...]]:
    """A flat list as tuples of a size (Python 3.12 has `itertools.batched`)."""
    return zip(*[iter(flat)] * size, strict=True)


def _spans(recorder: Recorder) -> Iterator[Event]:
    for kind, owner, begin, end, thread in batched(recorder.spans, SPAN):
        yield Event(kind, TITLES[kind](owner), begin, end, thread)


def _kernels(recorder: Recorder) -> Iterator[Event]:
    known: dict[int, list[Any]] = {}
    for profiled, stamps, called, thread in batched(recorder.kernels, KERNELS):
        if id(profiled) not in known:
            known[id(profiled)] = [told(kernels, profiled.plan) for kernels in profiled.timed]
        for kernel, (begin, end) in zip(known[id(profiled)], profiled.times(stamps, called), strict=False):
            yield Event("kernel", kernel.name, begin, end, thread, kernel.shares, work=kernel.work)
