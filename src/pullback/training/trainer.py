"""The trainer: what learns, by which rule, and how it is measured; it goes into a checkpoint and comes back out."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, final

import numpy as np

from pullback.core.errors import CheckpointError, DataError, OptionError
from pullback.core.modes import no_grad
from pullback.core.numbers import checked_count, checked_number
from pullback.functions.random import default_generator
from pullback.metrics import Mean, Metric
from pullback.nn import Module
from pullback.nn.evaluating import evaluating
from pullback.optim import Optimizer
from pullback.tensors import Tensor
from pullback.training.callback import Callback
from pullback.training.checkpoint import Checkpoint, count, groups_of, of_optimizers, optimizer_states, part
from pullback.training.data_parallel import DataParallel
from pullback.training.feed import Feed
from pullback.training.history import History
from pullback.training.loop import fit
from pullback.training.step import TrainingStep, as_tensors, divided, samples_in

DEFAULT: Final = "pb.random()"  # what the library's own generator is called among those of the layers, named by paths


@final
class Trainer:
    """Trains any model, with any step, on the batches of any loader.

    Parameters
    ----------
    model : Module
        What learns.
    loss : callable, optional
        The objective is `loss(model(*inputs), target)`: the last part of a batch is the target, the others go into the
        model. A batch of one part is both; one that is a dict goes to both.
    optimizer : Optimizer or mapping of str to Optimizer
        The rule, or several that each make a step.
    step : callable, optional
        A step of one's own in place of `loss`: it takes the parts of a batch, forgets gradients, computes new ones,
        lets optimizers make their steps, and gives the loss.
    metrics : mapping of str to Metric
        What is measured when the model is evaluated, besides the loss.
    callbacks : sequence of Callback
        Who looks on.
    compile : bool
        Run the step as native code, where llvmlite is installed.
    accumulate : int
        Batches whose gradients are added up for one step.
    clip_norm, clip_value : float, optional
        Bounds for the norm of all gradients together, and for each of their numbers.
    parallel : DataParallel, optional
        Learn together with the other processes that were started with this one.

    Attributes
    ----------
    step : int
        Steps taken.
    epoch, batch : int
        Epochs that are complete, and batches learned from in the one that is not.
    compile : bool
        Whether the step is compiled, when the first one is taken.
    losses : list of float
        Those since the last one that was logged.
    notes : dict
        What else belongs to the run, such as its settings; a checkpoint keeps it.

    Raises
    ------
    OptionError
        If an option is not possible, or both `loss` and `step` are given, or none.

    >>> import numpy as np
    >>> import pullback as pb
    >>> x = np.linspace(-1, 1, 64)[:, None]
    >>> loader = pb.data.DataLoader((x, 3 * x + 1), batch_size=16, shuffle=True, rng=0)
    >>> model = pb.nn.Linear(1, 1, dtype=float, rng=0)
    >>> optimizer = pb.optim.SGD(model.parameters(), lr=0.2)
    >>> trainer = Trainer(model, pb.nn.MSELoss(), optimizer, metrics={"r2": pb.metrics.R2()})
    >>> history = trainer.fit(loader, loader, epochs=20)
    >>> history.finished, round(history.last("test", "r2"), 3)
    (True, 1.0)
    """

    def __init__(
        self, model: Module, loss: Callable[..., Any] | None = None,
        optimizer: Optimizer | Mapping[str, Optimizer] | None = None, *, step: Callable[..., Any] | None = None,
        metrics: Mapping[str, Metric] | None = None, callbacks: Sequence[Callback] = (), compile: bool = True,
        accumulate: int = 1, clip_norm: float | None = None, clip_value: float | None = None,
        parallel: DataParallel | None = None,
    ) -> None:  # fmt: skip
        self.model = model
        self.loss = loss
        self.optimizers = _named(optimizer)
        self.metrics = _checked_metrics(metrics or {})
        self.callbacks = _checked_callbacks(callbacks)
        self.accumulate = checked_count("Trainer", "accumulate", accumulate, least=1)
        self._clips = {"clip_norm": _bound("clip_norm", clip_norm), "clip_value": _bound("clip_value", clip_value)}
        _check_step(step, loss, self)
        self._own = step
        self.compile = compile
        self.parallel = parallel
        self._step: TrainingStep | None = None
        self.step = self.epoch = self.batch = 0
        self.losses: list[float] = []
        self.notes: dict[str, Any] = {}

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer; of several, OptionError."""
        if list(self.optimizers) != [""]:
            raise OptionError("Trainer.optimizer: there is not one", got=list(self.optimizers), fix=".optimizers[name]")
        return self.optimizers[""]

    @property
    def others(self) -> DataParallel | None:
        """What ties the trainer to those of other processes; None if it is alone."""
        return self.parallel if self.parallel is not None and self.parallel.size > 1 else None

    @property
    def parameters(self) -> int:
        """How many numbers are learned."""
        return sum(parameter.size for parameter in self.model.parameters())

    def fit(
        self, train: Any, test: Any = None, *, epochs: int | None = None, steps: int | None = None,
        folder: str | os.PathLike[str] | None = None, resume: bool = False, evaluate_every: int | None = None,
        log_every: int | None = None, quiet: bool = True,
    ) -> History:  # fmt: skip
        """Learn, from where the trainer stands to the last step.

        Parameters
        ----------
        train : DataLoader, function of the epoch, or iterable
            Gives the batches to learn from.
        test : likewise, or mapping of str to such, optional
            What the model is evaluated on, after each epoch and at the end.
        epochs, steps : int
            When to end, from the very beginning; one of them.
        folder : path, optional
            Where checkpoints (`model.safetensors`) and measurements (`metrics.jsonl`) go. Ctrl-C, SIGTERM and SIGHUP
            save there and end the run after the step.
        resume : bool
            Go on from the checkpoint in the folder, if there is one: bit for bit, as if the run had never stopped.
        evaluate_every, log_every : int, optional
            Steps between two evaluations, and between two points of the loss's curve, which are means.
        quiet : bool
            Show no progress.

        Returns
        -------
        History
            Whether the last step was reached, why it ended, and what was measured.

        Raises
        ------
        NotFiniteError
            If a loss or a weight is NaN or infinite. It names the step and the first layer in which that came up; model
            and optimizer are put back to the last good state.
        OptionError
            If options do not fit, another training works in the folder, or a run lies there and `resume` is False.
        CheckpointError
            If something can no longer be written. What was learned is saved elsewhere where it can be.
        """
        return fit(
            self, train, test, epochs=epochs, steps=steps, folder=folder, resume=resume, evaluate_every=evaluate_every,
            log_every=log_every, quiet=quiet,
        )  # fmt: skip

    def learn(self, batches: Sequence[Any]) -> tuple[float, list[Any]]:
        """Take one step from some batches: their mean loss before it, and the outputs if a callback wants them."""
        if self._step is None:
            self._step = self._made(native=self.compile)
        batches = [as_tensors(batch) for batch in batches]
        if (others := self.others) is None:
            loss, outputs = self._step(batches)
        else:
            others.agree(self.step, batches)
            pairs = [others.part(batch) for batch in batches]
            with others.drawing(self):
                loss, outputs = self._step([part for part, _ in pairs], [share for _, share in pairs])
            loss = others.loss(loss)
        self.step += 1
        self.batch += len(batches)
        self.losses.append(loss)
        return loss, outputs

    def _made(self, *, native: bool) -> TrainingStep:
        wanted, others = any(callback.wants_outputs for callback in self.callbacks), self.others
        return TrainingStep(
            self.model,
            self.loss,
            list(self.optimizers.values()),
            self._own,
            outputs=wanted,
            native=native,
            average=others and others.average,
            updated=others and others.updated,
            **self._clips,
        )

    def plain_step(self) -> TrainingStep:
        """The step as it is written, not compiled."""
        return self._made(native=False)

    def evaluate(self, loader: Any) -> dict[str, float]:
        """Measure the model on all batches of a loader, in evaluation mode: the loss, and each metric.

        The loss is the mean over the samples; all sums are exact, so that the batches' size does not matter.
        """
        mean = Mean()
        for metric in self.metrics.values():
            metric.reset()
        with evaluating(self.model), no_grad():
            for batch, _ in Feed(loader).epoch(0, 0):
                inputs, target = divided(as_tensors(batch))
                output = self.model(*inputs)
                if self.loss is not None:
                    mean.update(_number(self.loss(output, target)), samples_in(batch))
                for metric in self.metrics.values():
                    metric.update(output, target)
        values = {} if self.loss is None else {"loss": mean.compute()}
        return values | {name: metric.compute() for name, metric in self.metrics.items()}

    def finite(self) -> bool:
        """Whether all weights are numbers."""
        return all(np.isfinite(parameter.numpy()).all() for parameter in self.model.parameters())

    # Its state.

    def checkpoint(self) -> Checkpoint:
        """The state, as it is saved: nothing in it depends on the clock."""
        generators = {name: generator.bit_generator.state for name, generator in self.generators().items()}
        optimizers = {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()}
        rest = {
            **self.notes,
            "step": self.step, "epoch": self.epoch, "batch": self.batch, "losses": list(self.losses),
            "optimizer": of_optimizers(optimizers), "generators": generators,
            "callbacks": [dict(callback.state_dict()) for callback in self.callbacks if callback.kept],
        }  # fmt: skip
        return Checkpoint(self.model.state_dict(), rest)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take over a saved state.

        Raises
        ------
        CheckpointError
            If it is of another model, another optimizer or other callbacks; the first key that does not fit is named.
        """
        rest = checkpoint.rest if isinstance(checkpoint.rest, dict) else {}
        self.model.load_state_dict(checkpoint.model)
        states = optimizer_states(rest)
        if states.keys() != self.optimizers.keys():
            raise CheckpointError(
                "checkpoint: it is of other optimizers", there=sorted(states), here=sorted(self.optimizers)
            )
        for name, optimizer in self.optimizers.items():
            groups_of(states[name])
            optimizer.load_state_dict(states[name])
        generators = part(rest, "generators", dict)
        here = dict(self.model.named_generators())
        if DEFAULT in generators:  # else nothing had been drawn from it
            here[DEFAULT] = default_generator()
        for name, generator in here.items():
            try:
                generator.bit_generator.state = generators[name]
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                raise CheckpointError("checkpoint: the state of a generator is missing or wrong", key=name) from error
        told = part(rest, "callbacks", list)
        kept = [callback for callback in self.callbacks if callback.kept]
        if len(told) != len(kept):
            raise CheckpointError("checkpoint: it is of other callbacks", there=len(told), here=len(kept))
        for callback, state in zip(kept, told, strict=True):
            callback.load_state_dict(state)
        self.step, self.epoch, self.batch = (count(rest, key) for key in ("step", "epoch", "batch"))
        losses = part(rest, "losses", list)
        if not all(isinstance(loss, (int, float)) for loss in losses):
            raise CheckpointError("checkpoint: a key is of the wrong type", key="losses", got=repr(losses)[:80])
        self.losses = [float(loss) for loss in losses]

    def generators(self) -> dict[str, np.random.Generator]:
        """What random numbers are drawn from, by name: of the layers, and the default one if it was ever used."""
        default = default_generator(make=False)
        return {**dict(self.model.named_generators()), **({} if default is None else {DEFAULT: default})}


def _number(loss: Any) -> float:
    return float(loss.item() if isinstance(loss, Tensor) else loss)


def _named(optimizer: Optimizer | Mapping[str, Optimizer] | None) -> dict[str, Optimizer]:
    if isinstance(optimizer, Optimizer):
        return {"": optimizer}
    named = dict(optimizer) if isinstance(optimizer, Mapping) else {}
    if not named or not all(isinstance(name, str) and isinstance(o, Optimizer) for name, o in named.items()):
        raise OptionError(
            "Trainer: this is no optimizer", got=type(optimizer).__name__,
            fix="pb.optim.Adam(model.parameters()), or a dict of names and optimizers",
        )  # fmt: skip
    return named


def _checked_metrics(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    for name, metric in metrics.items():
        if not isinstance(metric, Metric) or name == "loss":
            raise OptionError(
                "Trainer: this is no metric" if name != "loss" else "Trainer: the loss is measured anyway", name=name,
                got=type(metric).__name__, fix="metrics={'accuracy': pb.metrics.Accuracy()}",
            )  # fmt: skip
    return dict(metrics)


def _checked_callbacks(callbacks: Any) -> list[Callback]:
    for callback in callbacks if isinstance(callbacks, Sequence) else [callbacks]:
        if callback is callbacks or not isinstance(callback, Callback):
            made = isinstance(callback, type) and issubclass(callback, Callback)
            raise OptionError(
                "Trainer: this is no callback" if callback is not callbacks else "Trainer: callbacks is a list",
                got=repr(callback),
                fix=f"an object of the class: {callback.__name__}()" if made else "[callback], of pb.training.Callback",
            )  # fmt: skip
    return list(callbacks)


def _bound(name: str, value: float | None) -> float | None:
    if value is None:
        return None
    return checked_number("Trainer", name, value, math.ulp(0.0), below=True)


def _check_step(step: Any, loss: Any, trainer: Trainer) -> None:
    if (step is None) == (loss is None):
        raise OptionError("Trainer: it takes a loss, or a step of one's own", loss=loss, step=step)
    if step is not None and (trainer.accumulate > 1 or any(trainer._clips.values())):
        raise OptionError(
            "Trainer: a step of one's own adds gradients up and clips them itself", accumulate=trainer.accumulate,
            **trainer._clips,
        )  # fmt: skip
    if not callable(step or loss):
        raise DataError("Trainer: a loss is a function", got=type(step or loss).__name__, fix="pb.nn.MSELoss()")
