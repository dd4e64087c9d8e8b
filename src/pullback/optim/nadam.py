"""NAdam: Adam that looks ahead, as Nesterov momentum does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, ClassVar, final

import numpy as np

from pullback.optim.checks import Limits
from pullback.optim.group import ParameterGroup, Params, Rate, State
from pullback.optim.moments import Moments, decayed, decoupled
from pullback.tensors import Tensor


@final
class NAdam(Moments):
    """p ← p − lr·((1 − μₜ) / (1 − Πμ)·g + μₜ₊₁ / (1 − Πμ·μₜ₊₁)·m) / (√v̂ + ε) (Dozat 2016).

    m and v̂ are those of `Adam`, μₜ = β₁·(1 − 0.96^(t·momentum_decay) / 2), and Πμ the product of μ₁ to μₜ.

    Parameters
    ----------
    params, lr, betas, eps, weight_decay
        As of `Adam`.
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

    limits: ClassVar[Limits] = {**Moments.limits, "momentum_decay": math.inf}

    def __init__(
        self, params: Params, lr: Rate = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay,
            decoupled_weight_decay=decoupled_weight_decay,
        )  # fmt: skip

    def start(self, p: Tensor, group: ParameterGroup) -> State:
        return {**super().start(p, group), "product": Tensor(np.ones(()))}

    def prepare(self, group: ParameterGroup, lr: Any, dtype: np.dtype[Any], step: Any) -> SimpleNamespace:
        beta1, beta2 = group["betas"]
        step += 1
        now, following = (beta1 * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"])) for t in (step, step + 1))
        s = SimpleNamespace(
            beta1=beta1, beta2=beta2, eps=group["eps"], weight_decay=group["weight_decay"], lr=lr, dtype=dtype,
            now=now, following=following, root=np.sqrt(1 - beta2**step).astype(dtype),
        )  # fmt: skip
        return decoupled(s, lr, dtype) if group["decoupled_weight_decay"] else s

    def update(self, p: Any, g: Any, state: Mapping[str, Any], s: SimpleNamespace) -> None:
        g = decayed(p, g, s)
        (m, v), product = self.follow(g, state, s), state["product"]
        product *= s.now
        ahead = (s.lr * s.following / (1 - product * s.following)).astype(s.dtype)
        here = (s.lr * (1 - s.now) / (1 - product)).astype(s.dtype)
        p -= (here * g + ahead * m) / (np.sqrt(v) / s.root + s.eps)
