"""What a picture shows, before anything is placed: boxes with lines of text, and arrows between them.

Graphs and compiled programs both become drawings, and a drawing becomes SVG.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True, slots=True)
class Style:
    """How a kind of box looks and what the legend calls it; `corner` is a radius in pixels."""

    name: str
    fill: str
    stroke: str
    corner: float
    dashed: bool = False


# Light blue variables, orange constants, purple operations; told apart by their corners too. Dark text on
# each fill has a contrast above 10 : 1, each outline on white above 3 : 1.
VARIABLE: Final = Style("variable", "#d3eafd", "#2f86cb", 12.0)
CONSTANT: Final = Style("constant", "#ffdcae", "#c96f0a", 1.5)
OPERATION: Final = Style("operation", "#e6dcfb", "#6334b5", 6.0)
ELIDED: Final = Style("left out", "#f4f5f7", "#7d8590", 6.0, dashed=True)


@final
@dataclass(frozen=True, slots=True)
class Box:
    """A box: lines of text, the first its title; its style; what hovering shows; whether it is a result."""

    lines: tuple[str, ...]
    style: Style
    tooltip: str = ""
    result: bool = False


@final
@dataclass(frozen=True, slots=True)
class Arrow:
    """An arrow from one box to another, by their places in the drawing; `label` stands beside it."""

    tail: int
    head: int
    label: str = ""
    tooltip: str = ""


@final
@dataclass(frozen=True, slots=True)
class Drawing:
    """Boxes and arrows; arrows into one box are drawn from left to right in the order given.

    The legend shows those of its styles that some box has, and how many have it.
    """

    title: str
    legend: tuple[Style, ...]
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
