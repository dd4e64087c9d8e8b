"""The order within each row, chosen so that few lines cross.

Rows start in the order of a depth-first walk from the results, which draws a tree without a crossing and
reads operands from left to right. Then each row in turn is sorted by the barycentre of its neighbours,
downwards and upwards, and the best order seen is polished by exchanging neighbours. A link's end on its head
counts as a place of its own, in the order of operands, so that "b - a" drawn with its arrows the wrong way
round counts as one crossing.

Sources: Sugiyama, Tagawa and Toda 1981 for the barycentres; P. Eades and D. Kelly, "Heuristics for reducing
crossings in 2-layered networks", Ars Combinatoria 21A, 1986, for the exchanges.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

from pullback.visualize.layering import Layers

_SWEEPS: Final = 8
_POLISH: Final = 6


def ordered(layers: Layers) -> list[list[int]]:
    """Give the vertices and dummies of each row from left to right, so that few links cross."""
    rows = _first(layers)
    place = [0] * len(layers.row)
    _note(rows, place)
    best, fewest = [list(row) for row in rows], crossings(layers, rows)
    for sweep in range(_SWEEPS):
        if fewest == 0:
            return best
        if sweep % 2:
            for row in rows[-2::-1]:
                centre = {v: [place[w] + port for w, port in layers.below[v]] for v in row}
                _sort(row, centre, place)
        else:
            for row in rows[1:]:
                _sort(row, {v: [float(place[u]) for u in layers.above[v]] for v in row}, place)
        crossed = crossings(layers, rows)
        if crossed < fewest:
            best, fewest = [list(row) for row in rows], crossed
    _polish(layers, best)
    return best


def crossings(layers: Layers, rows: list[list[int]]) -> int:
    """Count the pairs of links that cross."""
    place = [0] * len(layers.row)
    _note(rows, place)
    total = 0
    for row in rows:
        ends: list[float] = []  # of the links so far, sorted
        for vertex in row:
            mine = [place[w] + port for w, port in layers.below[vertex]]
            if ends and mine:
                total += len(mine) * len(ends) - sum(bisect_right(ends, end) for end in mine)
            if mine:
                ends += mine
                ends.sort()  # two sorted runs: linear
    return total


def _first(layers: Layers) -> list[list[int]]:
    """Rows in the order of a depth-first walk up from the ends, operands from left to right."""
    rows: list[list[int]] = [[] for _ in range(max(layers.row, default=-1) + 1)]
    seen = [False] * len(layers.row)
    stack = [v for v in reversed(range(layers.count)) if not layers.below[v]]
    while stack:
        vertex = stack.pop()
        if not seen[vertex]:
            seen[vertex] = True
            rows[layers.row[vertex]].append(vertex)
            stack += reversed(layers.above[vertex])
    return rows


def _note(rows: list[list[int]], place: list[int]) -> None:
    for row in rows:
        for at, vertex in enumerate(row):
            place[vertex] = at


def _sort(row: list[int], neighbours: dict[int, list[float]], place: list[int]) -> None:
    """Sort a row by the mean of its neighbours' places; those without neighbours stay where they are."""
    movable = [v for v in row if neighbours[v]]
    movable.sort(key=lambda v: sum(neighbours[v]) / len(neighbours[v]))
    following = iter(movable)
    for at, vertex in enumerate(row):
        row[at] = next(following) if neighbours[vertex] else vertex
    for at, vertex in enumerate(row):
        place[vertex] = at


def _polish(layers: Layers, rows: list[list[int]]) -> None:
    """Exchange neighbours wherever that removes crossings, until it no longer does."""
    place = [0] * len(layers.row)
    _note(rows, place)
    for _ in range(_POLISH):
        better = False
        for row in rows:
            up = [sorted(float(place[u]) for u in layers.above[v]) for v in row]
            down = [sorted(place[w] + port for w, port in layers.below[v]) for v in row]
            for at in range(len(row) - 1):
                if _gain(up[at], up[at + 1]) + _gain(down[at], down[at + 1]) > 0:
                    row[at], row[at + 1] = row[at + 1], row[at]
                    up[at], up[at + 1] = up[at + 1], up[at]
                    down[at], down[at + 1] = down[at + 1], down[at]
                    better = True
            for at, vertex in enumerate(row):
                place[vertex] = at
        if not better:
            break


def _gain(left: list[float], right: list[float]) -> int:
    """Count the crossings that an exchange removes, between links to `left` and to `right`, both sorted."""
    return sum(bisect_left(right, a) + bisect_right(right, a) - len(right) for a in left)
