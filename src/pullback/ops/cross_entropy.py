"""The cross-entropy of softmax as one reduction, whose derivative softmax(x) − y falls off on the way."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy import ndarray

from pullback.batching.rules import batched
from pullback.core.arrays import HELD
from pullback.core.axes import dropped_shape, kept_shape
from pullback.core.errors import ShapeError
from pullback.core.kinds import Reduction
from pullback.core.precision import in_single
from pullback.ops import elementwise as ew
from pullback.ops import kernels
from pullback.ops.weights import greatest

FEW_CLASSES: Final = 64  # up to which turning logits around costs less than short inner loops


def _cross_entropy(x: Any, labels: Any, axis: tuple[int, ...] | None, keepdims: bool, mean: bool) -> Any:
    """The losses and, from what is at hand, their derivative: softmax(x) − y."""
    if x.itemsize == 2:
        return _of_halves(x, labels, axis, keepdims, mean)
    flat = labels.reshape(-1)
    count, classes = flat.size, x.shape[-1]
    rows = x.reshape(count, classes)
    # Few classes lie one after the other in memory, so that NumPy's inner loops run over the many samples.
    few = classes <= FEW_CLASSES and classes <= count
    columns = rows.T.copy() if few else np.ascontiguousarray(rows, like=rows).T
    try:
        place = np.ravel_multi_index((flat, np.arange(count, like=rows)), columns.shape, order="C" if few else "F")
    except ValueError:
        raise _not_a_class(flat, classes) from None
    if type(flat) is not ndarray and ((flat < 0) | (flat >= classes)).any():  # in CuPy places wrap around
        raise _not_a_class(flat, classes)
    largest = greatest(columns, 0)
    finite = type(largest) is ndarray and math.isfinite(abs(largest.dot(largest)))  # as nearly always
    shifted = columns - largest if finite else kernels.gap(columns, largest)
    weight = np.exp(shifted)
    total = np.add.reduce(weight, axis=0)
    losses = np.log(total) - shifted.ravel("K")[place]
    weight /= total
    weight.ravel("K")[place] -= 1
    if axis is None:
        if mean:
            losses = np.add.reduce(losses) / count
            weight /= count
        else:
            losses = np.add.reduce(losses)
        if not keepdims:
            return losses, weight.T.reshape(x.shape)
    losses = losses.reshape(kept_shape(x.shape, axis) if keepdims else dropped_shape(x.shape, axis))
    return losses, weight.T.reshape(x.shape)


def _not_a_class(labels: Any, classes: int) -> ShapeError:
    smallest, largest = labels.min().item(), labels.max().item()
    return ShapeError(
        "cross_entropy: a label is not a class", classes=classes, smallest=smallest, largest=largest,
        fix="ignore_index=-100, to leave such labels out" if smallest == -100 else None,
    )  # fmt: skip


_of_halves = in_single(_cross_entropy)


def _softmax_minus(x: Any, labels: Any, *, mean: bool, **_: Any) -> Any:
    """softmax(x) − y: the derivative of the cross-entropy, stable where those of its parts are not."""
    e = np.exp(ew.gap.bind(x, greatest(x, -1, keepdims=True)))
    classes = np.arange(x.shape[-1], like=x) if type(x) in HELD else np.arange(x.shape[-1])
    weight = e / np.add.reduce(e, axis=-1, keepdims=True) - (labels[..., None] == classes)
    return weight / (math.prod(labels.shape) or 1) if mean else weight


cross_entropy_ = Reduction(
    "softmax_cross_entropy", _cross_entropy, None, residual=_softmax_minus, batching=batched("cross_entropy"),
    doc="−log softmax(x) at the label; its derivative is softmax(x), less 1 at the label.",
)  # fmt: skip
