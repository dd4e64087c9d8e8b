"""Adamax: Adam with the largest gradient in place of the root of a mean square."""

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
class Adamax(Optimizer):
    """p ← p − lr / (1 − β₁ᵗ) · m / u (Kingma & Ba 2015, algorithm 2).

    m ← β₁·m + (1 − β₁)·g and u ← max(β₂·u, |g| + ε), both from 0.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What to learn, as of every `Optimizer`.
    lr : float
        The learning rate, ≥ 0: no step is larger.
    betas : (float, float)
        How much of the past m and u keep, in [0, 1).
    eps : float
        ≥ 0; keeps u from being 0.
    weight_decay : float
        ≥ 0; g is the gradient plus weight_decay · p.

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Adamax([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Tensor([ 0.9, -1.9], requires_grad=True)
    """

    limits: ClassVar[Limits] = {**Optimizer.limits, "betas": (1, 1), "eps": math.inf}
    counts_steps: ClassVar[bool] = True
    on_arrays: ClassVar[bool] = True

    def __init__(
        self, params: Params, lr: Rate = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def start(self, p: Tensor, group: ParameterGroup) -> State:
        return zeros(p, "m", "u")

    def prepare(self, group: ParameterGroup, lr: Any, dtype: np.dtype[Any], step: Any) -> SimpleNamespace:
        beta1, beta2 = group["betas"]
        step += 1
        rate = (lr / (1 - beta1**step)).astype(dtype)
        return SimpleNamespace(beta1=beta1, beta2=beta2, lr=rate, eps=group["eps"], weight_decay=group["weight_decay"])

    def update(self, p: Any, g: Any, state: Mapping[str, Any], s: SimpleNamespace) -> None:
        g = decayed(p, g, s)
        m, u = state["m"], state["u"]
        average(m, s.beta1, g)
        u[...] = np.maximum(s.beta2 * u, np.abs(g) + s.eps)
        p -= s.lr * m / u
