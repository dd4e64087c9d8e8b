"""The race: each contestant alone in a process of its own, in turn, round after round.

Thread pools of several libraries in one process slow each other, and what a machine does besides changes from minute
to minute. So a figure is compared with another of the same round only, and the median is over the rounds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple, final

import numpy as np
from contest import COMPARISONS, Work
from measures import FIRST, MEASURES, NUMBERS

# Where libraries look for their number of threads as they load: OpenMP, OpenBLAS, MKL, and XLA in two versions.
THREAD_VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PJRT_NPROC", "NPROC")
PATIENCE: Final = 600  # seconds that a turn may take
TURN: Final = Path(__file__).with_name("turn.py")

Array = np.ndarray[Any, Any]


class Settings(NamedTuple):
    """How a race is run; `seconds` is how long a contestant is timed in each round."""

    rounds: int
    threads: int
    seconds: float


class TurnError(Exception):
    """A contestant's process ended with an error, or its numbers are not those of the others."""


@final
@dataclass
class Results:
    """What was found of a work.

    Attributes
    ----------
    samples : dict
        By measure and contestant, the median sample of each round.
    failed : dict
        By contestant, what went wrong.
    """

    work: Work
    samples: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    _numbers: Array | None = None

    def enter(self, measure: str, name: str, found: Array) -> None:
        """Note what a turn found; raise TurnError if its numbers are not those of the first contestant."""
        if measure != NUMBERS:
            self.samples.setdefault((measure, name), []).append(float(np.median(found[1:])))
            if measure == self.work.measure:
                self.samples.setdefault((FIRST, name), []).append(float(found[0]))
        elif self._numbers is None:
            self._numbers = found
        elif self._numbers.shape != found.shape:
            raise TurnError(f"gives {found.size} numbers instead of {self._numbers.size}")
        elif not np.allclose(found, self._numbers, rtol=self.work.tolerance, atol=self.work.tolerance):
            raise TurnError(f"its numbers are off by up to {np.abs(found - self._numbers).max():.2g}")

    def compared(self, measure: str, name: str, against: str, comparison: str) -> float | None:
        """The median over the rounds of a comparison within each; None if there is nothing to compare."""
        own = self.samples.get((measure, name), [])
        other = self.samples.get((measure, against), []) if against else own
        values = [COMPARISONS[comparison].of(a, b) for a, b in zip(own, other, strict=False)]
        return median(values) if values else None


def take_turn(work: Work, name: str, measure: str, settings: Settings) -> Array:
    """Run one turn in a new process, and give what it found."""
    threads = dict.fromkeys(THREAD_VARIABLES, str(settings.threads))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found.npy"
        arguments = (work.name, name, measure, str(settings.seconds), str(settings.threads), str(file))
        try:
            subprocess.run(
                [sys.executable, str(TURN), *arguments], env={**os.environ, **threads, "JAX_PLATFORMS": "cpu"},
                check=True, capture_output=True, text=True, timeout=PATIENCE,
            )  # fmt: skip
        except subprocess.CalledProcessError as error:
            last = error.stderr.strip().splitlines()[-4:]
            raise TurnError("\n".join(last) or f"exit status {error.returncode}") from None
        except subprocess.TimeoutExpired:
            raise TurnError(f"took more than {PATIENCE} s") from None
        return np.load(file, allow_pickle=False)


def turns(work: Work, names: Collection[str], rounds: int) -> Iterator[tuple[str, str, str]]:
    """Every turn: its measure, the contestant, and what to call it. First of all, the numbers are compared."""
    for name in sorted(names, key=lambda name: name != work.reference):  # the reference first
        if name not in work.uncompared:
            yield NUMBERS, name, NUMBERS
    for measure, measured in work.measured().items():
        count = 0 if measure == FIRST else rounds if MEASURES[measure].noisy else 1
        for number in range(count):
            for name in measured if number % 2 == 0 else measured[::-1]:  # nobody always follows the same
                if name in names:
                    yield measure, name, f"{measure}, round {number + 1} of {count}"


def race(work: Work, names: Collection[str], settings: Settings, tell: Callable[[str], None]) -> Results:
    """Let the contestants named take all their turns; who fails takes no further one."""
    results = Results(work)
    for measure, name, label in turns(work, names, settings.rounds):
        if name not in results.failed:
            tell(f"{work.name}: {label}, {name}")
            try:
                results.enter(measure, name, take_turn(work, name, measure, settings))
            except TurnError as failure:
                results.failed[name] = str(failure)
    return results
