"""Matrices that are made of less: of blocks, or of a row and a column."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.errors import ShapeError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray, zeros
from pullback.ops import contractions, indexing
from pullback.ops.movement import astype, concatenate
from pullback.tensors import Tensor


def block_diag(*arrs: Any) -> Tensor:
    """Matrices along a diagonal, and 0 beside them; a vector is a matrix of one row.

    >>> block_diag(np.ones((1, 2)), np.array([[2.0]]))
    Tensor([[1., 1., 0.],
            [0., 0., 2.]])
    """
    blocks = [asarray(x) for x in arrs] or [zeros((1, 0))]
    blocks = [x.reshape((1, -1)) if x.ndim < 2 else x for x in blocks]
    if any(x.ndim != 2 for x in blocks):
        raise ShapeError("block_diag: a block is a matrix", got=[x.shape for x in blocks])
    width = sum(x.shape[1] for x in blocks)
    rows, left = [], 0
    for block in blocks:
        right = width - left - block.shape[1]
        rows.append(np.pad(block, ((0, 0), (left, right))))
        left += block.shape[1]
    return concatenate(rows)


def toeplitz(c: Any, r: Any = None) -> Tensor:
    """The matrices with first column c (..., m) and first row r (..., n), the same along each diagonal.

    Without a row it is symmetric. The first element of the row is not read.

    >>> toeplitz(np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0]))
    Tensor([[1., 4.],
            [2., 1.],
            [3., 2.]])
    """
    c = asarray(c)
    c = c.reshape((1,)) if c.ndim == 0 else c
    r = np.conj(c) if r is None else asarray(r)
    r = r.reshape((1,)) if r.ndim == 0 else r
    rows, columns = c.shape[-1], r.shape[-1]
    values = concatenate([r[..., :0:-1], c], axis=-1)
    return values[..., columns - 1 + np.arange(rows)[:, None] - np.arange(columns)]


def circulant(c: Any) -> Tensor:
    """The square matrices with first column c (..., n), each column turned on from the one before.

    >>> circulant(np.array([1.0, 2.0, 3.0]))
    Tensor([[1., 3., 2.],
            [2., 1., 3.],
            [3., 2., 1.]])
    """
    c = asarray(c)
    places = np.arange(c.shape[-1])
    return c[..., (places[:, None] - places) % c.shape[-1]]


def diagonal(x: Any, /, *, offset: int = 0) -> Tensor:
    """The diagonals of matrices (..., m, n).

    >>> diagonal(np.array([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([1., 4.])
    """
    return indexing.diagonal(x, offset, -2, -1)


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """The sums of the diagonals of matrices (..., m, n), added up in a dtype.

    >>> trace(np.array([[1.0, 2.0], [3.0, 4.0]]))
    Tensor(5.)
    """
    return contractions.trace(x if dtype is None else astype(x, dtype), offset, -2, -1)


explain_keywords(globals())
