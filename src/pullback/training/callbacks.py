"""Callbacks: keep the best, stop early, learn less, measure on the way, look at gradients, tell TensorBoard."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from pullback.core.errors import CheckpointError, OptionError
from pullback.core.numbers import checked_count, checked_number
from pullback.metrics import Metric
from pullback.optim import ReduceOnPlateau
from pullback.training import checkpoint
from pullback.training.callback import Callback
from pullback.training.step import divided

if TYPE_CHECKING:
    from pullback.training.loop import Loop
    from pullback.training.measurements import Measurement


def measured(owner: str, monitor: str, values: Mapping[str, float]) -> float:
    """A value by its name, or OptionError with the names that there are."""
    if monitor not in values:
        raise OptionError(
            f"{owner}: this is not measured", monitor=monitor,
            fix=f"one of {', '.join(values) or 'nothing: give fit something to test on'}",
        )  # fmt: skip
    return values[monitor]


@final
class _Watch:
    """Which of the values of a measurement, such as "test loss", is the best so far."""

    def __init__(self, owner: str, monitor: str, mode: str | None) -> None:
        if mode not in (None, "min", "max"):
            raise OptionError(f"{owner}: mode cannot be so", got=repr(mode), fix='"min" or "max"')
        self.owner, self.monitor, self.mode = owner, monitor, mode
        self.best = math.nan

    def better(self, loop: Loop, values: Mapping[str, float], by: float = 0.0) -> bool:
        """Whether the value is better than the best one, by some distance; then it is the best one."""
        value = measured(self.owner, self.monitor, values)
        if math.isnan(value):
            return False
        name = self.monitor.partition(" ")[2]
        metric = loop.trainer.metrics.get(name)
        rises = self.mode == "max" or (self.mode is None and metric is not None and metric.higher_is_better)
        gain = value - self.best if rises else self.best - value
        if math.isnan(self.best) or gain > by:
            self.best = value
            return True
        return False


@final
class SaveBest(Callback):
    """Keep the state of the best evaluation as `best.safetensors` in the run's folder.

    Parameters
    ----------
    monitor : str
        What is measured, such as "test loss" or "test accuracy".
    mode : {"min", "max"}, optional
        Which value is better; else the metric's own answer, of a loss the smaller one.
    """

    def __init__(self, monitor: str = "test loss", mode: str | None = None) -> None:
        self._watch = _Watch("SaveBest", monitor, mode)

    @property
    def best(self) -> float:
        """The best value so far; NaN before the first."""
        return self._watch.best

    def after_evaluation(self, loop: Loop, values: Mapping[str, float]) -> None:
        if self._watch.better(loop, values) and loop.folder is not None and loop.trainer.finite():
            checkpoint.save(loop.folder.best, *loop.trainer.checkpoint())

    def state_dict(self) -> Mapping[str, Any]:
        return {"best": self._watch.best}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._watch.best = float(_of(state, "best"))


@final
class EarlyStopping(Callback):
    """End the run once a measurement has not become better for a number of evaluations.

    Parameters
    ----------
    monitor, mode :
        As of `SaveBest`.
    patience : int
        Evaluations that may bring nothing better.
    min_delta : float
        What is less than this is not better.

    References
    ----------
    L. Prechelt, Early Stopping - But When?, 1998.
    """

    def __init__(
        self, monitor: str = "test loss", patience: int = 3, min_delta: float = 0.0, mode: str | None = None
    ) -> None:
        self._watch = _Watch("EarlyStopping", monitor, mode)
        self.patience = checked_count("EarlyStopping", "patience", patience)
        self.min_delta = checked_number("EarlyStopping", "min_delta", min_delta, 0)
        self.waited = 0

    def after_evaluation(self, loop: Loop, values: Mapping[str, float]) -> None:
        self.waited = 0 if self._watch.better(loop, values, self.min_delta) else self.waited + 1
        if self.waited > self.patience:
            loop.stop(f"{self._watch.monitor} has not become better for {self.waited} evaluations")

    def state_dict(self) -> Mapping[str, Any]:
        return {"best": self._watch.best, "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._watch.best, self.waited = float(_of(state, "best")), int(_of(state, "waited"))


@final
class LowerOnPlateau(Callback):
    """Let the optimizer learn less where a measurement no longer improves.

    Other schedules are functions of the step, and belong to the optimizer: `Adam(params, lr=Cosine(0.001, 5000))`.

    Parameters
    ----------
    plateau : ReduceOnPlateau
        Which optimizer, and how.
    monitor : str
        What is measured, such as "test loss".
    """

    def __init__(self, plateau: ReduceOnPlateau, monitor: str = "test loss") -> None:
        self.plateau, self.monitor = plateau, monitor

    def after_evaluation(self, loop: Loop, values: Mapping[str, float]) -> None:
        self.plateau.observe(measured("LowerOnPlateau", self.monitor, values))

    def state_dict(self) -> Mapping[str, Any]:
        return self.plateau.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.plateau.load_state_dict(state)


@final
class TrainMetrics(Callback):
    """Measure the model's own outputs in each step, as "train NAME", from one evaluation to the next.

    What a step gives is from before it, so that the numbers lag behind those of an evaluation.
    """

    wants_outputs: ClassVar[bool] = True

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self.metrics = dict(metrics)

    def after_step(self, loop: Loop, loss: float, outputs: list[Any], batches: list[Any]) -> None:
        for output, batch in zip(outputs, batches, strict=True):
            for metric in self.metrics.values():
                metric.update(output, divided(batch)[1])

    def after_evaluation(self, loop: Loop, values: Mapping[str, float]) -> None:
        for name, metric in self.metrics.items():
            loop.log("train", name, metric.compute())
            metric.reset()

    def state_dict(self) -> Mapping[str, Any]:
        return {name: metric.state_dict() for name, metric in self.metrics.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name, metric in self.metrics.items():
            metric.load_state_dict(_of(state, name))


@final
class Statistics(Callback):
    """Log the norm of each parameter and of its gradient, and how far a step moved it: "weight", "gradient", "update".

    Parameters
    ----------
    every : int
        Steps between two looks.
    """

    def __init__(self, every: int = 100) -> None:
        self.every = checked_count("Statistics", "every", every, least=1)
        self._before: dict[str, Any] = {}

    def before_step(self, loop: Loop) -> None:
        if (loop.step + 1) % self.every == 0:
            self._before = loop.trainer.model.state_dict()

    def after_step(self, loop: Loop, loss: float, outputs: list[Any], batches: list[Any]) -> None:
        if loop.step % self.every:
            return
        for name, parameter in loop.trainer.model.named_parameters():
            weights = parameter.numpy()
            loop.log("weight", name, _norm(weights))
            if parameter.grad is not None:
                loop.log("gradient", name, _norm(parameter.grad.numpy()))
            if name in self._before:
                loop.log("update", name, _norm(weights - self._before[name]))
        self._before = {}


@final
class TensorBoard(Callback):
    """Tell TensorBoard, through tensorboardX, all that is logged.

    Parameters
    ----------
    folder : path, optional
        Else `tensorboard` in the run's folder.
    """

    def __init__(self, folder: Any = None) -> None:
        self.path = folder
        self._writer: Any = None

    def started(self, loop: Loop) -> None:
        if not loop.writes:
            return
        if self.path is None and loop.folder is None:
            raise OptionError(
                "TensorBoard: there is no folder to write to", fix="TensorBoard(folder), or fit(folder=…)"
            )
        try:
            from tensorboardX import SummaryWriter  # an extra
        except ImportError:
            raise OptionError(
                "TensorBoard: tensorboardX is not installed", fix="pip install 'pullback[track]'"
            ) from None
        path = self.path or loop.folder.path / "tensorboard"  # type: ignore[union-attr]  # one of them is there
        # What a run that died had told after its last checkpoint is told once more.
        self._writer = SummaryWriter(str(path), purge_step=loop.step + 1 if loop.step else None)

    def logged(self, loop: Loop, row: Measurement) -> None:
        if self._writer is not None:
            self._writer.add_scalar(f"{row.split}/{row.name}", row.value, row.step)

    def ended(self, loop: Loop) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _norm(array: Any) -> float:
    return math.sqrt(float(np.square(array, dtype=np.float64).sum()))


def _of(state: Mapping[str, Any], key: str) -> Any:
    if key not in state:
        raise CheckpointError("checkpoint: the state of a callback has no such key", key=key, there=list(state))
    return state[key]
