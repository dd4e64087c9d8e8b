"""What looks on while a model learns, and may act: a callback is told of each event, and does nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from pullback.training.loop import Loop
    from pullback.training.measurements import Measurement


class Callback:
    """Is told of the events of a run: subclass it, and override those that matter.

    The loop that it is given has `trainer`, `step`, `epoch`, `last`, `folder`, `log(split, name, value)` and
    `stop(reason)`. What it has to remember so that a run can go on it gives as `state_dict`.

    >>> class Count(Callback):
    ...     steps = 0
    ...
    ...     def after_step(self, loop, loss, outputs, batches):
    ...         self.steps += 1
    """

    wants_outputs: ClassVar[bool] = False
    """Whether the outputs of the model in each step are needed; that costs a copy of them."""

    kept: ClassVar[bool] = True
    """Whether checkpoints have its state, and a run that goes on must have such a callback too."""

    def started(self, loop: Loop) -> None:
        """The run begins, or goes on."""

    def before_step(self, loop: Loop) -> None:
        """A step is about to be taken: number `loop.step`, from 0. What is done here depends on that number alone."""

    def after_step(self, loop: Loop, loss: float, outputs: list[Any], batches: list[Any]) -> None:
        """A step was taken, from some batches; `loss` is the one before it."""

    def after_evaluation(self, loop: Loop, values: Mapping[str, float]) -> None:
        """The model was evaluated: values by names such as "test loss" and "test accuracy"."""

    def logged(self, loop: Loop, row: Measurement) -> None:
        """A number was logged."""

    def ended(self, loop: Loop) -> None:
        """The run ends, or an error ends it."""

    def state_dict(self) -> Mapping[str, Any]:
        """What a continuation needs, as a tree that a checkpoint takes."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
