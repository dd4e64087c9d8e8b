"""Layers: each vertex gets a row, and each line is cut into links that join neighbouring rows.

A vertex stands one row above the first that uses it, so that what is used once lies beside its use. A line
that crosses rows passes through *dummies*, one in each row. All long lines of one tail share one chain of
dummies, its *trunk*, and leave it where they are needed: a value that a hundred steps use is one line with a
hundred branches, not a hundred lines.

The method is that of K. Sugiyama, S. Tagawa and M. Toda, "Methods for visual understanding of hierarchical
system structures", IEEE Trans. Systems, Man and Cybernetics 11(2), 1981, with shared dummies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from pullback.core.errors import GraphError

MOST_DUMMIES: Final = 100_000
_ROUNDS: Final = 16


@final
@dataclass(frozen=True, slots=True)
class Layers:
    """A proper layered graph: `count` vertices, then the dummies; links join neighbouring rows only.

    Attributes
    ----------
    row : list of int
        The row of each vertex and dummy, 0 at the top.
    above : list of list of int
        What each is linked to in the row above, in the order of operands.
    below : list of list of (int, float)
        What each is linked to in the row below, and where the link ends there: -0.5 at its left to 0.5 at its
        right.
    trunks : list of list of int
        The dummies of each trunk, from the top down.
    paths : list of tuple of int
        For each edge, all that it passes through from where it leaves its tail's trunk (or the tail) to its
        head.
    """

    count: int
    row: list[int]
    above: list[list[int]]
    below: list[list[tuple[int, float]]]
    trunks: list[list[int]]
    paths: list[tuple[int, ...]]


def layered(count: int, edges: Sequence[tuple[int, int]]) -> Layers:
    """Put `count` vertices in rows, each edge (tail, head) leading down.

    Raises
    ------
    GraphError
        When the edges form a cycle, or cross so many rows that no picture of them could be read.
    """
    row = _shorten(_rows(count, edges), edges)
    reach = list(row)  # the last row that a line of the tail passes through
    for tail, head in edges:
        reach[tail] = max(reach[tail], row[head] - 1)
    dummies = sum(reach) - sum(row)
    if dummies > MOST_DUMMIES:
        raise GraphError(
            "draw: the lines cross too many rows",
            crossed=f"{dummies:,}",
            limit=f"{MOST_DUMMIES:,}",
            fix="draw fewer boxes",
        )
    trunks: dict[int, list[int]] = {}
    fresh = count
    for tail in range(count):
        if reach[tail] > row[tail]:
            trunks[tail] = list(range(fresh, fresh + reach[tail] - row[tail]))
            fresh += len(trunks[tail])

    row += [0] * (fresh - count)
    above: list[list[int]] = [[] for _ in range(fresh)]
    below: list[list[tuple[int, float]]] = [[] for _ in range(fresh)]
    for tail, trunk in trunks.items():
        for before, dummy in zip([tail, *trunk], trunk, strict=False):
            row[dummy] = row[before] + 1
            above[dummy].append(before)
            below[before].append((dummy, 0.0))

    operands = [0] * count
    for _, head in edges:
        operands[head] += 1
    paths: list[tuple[int, ...]] = []
    drawn: set[int] = set()
    for tail, head in edges:
        trunk = trunks.get(tail, [])[: row[head] - row[tail] - 1]
        leaves_from = trunk[-1] if trunk else tail
        port = (len(above[head]) + 0.5) / operands[head] - 0.5
        above[head].append(leaves_from)
        below[leaves_from].append((head, port))
        if trunk and row[head] == reach[tail] + 1 and tail not in drawn:
            # The first of the longest lines is drawn whole; the others begin where they leave it.
            drawn.add(tail)
            paths.append((tail, *trunk, head))
        else:
            paths.append((leaves_from, head))
    return Layers(count, row, above, below, list(trunks.values()), paths)


def _rows(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """As low as possible: the longest path to an end gives the row, counted from the bottom."""
    tails: list[list[int]] = [[] for _ in range(count)]
    uses = [0] * count
    for tail, head in edges:
        tails[head].append(tail)
        uses[tail] += 1
    height = [0] * count
    ready = [v for v in range(count) if uses[v] == 0]
    for head in ready:  # grows while we walk
        for tail in tails[head]:
            height[tail] = max(height[tail], height[head] + 1)
            uses[tail] -= 1
            if uses[tail] == 0:
                ready.append(tail)
    if len(ready) < count:
        raise GraphError("draw: the edges form a cycle", fix="draw a graph whose edges all lead from inputs to results")
    highest = max(height, default=0)
    return [highest - h for h in height]


def _shorten(row: list[int], edges: Sequence[tuple[int, int]]) -> list[int]:
    """Move whole branches up while that makes the lines shorter in sum.

    The lowest rows leave each branch hanging at its own end. Where more lines lead into a branch than out of
    it (an auxiliary result of an early value), it is better off near its beginning. A branch is what tight
    edges hold together.
    """
    for _ in range(_ROUNDS):
        branch = list(range(len(row)))
        for tail, head in edges:
            if row[head] == row[tail] + 1:
                branch[_find(branch, tail)] = _find(branch, head)
        members: dict[int, list[int]] = {}
        for vertex in range(len(row)):
            members.setdefault(_find(branch, vertex), []).append(vertex)
        loose: dict[int, list[tuple[int, int]]] = {b: [] for b in members}
        gain = dict.fromkeys(members, 0)
        for tail, head in edges:
            from_, to = _find(branch, tail), _find(branch, head)
            if from_ != to:
                loose[to].append((tail, head))
                gain[to] += 1
                gain[from_] -= 1
        moved = False
        for which, lines in loose.items():
            lift = min((row[head] - row[tail] - 1 for tail, head in lines), default=0) if gain[which] > 0 else 0
            if lift > 0:
                moved = True
                for vertex in members[which]:
                    row[vertex] -= lift
        if not moved:
            break
    top = min(row, default=0)
    return [r - top for r in row]


def _find(parent: list[int], item: int) -> int:
    """Give the representative of the set of `item`, with path halving (union-find)."""
    while parent[item] != item:
        parent[item] = item = parent[parent[item]]
    return item
