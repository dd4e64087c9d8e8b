"""A step along a line that satisfies the strong Wolfe conditions (Nocedal & Wright 2006, algorithms 3.5 and 3.6).

A bracket is widened until it holds such a step, and then made smaller. New points are minima of cubics (equation 3.59);
where the bracket hardly shrinks, a point is taken farther from its ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

ENOUGH: Final = 1e-4  # of the decrease that the slope promises
FLAT: Final = 0.9  # what is left of the slope
MOST: Final = 25  # points that are tried


class Point(NamedTuple):
    """A step along the line, with the loss there, its gradient, and the slope along the line."""

    t: float
    loss: float
    gradient: Any
    slope: float


def cubic_minimum(a: Point, b: Point, low: float | None = None, high: float | None = None) -> float:
    """Where the cubic through two points with their slopes is least, within bounds, or between the points.

    >>> cubic_minimum(Point(0.0, 1.0, None, -2.0), Point(3.0, 4.0, None, 4.0))
    1.0
    """
    low = min(a.t, b.t) if low is None else low
    high = max(a.t, b.t) if high is None else high
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1**2 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    d2 = math.sqrt(square)
    first, last = (a, b) if a.t <= b.t else (b, a)
    found = last.t - (last.t - first.t) * ((last.slope + d2 - d1) / (last.slope - first.slope + 2 * d2))
    return min(max(found, low), high)


def strong_wolfe(at: Callable[[float], Point], start: Point, t: float, reach: float, tolerance: float) -> Point:
    """The point that the search ends with.

    Parameters
    ----------
    at : callable
        Gives the point of a step.
    start : Point
        That of step 0.
    t : float
        The first step to try.
    reach : float
        The largest absolute number of the direction.
    tolerance : float
        The bracket is small enough where it is less than that of the parameters.
    """

    def falls(point: Point) -> bool:
        return point.loss <= start.loss + ENOUGH * point.t * start.slope

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -FLAT * start.slope

    before, point, tried = start, at(t), 1
    bracket: list[Point] = []
    while tried <= MOST:
        if not falls(point) or (tried > 2 and point.loss >= before.loss):
            bracket = [before, point]
            break
        if flat(point):
            return point
        if point.slope >= 0:
            bracket = [before, point]
            break
        following = cubic_minimum(before, point, point.t + 0.01 * (point.t - before.t), point.t * 10)
        before, point, tried = point, at(following), tried + 1
    if not bracket:
        bracket = [start, point]
    stuck = False
    while tried <= MOST:
        low, high = sorted(bracket, key=lambda p: p.loss)
        width = abs(high.t - low.t)
        if width * reach < tolerance:
            break
        middle = cubic_minimum(bracket[0], bracket[1])
        ends = min(p.t for p in bracket), max(p.t for p in bracket)
        margin = 0.1 * (ends[1] - ends[0])
        if min(ends[1] - middle, middle - ends[0]) < margin:  # near an end: once is allowed
            if stuck or middle >= ends[1] or middle <= ends[0]:
                middle = ends[1] - margin if abs(middle - ends[1]) < abs(middle - ends[0]) else ends[0] + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        point, tried = at(middle), tried + 1
        if not falls(point) or point.loss >= low.loss:
            bracket = [low, point]
        else:
            if flat(point):
                return point
            bracket = [point, low] if point.slope * (high.t - low.t) >= 0 else [point, high]
    return min(bracket, key=lambda p: p.loss)
