"""RAdam: Adam that waits with its second moment until that is worth something."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, final

import numpy as np

from pullback.optim.group import ParameterGroup, Params, Rate
from pullback.optim.moments import Moments, decayed, decoupled


@final
class RAdam(Moments):
    """p ← p − lr·r·m̂ / (√v̂ + ε) where the variance of v̂ is known, else p ← p − lr·m̂ (Liu et al. 2020).

    m̂ and v̂ are those of `Adam`. With ρ = 2 / (1 − β₂) − 1 and ρₜ = ρ − 2·t·β₂ᵗ / (1 − β₂ᵗ), v̂ is used from ρₜ > 5 on,
    with the rectification r = √((ρₜ − 4)(ρₜ − 2)·ρ / ((ρ − 4)(ρ − 2)·ρₜ)).

    Parameters
    ----------
    params, lr, betas, eps, weight_decay
        As of `Adam`.
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

    def __init__(
        self, params: Params, lr: Rate = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
            decoupled_weight_decay=decoupled_weight_decay,
        )  # fmt: skip

    def prepare(self, group: ParameterGroup, lr: Any, dtype: np.dtype[Any], step: Any) -> SimpleNamespace:
        beta1, beta2 = group["betas"]
        step += 1
        left = 1 - beta2**step
        most = 2 / (1 - beta2) - 1
        rho = most - 2 * step * beta2**step / left
        known = rho > 5
        safe = np.where(known, rho, 6.0)  # else the root is of a negative number
        rate = lr / (1 - beta1**step)
        ratio = (safe - 4) * (safe - 2) * most / ((most - 4) * (most - 2) * safe) if most > 5 else 1.0
        s = SimpleNamespace(
            beta1=beta1, beta2=beta2, eps=group["eps"], weight_decay=group["weight_decay"], known=known,
            plain=rate.astype(dtype), rectified=(rate * np.sqrt(ratio * left)).astype(dtype),
        )  # fmt: skip
        return decoupled(s, lr, dtype) if group["decoupled_weight_decay"] else s

    def update(self, p: Any, g: Any, state: Mapping[str, Any], s: SimpleNamespace) -> None:
        g = decayed(p, g, s)
        m, v = self.follow(g, state, s)
        p -= m * np.where(s.known, s.rectified / (np.sqrt(v) + s.eps), s.plain)
