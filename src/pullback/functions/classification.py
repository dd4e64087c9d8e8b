"""Losses of classes: the cross-entropy of logits, and of logarithms of probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pullback.core.axes import dtype_of, normalize_axis, shape_of
from pullback.core.errors import DTypeError, OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.core.kinds import strong_multiply
from pullback.core.numbers import checked_number
from pullback.core.precision import of_numbers, real
from pullback.functions.activations import log_softmax
from pullback.functions.creation import asarray
from pullback.functions.losses import check_reduction, counted, reduce
from pullback.ops import elementwise as ew
from pullback.ops.cross_entropy import cross_entropy_
from pullback.ops.labels import known_labels_
from pullback.ops.movement import expand_dims, moveaxis
from pullback.ops.reductions import sum as sum_over

if TYPE_CHECKING:
    from pullback.tensors import Tensor


def softmax_cross_entropy(
    logits: Any, labels: Any, reduction: str = "mean", *, axis: int | None = None, weight: Any = None,
    ignore_index: int | None = None, label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """−Σ yⱼ·log softmax(x)ⱼ over the classes; its derivative is softmax(x) − y.

    Parameters
    ----------
    logits : (..., classes), or (N, classes, ...)
        Any numbers.
    labels : integers of the logits' shape without the classes, or probabilities of the logits' shape
        The true classes.
    reduction : {"mean", "sum", "none"}
        Over all but the classes. The mean of labels counts each as much as its class weighs.
    axis : int, optional
        Where the classes lie. Else on the last axis, or on axis 1 where the labels fit that alone.
    weight : array-like, (classes,), optional
        What each class weighs.
    ignore_index : int, optional
        A label that counts for nothing; PyTorch has -100.
    label_smoothing : float
        In [0, 1]: how much of each label is spread over all classes (Szegedy et al. 2016).

    Raises
    ------
    ShapeError
        If the shapes do not fit, or fit in two ways and no axis is given; if a label is not below the number of
        classes, or all are ignored.
    DTypeError
        If labels of one number each are not integers.

    >>> import pullback as pb
    >>> softmax_cross_entropy(pb.tensor([[0.0, 0.0]]), [1])
    Tensor(0.69314718)
    """
    x, t = shape_of(logits), shape_of(labels)
    usual = axis is None and len(x) == 2 and t == x[:1]  # as nearly always
    place = 1 if usual else _place_of_classes("cross_entropy", x, t, axis)
    if x == t:
        if ignore_index is not None:
            raise OptionError("cross_entropy: probabilities have no label to ignore", ignore_index=ignore_index)
        if place != len(x) - 1:
            logits, labels = moveaxis(logits, place, -1), moveaxis(labels, place, -1)
        weights = _weights(weight, x[place])
        labels = counted(labels, logits)
        return _expected_surprise(logits, labels, reduction=reduction, weight=weights, smoothing=label_smoothing)
    if place != len(x) - 1:
        logits = moveaxis(logits, place, -1)
    labels = _integers("cross_entropy", labels)
    check_reduction(reduction)
    if weight is None and ignore_index is None and not label_smoothing:
        over = (len(x) - 1,) if reduction == "none" else None
        if getattr(logits, "node", None) is None:  # what is tracked is no integer
            logits = real(logits)
        return cross_entropy_(logits, labels, axis=over, keepdims=False, mean=reduction == "mean")
    smoothing = checked_number("cross_entropy", "label_smoothing", label_smoothing, 0, 1)
    return _of_labels(log_softmax(logits), labels, reduction, weight, ignore_index, smoothing)


cross_entropy = softmax_cross_entropy


def nll_loss(
    log_probabilities: Any, labels: Any, reduction: str = "mean", *, axis: int | None = None, weight: Any = None,
    ignore_index: int | None = None,
) -> Tensor:  # fmt: skip
    """−log p at the labels; of logits take `cross_entropy`, whose parameters these are.

    >>> import pullback as pb
    >>> nll_loss(pb.log_softmax(pb.tensor([[0.0, 0.0]])), [1])
    Tensor(0.69314718)
    """
    x, t = shape_of(log_probabilities), shape_of(labels)
    if x == t:
        raise ShapeError("nll_loss: labels are integers, one for each sample", log_probabilities=x, labels=t)
    place = _place_of_classes("nll_loss", x, t, axis)
    moved = log_probabilities if place == len(x) - 1 else moveaxis(log_probabilities, place, -1)
    check_reduction(reduction)
    return _of_labels(asarray(moved), _integers("nll_loss", labels), reduction, weight, ignore_index, 0.0)


def _place_of_classes(name: str, x: tuple[int, ...], t: tuple[int, ...], axis: int | None) -> int:
    """The axis of the classes."""
    if not x:
        raise ShapeError(f"{name}: logits have an axis of classes", logits=x, labels=t)
    last, second = len(x) - 1, min(1, len(x) - 1)
    if axis is not None:
        place = normalize_axis(axis, len(x), name)
        if t not in (x, x[:place] + x[place + 1 :]):
            raise ShapeError(
                f"{name}: labels fit neither as integers nor as probabilities", logits=x, labels=t, axis=axis,
                fix=f"integers of shape {x[:place] + x[place + 1 :]}, or probabilities of shape {x}",
            )  # fmt: skip
        return place
    fits = [place for place in dict.fromkeys((last, second)) if t in (x, x[:place] + x[place + 1 :])]
    if not fits:
        raise ShapeError(
            f"{name}: labels fit neither as integers nor as probabilities", logits=x, labels=t,
            fix=f"integers of shape {x[:-1]}, or probabilities of shape {x}",
        )  # fmt: skip
    if len(fits) > 1:
        raise ShapeError(
            f"{name}: the classes may lie on the last axis or on axis 1", logits=x, labels=t, fix="axis=-1, or axis=1"
        )
    return fits[0]


def _integers(name: str, labels: Any) -> Any:
    labels = labels if hasattr(labels, "dtype") else np.asarray(labels)
    if labels.dtype.kind not in "iu":
        raise DTypeError(
            f"{name}: labels of one number each must be integers", got=labels.dtype, fix="labels.astype(int)"
        )
    return labels


def _weights(weight: Any, classes: int) -> Any:
    if weight is not None and shape_of(weight) != (classes,):
        raise ShapeError("cross_entropy: a weight for each class", expected=(classes,), got=shape_of(weight))
    if weight is not None and dtype_of(weight).kind == "c":
        raise DTypeError("cross_entropy: weights are real numbers", got=dtype_of(weight))
    return weight if weight is None else asarray(weight)


def _of_labels(logs: Any, labels: Any, reduction: str, weight: Any, ignore: int | None, smoothing: float) -> Any:
    classes = shape_of(logs)[-1]
    known = known_labels_(asarray(labels), classes=classes, ignore=ignore)
    weights = _weights(weight, classes)
    here = ew.equal(expand_dims(known, -1), np.arange(classes))
    counted: Any = np.ones((), logs.dtype) if ignore is None else ew.not_equal(labels, ignore).astype(logs.dtype)
    if weights is not None:
        counted = counted * sum_over(ew.where(here, weights.astype(logs.dtype), 0), -1)
    losses = ew.negative(strong_multiply(sum_over(ew.where(here, logs, 0), -1), counted))
    if smoothing:
        spread = logs if weights is None else strong_multiply(weights.astype(logs.dtype), logs)
        share = ew.negative(sum_over(spread, -1))
        share = share if ignore is None else ew.where(ew.not_equal(labels, ignore), share, 0)
        losses = (1 - smoothing) * losses + (smoothing / classes) * share
    if reduction != "mean" or (weights is None and ignore is None):
        return reduce(losses, reduction)
    return sum_over(losses) / sum_over(counted)


@of_numbers
def _expected_surprise(logits: Any, labels: Any, reduction: str, weight: Any, smoothing: float) -> Any:
    # What has probability 0 counts for nothing, however surprising it would be.
    if smoothing:
        labels = labels * (1 - smoothing) + smoothing / shape_of(logits)[-1]
    if weight is not None:
        labels = labels * weight.astype(logits.dtype)
    return reduce(sum_over(ew.negative(strong_multiply(labels, log_softmax(logits))), -1), reduction)


explain_keywords(globals())
