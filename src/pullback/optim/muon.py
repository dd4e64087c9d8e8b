"""Muon: momentum whose matrices are made orthogonal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, ClassVar, final

import numpy as np

from pullback.core.errors import OptionError
from pullback.optim.checks import Limits
from pullback.optim.group import ParameterGroup, Params, Rate, State, zeros
from pullback.optim.moments import average, decayed, decoupled
from pullback.optim.optimizer import Optimizer
from pullback.tensors import Tensor


@final
class Muon(Optimizer):
    """p ← (1 − lr·weight_decay)·p − lr·s·O, with O near U·Vᵀ of the update U·S·Vᵀ (Jordan et al. 2024).

    The update is the momentum b ← momentum·b + (1 − momentum)·g, or with `nesterov` what it will be in the next step.
    Its singular values are all brought near 1 by `ns_steps` steps of Newton and Schulz, X ← a·X + (b·A + c·A²)·X with
    A = X·Xᵀ, from X = update / ‖update‖.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        The weights of hidden layers, matrices; the others are learned by `AdamW`.
    lr : float
        The learning rate, ≥ 0.
    weight_decay : float
        ≥ 0; how much a parameter shrinks in a step, in units of lr.
    momentum : float
        In [0, 1).
    nesterov : bool
        Look ahead along the momentum.
    ns_coefficients : (float, float, float)
        The numbers a, b and c.
    eps : float
        ≥ 0; the least norm that is divided by.
    ns_steps : int
        How many steps of Newton and Schulz, below 100.
    adjust_lr_fn : {None, "original", "match_rms_adamw"}
        The scale s: √max(1, rows / columns), as in the original, or 0.2·√max(rows, columns), with which steps are as
        large as those of `AdamW` (Liu et al. 2025).

    Raises
    ------
    OptionError
        If a parameter is no matrix.

    >>> import pullback as pb
    >>> w = pb.tensor([[1.0, 0.0], [0.0, 3.0]], requires_grad=True)
    >>> optimizer = Muon([w], lr=0.1, weight_decay=0)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> bool((w.grad > 0).any() and w[1, 1] < 3)
    True
    """

    limits: ClassVar[Limits] = {
        **Optimizer.limits, "momentum": 1, "nesterov": bool, "ns_coefficients": (None, None, None), "eps": math.inf,
        "ns_steps": 100, "adjust_lr_fn": frozenset({None, "original", "match_rms_adamw"}),
    }  # fmt: skip
    on_arrays: ClassVar[bool] = True

    def __init__(
        self, params: Params, lr: Rate = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95,
        nesterov: bool = True, ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7, ns_steps: int = 5, adjust_lr_fn: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov,
            ns_coefficients=ns_coefficients, eps=eps, ns_steps=ns_steps, adjust_lr_fn=adjust_lr_fn,
        )  # fmt: skip

    def start(self, p: Tensor, group: ParameterGroup) -> State:
        if p.ndim != 2:
            raise OptionError(
                "Muon: a parameter is no matrix", parameter=p.name or None, got=p.shape,
                fix="learn it with AdamW; pb.optim.groups_by_name divides a model",
            )  # fmt: skip
        return zeros(p, "momentum")

    def prepare(self, group: ParameterGroup, lr: Any, dtype: np.dtype[Any], step: Any) -> SimpleNamespace:
        return decoupled(super().prepare(group, lr, dtype, step), lr, dtype)

    def update(self, p: Any, g: Any, state: Mapping[str, Any], s: SimpleNamespace) -> None:
        g = decayed(p, g, s)
        momentum = state["momentum"]
        average(momentum, s.momentum, g)
        wanted = s.momentum * momentum + (1 - s.momentum) * g if s.nesterov else momentum
        rows, columns = p.shape
        scale = (
            0.2 * math.sqrt(max(rows, columns))
            if s.adjust_lr_fn == "match_rms_adamw"
            else math.sqrt(max(1, rows / columns))
        )
        p -= s.lr * scale * _orthogonal(wanted, s)


def _orthogonal(x: Any, s: SimpleNamespace) -> Any:
    """A matrix with the same singular vectors, whose singular values are near 1."""
    a, b, c = s.ns_coefficients
    turned = x.shape[0] > x.shape[1]
    x = x.T if turned else x
    x = x / np.maximum(np.sqrt(np.sum(np.square(x))), s.eps)
    for _ in range(int(s.ns_steps)):
        square = x @ x.T
        x = a * x + (b * square + c * (square @ square)) @ x
    return x.T if turned else x
