"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, ClassVar, final

import numpy as np

from pullback.core.errors import OptionError
from pullback.optim.checks import Limits
from pullback.optim.group import ParameterGroup, Params, Rate, State, zeros
from pullback.optim.moments import decayed
from pullback.optim.optimizer import Optimizer
from pullback.tensors import Tensor


@final
class SGD(Optimizer):
    """p ← p − lr·v, with v ← momentum·v + (1 − dampening)·g and g ← ∇p + weight_decay·p.

    Without momentum v is g. With `nesterov` the step is g + momentum·v instead of v. The first v is g, undamped.
    Source: Sutskever, Martens, Dahl & Hinton 2013, in PyTorch's form, in which lr stands outside v.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What to learn, as of every `Optimizer`.
    lr : float
        The learning rate, ≥ 0.
    momentum, dampening : float
        In [0, 1).
    weight_decay : float
        ≥ 0; the gradient of weight_decay/2 · Σp² is added.
    nesterov : bool
        Look ahead along v; needs momentum and no dampening.

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Tensor([0.8, 1.6], requires_grad=True)
    >>> optimizer.lr = 0.01
    """

    limits: ClassVar[Limits] = {**Optimizer.limits, "momentum": 1, "dampening": 1, "nesterov": bool}
    on_arrays: ClassVar[bool] = True

    def __init__(
        self, params: Params, lr: Rate, momentum: float = 0.0, dampening: float = 0.0,
        weight_decay: float = 0.0, nesterov: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov
        )

    def start(self, p: Tensor, group: ParameterGroup) -> State:
        if group["nesterov"] and (not group["momentum"] or group["dampening"]):
            raise OptionError(
                "SGD: nesterov needs momentum and no dampening", momentum=group["momentum"],
                dampening=group["dampening"], fix="momentum=0.9, dampening=0",
            )  # fmt: skip
        state = zeros(p, "momentum") if group["momentum"] else {}
        if state and group["dampening"]:
            # Of the gradient; damped from the second step on.
            state["gain"] = Tensor(np.ones((), state["momentum"].dtype))
        return state

    def update(self, p: Any, g: Any, state: Mapping[str, Any], s: SimpleNamespace) -> None:
        if s.weight_decay:
            g = decayed(p, g, s)
        if s.momentum:
            v = state["momentum"]
            v *= s.momentum
            v += state["gain"] * g if s.dampening else g
            if s.dampening:
                state["gain"][...] = 1 - s.dampening
            g = g + s.momentum * v if s.nesterov else v
        p -= s.lr * g
