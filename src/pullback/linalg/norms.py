"""Norms of vectors and matrices, the condition of a matrix, and its rank."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pullback.core.axes import normalize_axes
from pullback.core.errors import OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.linalg.factorizations import svdvals
from pullback.linalg.systems import inv
from pullback.ops import reductions
from pullback.ops.discrete import BY_ELEMENT, answer
from pullback.ops.linalg.matrices import as_numbers
from pullback.ops.movement import expand_dims
from pullback.tensors import Tensor


def norm(x: Any, ord: Any = None, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """The norm of vectors or matrices, of any order that NumPy knows.

    Along one axis, or of a vector: (Σ |x|ᵖ)^(1/p), the largest and the smallest |x| for ±∞, how many are not 0 for 0.
    Over two axes, or of a matrix: "fro", "nuc", ±1, ±2, ±∞. Without an order the root of the sum of squares.

    The derivative of a 2-norm is 0 at 0; equal largest values share it.

    >>> norm(np.array([[3.0, 0.0], [0.0, 4.0]]), "nuc")
    Tensor(7.)
    """
    x = asarray(x)
    if axis is None:
        if ord is None:
            return reductions.norm(x, None, None, keepdims)
        axes: Any = tuple(range(x.ndim))
    else:
        axes = normalize_axes(axis, x.ndim, "norm")
    if len(axes) == 1:
        return reductions.norm(x, ord, axes[0], keepdims)
    if len(axes) != 2:
        raise OptionError(
            "norm: an order is for vectors and matrices", ord=ord, shape=x.shape, axis=axis, fix="one axis, or two"
        )
    moved = np.moveaxis(x, axes, (-2, -1))
    found = matrix_norm(moved, ord="fro" if ord is None else ord)
    return expand_dims(found, tuple(sorted(axes))) if keepdims else found


def vector_norm(x: Any, /, *, axis: int | Sequence[int] | None = None, keepdims: bool = False, ord: Any = 2) -> Tensor:
    """The vector norm (Σ |x|ᵖ)^(1/p) over one axis, several, or all.

    >>> vector_norm(np.array([[3.0, 4.0], [0.0, 0.0]]))
    Tensor(5.)
    """
    x = asarray(x)
    axes = tuple(range(x.ndim)) if axis is None else normalize_axes(axis, x.ndim, "vector_norm") or ()
    rest = tuple(i for i in range(x.ndim) if i not in axes)
    flat = np.transpose(x, (*rest, *axes)).reshape((*(x.shape[i] for i in rest), math.prod(x.shape[i] for i in axes)))
    found = reductions.norm(flat, ord, -1)
    return expand_dims(found, tuple(sorted(axes))) if keepdims and axes else found


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """The norm of matrices (..., m, n): "fro", "nuc" (the sum of singular values), ±1, ±2 or ±∞.

    >>> matrix_norm(np.array([[1.0, -2.0], [3.0, 4.0]]), ord=np.inf)
    Tensor(7.)
    """
    x = asarray(x)
    if x.dtype.kind in "iub":
        x = x.astype(float)
    if ord in ("fro", "f", None):
        return reductions.norm(x, None, (-2, -1), keepdims)
    if ord == "nuc":
        found = svdvals(x).sum(axis=-1)
    elif ord in (2, -2):
        found = _most(svdvals(x), ord > 0)
    elif ord in (1, -1, math.inf, -math.inf):
        found = _most(np.abs(x).sum(axis=-2 if abs(ord) == 1 else -1), ord > 0)
    else:
        raise OptionError("norm: a matrix has no norm of this order", got=ord, fix='"fro", "nuc", ±1, ±2 or ±inf')
    return found[..., None, None] if keepdims else found


def _most(values: Any, largest: bool) -> Any:
    if largest and not values.shape[-1]:
        return values.sum(axis=-1)  # of nothing 0, as NumPy has it
    return values.max(axis=-1) if largest else values.min(axis=-1)


def cond(x: Any, p: Any = None) -> Tensor:
    """The condition of matrices (..., n, n): |x|·|x⁻¹| in a norm, of None and 2 the ratio of singular values.

    >>> cond(np.array([[3.0, 0.0], [0.0, 4.0]])).item().__round__(12)
    1.333333333333
    """
    x = asarray(x)
    if p is None or p in (2, -2):
        s = svdvals(x)
        if not s.shape[-1]:
            raise ShapeError("cond: a matrix of nothing has no condition", got=x.shape)
        least, most = s[..., -1], s[..., 0]
        if p == -2:
            return asarray(least / np.where(most == 0, np.inf, most))
        with np.errstate(divide="ignore"):  # of a singular matrix it is infinite, of one of zeros too
            return asarray(np.where(most == 0, most.dtype.type(1), most) / least)
    return matrix_norm(x, ord=p) * matrix_norm(inv(x), ord=p)


def _rank(a: Any, **how: Any) -> Any:
    return np.linalg.matrix_rank(as_numbers("matrix_rank", a), **how)


BY_ELEMENT.add(_rank)  # of a stack it gives a stack


def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Tensor:
    """How many singular values of matrices (..., m, n) are not 0: an integer, which has no derivative.

    >>> matrix_rank(np.ones((3, 3)))
    Tensor(1)
    """
    return answer(_rank, asarray(A), tol=tol, hermitian=hermitian, rtol=rtol)


explain_keywords(globals())
