"""A graph as a drawing: which text stands in which box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pullback.visualize.drawing import CONSTANT, ELIDED, OPERATION, VARIABLE, Arrow, Box, Drawing, Style
from pullback.visualize.text import call_text
from pullback.visualize.vertex import Kind, Vertex, params_text, shorten, spec_text, value_text

_STYLES: Final[dict[Kind, Style]] = {
    "variable": VARIABLE,
    "constant": CONSTANT,
    "operation": OPERATION,
    "left out": ELIDED,
}
_WIDEST: Final = 28  # characters on a line of a box; hovering shows the rest


def sketch(
    vertices: Sequence[Vertex], outputs: Sequence[int], *, values: bool = False, shapes: bool = False
) -> Drawing:
    """Make a box of each vertex and an arrow of each use, operands in order."""
    results = frozenset(outputs)
    return Drawing(
        _title(vertices, outputs),
        tuple(_STYLES.values()),
        tuple(_box(v, vertices, v.index in results, values=values, shapes=shapes) for v in vertices),
        tuple(
            Arrow(tail, head.index, tooltip=f"{vertices[tail].id} → {head.id}")
            for head in vertices
            for tail in head.inputs
        ),
    )


def _title(vertices: Sequence[Vertex], outputs: Sequence[int]) -> str:
    names = ", ".join(vertices[index].id for index in outputs[:3]) + (", …" if len(outputs) > 3 else "")
    operations = sum(v.kind == "operation" for v in vertices)
    variables = ", ".join(v.id for v in vertices if v.kind == "variable")
    return f"Graph of {names}: {operations} operations on {shorten(variables, 80) or 'constants'}"


def _box(vertex: Vertex, vertices: Sequence[Vertex], result: bool, *, values: bool, shapes: bool) -> Box:
    lines = [shorten(vertex.label, _WIDEST)]
    value = value_text(vertex.value)
    if vertex.kind == "operation":
        if vertex.name is not None:
            lines.append(shorten(f"→ {vertex.name}", _WIDEST))
        if vertex.params and (params := params_text(vertex.params)):
            lines.append(shorten(params, _WIDEST))
    elif vertex.kind == "constant" and vertex.name is not None:
        lines.append(shorten(vertex.name, _WIDEST))
    if shapes:
        lines.append(shorten(spec_text(vertex).removeprefix(vertex.label).strip(), _WIDEST))
    if values and value and value != vertex.label:
        lines.append(shorten(value, _WIDEST))
    made = call_text(vertex, vertices) if vertex.kind == "operation" else vertex.kind
    tooltip = [f"{vertex.id} = {made}", spec_text(vertex), value]
    return Box(tuple(lines), _STYLES[vertex.kind], "\n".join(line for line in tooltip if line), result)
