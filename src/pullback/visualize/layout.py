"""The layout of a picture: where boxes stand and lines run, from sizes and edges alone.

Rows, then the order within rows, then places across them, then the lines: the four steps of Sugiyama, Tagawa
and Toda (1981). Nothing here knows what the boxes mean. All steps are loops, none recurses, and the same
input gives the same picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, final

from pullback.visualize.layering import Layers, layered
from pullback.visualize.ordering import ordered
from pullback.visualize.placement import placed, settle

Point: TypeAlias = tuple[float, float]
Direction: TypeAlias = Literal["TB", "LR"]

GAP: Final = 22.0  # between two boxes of a row, in pixels
LANE: Final = 14.0  # between a box and a line, or two lines
RISE: Final = 34.0  # between two rows; more where lines run far across
STEEPEST: Final = 110.0
PORT: Final = 13.0  # between two arrows into one box


@final
@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is, in pixels from the top left corner.

    Attributes
    ----------
    centres : list of (x, y)
        The middle of each box.
    routes : list of list of (x, y)
        For each edge the points of its line. Neighbouring points lie straight in the direction of the rows or
        are to be joined by a curve that leaves and arrives in that direction. A route begins at its tail or,
        where a longer line of the same tail is there already, where it leaves that.
    rows : list of int
        The row of each box.
    width, height : float
        The size of the whole.
    """

    centres: list[Point]
    routes: list[list[Point]]
    rows: list[int]
    width: float
    height: float


def layout(sizes: Sequence[Point], edges: Sequence[tuple[int, int]], direction: Direction = "TB") -> Layout:
    """Lay out boxes of the given (width, height), each edge (tail, head) leading down (TB) or right (LR).

    Edges into one head are drawn from left to right in the order given.

    >>> drawn = layout([(40.0, 20.0), (40.0, 20.0)], [(0, 1)])
    >>> drawn.centres
    [(20.0, 10.0), (20.0, 64.0)]
    >>> drawn.routes
    [[(20.0, 20.0), (20.0, 54.0)]]
    """
    if direction == "LR":
        turned = layout([(height, width) for width, height in sizes], edges)
        return Layout(
            [_turn(point) for point in turned.centres],
            [[_turn(point) for point in route] for route in turned.routes],
            turned.rows,
            turned.height,
            turned.width,
        )
    layers = layered(len(sizes), edges)
    rows = ordered(layers)
    x = placed(layers, rows, [width for width, _ in sizes], GAP, LANE)
    left = min((x[v] - sizes[v][0] / 2 if v < len(sizes) else x[v] for v in range(len(x))), default=0.0)
    x = [at - left for at in x]
    ports = _ports(layers, x, sizes)
    bands = _bands(layers, rows, x, sizes)
    centres = [(x[v], sum(bands[layers.row[v]]) / 2) for v in range(len(sizes))]
    routes = [_route(path, layers, ports[edge], x, bands, sizes) for edge, path in enumerate(layers.paths)]
    width = max((x[v] + sizes[v][0] / 2 if v < len(sizes) else x[v] for v in range(len(x))), default=0.0)
    return Layout(centres, routes, layers.row[: len(sizes)], width, bands[-1][1] if bands else 0.0)


def _turn(point: Point) -> Point:
    return point[1], point[0]


def _ports(layers: Layers, x: Sequence[float], sizes: Sequence[Point]) -> list[float]:
    """Where each edge meets its head: straight on if it can, in the order of operands, and on the box."""
    into: list[list[int]] = [[] for _ in sizes]
    for edge, path in enumerate(layers.paths):
        into[path[-1]].append(edge)
    ports = [0.0] * len(layers.paths)
    for head, incoming in enumerate(into):
        if not incoming:
            continue
        room = max(sizes[head][0] / 2 - 8, sizes[head][0] / 4)  # off the round corners
        step = min(PORT, 2 * room / max(1, len(incoming) - 1))
        left, right = x[head] - room, x[head] + room
        wishes = [min(max(x[layers.paths[edge][-2]], left), right) for edge in incoming]
        # Shrinking the sides by the room that the others need keeps all of them on the box.
        last = len(incoming) - 1
        wishes = [min(max(w, left + i * step), right - (last - i) * step) for i, w in enumerate(wishes)]
        places = settle(wishes, [1.0] * len(incoming), [step] * last)
        for edge, place in zip(incoming, places, strict=True):
            ports[edge] = place
    return ports


def _bands(
    layers: Layers, rows: list[list[int]], x: Sequence[float], sizes: Sequence[Point]
) -> list[tuple[float, float]]:
    """Give the top and bottom of each row; where a line runs far across, rows stand further apart."""
    bands: list[tuple[float, float]] = []
    top = 0.0
    for row in rows:
        bottom = top + max((sizes[v][1] for v in row if v < len(sizes)), default=0.0)
        bands.append((top, bottom))
        far = max((abs(x[w] - x[v]) for v in row for w, _ in layers.below[v]), default=0.0)
        top = bottom + min(max(RISE, 0.16 * far), STEEPEST)
    return bands


def _route(
    path: tuple[int, ...],
    layers: Layers,
    port: float,
    x: Sequence[float],
    bands: Sequence[tuple[float, float]],
    sizes: Sequence[Point],
) -> list[Point]:
    """Give the points of one line: straight through the rows that it passes, free between them."""
    first, *between, head = path
    top, bottom = bands[layers.row[first]]
    if first < layers.count:
        top = min((top + bottom + sizes[first][1]) / 2, bottom)
        points = [(x[first], top), (x[first], bottom)]
    else:
        points = [(x[first], bottom)]
    for dummy in between:
        top, bottom = bands[layers.row[dummy]]
        points += [(x[dummy], top), (x[dummy], bottom)]
    top, bottom = bands[layers.row[head]]
    points += [(port, top), (port, max((top + bottom - sizes[head][1]) / 2, top))]
    return [point for i, point in enumerate(points) if i == 0 or point != points[i - 1]]
