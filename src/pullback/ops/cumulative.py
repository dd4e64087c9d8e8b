"""Running sums and products."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.batching.rules import axes_behind, in_front
from pullback.core.axes import kept_shape, ndim_of, normalize_axis, shape_of
from pullback.core.custom_kinds import CustomJVP
from pullback.core.errors import AxisError
from pullback.core.habits import explain_keywords
from pullback.core.kinds import strong_product
from pullback.core.precision import in_single, single
from pullback.ops.movement import astype, concatenate, ravel
from pullback.ops.reductions import cumsum


def _shifted(x: Any, step: int, first: float) -> Any:
    """x, moved back along the last axis, with a number in the places that it leaves."""
    return np.concatenate([np.full_like(x, first, shape=(*x.shape[:-1], step)), x[..., :-step]], axis=-1)


def _cumprod_tangent(primals: Any, tangents: Any, _y: Any, axis: int) -> Any:
    """Products p of all segments that end at a place, and their tangents s, doubled in length in log n steps.

    (p, s) of two neighbours is (p₁p₂, s₁p₂ + p₁s₂): by products and sums alone, so it is right at zeros (Hillis &
    Steele 1986). A tangent of 0 stays 0 beside what is infinite.
    """
    product, tangent = (np.moveaxis(single(x), axis, -1) for x in (primals[0], tangents[0]))
    step = 1
    while step < product.shape[-1]:
        before, tangent_before = _shifted(product, step, 1), _shifted(tangent, step, 0)
        tangent = strong_product(tangent_before, product) + strong_product(before, tangent)
        product = before * product
        step *= 2
    return np.moveaxis(tangent, -1, axis)


cumprod_ = CustomJVP(
    "cumprod",
    in_single(np.cumprod),
    _cumprod_tangent,
    batching=in_front(axis=axes_behind),
    doc="Running products along an axis.",
)


def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running products along one axis, or of the flat array; the derivative is right at zeros too, in any order.

    >>> cumprod(np.array([1.0, 2.0, 3.0]))
    Tensor([1., 2., 6.])
    """
    if axis is None:
        x, axis = ravel(x), 0
    x = x if dtype is None else astype(x, dtype)
    found = cumprod_(x, axis=normalize_axis(axis, ndim_of(x), "cumprod"))
    return found if dtype is None else astype(found, dtype)


def cumulative_sum(x: Any, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Any:
    """Running sums along one axis; with `include_initial` from 0 on (the Array API's `cumsum`).

    >>> cumulative_sum(np.array([1.0, 2.0]), include_initial=True)
    Tensor([0., 1., 3.])
    """
    return _cumulative(cumsum, 0, x, axis, dtype, include_initial, "cumulative_sum")


def cumulative_prod(x: Any, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Any:
    """Running products along one axis; with `include_initial` from 1 on.

    >>> cumulative_prod(np.array([3.0, 2.0]), include_initial=True)
    Tensor([1., 3., 6.])
    """
    return _cumulative(cumprod, 1, x, axis, dtype, include_initial, "cumulative_prod")


def _cumulative(f: Any, first: int, x: Any, axis: Any, dtype: Any, include: bool, name: str) -> Any:
    if axis is None:
        if ndim_of(x) > 1:
            raise AxisError(f"{name}: of several axes, one must be named", shape=shape_of(x), fix="axis=0")
        x, axis = ravel(x), 0
    axis = normalize_axis(axis, ndim_of(x), name)
    running = f(x, axis, dtype)
    if not include:
        return running
    shape = kept_shape(shape_of(x), (axis,))
    return concatenate([np.full_like(running, first, shape=shape), running], axis)


explain_keywords(globals())
