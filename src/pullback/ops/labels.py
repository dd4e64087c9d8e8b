"""Labels, checked as they come: what is no class is an error of the step that it came to, compiled too."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.batching.rules import as_it_is, spread
from pullback.core.arrays import copied
from pullback.core.errors import ShapeError
from pullback.core.kinds import LinearMap


def _known(labels: Any, classes: int, ignore: int | None) -> Any:
    counted = labels if ignore is None else labels[labels != ignore]
    if labels.size and not counted.size:
        raise ShapeError(
            "cross_entropy: all labels are ignored", ignore_index=ignore, labels=labels.shape,
            fix="leave such a batch out: a mean of nothing has no value",
        )  # fmt: skip
    if counted.size and not (counted.min() >= 0 and counted.max() < classes):
        raise ShapeError(
            "cross_entropy: a label is not a class", classes=classes, smallest=counted.min(), largest=counted.max()
        )
    return copied(labels) if ignore is None else np.where(labels == ignore, 0, labels)


def _written(labels: Any, inputs: Any, lengths: Any, times: int, classes: int, blank: int) -> Any:
    """Labels (N, S), with a label that writes in place of what is behind the end of a sequence."""
    most = labels.shape[1]
    if lengths.size and not (
        lengths.min() >= 0 and lengths.max() <= most and inputs.min() >= 1 and inputs.max() <= times
    ):
        raise ShapeError(
            "ctc_loss: a length does not fit", input_lengths=inputs, times=times, target_lengths=lengths, labels=most
        )
    known = np.arange(most) < lengths[:, None]
    wrong = ((labels < 0) | (labels >= classes) | (labels == blank)) & known
    if wrong.any():
        raise ShapeError(
            "ctc_loss: a label is not a class that writes", got=labels[wrong][0],
            expected=f"0 to {classes - 1}, and not {blank}",
        )  # fmt: skip
    return np.where(known, labels, (blank + 1) % classes)


def _within(numbers: Any, low: int, high: int, name: str) -> Any:
    if numbers.size and not (numbers.min() >= low and numbers.max() <= high):
        raise ShapeError(
            f"{name}: a number does not fit", smallest=numbers.min(), largest=numbers.max(), expected=f"{low} to {high}"
        )
    return copied(numbers)  # one of its own: a program takes what is given back for the operand


def _written_of_all(
    primitive: Any, level: Any, operands: list[Any], batched: list[bool], params: dict[str, Any]
) -> Any:
    """Sequences of all examples, as one batch of them."""
    labels, *lengths = (spread(x, b, level) for x, b in zip(operands, batched, strict=True))
    merged = [x.reshape((-1, *x.shape[2:])) for x in (labels, *lengths)]
    return primitive(*merged, **params).reshape(labels.shape)


within_: LinearMap = LinearMap(
    "within", _within, None, batching=as_it_is, doc="Numbers, once all are found to lie within bounds."
)
known_labels_: LinearMap = LinearMap(
    "known_labels",
    _known,
    None,
    batching=as_it_is,
    doc="The labels, once all are found to be classes; ignored ones are 0.",
)
written_labels_: LinearMap = LinearMap(
    "written_labels",
    _written,
    None,
    None,
    None,
    batching=_written_of_all,
    doc="The labels of sequences, once they are found to fit.",
)
