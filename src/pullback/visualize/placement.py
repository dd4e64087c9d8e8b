"""Places across the rows: straight lines where it can be, no box upon another.

Row after row, from the top down, each box wishes to stand at the weighted median of what it is made of; then,
from the bottom up, constants and variables move over their first use. Long lines weigh most; then an operand
about as deep as the deepest beside it; then constants, parameters and other shallow operands. So the main
path is straight and what feeds it stands beside it, and two equal branches meet in the middle. (More passes,
up and down, change next to nothing: the way down has the last word.) The wishes of a row are met in the
least-squares sense, keeping its order and its gaps: an isotonic regression, solved exactly by pooling
adjacent violators (R. E. Barlow et al., "Statistical inference under order restrictions", 1972). The medians
and weights follow E. R. Gansner, E. Koutsofios, S. C. North and K.-P. Vo, "A technique for drawing directed
graphs", IEEE Trans. Software Engineering 19(3), 1993.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from statistics import median

from pullback.visualize.layering import Layers

# How much links weigh; a vertex weighs as much as the cube of its heaviest link.
_SIDE, _TURN, _MAIN, _LINE = 1.0, 2.0, 8.0, 64.0
_YIELD, _STAY = 1e-3, 1e12  # what a vertex without links weighs


def settle(wishes: Sequence[float], weights: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """Give the places nearest to `wishes`, `gaps[i]` or more between those of i and i + 1.

    Minimises the sum of `weights[i] * (place[i] - wishes[i])**2`.

    >>> settle([0.0, 0.0, 10.0], [1.0, 1.0, 1.0], [4.0, 4.0])
    [-2.0, 2.0, 10.0]
    """
    offset = 0.0
    offsets = [0.0]
    for gap in gaps:
        offset += gap
        offsets.append(offset)
    pools: list[tuple[float, float, int]] = []  # weight, weighted mean, members
    for wish, weight, shift in zip(wishes, weights, offsets, strict=False):
        mean, members = wish - shift, 1
        while pools and pools[-1][1] > mean:
            heavy, centre, more = pools.pop()
            mean = (mean * weight + centre * heavy) / (weight + heavy)
            weight += heavy
            members += more
        pools.append((weight, mean, members))
    means = [mean for _, mean, members in pools for _ in range(members)]
    return [mean + shift for mean, shift in zip(means, offsets, strict=False)]


def placed(layers: Layers, rows: list[list[int]], breadth: Sequence[float], gap: float, lane: float) -> list[float]:
    """Give the centre of each vertex and dummy along its row.

    Parameters
    ----------
    breadth : sequence of float
        What each vertex takes of its row; dummies take nothing.
    gap, lane : float
        The free room between two boxes, and where one of the two is only a line.
    """
    count = layers.count
    up, down = _weighted(layers)
    gaps: list[list[float]] = []
    x = [0.0] * len(layers.row)
    for row in rows:
        halves = [breadth[v] / 2 if v < count else 0.0 for v in row]
        between = [
            halves[i] + halves[i + 1] + (gap if row[i] < count and row[i + 1] < count else lane)
            for i in range(len(row) - 1)
        ]
        gaps.append(between)
        at = -sum(between) / 2
        for v, step in zip(row, [*between, 0.0], strict=True):
            x[v] = at
            at += step

    # Down, each under what it is made of; then up, only what is made of nothing, over its use.
    begins = [[] if above else below for above, below in zip(up, down, strict=True)]
    for near, alone, order in ((up, _YIELD, range(len(rows))), (begins, _STAY, range(len(rows) - 1, -1, -1))):
        for index in order:
            row = rows[index]
            wishes = [_median([(x[u], weight) for u, weight in near[v]]) if near[v] else x[v] for v in row]
            weights = [max(weight for _, weight in near[v]) ** 3 if near[v] else alone for v in row]
            for v, place in zip(row, settle(wishes, weights, gaps[index]), strict=True):
                x[v] = place
    _straighten(layers, rows, gaps, x)
    return x


def _straighten(layers: Layers, rows: list[list[int]], gaps: list[list[float]], x: list[float]) -> None:
    """Take the bends out of long lines: as many dummies on end as have room for it get one place."""
    spot = {v: (index, at) for index, row in enumerate(rows) for at, v in enumerate(row) if v >= layers.count}

    def room(dummy: int) -> tuple[float, float]:
        index, at = spot[dummy]
        row, between = rows[index], gaps[index]
        low = x[row[at - 1]] + between[at - 1] if at > 0 else -inf
        return low, x[row[at + 1]] - between[at] if at + 1 < len(row) else inf

    def align(run: list[int], low: float, high: float) -> None:
        place = min(max(median(x[v] for v in run), low), high)
        for v in run:
            x[v] = place

    for trunk in layers.trunks:
        run: list[int] = []
        low, high = -inf, inf
        for dummy in trunk:
            least, most = room(dummy)
            if run and max(low, least) > min(high, most):
                align(run, low, high)
                run, low, high = [], -inf, inf
            run.append(dummy)
            low, high = max(low, least), min(high, most)
        align(run, low, high)


def _weighted(layers: Layers) -> tuple[list[list[tuple[int, float]]], list[list[tuple[int, float]]]]:
    """Give the links up and down of each vertex and dummy, with their weights."""
    count = layers.count
    depth = [0] * len(layers.row)  # the longest path from a source; that of a dummy is its tail's
    for v in sorted(range(len(layers.row)), key=layers.row.__getitem__):
        if layers.above[v]:
            depth[v] = max(depth[u] for u in layers.above[v]) + (v < count)
    up: list[list[tuple[int, float]]] = [[] for _ in layers.row]
    down: list[list[tuple[int, float]]] = [[] for _ in layers.row]
    for v, near in enumerate(layers.above):
        deepest = max((depth[u] for u in near), default=0)
        for u in near:
            if u >= count and v >= count:
                weight = _LINE
            elif 2 * depth[u] < deepest:
                weight = _SIDE
            else:
                weight = _MAIN if u < count and v < count else _TURN
            up[v].append((u, weight))
            down[u].append((v, weight))
    return up, down


def _median(wishes: list[tuple[float, float]]) -> float:
    """Give the weighted median; between two that share the middle, their mean."""
    if len(wishes) == 1:
        return wishes[0][0]
    wishes.sort()
    half = sum(weight for _, weight in wishes) / 2
    total = 0.0
    for index, (wish, weight) in enumerate(wishes):
        total += weight
        if total > half:
            return wish
        if total == half:
            return (wish + wishes[index + 1][0]) / 2
    return wishes[-1][0]
