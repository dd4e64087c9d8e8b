"""Going on without ranks that died: the others take the step again that they were in, in larger parts.

A rank may have taken the step before another learned of the death. So the state that all go on from is that before the
step of the rank that is farthest; it is kept by each rank at the beginning of each step.
"""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any, final

import numpy as np

from pullback.core.errors import ParallelError, PullbackWarning, message
from pullback.parallel.exchange import World
from pullback.training.checkpoint import REST, Checkpoint, pack, unpack

if TYPE_CHECKING:
    from pullback.training.loop import Loop
    from pullback.training.trainer import Trainer


@final
class Survival:
    """The state before the step that is being taken, and what is done with it once a rank is lost.

    Parameters
    ----------
    world : World
        Of which ranks may be lost.
    timeout : float
        Seconds that the others may take to find out.
    """

    def __init__(self, world: World, timeout: float) -> None:
        self._world, self._timeout = world, timeout
        self._state: Checkpoint | None = None
        self._loss = 0.0  # of the last step

    def keep(self, trainer: Trainer) -> None:
        """Keep the state as it is now."""
        self._state = trainer.checkpoint()

    def learn(self, loop: Loop, batches: list[Any]) -> tuple[float, list[Any]]:
        """Take a step, again if a rank dies in it."""
        trainer = loop.trainer
        first = trainer.step
        self.keep(trainer)
        while True:
            try:
                loss, outputs = trainer.learn(batches)
                self._loss = loss
                return loss, outputs
            except ParallelError:
                if not self._world.lost:
                    raise
            self.go_on(loop)
            if trainer.step > first:  # others had taken it, counted it and logged it
                trainer.epoch -= trainer.batch == 0
                trainer.losses = trainer.losses or [self._loss]
                return self._loss, []

    def go_on(self, loop: Loop) -> None:
        """Go on from the state that the farthest rank kept; the first rank writes, whichever it is now."""
        world, before = self._world, self._world.size
        world.shrink(self._timeout)
        state = self._state
        assert state is not None
        steps = world.gathered(np.array([state.rest["step"]]), "train: going on", self._timeout)[:, 0]
        if steps.min() < steps.max():
            state = self._spread(state, int(steps.argmax()))
        loop.trainer.restore(state)
        self._state = state
        if loop.writes:
            facts: dict[str, object] = {"lost": before - world.size, "ranks": world.size, "step": loop.step}
            warnings.warn(PullbackWarning(message("train: ranks died, and the others go on", facts)), stacklevel=2)
            if loop.folder is None and loop.place:
                loop.take_over()

    def _spread(self, state: Checkpoint, root: int) -> Checkpoint:
        """The state of one rank, and its last loss."""
        self._loss = float(self._of(root, np.array([self._loss]))[0][0])
        arrays: dict[str, Any] = {}
        note = json.dumps([list(state.model), pack(state.rest, REST, arrays)])
        names, rest = json.loads(self._world.texts(note, "train: going on", self._timeout)[root])
        parts = [*state.model.values(), *arrays.values()]
        values = self._of(root, *(np.asarray(getattr(x, "array", x)) for x in parts))
        held = dict(zip(arrays, values[len(names) :], strict=True))
        return Checkpoint(dict(zip(names, values, strict=False)), unpack(rest, held))

    def _of(self, root: int, *arrays: Any) -> tuple[Any, ...]:
        return self._world.spread(arrays, root, "train: going on", (), self._timeout)
