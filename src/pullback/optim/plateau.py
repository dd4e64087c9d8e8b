"""Less learning rate where a metric no longer improves: the one schedule that is no function of the step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, final

from pullback.core.errors import CheckpointError, OptionError
from pullback.core.numbers import checked_number
from pullback.optim.optimizer import Optimizer

_MODES: Final = ("min", "max")
_KEPT: Final = ("best", "waited", "resting")


@final
class ReduceOnPlateau:
    """lr ← max(factor·lr, min_lr) once a metric has not improved for more than `patience` observations.

    After each, `cooldown` observations do not count (PyTorch's ReduceLROnPlateau).

    Parameters
    ----------
    optimizer : Optimizer
        Whose groups learn less.
    mode : {"min", "max"}
        Whether less is better, or more.
    factor : float
        In (0, 1).
    patience, cooldown : int
        Numbers of observations.
    threshold : float
        By which part of the best metric a better one has to be better.
    min_lr : float
        The least rate.

    >>> import pullback as pb
    >>> optimizer = pb.optim.SGD([pb.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> plateau = ReduceOnPlateau(optimizer, patience=1, factor=0.5)
    >>> for loss in (3.0, 2.0, 2.0, 2.0, 2.0):
    ...     plateau.observe(loss)
    >>> optimizer.lr.item()
    0.5
    """

    def __init__(
        self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10, cooldown: int = 0,
        threshold: float = 1e-4, min_lr: float = 0.0,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        if mode not in _MODES:
            raise OptionError(f"{name}: unknown mode", got=repr(mode), fix='"min" or "max"')
        if any(group.schedule is not None for group in optimizer.param_groups):
            raise OptionError(f"{name}: the optimizer has a schedule", fix="give it a number as its lr")
        self.optimizer, self.mode = optimizer, mode
        self.factor = checked_number(name, "factor", factor, 0, 1, below=True)
        self.patience = checked_number(name, "patience", patience, 0)
        self.cooldown = checked_number(name, "cooldown", cooldown, 0)
        self.threshold = checked_number(name, "threshold", threshold, 0, 1, below=True)
        self.min_lr = checked_number(name, "min_lr", min_lr, 0)
        self.best = math.inf if mode == "min" else -math.inf
        self.waited = self.resting = 0

    def observe(self, metric: Any) -> None:
        """Take in the metric of an epoch, and let the optimizer learn less where it is time."""
        value = float(metric)
        margin = math.copysign(self.threshold, self.best)
        better = value < self.best * (1 - margin) if self.mode == "min" else value > self.best * (1 + margin)
        self.waited = 0 if better else self.waited + 1
        self.best = value if better else self.best
        if self.resting:
            self.resting -= 1
            self.waited = 0
        if self.waited > self.patience:
            for group in self.optimizer.param_groups:
                group["lr"] = max(self.factor * float(group["lr"]), self.min_lr)
            self.waited, self.resting = 0, int(self.cooldown)

    def state_dict(self) -> dict[str, float]:
        """What a continuation needs, as numbers."""
        return {name: getattr(self, name) for name in _KEPT}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on where another was; raises CheckpointError if the state is not of one."""
        if set(state) != set(_KEPT):
            raise CheckpointError("ReduceOnPlateau.load_state_dict: not its state", expected=_KEPT, got=list(state))
        for name in _KEPT:
            setattr(self, name, state[name])
