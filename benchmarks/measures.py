"""What can be measured of a step, one row each. All of it happens in the contestant's own process."""

from __future__ import annotations

import gc
import re
import resource
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final, NamedTuple

from contest import Step

NUMBERS: Final = "numbers"  # not a measure: what the steps give, for the contestants to be compared
FIRST: Final = "first call"

SAMPLE: Final = 0.02  # seconds: long beside the clock's grain and a context switch
SAMPLES: Final = 3  # at least
WARM_UP: Final = 0.2  # of the seconds that are given
BEFORE, EARLY = 48, 500  # calls after the first, and those that are early
SETTLED: Final = 4  # calls after which a step has compiled what it compiles, and does what it always does


class Measure(NamedTuple):
    """A way to measure a step.

    Attributes
    ----------
    take : callable or None
        take(step, seconds) gives samples. None for the first call, which every turn times.
    show : callable
        How a figure is written.
    noisy : bool
        Whether the figure differs from run to run, so that one round is not enough.
    before : callable
        Called before the set-up; what it gives is taken off the samples.
    """

    take: Callable[[Step, float], list[float]] | None
    show: Callable[[float], str]
    noisy: bool = True
    before: Callable[[], float] = float


def timed(step: Step, calls: int = 1) -> float:
    """Seconds that a call takes, on average over `calls`."""
    start = perf_counter()
    for _ in range(calls):
        step()
    return (perf_counter() - start) / calls


def wall_time(step: Step, seconds: float) -> list[float]:
    """Seconds a call, each sample over as many calls as take SAMPLE; the garbage collector is on, as for users."""
    warm: list[float] = []
    begin = perf_counter()
    while not warm or perf_counter() - begin < WARM_UP * seconds:
        warm.append(timed(step))
    calls = max(1, round(SAMPLE / median(warm[len(warm) // 2 :])))
    samples: list[float] = []
    begin = perf_counter()
    while len(samples) < SAMPLES or perf_counter() - begin < seconds:
        samples.append(timed(step, calls))
    return samples


def early_time(step: Step, _seconds: float) -> list[float]:
    """Seconds a call, of the calls 50 to 550 of a process: those that a user waits for who tries something out."""
    for _ in range(BEFORE):
        step()
    return [timed(step, EARLY)]


def processor_time(step: Step, seconds: float) -> list[float]:
    """User and system seconds of the processes that a call starts and waits for."""

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    samples: list[float] = []
    begin = perf_counter()
    while len(samples) < SAMPLES or perf_counter() - begin < seconds:
        before = spent()
        step()
        samples.append(spent() - before)
    return samples


def peak_memory(step: Step, _seconds: float) -> list[float]:
    """Bytes that a call holds at most, beyond what was there before, of what Python and NumPy allocate."""
    step()
    tracemalloc.start()
    try:
        step()
        return [float(tracemalloc.get_traced_memory()[1])]
    finally:
        tracemalloc.stop()


STATUS: Final = Path("/proc/self/status")
FORGET_PEAK: Final = Path("/proc/self/clear_refs"), "5"  # Linux: the peak is what there is now


def most_resident() -> float:
    """Bytes of this process that lay in memory at most, of whoever allocated them."""
    if STATUS.exists() and (found := re.search(r"^VmHWM:\s*(\d+) kB", STATUS.read_text(), re.MULTILINE)):
        return 1024 * float(found[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1.0 if sys.platform == "darwin" else 1024.0)


def resident_now() -> float:
    """Bytes that lie in memory now; from here on the peak is a new one, where the system can forget the old."""
    gc.collect()
    file, order = FORGET_PEAK
    with suppress(OSError):
        file.write_text(order)
    return most_resident()


def resident_memory(step: Step, seconds: float) -> list[float]:
    """Bytes that lie in memory at most while the step is called, native allocations too."""
    begin, calls = perf_counter(), 0
    while calls < SETTLED or perf_counter() - begin < seconds:
        step()
        calls += 1
    return [most_resident()]


def told(step: Step, seconds: float) -> list[float]:
    """What the step tells itself: seconds of a process that it starts, or what it measured."""
    begin = perf_counter()
    samples: list[float] = []
    while len(samples) < SAMPLES or perf_counter() - begin < seconds:
        samples.append(step())
    return samples


def objects_left(step: Step, _seconds: float) -> list[float]:
    """Objects that a call leaves behind while the garbage collector is off: cycles, and what is never dropped."""
    step()
    gc.collect()
    gc.disable()
    before = len(gc.get_objects())
    step()
    return [float(len(gc.get_objects()) - before)]


TIMES: Final = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
BYTES: Final = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B"))


def scaled(value: float, units: Sequence[tuple[float, str]]) -> str:
    """A value in the largest unit that it fills, in three digits."""
    size, unit = next((row for row in units if abs(value) >= row[0]), units[-1])
    number = value / size
    return f"{number:.{0 if abs(number) >= 99.95 else 1 if abs(number) >= 9.995 else 2}f} {unit}"


def as_time(seconds: float) -> str:
    """A time in a unit that suits it."""
    return scaled(seconds, TIMES)


def as_size(size: float) -> str:
    """Bytes in a unit that suits them."""
    return scaled(size, BYTES)


MEASURES: Final[dict[str, Measure]] = {
    "time": Measure(wall_time, as_time),
    FIRST: Measure(None, as_time),
    "early": Measure(early_time, as_time),
    "CPU": Measure(processor_time, as_time),
    "compile": Measure(told, as_time),
    "peak": Measure(peak_memory, as_size, noisy=False),
    "resident": Measure(resident_memory, as_size, before=resident_now),
    "share": Measure(told, "{:.2f}".format),
    "left": Measure(objects_left, lambda count: f"{count:.0f} objects", noisy=False),
}
