"""`pullback train --ranks`: processes that start themselves, are asked to stop, and say how it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from pullback.core.errors import OptionError
from pullback.parallel.launcher import launcher
from pullback.training import checkpoint

pytest.importorskip("mpi4py", reason="mpi4py is not installed: pip install 'pullback[mpi]'")
try:
    launcher()
except OptionError:
    pytest.skip("no launcher of MPI is installed: pip install 'pullback[mpi]'", allow_module_level=True)

ONE = {**os.environ, "OMP_NUM_THREADS": "1"}


def started(folder, *options):
    command = [sys.executable, "-m", "pullback", "train", "--no-compile", *options]
    return subprocess.Popen(
        command, cwd=folder, env=ONE, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )  # fmt: skip


@pytest.mark.long
def test_two_ranks_train_what_one_trains(tmp_path):
    runs = [started(tmp_path, "--steps", "5", "--out", f"run{n}", "--ranks", str(n)) for n in (1, 2)]
    for run in runs:
        out, err = run.communicate(timeout=120)
        assert run.returncode == 0, err
        assert out.count("5 steps in ") == 1  # by one rank alone
    one, two = (checkpoint.load(tmp_path / f"run{n}" / "model.safetensors") for n in (1, 2))
    assert one.rest["step"] == two.rest["step"] == 5
    for name, array in one.model.items():
        np.testing.assert_allclose(two.model[name], array, rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.long
def test_ctrl_c_saves_and_stops_all_ranks(tmp_path):
    run = started(tmp_path, "--steps", "1000000", "--out", "run", "--ranks", "2")
    metrics = tmp_path / "run" / "metrics.jsonl"
    for _ in range(600):
        time.sleep(0.1)
        if run.poll() is not None or (metrics.exists() and metrics.stat().st_size):
            break
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=120)
    assert run.returncode == 128 + signal.SIGINT, err
    assert "go on: pullback train --resume run" in out
    step = checkpoint.load(tmp_path / "run" / "model.safetensors").rest["step"]
    resumed = started(tmp_path, "--resume", "run", "--steps", str(step + 3), "--ranks", "3")
    out, err = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, err
    assert checkpoint.load(tmp_path / "run" / "model.safetensors").rest["step"] == step + 3


@pytest.mark.long
@pytest.mark.parametrize("rank", [0, 2])
def test_the_others_train_on_without_a_rank_that_is_killed(rank, tmp_path):
    (tmp_path / "dying.py").write_text(DYING)
    options = ["--set", f"rank={rank}", "--steps", "12", "--out", "run", "--ranks", "3", "--survive"]
    run = started(tmp_path, "dying.py:make", *options)
    out, err = run.communicate(timeout=120)
    if "ends all ranks where one dies" in err:
        pytest.skip("this MPI cannot go on")
    assert run.returncode == 0, err
    assert "train: ranks died, and the others go on" in err
    assert "\n12 steps" in f"\n{out}", "the rank that writes says how it ended"
    assert checkpoint.load(tmp_path / "run" / "model.safetensors").rest["step"] == 12


DYING = """
import os
import signal

import numpy as np

import pullback as pb


class Dies(pb.training.Callback):
    def __init__(self, rank):
        self.rank = rank

    def before_step(self, loop):
        if loop.step == 5 and pb.parallel.size() == 3 and pb.parallel.rank() == self.rank:
            os.kill(os.getpid(), signal.SIGKILL)


def make(rank: int):
    model = pb.nn.Linear(3, 1, rng=0)
    trainer = pb.training.Trainer(
        model, pb.nn.MSELoss(), pb.optim.SGD(model.parameters(), lr=0.1), callbacks=[Dies(rank)]
    )
    rng = np.random.default_rng(0)
    x = rng.normal(size=(24, 3)).astype(np.float32)
    return trainer, pb.data.DataLoader((x, x[:, :1]), batch_size=6, shuffle=True, rng=0)
"""


@pytest.mark.long
def test_a_run_whose_state_is_shared_out_is_the_same(tmp_path):
    runs = [started(tmp_path, "--steps", "5", "--out", f"run{n}", "--ranks", "2", *more)
            for n, more in enumerate(((), ("--shard",)))]  # fmt: skip
    for run in runs:
        _, err = run.communicate(timeout=120)
        assert run.returncode == 0, err
    one, two = (checkpoint.load(tmp_path / f"run{n}" / "model.safetensors") for n in (0, 1))
    for name, array in one.model.items():
        np.testing.assert_array_equal(two.model[name], array, err_msg=name)
