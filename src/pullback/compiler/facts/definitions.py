"""Definitions of composites whose kernel cannot be recorded; their rows say why."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pullback.ops.elementwise import gap


def cross_entropy(x: Any, labels: Any, axis: Any, keepdims: bool, mean: bool) -> Any:
    """−log softmax(x) at the labels, and whether all labels are classes."""
    shifted = gap(x, x.max(-1, keepdims=True))
    total = np.log(np.exp(shifted).sum(-1))
    classes = x.shape[-1]
    picked = np.where(labels[..., None] == np.arange(classes), shifted, 0).sum(-1)
    known = (labels >= 0) & (labels < classes)
    losses = total - picked
    if axis is None:
        losses = losses.sum()
        losses = losses / (math.prod(labels.shape) or 1) if mean else losses
    elif keepdims:
        losses = losses[..., None]
    return losses, known.all()  # NumPy's kernel complains of a label that is no class


def einsum(a: Any, b: Any, left: str, right: str, out: str) -> Any:
    """A product of matrices: labels that all have are batches, those of both operands alone are summed."""
    a, left = _summed(a, left, right + out)
    b, right = _summed(b, right, left + out)
    batch = [x for x in left if x in right and x in out]
    inner = [x for x in left if x in right and x not in out]
    rows, columns = [x for x in left if x not in right], [x for x in right if x not in left]
    sizes = dict(zip(left + right, a.shape + b.shape, strict=True))

    def matrix(x: Any, labels: str, *parts: list[str]) -> Any:
        order = [label for part in (batch, *parts) for label in part]
        x = x.transpose(tuple(labels.index(label) for label in order))
        shape = [sizes[label] for label in batch] + [math.prod(sizes[label] for label in part) for part in parts]
        return x.reshape(tuple(shape))

    product = matrix(a, left, rows, inner) @ matrix(b, right, inner, columns)
    made = [*batch, *rows, *columns]
    return product.reshape(tuple(sizes[label] for label in made)).transpose(tuple(made.index(label) for label in out))


def _summed(x: Any, labels: str, needed: str) -> tuple[Any, str]:
    """An operand without the axes that nothing else has."""
    gone = tuple(i for i, label in enumerate(labels) if label not in needed)
    return (x.sum(gone) if gone else x), "".join(label for label in labels if label in needed)
