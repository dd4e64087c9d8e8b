"""What the compiler knows of primitives: one row each, found by the primitive itself.

A primitive that has no row is the user's own, whatever it is called. It runs as its NumPy kernel.
"""

from __future__ import annotations

from typing import Final

from pullback.compiler.facts.row import Row as Row
from pullback.compiler.facts.rows import ROWS as ROWS
from pullback.core.primitive import Primitive

UNKNOWN: Final = Row(kernel="the compiler does not know it")


def row_of(primitive: Primitive) -> Row:
    """The facts of a primitive."""
    return ROWS.get(primitive, UNKNOWN)
