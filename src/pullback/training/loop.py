"""The loop: learn, log, evaluate, save, and stop when asked; and go on as if never stopped.

What happens after a step depends on the step's number alone, never on the clock, but for two things that
leave no trace in the results: when the display is refreshed, and when a checkpoint is written.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np

from pullback.core.errors import CheckpointError, NotFiniteError, OptionError
from pullback.core.numbers import checked_count
from pullback.training import checkpoint
from pullback.training.blame import blamed
from pullback.training.checkpoint import Checkpoint
from pullback.training.feed import Feed, named
from pullback.training.history import History
from pullback.training.interrupts import Interrupts
from pullback.training.measurements import Measurement, MeasurementLog
from pullback.training.progress import GLANCE, Progress
from pullback.training.rescue import rescued, unwritten
from pullback.training.run_folder import RunFolder, writing

if TYPE_CHECKING:
    from pullback.training.trainer import Trainer

SAVE_EVERY: Final = 10.0  # seconds of work that a crash may cost
POINTS: Final = 20  # of the loss's curve, an epoch
FARTHEST: Final = 100  # steps between two of them


@final
class Loop:
    """One run of training, from where the trainer stands to its last step.

    Parameters
    ----------
    trainer : Trainer
        What learns.
    train : loader
        What it learns from; see `Trainer.fit`.
    tests : mapping of str to loader
        What it is evaluated on.
    epochs, steps : int or None
        When to end; one of them.
    folder : RunFolder or None
        Where measurements and checkpoints go.
    evaluate_every, log_every : int or None
        Steps between evaluations, and between points of the loss's curve.
    """

    def __init__(
        self, trainer: Trainer, train: Any, tests: Mapping[str, Any], *, epochs: int | None = None,
        steps: int | None = None, folder: RunFolder | None = None, evaluate_every: int | None = None,
        log_every: int | None = None,
    ) -> None:  # fmt: skip
        self.trainer = trainer
        self.feed = Feed(train)
        self.tests = {name: Feed(loader).loader for name, loader in tests.items()}  # which are found out now if wrong
        self.folder = folder
        self.history = History()
        self._epochs = epochs
        length = None if self.feed.length is None else -(-self.feed.length // trainer.accumulate)
        self.steps_an_epoch = length
        self.last = steps if steps is not None else None if length is None else (epochs or 0) * length
        self._evaluate_every = evaluate_every
        self._log_every = log_every or min(max(1, (length or FARTHEST) // POINTS), FARTHEST)
        self._log: MeasurementLog | None = None
        self._others = trainer.others
        self._good: Checkpoint | None = None  # where there is no folder that has it
        self._values: dict[str, float] = {}
        self._since = 0.0
        self._saved = 0
        self._stack = ExitStack()
        self.place = ""  # the folder of the first rank, for the one that comes after it
        self.new = True  # whether there is something that the checkpoint does not tell

    @property
    def writes(self) -> bool:
        """Whether this process writes what the run leaves behind: of several ranks, the first."""
        return self._others is None or self._others.rank == 0

    @property
    def step(self) -> int:
        """Steps taken."""
        return self.trainer.step

    @property
    def epoch(self) -> int:
        """Epochs that are complete."""
        return self.trainer.epoch

    def run(self, progress: Progress, interrupts: Interrupts | None = None) -> History:
        """Train; a signal stops after the step in which it came.

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
        trainer, history = self.trainer, self.history
        clock = time.perf_counter
        # A number that runs over is found in the loss, and told with its step.
        with self._stack as stack:
            stack.enter_context(np.errstate(all="ignore"))
            if self._others is not None:
                self._others.begin(self)
            if self.folder is not None:
                stack.enter_context(self.folder.held())
            self._log = stack.enter_context(self._begun())
            stack.callback(self._ended)
            self._since = clock() - (self._log.seconds if self._log else 0.0)
            self._saved = trainer.step
            trainer.model.train()
            for callback in trainer.callbacks:
                callback.started(self)
            glance, due = clock(), clock() + SAVE_EVERY
            for batches, ends in self.groups():
                loss, outputs = self.learn(batches)
                if not math.isfinite(loss):
                    raise self._not_finite("the loss", loss=loss)
                with self._rescuing():
                    self._after(loss, outputs, batches, ends)
                now = clock()
                if now >= glance:
                    glance = now + GLANCE
                    progress.show(trainer.step, self._where(), self._numbers(loss))
                asked = interrupts is not None and interrupts.signal is not None
                late = now >= due
                if self._others is not None:
                    asked, late = self._others.meet(self, asked, late)
                if asked or late:
                    due = now + SAVE_EVERY
                    self.save()
                    if asked:
                        history.reason = "a signal came"
                        history.finished = trainer.step == self.last
                        return history
                if history.reason:
                    break
            progress.show(trainer.step, self._where(), self._numbers(None))
            self.save() if self._others is None else self._others.end(self)
        history.finished = True
        history.reason = history.reason or "the last step was reached"
        return history

    def take_over(self) -> None:
        """Write from now on, in the folder of a rank that died."""
        self.folder = RunFolder.open(self.place)
        self._stack.enter_context(self.folder.held())
        self._log = self._stack.enter_context(MeasurementLog(self.folder.metrics, self.step))

    # What callbacks may do.

    def log(self, split: str, name: str, value: float) -> None:
        """Log a number under the present step."""
        seconds = round(time.perf_counter() - self._since, 3)
        row = Measurement(self.trainer.step, split, name, value, seconds)
        self.history.rows.append(row)
        if self._log is not None:
            self._log.add(row)
        for callback in self.trainer.callbacks:
            callback.logged(self, row)

    def stop(self, reason: str) -> None:
        """End the run after this step."""
        self.history.reason = reason

    def save(self) -> None:
        """Save the state, once its weights are known to be numbers."""
        if not self.trainer.finite():
            raise self._not_finite("a weight")
        state = self._state()
        if self.folder is None:
            self._good = state
        else:
            with self._rescuing():
                self.folder.check()
                if self._log is not None:
                    self._log.sync()
                checkpoint.save(self.folder.checkpoint, *state)
        self._saved = self.trainer.step

    # One step, and what follows from it.

    def groups(self) -> Iterator[tuple[list[Any], bool]]:
        """The batches of each step from where the run stands, and whether an epoch ends with them."""
        trainer = self.trainer
        while self._more():
            group: list[Any] = []
            for batch, ends in self.feed.epoch(trainer.epoch, trainer.batch):
                group.append(batch)
                if ends or len(group) == trainer.accumulate:
                    yield group, ends
                    group = []
                    if not self._more():
                        return

    def _more(self) -> bool:
        trainer = self.trainer
        return trainer.epoch < (self._epochs or 0) if self.last is None else trainer.step < self.last

    def learn(self, batches: list[Any]) -> tuple[float, list[Any]]:
        """Take one step, as the callbacks have it."""
        for callback in self.trainer.callbacks:
            callback.before_step(self)
        return self.trainer.learn(batches) if self._others is None else self._others.learn(self, batches)

    def count(self, ends: bool) -> None:
        """Count the epoch, if it ends with the step."""
        self.trainer.epoch, self.trainer.batch = self.trainer.epoch + ends, 0 if ends else self.trainer.batch

    def _after(self, loss: float, outputs: list[Any], batches: list[Any], ends: bool) -> None:
        """Log and evaluate as the number of the step asks for."""
        trainer = self.trainer
        self.count(ends)
        for callback in trainer.callbacks:
            callback.after_step(self, loss, outputs, batches)
        every = self._evaluate_every
        evaluates = not self._more() or (ends if every is None else trainer.step % every == 0)
        if ends or evaluates or trainer.step % self._log_every == 0:
            self.log("train", "loss", math.fsum(trainer.losses) / len(trainer.losses))
            trainer.losses.clear()
        if evaluates and self.tests:
            self._evaluate()

    def _evaluate(self) -> None:
        values: dict[str, float] = {}
        for split, loader in self.tests.items():
            for name, value in self.trainer.evaluate(loader).items():
                if isinstance(value, (int, float)) and (split, name) != ("train", "loss"):  # which is there already
                    values[f"{split} {name}"] = value
                    self.log(split, name, value)
        self._values = values
        for callback in self.trainer.callbacks:
            callback.after_evaluation(self, values)

    # Begin, end, and what goes wrong.

    def _begun(self) -> Any:
        """Open the log; save what is new, so that a folder that takes no file is found out now, and not in an hour."""
        state = self._state()
        if self.folder is None:
            self._good = state
            return nullcontext()
        with writing(self.folder.path, "let the folder be written to, or name another"):
            log = MeasurementLog(self.folder.metrics, self.trainer.step)
            try:
                if self.new:
                    checkpoint.save(self.folder.checkpoint, *state)
                self.folder.write_config()
                self.trainer.notes.pop("before", None)  # both files tell the settings of now
            except BaseException:
                log.close()
                raise
        return log

    def _state(self) -> Checkpoint:
        state = self.trainer.checkpoint()
        return state if self._others is None else self._others.whole(state)

    def _ended(self) -> None:
        for callback in self.trainer.callbacks:
            callback.ended(self)

    @contextmanager
    def _rescuing(self) -> Iterator[None]:
        """Save what was learned where it can be, if something cannot be written where it should be."""
        try:
            yield
        except (OSError, CheckpointError) as error:
            if self.folder is None or self._log is None:
                raise
            file, got = unwritten(error)
            saved, fix = rescued(self.trainer, self.folder, self._log)
            raise CheckpointError(
                "train: a file of the run cannot be written", file=file, got=got,
                saved=saved or f"nowhere; what was saved last is of step {self._saved}", fix=fix or "make room",
            ) from error  # fmt: skip

    def _not_finite(self, what: str, **facts: object) -> NotFiniteError:
        step = self.trainer.step
        good = self._good if self.folder is None else checkpoint.load(self.folder.checkpoint)
        where: dict[str, object] = {}
        if good is not None and self._others is None:
            where = blamed(self, good, step)
        elif good is not None:  # the step is not taken again, for which all ranks would have to meet
            self.trainer.restore(good)
        kept = f"step {self._saved}, to which model and optimizer are put back"
        rates = sorted({group.lr.item() for o in self.trainer.optimizers.values() for group in o.param_groups})
        smaller = f"start again with a smaller learning rate than --lr {', '.join(f'{rate:g}' for rate in rates)}"
        fix = where.pop("fix", smaller)
        kept = kept if self.folder is None else f"{self.folder.checkpoint}, of step {self._saved}"
        return NotFiniteError(f"train: {what} is not finite", **{"step": step, **facts, **where}, kept=kept, fix=fix)

    def _where(self) -> str:
        if self._epochs is None and self.steps_an_epoch is None:
            return f"epoch {self.epoch + 1}"
        epochs = self._epochs if self._epochs is not None else -(-(self.last or 0) // (self.steps_an_epoch or 1))
        return f"epoch {min(self.epoch + 1, epochs)}/{epochs}"

    def _numbers(self, loss: float | None) -> str:
        shown = [] if loss is None else [f"loss {loss:.4f}"]
        shown += [
            f"{name} {value:.2%}" if name.endswith("accuracy") else f"{name} {value:.4f}"
            for name, value in self._values.items()
            if not (name.startswith("train ") or (name == "test loss" and len(self._values) > 1))
        ]
        return ", ".join(shown)


def fit(
    trainer: Trainer, train: Any, test: Any, *, epochs: int | None, steps: int | None,
    folder: str | os.PathLike[str] | None, resume: bool, evaluate_every: int | None, log_every: int | None, quiet: bool,
) -> History:  # fmt: skip
    """What `Trainer.fit` does."""
    if (epochs is None) == (steps is None):
        raise OptionError("Trainer.fit: epochs or steps say when to end", epochs=epochs, steps=steps, fix="give one")
    numbers = {"epochs": epochs, "steps": steps}
    checked = {n: None if v is None else checked_count("Trainer.fit", n, v) for n, v in numbers.items()}
    every = {"evaluate_every": evaluate_every, "log_every": log_every}
    checked |= {n: None if v is None else checked_count("Trainer.fit", n, v, least=1) for n, v in every.items()}
    place = None
    if folder is not None and (resume or trainer.others is None or trainer.others.rank == 0):
        place = RunFolder(folder) if resume else RunFolder.create(folder, "run")
    loop = Loop(trainer, train, named(test), folder=place, **checked)
    if place is not None and place.checkpoint.exists():
        with checkpoint.naming(place.checkpoint):
            trainer.restore(checkpoint.load(place.checkpoint))
        loop.new = False
    elif place is not None and loop.writes:
        place.path.mkdir(parents=True, exist_ok=True)
    loop.folder = place if loop.writes else None
    with Progress(trainer.step, loop.last, quiet=quiet or not loop.writes) as progress, ExitStack() as stack:
        heard = Interrupts(ranks=trainer.others is not None, quiet=not loop.writes)
        interrupts = None if folder is None else stack.enter_context(heard)
        return loop.run(progress, interrupts)
