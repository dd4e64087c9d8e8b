"""Attention: for each query a mean of values, weighted by how well their keys match it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pullback.core.axes import dtype_of, shape_of
from pullback.core.errors import DTypeError, OptionError, ShapeError
from pullback.functions import random
from pullback.ops.contractions import matmul
from pullback.ops.elementwise import equal, exp, logical_and, multiply, stop_gradient, subtract, where
from pullback.ops.movement import astype, swapaxes
from pullback.ops.reductions import max as largest
from pullback.ops.reductions import sum as sum_over
from pullback.tensors.devices import beside


def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False, *,
    scale: float | None = None, rng: random.Rng = None,
) -> Any:  # fmt: skip
    """softmax(q·kᵀ · scale + mask)·v (Vaswani et al. 2017).

    A query that may attend to nothing, because its whole row is masked, gives 0, and not NaN.

    Parameters
    ----------
    query, key, value : array-like, (..., L, E), (..., S, E), (..., S, V)
        What is asked, what is matched, and what is averaged; leading axes broadcast.
    attn_mask : array-like, broadcasting to (..., L, S), optional
        Booleans say what takes part; numbers are added to the scores, and -inf takes out.
    dropout_p : float
        Probability that a weight is dropped. Give 0 in evaluation.
    is_causal : bool
        Query i takes part in keys up to i only.
    scale : float, optional
        Else 1 / √E.
    rng : None, int or numpy.random.Generator
        What dropout draws from.

    Returns
    -------
    Tensor, (..., L, V)

    Raises
    ------
    ShapeError
        If lengths do not fit.
    DTypeError
        If the mask holds neither booleans nor floating-point numbers.

    >>> import pullback as pb
    >>> q = k = pb.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> scaled_dot_product_attention(q, k, pb.tensor([[1.0], [3.0]]), is_causal=True).round(3).tolist()
    [[1.0], [2.34]]
    """
    q, k, v = map(shape_of, (query, key, value))
    if min(map(len, (q, k, v))) < 2 or q[-1] != k[-1] or k[-2] != v[-2]:
        raise ShapeError(
            "scaled_dot_product_attention: the lengths do not fit", query=q, key=k, value=v,
            expected="(..., L, E), (..., S, E), (..., S, V)",
        )  # fmt: skip
    scale = 1 / math.sqrt(max(1, q[-1])) if scale is None else scale
    scores = matmul(multiply(query, scale), swapaxes(key, -1, -2))
    weights = attention_weights(scores, attn_mask, is_causal)
    return matmul(dropped(weights, dropout_p, rng), value)


def attention_weights(scores: Any, mask: Any = None, is_causal: bool = False) -> Any:
    """The softmax of scores (..., L, S) over what a mask leaves; 0 where it leaves nothing.

    >>> import pullback as pb
    >>> attention_weights(pb.zeros((2, 2)), np.array([[True, False], [False, False]]))
    Tensor([[1., 0.],
            [0., 0.]])
    """
    keep = None
    if is_causal:
        keep = np.tri(shape_of(scores)[-2], shape_of(scores)[-1]) == 1
    if mask is not None:
        dtype = dtype_of(mask)
        if dtype.kind not in "bf":
            raise DTypeError("attention: a mask holds booleans or floating-point numbers", got=dtype)
        try:
            fits = np.broadcast_shapes(shape_of(mask), shape_of(scores)) == shape_of(scores)
        except ValueError:
            fits = False
        if not fits:
            raise ShapeError(
                "attention: the mask does not fit the scores", mask=shape_of(mask), scores=shape_of(scores)
            )
        if dtype.kind == "b":
            keep = mask if keep is None else logical_and(keep, mask)
        else:
            scores = scores + (mask if dtype == scores.dtype else astype(mask, scores.dtype))
    if keep is not None:
        scores = where(keep, scores, -math.inf)
    highest = stop_gradient(largest(scores, -1, keepdims=True))
    e = exp(subtract(scores, where(equal(highest, -math.inf), 0, highest)))
    total = sum_over(e, -1, keepdims=True)
    return e / where(equal(total, 0), 1, total)


def dropped(x: Any, p: float, rng: random.Rng = None, shape: tuple[int, ...] | None = None) -> Any:
    """x with each element 0 with probability p, and else divided by 1 − p (Srivastava et al. 2014).

    What is drawn is of a shape that broadcasts to that of x; where it has an axis of length 1, elements go together.

    >>> dropped(np.ones(4), 0.5, rng=0)
    Tensor([0., 2., 2., 2.])
    """
    if not 0 <= p <= 1:
        raise OptionError("dropout: p is not a probability", got=p, fix="a number in [0, 1]")
    if p == 0:
        return x
    keep = beside(random.bernoulli(1 - p, shape_of(x) if shape is None else shape, rng=rng), x)
    # Selected, not multiplied: what is dropped may be infinite.
    return where(keep, multiply(x, 1 / (1 - p) if p < 1 else 0), 0)
