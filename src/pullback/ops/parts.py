"""Taking an array apart along an axis, in one node: the transpose joins the parts again, and adds nothing up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pullback.batching.rules import axes_behind, in_front
from pullback.core.axes import ndim_of, normalize_axis
from pullback.core.custom_kinds import CustomVJP
from pullback.core.errors import ShapeError
from pullback.core.outputs import pick_
from pullback.core.primitive import Primitive
from pullback.ops.movement import copy_


def _unstack(x: Any, axis: int) -> tuple[Any, ...]:
    lead = (slice(None),) * axis
    return tuple([x[(*lead, i)] for i in range(x.shape[axis])])


def _restack(cotangents: Sequence[Any], primals: Sequence[Any], _: Any, axis: int) -> tuple[Any]:
    (x,) = primals
    missing = np.zeros_like(x, shape=x.shape[:axis] + x.shape[axis + 1 :], order="C")
    return (np.stack([missing if c is None else c for c in cotangents], axis=axis),)


unstack_ = CustomVJP(
    "unstack",
    _unstack,
    _restack,
    batching=in_front(axis=axes_behind),
    doc="The parts of x along an axis, as so many outputs.",
)


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """The parts of x along an axis, which they lack: the inverse of `stack`.

    Raises ShapeError for a 0-d array.

    >>> unstack(np.array([[1.0, 2.0], [3.0, 4.0]]))
    (Tensor([1., 2.]), Tensor([3., 4.]))
    """
    if not ndim_of(x):
        raise ShapeError("unstack: a number has no parts", shape=())
    axis = normalize_axis(axis, ndim_of(x), "unstack")
    parts = unstack_(x if isinstance(x, Primitive.tensor) else copy_(x), axis=axis)
    return tuple(pick_(parts, index=i) for i in range(len(parts.array)))
