"""A run that was stopped and resumed is, bit for bit, the run that was not."""

from __future__ import annotations

import contextlib
import os

import pytest
from tests.training.conftest import SMALL

from pullback.core.errors import CheckpointError, OptionError
from pullback.training import checkpoint
from pullback.training.measurements import read_measurements
from pullback.training.resuming import loop_for, resumed
from pullback.training.run_folder import RunFolder
from pullback.training.settings import Change, layered

STEPS = 13  # of five an epoch: ends in the middle of the third
RULES = {
    "sgd": {"optimizer": "sgd", "momentum": 0.0},
    "momentum": {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.01},
    "adam": {"optimizer": "adam", "lr": 0.01},
    "adamw": {"optimizer": "adamw", "lr": 0.01, "weight_decay": 0.1},
    "dropout": {"optimizer": "adam", "dropout": 0.4, "hidden": [6, 5]},
    "as written": {"optimizer": "adam", "dropout": 0.4, "hidden": [6, 5], "compile": False},
}


@pytest.fixture(autouse=True)
def points_between_steps(monkeypatch):
    """Let the curve of the loss have a point every two steps, so that a run can stop between two."""
    monkeypatch.setattr("pullback.training.loop.POINTS", 2)


def left(folder):
    """All that a run leaves that does not depend on the clock, with numbers as their bits."""
    model, rest = checkpoint.load(folder.checkpoint)
    state = rest["optimizer"].pop("state")
    arrays = {**model, **{f"optimizer {name}": array for name, array in state.items()}}
    metrics = [metric._replace(time=0) for metric in read_measurements(folder.metrics)]
    return {name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()}, rest, metrics


@pytest.mark.parametrize("rule", RULES)
def test_stopped_after_any_step_and_resumed_is_straight(rule, runs):
    runs.start("straight", steps=STEPS, **RULES[rule])
    straight = left(runs.folder("straight"))
    # Where it stops does not depend on the rule: one that has the most to keep, and compiles nothing, stops everywhere.
    for step in range(1, STEPS + 1) if rule == "as written" else (1, 7, 10):
        runs.start(f"stop{step}", stop=step, steps=STEPS, **RULES[rule])
        runs.resume(f"stop{step}")
        assert left(runs.folder(f"stop{step}")) == straight, f"stopped after step {step}"


def test_stopped_again_and_again(runs):
    runs.start("straight", steps=STEPS, **RULES["as written"])
    runs.start("halting", stop=1, steps=STEPS, **RULES["as written"])
    for step in (2, 3, 7, 10, 12):
        runs.resume("halting", stop=step)
    runs.resume("halting")
    assert left(runs.folder("halting")) == left(runs.folder("straight"))


@pytest.mark.parametrize(("saved", "died"), [(1, 2), (3, 11), (5, 6), (7, 10)])
def test_a_crash_between_checkpoints_costs_work_and_nothing_else(saved, died, runs, monkeypatch):
    """What was logged after the last checkpoint is dropped, and logged again."""
    runs.start("straight", steps=STEPS, **RULES["as written"])
    runs.start("crashed", stop=saved, steps=STEPS, **RULES["as written"])
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", lambda *_: (_ for _ in ()).throw(MemoryError))
        with pytest.raises(MemoryError):
            runs.resume("crashed", stop=died)
    logged = [metric.step for metric in read_measurements(runs.folder("crashed").metrics)]
    assert max(logged) > saved
    runs.resume("crashed")
    assert left(runs.folder("crashed")) == left(runs.folder("straight"))


def test_a_finished_run_can_be_made_longer(runs):
    runs.start("straight", epochs=4)
    runs.start("longer", epochs=2)
    runs.resume("longer", epochs=4)
    assert left(runs.folder("longer")) == left(runs.folder("straight"))


def test_another_seed_is_another_run(runs):
    """So that the equalities above could fail."""
    for seed in (0, 1):
        runs.start(f"seed{seed}", steps=STEPS, seed=seed)
    assert left(runs.folder("seed0")) != left(runs.folder("seed1"))


def test_the_state_of_dropout_matters(runs, monkeypatch):
    """A resumed run without it would be another: the tests above see the generators."""
    runs.start("straight", steps=STEPS, **RULES["dropout"])
    runs.start("stop", stop=6, steps=STEPS, **RULES["dropout"])
    real = checkpoint.load

    def forgetful(path):
        saved = real(path)
        for state in saved.rest["generators"].values():
            state["state"]["state"] += 1
        return saved

    monkeypatch.setattr(checkpoint, "load", forgetful)
    runs.resume("stop")
    monkeypatch.undo()
    assert left(runs.folder("stop")) != left(runs.folder("straight"))


