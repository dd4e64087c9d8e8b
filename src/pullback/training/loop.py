"""The loop: learn, log, look at the test data, save, and stop when asked; and go on as if never stopped.

What happens after a step depends on the step's number alone, never on the clock, but for two things that
leave no trace in the results: when the display is refreshed, and when a checkpoint is written.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from pullback.core.errors import CheckpointError, NotFiniteError
from pullback.training import checkpoint
from pullback.training.evaluation import Evaluation, evaluate
from pullback.training.interrupts import Interrupts
from pullback.training.learner import Learner
from pullback.training.measurements import Measurement, MeasurementLog
from pullback.training.progress import GLANCE, Progress
from pullback.training.rescue import rescued, unwritten
from pullback.training.run_folder import RunFolder, writing

SAVE_EVERY: Final = 10.0  # seconds of work that a crash may cost
POINTS: Final = 20  # of the loss's curve, an epoch


@final
@dataclass
class Loop:
    """One run of training, from where the learner stands to its last step.

    Parameters
    ----------
    learner : Learner
        What learns.
    folder : RunFolder
        Where metrics and checkpoints go.
    """

    learner: Learner
    folder: RunFolder
    _test: Evaluation | None = field(default=None, init=False)
    _saved: int = field(default=0, init=False)
    _since: float = field(default=0.0, init=False)

    def run(self, progress: Progress, interrupts: Interrupts) -> bool:
        """Train, and tell whether the last step was reached; a signal stops after the step in which it came.

        Raises
        ------
        NotFiniteError
            If a loss or a weight is NaN or infinite; the checkpoint on the disk is from before.
        OptionError
            If another training works in the folder, or nothing can be written there from the first.
        CheckpointError
            If something can no longer be written. What was learned is saved all the same where it can be: there, or
            in a folder of its own, which is named.
        """
        learner = self.learner
        clock = time.perf_counter
        # A number that runs over is found in the loss, and told with its step.
        with self.folder.held(), np.errstate(all="ignore"), self._begun() as log:
            self._since = clock() - log.seconds
            self._saved = learner.step
            glance, due = clock(), clock() + SAVE_EVERY
            for images, labels in learner.batches():
                loss = learner.learn(images, labels)
                if not math.isfinite(loss):
                    raise self._not_finite("the loss", loss=loss)
                with self._rescuing(log):
                    self._log(log)
                now = clock()
                if now >= glance:
                    glance = now + GLANCE
                    progress.show(learner.step, self._where(), self._numbers(loss))
                if interrupts.signal is not None or now >= due:
                    due = now + SAVE_EVERY
                    self._save(log)
                    if interrupts.signal is not None:
                        return learner.step == learner.last
            progress.show(learner.step, self._where(), self._numbers(None))
            self._save(log)
        return True

    def _begun(self) -> MeasurementLog:
        """Open the log; save what is new, so that a folder that takes no file is found out now, and not in an hour."""
        learner = self.learner
        with writing(self.folder.path, "let the folder be written to, or name another"):
            log = MeasurementLog(self.folder.metrics, learner.step)
            try:
                if learner.step == 0 or learner.before is not None:
                    checkpoint.save(self.folder.checkpoint, *learner.checkpoint())
                self.folder.write_config(learner.settings, learner.changes)
            except BaseException:
                log.close()
                raise
        learner.before = None  # both files tell the settings of now
        return log

    def _log(self, log: MeasurementLog) -> None:
        """Log what the number of the step asks for."""
        learner, batches = self.learner, len(self.learner.loader)
        ends = learner.step % batches == 0 or learner.step == learner.last
        if ends or learner.step % max(1, batches // POINTS) == 0:
            self._add(log, "train", "loss", learner.loss_sum / learner.loss_count)
            learner.loss_sum, learner.loss_count = 0.0, 0
        if ends:
            images, labels = learner.data.test.arrays
            self._test = evaluate(learner.network, images, labels)
            self._add(log, "test", "loss", self._test.loss)
            self._add(log, "test", "accuracy", self._test.accuracy)
            # Of as many images learned from: how far the two are apart tells what was learned by heart.
            part = [array[: len(labels)] for array in learner.data.train.arrays]
            self._add(log, "train", "accuracy", evaluate(learner.network, part[0], part[1]).accuracy)

    def _add(self, log: MeasurementLog, split: str, name: str, value: float) -> None:
        seconds = round(time.perf_counter() - self._since, 3)
        log.add(Measurement(self.learner.step, split, name, value, seconds))

    def _save(self, log: MeasurementLog) -> None:
        if not self.learner.finite():
            raise self._not_finite("a weight")
        with self._rescuing(log):
            self.folder.check()
            log.sync()
            checkpoint.save(self.folder.checkpoint, *self.learner.checkpoint())
        self._saved = self.learner.step

    @contextmanager
    def _rescuing(self, log: MeasurementLog) -> Iterator[None]:
        """Save what was learned where it can be, if something cannot be written where it should be."""
        try:
            yield
        except (OSError, CheckpointError) as error:
            file, got = unwritten(error)
            saved, fix = rescued(self.learner, self.folder, log)
            raise CheckpointError(
                "train: a file of the run cannot be written", file=file, got=got,
                saved=saved or f"nowhere; what was saved last is of step {self._saved}", fix=fix or "make room",
            ) from error  # fmt: skip

    def _not_finite(self, what: str, **facts: object) -> NotFiniteError:
        return NotFiniteError(
            f"train: {what} is not finite", step=self.learner.step, **facts,
            kept=f"{self.folder.checkpoint}, of step {self._saved}",
            fix=f"start again with a smaller learning rate than --lr {self.learner.settings.rate:g}",
        )  # fmt: skip

    def _where(self) -> str:
        epochs = -(-self.learner.last // len(self.learner.loader))
        return f"epoch {min(self.learner.epoch + 1, epochs)}/{epochs}"

    def _numbers(self, loss: float | None) -> str:
        parts = [] if loss is None else [f"loss {loss:.4f}"]
        if self._test is not None:
            parts.append(f"test accuracy {self._test.accuracy:.2%}")
        return ", ".join(parts)
