"""Loss scaling: what keeps small gradients of half precision from vanishing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final, final

import numpy as np

from pullback.core.changes import Noticed
from pullback.core.errors import CheckpointError
from pullback.core.modes import current_mode, no_grad
from pullback.core.numbers import checked_number
from pullback.ops.elementwise import maximum, where
from pullback.optim.optimizer import Optimizer
from pullback.tensors import Tensor
from pullback.tensors.backward import gradients_of

_KEPT: Final = ("scale", "good")


@final
class LossScaler(Noticed):
    """Scale the loss, so that no gradient vanishes; divide the gradients again; leave out a step that overflowed.

    The scale halves when a gradient is not finite, and doubles after many good steps (Micikevicius et al. 2018).

    Parameters
    ----------
    init_scale : float
        ≥ 1; the first scale.
    growth_factor : float
        ≥ 1; what the scale grows by after `growth_interval` good steps.
    backoff_factor : float
        In (0, 1); what it shrinks by where a gradient was not finite.
    growth_interval : int
        ≥ 1.

    >>> import pullback as pb
    >>> w = pb.tensor([1.0], np.float16, requires_grad=True)
    >>> optimizer, scaler = pb.optim.SGD([w], lr=1.0), LossScaler(init_scale=1024)
    >>> scaler.scale((w * 1e-7).sum() * 1e-3).backward()  # 1e-10 is 0 in half precision
    >>> bool(w.grad[0] > 0)
    True
    >>> scaler.step(optimizer)
    True
    """

    def __init__(
        self, init_scale: float = 2.0**16, growth_factor: float = 2.0, backoff_factor: float = 0.5,
        growth_interval: int = 2000,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        self.factor = Tensor(np.array(checked_number(name, "init_scale", init_scale, 1)))
        self.growth_factor = checked_number(name, "growth_factor", growth_factor, 1)
        self.backoff_factor = checked_number(name, "backoff_factor", backoff_factor, math.ulp(0), 1)
        self.growth_interval = checked_number(name, "growth_interval", growth_interval, 1)
        self.good = Tensor(np.zeros(()))  # steps since the scale was changed

    def scale(self, loss: Any) -> Any:
        """The loss times the scale; call `backward()` on it."""
        return loss * self.factor.astype(np.result_type(loss.dtype, np.float32))

    def step(self, optimizer: Optimizer) -> Any:
        """Divide the gradients by the scale, and let the optimizer make its step if all of them are finite.

        Returns
        -------
        bool
            Whether it did; while a program is recorded, a tensor of one.
        """
        params = [p for group in optimizer.param_groups for p in group.params]
        pairs = [(p, g) for p, g in zip(params, gradients_of(params), strict=True) if g is not None]
        with no_grad():
            finite = _all_finite(g for _, g in pairs)
            for p, g in pairs:
                p.grad = (g.astype(np.result_type(g.dtype, np.float32)) / self.factor.astype(np.float32)).astype(
                    g.dtype
                )
        if current_mode().trace is None:
            done = bool(finite)
            if done:
                optimizer.step()
            self._adapt(finite)
            return done
        with no_grad():
            before = [(t, t.detach()) for t in optimizer.tensors()]
            optimizer.step()
            for tensor, old in before:  # a program has no branches: it takes the old numbers again
                tensor.become(where(finite, tensor.detach(), old))
            self._adapt(finite)
        return finite

    def _adapt(self, finite: Any) -> None:
        with no_grad():
            good = where(finite, self.good + 1, 0.0)
            grown = good >= self.growth_interval
            factor = where(grown, self.factor * self.growth_factor, self.factor)
            self.factor.become(where(finite, factor, maximum(self.factor * self.backoff_factor, 1.0)))
            self.good.become(where(grown, 0.0, good))

    def state_dict(self) -> dict[str, float]:
        """What a continuation needs, as numbers."""
        return dict(zip(_KEPT, (self.factor.item(), self.good.item()), strict=True))

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on where another was; raises CheckpointError if the state is not of one."""
        if set(state) != set(_KEPT):
            raise CheckpointError("LossScaler.load_state_dict: not its state", expected=_KEPT, got=list(state))
        self.factor.assign(state["scale"])
        self.good.assign(state["good"])


def _all_finite(gradients: Iterable[Tensor]) -> Any:
    finite: Any = np.True_
    for g in gradients:
        finite = np.logical_and(finite, np.all(np.isfinite(g)))
    return finite
