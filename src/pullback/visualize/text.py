"""A graph as text: an aligned table, one vertex a line, what is used before what uses it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pullback.visualize.vertex import Vertex, params_text, shorten, spec_text, value_text

_WIDEST: Final = 72  # of a formula
_NAME: Final = 40


def table(vertices: Sequence[Vertex], outputs: Sequence[int], *, most: int | None = None) -> str:
    """Write the vertices as a table; constants that are numbers stand in the place of their use.

    With `most`, the middle of a longer table is left out and counted.
    """
    shown = [v for v in vertices if not _is_inline(v) or v.index in outputs]
    hidden = 0
    if most is not None and len(shown) > most:
        hidden = len(shown) - most
        head, tail = shown[: most // 2], shown[len(shown) - (most - most // 2) :]
    else:
        head, tail = shown, []
    cells = [(shorten(v.id, _NAME), _made_of(v, vertices), spec_text(v)) for v in [*head, *tail]]
    name = max((len(cell[0]) for cell in cells), default=0)
    formula = min(max((len(cell[1]) for cell in cells), default=0), _WIDEST)
    lines = [f"  {a:<{name}} = {b:<{formula}}   {c}" for a, b, c in cells]
    if hidden:
        lines.insert(len(head), f"  {'⋮':<{name}}   … {hidden:,} more …")
    return "\n".join(lines)


def call_text(vertex: Vertex, vertices: Sequence[Vertex]) -> str:
    """Write an operation as a call: `sum(%2, axis=1)`."""
    operands = [
        value_text(v.value) if _is_inline(v) else shorten(v.id, _NAME) for v in (vertices[i] for i in vertex.inputs)
    ]
    return f"{vertex.label}({', '.join(part for part in [*operands, params_text(vertex.params)] if part)})"


def _is_inline(vertex: Vertex) -> bool:
    return vertex.kind == "constant" and vertex.value is not None and vertex.shape == ()


def _made_of(vertex: Vertex, vertices: Sequence[Vertex]) -> str:
    if vertex.kind != "operation":
        return f"{vertex.kind} {value_text(vertex.value)}" if _is_inline(vertex) else vertex.kind
    return shorten(call_text(vertex, vertices), _WIDEST)
