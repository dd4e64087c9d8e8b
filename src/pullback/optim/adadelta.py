"""Adadelta: steps in the units of the parameters, without a learning rate to choose."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, ClassVar, final

import numpy as np

from pullback.optim.checks import Limits
from pullback.optim.group import ParameterGroup, Params, Rate, State, zeros
from pullback.optim.moments import average, decayed
from pullback.optim.optimizer import Optimizer
from pullback.tensors import Tensor


@final
class Adadelta(Optimizer):
    """p ← p − lr·d, with d = √(u + ε) / √(v + ε)·g (Zeiler 2012).

    v ← ρ·v + (1 − ρ)·g² and, after the step, u ← ρ·u + (1 − ρ)·d², both from 0.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What to learn, as of every `Optimizer`.
    lr : float
        ≥ 0; 1 in the paper, which has none.
    rho : float
        How much of the past the means keep, in [0, 1).
    eps : float
        ≥ 0; what the first steps are made of.
    weight_decay : float
        ≥ 0; g is the gradient plus weight_decay · p.

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Adadelta([w])
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> bool(w[0] < 1)
    True
    """

    limits: ClassVar[Limits] = {**Optimizer.limits, "rho": 1, "eps": math.inf}
    on_arrays: ClassVar[bool] = True

    def __init__(
        self, params: Params, lr: Rate = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)

    def start(self, p: Tensor, group: ParameterGroup) -> State:
        return zeros(p, "v", "u")

    def update(self, p: Any, g: Any, state: Mapping[str, Any], s: SimpleNamespace) -> None:
        g = decayed(p, g, s)
        v, u = state["v"], state["u"]
        average(v, s.rho, np.square(g))
        step = np.sqrt(u + s.eps) / np.sqrt(v + s.eps) * g
        average(u, s.rho, np.square(step))
        p -= s.lr * step
