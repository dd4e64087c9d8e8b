"""A graph in the DOT language, for those who have Graphviz: https://graphviz.org/doc/info/lang.html."""

from __future__ import annotations

from collections.abc import Iterator

from pullback.visualize.drawing import Drawing
from pullback.visualize.layout import Direction


def dot(drawing: Drawing, direction: Direction = "TB") -> str:
    """Write the drawing in DOT: the same boxes, colours and tooltips, placed by Graphviz."""
    return "\n".join(["digraph pullback {", *_statements(drawing, direction), "}", ""])


def quote(text: str) -> str:
    r"""Give a DOT string that shows `text`: quotes and backslashes escaped, line ends as \n."""
    text = "".join(c if c == "\n" or c.isprintable() else "\ufffd" for c in text)
    text = text.replace("&", "&amp;")  # Graphviz reads entities in labels
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


def _statements(drawing: Drawing, direction: Direction) -> Iterator[str]:
    yield f"  graph [rankdir={direction}, ordering=in, tooltip={quote(drawing.title)}];"
    yield '  node [shape=box, fontname="monospace", fontsize=11];'
    yield '  edge [color="#7b838e", arrowsize=0.7];'
    yield from (_box(drawing, index) for index in range(len(drawing.boxes)))
    for arrow in drawing.arrows:
        label = f" [label={quote(arrow.label)}]" if arrow.label else ""
        yield f"  n{arrow.tail} -> n{arrow.head}{label};"


def _box(drawing: Drawing, index: int) -> str:
    box = drawing.boxes[index]
    style = "filled" + (",rounded" if box.style.corner > 3 else "") + (",dashed" if box.style.dashed else "")
    attributes = [
        f"label={quote(chr(10).join(box.lines))}",
        f'style="{style}"',
        f"fillcolor={quote(box.style.fill)}",
        f"color={quote(box.style.stroke)}",
        f"tooltip={quote(box.tooltip or box.lines[0])}",
        *(["peripheries=2"] if box.result else []),
    ]
    return f"  n{index} [{', '.join(attributes)}];"
