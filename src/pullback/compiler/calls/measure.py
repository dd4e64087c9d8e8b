"""Measuring: a compiled function beside the same one as it is written, on copies of all that they change."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any, Final, NamedTuple, final

import numpy as np

from pullback.compiler.calls.call import Call
from pullback.compiler.calls.recordings import Recordings
from pullback.compiler.calls.state import State
from pullback.core.errors import GraphError
from pullback.core.tree import leaves, rebuild
from pullback.programs.effects import Effects
from pullback.tensors import Tensor

SECONDS: Final = 0.5  # of both ways together
SAMPLE: Final = 2e-4  # of calls that change nothing, which need not be one by one
FEWEST: Final = 5  # samples
TIMES: Final = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


@final
class Measurement(NamedTuple):
    """How long a call takes, in seconds: the medians of calls in turn.

    Attributes
    ----------
    compiled, written : float
        As a program, and as the function is written.
    why : str
        Why it runs as it is written, if it does: then both are the same but for what finding that out costs.
    """

    compiled: float
    written: float
    why: str = ""

    @property
    def ratio(self) -> float:
        """The time compiled, over that as it is written."""
        return self.compiled / self.written

    def __str__(self) -> str:
        both = f"compiled {_time(self.compiled)}, as it is written {_time(self.written)}"
        if self.why:
            return f"{both}: it runs as it is written, because {self.why}"
        quicker, slower = sorted((self.compiled, self.written))
        first = "compiled" if self.compiled <= self.written else "as it is written"
        return f"{both}: {first} it is {slower / quicker:.3g} × as quick"


def measured(
    compiled: Callable[..., Any], written: Callable[..., Any], call: Call, recordings: Recordings | None
) -> Measurement:  # fmt: skip
    """Make a call in both ways, in turn, and put everything back.

    Raises GraphError if there is no program for it.
    """
    program = recordings and next(recordings.fitting(call), None)
    if program is None:
        raise GraphError(
            "measure: calls like this one are not compiled", why=recordings and recordings.interpreted,
            fix="print(step.explain())",
        )  # fmt: skip
    given = (call.args, call.kwargs)
    state = State.of(program.raw, (x for x in leaves(given) if isinstance(x, Tensor)))
    changes = bool(program.made.written or program.made.cleared or program.made.rewritten or state.generators)
    found: dict[Callable[..., Any], list[float]] = {compiled: [], written: []}
    effects, begin = Effects(program.seen.changing), perf_counter()
    times = 1
    try:
        while len(found[written]) < FEWEST or perf_counter() - begin < SECONDS:
            for way, samples in found.items():
                state.copied()
                copies = [x.copy() if type(x) is np.ndarray else x for x in leaves(given)]
                args, kwargs = rebuild(given, copies)
                start = perf_counter()
                for _ in range(times):
                    way(*args, **kwargs)
                samples.append((perf_counter() - start) / times)
            if not changes and times == 1:
                times = max(1, int(SAMPLE / max(min(map(min, found.values())), 1e-9)))
    finally:
        effects.undo()
        state.restore()
    return Measurement(median(found[compiled]), median(found[written]), program.unpaid or "")


def _time(seconds: float) -> str:
    size, unit = next((row for row in TIMES if seconds >= row[0]), TIMES[-1])
    return f"{seconds / size:.3g} {unit}"
