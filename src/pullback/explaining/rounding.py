"""Which part of a gradient is nothing but rounding: parts that cancel leave their last digits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any, Final

import numpy as np

from pullback.core.graph import Node
from pullback.explaining.watch import Step, Walk
from pullback.ops import elementwise as ew

DIGITS: Final = 32.0  # last digits that a sum of parts which cancel may be off by


def edges(walk: Walk, path: Collection[Node]) -> Iterator[tuple[Step, int]]:
    """The steps of a walk along a path, each with an operand that lies on it, in the order of the walk."""
    on_path = set(path)
    for step in walk.steps.values():
        if step.node in on_path:
            for i in step.node.tracked:
                if step.node.inputs[i] in on_path:
                    yield step, i


def largest(value: Any) -> float:
    """The largest magnitude of the numbers, 0 of none."""
    if value is None or isinstance(value, tuple):
        return max(map(largest, value or ()), default=0.0)
    return float(np.max(np.abs(value), initial=0.0))


def _eps(value: Any) -> float:
    dtype = np.asarray(value).dtype
    return float(np.finfo(dtype).eps) if dtype.kind in "fc" else 0.0


def rounding(walk: Walk, path: Collection[Node]) -> tuple[dict[Node, float], list[tuple[Step, int]]]:
    """How far the cotangent of each node may be off, to first order, and the edges and nodes where parts cancel.

    A sum of several parts is off by the last digits of the parts; what is off upstream is off as much times the slope.
    Where all that comes out is that far off, the parts cancel there; the place of a node itself is -1.
    """
    off: dict[Node, float] = defaultdict(float)
    parts: dict[Node, list[float]] = defaultdict(list)
    cancelled: list[tuple[Step, int]] = []
    told: set[Node] = set()
    last: dict[Node, tuple[Step, int]] = {}
    totals: dict[Node, Any] = defaultdict(float)
    for step, i in edges(walk, path):
        height, eps = largest(step.cotangent), _eps(step.node.aval if not isinstance(step.node.aval, tuple) else 0.0)
        error = off[step.node] + (eps * sum(parts[step.node]) if len(parts[step.node]) > 1 else 0.0)
        if len(parts[step.node]) > 1 and any(parts[step.node]) and height <= DIGITS * error and step.node not in told:
            told.add(step.node)
            cancelled.append((step, -1))
        given, parent = step.contributions.get(i), step.node.inputs[i]
        tall = largest(given)
        own = _stretched(step, i) * eps
        if own and tall <= DIGITS * own and step.node not in told:
            cancelled.append((step, i))
        off[parent] += own + (error * tall / height if height else 0.0)
        parts[parent].append(tall)
        if parent.primitive is None and given is not None:
            last[parent], totals[parent] = (step, i), totals[parent] + given
    for node, found in parts.items():
        if len(found) > 1 and node.primitive is None:
            off[node] += _eps(node.aval) * sum(found)
            if any(found) and largest(totals[node]) <= DIGITS * _eps(node.aval) * sum(found):
                cancelled.append(last[node])
    return off, cancelled


def _stretched(step: Step, place: int) -> float:
    """What is added up over the axes that were stretched, at each element."""
    aval, cotangent = step.node.inputs[place].aval, step.cotangent
    if step.node.primitive not in (ew.add, ew.subtract) or np.size(cotangent) <= aval.size or not aval.size:
        return 0.0
    return float(np.abs(cotangent).sum()) / aval.size
