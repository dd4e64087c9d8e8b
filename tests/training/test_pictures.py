"""Pictures of a run: drawn without pyplot, and left out in peace where matplotlib is missing."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from pullback.training import pictures
from pullback.training.evaluation import Evaluation, evaluate
from pullback.training.measurements import read_measurements

NAMES = ["curves.png", "confusion.png", "mistakes.png"]


def drawn(runs, evaluation=None, metrics=None):
    trainer = runs.start(epochs=2)
    folder = runs.folder()
    if evaluation is None:
        evaluation = evaluate(trainer.model, *runs.data.test.arrays)
    if metrics is None:
        metrics = list(read_measurements(folder.metrics))
    return pictures.draw_pictures(folder, runs.data, evaluation, metrics, 5)


def test_three_pictures_are_drawn(runs):
    paths = drawn(runs)
    assert [path.name for path in paths] == NAMES
    for path in paths:
        with Image.open(path) as image:
            assert image.format == "PNG"
            assert min(image.size) > 200
            assert len(np.unique(np.asarray(image.convert("L")))) > 20  # something is on it


@pytest.mark.parametrize("right", [True, False])
def test_a_perfect_network_and_a_hopeless_one_can_be_drawn(right, runs):
    _, labels = runs.data.test.arrays
    guesses = labels if right else (labels + 1) % 3
    drawn(runs, Evaluation(labels, np.eye(3)[guesses], np.ones(len(labels))))


def test_a_run_without_metrics_can_be_drawn(runs):
    drawn(runs, metrics=[])


def test_without_matplotlib_there_are_none(runs, monkeypatch):
    monkeypatch.setattr(pictures, "find_spec", lambda name: None)
    assert drawn(runs) == []
    assert not list(runs.folder().path.glob("*.png"))


def test_pyplot_is_not_loaded():
    probe = (
        "import io, sys; from pullback.training import pictures; figure = pictures._figure(2, 2, 0.1, 0.1, 0.1, 0.1);"
        "figure.subplots(); figure.savefig(io.BytesIO()); print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
