"""Conformity: a cotangent has the shape and dtype of its value, and a tangent its dtype, whatever a rule gives.

This is where each broadcast and each cast is undone, and where the real part of a complex number is taken.
"""

from __future__ import annotations

from typing import Any

from numpy import add

from pullback.core.complex import cast
from pullback.core.errors import ShapeError
from pullback.core.precision import single


def conform(cotangent: Any, aval: Any, name: str) -> Any:
    """A cotangent in the shape and dtype of its value: this is where every broadcast and every cast is undone."""
    if type(aval) is tuple:
        return tuple(c if c is None else conform(c, a, name) for c, a in zip(cotangent, aval, strict=True))
    if cotangent.shape != aval.shape:
        cotangent = sum_to(cotangent, aval.shape, name)
    return cotangent if cotangent.dtype == aval.dtype else cast(cotangent, aval.dtype)


def sum_to(value: Any, shape: tuple[int, ...], name: str) -> Any:
    """Undo a broadcast: sum `value` over the axes that broadcasting added or stretched to reach it from `shape`.

    Where none leads from one to the other, the rule of the primitive of that name is wrong.
    """
    if value.dtype.char == "e":
        value = single(value)  # conform casts the sum
    extra = value.ndim - len(shape)
    if extra == 1 and 1 not in shape:
        total = add.reduce(value, axis=0)  # as that of a bias, over the batch
    else:
        stretched = [i + extra for i, n in enumerate(shape) if i + extra >= 0 and n == 1 != value.shape[i + extra]]
        axes = (*range(extra), *stretched)
        total = value.sum(axis=axes, keepdims=bool(stretched)) if axes else value
        if stretched and extra > 0:
            total = total.reshape(total.shape[extra:])
    if total.shape != shape:
        raise ShapeError(f"{name}: the rule gave a cotangent of another shape", expected=shape, got=value.shape)
    return total


def cast_tangent(tangent: Any, aval: Any) -> Any:
    """A tangent in the dtype of its value."""
    if type(tangent) is tuple:
        return tuple(map(cast_tangent, tangent, aval))
    return tangent if tangent is None or tangent.dtype == aval.dtype else cast(tangent, aval.dtype)
