"""The number of threads is in the environment before NumPy is loaded."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pullback.cli.threads import VARIABLES, RestartError, threads_of, use_threads

COMMAND = [sys.executable, "-m", "pullback", "train", "--steps", "1", "--hidden", "4", "--quiet"]


def test_another_number_asks_for_a_restart(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RestartError) as wanted:
        use_threads(3)
    assert {name: wanted.value.environment[name] for name in VARIABLES} == dict.fromkeys(VARIABLES, "3")
    assert "OMP_NUM_THREADS" not in os.environ


def test_the_same_number_does_not(monkeypatch):
    for name in VARIABLES:
        monkeypatch.setenv(name, "3")
    use_threads(3)


@pytest.mark.parametrize(
    ("environment", "asked", "wanted"),
    [
        ({}, None, 1),
        ({}, 4, 4),
        ({"OMP_NUM_THREADS": "2"}, None, 2),
        ({"OMP_NUM_THREADS": "2"}, 4, 4),
        ({"OPENBLAS_NUM_THREADS": "3", "OMP_NUM_THREADS": "2"}, None, 3),
        ({"OPENBLAS_NUM_THREADS": "many"}, None, 1),
        ({"OPENBLAS_NUM_THREADS": "0"}, None, 1),
    ],
)
def test_one_thread_is_used_unless_somebody_says_otherwise(environment, asked, wanted, monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert threads_of(asked) == wanted


def test_a_call_from_python_starts_nothing_anew(pullback, monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert pullback(*COMMAND[3:], "--threads", "3").code == 0


@pytest.fixture
def free(environment):
    """An environment that says nothing about threads."""
    return {name: value for name, value in environment.items() if name not in VARIABLES}


@pytest.mark.parametrize(
    ("option", "number"), [pytest.param([], 1, marks=pytest.mark.long), (["--threads", "2"], 2)], ids=["none", "two"]
)
def test_the_command_starts_anew_once_and_does_its_work(option, number, tmp_path, free):
    done = subprocess.run(
        [*COMMAND, *option, "--out", "run"],
        cwd=tmp_path, env=free, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("test accuracy")
    assert f"threads = {number}" in (tmp_path / "run" / "config.toml").read_text()


def test_blas_has_that_many_threads(tmp_path, free):
    """What NumPy's library itself says, in the process that was started anew."""
    pytest.importorskip("threadpoolctl", reason="only it can ask the libraries")
    probe = (
        "import sys, threadpoolctl; from pullback.cli import threads\n"
        "try: threads.use_threads(1)\n"
        "except threads.RestartError as wanted: threads.restart(wanted.environment)\n"
        "import numpy; print([pool['num_threads'] for pool in threadpoolctl.threadpool_info()])"
    )
    (tmp_path / "probe.py").write_text(probe)
    done = subprocess.run(
        [sys.executable, "probe.py"], cwd=tmp_path, env=free, capture_output=True, text=True, check=True
    )
    assert set(done.stdout.strip("[]\n").split(", ")) == {"1"}
