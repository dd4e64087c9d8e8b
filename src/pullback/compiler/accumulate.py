"""Accumulators: what a reduction begins with, how it takes in more, and how its lanes become one number."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from pullback.compiler.contraction.vectors import shuffle
from pullback.compiler.elementwise import ROWS
from pullback.compiler.llvm import Function, Reg

_COMBINE: Final = {
    "sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum", "any": "logical_or", "all": "logical_and",
}  # fmt: skip


def start(name: str, dtype: np.dtype[Any]) -> Any:
    """What a reduction of nothing gives; of the largest of nothing, what is below all."""
    if name in ("max", "min"):
        if dtype.kind == "f":
            return -math.inf if name == "max" else math.inf
        if dtype.kind == "b":
            return name == "min"
        return np.iinfo(dtype).min if name == "max" else np.iinfo(dtype).max
    return {"sum": 0, "prod": 1, "any": False, "all": True}[name]


def combine(f: Function, name: str, a: Reg, b: Reg) -> Reg:
    """Two results as one."""
    if a.type.scalar == "i1":
        return f.binary("or" if name in ("any", "max", "sum") else "and", a, b)
    return ROWS[_COMBINE[name]].write(f, a, b)


def fold(f: Function, name: str, vector: Reg) -> Reg:
    """The lanes of a vector as one number, by halves."""
    width = vector.type.lanes
    while width > 1:
        width //= 2
        low = shuffle(f, vector, vector, range(width))
        vector = combine(f, name, low, shuffle(f, vector, vector, range(width, 2 * width)))
    return f.emit(f"extractelement {vector.typed}, i64 0", vector.type._replace(lanes=0))
