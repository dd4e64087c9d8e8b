"""What it costs to compile the training step of `mnist.py`, in a new process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

from contest import Step, Target, Work

from works import mnist

work: Final = Work(
    "compile",
    "the step of mnist in a new process: pb.compile and 3 calls, less 3 ordinary ones; llvmlite's import counts",
    Target(0.4, comparison="alone", contestant="pullback cold", measure="compile"),
    Target(0.060, comparison="alone", contestant="pullback warm", measure="compile"),
    reference="pullback cold", measure="compile",
)  # fmt: skip

CALLS: Final = 3  # the two that are recorded, and the first that runs as a program
ORDINARY: Final = 20  # calls of the plain step before, which load what it needs itself; the median of the last is taken


def beyond() -> float:
    """Seconds from before `pb.compile` to after the third call, beyond those of three calls of the plain step."""
    import pullback as pb

    data = mnist.batches()
    train = mnist.training_step()
    ordinary = []
    for _ in range(ORDINARY):
        begin = perf_counter()
        float(train(*next(data)).item())
        ordinary.append(perf_counter() - begin)
    begin = perf_counter()
    compiled = pb.compile(train)
    for _ in range(CALLS):
        float(compiled(*next(data)).item())
    return perf_counter() - begin - CALLS * median(ordinary[ORDINARY // 2 :])


def in_new_process(cache: str) -> float:
    """What `beyond` gives in a process of its own, with a folder for compiled code."""
    here = str(Path(__file__).parents[1])
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    paths = {"PYTHONPATH": os.pathsep.join([here, *filter(None, sys.path)]), "PULLBACK_CACHE": cache}
    command = [sys.executable, "-c", "from works.compiling import beyond; print(beyond())"]
    done = subprocess.run(command, env={**environment, **paths}, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout)


@work.contestant("pullback cold", compared=False)
def cold() -> Step:
    def step() -> float:
        with tempfile.TemporaryDirectory() as cache:
            return in_new_process(cache)

    return step


@work.contestant("pullback warm", compared=False)
def warm() -> Step:
    folder = tempfile.TemporaryDirectory()
    in_new_process(folder.name)

    def step() -> float:
        return in_new_process(folder.name)

    return step
