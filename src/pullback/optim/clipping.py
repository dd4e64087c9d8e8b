"""Gradients cut to size, between `backward()` and `step()`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import reduce
from operator import add

import numpy as np

from pullback.core.errors import NotFiniteError, OptionError
from pullback.core.modes import current_mode, no_grad
from pullback.core.numbers import checked_number
from pullback.core.precision import single
from pullback.functions.creation import asarray
from pullback.tensors import Tensor
from pullback.tensors.backward import gradients_of


def clip_grad_norm_(
    params: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """g ← g · min(1, max_norm / (‖g‖ + 10⁻⁶)), with ‖g‖ the norm of all gradients together (Pascanu et al. 2013).

    Parameters
    ----------
    params : iterable of Tensor
        Those without a gradient are left out.
    max_norm : float
        ≥ 0.
    norm_type : float
        > 0; of the p-norm, also infinity.
    error_if_nonfinite : bool
        Refuse a norm that is infinite or NaN; else the gradients become 0 or NaN. In a compiled step it is not asked.

    Returns
    -------
    Tensor
        The norm before.

    >>> import pullback as pb
    >>> w = pb.tensor([0.0, 0.0], requires_grad=True)
    >>> w.grad = [3.0, 4.0]
    >>> clip_grad_norm_([w], 1.0).item(), w.grad.round(3).tolist()
    (5.0, [0.6, 0.8])
    """
    checked_number("clip_grad_norm_", "max_norm", max_norm, 0)
    order = checked_number("clip_grad_norm_", "norm_type", norm_type, 0)
    if not order:
        raise OptionError("clip_grad_norm_: norm_type is not possible", got=norm_type, fix="2.0, or math.inf")
    leaves, gradients = _found(params)
    with no_grad():
        if not gradients:
            return asarray(0.0)
        if order == math.inf:
            norm = reduce(np.maximum, [np.max(np.abs(g)) for g in gradients if g.size] or [asarray(0.0)])
        else:  # of half precision in float32, where squares do not overflow
            total = reduce(add, [
                np.sum(np.square(g) if order == 2 else np.abs(g) ** order) for g in map(single, gradients)
            ])  # fmt: skip
            norm = np.sqrt(total) if order == 2 else total ** (1 / order)
        if error_if_nonfinite and current_mode().trace is None and not math.isfinite(norm.item()):
            raise NotFiniteError("clip_grad_norm_: the norm of the gradients is not finite", got=norm.item())
        scale = np.minimum(max_norm / (norm + 1e-6), 1.0)
        for leaf, g in zip(leaves, gradients, strict=True):
            leaf.grad = g * scale.astype(g.dtype)
    return norm


def clip_grad_value_(params: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """g ← min(max(g, −clip_value), clip_value), each element by itself.

    >>> import pullback as pb
    >>> w = pb.tensor([0.0, 0.0], requires_grad=True)
    >>> w.grad = [3.0, -0.5]
    >>> clip_grad_value_([w], 1.0)
    >>> w.grad.tolist()
    [1.0, -0.5]
    """
    limit = checked_number("clip_grad_value_", "clip_value", clip_value, 0)
    with no_grad():
        for leaf, g in zip(*_found(params), strict=True):
            leaf.grad = np.clip(g, -limit, limit)


def _found(params: Tensor | Iterable[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """The tensors that have a gradient, and the gradients."""
    given = [params] if isinstance(params, Tensor) else list(params)
    pairs = [(p, g) for p, g in zip(given, gradients_of(given), strict=True) if g is not None]
    return [p for p, _ in pairs], [g for _, g in pairs]
