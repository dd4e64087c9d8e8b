"""Adam and AdamW: steps of the size of the learning rate, by moments of the gradient."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, final

import numpy as np

from pullback.optim.group import ParameterGroup, Params, Rate, State, zeros
from pullback.optim.moments import Moments, decayed, decoupled
from pullback.tensors import Tensor


class _Adam(Moments, ABC):
    """What Adam and AdamW share: the moments, freed of their bias.

    The step is lr · m̂ / (√v̂ + ε) with m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ). As Kingma & Ba remark at the end of
    their section 2, the corrections fit into the two numbers lr and ε, which spares two passes over the arrays.
    """

    def __init__(
        self, params: Params, lr: Rate = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, amsgrad: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad)

    def start(self, p: Tensor, group: ParameterGroup) -> State:
        return zeros(p, "m", "v", *["highest"] * group["amsgrad"])

    def prepare(self, group: ParameterGroup, lr: Any, dtype: np.dtype[Any], step: Any) -> SimpleNamespace:
        beta1, beta2 = group["betas"]
        step += 1
        root = np.sqrt(1 - beta2**step)
        return SimpleNamespace(
            beta1=beta1,
            beta2=beta2,
            lr=(lr * root / (1 - beta1**step)).astype(dtype),
            eps=(group["eps"] * root).astype(dtype),
            weight_decay=group["weight_decay"],
            amsgrad=group["amsgrad"],
        )

    def update(self, p: Any, g: Any, state: Mapping[str, Any], s: SimpleNamespace) -> None:
        g = decayed(p, g, s)
        m, v = self.follow(g, state, s)
        if s.amsgrad:
            state["highest"][...] = v = np.maximum(state["highest"], v)
        root = np.sqrt(v)
        root += s.eps
        step = s.lr * m
        step /= root
        p -= step


@final
class Adam(_Adam):
    """p ← p − lr · m̂ / (√v̂ + ε) (Kingma & Ba 2015).

    m ← β₁·m + (1 − β₁)·g and v ← β₂·v + (1 − β₂)·g², both from 0; in step t, m̂ = m/(1 − β₁ᵗ) and
    v̂ = v/(1 − β₂ᵗ).

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What to learn, as of every `Optimizer`.
    lr : float
        The learning rate, ≥ 0: about the size of a step.
    betas : (float, float)
        How much of the past the two means keep, in [0, 1).
    eps : float
        ≥ 0; limits the step where gradients vanish.
    weight_decay : float
        ≥ 0; g is the gradient plus weight_decay · p. See `AdamW`.
    amsgrad : bool
        Divide by the largest v̂ so far, so that no step grows again (Reddi, Kale & Kumar 2018).

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Tensor([ 0.9, -1.9], requires_grad=True)
    """


@final
class AdamW(_Adam):
    """p ← (1 − lr·weight_decay)·p − lr · m̂ / (√v̂ + ε) (Loshchilov & Hutter 2019).

    As `Adam`, but that the decay is not divided by √v̂ with the gradient: it is the same for all parameters.

    Parameters
    ----------
    params, lr, betas, eps, amsgrad
        As of `Adam`.
    weight_decay : float
        ≥ 0; how much a parameter shrinks in a step, in units of lr.

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (0 * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Tensor([ 0.95, -1.9 ], requires_grad=True)
    """

    def __init__(
        self, params: Params, lr: Rate = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.01, amsgrad: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad)

    def prepare(self, group: ParameterGroup, lr: Any, dtype: np.dtype[Any], step: Any) -> SimpleNamespace:
        return decoupled(super().prepare(group, lr, dtype, step), lr, dtype)
