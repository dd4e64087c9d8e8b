"""Losses as modules: one row for each function of `functions/losses.py`."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from typing import Any, ClassVar, final

import numpy as np

from pullback.functions import losses
from pullback.nn.module import Module


class Loss(Module, ABC):
    """How far predictions are from targets, over all samples; a row states the function.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
        What becomes of the losses of the samples.

    Raises
    ------
    OptionError
        If the reduction is another.
    """

    function: ClassVar[Callable[..., Any]]

    def __init__(self, reduction: str = "mean") -> None:
        losses.reduce(np.zeros(1), reduction)  # an unknown one is refused here, not after the first batch
        self.reduction = reduction

    def forward(self, prediction: Any, target: Any) -> Any:
        return self.function(prediction, target, self.reduction)

    def extra_repr(self) -> str:
        return "" if self.reduction == "mean" else f"reduction={self.reduction!r}"


@final
class MSELoss(Loss):
    """(prediction − target)²."""

    function = staticmethod(losses.mse_loss)


@final
class L1Loss(Loss):
    """|prediction − target|."""

    function = staticmethod(losses.l1_loss)


@final
class BCELoss(Loss):
    """−(t·log p + (1 − t)·log(1 − p)) for probabilities p, logarithms limited to ≥ −100."""

    function = staticmethod(losses.binary_cross_entropy)


@final
class BCEWithLogitsLoss(Loss):
    """The binary cross-entropy of sigmoid(x), stable for any x."""

    function = staticmethod(losses.binary_cross_entropy_with_logits)


@final
class CrossEntropyLoss(Loss):
    """−Σ yⱼ·log softmax(x)ⱼ over the last axis of logits x.

    The target holds integer labels, of the logits' shape without its last axis, or probabilities, of the same
    shape.

    >>> import pullback as pb
    >>> CrossEntropyLoss()(pb.tensor([[0.0, 0.0]]), [1])
    Tensor(0.69314718)
    """

    function = staticmethod(losses.softmax_cross_entropy)
