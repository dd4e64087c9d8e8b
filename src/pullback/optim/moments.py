"""What rules have in common: running means, both kinds of weight decay, and the moments of Adam and its kin."""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from pullback.optim.checks import Limits
from pullback.optim.group import ParameterGroup, State, zeros
from pullback.optim.optimizer import Optimizer
from pullback.tensors import Tensor


def average(mean: Any, keep: float, new: Any) -> None:
    """mean ← keep·mean + (1 − keep)·new, in place.

    >>> mean = np.array([1.0])
    >>> average(mean, 0.75, np.array([5.0]))
    >>> mean.tolist()
    [2.0]
    """
    mean *= keep
    mean += (1 - keep) * new


def decayed(p: Any, g: Any, s: SimpleNamespace) -> Any:
    """The gradient plus weight_decay · p; where `decoupled` was called, the gradient as it is, and p shrinks.

    >>> float(decayed(np.array(2.0), np.array(1.0), SimpleNamespace(weight_decay=0.5)))
    2.0
    """
    if not s.weight_decay:
        return g
    shrink = getattr(s, "shrink", None)
    if shrink is None:
        return g + s.weight_decay * p
    p *= shrink
    return g


def decoupled(s: SimpleNamespace, lr: Any, dtype: np.dtype[Any]) -> SimpleNamespace:
    """Settings with which p shrinks by lr · weight_decay in a step (Loshchilov & Hutter 2019).

    >>> p, s = np.array(2.0), SimpleNamespace(weight_decay=0.5)
    >>> decayed(p, 1.0, decoupled(s, np.array(0.5), p.dtype)), float(p)
    (1.0, 1.5)
    """
    if s.weight_decay:
        s.shrink = (1 - lr * s.weight_decay).astype(dtype)
    return s


class Moments(Optimizer, ABC):
    """A rule that counts its steps, and keeps the running means m of the gradient and v of its square, from 0."""

    limits: ClassVar[Limits] = {
        **Optimizer.limits, "betas": (1, 1), "eps": math.inf, "amsgrad": bool, "decoupled_weight_decay": bool
    }  # fmt: skip
    counts_steps: ClassVar[bool] = True
    on_arrays: ClassVar[bool] = True

    def start(self, p: Tensor, group: ParameterGroup) -> State:
        return zeros(p, "m", "v")

    @staticmethod
    def follow(g: Any, state: Mapping[str, Any], s: SimpleNamespace) -> tuple[Any, Any]:
        """The moments, with g taken in."""
        m, v = state["m"], state["v"]
        average(m, s.beta1, g)
        average(v, s.beta2, np.square(g))
        return m, v
