"""A drawing as SVG: one self-contained text, with no font, script or style from anywhere else.

Text is set in the reader's monospaced font, whose advance is 0.6 em in all but name, so that a box fits its
text without asking a font. There are no style sheets, and the one id carries a checksum of the picture:
several pictures on one page do not touch each other. A light card lies behind everything, for dark notebooks.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise
from typing import Final, final
from unicodedata import combining, east_asian_width

from pullback.visualize.drawing import Arrow, Box, Drawing, Style
from pullback.visualize.layout import Direction, Layout, Point, layout

FONT: Final = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
ADVANCE: Final = 0.602  # of a monospaced character, in em
TITLE_SIZE, TEXT_SIZE = 13.0, 10.5
TITLE_LINE, TEXT_LINE = 16.0, 13.5
PAD_X, PAD_Y = 11.0, 6.0
MARGIN: Final = 20.0
LEGEND: Final = 30.0
RIM: Final = 3.0  # between the two outlines of a result
AIM: Final = 7.0  # what an arrow flies straight before it hits
_NUMBERED: Final = {13: "&#13;", 10: "&#10;", 9: "&#9;"}
INK, FAINT, LINE, CARD, EDGE = "#1c2128", "#4b535d", "#7b838e", "#ffffff", "#d5d9de"


@final
@dataclass(frozen=True, slots=True)
class _Line:
    """An arrow, or its part before or after its label."""

    arrow: Arrow
    tail: int
    head: int


def svg(drawing: Drawing, direction: Direction = "TB") -> str:
    """Lay the drawing out and write it as SVG."""
    sizes = [size_of(box) for box in drawing.boxes]
    lines: list[_Line] = []
    for arrow in drawing.arrows:
        ends = [arrow.tail, arrow.head]
        if arrow.label:  # the arrow passes through its label, which takes room as a box does
            ends.insert(1, len(sizes))
            sizes.append((columns(arrow.label) * TEXT_SIZE * ADVANCE + 8, TEXT_LINE))
        lines += [_Line(arrow, tail, head) for tail, head in pairwise(ends)]
    plan = layout(sizes, [(line.tail, line.head) for line in lines], direction)
    legend, legend_width = _legend(drawing)
    width = max(plan.width, legend_width) + 2 * MARGIN
    height = plan.height + 2 * MARGIN + LEGEND
    shift = MARGIN + (width - 2 * MARGIN - plan.width) / 2
    name = f"pullback-{zlib.crc32(repr((drawing, direction)).encode()):08x}"
    body = "\n".join(
        [
            f'<g transform="translate({_n(shift)} {_n(MARGIN)})">',
            f'<g fill="none" stroke="{LINE}" stroke-width="1.3" stroke-linejoin="round">',
            *_arrows(lines, plan, direction, name),
            "</g>",
            *_boxes(drawing.boxes, sizes, plan.centres),
            "</g>",
            f'<g transform="translate({_n(MARGIN)} {_n(height - LEGEND + 4)})">{legend}</g>',
        ]
    )
    box = f'width="{_n(width)}" height="{_n(height)}"'
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" {box} viewBox="0 0 {_n(width)} {_n(height)}" role="img" \
aria-labelledby="{name}-title" font-family="{FONT}" font-size="{TEXT_SIZE}" text-anchor="middle">
<title id="{name}-title">{clean(drawing.title)}</title>
<defs><marker id="{name}" viewBox="0 0 10 10" refX="9.5" refY="5" markerWidth="7.5" markerHeight="7.5" \
markerUnits="userSpaceOnUse" orient="auto"><path d="M0.5 1L9.5 5L0.5 9L2.8 5Z" fill="{LINE}"/></marker></defs>
<rect x="0.5" y="0.5" width="{_n(width - 1)}" height="{_n(height - 1)}" rx="9" fill="{CARD}" stroke="{EDGE}"/>
{body}
</svg>
"""


def size_of(box: Box) -> Point:
    """Give the width and height that a box needs for its text, in pixels."""
    title, *text = box.lines
    widest = max([columns(title) * TITLE_SIZE, *(columns(line) * TEXT_SIZE for line in text)]) * ADVANCE
    rim = 2 * RIM if box.result else 0.0
    return max(widest + 2 * PAD_X, 34.0) + rim, TITLE_LINE + TEXT_LINE * len(text) + 2 * PAD_Y + rim


