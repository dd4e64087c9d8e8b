"""Primitives on plain arrays: what a rule of `batching/rules.py` calls where nothing is recorded and nobody looks on.

A rule is written for tensors and for arrays alike, as derivatives are. Given arrays, it does many examples at the cost
of NumPy's own calls: no operation within it boxes a tensor or asks for the mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from numpy import ndarray

from pullback.core.arrays import NUMERIC
from pullback.core.blocks import LARGE, blockwise
from pullback.core.links import LINKED
from pullback.core.primitive import NUMBERS, Primitive


@final
class OnArrays:
    """A primitive that takes arrays and gives an array, by its kernel."""

    __slots__ = ("primitive",)

    def __init__(self, primitive: Primitive) -> None:
        self.primitive = primitive

    def __getattr__(self, name: str) -> Any:
        return getattr(self.primitive, name)

    def __call__(self, *operands: Any, **params: Any) -> Any:
        primitive = self.primitive
        arrays = [x if type(x) is ndarray else getattr(x, "array", x) for x in operands]
        try:
            if primitive.blocks and any(type(x) is ndarray and x.size >= LARGE for x in arrays):
                found = blockwise(primitive.kernel, arrays)
            else:
                found = primitive.kernel(*arrays, **params)
        except (ValueError, IndexError, TypeError) as error:
            raise primitive.complaint(error, arrays) from None
        return found if primitive.residual is None else found[0]


def arrays_alone(
    primitive: Primitive, operands: Sequence[Any], params: dict[str, Any], recording: bool
) -> list[Any] | None:
    """The arrays of operands, if a primitive applied to them leaves nothing but its value; else None."""
    if primitive.foreign or primitive.draws or (params and primitive.blocks) or (recording and LINKED):
        return None
    tensor = Primitive.tensor
    arrays = []
    for x in operands:
        if type(x) is tensor:
            if recording and x.node is not None:
                return None
            x = x.array
        if type(x) is ndarray:
            if x.dtype.kind not in NUMERIC:
                return None
        elif type(x) not in NUMBERS:
            return None
        arrays.append(x)
    return arrays
