"""Activations that are a product with a gate: a number between 0 and 1 that says how much passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pullback.core.axes import ndim_of, normalize_axis, shape_of
from pullback.core.errors import ShapeError
from pullback.core.precision import of_numbers
from pullback.functions.activations import gated
from pullback.ops.elementwise import sigmoid, softplus, tanh
from pullback.ops.indexing import getitem

if TYPE_CHECKING:
    from pullback.tensors import Tensor


def mish(x: Any) -> Tensor:
    """x · tanh(log(1 + eˣ)) (Misra 2019).

    >>> import pullback as pb
    >>> mish(pb.tensor([0.0, 1.0]))
    Tensor([0.        , 0.86509839])
    """
    return _mish(x)


@of_numbers
def _mish(x: Any) -> Any:
    return gated(x, tanh(softplus(x)))


def glu(x: Any, axis: int = -1) -> Tensor:
    """A · sigmoid(b) for the halves a and b of x along `axis` (Dauphin et al. 2016).

    Raises ShapeError if the axis has no halves.

    >>> import pullback as pb
    >>> glu(pb.tensor([1.0, 2.0, 0.0, 0.0]))
    Tensor([0.5, 1. ])
    """
    axis = normalize_axis(axis, ndim_of(x), "glu")
    length = shape_of(x)[axis]
    if length % 2:
        raise ShapeError("glu: an axis of odd length has no halves", got=shape_of(x), axis=axis)
    head = (slice(None),) * axis
    passed, gate = (getitem(x, (*head, slice(i, i + length // 2))) for i in (0, length // 2))
    return gated(passed, sigmoid(gate))
