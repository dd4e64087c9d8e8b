"""One turn of one contestant, alone in this process: `turn.py WORK CONTESTANT MEASURE SECONDS THREADS FILE`.

The file gets one row of numbers: what the first steps give, where these are asked for; else the seconds of the first
call, then the samples.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from contest import every_work, library
from measures import MEASURES, NUMBERS, timed

STEPS_COMPARED: Final = 3  # so that what the first one changes shows in the next


def flat(result: Any) -> Iterator[np.ndarray[Any, Any]]:
    """The arrays in a step's result, in order, whatever library's they are."""
    if isinstance(result, (tuple, list)):
        for part in result:
            yield from flat(part)
    elif result is not None:
        yield np.asarray(result.detach() if hasattr(result, "detach") else result).flatten()  # the next step may write


def main(work: str, contestant: str, measure: str, seconds: str, threads: str, file: str) -> None:
    """Set up, take one measure, and write it down."""
    if library(contestant) == "torch":  # it does not heed the environment alone
        importlib.import_module("torch").set_num_threads(int(threads))
    set_up = every_work()[work].contestants[contestant]
    if measure == NUMBERS:
        step = set_up()
        found = np.concatenate([np.zeros(0), *(part for _ in range(STEPS_COMPARED) for part in flat(step()))])
    else:
        asked = MEASURES[measure]
        importlib.import_module(library(contestant))  # what the library itself holds is not the step's
        base = asked.before()
        step = set_up()
        first, samples = timed(step), asked.take(step, float(seconds)) if asked.take else []
        found = np.array([first, *(sample - base for sample in samples)])
    np.save(Path(file), found, allow_pickle=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
