"""A small data set, and runs on it."""

from __future__ import annotations

import io
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pullback.data import ImageSet, TensorDataset
from pullback.training import checkpoint
from pullback.training.digit_image import Frame
from pullback.training.loop import Loop
from pullback.training.progress import Progress
from pullback.training.recipes.images import mlp_on
from pullback.training.resuming import loop_for
from pullback.training.run_folder import RunFolder
from pullback.training.settings import layered, read_toml
from pullback.training.task import Task
from pullback.training.trainer import Trainer

SMALL = {"batch_size": 8, "hidden": [6], "lr": 0.05}  # five batches an epoch


@dataclass
class StopAt:
    """In place of `Interrupts`: a Ctrl-C that comes in a step of a trainer."""

    trainer: Trainer
    step: int

    @property
    def signal(self) -> int | None:
        return signal.SIGINT if self.trainer.step >= self.step else None


@dataclass
class Runs:
    """Starts runs in a folder, stops them after a step, and resumes them."""

    path: Path
    data: ImageSet

    def folder(self, name: str = "run") -> RunFolder:
        return RunFolder(self.path / name)

    def made(self, name: str = "run", **settings: Any) -> Loop:
        chosen = layered(SMALL, settings)
        return loop_for(self.task(chosen), chosen, RunFolder.create(self.path / name, "small", chosen.toml()))

    def task(self, settings: Any) -> Task:
        task = mlp_on(settings, lambda: self.data, Frame(4, 4), 3)
        task.trainer.compile = settings.compile
        return task

    def start(self, name: str = "run", stop: int = 10**9, **settings: Any) -> Trainer:
        return self.go(self.made(name, **settings), stop)

    def resume(self, name: str = "run", stop: int = 10**9, **settings: Any) -> Trainer:
        folder = RunFolder.open(self.path / name)
        chosen = layered(read_toml(folder.config), settings)
        return self.go(loop_for(self.task(chosen), chosen, folder, checkpoint.load(folder.checkpoint)), stop)

    def go(self, loop: Loop, stop: int = 10**9) -> Trainer:
        trainer = loop.trainer
        with Progress(trainer.step, loop.last, stream=io.StringIO()) as progress:
            history = loop.run(progress, StopAt(trainer, stop))
        assert history.finished == (trainer.step == loop.last)
        return trainer


def image_set(learned: int, tested: int) -> ImageSet:
    """Images of 4 x 4 in three classes: noise, and one brighter row that tells the class."""
    rng = np.random.default_rng(7)

    def part(number):
        labels = rng.integers(3, size=number)
        images = rng.uniform(0, 0.6, (number, 4, 4)).astype(np.float32)
        images[np.arange(number), labels] += 0.4
        return TensorDataset(images, labels)

    return ImageSet("small", part(learned), part(tested), ("a", "b", "c"), "made here", "none")


@pytest.fixture
def make_images():
    return image_set


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path, image_set(42, 12))
