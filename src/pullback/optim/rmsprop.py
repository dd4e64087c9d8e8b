"""RMSprop: gradients in units of their own recent size."""

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
class RMSprop(Optimizer):
    """p ← p − lr·g / (√v + ε), with v ← α·v + (1 − α)·g² (Tieleman & Hinton 2012, lecture 6.5).

    `centered` takes the variance, v − a² with a ← α·a + (1 − α)·g, in place of v (Graves 2013). With momentum the step
    is lr·b, with b ← momentum·b + g / (√v + ε).

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What to learn, as of every `Optimizer`.
    lr : float
        The learning rate, ≥ 0.
    alpha : float
        How much of the past the means keep, in [0, 1).
    eps : float
        ≥ 0; limits the step where gradients vanish.
    weight_decay : float
        ≥ 0; g is the gradient plus weight_decay · p.
    momentum : float
        In [0, 1).
    centered : bool
        Divide by the deviation of gradients instead.

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = RMSprop([w], lr=0.01)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Tensor([ 0.9, -1.9], requires_grad=True)
    """

    limits: ClassVar[Limits] = {**Optimizer.limits, "alpha": 1, "eps": math.inf, "momentum": 1, "centered": bool}
    on_arrays: ClassVar[bool] = True

    def __init__(
        self, params: Params, lr: Rate = 0.01, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0.0,
        momentum: float = 0.0, centered: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered
        )

    def start(self, p: Tensor, group: ParameterGroup) -> State:
        return zeros(p, "v", *["mean"] * group["centered"], *["momentum"] * (group["momentum"] > 0))

    def update(self, p: Any, g: Any, state: Mapping[str, Any], s: SimpleNamespace) -> None:
        g = decayed(p, g, s)
        v = state["v"]
        average(v, s.alpha, np.square(g))
        if s.centered:
            mean = state["mean"]
            average(mean, s.alpha, g)
            v = v - np.square(mean)
        step = g / (np.sqrt(v) + s.eps)
        if s.momentum:
            momentum = state["momentum"]
            momentum *= s.momentum
            momentum += step
            step = momentum
        p -= s.lr * step
