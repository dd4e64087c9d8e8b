"""What was learned is saved somewhere, whatever can no longer be written, and the error says where."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest

from pullback.core.errors import CheckpointError, OptionError
from pullback.interop.atomic import write_atomically
from pullback.training import checkpoint, measurements
from pullback.training.measurements import read_measurements
from pullback.training.progress import Progress
from pullback.training.run_folder import RunFolder


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Where temporary files go."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "no home")
    return place


def full(*_args, **_options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def then(loop, step, action):
    """Do something after a step of a run."""
    learn = loop.trainer.learn

    def learned(batches):
        result = learn(batches)
        if loop.trainer.step == step:
            action()
        return result

    loop.trainer.learn = learned
    return loop


def weights(trainer):
    return {name: array.tobytes() for name, array in trainer.model.state_dict().items()}


def go_on(runs, folder, straight):
    """Resume a run, and see that it is as one that never stopped."""
    folder.path.rename(runs.path / "saved")
    saved = checkpoint.load(runs.folder("saved").checkpoint)
    trainer = runs.resume("saved")
    assert weights(trainer) == weights(straight)
    rows = [(row.step, row.name, row.value) for row in read_measurements(runs.folder("saved").metrics)]
    assert rows == [(row.step, row.name, row.value) for row in read_measurements(runs.folder("straight").metrics)]
    return saved.rest["step"]


def test_a_disk_that_is_too_full_for_the_log_leaves_the_checkpoint_in_its_place(runs, elsewhere, monkeypatch):
    straight = runs.start("straight", steps=8)
    loop = then(runs.made(steps=8), 3, lambda: monkeypatch.setattr(measurements.MeasurementLog, "add", full))
    with pytest.raises(CheckpointError, match="No space left") as caught:
        runs.go(loop)
    monkeypatch.undo()
    assert f"pullback train --resume {loop.folder.path}" in caught.value.facts["fix"]
    saved = checkpoint.load(loop.folder.checkpoint)
    assert saved.rest["step"] == 3
    assert caught.value.facts["saved"].endswith("of step 3")
    assert weights(runs.resume()) == weights(straight)


@pytest.mark.parametrize("fault", ["full", "deleted", "replaced", "log removed"])
def test_what_was_learned_is_saved_elsewhere(fault, runs, elsewhere, monkeypatch):
    straight = runs.start("straight", steps=8)
    loop = runs.made(steps=8)
    path = loop.folder.path

    def full_there(target, content):
        return full() if Path(target).is_relative_to(path) else write_atomically(target, content)

    def replaced():
        path.rename(runs.path / "moved")
        path.mkdir()

    faults = {
        "full": lambda: monkeypatch.setattr("pullback.interop.safetensors.write_atomically", full_there),
        "deleted": lambda: shutil.rmtree(path),
        "replaced": replaced,
        "log removed": loop.folder.metrics.unlink,
    }
    then(loop, 5, faults[fault])
    with pytest.raises(CheckpointError, match="cannot be written") as caught:
        runs.go(loop, stop=6)
    if fault == "log removed":
        assert checkpoint.load(loop.folder.checkpoint).rest["step"] == 6
        return
    (place,) = elsewhere.iterdir()
    assert str(place) in caught.value.facts["saved"]
    assert f"pullback train --resume {place}" in caught.value.facts["fix"]
    if fault == "replaced":
        assert list(path.iterdir()) == []  # it is not the run's
    assert go_on(runs, RunFolder(place), straight) == 6


def test_where_nothing_can_be_saved_that_is_told(runs, elsewhere, monkeypatch):
    loop = then(runs.made(steps=8), 5, lambda: monkeypatch.setattr(os, "fsync", full))
    with pytest.raises(CheckpointError, match="nowhere; what was saved last is of step 0"):
        runs.go(loop)
    monkeypatch.undo()
    assert checkpoint.load(loop.folder.checkpoint).rest["step"] == 0


@pytest.mark.parametrize("begun", [False, True])
def test_a_folder_that_takes_no_file_is_told_before_anything_is_learned(begun, runs, monkeypatch):
    if begun:
        runs.start(stop=3, steps=8)
    else:
        loop = runs.made(steps=8)
    monkeypatch.setattr(os, "fsync", full)
    with (
        pytest.raises(OptionError, match="the folder cannot be written")
        if begun
        else pytest.raises((OptionError, CheckpointError), match="cannot be written")
    ):
        runs.resume() if begun else runs.go(loop)


def test_a_terminal_that_is_gone_stops_nothing(runs):
    class Gone:
        def isatty(self):
            return False

        def write(self, text):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        flush = write

    with Progress(0, 9, stream=Gone()) as progress:
        progress._next_line = 0.0
        progress.show(1, "epoch 1/2", "loss 1")
        progress.show(2, "epoch 1/2", "loss 1")
    assert np.isinf(progress._next_line)
