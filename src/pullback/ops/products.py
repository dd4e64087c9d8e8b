"""The products of matrices, and of a matrix with a vector, whose transposes are products again.

A matrix that is broadcast over a batch, as a weight is, makes one product of all rows of the batch, and so does its
gradient: a product for each would read the weight again each time, and leave gradients to be added up.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy import ndarray

from pullback.batching.rules import batched
from pullback.core.axes import dtype_of, ndim_of, shape_of
from pullback.core.errors import ShapeError
from pullback.core.kinds import BilinearMap
from pullback.core.precision import in_single

FEW: Final = (
    32  # rows of a matrix up to which a batch that does not lie in order is sooner copied than multiplied one by one
)


def _matmul(a: Any, b: Any, c: Any = None, *, ta: bool, tb: bool) -> Any:
    if ta:
        a = a.mT
    if tb:
        b = b.mT
    if b.ndim != 2:
        y = _stacked(a, b)
    elif a.ndim == 2:
        # `dot` gives the same numbers as `matmul` by a shorter way to BLAS, which takes its time for outer products.
        y = a * b if len(b) == 1 and a.shape[1] == 1 else a.dot(b)
    elif a.shape[-1] == b.shape[0] and (a.flags.c_contiguous or a.shape[-2] <= FEW):
        y = _rows(a).dot(b).reshape((*a.shape[:-1], b.shape[1]))
    else:
        y = np.matmul(a, b)
    if y.itemsize == 2 and y.dtype.char == "e":
        return _matmul_of_halves(a, b, c, ta=False, tb=False)
    if c is None:
        return y
    if c.dtype == y.dtype and (c.ndim <= 1 or c.shape == y.shape):
        y += c  # the product is ours: nothing is allocated for the sum
        return y
    return y + c


def _stacked(a: Any, b: Any) -> Any:
    """Products of stacks of matrices; of columns with rows as what they are, and one matrix that is repeated once."""
    if a.shape[-1] == b.shape[-2] == 1:  # BLAS would be called for each
        return (b.mT * a.mT).mT if a.shape[-2] > b.shape[-1] else a * b
    if a.ndim == b.ndim == 3 and a.shape[0] == b.shape[0] > 1 and b.strides[0] == 0 and a.flags.c_contiguous:
        return _rows(a).dot(b[0]).reshape((*a.shape[:-1], b.shape[2]))
    return np.matmul(a, b)


_matmul_of_halves = in_single(_matmul)


def _rows(x: Any) -> Any:
    """A batch of matrices as one matrix of all their rows."""
    return x.reshape((math.prod(x.shape[:-1]), x.shape[-1]))


def _times(a: Any, b: Any, *, ta: bool, tb: bool) -> Any:
    """The product inside a rule; of arrays by the kernel itself, for `bind` takes as long as a small product."""
    if type(a) is ndarray and type(b) is ndarray:
        return _matmul(a, b, ta=ta, tb=tb)
    return matmul_.bind(a, b, ta=ta, tb=tb)


def _matmul_left(ct: Any, b: Any, own: Any, ta: bool, tb: bool) -> Any:
    if ct.ndim > 2 and _shared(own, ct):
        x, y = ct.mT, b if tb else b.mT
        if _worth_gathering(x, y):
            return _gathered(*(y, x) if ta else (x, y), own)
    return _times(b, ct, ta=tb, tb=True) if ta else _times(ct, b, ta=False, tb=not tb)


def _matmul_right(ct: Any, a: Any, own: Any, ta: bool, tb: bool) -> Any:
    if ct.ndim > 2 and _shared(own, ct):
        x, y = a.mT if ta else a, ct
        if _worth_gathering(x, y):
            return _gathered(*(y, x) if tb else (x, y), own)
    if tb and getattr(own, "fortran", False):
        return _times(a, ct, ta=not ta, tb=False).mT  # laid out in memory as the operand is
    return _times(ct, a, ta=True, tb=ta) if tb else _times(a, ct, ta=not ta, tb=False)


def _shared(own: Any, ct: Any) -> bool:
    """Whether an operand is one matrix that all products of a batch have in common."""
    return math.prod(own.shape[:-2]) == 1 < math.prod(ct.shape[:-2])


def _worth_gathering(x: Any, y: Any) -> bool:
    """Whether x and y lie in order, or to copy them is less than to write and add up the products of a batch."""
    (n, k), m = x.shape[-2:], y.shape[-1]
    return n * (k + m) <= k * m or all(getattr(z, "array", z).flags.c_contiguous for z in (x, y))


def _gathered(x: Any, y: Any, own: Any) -> Any:
    """The sum of xᵀ·y over a batch, as one product over all rows; laid out in memory as `own` is."""
    x, y = _rows(x), _rows(y)
    product = _times(y, x, ta=True, tb=False).mT if getattr(own, "fortran", False) else _times(x, y, ta=True, tb=False)
    return product if product.ndim == len(own.shape) else product.reshape(own.shape)


def explain_matmul(a: Any, b: Any, c: Any = None) -> ShapeError:
    """What is wrong with the operands of a product, plus c."""
    if 0 in (ndim_of(a), ndim_of(b)):
        return ShapeError("matmul: a number has no axes to contract", left=shape_of(a), right=shape_of(b), fix="a * b")
    if b.ndim == 1:
        fix = "the last axis of the left must be as long as the right"
    elif a.shape[-1] == b.shape[-1]:
        fix = "transpose the right operand: x @ w.T" if b.ndim == 2 else "x @ w.mT"
    elif a.shape[-2:-1] == b.shape[-2:-1]:
        fix = "transpose the left operand: x.T @ w"
    else:
        fix = "the last axis of the left must be as long as the last but one of the right"
    inner = b.shape[-2] if b.ndim > 1 else b.shape[-1]
    if c is not None:
        return ShapeError(
            "linear: the shapes do not fit",
            x=a.shape,
            weight=b.shape,
            bias=shape_of(c),
            fix="x (..., in), weight (out, in), bias (out,)",
        )
    what = "inner dimensions differ" if a.shape[-1] != inner else "batch dimensions do not broadcast"
    return ShapeError(f"matmul: {what}", left=a.shape, right=b.shape, fix=fix if "inner" in what else None)


matmul_ = BilinearMap(
    "matmul", _matmul, _matmul_left, _matmul_right, explain=explain_matmul, batching=batched("matmul"),
    doc="Products of matrices in the last two axes, of the transposes where `ta`, `tb` say so.",
)  # fmt: skip


# Of a matrix, or of another vector, with a vector: one node, where a product of matrices would need three.


@in_single
def _matvec(a: Any, v: Any, *, ta: bool) -> Any:
    return (a.mT if ta else a).dot(v)


def _matvec_left(ct: Any, v: Any, own: Any, ta: bool) -> Any:
    if len(own.shape) == 1:
        return ct * v
    column, row = (v, ct) if ta else (ct, v)
    return _times(column.reshape((-1, 1)), row.reshape((1, -1)), ta=False, tb=False)


def _matvec_right(ct: Any, a: Any, _own: Any, ta: bool) -> Any:
    return ct * a if a.ndim == 1 else matvec_.bind(a, ct, ta=not ta)


def _matvecs(primitive: Any, level: Any, operands: list[Any], batched: list[bool], params: dict[str, Any]) -> Any:
    """The rule of `vmap`: many vectors with one matrix are one product of matrices."""
    (a, v), ta = operands, params["ta"]
    if not batched[0]:
        if ndim_of(a) == 1:
            return primitive(v, a, ta=False)
        if level.units is not None and getattr(v, "array", v) is level.units and v.dtype == dtype_of(a):
            return a if ta else a.mT
        return _times(v, a, ta=False, tb=not ta)
    if a.ndim == 2:
        if not batched[1]:
            return primitive(a, v, ta=False)
        a = a.reshape((a.shape[0], 1, a.shape[1]))
    y = _times(a, v.reshape((*v.shape, 1)), ta=ta, tb=False)
    return y.reshape(y.shape[:1] if operands[0].ndim == 2 else y.shape[:-1])


matvec_ = BilinearMap(
    "matvec", _matvec, _matvec_left, _matvec_right, explain=explain_matmul, batching=_matvecs,
    doc="The product of a matrix, or of its transpose where `ta` says so, or of a vector, with a vector.",
)  # fmt: skip
