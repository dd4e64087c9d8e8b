"""DOT: what Graphviz would read is what the drawing says."""

from __future__ import annotations

import html
import re

from hypothesis import example, given
from hypothesis import strategies as st

from pullback.visualize import Arrow, Box, Drawing
from pullback.visualize.dot import dot, quote
from pullback.visualize.drawing import CONSTANT, ELIDED, OPERATION, VARIABLE

STRING = r'"(?:[^"\\]|\\.)*"'
ATTRIBUTE = rf"\w+=(?:{STRING}|[\w.]+)"
STATEMENT = re.compile(rf"  (\w+)(?: -> (\w+))?(?: \[({ATTRIBUTE}(?:, {ATTRIBUTE})*)\])?;")


def read(text):
    """Statements of a DOT text as (node, head or None, attributes), with strings as Graphviz shows them."""
    first, *lines, last, rest = text.split("\n")
    assert (first, last, rest) == ("digraph pullback {", "}", "")
    statements = []
    for line in lines:
        tail, head, attributes = STATEMENT.fullmatch(line).groups()
        pairs = re.findall(rf"(\w+)=({STRING}|[\w.]+)", attributes or "")
        statements.append((tail, head, {key: shown(value) for key, value in pairs}))
    return statements


def shown(value):
    inside = value[1:-1] if value.startswith('"') else value
    text = re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], inside)
    return html.unescape(text)  # as Graphviz does


def test_boxes_arrows_and_colours_are_there():
    boxes = (
        Box(("x", "(3,)"), VARIABLE),
        Box(("2",), CONSTANT, "two"),
        Box(("power",), OPERATION, result=True),
        Box(("…",), ELIDED),
    )
    drawing = Drawing("a picture", (), boxes, (Arrow(0, 2), Arrow(1, 2, "exponent")))
    graph, _, _, *nodes, base, exponent = read(dot(drawing, "LR"))
    assert graph == ("graph", None, {"rankdir": "LR", "ordering": "in", "tooltip": "a picture"})
    assert [node[2]["label"] for node in nodes] == ["x\n(3,)", "2", "power", "…"]
    assert [node[2]["fillcolor"] for node in nodes] == [box.style.fill for box in boxes]
    assert [node[2]["tooltip"] for node in nodes] == ["x", "two", "power", "…"]
    assert [node[2].get("peripheries") for node in nodes] == [None, None, "2", None]
    assert "dashed" in nodes[3][2]["style"]
    assert [base, exponent] == [("n0", "n2", {}), ("n1", "n2", {"label": "exponent"})]


@given(st.text())
@example('a\\"b\\n&lt;\n\x00')
def test_any_text_is_quoted(text):
    quoted = quote(text)
    assert re.fullmatch(STRING, quoted)
    assert "\n" not in quoted
    expected = "".join(c if c == "\n" or c.isprintable() else "\ufffd" for c in text)
    assert shown(quoted) == expected
