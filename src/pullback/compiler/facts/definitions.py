"""Definitions of composites whose kernel cannot be recorded; their rows say why."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.ops.elementwise import gap
from pullback.ops.movement import pad_
from pullback.ops.products import matmul_


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


def roll(x: Any, shift: tuple[int, ...], axis: tuple[int, ...]) -> Any:
    """Along each axis two parts, of which one is read at each place."""
    for by, a in zip(shift, axis, strict=True):
        n = x.shape[a]
        first, head = by % n, (slice(None),) * a
        if first:
            ends = [[(0, 0)] * x.ndim, [(0, 0)] * x.ndim]
            ends[0][a], ends[1][a] = (0, n - first), (first, 0)
            low, high = x[(*head, slice(n - first, n))], x[(*head, slice(0, n - first))]
            there = (np.arange(n) < first).reshape((n, *(1,) * (x.ndim - a - 1)))
            x = np.where(there, pad_(low, width=tuple(ends[0])), pad_(high, width=tuple(ends[1])))
    return x


def argmax(x: Any, axis: int | None, keepdims: bool) -> Any:
    """The first place of the largest: the smallest of the places where x is that, or NaN if there is one."""
    return _place_of(x, axis, keepdims, lambda x, axis: x.max(axis, keepdims=True))


def argmin(x: Any, axis: int | None, keepdims: bool) -> Any:
    """The first place of the smallest."""
    return _place_of(x, axis, keepdims, lambda x, axis: x.min(axis, keepdims=True))


def _place_of(x: Any, axis: int | None, keepdims: bool, extremum: Callable[[Any, int], Any]) -> Any:
    if x.dtype.kind not in "fiub" or not x.ndim:
        return NotImplemented
    shape, row = x.shape, x.reshape((-1,)) if axis is None else x
    along = axis or 0
    found = row == extremum(row, along)
    found = found | (row != row) if x.dtype.kind == "f" else found
    places = np.arange(row.shape[along]).reshape((-1, *(1,) * (row.ndim - along - 1)))
    first = np.where(found, places, row.shape[along]).min(along)
    kept = tuple(1 if axis in (None, i) else n for i, n in enumerate(shape))
    return first.reshape(kept) if keepdims else first


def whole_power(a: Any, b: Any) -> Any:
    """Of whole numbers, whose products wrap around: squares, multiplied where the exponent has a bit.

    Exponents are at most 63, unless the base is -1, 0 or 1; for others, and negative ones, the function is called.
    """
    dtype = np.result_type(a, b)
    dtype = np.dtype(np.int8) if dtype.kind == "b" else dtype
    if dtype.kind not in "iu" or not (hasattr(a, "dtype") or hasattr(b, "dtype")):
        return NotImplemented
    if not hasattr(b, "dtype"):
        return _power(a.astype(dtype), int(b)) if b >= 0 else NotImplemented
    exponent = b.astype(dtype)
    risen = exponent >= 0
    if not hasattr(a, "dtype") and a in (-1, 2):
        if a == 2:
            return np.left_shift(np.ones((), dtype), exponent), risen.all()
        return np.where((exponent & 1) == 1, np.array(-1, dtype), np.array(1, dtype)), risen.all()
    base = a.astype(dtype) if hasattr(a, "dtype") else np.asarray(a, dtype)
    small = (base <= 1) if dtype.kind == "u" else (base <= 1) & (base >= -1)
    fits = (risen & (small | (exponent <= 63))).all()
    left = np.where(exponent <= 63, exponent, (exponent & 1) | 62)
    made = None
    for bit in range(6):
        factor = np.where((left >> bit) & 1 == 1, base, np.ones((), dtype))
        made = factor if made is None else made * factor
        base = base * base
    return made, fits


def _power(x: Any, n: int) -> Any:
    made = None
    while n:
        made = (x if made is None else made * x) if n & 1 else made
        n, x = n >> 1, x * x
    return x * 0 + 1 if made is None else made


def within(numbers: Any, low: int, high: int, name: str) -> Any:  # noqa: ARG001  # whose numbers they are, for the error
    """The numbers, and whether all are within bounds."""
    return numbers, ((numbers >= low) & (numbers <= high)).all()


def known_labels(labels: Any, classes: int, ignore: int | None) -> Any:
    """The labels, 0 for those that are ignored, and whether all others are classes."""
    known = (labels >= 0) & (labels < classes)
    if ignore is None:
        return labels, known.all()
    counted = labels != ignore
    return np.where(counted, labels, 0), (known | ~counted).all() & counted.any()


def written_labels(labels: Any, inputs: Any, lengths: Any, times: int, classes: int, blank: int) -> Any:
    """The labels, one that writes where there is none, and whether all of them and all lengths fit."""
    most = labels.shape[1]
    fit = ((lengths >= 0) & (lengths <= most)).all() & ((inputs >= 1) & (inputs <= times)).all()
    known = np.arange(most) < lengths[:, None]
    right = (labels >= 0) & (labels < classes) & (labels != blank)
    return np.where(known, labels, (blank + 1) % classes), fit & (right | ~known).all()


def matvec(a: Any, v: Any, ta: bool) -> Any:
    """The product of matrices of which the vector is one row, or one column."""
    if a.ndim == 1:
        return matmul_(a.reshape((1, -1)), v.reshape((-1, 1)), ta=False, tb=False).reshape(())
    if ta:
        return matmul_(v.reshape((1, -1)), a, ta=False, tb=False).reshape((-1,))
    return matmul_(a, v.reshape((-1, 1)), ta=False, tb=False).reshape((-1,))
