"""Accumulating: two results of a reduction become one, and the lanes of a vector one number."""

from __future__ import annotations

from pullback.compiler.facts.row import Accumulator
from pullback.compiler.instructions.llvm import Function, Reg
from pullback.compiler.instructions.vectors import shuffle


def combine(f: Function, accumulator: Accumulator, a: Reg, b: Reg) -> Reg:
    """Two results as one."""
    if a.type.scalar == "i1":
        return f.binary(accumulator.of_truths, a, b)
    return accumulator.combine(f, a, b)


def fold(f: Function, accumulator: Accumulator, vector: Reg) -> Reg:
    """The lanes of a vector as one number, by halves."""
    width = vector.type.lanes
    while width > 1:
        width //= 2
        low = shuffle(f, vector, vector, range(width))
        vector = combine(f, accumulator, low, shuffle(f, vector, vector, range(width, 2 * width)))
    return f.emit(f"extractelement {vector.typed}, i64 0", vector.type._replace(lanes=0))