def columns(text: str) -> int:
    """Columns that `text` takes in a monospaced font: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def clean(text: str) -> str:
    """Escape `text` for XML, in elements and in attributes, so that a reader finds it again, character by character.

    What XML cannot hold, control characters and lone surrogates, becomes U+FFFD. Ends of lines and tabs are written as
    numbers where a reader would make others of them.
    """
    text = escape("".join(c if _is_xml(ord(c)) else "\ufffd" for c in text))
    return text.translate(_NUMBERED)


def _is_xml(code: int) -> bool:
    return code in (9, 10, 13) or 32 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or code >= 0x10000


def _boxes(boxes: Sequence[Box], sizes: Sequence[Point], centres: Sequence[Point]) -> Iterator[str]:
    for box, (width, height), (x, y) in zip(boxes, sizes, centres, strict=False):  # labels follow the boxes
        left, top = x - width / 2, y - height / 2
        yield f"<g><title>{clean(box.tooltip or box.lines[0])}</title>"
        if box.result:  # a second outline around the first
            outer = replace(box.style, fill=CARD, corner=box.style.corner + RIM)
            yield _rectangle(left, top, width, height, outer)
            left, top, width, height = left + RIM, top + RIM, width - 2 * RIM, height - 2 * RIM
        yield _rectangle(left, top, width, height, box.style)
        line = top + PAD_Y + TITLE_LINE - 4
        title, *text = box.lines
        yield f'<text x="{_n(x)}" y="{_n(line)}" font-size="{TITLE_SIZE}" fill="{INK}">{clean(title)}</text>'
        for row in text:
            line += TEXT_LINE
            yield f'<text x="{_n(x)}" y="{_n(line)}" fill="{FAINT}">{clean(row)}</text>'
        yield "</g>"


def _rectangle(left: float, top: float, width: float, height: float, style: Style) -> str:
    dashes = ' stroke-dasharray="4 3"' if style.dashed else ""
    colours = f'fill="{clean(style.fill)}" stroke="{clean(style.stroke)}" stroke-width="1.3"'
    return (
        f'<rect x="{_n(left)}" y="{_n(top)}" width="{_n(width)}" height="{_n(height)}"'
        f' rx="{_n(style.corner)}" {colours}{dashes}/>'
    )


def _arrows(lines: Sequence[_Line], plan: Layout, direction: Direction, name: str) -> Iterator[str]:
    for line, route in zip(lines, plan.routes, strict=True):
        hits = line.head == line.arrow.head
        marker = f' marker-end="url(#{name})"' if hits else ""
        path = f'<path d="{curve(route, direction)}"{marker}'
        note = clean(line.arrow.tooltip)
        yield f"{path}><title>{note}</title></path>" if note else f"{path}/>"
        if not hits:
            x, y = plan.centres[line.head]
            text = clean(line.arrow.label)
            yield f'<text x="{_n(x)}" y="{_n(y + 3.5)}" fill="{FAINT}" stroke="none">{text}</text>'


def curve(route: Sequence[Point], direction: Direction) -> str:
    """Straight pieces along the way, and between them cubics that leave and arrive in its direction."""
    turned = direction == "LR"
    along, across = (0, 1) if turned else (1, 0)
    *points, (x, y) = route
    if abs(points[-1][across] - (x, y)[across]) >= 0.05:
        points.append((x - AIM, y) if turned else (x, y - AIM))
    points.append((x, y))
    here = points[0]
    parts = [f"M{_n(here[0])} {_n(here[1])}"]
    for point in points[1:]:
        if abs(point[across] - here[across]) < 0.05:
            bend = "L"
        else:
            middle = _n((here[along] + point[along]) / 2)
            a, b = _n(here[across]), _n(point[across])
            bend = f"C{middle} {a} {middle} {b} " if turned else f"C{a} {middle} {b} {middle} "
        parts.append(f"{bend}{_n(point[0])} {_n(point[1])}")
        here = point
    return "".join(parts)


def _legend(drawing: Drawing) -> tuple[str, float]:
    """Show the styles in use and how many boxes have each: SVG, and its width."""
    counts = Counter(box.style for box in drawing.boxes)
    parts: list[str] = []
    x = 0.0
    for style in drawing.legend:
        if counts[style]:
            label = f"{style.name} × {counts[style]}"
            parts += [
                _rectangle(x, 0, 16, 12, replace(style, corner=style.corner / 2)),
                f'<text x="{_n(x + 22)}" y="10" text-anchor="start" fill="{FAINT}">{clean(label)}</text>',
            ]
            x += 22 + columns(label) * TEXT_SIZE * ADVANCE + 18
    return "".join(parts), max(x - 18, 0.0)


def _n(value: float) -> str:
    """Write a number to a tenth of a pixel, as short as it gets."""
    return f"{value:.1f}".removesuffix(".0")
