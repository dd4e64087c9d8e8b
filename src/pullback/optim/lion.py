"""Lion: steps of one size, in the direction of a sign."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, ClassVar, final

import numpy as np

from pullback.optim.checks import Limits
from pullback.optim.group import ParameterGroup, Params, Rate, State, zeros
from pullback.optim.moments import average, decayed, decoupled
from pullback.optim.optimizer import Optimizer
from pullback.tensors import Tensor


@final
class Lion(Optimizer):
    """p ← (1 − lr·weight_decay)·p − lr·sign(β₁·m + (1 − β₁)·g), then m ← β₂·m + (1 − β₂)·g (Chen et al. 2023).

    Steps are larger than those of `Adam`; the paper takes a third to a tenth of its learning rate, and as many times
    its decay.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What to learn, as of every `Optimizer`.
    lr : float
        The learning rate, ≥ 0: the size of a step.
    betas : (float, float)
        How much of m the step takes, and how much of the past m keeps, in [0, 1).
    weight_decay : float
        ≥ 0; how much a parameter shrinks in a step, in units of lr.

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Lion([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Tensor([ 0.9, -1.9], requires_grad=True)
    """

    limits: ClassVar[Limits] = {**Optimizer.limits, "betas": (1, 1)}
    on_arrays: ClassVar[bool] = True

    def __init__(
        self, params: Params, lr: Rate = 1e-4, betas: tuple[float, float] = (0.9, 0.99), weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, weight_decay=weight_decay)

    def start(self, p: Tensor, group: ParameterGroup) -> State:
        return zeros(p, "m")

    def prepare(self, group: ParameterGroup, lr: Any, dtype: np.dtype[Any], step: Any) -> SimpleNamespace:
        return decoupled(super().prepare(group, lr, dtype, step), lr, dtype)

    def update(self, p: Any, g: Any, state: Mapping[str, Any], s: SimpleNamespace) -> None:
        beta1, beta2 = s.betas
        m = state["m"]
        g = decayed(p, g, s)
        p -= s.lr * np.sign(beta1 * m + (1 - beta1) * g)
        average(m, beta2, g)
