"""Powers and functions of matrices, and products of several."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from pullback.core.errors import OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.linalg.systems import inv
from pullback.ops.linalg.matrix_functions import expm_, logm_, sqrtm_
from pullback.tensors import Tensor


def expm(A: Any) -> Tensor:
    """The exponential Σ aᵏ / k! of matrices (..., n, n).

    >>> expm(np.zeros((2, 2)))
    Tensor([[1., 0.],
            [0., 1.]])
    """
    return expm_(asarray(A))


def sqrtm(A: Any) -> Tensor:
    """The principal square roots x x = a of matrices (..., n, n).

    Raises LinAlgError where that is not real, or where its derivative does not exist: for a singular matrix.

    >>> sqrtm(np.array([[4.0, 0.0], [0.0, 9.0]]))
    Tensor([[2., 0.],
            [0., 3.]])
    """
    return sqrtm_(asarray(A))


def logm(A: Any) -> Tensor:
    """The principal logarithms, expm(x) = a, of matrices (..., n, n).

    Raises LinAlgError where that is not real, and for a singular matrix.

    >>> logm(np.eye(2))
    Tensor([[0., 0.],
            [0., 0.]])
    """
    return logm_(asarray(A))


def matrix_power(a: Any, n: int) -> Tensor:
    """The n-th power of matrices (..., m, m), by squaring; of a negative n that of the inverse.

    >>> matrix_power(np.array([[1.0, 1.0], [0.0, 1.0]]), 5)
    Tensor([[1., 5.],
            [0., 1.]])
    """
    a = asarray(a)
    try:
        n = operator.index(n)
    except TypeError:
        raise OptionError("matrix_power: the exponent is an integer", got=n, fix="expm(n * logm(a))") from None
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError("matrix_power: the matrix is not square", got=a.shape)
    if n == 0:
        return asarray(np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape))
    if n < 0:
        a, n = inv(a), -n
    square, result = a, None
    while True:
        if n & 1:
            result = square if result is None else result @ square
        n >>= 1
        if not n:
            return result  # type: ignore[return-value]  # the last bit is set
        square = square @ square


def multi_dot(arrays: Sequence[Any]) -> Tensor:
    """The product of two or more matrices, in the order that takes the fewest multiplications; ends may be vectors.

    Source of the order: T. Cormen et al., *Introduction to Algorithms*, chapter 15.2.

    >>> multi_dot([np.ones((2, 9)), np.ones((9, 3)), np.ones(3)])
    Tensor([27., 27.])
    """
    factors = [asarray(x) for x in arrays]
    if len(factors) < 2:
        raise OptionError("multi_dot: a product has two factors at least", got=len(factors))
    first, last = factors[0].ndim == 1, factors[-1].ndim == 1
    if first:
        factors[0] = factors[0][None]
    if last:
        factors[-1] = factors[-1][:, None]
    if any(x.ndim != 2 for x in factors):
        raise ShapeError(
            "multi_dot: the factors are matrices, the first and last may be vectors", got=[x.shape for x in factors]
        )
    sizes = [x.shape[0] for x in factors] + [factors[-1].shape[1]]
    cut = _cuts(sizes)

    def product(i: int, j: int) -> Any:
        return factors[i] if i == j else product(i, cut[i, j]) @ product(cut[i, j] + 1, j)

    found = product(0, len(factors) - 1)
    return found[0 if first else slice(None), 0 if last else slice(None)] if first or last else found


def _cuts(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where the product of factors i to j is best cut in two."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    cut: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            costs = [cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)]
            cost[i, j] = min(costs)
            cut[i, j] = i + costs.index(cost[i, j])
    return cut


explain_keywords(globals())
