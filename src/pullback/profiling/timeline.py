"""From what was noted to events that lie within each other: operations, steps of walks, layers, kernels, and calls."""

from __future__ import annotations

import sys
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType
from typing import Any, Final, Literal, NamedTuple, TypeAlias, final

from pullback.core.primitive import Primitive
from pullback.profiling.kernels import told
from pullback.profiling.places import Place
from pullback.profiling.recorder import APPLIED, KERNELS, SPAN, WALKED, Recorder
from pullback.profiling.weights import weigh
from pullback.profiling.work import NOTHING, Spec, Work, walked_work, work_of

BEFORE: Final = "before the profile began"

# What of something is seen: all, a part up to a rest, or all but the operation that it belongs to.
Part: TypeAlias = Literal["", "cut", "unknown"]

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
    weight, calls : float
        How many like it it stands for, in time and in number: more than 1 where the profile looked now and then.
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
    weight: float = 1.0
    calls: float = 1.0
    serial: int | None = field(default=None, repr=False)
    stratum: Hashable = field(default=None, repr=False)  # what it is like
    part: Part = field(default="", repr=False)


def timeline(recorder: Recorder) -> list[Event]:
    """The events of a recorder, those of each thread in the order in which they began."""
    events = [*_applied(recorder), *_spans(recorder), *_kernels(recorder)]
    walked = [*_walked(recorder)]
    events += [event for event, _ in walked]
    if recorder.rests.any:
        _share_lines(events)
    events.sort(key=lambda event: (event.thread, event.begin, -event.end))
    events = [*_without_own(events)]
    _nest(events)
    modules = {event.serial: event.module for event in events if event.kind == "operation"}
    for event, serial in walked:
        event.module = modules.get(serial, event.module)
    if recorder.rests.any:
        looked, first = recorder.looked, recorder.rests.windows[0][1]
        weigh(events, counted(recorder), first, recorder.duration / max(looked, 1), recorder.duration - looked)
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
        work, lines = work_of(primitive, specs, params), [(_line(place), 1.0)]
        yield Event("operation", primitive.name, begin, end, thread, lines, work=work, serial=serial, stratum=primitive)


def _walked(recorder: Recorder) -> Iterator[tuple[Event, int]]:
    known = {applied.serial: applied for applied in _noted(recorder) if applied.serial is not None}
    first = recorder.rests.windows[0][1]
    for direction, primitive, begin, end, thread, serial, wanted in batched(recorder.walked, WALKED):
        line, work = BEFORE, Work(None, 0)
        part: Part = "unknown" if begin > first and serial not in known else ""
        if (applied := known.get(serial)) is not None:
            line, specs = _line(applied.place), applied.specs
            work = work_of(primitive, specs, applied.params)
            work = walked_work(primitive, work, specs, 1 if wanted is None else len(wanted))
        yield (
            Event(
                direction, f"{primitive.name} {direction}", begin, end, thread, [(line, 1.0)], work=work,
                stratum=(direction, primitive), part=part,
            ),
            serial,
        )  # fmt: skip


def _share_lines(events: list[Event]) -> None:
    """Steps of walks whose operation was not seen belong to the lines of that primitive, in parts as it was seen."""
    times: dict[Any, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for event in events:
        if event.kind == "operation":
            times[event.stratum][event.lines[0][0]] += 1
    for event in events:
        if event.part == "unknown":
            assert isinstance(event.stratum, tuple)
            seen = times.get(event.stratum[1], {})
            event.lines = [(line, count / sum(seen.values())) for line, count in seen.items()] or event.lines


def counted(recorder: Recorder) -> dict[Hashable, int]:
    """How often things were done that were only counted, by what they are."""
    first = recorder.rests.windows[0][1]
    found = recorder.rests.operations  # of which some were seen
    for applied in _noted(recorder):
        if applied.begin > first and applied.primitive in found:
            found[applied.primitive] -= 1
    for direction, steps in recorder.rests.walked.items():
        found |= {(direction, primitive): count for primitive, count in steps.items()}
    for kind, owners in recorder.rests.spans.items():
        found |= {(kind, owner): count for owner, (_, count) in owners.items()}
    for profiled in dict.fromkeys(recorder.kernels[::KERNELS]):
        found |= {(id(profiled), place): recorder.programs.get(id(profiled), 0) for place in range(len(profiled.timed))}
    return found


def unseen(recorder: Recorder, events: list[Event]) -> Iterator[tuple[str, int]]:
    """The names of what was never looked at, and how often it was done."""
    strata = {event.stratum for event in events}
    for stratum, count in counted(recorder).items():
        if count <= 0 or stratum in strata:
            continue
        if isinstance(stratum, Primitive):
            yield stratum.name, count
        elif isinstance(stratum, tuple) and isinstance(stratum[1], Primitive):
            yield f"{stratum[1].name} {stratum[0]}", count
        elif isinstance(stratum, tuple) and stratum[0] in TITLES:
            yield TITLES[stratum[0]](recorder.rests.spans[stratum[0]][stratum[1]][0]), count


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
    windows = recorder.rests.windows
    for kind, owner, begin, end, thread in batched(recorder.spans, SPAN):
        over = windows[max(bisect(windows, (begin, sys.maxsize)) - 1, 0)][1]  # when the look ended in which it began
        cut = kind != "profiler" and over < min(end, recorder.end)
        part: Part = "cut" if cut else ""
        last = over if cut else end
        yield Event(kind, TITLES[kind](owner), begin, last, thread, stratum=(kind, id(owner)), part=part)


def _kernels(recorder: Recorder) -> Iterator[Event]:
    known: dict[int, list[Any]] = {}
    for profiled, stamps, called, thread in batched(recorder.kernels, KERNELS):
        if id(profiled) not in known:
            known[id(profiled)] = [told(kernels, profiled.plan) for kernels in profiled.timed]
        times = profiled.times(stamps, called)
        for place, (kernel, (begin, end)) in enumerate(zip(known[id(profiled)], times, strict=False)):
            shares, stratum = kernel.shares, (id(profiled), place)
            yield Event("kernel", kernel.name, begin, end, thread, shares, work=kernel.work, stratum=stratum)
