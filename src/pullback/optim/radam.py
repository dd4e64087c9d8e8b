"""RAdam: Adam that waits with its second moment until that is worth something."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, ClassVar, final

import numpy as np

from pullback.optim.checks import Limits
from pullback.optim.group import ParameterGroup, Params, Rate, State, zeros
from pullback.optim.optimizer import Optimizer
from pullback.tensors import Tensor


@final
class RAdam(Optimizer):
    """p ← p − lr·r·m̂ / (√v̂ + ε) where the variance of v̂ is known, else p ← p − lr·m̂ (Liu et al. 2020).

    m̂ and v̂ are those of `Adam`. With ρ = 2 / (1 − β₂) − 1 and ρₜ = ρ − 2·t·β₂ᵗ / (1 − β₂ᵗ), v̂ is used from ρₜ > 5 on,
    with the rectification r = √((ρₜ − 4)(ρₜ − 2)·ρ / ((ρ − 4)(ρ − 2)·ρₜ)).

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What to learn, as of every `Optimizer`.
    lr : float
        The learning rate, ≥ 0.
    betas : (float, float)
        How much of the past the means of g and g² keep, in [0, 1).
    eps : float
        ≥ 0; limits the step where gradients vanish.
    weight_decay : float
        ≥ 0; g is the gradient plus weight_decay · p.
    decoupled_weight_decay : bool
        Shrink p by lr·weight_decay instead, as `AdamW` does.

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = RAdam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()  # the first five are of momentum alone
    >>> w
    Tensor([ 0.8, -1.6], requires_grad=True)
    """

    limits: ClassVar[Limits] = {**Optimizer.limits, "betas": (1, 1), "eps": math.inf}
    counts_steps: ClassVar[bool] = True
    on_arrays: ClassVar[bool] = True

    def __init__(
        self, params: Params, lr: Rate = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
            decoupled_weight_decay=decoupled_weight_decay,
        )  # fmt: skip

    def start(self, p: Tensor, group: ParameterGroup) -> State:
        return zeros(p, "m", "v")

    def prepare(self, group: ParameterGroup, lr: Any, dtype: np.dtype[Any], step: Any) -> SimpleNamespace:
        beta1, beta2 = group["betas"]
        step += 1
        left = 1 - beta2**step
        most = 2 / (1 - beta2) - 1
        rho = most - 2 * step * beta2**step / left
        known, decay = rho > 5, group["weight_decay"]
        safe = np.where(known, rho, 6.0)  # else the root is of a negative number
        rate = lr / (1 - beta1**step)
        ratio = (safe - 4) * (safe - 2) * most / ((most - 4) * (most - 2) * safe) if most > 5 else 1.0
        return SimpleNamespace(
            beta1=beta1, beta2=beta2, eps=group["eps"], weight_decay=decay, known=known,
            plain=rate.astype(dtype), rectified=(rate * np.sqrt(ratio * left)).astype(dtype),
            shrink=(1 - lr * decay).astype(dtype) if group["decoupled_weight_decay"] else None,
        )  # fmt: skip

    def update(self, p: Any, g: Any, state: Mapping[str, Any], s: SimpleNamespace) -> None:
        if s.shrink is not None:
            p *= s.shrink
        elif s.weight_decay:
            g = g + s.weight_decay * p
        m, v = state["m"], state["v"]
        m *= s.beta1
        m += (1 - s.beta1) * g
        v *= s.beta2
        v += (1 - s.beta2) * np.square(g)
        p -= m * np.where(s.known, s.rectified / (np.sqrt(v) + s.eps), s.plain)
