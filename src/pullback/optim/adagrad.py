"""Adagrad: steps that shrink with all the gradients that there have been."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, ClassVar, final

import numpy as np

from pullback.optim.checks import Limits
from pullback.optim.group import ParameterGroup, Params, Rate, State, zeros
from pullback.optim.moments import decayed
from pullback.optim.optimizer import Optimizer
from pullback.tensors import Tensor


@final
class Adagrad(Optimizer):
    """p ← p − lrₜ·g / (√v + ε), with v ← v + g² (Duchi, Hazan & Singer 2011).

    lrₜ = lr / (1 + (t − 1)·lr_decay).

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What to learn, as of every `Optimizer`.
    lr : float
        The learning rate, ≥ 0.
    lr_decay : float
        ≥ 0.
    weight_decay : float
        ≥ 0; g is the gradient plus weight_decay · p.
    initial_accumulator_value : float
        ≥ 0; the first v.
    eps : float
        ≥ 0; limits the step where gradients vanish.

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Tensor([ 0.9, -1.9], requires_grad=True)
    """

    limits: ClassVar[Limits] = {
        **Optimizer.limits, "lr_decay": math.inf, "initial_accumulator_value": math.inf, "eps": math.inf
    }  # fmt: skip
    counts_steps: ClassVar[bool] = True
    on_arrays: ClassVar[bool] = True

    def __init__(
        self, params: Params, lr: Rate = 0.01, lr_decay: float = 0.0, weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0, eps: float = 1e-10,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value, eps=eps,
        )  # fmt: skip

    def start(self, p: Tensor, group: ParameterGroup) -> State:
        state = zeros(p, "v")
        state["v"].array[...] = group["initial_accumulator_value"]
        return state

    def prepare(self, group: ParameterGroup, lr: Any, dtype: np.dtype[Any], step: Any) -> SimpleNamespace:
        step += 1
        rate = (lr / (1 + (step - 1) * group["lr_decay"])).astype(dtype)
        return SimpleNamespace(lr=rate, eps=group["eps"], weight_decay=group["weight_decay"])

    def update(self, p: Any, g: Any, state: Mapping[str, Any], s: SimpleNamespace) -> None:
        g = decayed(p, g, s)
        v = state["v"]
        v += np.square(g)
        p -= s.lr * g / (np.sqrt(v) + s.eps)
