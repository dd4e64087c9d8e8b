"""Losses: how far predictions are from targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pullback.core.axes import shape_of
from pullback.core.errors import DTypeError, OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.core.kinds import strong_multiply
from pullback.core.lints import check_loss
from pullback.core.precision import of_reals, real
from pullback.functions.activations import log_softmax
from pullback.ops import elementwise as ew
from pullback.ops.cross_entropy import cross_entropy_
from pullback.ops.reductions import mean
from pullback.ops.reductions import sum as sum_over

if TYPE_CHECKING:
    from pullback.tensors import Tensor

REDUCTIONS: Final = ("mean", "sum", "none")


def reduce(losses: Any, reduction: str) -> Any:
    """The mean or the sum of losses, or the losses themselves."""
    if reduction == "mean":
        return mean(losses)
    if reduction == "sum":
        return sum_over(losses)
    if reduction == "none":
        return losses
    raise OptionError("loss: unknown reduction", reduction=reduction, fix='"mean", "sum" or "none"')


def mse_loss(prediction: Any, target: Any, reduction: str = "mean") -> Tensor:
    """(prediction − target)².

    >>> import pullback as pb
    >>> mse_loss(pb.tensor([1.0, 3.0]), pb.tensor([1.0, 1.0]))
    Tensor(2.)
    """
    check_loss("mse_loss", prediction, target)
    return _squared_error(prediction, target, reduction=reduction)


@of_reals
def _squared_error(prediction: Any, target: Any, reduction: str) -> Any:
    return reduce(ew.square(ew.subtract(prediction, target)), reduction)


def l1_loss(prediction: Any, target: Any, reduction: str = "mean") -> Tensor:
    """|prediction − target|.

    >>> import pullback as pb
    >>> l1_loss(pb.tensor([1.0, 3.0]), pb.tensor([1.0, 1.0]))
    Tensor(1.)
    """
    check_loss("l1_loss", prediction, target)
    return _absolute_error(prediction, target, reduction=reduction)


@of_reals
def _absolute_error(prediction: Any, target: Any, reduction: str) -> Any:
    return reduce(ew.absolute(ew.subtract(prediction, target)), reduction)


def binary_cross_entropy(probability: Any, target: Any, reduction: str = "mean") -> Tensor:
    """−(t·log p + (1 − t)·log(1 − p)) for probabilities p, with 0·log 0 = 0.

    Logarithms are limited to ≥ −100 and the derivative's denominator p·(1 − p) to ≥ 1e-12, as PyTorch does, so that a
    saturated prediction neither ends the training nor stops learning.

    >>> import pullback as pb
    >>> binary_cross_entropy(pb.tensor([0.5, 1.0]), pb.tensor([1.0, 1.0]))
    Tensor(0.34657359)
    """
    check_loss("binary_cross_entropy", probability, target)
    return reduce(ew.binary_cross_entropy(probability, target), reduction)


def binary_cross_entropy_with_logits(logits: Any, target: Any, reduction: str = "mean") -> Tensor:
    """max(x, 0) − x·t + log(1 + e^−|x|): the binary cross-entropy of sigmoid(x), stable for any x.

    >>> import pullback as pb
    >>> binary_cross_entropy_with_logits(pb.tensor([0.0]), pb.tensor([1.0]))
    Tensor(0.69314718)
    """
    check_loss("binary_cross_entropy_with_logits", logits, target)
    return reduce(ew.logits_cross_entropy(logits, target), reduction)


def softmax_cross_entropy(logits: Any, labels: Any, reduction: str = "mean") -> Tensor:
    """−Σ yⱼ·log softmax(x)ⱼ over the last axis; its derivative is softmax(x) − y.

    Parameters
    ----------
    logits : (..., classes)
        Any numbers.
    labels : (...) of integers, or (..., classes) of probabilities
        The true classes.
    reduction : {"mean", "sum", "none"}
        Over all but the last axis.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or a label is not below the number of classes.
    DTypeError
        If labels of one number each are not integers.

    >>> import pullback as pb
    >>> softmax_cross_entropy(pb.tensor([[0.0, 0.0]]), [1])
    Tensor(0.69314718)
    """
    x, t = shape_of(logits), shape_of(labels)
    if x == t:
        return _expected_surprise(logits, labels, reduction=reduction)
    if t == x[:-1] and x:
        labels = labels if hasattr(labels, "dtype") else np.asarray(labels)
        if labels.dtype.kind not in "iu":
            raise DTypeError(
                "cross_entropy: labels of one number each must be integers", got=labels.dtype, fix="labels.astype(int)"
            )
        if reduction not in REDUCTIONS:
            return reduce(logits, reduction)
        axis = (len(x) - 1,) if reduction == "none" else None
        return cross_entropy_(real(logits), labels, axis=axis, keepdims=False, mean=reduction == "mean")
    raise ShapeError(
        "cross_entropy: labels fit neither as integers nor as probabilities", logits=x, labels=t,
        fix=f"integers of shape {x[:-1]}, or probabilities of shape {x}",
    )  # fmt: skip


@of_reals
def _expected_surprise(logits: Any, labels: Any, reduction: str) -> Any:
    # What has probability 0 counts for nothing, however surprising it would be.
    return reduce(sum_over(ew.negative(strong_multiply(labels, log_softmax(logits))), -1), reduction)


cross_entropy = softmax_cross_entropy


explain_keywords(globals())
