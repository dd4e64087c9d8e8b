"""Losses of one number each: how far predictions are from targets, and what becomes of the losses of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pullback.core.axes import dtype_of
from pullback.core.errors import OptionError
from pullback.core.habits import explain_keywords
from pullback.core.lints import check_loss
from pullback.core.precision import of_numbers
from pullback.functions.creation import asarray
from pullback.ops import elementwise as ew
from pullback.ops.reductions import mean
from pullback.ops.reductions import sum as sum_over

if TYPE_CHECKING:
    from pullback.tensors import Tensor

_REDUCTIONS: Final = ("mean", "sum", "none")


def check_reduction(reduction: Any) -> None:
    """Raise OptionError unless the reduction is known."""
    if not isinstance(reduction, str) or reduction not in _REDUCTIONS:
        fix = '"mean", "sum" or "none"'
        if not isinstance(reduction, str):  # PyTorch's functions have a weight or a number in this place
            fix = "weight=" if hasattr(reduction, "shape") else f"{fix}; settings have names, as margin="
        got = f"an array of shape {reduction.shape}" if hasattr(reduction, "shape") else repr(reduction)
        raise OptionError("loss: unknown reduction", reduction=got, fix=fix)


def reduce(losses: Any, reduction: str) -> Any:
    """The mean or the sum of losses, or the losses themselves."""
    check_reduction(reduction)
    if reduction == "none":
        return losses
    return mean(losses) if reduction == "mean" else sum_over(losses)


def counted(values: Any, prediction: Any) -> Any:
    """Whole numbers and truths in the dtype of a float32 prediction, which they would take to float64; others as given.

    >>> counted(np.array([1, 0]), np.zeros(2, np.float32)).dtype
    dtype('float32')
    """
    kind = getattr(getattr(values, "dtype", None), "kind", "f")
    return values.astype(np.float32) if kind in "iub" and dtype_of(prediction).char == "f" else values


def _weighted(losses: Any, weight: Any) -> Any:
    """The losses times a weight, in their own dtype."""
    return losses if weight is None else ew.multiply(losses, asarray(weight).astype(losses.dtype))


def mse_loss(prediction: Any, target: Any, reduction: str = "mean") -> Tensor:
    """(prediction − target)².

    >>> import pullback as pb
    >>> mse_loss(pb.tensor([1.0, 3.0]), pb.tensor([1.0, 1.0]))
    Tensor(2.)
    """
    check_loss("mse_loss", prediction, target)
    return _squared_error(prediction, counted(target, prediction), reduction=reduction)


@of_numbers
def _squared_error(prediction: Any, target: Any, reduction: str) -> Any:
    return reduce(ew.square(ew.subtract(prediction, target)), reduction)


def l1_loss(prediction: Any, target: Any, reduction: str = "mean") -> Tensor:
    """|prediction − target|.

    >>> import pullback as pb
    >>> l1_loss(pb.tensor([1.0, 3.0]), pb.tensor([1.0, 1.0]))
    Tensor(1.)
    """
    check_loss("l1_loss", prediction, target)
    return _absolute_error(prediction, counted(target, prediction), reduction=reduction)


@of_numbers
def _absolute_error(prediction: Any, target: Any, reduction: str) -> Any:
    return reduce(ew.absolute(ew.subtract(prediction, target)), reduction)


def binary_cross_entropy(
    probability: Any, target: Any, reduction: str = "mean", *, weight: Any = None
) -> Tensor:  # fmt: skip
    """−(t·log p + (1 − t)·log(1 − p)) for probabilities p, with 0·log 0 = 0; times `weight`, which broadcasts.

    Logarithms are limited to ≥ −100 and the derivative's denominator p·(1 − p) to ≥ 1e-12, as PyTorch does, so that a
    saturated prediction neither ends the training nor stops learning.

    >>> import pullback as pb
    >>> binary_cross_entropy(pb.tensor([0.5, 1.0]), pb.tensor([1.0, 1.0]))
    Tensor(0.34657359)
    """
    check_loss("binary_cross_entropy", probability, target)
    losses = ew.binary_cross_entropy(probability, counted(target, probability))
    return reduce(_weighted(losses, weight), reduction)


def binary_cross_entropy_with_logits(
    logits: Any, target: Any, reduction: str = "mean", *, weight: Any = None, pos_weight: Any = None
) -> Tensor:  # fmt: skip
    """max(x, 0) − x·t + log(1 + e^−|x|): the binary cross-entropy of sigmoid(x), stable for any x.

    Parameters
    ----------
    logits, target : array-like
        Any numbers; and numbers in [0, 1].
    reduction : {"mean", "sum", "none"}
        Over all elements.
    weight : array-like, optional
        What each loss is multiplied with; it broadcasts.
    pos_weight : array-like, optional
        What the part of positive targets is multiplied with: (1 − t)·x + (1 + (w − 1)·t)·log(1 + e⁻ˣ).

    >>> import pullback as pb
    >>> binary_cross_entropy_with_logits(pb.tensor([0.0]), pb.tensor([1.0]))
    Tensor(0.69314718)
    """
    check_loss("binary_cross_entropy_with_logits", logits, target)
    target = counted(target, logits)
    if pos_weight is None:
        losses = ew.logits_cross_entropy(logits, target)
    else:
        losses = _weighted_positives(logits, target, pos_weight)
    return reduce(_weighted(losses, weight), reduction)


@of_numbers
def _weighted_positives(x: Any, t: Any, w: Any) -> Any:
    w = asarray(w).astype(np.result_type(dtype_of(x), dtype_of(t)))
    return (1 - t) * x + (1 + (w - 1) * t) * ew.softplus(ew.negative(x))


explain_keywords(globals())
