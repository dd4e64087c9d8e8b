"""Functions that ask the world outside: files, clocks, other processes."""
# ruff: noqa: PTH116, PTH118, PTH123, PTH204, PTH207, PTH208 - the functions of `os` are what is tried

from __future__ import annotations

import glob
import logging
import os
import subprocess
import sys
import time
import warnings
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

import pullback as pb

x0 = np.linspace(0.1, 1.0, 2_000)
DEADLINE = [0.0]


def _read(path):
    with open(path) as file:
        return float(file.read())


ASKS = {  # of a file that holds 2, and later 3
    "open": lambda x, path: np.sin(x) * _read(path),
    "Path": lambda x, path: np.sin(x) * float(path.read_text()),
    "np.loadtxt": lambda x, path: np.sin(x) * np.loadtxt(path),
    "os.path.getmtime": lambda x, path: np.sin(x) * 2 if os.path.getmtime(path) < 1_000 else np.cos(x),
    "os.stat": lambda x, path: np.sin(x) * (3 if os.stat(path).st_mtime > 1_000 else 2),
    "exists": lambda x, path: np.sin(x) if path.with_suffix(".new").exists() else np.cos(x),
    "glob": lambda x, path: np.sin(x) * len(glob.glob(f"{path.parent}/*")),
    "listdir": lambda x, path: np.sin(x) * len(os.listdir(path.parent)),
    "process": lambda x, path: np.sin(x) if subprocess.run(["test", "-e", f"{path}.new"]).returncode else np.cos(x),
}
if sys.platform == "win32":
    del ASKS["process"]  # has no `test`


@pytest.mark.parametrize("name", ASKS)
def test_what_files_say_is_asked_at_each_call_and_the_line_told(name, tmp_path):
    f, path = ASKS[name], tmp_path / "two"
    path.write_text("2")
    os.utime(path, (0, 0))
    step = pb.compile(f, static_argnums=1)
    with pytest.warns(pb.PullbackWarning, match=r"it asks the world outside \(\w+\.\w+\)[^$]*test_outside.py") as told:
        before = [step(x0, path).numpy() for _ in range(4)]
    assert told[0].filename == __file__
    path.write_text("3")
    for other in (path.with_suffix(".new"), Path(f"{path}.new")):
        other.touch()
    after = step(x0, path).numpy()
    np.testing.assert_array_equal(after, np.asarray(f(x0, path)))
    assert not np.array_equal(after, before[-1])
    assert "runs as it is written" in step.explain()


CLOCKS = {
    "time": lambda x: x if time.time() > DEADLINE[0] else -x,
    "monotonic": lambda x: x if time.monotonic_ns() > DEADLINE[0] else -x,
    "now": lambda x: x * datetime.now(UTC).year,
}


@pytest.mark.parametrize("name", CLOCKS)
def test_clocks_are_asked_at_each_call(name):
    step = pb.compile(CLOCKS[name])
    with pytest.warns(pb.PullbackWarning, match="it asks the world outside"):
        step(x0)


def test_what_only_tells_something_is_compiled():
    log = logging.getLogger("pullback.test")
    log.propagate = False
    log.addHandler(logging.StreamHandler())

    def f(x):
        log.warning("at %s", os.fspath("here"))
        print(os.path.join("a", "b"), file=sys.stderr, flush=True)
        return np.sin(x) * np.cos(x)

    step = pb.compile(f)
    with warnings.catch_warnings():
        warnings.simplefilter("error", pb.PullbackWarning)
        for _ in range(3):
            step(x0)
    assert " 1 run as a program" in step.explain()


def test_code_that_may_ask_and_does_not_is_compiled(tmp_path):
    def f(x, path=None):
        return np.sin(x) * (1.0 if path is None else _read(path))

    step = pb.compile(f)
    for _ in range(3):
        step(x0)
    assert " 1 run as a program" in step.explain()


def test_a_profiler_sees_what_it_saw():
    seen = []
    sys.setprofile(lambda frame, event, arg: seen.append(event))
    try:
        with pytest.warns(pb.PullbackWarning, match="asks the world outside"):
            pb.compile(CLOCKS["time"])(x0)
        own = sys.getprofile()
    finally:
        sys.setprofile(None)
    assert own is not None
    assert "c_call" in seen


def test_objects_are_not_asked_for_what_they_have():
    class Strange:
        def __call__(self, x):
            return np.sin(x) * np.cos(x)

        def __getattr__(self, name):
            raise RuntimeError(name)

    strange = Strange()
    step = pb.compile(lambda x: strange(x) + 1)
    for _ in range(3):
        step(x0)
    assert " 1 run as a program" in step.explain()
