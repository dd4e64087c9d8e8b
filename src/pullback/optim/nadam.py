"""NAdam: Adam that looks ahead, as Nesterov momentum does."""

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
class NAdam(Optimizer):
    """p ← p − lr·((1 − μₜ) / (1 − Πμ)·g + μₜ₊₁ / (1 − Πμ·μₜ₊₁)·m) / (√v̂ + ε) (Dozat 2016).

    m and v̂ are those of `Adam`, μₜ = β₁·(1 − 0.96^(t·momentum_decay) / 2), and Πμ the product of μ₁ to μₜ.

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
    momentum_decay : float
        ≥ 0; how fast μ grows to β₁.
    decoupled_weight_decay : bool
        Shrink p by lr·weight_decay instead, as `AdamW` does.

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = NAdam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> bool(w[0] < 0.9)
    True
    """

    limits: ClassVar[Limits] = {**Optimizer.limits, "betas": (1, 1), "eps": math.inf, "momentum_decay": math.inf}
    counts_steps: ClassVar[bool] = True
    on_arrays: ClassVar[bool] = True

    def __init__(
        self, params: Params, lr: Rate = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay,
            decoupled_weight_decay=decoupled_weight_decay,
        )  # fmt: skip

    def start(self, p: Tensor, group: ParameterGroup) -> State:
        return {**zeros(p, "m", "v"), "product": Tensor(np.ones(()))}

    def prepare(self, group: ParameterGroup, lr: Any, dtype: np.dtype[Any], step: Any) -> SimpleNamespace:
        beta1, beta2 = group["betas"]
        step += 1
        now, following = (beta1 * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"])) for t in (step, step + 1))
        decay = group["weight_decay"]
        return SimpleNamespace(
            beta1=beta1, beta2=beta2, eps=group["eps"], weight_decay=decay, lr=lr, now=now, following=following,
            root=np.sqrt(1 - beta2**step).astype(dtype), dtype=dtype,
            shrink=(1 - lr * decay).astype(dtype) if group["decoupled_weight_decay"] else None,
        )  # fmt: skip

    def update(self, p: Any, g: Any, state: Mapping[str, Any], s: SimpleNamespace) -> None:
        if s.shrink is not None:
            p *= s.shrink
        elif s.weight_decay:
            g = g + s.weight_decay * p
        m, v, product = state["m"], state["v"], state["product"]
        m *= s.beta1
        m += (1 - s.beta1) * g
        v *= s.beta2
        v += (1 - s.beta2) * np.square(g)
        product *= s.now
        ahead = (s.lr * s.following / (1 - product * s.following)).astype(s.dtype)
        here = (s.lr * (1 - s.now) / (1 - product)).astype(s.dtype)
        p -= (here * g + ahead * m) / (np.sqrt(v) / s.root + s.eps)
