"""The rows: how each primitive is written in operators of ONNX, keyed by the primitive itself.

A primitive without a row is written out in others where the compiler knows of what it is composed, and is refused
where it does not.
"""

from __future__ import annotations

from typing import Final

from pullback.core.primitive import Primitive
from pullback.functions.random import draw_
from pullback.interop.onnx import contraction_rows, elementwise_rows, movement_rows, pooling_rows, reduction_rows
from pullback.interop.onnx.writer import Rule

ROWS: Final[dict[Primitive, Rule]] = {
    **elementwise_rows.ROWS,
    **reduction_rows.ROWS,
    **pooling_rows.ROWS,  # of some reductions, those that pool
    **movement_rows.ROWS,
    **contraction_rows.ROWS,
}
FIXES: Final[dict[Primitive, str]] = {
    draw_: "a model in evaluation mode, model.eval(); or give the random numbers as an argument"
}
"""What helps where there is no operator, by primitive."""
