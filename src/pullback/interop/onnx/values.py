"""What the operators of a file are given: tensors, arrays that are known, and nothing; and numbers taken from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from pullback.core.errors import ShapeError
from pullback.interop.onnx.reading import Call
from pullback.tensors import Tensor

MOST_MADE: Final = 1 << 28  # elements of an array that a small file may ask for, as a constant of a shape
Operator: TypeAlias = Callable[..., Any]


def numbers(value: Any) -> Any:
    """A value as a plain array; of a tensor, the numbers that it has now."""
    return value.numpy() if isinstance(value, Tensor) else np.asarray(value)


def integers(value: Any) -> list[int]:
    """A value as a list of integers."""
    return [int(n) for n in np.ravel(numbers(value))]


def listed(call: Call, name: str, operand: Any) -> list[int] | None:
    """Integers that older files have as an attribute, and newer ones as an operand."""
    if operand is not None:
        return integers(operand)
    found = call.get(name)
    return None if found is None else [int(n) for n in found]


def bounded(call: Call, shape: Sequence[int]) -> tuple[int, ...]:
    """A shape that a file asks for, if it is none that takes all memory."""
    sizes = tuple(int(n) for n in shape)
    if any(n < 0 for n in sizes) or math.prod(sizes) > MOST_MADE:
        raise ShapeError(
            f"from_onnx: {call.kind}: the file asks for too large an array", node=call.name or call.outputs[0],
            shape=sizes, expected=f"at most {MOST_MADE:,} elements",
        )  # fmt: skip
    return sizes


def rank(value: Any) -> int:
    """How many axes a value has."""
    return len(value.shape)
