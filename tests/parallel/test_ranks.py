"""Several ranks, as real processes: what they compute, and what becomes of them when one fails."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pullback.core.errors import OptionError
from pullback.parallel.launcher import _settled, launcher

pytest.importorskip("mpi4py", reason="mpi4py is not installed: pip install 'pullback[mpi]'")
try:
    LAUNCHER = launcher()
except OptionError:
    pytest.skip("no launcher of MPI is installed: pip install 'pullback[mpi]'", allow_module_level=True)

PROGRAM = Path(__file__).with_name("ranks.py")


def together(what, *args, ranks=2):
    command = [
        LAUNCHER,
        "-n",
        str(ranks),
        sys.executable,
        "-W",
        "error",
        "-m",
        "mpi4py",
        str(PROGRAM),
        what,
        *map(str, args),
    ]
    return subprocess.run(
        command, env={**_settled(), "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=120, check=False
    )


def test_collectives():
    done = together("collectives")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("all is well") == 2


@pytest.fixture(scope="module", params=[2, pytest.param(4, marks=pytest.mark.long)])
def learned(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    done = together("training", folder, ranks=request.param)
    assert done.returncode == 0, done.stderr
    return folder, set(re.findall("loss (.*)", done.stdout))


def alone(**options):
    import importlib.util

    spec = importlib.util.spec_from_file_location("ranks", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.trainer(**options)


def close(model, file):
    """Equal to rounding: 1e-12 of double precision, over a dozen steps."""
    with np.load(file, allow_pickle=False) as arrays:
        for name, parameter in model.named_parameters():
            np.testing.assert_allclose(parameter.numpy(), arrays[name], rtol=1e-12, atol=1e-13, err_msg=name)


def test_ranks_learn_what_one_learns(learned):
    folder, losses = learned
    assert len(losses) == 1  # the same on all
    trainer, loader = alone(clip_norm=0.5)
    trainer.fit(loader, loader, steps=11)
    close(trainer.model, folder / "weights.npz")
    trainer, loader = alone(accumulate=2)
    trainer.fit(loader, steps=4)
    close(trainer.model, folder / "gathered.npz")


def test_a_run_goes_on_with_another_number_of_ranks(learned):
    folder, _ = learned
    assert sorted(path.name for path in (folder / "run").iterdir()) == ["metrics.jsonl", "model.safetensors"]
    trainer, loader = alone(clip_norm=0.5)
    trainer.fit(loader, loader, steps=11, folder=folder / "run", resume=True)
    close(trainer.model, folder / "weights.npz")


@pytest.mark.parametrize(
    ("what", "status", "said"),
    [
        ("dies", 7, ""),
        pytest.param("raises", 1, "ValueError: only here", marks=pytest.mark.long),
        pytest.param("seed", 1, "seed of the data: 6", marks=pytest.mark.long),
        pytest.param("late", 1, "not all ranks came in time", marks=pytest.mark.long),
        pytest.param("not_finite", 1, "the loss is not finite", marks=pytest.mark.long),
    ],
)
def test_a_rank_that_fails_ends_all(what, status, said):
    done = together(what)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
