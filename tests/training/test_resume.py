"""A run that was stopped and resumed is, bit for bit, the run that was not."""

from __future__ import annotations

import pytest

from pullback.training import checkpoint
from pullback.training.metrics import read_metrics

STEPS = 13  # of five an epoch: ends in the middle of the third
RULES = {
    "sgd": {"optimizer": "sgd", "momentum": 0.0},
    "momentum": {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.01},
    "adam": {"optimizer": "adam", "lr": 0.01},
    "adamw": {"optimizer": "adamw", "lr": 0.01, "weight_decay": 0.1},
    "dropout": {"optimizer": "adam", "dropout": 0.4, "hidden": [6, 5]},
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
    metrics = [metric._replace(time=0) for metric in read_metrics(folder.metrics)]
    return {name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()}, rest, metrics


@pytest.mark.parametrize("rule", RULES)
def test_stopped_after_any_step_and_resumed_is_straight(rule, runs):
    runs.start("straight", steps=STEPS, **RULES[rule])
    straight = left(runs.folder("straight"))
    for step in range(1, STEPS + 1):
        runs.start(f"stop{step}", stop=step, steps=STEPS, **RULES[rule])
        runs.resume(f"stop{step}")
        assert left(runs.folder(f"stop{step}")) == straight, f"stopped after step {step}"


def test_stopped_again_and_again(runs):
    runs.start("straight", steps=STEPS, **RULES["dropout"])
    runs.start("halting", stop=1, steps=STEPS, **RULES["dropout"])
    for step in (2, 3, 7, 10, 12):
        runs.resume("halting", stop=step)
    runs.resume("halting")
    assert left(runs.folder("halting")) == left(runs.folder("straight"))


@pytest.mark.parametrize(("saved", "died"), [(1, 2), (3, 11), (5, 6), (7, 10)])
def test_a_crash_between_checkpoints_costs_work_and_nothing_else(saved, died, runs, monkeypatch):
    """What was logged after the last checkpoint is dropped, and logged again."""
    runs.start("straight", steps=STEPS, **RULES["dropout"])
    runs.start("crashed", stop=saved, steps=STEPS, **RULES["dropout"])
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", lambda *_: (_ for _ in ()).throw(MemoryError))
        with pytest.raises(MemoryError):
            runs.resume("crashed", stop=died)
    logged = [metric.step for metric in read_metrics(runs.folder("crashed").metrics)]
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
    before = [metric.time for metric in read_metrics(runs.folder().metrics)]
    runs.resume()
    after = [metric.time for metric in read_metrics(runs.folder().metrics)]
    assert after[: len(before)] == before
    assert after == sorted(after)
    assert after[-1] > before[-1] > 0