def test_time_goes_on(runs):
    runs.start(stop=3, steps=STEPS)
    before = [metric.time for metric in read_measurements(runs.folder().metrics)]
    runs.resume()
    after = [metric.time for metric in read_measurements(runs.folder().metrics)]
    assert after[: len(before)] == before
    assert after == sorted(after)
    assert after[-1] > before[-1] > 0


def resume(runs, **options):
    """As the command line does it."""
    folder = RunFolder.open(runs.path / "run")
    settings, saved = resumed(folder, options)
    return runs.go(loop_for(runs.task(settings), settings, folder, saved))


def changes(trainer):
    return [Change(*change) for change in trainer.notes["changes"]]


def test_a_setting_that_is_changed_on_purpose_is_noted(runs):
    runs.start(steps=5, optimizer="sgd", lr=0.05)
    resume(runs, lr=0.01, steps=8)
    trainer = resume(runs, momentum=0.5, steps=11)
    assert changes(trainer) == [Change(5, "lr", 0.05, 0.01), Change(8, "momentum", 0.9, 0.5)]
    assert trainer.optimizer.lr.item() == pytest.approx(0.01)
    text = runs.folder().config.read_text()
    assert "# from step 5 on: lr = 0.01, before 0.05" in text
    assert "lr = 0.01" in text.splitlines()
    assert changes(resume(runs, steps=12)) == changes(trainer)


def test_a_checkpoint_of_other_settings_is_refused(runs):
    runs.start(steps=3, seed=1)
    settings = layered(SMALL, {"steps": 3, "seed": 2})
    with pytest.raises(CheckpointError, match="1 there, 2 here"):
        loop_for(runs.task(settings), settings, None, checkpoint.load(runs.folder().checkpoint))


CONFIGS = {
    "emptied": lambda text: "",
    "another seed": lambda text: text.replace("seed = 0", "seed = 1"),
    "longer": lambda text: text.replace("steps = 5", "steps = 9"),
    "weights that decay": lambda text: text.replace("weight_decay = 0.0", "weight_decay = 0.5"),
}


@pytest.mark.parametrize("change", CONFIGS)
def test_a_config_that_was_changed_is_noticed(change, runs):
    runs.start(steps=5)
    path = runs.folder().config
    path.write_text(CONFIGS[change](path.read_text()))
    before = runs.folder().checkpoint.read_bytes(), path.read_bytes()
    with pytest.raises(OptionError, match="not the one that the run was made with"):
        resume(runs, steps=9)
    assert (runs.folder().checkpoint.read_bytes(), path.read_bytes()) == before
    path.unlink()  # what the message says
    assert resume(runs, steps=9).step == 9
    assert resumed(runs.folder(), {})[0].steps == 9


def test_what_a_machine_is_told_may_be_written_there(runs, tmp_path):
    runs.start(steps=5)
    with runs.folder().config.open("a") as file:
        file.write(f'threads = 2\ndata_dir = "{tmp_path}"\n')
    settings, _ = resumed(runs.folder(), {})
    assert (settings.threads, settings.data_dir) == (2, str(tmp_path))


def test_a_run_that_stopped_before_its_first_checkpoint_goes_on(runs):
    runs.start("straight", steps=7)
    runs.made("run", steps=7)  # the folder and its settings
    assert resume(runs).step == 7
    assert left(runs.folder()) == left(runs.folder("straight"))


class Crash(BaseException):
    """The power goes."""


@pytest.mark.parametrize("write", range(1, 11))
def test_a_crash_at_any_write_costs_work_and_nothing_else(write, runs, monkeypatch):
    """The settings, the log and the checkpoint are three files: between two writes they tell different things."""
    runs.start(steps=3, optimizer="sgd")
    real, calls = os.fsync, []

    def dies(file):
        calls.append(file)
        if len(calls) >= write:
            raise Crash
        real(file)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", dies)
        with contextlib.suppress(Crash):
            resume(runs, lr=0.01, steps=6)
    trainer = resume(runs, lr=0.01, steps=6)
    assert trainer.step == 6
    assert changes(trainer) == [Change(3, "lr", 0.05, 0.01)]
    logged = [metric.step for metric in read_measurements(runs.folder().metrics) if metric[1:3] == ("train", "loss")]
    assert logged == [2, 3, 4, 5, 6]
